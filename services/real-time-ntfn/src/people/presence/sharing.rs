//! [`SharingTask`]: has the instances know of each other's people, over Redis.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use bus::{PublishError, Roster, RosterChange};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Presence, elsewhere::Hearing, registry::Local};

/// How long what an instance says holds. One that dies takes its people along after this.
pub const LEASE: Duration = Duration::from_secs(40);

/// How often it says so. Whoever has missed its last word learns it by this.
const RENEW: Duration = Duration::from_secs(4);

/// How often it says what has changed.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before something is tried again that Redis has not done.
const RETRY: Duration = Duration::from_secs(5);

/// Changes of others that may wait. Of further ones the number is missing, and all that their instance says is read.
const QUEUE: usize = 256;

/// Tries of which it is not worth a word that they fail: a connection that was lost is noticed by one.
const QUIET_TRIES: u32 = 1;

/// What saying goodbye may take.
const LAST: Duration = Duration::from_secs(1);

/// Where what is heard of others goes in. Clones are the same.
#[derive(Clone)]
pub struct Sharing {
    said: mpsc::Sender<RosterChange>,
    begins: Arc<AtomicBool>,
    listening: watch::Sender<bool>,
    settled: watch::Receiver<bool>,
    has_started: Arc<AtomicBool>,
}

/// Tells others who is here, and takes what they tell; [`run`](SharingTask::run) it.
pub struct SharingTask {
    presence: Presence,
    roster: Roster,
    said: mpsc::Receiver<RosterChange>,
    /// Whether others are heard from now on, and something may have been missed.
    begins: Arc<AtomicBool>,
    listening: watch::Receiver<bool>,
    /// Whether what others say has been read once.
    settled: watch::Sender<bool>,
    /// Whether anybody can have come here who was told who is online.
    has_started: Arc<AtomicBool>,
    /// Whether it is still to be asked which others there are.
    is_searching: bool,
    /// When Redis last took what was said.
    renewed: Option<Instant>,
    /// Instances of which all that they say is still to be read.
    unread: BTreeSet<String>,
    /// While Redis does not do what it is asked for: since how many tries, and when to try again.
    failures: u32,
    retry: Option<Instant>,
}

impl Sharing {
    /// For the people of an instance that says so by a roster.
    pub fn new(presence: Presence, roster: Roster) -> (Self, SharingTask) {
        presence.lock().share();
        let (sender, said) = mpsc::channel(QUEUE);
        let (listening, hears) = watch::channel(false);
        let (settled, is_settled) = watch::channel(false);
        let (begins, has_started) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let task = SharingTask {
            presence,
            roster,
            said,
            begins: begins.clone(),
            listening: hears,
            settled,
            has_started: has_started.clone(),
            is_searching: false,
            renewed: None,
            unread: BTreeSet::new(),
            failures: 0,
            retry: None,
        };
        (Self { said: sender, begins, listening, settled: is_settled, has_started }, task)
    }

    /// Waits until it is known who is connected to others, but not longer than `patience`. Whoever comes after that is
    /// told of those who come online; they find the others online already.
    pub async fn settle(&self, patience: Duration) {
        let mut settled = self.settled.clone();
        timeout(patience, settled.wait_for(|settled| *settled)).await.ok();
        self.has_started.store(true, Ordering::Release);
    }

    /// An instance has said something.
    pub fn hear(&self, said: RosterChange) {
        self.said.try_send(said).ok();
    }

    /// Whether what others say is heard, from now on.
    pub fn listen(&self, hears: bool) {
        if hears {
            self.begins.store(true, Ordering::Release);
        }
        self.listening.send_replace(hears);
    }
}

impl SharingTask {
    /// Works until it is stopped, and says goodbye then.
    pub async fn run(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(self.share()).await;
        timeout(LAST, self.roster.withdraw()).await.ok();
    }

    async fn share(&mut self) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(said) = self.said.recv() => self.hear(said),
                _ = look.tick() => {
                    let done = self.look().await;
                    self.note(done);
                }
            }
        }
    }

    fn hear(&mut self, said: RosterChange) {
        if said.from == self.roster.name() {
            return;
        }
        let (from, times) = (said.from.clone(), (LEASE, self.presence.lock().grace()));
        let hearing = self.presence.hear_elsewhere(
            |_| true,
            |there, changes| there.hear(said, Instant::now(), times, changes),
        );
        if hearing == Hearing::Missed {
            self.unread.insert(from);
        }
    }

    /// Says what is to be said, and reads what is to be read. Returns whether anything was tried, or what of it Redis did
    /// not do.
    async fn look(&mut self) -> Result<bool, PublishError> {
        let hears = *self.listening.borrow();
        if hears && self.begins.swap(false, Ordering::AcqRel) {
            (self.retry, self.is_searching) = (None, true);
            self.roster.forget();
            // Nobody is taken to have gone because nothing was heard.
            self.presence.hear_elsewhere(|()| true, |there, _| there.excuse(Instant::now()));
        }
        if self.retry.is_some_and(|at| Instant::now() < at) {
            // Everybody is written then, so nothing that changes meanwhile need be kept.
            self.presence.lock().take_local(true);
            self.roster.forget();
            return Ok(false);
        }
        // First of all: others may wait for this one, as it does for them.
        let said = self.say().await;
        let read = if hears { self.read().await } else { Ok(false) };
        said.and_then(|has_said| read.map(|has_read| has_said || has_read))
    }

    /// Says who has come and gone, or who is here, or that this instance is, if it is time to.
    async fn say(&mut self) -> Result<bool, PublishError> {
        let is_whole = self.roster.is_whole();
        let local = {
            let mut registry = self.presence.lock();
            registry.expire(Instant::now());
            registry.take_local(is_whole)
        };
        match local {
            Local::All(people) => self.roster.write(&people).await?,
            Local::Changes { arrived, left } => {
                let is_quiet = arrived.is_empty() && left.is_empty();
                if is_quiet && self.renewed.is_some_and(|at| at.elapsed() < RENEW) {
                    return Ok(false);
                }
                self.roster.change(arrived, left).await?;
            }
        }
        self.renewed = Some(Instant::now());
        Ok(true)
    }

    /// Reads all that instances say of which something was missed. Until somebody can have come here, it is only now
    /// known who was online before; after that they come.
    async fn read(&mut self) -> Result<bool, PublishError> {
        let now = Instant::now();
        if self.is_searching {
            self.unread.extend(self.roster.others().await?);
            self.is_searching = false;
        }
        self.unread.extend(self.presence.hear_elsewhere(|_| true, |there, _| there.ended(now)));
        let has_read = !self.unread.is_empty();
        while let Some(name) = self.unread.first() {
            let page = self.roster.page(name).await?;
            let name = self.unread.pop_first().unwrap_or_default();
            let is_told = self.has_started.load(Ordering::Acquire);
            let now = Instant::now();
            if let Some(page) = page {
                self.presence.hear_elsewhere(
                    |is_new| is_told || !is_new,
                    |there, changes| there.read(&name, page, now, changes),
                );
            } else {
                self.presence.hear_elsewhere(
                    |()| true,
                    |there, changes| there.drop_ended(&name, now, changes),
                );
                self.roster.strike(&name).await?;
            }
        }
        self.settled.send_replace(true);
        Ok(has_read)
    }

    /// Logged when it begins and when it ends.
    fn note(&mut self, done: Result<bool, PublishError>) {
        match done {
            Ok(false) => {}
            Ok(true) => {
                if self.failures > QUIET_TRIES {
                    tracing::info!("presence is shared again");
                }
                (self.failures, self.retry) = (0, None);
            }
            Err(error) => {
                if self.failures == QUIET_TRIES {
                    tracing::warn!(
                        %error,
                        "presence cannot be shared; each instance goes on with what it knows"
                    );
                }
                self.failures = self.failures.saturating_add(1);
                let retry = if self.failures > QUIET_TRIES { RETRY } else { Duration::ZERO };
                self.retry = Some(Instant::now() + retry);
            }
        }
    }
}
