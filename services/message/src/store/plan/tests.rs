//! How posts become rows.

use std::{cell::OnceCell, collections::BTreeMap};

use common::{Audience, Clock};

use super::*;
use crate::chat::post::Sender;

fn post(user: &str, content: &str, key: Option<&str>) -> Post {
    Post {
        sender: Sender { name: Username::parse(user).unwrap(), claim: Claim::Said },
        target: Target::Conversation("public".to_owned()),
        content: content.to_owned(),
        reply_to: None,
        client_msg_id: key.map(str::to_owned),
        origin: None,
    }
}

fn now() -> Moment {
    Clock::default().now()
}

fn direct(user: &str, recipient: &str) -> Post {
    let recipient = Username::parse(recipient).unwrap();
    Post {
        target: Target::Direct { recipient, invites_guests: true },
        ..post(user, "psst @bo", None)
    }
}

fn known(last_seq: u64) -> Known {
    let place = |kind, last_seq, members| PostPlace {
        kind,
        history: History::Joined,
        last_seq,
        members,
        audience: OnceCell::new(),
    };
    let pair = [("al", "Al", 0), ("bo", "Bo", 5)].map(|(key, name, joined_seq)| {
        let membership = Membership { role: Role::Member, joined_seq };
        (key.to_owned(), PostMember { name: name.to_owned(), membership })
    });
    let places = [
        ("public", place(ConversationKind::Room, last_seq, BTreeMap::new())),
        ("dm:al:bo", place(ConversationKind::Direct, 0, pair.clone().into())),
        ("g-1", place(ConversationKind::Group, 9, pair.into())),
    ];
    let places = places.map(|(id, place)| (id.to_owned(), place));
    Known { places: places.into(), ..Known::default() }
}

fn plan(posts: &[Post], known: Known, journal: &mut Journal) -> Plan {
    let posts: Vec<_> = posts.iter().collect();
    Plan::new(&posts, known, journal).unwrap()
}

#[test]
fn ids_and_seqs_follow_the_order_of_the_posts() {
    let after = EventId::from_micros(now().micros() + 60_000_000).unwrap();
    let posts = [post("a", "1", None), post("b", "2", None), post("a", "3", None)];
    let mut journal = Journal::new(after, now());
    let plan = plan(&posts, known(41), &mut journal);
    let ids: Vec<_> = journal.events.iter().map(|event| event.id).collect();
    // The clock is behind `after`: each id is one more than the last.
    assert_eq!(ids, [after.next(), after.next().next(), after.next().next().next()]);
    let made: Vec<_> = plan.messages.iter().map(|new| new.message.seq).collect();
    assert_eq!(made, [42, 43, 44]);
    assert_eq!((journal.end(), plan.moved["public"]), (ids[2], (44, ids[2])));
}

#[test]
fn a_key_posts_once_even_within_a_batch() {
    let posts = [
        post("al", "x", Some("k")),
        post("AL", "x", Some("k")),
        post("al", "y", Some("k")),
        post("bo", "x", Some("k")),
    ];
    let plan = plan(&posts, known(0), &mut Journal::new(EventId::ZERO, now()));
    let first = plan.messages[0].message.clone();
    assert_eq!(plan.messages.len(), 2);
    assert_eq!(plan.outcomes[1], Ok(Answer::Repeated(first)));
    assert_eq!(plan.outcomes[2], Err(Refusal::KeyReused));
    assert_eq!(plan.moved["public"].0, 2);
}

#[test]
fn a_conversation_that_is_not_there_or_not_theirs_gets_nothing() {
    let mut lost = post("a", "x", None);
    lost.target = Target::Conversation("nowhere".to_owned());
    let mut foreign = post("carol", "x", None);
    foreign.target = Target::Conversation("dm:al:bo".to_owned());
    let mut journal = Journal::new(EventId::ZERO, now());
    let plan = plan(&[lost, foreign], known(0), &mut journal);
    assert_eq!(plan.outcomes, [Err(Refusal::NoConversation), Err(Refusal::NoConversation)]);
    assert_eq!((journal.end(), journal.events.len()), (EventId::ZERO, 0));
}

#[test]
fn a_private_message_is_for_its_two_and_names_the_other() {
    let mut journal = Journal::new(EventId::ZERO, now());
    let plan = plan(&[direct("AL", "bo")], known(0), &mut journal);
    let new = &plan.messages[0];
    assert_eq!(new.message.recipient.as_deref(), Some("Bo"));
    assert_eq!(
        (new.mentioned.clone(), new.message.mentions.clone()),
        (vec!["bo".to_owned()], vec!["Bo".to_owned()])
    );
    let pair = vec!["al".to_owned(), "bo".to_owned()];
    assert_eq!(*journal.events[0].audience, Audience::Users(pair));
}

#[test]
fn a_protected_name_needs_a_credential() {
    let mut known = known(0);
    known.users.insert("al".to_owned(), ("Al".to_owned(), true));
    let mut shown = post("al", "x", None);
    shown.sender.claim = Claim::Shown;
    let plan =
        plan(&[post("AL", "x", None), shown], known, &mut Journal::new(EventId::ZERO, now()));
    assert_eq!(plan.outcomes[0], Err(Refusal::NameProtected));
    assert_eq!(plan.messages[0].message.user, "Al");
}

#[test]
fn a_reply_answers_a_message_of_the_same_conversation() {
    let mut known = known(0);
    let there = EventId::from_micros(7).unwrap();
    known.replies.insert(there, ("public".to_owned(), 1));
    let reply = |id, target: &str| Post {
        reply_to: Some(id),
        target: Target::Conversation(target.to_owned()),
        ..post("al", "x", None)
    };
    let posts = [reply(there, "public"), reply(there, "dm:al:bo"), reply(there.next(), "public")];
    let plan = plan(&posts, known, &mut Journal::new(EventId::ZERO, now()));
    let refused: Vec<_> = plan.outcomes.iter().map(|outcome| outcome.clone().err()).collect();
    assert_eq!(refused, [None, Some(Refusal::NoReply), Some(Refusal::NoReply)]);
}

#[test]
fn a_reply_to_what_one_may_not_read_is_one_to_nothing() {
    let mut known = known(0);
    let at = |micros| EventId::from_micros(micros).unwrap();
    known.replies.insert(at(5), ("g-1".to_owned(), 5));
    known.replies.insert(at(6), ("g-1".to_owned(), 6));
    let reply = |user, id| Post {
        reply_to: Some(id),
        target: Target::Conversation("g-1".to_owned()),
        ..post(user, "x", None)
    };
    let posts = [reply("al", at(5)), reply("bo", at(5)), reply("bo", at(7)), reply("bo", at(6))];
    let plan = plan(&posts, known, &mut Journal::new(EventId::ZERO, now()));
    let refused: Vec<_> = plan.outcomes.iter().map(|outcome| outcome.clone().err()).collect();
    assert_eq!(refused, [None, Some(Refusal::NoReply), Some(Refusal::NoReply), None]);
}

#[test]
fn whom_an_accepted_post_names_first_is_made_and_nobody_else() {
    let mut known = known(0);
    known.users.insert("dora".to_owned(), ("Dora".to_owned(), false));
    let lost = Post { reply_to: Some(EventId::ZERO.next()), ..direct("newgal", "newguy") };
    let uninvited =
        Target::Direct { recipient: Username::parse("newguy").unwrap(), invites_guests: false };
    let posts = [
        lost,
        Post { target: uninvited, ..post("newgal", "x", None) },
        Post { target: Target::Conversation("g-1".to_owned()), ..post("ghost", "x", None) },
        direct("Cy", "dora"),
        direct("DORA", "cy"),
        post("CY", "x", None),
    ];
    let mut journal = Journal::new(EventId::ZERO, now());
    let plan = plan(&posts, known, &mut journal);
    let refused: Vec<_> = plan.outcomes.iter().map(|outcome| outcome.clone().err()).collect();
    let (reply, user, place) = (Refusal::NoReply, Refusal::NoUser, Refusal::NoConversation);
    assert_eq!(refused, [Some(reply), Some(user), Some(place), None, None, None]);
    let guests: Vec<_> = plan.guests.iter().map(|guest| guest.name.as_str()).collect();
    let directs: Vec<_> = plan.directs.iter().map(|place| place.id.as_str()).collect();
    assert_eq!((guests, directs), (vec!["Cy"], vec!["dm:cy:dora"]));
    // Its two learn of a conversation before they hear what is said there.
    let kinds: Vec<_> = journal.events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["conversation", "message", "message", "message"]);
    assert!(journal.events.is_sorted_by(|one, next| one.id < next.id));
    assert!(plan.guests[0].at <= plan.messages[0].message.id.moment());
    let said = plan.messages.iter().map(|new| (&*new.message.user, new.message.seq));
    assert_eq!(said.collect::<Vec<_>>(), [("Cy", 1), ("Dora", 2), ("Cy", 1)]);
}
