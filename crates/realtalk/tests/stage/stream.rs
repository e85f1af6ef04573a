//! [`Subscriber`]: a client that follows the conversation as a good client does: it comes back
//! with its cursor when it loses the stream, and loads by REST what a `reset` says is missing.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    board::Board,
    deadline::{PATIENCE, until},
    history::{self, Message, Seen},
    line::{Address, Way},
    wire::{Block, Dial},
};

/// Servers ask for seconds; tests have no time for that.
const LONGEST_RETRY: Duration = Duration::from_millis(200);

/// A client that runs until it is dropped.
pub(crate) struct Subscriber {
    name: String,
    since: u64,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

/// What a client knows.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) messages: Vec<Message>,
    /// The reasons of the resets it was told.
    pub(crate) resets: Vec<String>,
    pub(crate) heartbeats: usize,
    /// How often it has got a stream.
    pub(crate) connects: usize,
    /// How often it was told to come back later.
    pub(crate) refusals: usize,
    cursor: Option<String>,
    /// Messages up to this one were loaded by REST: the stream may tell them again.
    loaded: String,
}

/// How to follow.
pub(crate) struct Follow {
    pub(crate) name: String,
    /// The ports of the stream, which may be a proxy's: each time it comes to the next one.
    pub(crate) ports: Vec<u16>,
    pub(crate) way: Way,
    pub(crate) board: Board,
    /// Where to begin: a cursor, and its seq.
    pub(crate) after: Option<(String, u64)>,
    /// A connection that is silent for longer than this is given up.
    pub(crate) patience: Duration,
}

impl Follow {
    /// Follows from now on.
    pub(crate) fn live(name: impl ToString, port: u16, board: &Board) -> Self {
        Self {
            name: name.to_string(),
            ports: vec![port],
            way: Way::Sse,
            board: board.clone(),
            after: None,
            patience: PATIENCE,
        }
    }

    /// Many that follow from now on, each with a number to its name.
    pub(crate) async fn crowd(
        name: &str,
        count: usize,
        port: u16,
        board: &Board,
    ) -> Vec<Subscriber> {
        let mut crowd = Vec::new();
        for number in 0..count {
            crowd.push(Self::live(format!("{name} {number}"), port, board).start().await);
        }
        crowd
    }

    /// Follows after a message.
    pub(crate) fn after(name: impl ToString, port: u16, board: &Board, last: &Message) -> Self {
        Self { after: Some((last.id.clone(), last.seq)), ..Self::live(name, port, board) }
    }

    /// Starts, and waits until the stream stands.
    pub(crate) async fn start(self) -> Subscriber {
        let (cursor, since) = self.after.clone().unzip();
        let state = Arc::new(Mutex::new(State { cursor, ..State::default() }));
        let name = self.name.clone();
        let task = tokio::spawn(self.run(state.clone()));
        let subscriber = Subscriber { name, since: since.unwrap_or_default(), state, task };
        subscriber.wait("has a stream", |state| state.connects > 0).await;
        subscriber
    }

    async fn run(self, state: Arc<Mutex<State>>) {
        let mut retry = LONGEST_RETRY;
        for port in self.ports.iter().cycle() {
            match self.way {
                Way::Sse => self.follow(*port, &state, &mut retry).await.ok(),
                Way::WebSocket => self.follow_socket(*port, &state).await.ok(),
            };
            sleep(retry.min(LONGEST_RETRY)).await;
        }
    }

    /// Reads one stream to its end.
    async fn follow(
        &self,
        port: u16,
        state: &Mutex<State>,
        retry: &mut Duration,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let dial = Dial { cursor: lock(state).cursor.clone(), ..Dial::events(port) };
        let mut wire = timeout(self.patience, dial.open()).await??;
        while let Some(block) = timeout(self.patience, wire.next()).await?? {
            *retry = block.retry.map_or(*retry, Duration::from_millis);
            if block.is("reset") {
                self.reload(state, &block.json()).await;
            } else {
                lock(state).take(&block);
            }
        }
        Ok(())
    }

    /// The same over a WebSocket, as somebody of this subscriber's name.
    async fn follow_socket(
        &self,
        port: u16,
        state: &Mutex<State>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let user = self.name.replace(' ', "-");
        let cursor = lock(state).cursor.clone();
        let address = Address { cursor, ..Address::of(Way::WebSocket, port, &user) };
        let mut line = timeout(self.patience, address.open()).await??;
        while let Ok(event) = timeout(self.patience, line.next()).await? {
            if event["type"] == "reset" {
                self.reload(state, &event).await;
            } else {
                lock(state).take_frame(event);
            }
        }
        Ok(())
    }

    /// Loads what is missing, and goes on from the cursor in the `reset`.
    async fn reload(&self, state: &Mutex<State>, reset: &Value) {
        let last = lock(state).messages.last().map(|message| message.seq);
        let since = self.after.as_ref().map_or(0, |(_, seq)| *seq);
        let after = last.unwrap_or(since).to_string();
        let missed = self.board.all_after(&after).await;
        let mut state = lock(state);
        state.messages.extend(missed);
        state.loaded = state.messages.last().map_or_else(String::new, |message| message.id.clone());
        state.resets.push(reset["reason"].as_str().unwrap().to_owned());
        state.cursor = Some(reset["cursor"].as_str().unwrap().to_owned());
    }
}

impl State {
    fn take(&mut self, block: &Block) {
        if block.is("ready") {
            self.connects += 1;
        } else if block.is("heartbeat") {
            self.heartbeats += 1;
        } else if block.is("busy") {
            self.refusals += 1;
        } else if block.is_message() {
            let message: Message = serde_json::from_value(block.json()).unwrap();
            assert_eq!(block.id.as_ref(), Some(&message.id));
            self.take_message(message);
        }
        // As browsers do: an id counts even where there is nothing to dispatch.
        if let Some(id) = &block.id {
            self.cursor = Some(id.clone());
        }
    }

    fn take_frame(&mut self, event: Value) {
        match event["type"].as_str() {
            Some("ready") => self.connects += 1,
            Some("busy") => self.refusals += 1,
            _ => {}
        }
        // What the client returns with: an event of the log, or where it goes on.
        let id = event["id"].as_str().or(event["cursor"].as_str()).map(str::to_owned);
        self.cursor = id.or(self.cursor.take());
        if event["type"] == "message" && event["conversation_id"] == "public" {
            self.take_message(serde_json::from_value(event).unwrap());
        }
    }

    fn take_message(&mut self, message: Message) {
        if message.id > self.loaded {
            self.messages.push(message);
        }
    }
}

impl Subscriber {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What it got so far.
    pub(crate) fn seen(&self) -> Seen {
        Seen { name: self.name.clone(), since: self.since, messages: self.state().messages.clone() }
    }

    /// Waits until it has got the message with this seq.
    pub(crate) async fn reach(&self, seq: u64) {
        self.wait(&format!("has seq {seq}"), |state| {
            state.messages.last().is_some_and(|last| last.seq >= seq)
        })
        .await;
    }

    pub(crate) async fn wait(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let what = format!("{} {what}", self.name);
        until(&what, async || {
            // A task that ended has failed an assertion.
            assert!(!self.task.is_finished(), "{} failed", self.name);
            holds(&self.state()).then_some(())
        })
        .await;
    }
}

/// Waits until all of them have what is stored, and checks that it is the one history.
pub(crate) async fn check(
    acknowledged: &[Message],
    stored: &[Message],
    subscribers: &[Subscriber],
) {
    let mut seen = Vec::new();
    for subscriber in subscribers {
        subscriber.reach(stored.len() as u64).await;
        seen.push(subscriber.seen());
    }
    history::check(acknowledged, stored, &seen).unwrap();
}

/// The same, and that none of them was told to load anew.
pub(crate) async fn check_unbroken(
    acknowledged: &[Message],
    stored: &[Message],
    subscribers: &[Subscriber],
) {
    check(acknowledged, stored, subscribers).await;
    assert!(subscribers.iter().all(|subscriber| subscriber.state().resets.is_empty()));
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
        if std::thread::panicking() {
            let state = self.state();
            eprintln!(
                "{}: {} messages, last {:?}, cursor {:?}, {} connects, {} refusals, resets {:?}",
                self.name,
                state.messages.len(),
                state.messages.last(),
                state.cursor,
                state.connects,
                state.refusals,
                state.resets,
            );
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
