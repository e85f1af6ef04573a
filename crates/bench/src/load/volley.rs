//! Closed-loop HTTP load: many keep-alive connections on one thread, each sending its next request
//! when it has the whole answer to the last. No pipelining.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::http::{Body, Head};
use crate::{clock, interrupt};

/// What a volley achieved.
#[derive(Debug)]
pub(crate) struct Volley {
    /// Complete answers, all with the expected status.
    pub(crate) answers: u64,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
}

struct Connection<'a> {
    socket: TcpStream,
    request: &'a [u8],
    received: Vec<u8>,
    body: Option<Body>,
}

/// Keeps `connections` busy for `duration`, each with the request to one of the servers, which they take in turn;
/// then waits for the answers still due. Any other status than `expect` ends it with an error.
pub(crate) fn run(
    requests: &[(SocketAddr, Vec<u8>)],
    connections: usize,
    duration: Duration,
    expect: u16,
) -> Result<Volley> {
    let mut poll = Poll::new()?;
    let mut lanes = Vec::with_capacity(connections);
    for (index, (to, request)) in requests.iter().cycle().take(connections).enumerate() {
        let socket = std::net::TcpStream::connect(to)?;
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        let mut socket = TcpStream::from_std(socket);
        poll.registry().register(&mut socket, Token(index), Interest::READABLE)?;
        lanes.push(Connection { socket, request, received: Vec::new(), body: None });
    }
    let start = clock::now();
    let stop = start + clock::nanos(duration);
    let give_up = stop + clock::nanos(Duration::from_secs(30));
    // A connection without a request under way has room for one, so no write falls short.
    for lane in &mut lanes {
        lane.socket.write_all(lane.request)?;
    }
    let (mut answers, mut due) = (0, connections);
    let mut events = Events::with_capacity(connections.max(16));
    let mut buffer = vec![0; 64 * 1024];
    while due > 0 {
        interrupt::check()?;
        ensure!(clock::now() < give_up, "{due} answers did not come within 30 s");
        match poll.poll(&mut events, Some(Duration::from_millis(100))) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            let lane = &mut lanes[event.token().0];
            while lane.answered(&mut buffer, expect)? {
                answers += 1;
                if clock::now() < stop {
                    lane.socket.write_all(lane.request)?;
                } else {
                    due -= 1;
                }
            }
        }
    }
    Ok(Volley { answers, seconds: (clock::now() - start) as f64 / 1e9 })
}

impl Connection<'_> {
    /// Reads what there is; whether that completed an answer.
    fn answered(&mut self, buffer: &mut [u8], expect: u16) -> Result<bool> {
        loop {
            let read = match self.socket.read(buffer) {
                Ok(0) => bail!("the server closed a busy connection"),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            };
            if self.take(&buffer[..read], expect)? {
                return Ok(true);
            }
        }
    }

    fn take(&mut self, bytes: &[u8], expect: u16) -> Result<bool> {
        let body = match &mut self.body {
            Some(body) => {
                body.feed(bytes, |_| {})?;
                body
            }
            None => {
                self.received.extend_from_slice(bytes);
                let Some(head) = Head::parse(&self.received)? else {
                    return Ok(false);
                };
                let start = self.received.split_off(head.len);
                self.received.clear();
                let body = self.body.insert(head.body);
                body.feed(&start, |_| {})?;
                ensure!(
                    head.status == expect,
                    "answered {} instead of {expect}: {}",
                    head.status,
                    String::from_utf8_lossy(&start)
                );
                body
            }
        };
        let done = body.is_done();
        if done {
            self.body = None;
        }
        Ok(done)
    }
}
