//! [`Unseen`]: what was written to a user, until their client can be taken to have it.

use common::EventId;

/// The last events of a stream that are addressed to its user, and are written, but may not have arrived.
///
/// That a socket took them says nothing: a client may be gone, or read nothing. A WebSocket's client
/// that answers a ping has read what was written before it. Of any other nothing can be heard, so it has
/// to live on: two heartbeats are written after an event, and when it is time for another one, its system
/// has acknowledged all of it.
#[derive(Debug, Default)]
pub struct Unseen {
    written: Option<EventId>,
    /// Something that may prove it was written after these.
    before_last: Option<EventId>,
    before_two: Option<EventId>,
}

impl Unseen {
    /// Everything up to this event is written.
    pub fn write(&mut self, up_to: Option<EventId>) {
        self.written = up_to.max(self.written);
    }

    /// Nothing more will be known of what is written.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// A heartbeat is about to be written, and nothing else waits to be. Returns up to where everything
    /// has arrived; nothing counts while something is not acknowledged.
    pub fn beat(&mut self, is_acknowledged: impl FnOnce() -> bool) -> Option<EventId> {
        let is_empty = self.written.is_none() && self.before_last.is_none();
        if is_empty && self.before_two.is_none() || !is_acknowledged() {
            return None;
        }
        let seen = self.before_two.take();
        self.before_two = self.before_last.take();
        self.before_last = self.written.take();
        seen
    }

    /// A ping is about to be written, and nothing else waits to be.
    pub fn ask(&mut self) {
        // The answer to the one before may still come, and would be taken for this one's.
        if self.before_last.is_none() {
            self.before_last = self.written.take();
        }
    }

    /// The client has answered a ping. Returns up to where everything has arrived.
    pub fn answer(&mut self) -> Option<EventId> {
        self.before_last.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(micros: u64) -> Option<EventId> {
        EventId::from_micros(micros)
    }

    #[test]
    fn who_only_listens_has_what_was_written_two_heartbeats_ago() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.beat(|| unreachable!("nothing is written")), None);
        unseen.write(id(1));
        assert_eq!(unseen.beat(|| true), None);
        unseen.write(id(2));
        assert_eq!(unseen.beat(|| true), None);
        assert_eq!(unseen.beat(|| false), None, "while nothing moves");
        assert_eq!(unseen.beat(|| true), id(1));
        unseen.write(None);
        assert_eq!(unseen.beat(|| true), id(2));
        assert_eq!(unseen.beat(|| unreachable!("all has arrived")), None);
    }

    #[test]
    fn who_answers_has_what_was_written_before_the_question() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.answer(), None);
        unseen.write(id(1));
        assert_eq!(unseen.answer(), None, "it was not asked since");
        unseen.ask();
        unseen.write(id(2));
        unseen.ask();
        assert_eq!(unseen.answer(), id(1));
        assert_eq!(unseen.answer(), None);
        unseen.ask();
        assert_eq!(unseen.answer(), id(2));
    }
}
