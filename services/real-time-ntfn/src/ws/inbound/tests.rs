use proptest::prelude::*;

use super::*;

const LONGEST: usize = 1_000;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    let mask = [7, 1, 200, 90];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// Everything that comes of these bytes, given in pieces, and how it ends.
fn read(bytes: &[u8], piece: usize) -> (Vec<Incoming>, Option<Ending>) {
    let (mut inbound, mut all) = (Inbound::default(), vec![]);
    for piece in bytes.chunks(piece) {
        inbound.push(piece);
        loop {
            match inbound.next(LONGEST) {
                Ok(Some(incoming)) => all.push(incoming),
                Ok(None) => break,
                Err(ending) => return (all, Some(ending)),
            }
        }
    }
    (all, None)
}

fn refused(bytes: &[u8]) -> u16 {
    let (_, ending) = read(bytes, bytes.len());
    assert_eq!(read(bytes, 1).1, ending, "the same byte by byte");
    ending.unwrap().code.unwrap()
}

#[test]
fn fragments_become_a_message_and_control_frames_pass_between() {
    let mut bytes = masked(0x01, "hä".as_bytes());
    bytes.extend(masked(0x89, b"ping"));
    bytes.extend(masked(0x00, b""));
    bytes.extend(masked(0x80, b"!"));
    bytes.extend(masked(0x82, &[b'x'; 500]));
    bytes.extend(masked(0x88, &1001_u16.to_be_bytes()));
    for piece in [1, 2, 7, 10_000] {
        let (all, ending) = read(&bytes, piece);
        assert_eq!(ending, None);
        let expected = [
            Incoming::Ping(Bytes::from_static(b"ping")),
            Incoming::Text("hä!".to_owned()),
            Incoming::Binary(Bytes::from_static(&[b'x'; 500])),
            Incoming::Close(Some(1001)),
        ];
        assert_eq!(all, expected, "in pieces of {piece}");
    }
}

#[test]
fn what_the_protocol_does_not_allow_ends_the_connection() {
    let with = |first, payload: &[u8]| masked(first, payload);
    for bytes in [
        with(0xc1, b"rsv"),
        with(0x83, b"opcode"),
        with(0x8b, b"opcode"),
        with(0x80, b"nothing to continue"),
        [with(0x01, b"a"), with(0x81, b"b")].concat(),
        with(0x09, b"a fragment of a ping"),
        with(0x89, &[0; 126]),
        with(0x88, b"x"),
        with(0x88, &1005_u16.to_be_bytes()),
        b"\x81\x02hi".to_vec(),
    ] {
        assert_eq!(refused(&bytes), close::PROTOCOL, "{bytes:?}");
    }
    assert_eq!(refused(&with(0x81, b"\xff")), close::NOT_UTF8);
    assert_eq!(refused(&with(0x81, b"\xc3")), close::NOT_UTF8);
    assert_eq!(refused(&with(0x88, b"\x03\xe8\xff")), close::NOT_UTF8);
}

#[test]
fn a_long_message_is_refused_by_its_head() {
    let head = &masked(0x82, &[0; LONGEST + 1])[..8];
    assert_eq!(refused(head), close::TOO_BIG);
    let half = [0; LONGEST / 2 + 1];
    let halves = [masked(0x02, &half), masked(0x80, &half)].concat();
    assert_eq!(refused(&halves), close::TOO_BIG);
    let (all, _) = read(&masked(0x82, &[0; LONGEST]), 100);
    assert_eq!(all.len(), 1);
    let mut huge = vec![0x82, 0xff];
    huge.extend([0xff; 12]);
    assert_eq!(refused(&huge), close::TOO_BIG);
}

#[test]
fn a_character_that_cannot_be_ends_the_connection_before_its_frame_is_whole() {
    let frame = masked(0x81, b"\xce\xba\xf4\x90 and so on");
    let (all, ending) = read(&frame[..10], 1);
    assert_eq!((all, ending.unwrap().code), (vec![], Some(close::NOT_UTF8)));
}

#[test]
fn between_messages_there_is_no_memory() {
    let mut inbound = Inbound::default();
    for byte in masked(0x81, &[b'x'; 900]) {
        inbound.push(&[byte]);
        inbound.next(LONGEST).unwrap();
    }
    assert_eq!(inbound.buffer.capacity(), 0);
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..60), piece in 1_usize..9) {
        let whole = read(&bytes, bytes.len().max(1));
        prop_assert_eq!(read(&bytes, piece), whole);
    }
}
