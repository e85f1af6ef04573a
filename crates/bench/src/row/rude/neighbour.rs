//! [`Neighbour`]: an ordinary client, who posts, reads, listens and opens streams at an even pace.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::line::Line;
use super::tally::{Deed, Tally};
use super::timeline::{Phase, Timeline};
use crate::load::dial::Dial;
use crate::load::listener::Listener;
use crate::load::mark::Mark;
use crate::{clock, interrupt};

/// How long it waits for anything before that counts as refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two of its posts, two of its reads and two of the streams that it opens.
const PERIOD: Duration = Duration::from_secs(1);

/// How long it goes on listening for its last posts.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Length of the text of a post.
const BYTES: usize = 200;

/// So many posts each has numbers for.
const POSTS: u32 = 1_000_000;

#[derive(Clone, Copy)]
pub(super) struct Neighbour {
    pub(super) number: u32,
    pub(super) messages: SocketAddr,
    pub(super) streams: SocketAddr,
    pub(super) timeline: Timeline,
}

impl Neighbour {
    /// The address that it comes from.
    pub(super) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, 0, 0, 11 + self.number as u8)
    }

    fn name(&self) -> String {
        format!("neighbour-{:02}", self.number)
    }

    /// Lives through the whole timeline. Whatever it does, it does beside everything else: one thing
    /// that takes long makes nothing else late.
    pub(super) fn live(self) -> Result<Tally> {
        std::thread::scope(|scope| {
            let listens = scope.spawn(|| self.listen());
            let posts = scope.spawn(|| self.post());
            let reads = scope.spawn(|| self.read());
            let opens = scope.spawn(|| self.open());
            let panicked = |_| anyhow!("a neighbour panicked");
            let (mut tally, seen) = listens.join().map_err(panicked)??;
            let (posted, acknowledged) = posts.join().map_err(panicked)??;
            for other in
                [posted, reads.join().map_err(panicked)??, opens.join().map_err(panicked)??]
            {
                tally.add(&other);
            }
            for (_, phase) in acknowledged.iter().filter(|(number, _)| !seen.contains(number)) {
                tally.refuse(*phase, "seen", &anyhow!("never on the stream"));
            }
            Ok(tally)
        })
    }

    /// Neighbours, and what each of them does, come evenly over a period.
    fn offset(&self, part: u32) -> Duration {
        PERIOD * (self.number * 3 + part) / 30
    }

    fn post(&self) -> Result<(Tally, BTreeMap<u32, Phase>)> {
        let (mut tally, mut acknowledged) = (Tally::default(), BTreeMap::new());
        let (mut line, name) = (Line::new(self.address(), self.messages, PATIENCE), self.name());
        self.timeline.each(self.offset(0), PERIOD, |count, due| {
            let phase = self.timeline.phase(due);
            let number = self.number * POSTS + count;
            let content = Mark { seq: number, sent: due }.content(BYTES);
            let body = format!(r#"{{"user":"{name}","content":"{content}"}}"#);
            match line.ask("POST", "/messages", &body) {
                Ok(_) => {
                    tally.took(Deed::Post, phase, clock::now() - due);
                    if phase != Phase::WarmUp {
                        acknowledged.insert(number, phase);
                    }
                }
                Err(error) => tally.refuse(phase, "post", &error),
            }
        })?;
        Ok((tally, acknowledged))
    }

    fn read(&self) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut line = Line::new(self.address(), self.messages, PATIENCE);
        self.timeline.each(self.offset(1), PERIOD, |_, due| {
            let phase = self.timeline.phase(due);
            match line.ask("GET", "/messages?limit=50", "") {
                Ok(_) => tally.took(Deed::Read, phase, clock::now() - due),
                Err(error) => tally.refuse(phase, "read", &error),
            }
        })?;
        Ok(tally)
    }

    fn open(&self) -> Result<Tally> {
        let (mut tally, path) = (Tally::default(), format!("/events?user={}", self.name()));
        let dial = Dial::new(self.address(), self.streams);
        self.timeline.each(self.offset(2), PERIOD, |_, due| {
            let phase = self.timeline.phase(due);
            match Listener::open(dial, &path, PATIENCE) {
                Ok(_) => tally.took(Deed::Open, phase, clock::now() - due),
                Err(error) => tally.refuse(phase, "open", &error),
            }
        })?;
        Ok(tally)
    }

    /// Listens to its own stream, and comes back to where it was when that ends. Returns which of its
    /// posts were on it, too.
    fn listen(&self) -> Result<(Tally, HashSet<u32>)> {
        let (mut tally, mut seen) = (Tally::default(), HashSet::new());
        let dial = Dial::new(self.address(), self.streams);
        let (mut stream, mut cursor) = (None, String::new());
        let own = self.number * POSTS..(self.number + 1) * POSTS;
        while clock::now() < self.timeline.end + clock::nanos(LAST_WORDS) {
            interrupt::check()?;
            let path = format!("/events?user={}{cursor}", self.name());
            let phase = self.timeline.phase(clock::now());
            let listened = match &mut stream {
                None => Listener::open(dial, &path, PATIENCE).map(|opened| stream = Some(opened)),
                Some(stream) => stream.listen(Duration::from_millis(200), |block| {
                    let mark = block.data.as_deref().and_then(Mark::find);
                    if let Some(mark) = mark.filter(|mark| own.contains(&mark.seq))
                        && seen.insert(mark.seq)
                    {
                        let phase = self.timeline.phase(mark.sent);
                        tally.took(Deed::Seen, phase, clock::now() - mark.sent);
                    }
                    if let Some(id) = block.id {
                        cursor = format!("&lastEventId={}", String::from_utf8_lossy(id));
                    }
                }),
            };
            if let Err(error) = listened {
                tally.refuse(phase, "listen", &error);
                stream = None;
                clock::pause(Duration::from_millis(500))?;
            }
        }
        Ok((tally, seen))
    }
}
