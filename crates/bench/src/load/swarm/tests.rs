use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use super::*;

/// A server that gives its n-th connection the n-th answer, and all further ones the last.
fn server(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for number in 0.. {
            let Ok((mut socket, from)) = listener.accept() else { return };
            assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 66));
            let mut request = [0; 64];
            if socket.read(&mut request).is_ok() {
                let _ = socket.write_all(answers[answers.len().min(number + 1) - 1].as_bytes());
            }
            kept.push(socket);
        }
    });
    at
}

fn swarm(to: SocketAddr, then: Then<'_>) -> Score {
    let swarm = Swarm {
        dial: Dial::new(Ipv4Addr::new(127, 0, 0, 66), to),
        size: 1,
        greeting: &|_| b"hello\r\n".to_vec(),
        welcome: b"HTTP/1.1 200",
        then,
        pause: Duration::ZERO,
    };
    swarm.run(clock::now() + clock::nanos(Duration::from_millis(500))).unwrap()
}

const ANSWERS: &[&str] = &["HTTP/1.1 503 \r\n\r\n", "HTTP/1.1 200 \r\n\r\n"];

#[test]
fn who_is_refused_comes_again_and_who_is_let_in_stays() {
    let score = swarm(server(ANSWERS), Then::Ignore);
    assert_eq!((score.served, score.refused), (1, 1));
}

#[test]
fn who_leaves_comes_again() {
    let score = swarm(server(ANSWERS), Then::Leave);
    assert_eq!(score.refused, 1);
    assert!(score.served > 1, "{score:?}");
}
