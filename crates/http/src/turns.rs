//! [`Turns`]: who has something done for them that cannot be done for all at once, and when.
//!
//! A turn is one question, bounded in what it costs. However many somebody asks, the next question
//! of everybody else comes soon: addresses take turns, in an address its users do, and no address has
//! more than its share of those under way, or, where that takes work, of the processors: half of them, half of
//! the time. Whoever waits too long is told to come again.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::available_parallelism,
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::address::{Shares, site};

/// Turns that took less than this are followed by no rest: that would cost more than it saves.
const SHORT: Duration = Duration::from_millis(1);

/// A turn that took longer than this has waited, and not worked.
const LONG: Duration = Duration::from_millis(500);

/// Whose a question is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Where they are.
    pub address: IpAddr,
    /// The key of the user, as soon as it is known.
    pub user: Option<String>,
}

/// Turns at one thing that cannot be had by all at once.
pub struct Turns(Arc<Shared>);

struct Shared {
    /// The most under way of one address.
    each: usize,
    shares: Shares,
    /// Whether an address rests after its turns.
    has_rests: bool,
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// Those that have turns, or wait for one.
    lines: HashMap<IpAddr, Line>,
    /// Addresses that wait, each once; whose turn is next comes first.
    waiting: VecDeque<IpAddr>,
}

/// An address.
#[derive(Default)]
struct Line {
    /// Those that rest included.
    under_way: usize,
    /// Its users that wait; whose turn is next comes first.
    users: VecDeque<User>,
    questions: HashMap<User, VecDeque<oneshot::Sender<Turn>>>,
}

type User = Option<String>;

/// A turn; given back when dropped.
pub struct Turn {
    shared: Option<Arc<Shared>>,
    site: IpAddr,
    since: Instant,
}

/// There are too many before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

impl Turns {
    /// So many at once, at most half of them of an address that has a share of its own.
    pub fn new(most: usize, shares: Shares) -> Self {
        Self::with(most, half(most), shares, false)
    }

    /// The same at what keeps a processor busy for as long as it takes: neither has an address more of them than
    /// half of the processors, and it rests after each for as long as that took.
    pub fn at_work(most: usize, shares: Shares) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self::with(most, half(most).min(half(processors)), shares, true)
    }

    fn with(most: usize, each: usize, shares: Shares, has_rests: bool) -> Self {
        let state = State { free: most, lines: HashMap::new(), waiting: VecDeque::new() };
        Self(Arc::new(Shared { each, shares, has_rests, state: Mutex::new(state) }))
    }

    /// How many an address that has a share has at the most.
    pub fn share(&self) -> usize {
        self.0.each
    }

    /// Waits for a turn, but not longer than `patience`. That bounds, with the number of connections, how
    /// many wait.
    pub async fn take(&self, asker: &Asker, patience: Duration) -> Result<Turn, Crowded> {
        let turn = self.0.line_up(asker);
        match timeout(patience, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Crowded),
        }
    }
}

/// A share that leaves room for somebody else, where there is any.
fn half(all: usize) -> usize {
    all.div_ceil(2)
}

impl Shared {
    fn line_up(self: &Arc<Self>, asker: &Asker) -> oneshot::Receiver<Turn> {
        let (sender, turn) = oneshot::channel();
        let site = site(asker.address);
        let mut state = self.lock();
        let line = state.lines.entry(site).or_default();
        let is_new = line.users.is_empty();
        let theirs = line.questions.entry(asker.user.clone()).or_default();
        if theirs.is_empty() {
            line.users.push_back(asker.user.clone());
        } else if theirs.len() == theirs.capacity() {
            // Before it grows: those who have gone away leave room.
            theirs.retain(|waiting| !waiting.is_closed());
        }
        theirs.push_back(sender);
        if is_new {
            state.waiting.push_back(site);
        }
        self.give(&mut state);
        turn
    }

    /// Gives what is free to whose turn it is.
    fn give(self: &Arc<Self>, state: &mut State) {
        // Addresses that have their share already, since the last one that got something.
        let mut passed_over = 0;
        while state.free > 0 && passed_over < state.waiting.len() {
            let Some(site) = state.waiting.pop_front() else {
                return;
            };
            let Some(line) = state.lines.get_mut(&site) else {
                continue;
            };
            if self.shares.bound(site) && line.under_way >= self.each {
                state.waiting.push_back(site);
                passed_over += 1;
                continue;
            }
            let is_given = line.next().is_some_and(|waiting| {
                let turn = Turn { shared: Some(self.clone()), site, since: Instant::now() };
                waiting.send(turn).map_err(Turn::cancel).is_ok()
            });
            if is_given {
                line.under_way += 1;
                state.free -= 1;
                passed_over = 0;
            }
            if !line.users.is_empty() {
                state.waiting.push_back(site);
            } else if line.under_way == 0 {
                state.lines.remove(&site);
            }
        }
    }

    /// How long an address rests after a turn that took so long.
    fn rest(&self, site: IpAddr, took: Duration) -> Option<Duration> {
        (self.has_rests && took >= SHORT && self.shares.bound(site)).then_some(took.min(LONG))
    }

    /// Somebody of this address may have another turn.
    fn end(self: &Arc<Self>, state: &mut State, site: IpAddr) {
        if let Some(line) = state.lines.get_mut(&site) {
            line.under_way -= 1;
            if line.under_way == 0 && line.users.is_empty() {
                state.lines.remove(&site);
            }
        }
        self.give(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The next question of this address. Those who have gone away do not count.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(user) = self.users.pop_front() {
            let Some(theirs) = self.questions.get_mut(&user) else {
                continue;
            };
            let next = std::iter::from_fn(|| theirs.pop_front()).find(|next| !next.is_closed());
            if theirs.is_empty() {
                self.questions.remove(&user);
            } else {
                self.users.push_back(user);
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Turn {
    /// It was never given.
    fn cancel(mut self) {
        self.shared = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        let mut state = shared.lock();
        state.free += 1;
        let site = self.site;
        match (shared.rest(site, self.since.elapsed()), Handle::try_current()) {
            (Some(rest), Ok(runtime)) => {
                // Others may have it at once.
                shared.give(&mut state);
                drop(state);
                runtime.spawn(async move {
                    sleep(rest).await;
                    shared.end(&mut shared.lock(), site);
                });
            }
            _ => shared.end(&mut state, site),
        }
    }
}

#[cfg(test)]
mod tests;
