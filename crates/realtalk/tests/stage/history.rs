//! The one history that must hold, whatever happens: acknowledged ⊆ stored ⊆ delivered, ordered
//! by id, without a gap in `seq`, without a duplicate.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

/// A message as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) user: String,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) client_msg_id: Option<String>,
}

/// What one subscriber got, in the order in which it got it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) name: String,
    /// The `seq` after which it began to listen.
    pub(crate) since: u64,
    pub(crate) messages: Vec<Message>,
}

/// Says what is wrong with a history, if anything is.
///
/// `stored` is the whole conversation as it is listed in the end, when every subscriber has had
/// the time to catch up.
pub(crate) fn check(
    acknowledged: &[Message],
    stored: &[Message],
    seen: &[Seen],
) -> Result<(), String> {
    check_stored(stored)?;
    let by_id: HashMap<_, _> = stored.iter().map(|message| (&message.id, message)).collect();
    for ack in acknowledged {
        match by_id.get(&ack.id) {
            None => return Err(format!("acknowledged, but lost: {ack:?}")),
            Some(message) if *message != ack => {
                return Err(format!("acknowledged as {ack:?}, stored as {message:?}"));
            }
            Some(_) => {}
        }
    }
    seen.iter().try_for_each(|seen| check_seen(seen, stored))
}

fn check_stored(stored: &[Message]) -> Result<(), String> {
    let mut keys = HashSet::new();
    for (expected, message) in (1..).zip(stored) {
        if message.seq != expected {
            return Err(format!("stored: seq {expected} is missing before {message:?}"));
        }
        if let Some(key) = &message.client_msg_id
            && !keys.insert((&message.user, key))
        {
            return Err(format!("stored twice under one key: {message:?}"));
        }
    }
    match stored.windows(2).find(|pair| pair[0].id >= pair[1].id) {
        Some(pair) => Err(format!("stored: ids do not grow: {pair:?}")),
        None => Ok(()),
    }
}

fn check_seen(seen: &Seen, stored: &[Message]) -> Result<(), String> {
    let name = &seen.name;
    for pair in seen.messages.windows(2) {
        if pair[0].id == pair[1].id {
            return Err(format!("{name} got a duplicate: {:?}", pair[1]));
        }
        if pair[0].id > pair[1].id {
            return Err(format!("{name} got {:?} after {:?}", pair[1], pair[0]));
        }
    }
    let since = usize::try_from(seen.since).unwrap_or(usize::MAX);
    let expected = stored.get(since..).unwrap_or_default();
    for (at, message) in expected.iter().enumerate() {
        match seen.messages.get(at) {
            Some(got) if got == message => {}
            got => return Err(format!("{name} has a gap: {message:?}, but got {got:?}")),
        }
    }
    match seen.messages.get(expected.len()) {
        Some(surplus) => Err(format!("{name} got what is not stored: {surplus:?}")),
        None => Ok(()),
    }
}

mod tests {
    use super::*;

    fn message(seq: u64) -> Message {
        Message {
            id: format!("20240101120000.{seq:06}"),
            seq,
            user: "alice".to_owned(),
            content: format!("message {seq}"),
            client_msg_id: Some(format!("key-{seq}")),
        }
    }

    fn messages(seqs: impl IntoIterator<Item = u64>) -> Vec<Message> {
        seqs.into_iter().map(message).collect()
    }

    fn seen(since: u64, seqs: impl IntoIterator<Item = u64>) -> [Seen; 1] {
        [Seen { name: "bob".to_owned(), since, messages: messages(seqs) }]
    }

    #[track_caller]
    fn refused(result: Result<(), String>, why: &str) {
        let error = result.unwrap_err();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_whole_history_is_accepted() {
        let stored = messages(1..=9);
        assert_eq!(check(&messages([2, 7, 2]), &stored, &seen(0, 1..=9)), Ok(()));
        assert_eq!(check(&[], &stored, &seen(4, 5..=9)), Ok(()));
        assert_eq!(check(&[], &[], &seen(0, [])), Ok(()));
    }

    #[test]
    fn a_lost_acknowledgement_is_found() {
        let stored = messages(1..=3);
        refused(check(&messages([4]), &stored, &[]), "lost");
        let mut altered = messages([2]);
        altered[0].content.push('!');
        refused(check(&altered, &stored, &[]), "stored as");
    }

    #[test]
    fn a_fault_in_what_is_stored_is_found() {
        refused(check(&[], &messages([1, 3]), &[]), "seq 2 is missing");
        let mut swapped = messages(1..=3);
        (swapped[0].id, swapped[1].id) = (swapped[1].id.clone(), swapped[0].id.clone());
        refused(check(&[], &swapped, &[]), "do not grow");
        let mut twice = messages(1..=3);
        twice[2].client_msg_id = twice[0].client_msg_id.clone();
        refused(check(&[], &twice, &[]), "twice");
    }

    #[test]
    fn a_fault_in_what_is_delivered_is_found() {
        let stored = messages(1..=4);
        let delivered = |seqs: &[u64]| check(&[], &stored, &seen(0, seqs.iter().copied()));
        refused(delivered(&[1, 2, 4]), "gap");
        refused(delivered(&[1, 2, 3]), "gap");
        refused(delivered(&[2, 3, 4]), "gap");
        refused(delivered(&[1, 2, 2, 3, 4]), "duplicate");
        refused(delivered(&[1, 3, 2, 4]), "after");
        refused(delivered(&[1, 2, 3, 4, 5]), "not stored");
    }
}
