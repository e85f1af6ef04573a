//! [`Wanderers`]: people with a stream each, who move from one server to another, and leave.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::crowd::{connect, user_name};
use super::http;
use super::opening::{Client, Greeting};
use crate::{clock, interrupt};

/// How long it may take until there is room for one more, or until all have come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a look at the sockets waits at most.
const STEP: Duration = Duration::from_millis(20);

/// Everybody, by number; dropping it closes all streams.
pub(crate) struct Wanderers {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    places: Vec<Place>,
    /// Streams that may be opened at a time.
    outstanding: usize,
}

/// Where somebody is.
enum Place {
    Nowhere,
    Coming(Client),
    /// The stream stands; what it brings is read, and not looked at.
    Here(TcpStream),
}

impl Wanderers {
    /// So many people, who are nowhere yet.
    pub(crate) fn new(count: usize, outstanding: usize) -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1_024),
            buffer: vec![0; 64 * 1024],
            places: (0..count).map(|_| Place::Nowhere).collect(),
            outstanding: outstanding.max(1),
        })
    }

    /// Closes the stream that somebody has, if any, and begins to open one at this server.
    pub(crate) fn send(&mut self, number: usize, to: SocketAddr) -> Result<()> {
        self.leave(number);
        self.wait_under_way(self.outstanding - 1)?;
        let mut socket = connect(number, to)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(number), interest)?;
        let path = format!("/events?user={}", user_name(number));
        let request = http::request("GET", to, &path, "Accept: text/event-stream\r\n", "");
        let greeting = Greeting { request, then: None, ready: b"event: ready" };
        self.places[number] = Place::Coming(Client::new(socket, greeting));
        Ok(())
    }

    /// Closes the stream that somebody has.
    pub(crate) fn leave(&mut self, number: usize) {
        self.places[number] = Place::Nowhere;
    }

    /// Waits until the streams of all who are somewhere stand.
    pub(crate) fn wait_ready(&mut self) -> Result<()> {
        self.wait_under_way(0)
    }

    /// Reads whatever comes, for so long.
    pub(crate) fn stay(&mut self, duration: Duration) -> Result<()> {
        let until = clock::now() + clock::nanos(duration);
        while clock::now() < until {
            self.turn()?;
        }
        Ok(())
    }

    /// Those who are somewhere.
    pub(crate) fn present(&self) -> Vec<usize> {
        let is_somewhere = |number: &usize| !matches!(self.places[*number], Place::Nowhere);
        (0..self.places.len()).filter(is_somewhere).collect()
    }

    fn wait_under_way(&mut self, most: usize) -> Result<()> {
        let give_up = clock::now() + clock::nanos(PATIENCE);
        loop {
            let coming = self.places.iter().filter(|place| matches!(place, Place::Coming(_)));
            let coming = coming.count();
            if coming <= most {
                return Ok(());
            }
            ensure!(clock::now() < give_up, "{coming} streams do not stand after {PATIENCE:?}");
            self.turn()?;
        }
    }

    /// Goes on wherever there is something to do.
    fn turn(&mut self) -> Result<()> {
        interrupt::check()?;
        match self.poll.poll(&mut self.events, Some(STEP)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let number = event.token().0;
            let place = &mut self.places[number];
            let of = || format!("the stream of {}", user_name(number));
            match place {
                Place::Nowhere => {}
                Place::Here(socket) => drain(socket, &mut self.buffer).with_context(of)?,
                Place::Coming(client) => {
                    if client.turn(&mut self.buffer).with_context(of)?
                        && let Place::Coming(client) = std::mem::replace(place, Place::Nowhere)
                    {
                        *place = Place::Here(client.into_socket());
                    }
                }
            }
        }
        Ok(())
    }
}

fn drain(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    loop {
        match socket.read(buffer) {
            Ok(0) => bail!("the server ended it"),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}
