//! How much work the writer does, in steps of SQLite's machine: what is large must not make it more.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use common::{
    Clock, EventId,
    internal::{Delivered, UserRef},
};

use super::*;
use crate::{
    chat::{change::Actor, username::Username},
    config::{Database, Durability},
    store::Store,
};

/// A database, and how much there is of what must not matter.
struct Filled {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Filled {
    /// Made by a statement that has the size as `$1`.
    async fn new(size: i64, statements: &[&'static str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("test.db");
        let store = Store::open(&Database::File(file), Durability::Relaxed, Clock::default())
            .await
            .unwrap();
        for statement in statements {
            let mut connection = store.pools.writer.connection().await.unwrap();
            connection.execute(*statement, values![size]).await.unwrap();
        }
        Self { store, _folder: folder }
    }

    /// Steps that a change takes, which must be done.
    async fn steps(&self, change: Change) -> u64 {
        let writer = self.store.pools.writer.sqlite();
        let steps = Arc::<AtomicU64>::default();
        let counter = steps.clone();
        // There is one connection, which has the handler until it is taken away.
        let mut connection = writer.acquire().await.unwrap();
        connection.lock_handle().await.unwrap().set_progress_handler(1, move || {
            counter.fetch_add(1, Ordering::Relaxed);
            true
        });
        drop(connection);
        let operations = [Operation::Change(Box::new(change))];
        let committed = self.store.commit(&operations).await.unwrap();
        let mut connection = writer.acquire().await.unwrap();
        connection.lock_handle().await.unwrap().remove_progress_handler();
        assert!(committed.outcomes[0].is_ok(), "{:?}", committed.outcomes);
        steps.load(Ordering::Relaxed)
    }
}

/// Changes take about the same work however much there is.
async fn compare(statements: &[&'static str], changes: &[Change]) {
    let (small, large) = (Filled::new(50, statements).await, Filled::new(5_000, statements).await);
    for change in changes {
        let (few, many) = (small.steps(change.clone()).await, large.steps(change.clone()).await);
        assert!(many < 2 * few, "{few} steps became {many}: {change:?}");
    }
}

fn actor(name: &str) -> Actor {
    Actor { user: Some(UserRef { name: name.to_owned(), key: name.to_owned() }), admin: false }
}

const USERS: &str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < $1) \
    insert into users (key, name, display_name, kind, created_at) \
    select 'u' || i, 'u' || i, 'u' || i, 'guest', 0 from n";

/// Each has been there longer than the one before; the first is the owner.
const ROOM: &str = "insert into conversations (id, kind, name) values ('room', 'room', 'Room')";
const MEMBERS: &str = "insert into members (conversation_id, user_key, role, joined_at, \
    joined_seq, read_seq, delivered_seq) \
    select 'room', key, case key when 'u1' then 'owner' else 'member' end, \
    1000000 - substr(key, 2), 0, 0, 0 from users where $1 > 0";

#[tokio::test]
async fn coming_and_going_costs_the_same_however_many_are_in_a_room() {
    let user = |name| Username::parse(name).unwrap();
    let put = |by, role| Change::PutMember {
        actor: actor(by),
        conversation_id: "room".to_owned(),
        user: user(by),
        role,
        invites_guests: true,
    };
    let leave = |name| Change::RemoveMember {
        actor: actor(name),
        conversation_id: "room".to_owned(),
        user: user(name),
    };
    let rename = Change::UpdateConversation {
        actor: actor("u1"),
        id: "room".to_owned(),
        name: Some("New".to_owned()),
        history: None,
    };
    let changes = [
        put("new", None),
        leave("new"),
        leave("u2"),
        rename,
        // The owner steps down, and the next one leaves.
        put("u1", Some(crate::chat::member::Role::Member)),
        leave("u1"),
    ];
    compare(&[USERS, ROOM, MEMBERS], &changes).await;
}

const PAIR: &str = "insert into users (key, name, display_name, kind, created_at) \
    select value, value, value, 'guest', $1 from json_each('[\"al\",\"bo\"]')";
const DIRECT: &str = "insert into conversations (id, kind, last_seq) \
    values ('dm:al:bo', 'direct', $1)";
const BOTH: &str = "insert into members (conversation_id, user_key, joined_at, joined_seq, \
    read_seq, delivered_seq) select 'dm:al:bo', key, 0, 0, 0, 0 from users where $1 > 0";
const MESSAGES: &str = "with recursive n(i) as \
    (select 1 union all select i + 1 from n where i < $1) \
    insert into messages (id, conversation_id, seq, sender, sender_key, content, edited_at) \
    select i, 'dm:al:bo', i, 'al', 'al', 'x', i from n";

#[tokio::test]
async fn noting_what_was_delivered_costs_the_same_however_much_came_since() {
    let up_to = EventId::from_micros(3).unwrap();
    let deliver = Change::Deliver(vec![Delivered { user: "bo".to_owned(), up_to, direct: false }]);
    compare(&[PAIR, DIRECT, BOTH, MESSAGES], &[deliver]).await;
}

const EDITS: &str = "with recursive n(i) as \
    (select 1 union all select i + 1 from n where i < $1) \
    insert into events (id, type, audience, data) \
    select i + 10000, 'message_updated', '{\"users\":[]}', \
    json_object('message', json_object('id', 'another ' || i)) from n";

#[tokio::test]
async fn deleting_an_edited_message_costs_the_same_however_much_came_since() {
    let message_id = EventId::from_micros(3).unwrap();
    let delete = Change::Delete { actor: actor("al"), message_id };
    compare(&[PAIR, DIRECT, BOTH, MESSAGES, EDITS], &[delete]).await;
}

const REACTIONS: &str = "with recursive n(i) as \
    (select 1 union all select i + 1 from n where i < $1) \
    insert into reactions (message_id, emoji, user_key, user, created_at) \
    select 3, '👍', 'u' || i, 'u' || i, 10000 - i from n";

#[tokio::test]
async fn reacting_costs_the_same_however_many_have() {
    let react = |take_back| Change::React {
        user: UserRef { name: "bo".to_owned(), key: "bo".to_owned() },
        message_id: EventId::from_micros(3).unwrap(),
        emoji: "👍".to_owned(),
        take_back,
    };
    let changes = [react(false), react(true)];
    compare(&[PAIR, DIRECT, BOTH, MESSAGES, REACTIONS], &changes).await;
}

#[tokio::test]
async fn an_edit_that_mentions_a_thousand_costs_like_one_that_mentions_fifty() {
    let public = "insert into messages (id, conversation_id, seq, sender, sender_key, content) \
        values (1, 'public', $1, 'al', 'al', 'x')";
    let room = Filled::new(100, &[public]).await;
    let edit = |places: usize| Change::Edit {
        actor: actor("al"),
        message_id: EventId::from_micros(1).unwrap(),
        content: (0..places).map(|n| format!("@u{n}\n")).collect(),
    };
    let (few, many) = (room.steps(edit(50)).await, room.steps(edit(1_000)).await);
    assert!(many < 2 * few, "{few} steps became {many}");
}
