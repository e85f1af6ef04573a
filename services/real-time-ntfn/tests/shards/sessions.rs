//! What shards do for the sessions behind streams.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use common::{Audience, EventId, event::SessionEnded, internal::UserRef};
use realtime_ntfn::{
    config::{Backlog, FrameLimits, RingLimits},
    event::{
        frame::{Frame, Framing},
        ring::Entry,
        scope::{Scope, Session},
        wire::Wire,
    },
    hub::{Follower, Hub},
    metrics::Metrics,
    ws::Talk,
};
use socket2::SockRef;

use crate::stage::{PATIENCE, Part, Stage};

const ALICE: &str = "alice";

/// As often as it can be.
const OFTEN: Duration = Duration::from_millis(100);

fn stage() -> Stage {
    Stage::new(Backlog { events: 10_000, bytes: 1 << 30 })
}

fn session() -> Session {
    Session {
        user: UserRef { name: ALICE.to_owned(), key: ALICE.to_owned() },
        authenticated: true,
        expires_at: None,
        epoch: 3,
        acknowledges: false,
    }
}

fn part(session: Session, wire: Wire) -> Part {
    let scope = Scope::new(["public".to_owned()], Some(session));
    let talk = (wire == Wire::Ws).then(|| Talk { limits: FrameLimits::default(), desk: None });
    Part { scope, wire, talk, ..Part::default() }
}

fn to_alice(number: u64, text: &str) -> Entry {
    let audience = Audience::Users(vec![ALICE.to_owned()]);
    let bytes = Bytes::from(text.to_owned());
    Entry::new(EventId::from_micros(number), audience, Frame::new(&bytes), bytes)
}

fn ended(epoch: u64) -> SessionEnded {
    SessionEnded { user: ALICE.to_owned(), epoch, reason: "signed_out".to_owned() }
}

fn read_exactly(client: &mut TcpStream, expected: &[u8]) {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut read = vec![0; expected.len()];
    client.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(expected));
}

fn read_to_end(mut client: TcpStream) -> Vec<u8> {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut read = vec![];
    client.read_to_end(&mut read).unwrap();
    read
}

/// What has been noted for alice, as soon as there is something.
fn noted(stage: &Stage) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(noted) = stage.delivery.take().iter().find(|noted| noted.user == ALICE) {
            return noted.up_to.micros();
        }
        assert!(Instant::now() < deadline, "nothing is noted");
        std::thread::yield_now();
    }
}

#[test]
fn streams_of_a_session_that_ends_are_told_and_closed_and_no_others() {
    let stage = stage();
    let (old, _) = stage.play(part(session(), Wire::Sse));
    let (mut socket, _) = stage.play(part(session(), Wire::Ws));
    let (mut newer, _) = stage.play(part(Session { epoch: 4, ..session() }, Wire::Sse));
    // A name that was only said may belong to somebody now.
    let claimed = Session { authenticated: false, ..session() };
    let (claimed, _) = stage.play(part(claimed, Wire::Sse));
    let mut nobody = stage.connect(b"hello");
    stage.shards.end_sessions(&ended(4));
    let text = String::from_utf8(read_to_end(old)).unwrap();
    let (retry, reauth) = text.strip_prefix("helloretry: ").unwrap().split_once('\n').unwrap();
    assert!(retry.parse::<u64>().is_ok(), "{retry}");
    let data = r#"{"type":"reauth","reason":"signed_out"}"#;
    assert_eq!(reauth, format!("event: reauth\ndata: {data}\n\n"));

    read_exactly(&mut socket, b"hello");
    read_exactly(&mut socket, &[0x81, data.len() as u8]);
    read_exactly(&mut socket, data.as_bytes());
    read_exactly(&mut socket, b"\x88\x0c\x0f\xa1signed_out");
    drop(socket);
    stage.publish_entry(to_alice(1, "private"));
    read_exactly(&mut newer, b"helloprivate");
    assert!(String::from_utf8(read_to_end(claimed)).unwrap().contains("event: reauth"));
    read_exactly(&mut nobody, b"hello");
    drop((newer, nobody));
    stage.wait_empty();
}

#[test]
fn a_stream_that_was_on_its_way_when_its_session_ended_ends_too() {
    let stage = stage();
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let backlog = Backlog { events: 100, bytes: 1 << 20 };
    let hub = Hub::new(RingLimits { events: 100, bytes: 1 << 20 }, backlog, metrics, None);
    let on_its_way = || Part { arrival: Some(hub.expect()), ..part(session(), Wire::Sse) };
    let (early, late) = (on_its_way(), on_its_way());
    // Found in the shard, or before it is there.
    let (early, _) = stage.play(early);
    hub.end_sessions(&ended(4));
    stage.shards.end_sessions(&ended(4));
    let (late, _) = stage.play(late);
    for stream in [early, late] {
        assert!(String::from_utf8(read_to_end(stream)).unwrap().contains("signed_out"));
    }
    // Who comes when it is over has the next session.
    let (mut next, _) = stage.play(on_its_way());
    stage.publish_entry(to_alice(1, "private"));
    read_exactly(&mut next, b"helloprivate");
}

#[test]
fn a_session_that_runs_out_ends_its_stream() {
    let stage = stage();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let expiring = Session { expires_at: Some(now + 1), ..session() };
    let lasting = Session { expires_at: Some(now + 3_600), ..session() };
    let (mut lasting, _) = stage.play(part(lasting, Wire::Sse));
    let (expiring, _) = stage.play(part(expiring, Wire::Sse));
    let text = String::from_utf8(read_to_end(expiring)).unwrap();
    assert!(text.contains(r#"{"type":"reauth","reason":"expired"}"#), "{text}");
    stage.publish_entry(to_alice(1, "private"));
    read_exactly(&mut lasting, b"helloprivate");
}

/// Reads what comes, until this has.
fn read_until(client: &mut TcpStream, last: &str) {
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut tail, mut buffer) = (Vec::<u8>::new(), [0; 1 << 16]);
    while !tail.windows(last.len()).any(|part| part == last.as_bytes()) {
        let count = client.read(&mut buffer).unwrap();
        assert!(count > 0, "it ends");
        tail.drain(..tail.len().saturating_sub(last.len()));
        tail.extend(&buffer[..count]);
    }
}

#[test]
fn what_was_written_before_two_heartbeats_is_noted() {
    let stage = Stage::beating(OFTEN);
    let mut with_preface = part(session(), Wire::Sse);
    with_preface.preface_up_to = EventId::from_micros(5);
    let (mut client, _) = stage.play(with_preface);
    read_exactly(&mut client, b"hello");
    assert!(stage.delivery.take().is_empty(), "a socket took it, that is all");
    assert_eq!(noted(&stage), 5);
    stage.publish_entry(to_alice(6, "private"));
    read_until(&mut client, "private");
    assert_eq!(noted(&stage), 6);
    // What is for a room needs no note, and what is not in the log has nothing to note.
    stage.publish(7, Bytes::from_static(b"public"));
    let mut passing = to_alice(0, "typing");
    passing.id = None;
    stage.publish_entry(passing);
    stage.publish_entry(to_alice(8, "last"));
    read_until(&mut client, "last");
    assert_eq!(noted(&stage), 8);
    assert!(stage.delivery.take().is_empty());
}

#[test]
fn who_leaves_before_that_gets_it_again() {
    // No heartbeat comes.
    let stage = stage();
    let mut with_preface = part(session(), Wire::Sse);
    with_preface.preface_up_to = EventId::from_micros(5);
    let (mut client, _) = stage.play(with_preface);
    read_exactly(&mut client, b"hello");
    drop(client);
    stage.wait_empty();
    assert!(stage.delivery.take().is_empty());
}

#[test]
fn who_answers_a_ping_has_what_was_written_before_it() {
    let stage = Stage::beating(Duration::from_secs(1));
    let (mut client, _) = stage.play(part(session(), Wire::Ws));
    stage.publish_entry(to_alice(6, "private"));
    read_until(&mut client, "private");
    // Answers to nothing say nothing, though they show that somebody is there.
    client.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).unwrap();
    assert!(stage.delivery.take().is_empty());
    let (mut tail, mut buffer) = (Vec::<u8>::new(), [0; 1_024]);
    let number = loop {
        if let Some(at) = tail.windows(2).position(|head| head == [0x89, 4])
            && let Some(number) = tail.get(at + 2..at + 6)
        {
            break number.to_vec();
        }
        let count = client.read(&mut buffer).unwrap();
        assert!(count > 0, "it ends");
        tail.extend(&buffer[..count]);
    };
    assert!(stage.delivery.take().is_empty(), "it has not answered yet");
    client.write_all(&[&[0x8a, 0x84, 0, 0, 0, 0], &number[..]].concat()).unwrap();
    assert_eq!(noted(&stage), 6);
}

#[test]
fn a_client_that_acknowledges_itself_is_not_spoken_for() {
    let stage = Stage::beating(OFTEN);
    let mut silent = part(Session { acknowledges: true, ..session() }, Wire::Sse);
    silent.preface_up_to = EventId::from_micros(5);
    let (mut client, _) = stage.play(silent);
    read_exactly(&mut client, b"hello");
    for round in 0..2 {
        // By the time that this one's are noted, the other's would be.
        let bob = UserRef { name: "bob".to_owned(), key: "bob".to_owned() };
        let mut other = part(Session { user: bob, ..session() }, Wire::Sse);
        other.preface_up_to = EventId::from_micros(5);
        let _other = stage.play(other);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let noted = stage.delivery.take();
            assert!(noted.iter().all(|noted| noted.user == "bob"), "round {round}");
            if !noted.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "nothing is noted");
            std::thread::yield_now();
        }
    }
}

#[test]
fn nothing_is_noted_while_something_is_not_read() {
    let stage = Stage::beating(OFTEN);
    let (mut client, _) = stage.play(part(session(), Wire::Sse));
    SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
    // More than the buffers of the system hold, in one piece.
    let large = "x".repeat(32 << 20);
    stage.publish_entry(to_alice(1, "small"));
    stage.publish_entry(to_alice(2, &large));
    read_exactly(&mut client, b"hello");
    let mut most = vec![0; large.len() / 2];
    client.read_exact(&mut most).unwrap();
    // Several heartbeats would have been written by now.
    std::thread::sleep(Duration::from_millis(500));
    // The small one before it has arrived, if the machine took its time with the large one.
    let halfway = stage.delivery.take();
    assert!(
        halfway.iter().all(|noted| noted.up_to.micros() == 1),
        "half a frame is none: {halfway:?}"
    );
    read_until(&mut client, "heartbeat");
    let first = noted(&stage);
    assert!(first == 2 || first == 1 && noted(&stage) == 2, "{first}");
}

#[test]
fn what_passes_between_finding_a_place_and_coming_to_a_shard_arrives() {
    let stage = stage();
    let mut witness = stage.connect(b"hello");
    // The place was found before any of this; the connection comes after it.
    let before = Part::default();
    let passing = |text: &'static str| {
        let audience = Audience::Room("public".to_owned());
        let bytes = Bytes::from_static(text.as_bytes());
        Entry::new(None, audience, Frame::new(&bytes), bytes)
    };
    stage.publish_entry(passing("typing"));
    stage.publish(1, Bytes::from_static(b"message"));
    stage.publish_entry(to_alice(2, "for others"));
    read_exactly(&mut witness, b"hellotypingmessage");
    let (mut late, _) = stage.play(before);
    read_exactly(&mut late, b"hellotypingmessage");
    stage.publish_entry(passing("more"));
    read_exactly(&mut late, b"more");
}

#[test]
fn who_is_named_twice_in_an_audience_gets_nothing_of_others() {
    let stage = stage();
    let (mut client, _) = stage.play(part(session(), Wire::Sse));
    read_exactly(&mut client, b"hello");
    let to = |names: &[&str], text: &'static str| {
        let audience = Audience::Users(names.iter().map(|name| (*name).to_owned()).collect());
        let bytes = Bytes::from_static(text.as_bytes());
        Arc::new(Entry::new(None, audience, Frame::new(&bytes), bytes))
    };
    stage.shards.publish(&Arc::from([to(&[ALICE, ALICE], "mine"), to(&["bob"], "theirs")]));
    stage.publish_entry(to_alice(1, "more"));
    read_exactly(&mut client, b"minemore");
}

#[test]
fn the_connection_that_caused_an_event_does_not_get_it() {
    let stage = stage();
    let (mut sender, id) = stage.play(Part::default());
    let mut other = stage.connect(b"hello");
    let entry = |number, text: &'static str, origin| {
        let bytes = Bytes::from_static(text.as_bytes());
        let audience = Audience::Room("public".to_owned());
        let mut entry =
            Entry::new(EventId::from_micros(number), audience, Frame::new(&bytes), bytes);
        entry.origin = origin;
        stage.publish_entry(entry);
    };
    entry(1, "mine", Some(id));
    entry(2, "theirs", None);
    read_exactly(&mut sender, b"hellotheirs");
    read_exactly(&mut other, b"hellominetheirs");
    // Nor when it stands between others in one write.
    (3..9).for_each(|number| entry(number, "x", (number % 2 == 0).then_some(id)));
    read_exactly(&mut sender, b"xxx");
    read_exactly(&mut other, b"xxxxxx");
}

#[test]
fn a_format_without_a_form_for_an_event_passes_it_over() {
    let stage = stage();
    let (mut chat, _) = stage.play(part(session(), Wire::Chat));
    let message = r#"{"type":"message","id":"20240101120000.123456","conversation_id":"dm:alice:bob","user":"bob","recipient":"alice","content":"hi","timestamp":"t"}"#;
    for text in ["typing", message, "receipt", message] {
        stage.publish_entry(to_alice(9, text));
    }
    let one = "id: 19700101000000.000009\ndata: {\"id\":\"20240101120000.123456\",\"conversationId\":\"dm:alice:bob\",\"senderId\":\"bob\",\"receiverId\":\"alice\",\"text\":\"hi\",\"sentAt\":\"t\",\"status\":\"sent\"}\n\n";
    let length = "hello".len() + 2 * one.len();
    let mut read = vec![0; length];
    chat.set_read_timeout(Some(PATIENCE)).unwrap();
    chat.read_exact(&mut read).unwrap();
    let text = String::from_utf8(read).unwrap();
    assert_eq!(text.matches("\"text\":\"hi\"").count(), 2, "{text}");
    assert!(!text.contains("typing") && !text.contains("receipt"), "{text}");
}

/// What is left of a stream whose client reads nothing until it has ended.
fn end_while_blocked(framing: Framing) -> Vec<u8> {
    let stage = stage();
    let (mut client, _) = stage.play(Part { framing, ..part(session(), Wire::Sse) });
    SockRef::from(&client).set_recv_buffer_size(16 * 1_024).unwrap();
    read_exactly(&mut client, b"hello");
    // More than the buffers of the system hold.
    stage.publish_entry(to_alice(1, &"x".repeat(8 << 20)));
    let mut begun = vec![0; 1_000];
    client.read_exact(&mut begun).unwrap();
    stage.publish_entry(to_alice(2, "never"));
    stage.shards.end_sessions(&ended(4));
    [begun, read_to_end(client)].concat()
}

#[test]
fn a_stream_that_ends_while_its_client_reads_nothing_ends_between_two_frames() {
    let bare = end_while_blocked(Framing::Bare);
    let chunked = end_while_blocked(Framing::Chunked);
    assert!(!bare.windows(5).any(|five| five == b"never"));
    let (frame, goodbye) = bare.split_at(8 << 20);
    assert!(frame.iter().all(|byte| *byte == b'x'));
    assert!(goodbye.starts_with(b"retry: ") && goodbye.ends_with(b"\n\n"));
    // Chunk for chunk, and the last one says that this was all.
    let mut rest = &chunked[..];
    for expected in [frame, goodbye] {
        let line = rest.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let size = str::from_utf8(&rest[..line - 2]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        // Each goodbye has a retry time of its own, and all of them have as many digits.
        assert_eq!(size, expected.len());
        assert_eq!(&rest[line + size..line + size + 2], b"\r\n");
        rest = &rest[line + size + 2..];
    }
    assert_eq!(rest, b"0\r\n\r\n");
}
