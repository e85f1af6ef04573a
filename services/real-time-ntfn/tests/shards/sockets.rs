//! WebSockets in shards: difficult clients.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use common::{Audience, EventId};
use realtime_ntfn::{
    config::{Backlog, FrameLimits, FrameRate},
    event::{frame::Frame, ring::Entry, wire::Wire},
    ws::Talk,
};
use socket2::SockRef;

use crate::stage::{PATIENCE, Part, Stage};

const UNLIMITED: FrameLimits =
    FrameLimits { message_bytes: 64 * 1_024, rate: FrameRate { per_second: 0, burst: 1 } };

fn stage() -> Stage {
    Stage::new(Backlog { events: 100_000, bytes: 1 << 30 })
}

/// A client whose frames are sent back.
fn echo(stage: &Stage) -> TcpStream {
    let talk = Some(Talk { limits: UNLIMITED, desk: None });
    let (client, _) = stage.play(Part { wire: Wire::Ws, talk, ..Part::default() });
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// A text frame of a client, masked with zeros.
fn text(content: &str) -> Vec<u8> {
    let length = content.len() as u16;
    [&[0x81, 0xfe][..], &length.to_be_bytes(), &[0; 4], content.as_bytes()].concat()
}

/// The next text frame of the server.
fn next(client: &mut TcpStream) -> String {
    let mut head = [0; 2];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 0x81, "{head:?}");
    let mut length = usize::from(head[1]);
    if length == 126 {
        client.read_exact(&mut head).unwrap();
        length = u16::from_be_bytes(head).into();
    }
    let mut content = vec![0; length];
    client.read_exact(&mut content).unwrap();
    String::from_utf8(content).unwrap()
}

fn event(number: u64, text: String) -> Entry {
    let audience = Audience::Room("public".to_owned());
    Entry::new(EventId::from_micros(number), audience, Frame::new(b"sse"), text.into())
}

#[test]
fn replies_and_events_interleave_by_whole_frames_whatever_the_client_takes() {
    let stage = stage();
    let mut client = echo(&stage);
    SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
    let mut writer = client.try_clone().unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    let (events, replies) = (150_u64, 100);
    let filler = "x".repeat(9_000);
    let talking = std::thread::spawn(move || {
        for number in 0..replies {
            // Byte by byte, so that frames arrive in every way.
            for byte in text(&format!("reply {number}")) {
                writer.write_all(&[byte]).unwrap();
            }
        }
    });
    for number in 1..=events {
        stage.publish_entry(event(number, format!("event {number} {filler}")));
    }
    let (mut next_event, mut next_reply) = (1, 0);
    while next_event <= events || next_reply < replies {
        let frame = next(&mut client);
        if frame.starts_with("event ") {
            assert_eq!(frame, format!("event {next_event} {filler}"));
            next_event += 1;
        } else {
            assert_eq!(frame, format!("reply {next_reply}"));
            next_reply += 1;
        }
    }
    talking.join().unwrap();
}

#[test]
fn who_asks_and_does_not_read_the_answers_is_closed() {
    let stage = stage();
    let mut client = echo(&stage);
    SockRef::from(&client).set_recv_buffer_size(4_096).unwrap();
    let frame = text(&"x".repeat(60_000));
    // The server stops reading at the end, and closes.
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..2_000 {
        if client.write_all(&frame).is_err() {
            break;
        }
    }
    stage.wait_empty();
}
