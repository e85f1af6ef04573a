//! [`Pending`]: what is to be told of the log, in order, and what the receiver knows of it.

use std::collections::{HashSet, VecDeque};

use common::{
    Batch, EventId,
    audience::{MOST_TOLD, MOST_TOLD_BYTES, SetId},
    event::fitting,
};

/// The most events in one push; a receiver that is further behind pulls.
const MAX_EVENTS: usize = 1_000;

/// The most batches. Where others write to the log too, there are holes between.
const MAX_BATCHES: usize = 64;

/// What is to be told, as far as it fits: the receiver pulls what is left out.
pub(super) struct Pending {
    batches: VecDeque<Batch>,
    /// The most bytes that are told at once.
    most_bytes: usize,
    /// How far it has been told that the log goes.
    told_to: EventId,
    told: ToldSets,
}

/// Sets that the receiver has been told, and does not need again. Should it not know one any more, it pulls.
struct ToldSets {
    sets: HashSet<SetId>,
    /// About how many bytes these are.
    bytes: usize,
    /// Of what it keeps, one part of so many is for what is told here.
    share: usize,
}

impl Pending {
    /// Nothing yet, for a receiver that takes so many bytes at once, and keeps sets of so many who tell it some.
    pub(super) fn new(most_bytes: usize, share_of_sets: usize) -> Self {
        let told = ToldSets { sets: HashSet::new(), bytes: 0, share: share_of_sets };
        Self { batches: VecDeque::new(), most_bytes, told_to: EventId::ZERO, told }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// How far it has been told that the log goes.
    pub(super) const fn told_to(&self) -> EventId {
        self.told_to
    }

    /// The receiver is to be told that the log goes this far, so that it pulls what it does not have.
    pub(super) fn announce(&mut self, head: EventId) {
        self.batches.push_back(Batch::new(head.max(self.told_to), Vec::new()));
    }

    /// What is to be told next, without what has been told since it came to wait.
    pub(super) fn next(&mut self) -> Option<Batch> {
        let mut batch = self.batches.pop_front()?;
        batch.sets.retain(|set, _| !self.told.sets.contains(set));
        Some(batch)
    }

    /// It has not been told yet.
    pub(super) fn put_back(&mut self, batch: Batch) {
        self.batches.push_front(batch);
    }

    /// Nothing of this is told any more; it is in the log, which goes this far.
    pub(super) fn give_up(&mut self, head: EventId) {
        self.batches.clear();
        self.told_to = head;
    }

    /// Adds what has been committed.
    pub(super) fn append(&mut self, batch: Batch) {
        match self.batches.back_mut() {
            Some(last) if last.end() == batch.after => {
                last.events.extend(batch.events);
                last.sets.extend(batch.sets);
            }
            _ => self.batches.push_back(batch),
        }
        // The oldest are left out, and the receiver pulls.
        let events: usize = self.batches.iter().map(|batch| batch.events.len()).sum();
        let mut surplus = events - fitting(self.sizes(), self.most_bytes);
        let newest = self.batches.back().map(Batch::end);
        while surplus > 0
            && let Some(mut oldest) = self.batches.pop_front()
        {
            if oldest.events.len() > surplus {
                let last = oldest.events.drain(..surplus).next_back();
                oldest.after = last.map_or(oldest.after, |event| event.id);
                self.batches.push_front(oldest);
                break;
            }
            surplus -= oldest.events.len();
        }
        while self.batches.len() > MAX_BATCHES {
            self.batches.pop_front();
        }
        // One that is too large by itself is announced.
        if self.batches.is_empty()
            && let Some(newest) = newest
        {
            self.batches.push_back(Batch::new(newest, Vec::new()));
        }
        for batch in &mut self.batches {
            let used: HashSet<_> =
                batch.events.iter().filter_map(|event| event.audience.set()).collect();
            batch.sets.retain(|set, _| used.contains(set) && !self.told.sets.contains(set));
        }
    }

    /// The receiver has what was pushed.
    pub(super) fn note_told(&mut self, batch: &Batch) {
        self.told_to = self.told_to.max(batch.end());
        for (set, users) in batch.sets.iter() {
            if self.told.sets.insert(set.clone()) {
                self.told.bytes += users.size();
            }
        }
        let ToldSets { sets, bytes, share } = &mut self.told;
        if sets.len() > MOST_TOLD / *share || *bytes > MOST_TOLD_BYTES / *share {
            sets.clear();
            *bytes = 0;
        }
    }

    /// What events take in a push, the newest first, each with the set that it brings.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        let mut counted = HashSet::new();
        let events = self
            .batches
            .iter()
            .rev()
            .flat_map(|batch| batch.events.iter().rev().map(move |event| (&batch.sets, event)));
        events.take(MAX_EVENTS).map(move |(sets, event)| {
            let set = event.audience.set();
            let set = set.filter(|set| !self.told.sets.contains(*set) && counted.insert(*set));
            let users = set.and_then(|set| sets.get(set));
            event.size() + users.map_or(0, |users| users.size())
        })
    }
}
