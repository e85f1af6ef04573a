//! What the writer does to the database, in one transaction a batch.
//!
//! Runs of posts are stored together, by a few statements whatever their number; everything else
//! is rare, and done one by one between them, in the order in which it was asked for. A change is
//! decided before it writes anything, so a refused one leaves nothing behind.

mod card;
mod conversation;
mod marker;
mod member;
mod membership;
mod message;
mod posts;
mod session;
mod user;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::{Batch, Clock, Event, EventId};
use serde::Serialize;

use crate::{
    chat::{
        change::{Change, Operation, Outcome},
        post::Post,
        username::Username,
    },
    store::{
        Committed, StoreError, audiences,
        database::{Connection, Sql, either, id, micros, values},
        journal::Journal,
    },
};

/// What a change came to, unless the database failed.
type Changed = Result<Outcome, StoreError>;

/// An event as `json_each` hands it to the insert.
#[derive(Serialize)]
struct InsertEvent<'a>(u64, &'a str, String, &'a str);

/// The last id of the log, which nobody else moves until the transaction has ended.
pub(super) const HEAD: Sql =
    either("select last_id from log", "select last_id from log for update");

/// What this process knows of the log from before: ids are not to be handed out again.
#[derive(Default)]
pub(super) struct Past {
    /// Whether it has handed out an id.
    has_begun: AtomicBool,
    /// How far the log has been seen to go. Where it goes less far now, it has lost what a standby that has
    /// taken over had not got.
    seen: AtomicU64,
}

impl Past {
    /// It goes at least as far as this.
    pub(super) fn note(&self, head: EventId) {
        self.seen.fetch_max(head.micros(), Ordering::Relaxed);
    }

    fn seen(&self) -> EventId {
        EventId::from_micros(self.seen.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

/// Carries out a batch in one transaction: what is next when it is this one's turn.
pub(super) async fn commit<'a>(
    connection: &mut Connection<'_>,
    next: impl FnOnce() -> &'a [Operation],
    clock: &Clock,
    past: &Past,
) -> Result<Committed, StoreError> {
    let mut tx = connection.begin().await?;
    let (last_id,): (i64,) = tx.one(HEAD, values![]).await?;
    let operations = next();
    let mut journal = Journal::new(id(last_id), clock.now());
    if !past.has_begun.load(Ordering::Relaxed) || id(last_id) < past.seen() {
        journal.begin();
    }
    let mut outcomes = Vec::with_capacity(operations.len());
    for run in operations.chunk_by(go_together) {
        if let Some(posts) = run.iter().map(post).collect::<Option<Vec<_>>>() {
            outcomes.extend(posts::store(&mut tx, &mut journal, &posts).await?);
        } else if let Some(guests) = run.iter().map(guest).collect::<Option<Vec<_>>>() {
            outcomes.extend(user::welcome(&mut tx, &journal, &guests).await?);
        } else if let [Operation::Change(change)] = run {
            outcomes.push(apply(&mut tx, &mut journal, change).await?);
        }
    }
    let sets = audiences::refer(&mut journal.events);
    if !journal.events.is_empty() {
        audiences::store(&mut tx, &sets, journal.end()).await?;
        append_events(&mut tx, &journal.events).await?;
        tx.execute("update log set last_id = $1", values![micros(journal.end())]).await?;
    }
    tx.commit().await?;
    past.has_begun.fetch_or(!journal.events.is_empty(), Ordering::Relaxed);
    past.note(journal.end());
    let (log, receipts) = journal.into_parts();
    let log = Batch { sets, ..log };
    Ok(Committed { outcomes, log, receipts })
}

/// Whether two operations that follow each other are carried out by the same statements.
fn go_together(one: &Operation, next: &Operation) -> bool {
    post(one).is_some() && post(next).is_some() || guest(one).is_some() && guest(next).is_some()
}

fn post(operation: &Operation) -> Option<&Post> {
    match operation {
        Operation::Post(post) => Some(post),
        Operation::Change(_) => None,
    }
}

/// Somebody who comes by name only.
fn guest(operation: &Operation) -> Option<&Username> {
    let Operation::Change(change) = operation else {
        return None;
    };
    match &**change {
        Change::Welcome { name, vouched: false } => Some(name),
        _ => None,
    }
}

async fn apply(tx: &mut Connection<'_>, journal: &mut Journal, change: &Change) -> Changed {
    match change {
        Change::CreateConversation { .. } => conversation::create(tx, journal, change).await,
        Change::ResolveDirect { user, other, invites_guests } => {
            conversation::resolve(tx, journal, user, other, *invites_guests).await
        }
        Change::UpdateConversation { actor, id, name, history } => {
            conversation::update(tx, journal, actor, id, name.as_deref(), *history).await
        }
        Change::PutMember { actor, conversation_id, user, role, invites_guests } => {
            let wanted = member::Wanted { user, role: *role, invites_guests: *invites_guests };
            member::put(tx, journal, actor, conversation_id, wanted).await
        }
        Change::RemoveMember { actor, conversation_id, user } => {
            member::remove(tx, journal, actor, conversation_id, user).await
        }
        Change::Edit { actor, message_id, content } => {
            message::edit(tx, journal, actor, *message_id, content).await
        }
        Change::Delete { actor, message_id } => {
            message::delete(tx, journal, actor, *message_id).await
        }
        Change::React { user, message_id, emoji, take_back } => {
            message::react(tx, journal, user, *message_id, emoji, *take_back).await
        }
        Change::Mark { user, mark } => marker::mark(tx, journal, user, mark).await,
        Change::MarkAll { user, marks } => marker::mark_all(tx, journal, user, marks).await,
        Change::Deliver(delivered) => marker::deliver(tx, journal, delivered).await,
        Change::Register { name, display_name, password_hash, takes_over_guest } => {
            let password_hash = password_hash.as_deref();
            user::register(tx, journal, name, display_name, password_hash, *takes_over_guest).await
        }
        // Those who come by name only have come together.
        Change::Welcome { name, .. } => user::vouch(tx, journal, name).await,
        Change::UpdateProfile { .. } => user::update_profile(tx, journal, change).await,
        Change::UpdateAccount { user, admin, deactivated } => {
            user::update_account(tx, journal, user, *admin, *deactivated).await
        }
        Change::EndSessions { user } => user::end_sessions(tx, journal, &user.key).await,
    }
}

async fn append_events(tx: &mut Connection<'_>, events: &[Event]) -> Result<(), StoreError> {
    let rows = events
        .iter()
        .map(|event| {
            let audience = serde_json::to_string(&event.audience)?;
            Ok(InsertEvent(event.id.micros(), &event.kind, audience, event.data.get()))
        })
        .collect::<Result<Vec<_>, serde_json::Error>>()?;
    tx.execute(
        "insert into events (id, type, audience, data) select cast(value ->> 0 as \
         bigint), value ->> 1, value ->> 2, value ->> 3 from json_each($1)",
        values![&serde_json::to_string(&rows)?],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
