//! [`Unseen`]: what was written to a user, until their client can be taken to have it.

use common::EventId;

/// The last events of a stream that are addressed to its user, and are written, but may not have arrived.
///
/// That a socket took them says nothing: a client may be gone, or read nothing. A WebSocket's client
/// that answers a ping has read what was written before it. Of any other nothing can be heard, so it has
/// to live on: two heartbeats are written after an event, and when it is time for another one, its system
/// has acknowledged what was written up to the first of them.
#[derive(Debug, Default)]
pub struct Unseen {
    written: Option<EventId>,
    /// Written before the last heartbeat, or the last ping.
    before_last: Option<Mark>,
    before_two: Option<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    up_to: EventId,
    /// How many bytes of the stream that takes.
    bytes: u64,
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

    /// A heartbeat is about to be written, after so many bytes of the stream, and nothing else waits to be.
    /// Returns up to where everything has arrived, given how many bytes have been acknowledged.
    pub fn beat(&mut self, bytes: u64, acknowledged: impl FnOnce() -> u64) -> Option<EventId> {
        let mut seen = None;
        if let Some(mark) = self.before_two {
            if acknowledged() < mark.bytes {
                // Nothing moves.
                return None;
            }
            seen = Some(mark.up_to);
        }
        self.before_two = self.before_last.take();
        self.before_last = self.written.take().map(|up_to| Mark { up_to, bytes });
        seen
    }

    /// A ping is about to be written, and nothing else waits to be.
    pub fn ask(&mut self) {
        let before = self.before_last.map(|mark| mark.up_to);
        let up_to = self.written.take().max(before);
        self.before_last = up_to.map(|up_to| Mark { up_to, bytes: 0 });
    }

    /// The client has answered the last ping. Returns up to where everything has arrived.
    pub fn answer(&mut self) -> Option<EventId> {
        self.before_last.take().map(|mark| mark.up_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(micros: u64) -> Option<EventId> {
        EventId::from_micros(micros)
    }

    #[test]
    fn who_only_listens_has_what_was_acknowledged_two_heartbeats_later() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.beat(0, || unreachable!("nothing is written")), None);
        unseen.write(id(1));
        assert_eq!(unseen.beat(100, || unreachable!("it is too early")), None);
        unseen.write(id(2));
        assert_eq!(unseen.beat(200, || unreachable!("it is too early")), None);
        assert_eq!(unseen.beat(300, || 99), None, "while nothing moves");
        // However much is under way behind it.
        assert_eq!(unseen.beat(400, || 100), id(1));
        unseen.write(None);
        assert_eq!(unseen.beat(500, || 200), id(2));
        assert_eq!(unseen.beat(600, || unreachable!("all has arrived")), None);
    }

    #[test]
    fn who_answers_has_what_was_written_before_the_question() {
        let mut unseen = Unseen::default();
        assert_eq!(unseen.answer(), None);
        unseen.write(id(1));
        assert_eq!(unseen.answer(), None, "it was not asked since");
        unseen.ask();
        unseen.write(id(2));
        assert_eq!(unseen.answer(), id(1));
        assert_eq!(unseen.answer(), None);
        unseen.ask();
        unseen.write(id(3));
        unseen.ask();
        assert_eq!(unseen.answer(), id(3));
    }
}
