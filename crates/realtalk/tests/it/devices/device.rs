//! [`Device`]: one client of a user, which does as a good client does: it loads once, follows its
//! stream, comes back with its cursor when it loses it, and loads anew when it is told to.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{model::Model, outbox::Outbox, snapshot::Snapshot};
use crate::{
    deadline::{PATIENCE, until},
    line::{Address, End, Way},
    person::Person,
};

/// A connection on which nothing happens for longer than this is given up.
const SILENCE: Duration = Duration::from_secs(40);
/// Servers ask for seconds; tests have no time for that.
const RETRY: Duration = Duration::from_millis(100);

/// A client that runs until it is dropped.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) person: Person,
    pub(crate) way: Way,
    state: Arc<Mutex<State>>,
    wanted: watch::Sender<Wanted>,
    outgoing: mpsc::UnboundedSender<Value>,
    task: JoinHandle<()>,
}

/// What a device knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) cursor: String,
    /// The cursor at which it was last loaded.
    pub(crate) since: String,
    /// The durable events that came over streams since then.
    pub(crate) seen: Vec<Value>,
    /// The messages that it sent over a WebSocket, as they were acknowledged.
    pub(crate) acknowledged: Vec<Value>,
    pub(crate) connects: usize,
    pub(crate) resets: usize,
    unsent: usize,
}

/// What a device is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Wanted {
    offline: bool,
    /// Counts how often it was told to reconnect.
    connection: usize,
    /// Counts how often it was told to forget everything.
    memory: usize,
}

impl Device {
    /// Loads, connects, and waits until the stream stands.
    ///
    /// It comes to these ports in turn.
    pub(crate) async fn start(name: &str, way: Way, person: &Person, ports: &[u16]) -> Self {
        let (snapshot, cursor) = Snapshot::load(person).await;
        let state = Arc::new(Mutex::new(State {
            model: Model::new(&person.name, snapshot, &cursor),
            since: cursor.clone(),
            cursor,
            seen: Vec::new(),
            acknowledged: Vec::new(),
            connects: 0,
            resets: 0,
            unsent: 0,
        }));
        let (wanted, wishes) = watch::channel(Wanted::default());
        let (outgoing, incoming) = mpsc::unbounded_channel();
        let runner = Runner {
            way,
            ports: ports.to_vec(),
            person: person.clone(),
            state: state.clone(),
            wishes,
            outbox: Outbox::new(incoming),
        };
        let (name, person, task) = (name.to_owned(), person.clone(), tokio::spawn(runner.run()));
        let device = Self { name, person, way, state, wanted, outgoing, task };
        device.wait("has a stream", |state| state.connects > 0).await;
        device
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Its state, to be read by somebody else.
    pub(crate) fn view(&self) -> View {
        View(self.state.clone())
    }

    pub(crate) fn set_offline(&self, offline: bool) {
        self.wanted.send_modify(|wanted| wanted.offline = offline);
    }

    /// Lets it lose its stream, and come back with its cursor.
    pub(crate) async fn reconnect(&self) {
        let before = self.state().connects;
        self.wanted.send_modify(|wanted| wanted.connection += 1);
        self.wait("has a stream again", |state| state.connects > before).await;
    }

    /// Lets it lose all that it knows, its cursor too.
    pub(crate) fn forget(&self) {
        self.wanted.send_modify(|wanted| wanted.memory += 1);
    }

    /// Where messages for its WebSocket go in.
    pub(crate) fn outgoing(&self) -> mpsc::UnboundedSender<Value> {
        self.outgoing.clone()
    }

    pub(crate) async fn wait(&self, what: &str, holds: impl Fn(&State) -> bool) {
        until(&format!("{} {what}", self.name), async || {
            // A task that ended has failed an assertion.
            assert!(!self.task.is_finished(), "{} failed", self.name);
            holds(&self.state()).then_some(())
        })
        .await;
    }

    /// Waits until it has all events up to this one.
    pub(crate) async fn reach(&self, id: &str) {
        self.wait(&format!("is at {id}"), |state| state.cursor.as_str() >= id).await;
    }

    /// Waits until everything that it sent is acknowledged.
    pub(crate) async fn sent(&self) {
        self.wait("has sent everything", |state| state.unsent == 0).await;
    }

    /// Waits until it knows exactly what a fresh load shows.
    pub(crate) async fn agree(&self, after: &str) {
        let started = Instant::now();
        loop {
            assert!(!self.task.is_finished(), "{} failed", self.name);
            let (fresh, _) = Snapshot::load(&self.person).await;
            let mine = self.state().model.snapshot();
            let Some(difference) = mine.difference(&fresh) else {
                return;
            };
            assert!(started.elapsed() < PATIENCE, "{} after {after}: {difference}", self.name);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            let State { cursor, since, seen, connects, resets, .. } = &*self.state();
            let (name, last) = (&self.name, seen.last());
            eprintln!(
                "{name}: loaded at {since}, at {cursor}, {} events since, {connects} connects, \
                 {resets} resets, last {last:?}",
                seen.len(),
            );
        }
    }
}

/// A device's state, for those who act like its user.
#[derive(Clone)]
pub(crate) struct View(Arc<Mutex<State>>);

impl View {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

/// Runs a device.
struct Runner {
    way: Way,
    ports: Vec<u16>,
    person: Person,
    state: Arc<Mutex<State>>,
    wishes: watch::Receiver<Wanted>,
    outbox: Outbox,
}

impl Runner {
    async fn run(mut self) {
        let mut memory = 0;
        while self.wishes.wait_for(|wanted| !wanted.offline).await.is_ok() {
            let wanted = *self.wishes.borrow_and_update();
            if wanted.memory != memory {
                memory = wanted.memory;
                self.load().await;
            }
            // However it ended, the device comes back.
            self.follow(wanted).await.ok();
            sleep(RETRY).await;
        }
    }

    async fn load(&self) {
        let (snapshot, cursor) = Snapshot::load(&self.person).await;
        let mut state = lock(&self.state);
        state.model = Model::new(&self.person.name, snapshot, &cursor);
        state.since.clone_from(&cursor);
        state.cursor = cursor;
        state.seen.clear();
    }

    /// Follows one stream to its end, or until something else is wanted.
    async fn follow(&mut self, wanted: Wanted) -> Result<(), End> {
        let rooms = self.rooms();
        let mut address = Address::of(self.way, self.ports[0], &self.person.name);
        self.ports.rotate_left(1);
        address.query += &format!("&rooms={}", rooms.join(","));
        address.cursor = Some(lock(&self.state).cursor.clone());
        let opened = timeout(SILENCE, address.open()).await;
        let mut line = opened.map_err(|_| End::Broken)?.map_err(|_| End::Broken)?;
        self.outbox.repeat();
        loop {
            lock(&self.state).unsent = self.outbox.len();
            let event = tokio::select! {
                event = timeout(SILENCE, line.next()) => event.map_err(|_| End::Broken)??,
                frame = self.outbox.next() => {
                    line.send(&frame?).await?;
                    continue;
                }
                () = other(&mut self.wishes, wanted) => return Ok(()),
            };
            self.take(&event).await;
            let is_over = matches!(event["type"].as_str(), Some("reset" | "busy" | "reauth"));
            if is_over || rooms != self.rooms() {
                return Ok(());
            }
        }
    }

    fn rooms(&self) -> Vec<String> {
        lock(&self.state).model.rooms()
    }

    async fn take(&mut self, event: &Value) {
        match event["type"].as_str().unwrap() {
            "ready" => lock(&self.state).connects += 1,
            "reset" => {
                lock(&self.state).resets += 1;
                self.load().await;
            }
            "ack" => {
                if let Some(sent) = self.outbox.acknowledge(event) {
                    let mut state = lock(&self.state);
                    state.model.acknowledge(event, &sent);
                    state.acknowledged.push(event.clone());
                }
            }
            "error" => self.outbox.refuse(event),
            _ => self.apply(event).await,
        }
    }

    async fn apply(&self, event: &Value) {
        let mut model = {
            let mut state = lock(&self.state);
            if let Some(id) = event["id"].as_str() {
                if *id <= *state.cursor {
                    // Nothing but what a service that crashed had not reported as delivered.
                    let user = event["user"] != json!(self.person.name);
                    let place = event["conversation_id"].as_str().unwrap();
                    let private = place.starts_with("dm:") || place.starts_with("g-");
                    let again = event["type"] == "message" && private && user;
                    assert!(again, "{event} came after {}", state.cursor);
                    return;
                }
                state.cursor = id.to_owned();
                state.seen.push(event.clone());
            }
            state.model.apply(event);
            if state.model.is_complete() {
                return;
            }
            state.model.clone()
        };
        model.complete(&self.person).await;
        lock(&self.state).model = model;
    }
}

/// Waits until something else is wanted.
async fn other(wishes: &mut watch::Receiver<Wanted>, wanted: Wanted) {
    wishes.wait_for(|wish| *wish != wanted).await.ok();
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
