//! Clients that stop reading in the middle of a frame until the ring no longer has the rest of it.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use bytes::Bytes;
use common::{Audience, EventId, event::SessionEnded, internal::UserRef};
use realtime_ntfn::{
    config::FrameLimits,
    event::{
        frame::Frame,
        ring::Entry,
        scope::{Scope, Session},
        wire::Wire,
    },
    hub::Follower,
    ws::Talk,
};
use socket2::SockRef;

use crate::stage::{PATIENCE, Part, Stage};

const RING: usize = 8;

/// Shards in which each of two clients has some bytes of a large frame, and nothing else.
fn overtaken(wire: Wire) -> (Stage, Vec<TcpStream>) {
    let stage = Stage::with_ring(RING);
    let session = Session {
        user: UserRef { name: "alice".to_owned(), key: "alice".to_owned() },
        authenticated: true,
        expires_at: None,
        epoch: 0,
        acknowledges: false,
    };
    let scope = Scope::new(["quiet".to_owned()], Some(session));
    // One for each shard, and likewise the witnesses.
    let clients: Vec<_> = (0..2)
        .map(|_| {
            let talk =
                (wire == Wire::Ws).then(|| Talk { limits: FrameLimits::default(), desk: None });
            let part = Part { scope: scope.clone(), wire, talk, ..Part::default() };
            let (mut client, _) = stage.play(part);
            SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
            client.read_exact(&mut [0; 5]).unwrap();
            client
        })
        .collect();
    let mut witnesses: Vec<_> = (0..2).map(|_| stage.connect(b"passing")).collect();
    let large = Bytes::from("x".repeat(32 << 20));
    let quiet = Audience::Room("quiet".to_owned());
    stage.publish_entry(Entry::new(EventId::from_micros(1), quiet, Frame::new(&large), large));
    for mut client in &clients {
        client.read_exact(&mut [0; 1_000]).unwrap();
    }
    for number in 2..3 + RING as u64 {
        for witness in &mut witnesses {
            witness.read_exact(&mut [0; b"passing".len()]).unwrap();
        }
        stage.publish(number, Bytes::from_static(b"passing"));
    }
    for mut witness in witnesses {
        witness.read_exact(&mut [0; b"passing".len()]).unwrap();
    }
    (stage, clients)
}

/// What the clients get from now on, to the end of their streams: the large frame and no more.
fn assert_nothing_is_spliced(stage: &Stage, clients: Vec<TcpStream>) {
    for mut client in clients {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut read = Vec::new();
        // It may end with a reset: not all of what was sent has been read.
        client.read_to_end(&mut read).ok();
        assert!(read.iter().all(|byte| *byte == b'x'), "something else is within the frame");
    }
    stage.wait_empty();
    assert!(!stage.shards.has_failed());
}

#[test]
fn a_reply_to_who_was_overtaken_within_a_frame_ends_the_stream_and_not_the_shard() {
    let (stage, clients) = overtaken(Wire::Ws);
    for mut client in &clients {
        // Sent back at once: this is an echo.
        client.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    }
    assert_nothing_is_spliced(&stage, clients);
}

#[test]
fn the_end_of_a_session_that_was_overtaken_within_a_frame_is_no_part_of_that() {
    for wire in [Wire::Sse, Wire::Ws] {
        let (stage, clients) = overtaken(wire);
        let reason = "signed_out".to_owned();
        stage.shards.end_sessions(&SessionEnded { user: "alice".to_owned(), epoch: 9, reason });
        assert_nothing_is_spliced(&stage, clients);
    }
}

#[test]
fn a_reset_for_who_was_overtaken_within_a_frame_is_no_part_of_that() {
    for wire in [Wire::Sse, Wire::Ws] {
        let (stage, clients) = overtaken(wire);
        stage.shards.restart(EventId::from_micros(500).unwrap());
        assert_nothing_is_spliced(&stage, clients);
    }
}

#[test]
fn who_was_overtaken_and_takes_nothing_is_closed_without_more_ado() {
    let (stage, clients) = overtaken(Wire::Sse);
    // Reading would make room, and show the shard that it is too late.
    stage.wait_empty();
    drop(clients);
    assert!(!stage.shards.has_failed());
}
