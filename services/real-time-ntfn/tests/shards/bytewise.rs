//! Clients that read a byte at a time: they never see a part of a frame, whatever passes meanwhile.

use std::{io::Read, net::TcpStream, thread, time::Duration};

use bytes::Bytes;
use realtime_ntfn::config::Backlog;
use socket2::SockRef;

use crate::stage::Stage;

const EVENTS: u64 = 2_000;

/// Frames of many sizes, so that writes end everywhere in them.
fn frame(number: u64) -> Bytes {
    let text = "x".repeat((number * 7_919 % 211) as usize);
    Bytes::from(format!("id: {number}\ndata: {text}\n\n"))
}

fn everything() -> Vec<u8> {
    let frames = (1..=EVENTS).flat_map(|number| frame(number).to_vec());
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
    let stage = Stage::new(Backlog { events: 100_000, bytes: 1 << 30 }, Duration::from_secs(60));
    let expected = everything();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let client = stage.connect(b"hello");
            SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
            let length = expected.len();
            thread::spawn(move || read_bytewise(client, length))
        })
        .collect();
    (1..=EVENTS).for_each(|number| stage.publish(number, frame(number)));
    for reader in readers {
        assert!(reader.join().unwrap() == expected, "a stream is not what was published");
    }
}

#[test]
fn a_reader_that_is_closed_for_being_slow_has_a_true_beginning() {
    let stage = Stage::new(Backlog { events: 50, bytes: 1 << 30 }, Duration::from_secs(60));
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
