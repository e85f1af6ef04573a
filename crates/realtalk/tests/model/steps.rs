//! What may happen next, what comes of it, and what must hold.

use stateright::{Model, Property};

use crate::{
    protocol::{Protocol, Rule},
    state::{Batch, Client, Event, Feed, Log, State, Step, Writer},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Look(usize),
    Begin(usize),
    Commit(usize),
    Publish(usize),
    Crash(usize),
    Deliver(usize, usize),
    Drop(usize, usize),
    Double(usize, usize),
    Cut(usize),
    Subscribe(usize),
    Pull(usize),
    Restart(usize),
    Connect(usize, usize),
    Read(usize),
    /// The stream says where it stands.
    Place(usize),
    Lose(usize),
}

/// What may happen.
impl Protocol {
    /// What is done as soon as it can be.
    pub(crate) fn work(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, writer) in state.writers.iter().enumerate() {
            let is_free = !state.logs[self.partition(number)].is_locked;
            match writer.step {
                Step::Idle if writer.posts == 0 => {}
                Step::Idle if !self.is_kept(Rule::PredecessorUnderLock) => {
                    actions.push(Action::Look(number));
                }
                Step::Idle | Step::Waiting(_) => {
                    if is_free || !self.is_kept(Rule::IdsUnderLock) {
                        actions.push(Action::Begin(number));
                    }
                }
                Step::Open(_) => actions.push(Action::Commit(number)),
                Step::Committed(_) => actions.push(Action::Publish(number)),
            }
        }
        for (number, feed) in state.feeds.iter().enumerate() {
            let messages = 0..feed.inbox.len();
            actions.extend(messages.map(|message| Action::Deliver(number, message)));
            let is_late = Self::is_behind(state, number) || !feed.early.is_empty();
            if is_late && self.is_kept(Rule::SilenceIsPulled) {
                actions.push(Action::Pull(number));
            }
            if !feed.hears {
                actions.push(Action::Subscribe(number));
            }
        }
        for (number, client) in state.clients.iter().enumerate() {
            let Some(feed) = client.at else {
                let is_there = |feed: &Feed| {
                    Self::has_caught_up(feed, client) || !self.is_kept(Rule::WaitForTheFeed)
                };
                let there = state.feeds.iter().enumerate().filter(|(_, feed)| is_there(feed));
                actions.extend(there.map(|(feed, _)| Action::Connect(number, feed)));
                continue;
            };
            if !client.unread.is_empty() {
                actions.push(Action::Read(number));
            }
            let is_said = client.unread.is_empty() || !self.is_kept(Rule::CursorFollowsWhatIsRead);
            if is_said && client.cursor != state.feeds[feed].last {
                actions.push(Action::Place(number));
            }
        }
    }

    /// What goes wrong.
    pub(crate) fn faults(state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        for (number, writer) in state.writers.iter().enumerate() {
            if left.crashes > 0 && matches!(writer.step, Step::Open(_) | Step::Committed(_)) {
                actions.push(Action::Crash(number));
            }
        }
        for (number, feed) in state.feeds.iter().enumerate() {
            for message in 0..feed.inbox.len() {
                actions.extend((left.drops > 0).then_some(Action::Drop(number, message)));
                actions.extend((left.doubles > 0).then_some(Action::Double(number, message)));
            }
            actions.extend((feed.hears && left.cuts > 0).then_some(Action::Cut(number)));
            actions.extend((left.restarts > 0).then_some(Action::Restart(number)));
        }
        for (number, client) in state.clients.iter().enumerate() {
            let is_there = client.at.is_some() && left.moves > 0;
            actions.extend(is_there.then_some(Action::Lose(number)));
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let nothing = vec![0; self.partitions];
        let feed = Feed {
            last: nothing.clone(),
            ring: vec![Vec::new(); self.partitions],
            floor: nothing.clone(),
            inbox: Vec::new(),
            early: Vec::new(),
            hears: true,
        };
        let client = Client { at: None, cursor: nothing, unread: Vec::new(), got: Vec::new() };
        let writer = |posts: &u8| Writer { posts: *posts, step: Step::Idle };
        vec![State {
            logs: vec![Log::default(); self.partitions],
            writers: self.posts.iter().map(writer).collect(),
            feeds: vec![feed; self.feeds],
            clients: vec![client; self.clients],
            left: self.budget.clone(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.work(state, actions);
        Self::faults(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Look(number) => {
                let after = state.logs[self.partition(number)].last();
                state.writers[number].step = Step::Waiting(after);
            }
            Action::Begin(number) => {
                let partition = self.partition(number);
                let log = &mut state.logs[partition];
                let after = match state.writers[number].step {
                    Step::Waiting(after) => after,
                    _ => log.last(),
                };
                log.next = if self.is_kept(Rule::IdsUnderLock) { log.last() } else { log.next } + 1;
                let event = Event { id: log.next, writer: number };
                log.is_locked = true;
                state.writers[number].step = Step::Open(Batch { partition, after, event });
            }
            Action::Commit(number) => {
                let Step::Open(batch) = state.writers[number].step else { return None };
                let log = &mut state.logs[batch.partition];
                log.events.push(batch.event);
                log.is_locked = false;
                state.writers[number].step = Step::Committed(batch);
                state.writers[number].posts -= 1;
            }
            Action::Publish(number) => {
                let Step::Committed(batch) = state.writers[number].step else { return None };
                for feed in state.feeds.iter_mut().filter(|feed| feed.hears) {
                    feed.inbox.push(batch);
                    feed.inbox.sort_unstable();
                }
                state.writers[number].step = Step::Idle;
            }
            Action::Crash(number) => {
                state.left.crashes -= 1;
                // What was not committed is posted again; what was is found by its key.
                if let Step::Open(batch) = state.writers[number].step {
                    state.logs[batch.partition].is_locked = false;
                }
                state.writers[number].step = Step::Idle;
            }
            Action::Deliver(feed, message) => {
                let batch = state.feeds[feed].inbox.remove(message);
                self.take(state, feed, batch);
                self.take_early(state, feed);
            }
            Action::Drop(feed, message) => {
                state.left.drops -= 1;
                state.feeds[feed].inbox.remove(message);
            }
            Action::Double(feed, message) => {
                state.left.doubles -= 1;
                let batch = state.feeds[feed].inbox[message];
                state.feeds[feed].inbox.insert(message, batch);
            }
            Action::Cut(feed) => {
                state.left.cuts -= 1;
                state.feeds[feed].hears = false;
                state.feeds[feed].inbox.clear();
            }
            Action::Subscribe(feed) => state.feeds[feed].hears = true,
            Action::Pull(feed) => {
                self.pull(state, feed);
                self.take_early(state, feed);
                state.feeds[feed].early.clear();
            }
            Action::Restart(number) => {
                state.left.restarts -= 1;
                for client in state.clients.iter_mut().filter(|client| client.at == Some(number)) {
                    client.at = None;
                    client.unread.clear();
                }
                let feed = &mut state.feeds[number];
                (feed.inbox, feed.early) = (Vec::new(), Vec::new());
                // It begins with the end of the log.
                for (partition, log) in state.logs.iter().enumerate() {
                    let events = log.after(0);
                    let begins = events.len().saturating_sub(self.ring);
                    let before = begins.checked_sub(1).map(|before| events[before].id);
                    feed.floor[partition] = before.unwrap_or(0);
                    feed.last[partition] = log.last();
                    feed.ring[partition] = events[begins..].to_vec();
                }
            }
            Action::Connect(number, feed) => self.connect(state, number, feed),
            Action::Read(number) => {
                let client = &mut state.clients[number];
                let (partition, event) = client.unread.remove(0);
                client.got.push((partition, event.id));
                client.cursor[partition] = event.id;
            }
            Action::Place(number) => {
                let client = &mut state.clients[number];
                client.cursor = client.at.map(|feed| state.feeds[feed].last.clone())?;
            }
            Action::Lose(number) => {
                state.left.moves -= 1;
                let client = &mut state.clients[number];
                client.at = None;
                client.unread.clear();
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("nobody has passed what they never got", |_, state| {
                Self::is_gapless(state)
            }),
            Property::always("everything comes once and in order", |_, state| {
                Self::is_in_order(state)
            }),
            Property::always("who waits gets everything", |protocol: &Self, state| {
                let mut actions = Vec::new();
                protocol.work(state, &mut actions);
                !actions.is_empty() || Self::is_complete(state)
            }),
        ]
    }
}
