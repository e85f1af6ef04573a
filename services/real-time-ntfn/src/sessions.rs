//! [`Sessions`]: which sessions have ended, so that no stream outlives its own.
//!
//! A stream may be on its way while its session ends: identified before, in the hub after. So an
//! ending is remembered for longer than a stream takes to open, which looks here last; and the hub
//! is told again a moment later, for a stream that was right behind its last look.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use common::event::SessionEnded;
use tokio::sync::Notify;

use crate::{hub::Hub, presence::Presence, scope::Session};

/// How long endings are remembered. A stream that takes longer to open is sent back.
const MEMORY: Duration = Duration::from_secs(60);

/// Users whose endings are remembered. With more, the oldest streams under way are sent back.
const MOST: usize = 100_000;

/// When the hub is told again. Well below the 5 s in which a stream must have ended.
const AGAIN: Duration = Duration::from_secs(1);

/// What streams are told whose sessions may have ended unnoticed: they prove themselves anew.
const UNSURE: &str = "expired";

/// Ends the streams of sessions that have ended. Clones are the same.
#[derive(Clone)]
pub struct Sessions {
    hub: Hub,
    presence: Presence,
    state: Arc<Mutex<State>>,
    told: Arc<Notify>,
}

struct State {
    /// By user key: the epoch below which sessions have ended, and since when.
    ended: HashMap<String, (u64, Instant)>,
    /// Endings before this may have been forgotten, or never heard of.
    complete_since: Instant,
    /// What the hub is told again.
    again: Vec<SessionEnded>,
}

/// Whether a session still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Good,
    /// It has ended.
    Ended,
    /// Too much has happened since it was asked about.
    Unsure,
}

impl Sessions {
    /// Ends streams of this hub.
    pub fn new(hub: Hub, presence: Presence) -> Self {
        let state =
            State { ended: HashMap::new(), complete_since: Instant::now(), again: Vec::new() };
        Self { hub, presence, state: Arc::new(Mutex::new(state)), told: Arc::default() }
    }

    /// Ends the streams of a user whose session is from before an epoch.
    pub fn end(&self, ended: SessionEnded) {
        let mut state = self.lock();
        state.remember(&ended, Instant::now());
        state.again.push(ended.clone());
        drop(state);
        self.tell(&ended);
        self.told.notify_one();
    }

    /// The feed has a hole, and an ending may lie in it: every stream with a credential ends, and
    /// comes back with it if it is still good. Names that were taken as given have nothing to end.
    pub fn start_over(&self) {
        let ended = |user| SessionEnded { user, epoch: u64::MAX, reason: UNSURE.to_owned() };
        let all: Vec<_> = self.presence.authenticated().into_iter().map(ended).collect();
        let mut state = self.lock();
        state.forget(Instant::now());
        state.again.extend(all.iter().cloned());
        drop(state);
        for ended in &all {
            self.tell(ended);
        }
        self.told.notify_one();
    }

    /// Whether a session still stands that the message service confirmed when it was asked, at
    /// `asked` or later.
    pub fn standing(&self, session: &Session, asked: Instant) -> Standing {
        self.lock().standing(session, asked)
    }

    /// Tells the hub of every ending again, until it is aborted.
    pub async fn run(self) {
        loop {
            self.told.notified().await;
            // Taken before the pause: each is told again after a whole one.
            let again = std::mem::take(&mut self.lock().again);
            tokio::time::sleep(AGAIN).await;
            for ended in &again {
                self.tell(ended);
            }
        }
    }

    fn tell(&self, ended: &SessionEnded) {
        self.hub.end_sessions(ended);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remember(&mut self, ended: &SessionEnded, now: Instant) {
        if self.ended.len() >= MOST {
            self.ended.retain(|_, (_, at)| now.duration_since(*at) < MEMORY);
        }
        if self.ended.len() >= MOST {
            self.forget(now);
        }
        let epoch =
            self.ended.get(&ended.user).map_or(ended.epoch, |known| known.0.max(ended.epoch));
        self.ended.insert(ended.user.clone(), (epoch, now));
    }

    fn forget(&mut self, now: Instant) {
        self.ended.clear();
        self.complete_since = now;
    }

    fn standing(&self, session: &Session, asked: Instant) -> Standing {
        match self.ended.get(&session.user.key) {
            Some((epoch, _)) if session.epoch < *epoch => Standing::Ended,
            _ if asked < self.complete_since || asked.elapsed() > MEMORY => Standing::Unsure,
            _ => Standing::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use common::internal::UserRef;

    use super::*;

    fn session(user: &str, epoch: u64) -> Session {
        let user = UserRef { name: user.to_owned(), key: user.to_owned() };
        Session { user, authenticated: true, expires_at: None, epoch, acknowledges: false }
    }

    fn ended(user: &str, epoch: u64) -> SessionEnded {
        SessionEnded { user: user.to_owned(), epoch, reason: "signed_out".to_owned() }
    }

    #[test]
    fn a_session_ends_for_its_user_and_below_its_epoch() {
        let start = Instant::now();
        let mut state = State { ended: HashMap::new(), complete_since: start, again: Vec::new() };
        let asked = Instant::now();
        state.remember(&ended("alice", 3), asked);
        // Endings may be heard of twice, and in any order.
        state.remember(&ended("alice", 2), asked);
        let standing = |state: &State, user, epoch| state.standing(&session(user, epoch), asked);
        assert_eq!(standing(&state, "alice", 2), Standing::Ended);
        assert_eq!(standing(&state, "alice", 3), Standing::Good);
        assert_eq!(standing(&state, "bob", 0), Standing::Good);
        state.forget(asked + Duration::from_millis(1));
        assert_eq!(standing(&state, "bob", 0), Standing::Unsure);
    }
}
