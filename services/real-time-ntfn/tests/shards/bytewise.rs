//! Clients that read a byte at a time: they never see a part of a frame, whatever passes meanwhile.

use std::{io::Read, net::TcpStream, thread};

use bytes::Bytes;
use common::{Audience, Event, EventId, event::PUBLIC_ROOM};
use realtime_ntfn::{
    config::Backlog,
    event::{
        frame::{Frame, Framing, ws},
        ring::Entry,
        wire::Wire,
    },
};
use serde_json::{Value, json, value::to_raw_value};
use socket2::SockRef;

use crate::stage::{Part, Stage};

const EVENTS: u64 = 2_000;

/// Frames of many sizes, so that writes end everywhere in them.
fn frame(number: u64) -> Bytes {
    let text = "x".repeat((number * 7_919 % 211) as usize);
    Bytes::from(format!("id: {number}\ndata: {text}\n\n"))
}

fn everything(wire: Wire, framing: Framing) -> Vec<u8> {
    let frames = (1..=EVENTS).flat_map(|number| match wire {
        Wire::Ws => ws::text(&frame(number)),
        _ => Frame::new(&frame(number)).share(framing),
    });
    b"hello".iter().copied().chain(frames).collect()
}

/// Reads single bytes from a small buffer until `expected` bytes are there or the stream ends.
fn read_bytewise(mut client: TcpStream, expected: usize) -> Vec<u8> {
    let mut read = Vec::new();
    let mut byte = [0];
    while read.len() < expected && client.read(&mut byte).is_ok_and(|count| count == 1) {
        read.push(byte[0]);
    }
    read
}

#[test]
fn a_patient_reader_gets_every_byte_in_order() {
    let stage = Stage::new(Backlog { events: 100_000, bytes: 1 << 30 });
    let kinds =
        [(Wire::Sse, Framing::Bare), (Wire::Sse, Framing::Chunked), (Wire::Ws, Framing::Bare)];
    // One of each for each shard.
    let readers: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| [kind, kind])
        .map(|(wire, framing)| {
            let (client, _) = stage.play(Part { wire, framing, ..Part::default() });
            SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
            let expected = everything(wire, framing);
            thread::spawn(move || read_bytewise(client, expected.len()) == expected)
        })
        .collect();
    (1..=EVENTS).for_each(|number| stage.publish(number, frame(number)));
    for reader in readers {
        assert!(reader.join().unwrap(), "a stream is not what was published");
    }
}

#[test]
fn a_reader_that_is_closed_for_being_slow_has_a_true_beginning() {
    let stage = Stage::new(Backlog { events: 50, bytes: 1 << 30 });
    let mut client = stage.connect(b"hello");
    SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
    let large = |number: u64| Bytes::from(format!("id: {number}\ndata: {}\n\n", "x".repeat(8_000)));
    // Far more than the buffers of the system hold.
    (1..=EVENTS).for_each(|number| stage.publish(number, large(number)));
    // Nothing is read until the shard has given up.
    stage.wait_empty();
    let mut read = Vec::new();
    client.read_to_end(&mut read).ok();
    let mut expected = b"hello".to_vec();
    expected.extend((1..=EVENTS).flat_map(large));
    assert!(read.len() < expected.len() && expected.starts_with(&read));
}

#[test]
fn a_message_that_is_deleted_while_it_is_replayed_ends_as_it_began() {
    let event = |number: u64, kind: &str, data: &Value| Event {
        id: EventId::from_micros(number).unwrap(),
        kind: kind.to_owned(),
        audience: Audience::Room(PUBLIC_ROOM.to_owned()).into(),
        data: to_raw_value(data).unwrap().into(),
        origin: None,
    };
    let id = |number| EventId::from_micros(number).unwrap();
    // More than the buffers of the system hold.
    let said = json!({"id": id(1), "content": "x".repeat(32 << 20)});
    let (said, left) = (event(1, "message", &said), json!({"id": id(1), "content": ""}));
    let deleted = event(2, "message_deleted", &json!({"id": id(2), "message": left}));

    let stage = Stage::new(Backlog { events: 100, bytes: 1 << 30 });
    stage.publish_entry(Entry::durable(&said));
    let replayed = |framing| Part { place: Stage::replay(1), framing, ..Part::default() };
    // Two for each shard.
    let framings = [Framing::Bare, Framing::Bare, Framing::Chunked, Framing::Chunked];
    let clients: Vec<_> = framings
        .map(|framing| {
            let (mut client, _) = stage.play(replayed(framing));
            let mut begun = vec![0; 1_000];
            client.read_exact(&mut begun).unwrap();
            (client, begun, framing)
        })
        .into();
    let (said, deleted) = (Entry::durable(&said), Entry::durable(&deleted));
    let (said, deletion) = (said.sse, deleted.sse.clone());
    stage.publish_entry(deleted);
    for _ in 0..2 {
        // Who comes after it has nothing of what was said.
        let (mut late, _) = stage.play(replayed(Framing::Bare));
        let mut read = vec![0; 200];
        let count = late.read(&mut read).unwrap();
        assert!(!read[..count].windows(2).any(|two| two == b"xx"));
    }
    for (mut client, mut read, framing) in clients {
        let expected = [b"hello", said.bytes(framing), deletion.bytes(framing)].concat();
        let mut rest = vec![0; expected.len() - read.len()];
        client.read_exact(&mut rest).unwrap();
        read.append(&mut rest);
        assert!(read == expected, "a frame ends as another one");
    }
}
