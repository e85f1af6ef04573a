//! A copy of the database is put back, and what was said since is lost.

use crate::{
    database::copy,
    history::Message,
    process::Pair,
    stream::{Follow, Subscriber},
    wire::{Block, Dial},
};

/// What a stream with this cursor begins with.
async fn beginning(port: u16, cursor: &str) -> Block {
    let mut wire = Dial::after(port, cursor).granted().await;
    let ready = wire.find(|block| block.is("ready")).await;
    if ready.json()["resumed"] == true { ready } else { wire.find(|block| block.is("reset")).await }
}

/// Posts what stays, takes a copy, posts what will be lost, and puts the copy back when whoever watches has it;
/// the message service is down then. Returns what was kept, and what was lost.
async fn lose(pair: &mut Pair, watching: Option<&Subscriber>) -> (Vec<Message>, Vec<Message>) {
    let board = pair.board();
    let copied = tempfile::tempdir().unwrap();
    let data = pair.data();
    let kept = board.post_many("kept", 5, 1).await;
    pair.message.kill();
    copy(&data, copied.path());
    pair.message.spawn();
    pair.wait_ready().await;
    let lost = board.post_many("lost", 5, 1).await;
    if let Some(watching) = watching {
        watching.wait("has what will be lost", |state| state.messages.len() == 10).await;
    }
    pair.message.kill();
    copy(copied.path(), &data);
    (kept, lost)
}

/// What was kept goes on, what was lost begins anew, on streams and by REST.
async fn check(pair: &Pair, kept: &[Message], lost: &[Message]) {
    let board = pair.board();
    let after = board.post("alice", "after", "after").await;
    assert_eq!(after.seq, 6);
    let port = pair.notification.port();
    for Message { id, .. } in kept {
        assert!(beginning(port, id).await.is("ready"), "{id} was kept");
        let (status, page) = pair.message.get(&format!("/sync?after={id}")).await.unwrap();
        assert_eq!(status, 200, "{page}");
    }
    for Message { id, .. } in lost {
        let reset = beginning(port, id).await;
        assert_eq!(reset.json()["reason"], "unknown", "{id} was lost");
        let (status, problem) = pair.message.get(&format!("/sync?after={id}")).await.unwrap();
        assert!(status == 410 && problem.contains("cursor_unknown"), "{id}: {status} {problem}");
    }
}

#[tokio::test]
async fn cursors_of_a_history_that_was_lost_are_reset() {
    for settings in [&[][..], &[("RING_EVENTS", "1")]] {
        let mut pair = Pair::start(settings).await;
        let (kept, lost) = lose(&mut pair, None).await;
        pair.notification.kill();
        pair.notification.spawn();
        pair.message.spawn();
        pair.wait_ready().await;
        check(&pair, &kept, &lost).await;
    }
}

#[tokio::test]
async fn a_notification_service_that_remembers_a_lost_history_forgets_it() {
    let mut pair = Pair::start(&[]).await;
    let board = pair.board();
    let watching = Follow::live("watching", pair.notification.port(), &board).start().await;
    let (kept, lost) = lose(&mut pair, Some(&watching)).await;
    pair.message.spawn();
    pair.message.wait_ready().await;
    check(&pair, &kept, &lost).await;
    watching.wait("is told", |state| !state.resets.is_empty()).await;
}
