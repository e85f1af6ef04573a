//! [`Protocol`]: what the services do, as far as the order of events depends on it, rule by rule.

use crate::state::{Batch, Client, Event, Feed, Log, State};

/// How large everything is, and what may go wrong how often.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// Logs; one, but for what is only on paper. Each writer has one of them.
    pub(crate) partitions: usize,
    /// How many posts each writer (a message service) commits.
    pub(crate) posts: Vec<u8>,
    pub(crate) feeds: usize,
    /// The first may see everything, the others only what the first writer writes.
    pub(crate) clients: usize,
    /// Events that a feed keeps.
    pub(crate) ring: usize,
    pub(crate) budget: Budget,
    /// A rule that is left out.
    pub(crate) broken: Option<Rule>,
}

/// What may still go wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Messages of the bus that are lost.
    pub(crate) drops: u8,
    /// Messages that arrive twice.
    pub(crate) doubles: u8,
    /// Writers that die in the middle of something.
    pub(crate) crashes: u8,
    /// Feeds that die and begin anew.
    pub(crate) restarts: u8,
    /// Feeds that lose the bus.
    pub(crate) cuts: u8,
    /// Clients that lose their stream.
    pub(crate) moves: u8,
}

/// What the protocol rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A writer takes its id when nobody else is in the middle of a commit.
    IdsUnderLock,
    /// It also finds out then what its batch follows.
    PredecessorUnderLock,
    /// A feed appends only what follows its last event.
    GapsArePulled,
    /// A feed leaves out what it has.
    KnownIsNotTold,
    /// A feed pulls what is not pushed.
    SilenceIsPulled,
    /// A client begins in the ring only where that reaches back to its cursor.
    RingReachesBack,
    /// Where a stream stands is said when everything before has been read.
    CursorFollowsWhatIsRead,
    /// A client that is ahead of a feed begins when that has caught up.
    WaitForTheFeed,
    /// A cursor has a place in each log.
    CursorOfEachLog,
}

impl Protocol {
    pub(crate) fn is_kept(&self, rule: Rule) -> bool {
        self.broken != Some(rule)
    }

    pub(crate) const fn partition(&self, writer: usize) -> usize {
        writer % self.partitions
    }

    pub(crate) fn is_behind(state: &State, feed: usize) -> bool {
        let feed = &state.feeds[feed];
        state.logs.iter().zip(&feed.last).any(|(log, last)| log.last() > *last)
    }

    /// Whether a feed has come as far as a client has.
    pub(crate) fn has_caught_up(feed: &Feed, client: &Client) -> bool {
        client.cursor.iter().zip(&feed.last).all(|(cursor, last)| cursor <= last)
    }

    pub(crate) fn append(&self, state: &mut State, feed: usize, partition: usize, event: Event) {
        let here = &mut state.feeds[feed];
        here.last[partition] = event.id.max(here.last[partition]);
        here.ring[partition].push(event);
        if here.ring[partition].len() > self.ring {
            here.floor[partition] = here.ring[partition].remove(0).id;
        }
        for (number, client) in state.clients.iter_mut().enumerate() {
            if client.at == Some(feed) && Client::sees(number, event) {
                client.unread.push((partition, event));
            }
        }
    }

    pub(crate) fn take(&self, state: &mut State, feed: usize, batch: Batch) {
        let Batch { partition, after, event } = batch;
        let last = state.feeds[feed].last[partition];
        if !self.is_kept(Rule::GapsArePulled) {
            if event.id > last {
                self.append(state, feed, partition, event);
            }
        } else if after > last {
            let early = &mut state.feeds[feed].early;
            early.push(batch);
            early.sort_unstable();
        } else if after == last || (event.id <= last && !self.is_kept(Rule::KnownIsNotTold)) {
            self.append(state, feed, partition, event);
        } else if event.id > last {
            self.pull(state, feed);
        }
    }

    pub(crate) fn take_early(&self, state: &mut State, feed: usize) {
        let ready = |feed: &Feed| {
            feed.early.iter().position(|batch| batch.after <= feed.last[batch.partition])
        };
        while let Some(next) = ready(&state.feeds[feed]) {
            let batch = state.feeds[feed].early.remove(next);
            self.take(state, feed, batch);
        }
    }

    pub(crate) fn pull(&self, state: &mut State, feed: usize) {
        for partition in 0..self.partitions {
            let last = state.feeds[feed].last[partition];
            for event in state.logs[partition].after(last) {
                self.append(state, feed, partition, event);
            }
        }
    }

    /// Has a client begin at a feed, under its lock.
    pub(crate) fn connect(&self, state: &mut State, number: usize, feed: usize) {
        let here = &state.feeds[feed];
        let client = &mut state.clients[number];
        client.at = Some(feed);
        for partition in 0..self.partitions {
            let cursor = match self.is_kept(Rule::CursorOfEachLog) {
                true => client.cursor[partition],
                false => client.cursor.iter().copied().max().unwrap_or(0),
            };
            let reaches_back =
                cursor >= here.floor[partition] || !self.is_kept(Rule::RingReachesBack);
            let missed = match reaches_back {
                true => here.ring[partition].clone(),
                false => state.logs[partition].after(cursor),
            };
            let last = here.last[partition];
            let missed = missed.into_iter().filter(|event| event.id > cursor && event.id <= last);
            let seen = missed.filter(|event| Client::sees(number, *event));
            client.unread.extend(seen.map(|event| (partition, event)));
        }
    }

    /// Whether everybody has what they may see.
    pub(crate) fn is_complete(state: &State) -> bool {
        state.clients.iter().enumerate().all(|(number, client)| {
            let seen =
                |log: &Log| log.events.iter().filter(|event| Client::sees(number, **event)).count();
            client.got.len() == state.logs.iter().map(seen).sum::<usize>()
        })
    }

    /// Whether nobody has passed anything that they may see.
    pub(crate) fn is_gapless(state: &State) -> bool {
        state.clients.iter().enumerate().all(|(number, client)| {
            state.logs.iter().enumerate().all(|(partition, log)| {
                let passed = log.events.iter().filter(|event| event.id <= client.cursor[partition]);
                let mut passed = passed.filter(|event| Client::sees(number, **event));
                passed.all(|event| client.got.contains(&(partition, event.id)))
            })
        })
    }

    /// Whether everybody got everything once, and of each log in order.
    pub(crate) fn is_in_order(state: &State) -> bool {
        state.clients.iter().all(|client| {
            (0..state.logs.len()).all(|partition| {
                let of: Vec<_> = client.got.iter().filter(|(log, _)| *log == partition).collect();
                of.windows(2).all(|pair| pair[0].1 < pair[1].1)
            })
        })
    }
}
