//! [`Turns`]: who has something done for them that cannot be done for all at once, and when.
//!
//! A turn is one question, bounded in what it costs. However many somebody asks, the next question
//! of everybody else comes soon: addresses take turns, in an address its users do, and no address has
//! more than its share of those under way. Whoever waits too long is told to come again.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::address::{Shares, site};

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
}

/// There are too many before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowded;

impl Turns {
    /// So many at once, at most half of them of an address that has a share of its own.
    pub fn new(most: usize, shares: Shares) -> Self {
        let state = State { free: most, lines: HashMap::new(), waiting: VecDeque::new() };
        let each = most.div_ceil(2);
        Self(Arc::new(Shared { each, shares, state: Mutex::new(state) }))
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
                let turn = Turn { shared: Some(self.clone()), site };
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
        if let Some(line) = state.lines.get_mut(&self.site) {
            line.under_way -= 1;
            if line.under_way == 0 && line.users.is_empty() {
                state.lines.remove(&self.site);
            }
        }
        shared.give(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    const ALL: Shares = Shares { by_address: true, loopback: true };

    const LONG: Duration = Duration::from_secs(3_600);

    fn asker(address: u8, user: &str) -> Asker {
        let user = (!user.is_empty()).then(|| user.to_owned());
        Asker { address: [127, 0, 0, address].into(), user }
    }

    fn is_empty(turns: &Turns, free: usize) -> bool {
        let state = turns.0.lock();
        state.free == free && state.lines.is_empty() && state.waiting.is_empty()
    }

    #[tokio::test]
    async fn whoever_comes_late_is_next_however_many_wait_elsewhere() {
        let turns = Turns::new(4, ALL);
        let rude = asker(1, "");
        let under_way = [
            turns.take(&rude, LONG).await.ok().unwrap(),
            turns.take(&rude, LONG).await.ok().unwrap(),
        ];
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(turns.take(&rude, LONG))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()), "it has its share");
        // There is room for others at once, and what becomes free goes around.
        let other = turns.take(&asker(2, ""), LONG).await.ok().unwrap();
        let third = turns.take(&asker(3, ""), LONG).await.ok().unwrap();
        let fourth = asker(4, "");
        let mut late = pin!(turns.take(&fourth, LONG));
        assert!(late.as_mut().now_or_never().is_none());
        drop(other);
        let late = late.now_or_never().unwrap().ok().unwrap();
        drop((waiting, under_way, third, late));
        assert!(is_empty(&turns, 4), "all is given back");
    }

    #[tokio::test]
    async fn users_of_one_address_take_turns() {
        let turns = Turns::new(1, ALL);
        let (alice, bob) = (asker(1, "alice"), asker(1, "bob"));
        let first = turns.take(&alice, LONG).await.ok().unwrap();
        let mut alice: Vec<_> = (0..10).map(|_| Box::pin(turns.take(&alice, LONG))).collect();
        assert!(alice.iter_mut().all(|turn| turn.now_or_never().is_none()));
        let mut bob = pin!(turns.take(&bob, LONG));
        assert!(bob.as_mut().now_or_never().is_none());
        drop(first);
        let second = alice[0].as_mut().now_or_never().unwrap().ok().unwrap();
        assert!(bob.as_mut().now_or_never().is_none());
        drop(second);
        let bob = bob.now_or_never().unwrap().ok().unwrap();
        // Who has gone away is passed over, and keeps nothing.
        alice.truncate(3);
        drop(bob);
        drop(alice);
        assert!(is_empty(&turns, 1));
    }

    #[tokio::test]
    async fn who_waits_too_long_is_told_so_and_who_has_gone_leaves_room() {
        let turns = Turns::new(2, ALL);
        let rude = asker(1, "");
        let taken = turns.take(&rude, LONG).await.ok().unwrap();
        assert_eq!(turns.take(&rude, Duration::ZERO).await.err(), Some(Crowded));
        for _ in 0..1_000 {
            drop(turns.0.line_up(&rude));
        }
        assert!(turns.0.lock().lines[&rude.address].questions[&None].len() < 100);
        drop(taken);
        assert!(is_empty(&turns, 2));
    }

    #[tokio::test]
    async fn loopback_may_be_everybody_and_its_users_share_all() {
        let turns = Turns::new(4, Shares { loopback: false, ..ALL });
        let mut alice = Vec::new();
        for _ in 0..4 {
            alice.push(turns.take(&asker(1, "alice"), LONG).await.ok().unwrap());
        }
        let next = asker(1, "alice");
        let mut next = pin!(turns.take(&next, LONG));
        assert!(next.as_mut().now_or_never().is_none());
        let bob = asker(1, "bob");
        let mut bob = pin!(turns.take(&bob, LONG));
        assert!(bob.as_mut().now_or_never().is_none());
        alice.truncate(2);
        assert!(bob.now_or_never().is_some() && next.now_or_never().is_some());
        drop(alice);
        assert!(is_empty(&turns, 4));
    }
}
