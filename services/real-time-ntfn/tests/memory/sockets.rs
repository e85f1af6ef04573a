//! WebSockets come and go, and leave no memory behind.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    alone, resident_kib,
    stage::{PATIENCE, Part, Stage},
};
use realtime_ntfn::{
    config::{Backlog, FrameLimits},
    event::wire::Wire,
    ws::Talk,
};

const AT_ONCE: usize = 250;
const LENGTH: usize = 20_000;

const ROUNDS: usize = 24;

/// The buffers of a tenth of the connections. The allocator alone has been seen to hold on to
/// 2 MiB more.
const SLACK_KIB: u64 = (ROUNDS * AT_ONCE / 10 * LENGTH / 2 / 1024) as u64;

/// A client whose frames are sent back.
fn echo(stage: &Stage) -> TcpStream {
    let talk = Some(Talk { limits: FrameLimits::default(), desk: None });
    let (client, _) = stage.play(Part { wire: Wire::Ws, talk, ..Part::default() });
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn read(client: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// The message that comes back. A ping may come first: of thousands of sockets, for one or the
/// other it is time.
fn echoed(client: &mut TcpStream) -> Vec<u8> {
    loop {
        match read(client, 2)[..] {
            [0x89, length] => drop(read(client, length.into())),
            [0x81, 126] => {
                let length = read(client, 2);
                return read(client, u16::from_be_bytes([length[0], length[1]]).into());
            }
            ref other => panic!("a frame that begins with {other:?}"),
        }
    }
}

/// Sends a message, reads it back, and leaves in the middle of another one.
fn talk_and_leave(stage: &Stage) {
    let message = vec![b'x'; LENGTH];
    let length = (LENGTH as u16).to_be_bytes();
    let frame = [&[0x81, 0xfe][..], &length, &[0; 4], &message].concat();
    let mut clients: Vec<_> = (0..AT_ONCE).map(|_| echo(stage)).collect();
    for client in &mut clients {
        client.write_all(&frame).unwrap();
        client.write_all(&frame[..LENGTH / 2]).unwrap();
    }
    for client in &mut clients {
        assert_eq!(read(client, "hello".len()), b"hello");
        assert_eq!(echoed(client), message);
    }
    drop(clients);
    stage.wait_empty();
}

#[test]
fn thousands_of_sockets_that_have_talked_leave_no_memory_behind() {
    let _alone = alone();
    let stage = Stage::new(Backlog { events: 100, bytes: 1 << 20 });
    (0..4).for_each(|_| talk_and_leave(&stage));
    let before = resident_kib();
    (0..ROUNDS).for_each(|_| talk_and_leave(&stage));
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < SLACK_KIB, "{grown} KiB more than before");
}
