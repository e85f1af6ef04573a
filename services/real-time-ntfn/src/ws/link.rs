//! [`Link`]: one WebSocket's side of the protocol, without the socket.
//!
//! Whoever has the socket gives it the bytes that come, and does what it says.

use std::time::Instant;

use bytes::Bytes;

use super::{
    bucket::{Bucket, Verdict},
    close::{self, Ending},
    inbound::{Inbound, Incoming},
    mailbox::{Mailbox, Refused},
    reply,
};
use crate::{config::FrameLimits, event::frame};

/// Pings that may stay unanswered.
const MOST_SILENT: u8 = 2;

/// Where a client's messages go.
pub enum Partner {
    /// To the service, in the order in which they come.
    Service(Mailbox),
    /// Back: for tests of the protocol.
    Echo,
}

/// One WebSocket's side of the protocol.
pub struct Link {
    limits: FrameLimits,
    partner: Partner,
    inbound: Inbound,
    bucket: Bucket,
    /// Pings since the client was last heard.
    silent: u8,
    /// Pings so far; each has its number as data.
    pings: u32,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Act {
    /// Write this frame.
    Say(Bytes),
    /// Know that the last ping has been answered: the client has read what was written before it.
    Hear,
    /// Say goodbye. Nothing comes after it.
    End(Ending),
}

impl Link {
    /// A connection that has just been opened.
    pub fn new(limits: FrameLimits, partner: Partner, now: Instant) -> Self {
        let bucket = Bucket::new(limits.rate, now);
        Self { limits, partner, inbound: Inbound::default(), bucket, silent: 0, pings: 0 }
    }

    /// Takes bytes from the client, and says what to do, in order.
    pub fn receive(&mut self, bytes: &[u8], now: Instant, acts: &mut Vec<Act>) {
        self.silent = 0;
        self.inbound.push(bytes);
        loop {
            let act = match self.inbound.next(self.limits.message_bytes) {
                Ok(None) => return,
                Ok(Some(incoming)) => self.answer(incoming, now),
                Err(ending) => Some(Act::End(ending)),
            };
            let is_over = matches!(act, Some(Act::End(_)));
            acts.extend(act);
            if is_over {
                return;
            }
        }
    }

    /// What to say to a client that may have gone: called at every interval.
    pub fn beat(&mut self) -> Act {
        if self.silent >= MOST_SILENT {
            let (code, reason) = (Some(close::GOING_AWAY), "you did not answer");
            return Act::End(Ending { code, reason, label: "silent" });
        }
        self.silent += 1;
        self.pings = self.pings.wrapping_add(1);
        Act::Say(frame::ws::ping(&self.pings.to_be_bytes()))
    }

    fn answer(&mut self, incoming: Incoming, now: Instant) -> Option<Act> {
        if let Incoming::Close(code) = incoming {
            return Some(Act::End(Ending { code, reason: "", label: "gone" }));
        }
        match self.bucket.take(self.limits.rate, now) {
            Verdict::Take => {}
            Verdict::Abuse => {
                let ending = Ending::fault(close::POLICY, "you send too much");
                return Some(Act::End(ending));
            }
            Verdict::Refuse => return self.refuse(incoming),
        }
        let most_waiting = self.limits.most_waiting();
        match (incoming, &self.partner) {
            (Incoming::Ping(data), _) => Some(Act::Say(frame::ws::pong(&data))),
            (Incoming::Text(text), Partner::Echo) => {
                Some(Act::Say(frame::ws::text(text.as_bytes())))
            }
            (Incoming::Binary(data), Partner::Echo) => Some(Act::Say(frame::ws::binary(&data))),
            (Incoming::Text(text), Partner::Service(mailbox)) => {
                match mailbox.post(text, most_waiting) {
                    Ok(()) => None,
                    Err(Refused(text)) => Some(Act::Say(reply::error(
                        "too_many_frames",
                        "frames wait already: wait for the answers",
                        reply::client_msg_id(&text).as_deref(),
                    ))),
                }
            }
            (Incoming::Binary(_), Partner::Service(_)) => {
                Some(Act::End(Ending::fault(close::UNSUPPORTED, "frames are text")))
            }
            // Others are to earlier ones, or to none: some clients send them by a timer.
            (Incoming::Pong(data), _) => {
                (data == self.pings.to_be_bytes()[..]).then_some(Act::Hear)
            }
            (Incoming::Close(_), _) => None,
        }
    }

    fn refuse(&self, incoming: Incoming) -> Option<Act> {
        let Incoming::Text(text) = incoming else {
            return None;
        };
        Some(Act::Say(reply::error(
            "rate_limited",
            "you send too many frames: wait a little, and send it again",
            reply::client_msg_id(&text).as_deref(),
        )))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Partner::Service(mailbox) = &self.partner {
            mailbox.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FrameRate;

    fn link(rate: FrameRate) -> Link {
        let limits = FrameLimits { rate, ..FrameLimits::default() };
        Link::new(limits, Partner::Echo, Instant::now())
    }

    fn ping() -> Vec<u8> {
        vec![0x89, 0x80, 0, 0, 0, 0]
    }

    #[test]
    fn a_client_that_answers_no_ping_is_let_go_at_the_third() {
        let mut link = link(FrameLimits::default().rate);
        assert!(matches!(link.beat(), Act::Say(_)));
        assert!(matches!(link.beat(), Act::Say(_)));
        link.receive(&[0x8a, 0x80, 0, 0, 0, 0], Instant::now(), &mut vec![]);
        assert!(matches!(link.beat(), Act::Say(_)));
        assert!(matches!(link.beat(), Act::Say(_)));
        assert!(matches!(link.beat(), Act::End(_)));
    }

    #[test]
    fn only_an_answer_to_the_last_ping_says_what_has_been_read() {
        let mut link = link(FrameLimits::default().rate);
        let heard = |link: &mut Link, data: &[u8]| {
            let mut acts = vec![];
            let head = [0x8a, 0x80 | data.len() as u8, 0, 0, 0, 0];
            link.receive(&[&head, data].concat(), Instant::now(), &mut acts);
            acts == [Act::Hear]
        };
        let number = |act: Act| match act {
            Act::Say(ping) => ping[2..].to_vec(),
            act => panic!("{act:?}"),
        };
        let first = number(link.beat());
        assert!(!heard(&mut link, b"") && heard(&mut link, &first));
        let second = number(link.beat());
        assert!(!heard(&mut link, &first) && heard(&mut link, &second));
    }

    #[test]
    fn who_goes_on_sending_too_much_is_let_go() {
        let mut link = link(FrameRate { per_second: 1, burst: 2 });
        let (mut acts, now) = (vec![], Instant::now());
        for _ in 0..4 {
            link.receive(&ping(), now, &mut acts);
        }
        assert_eq!(acts.len(), 2, "two pongs: {acts:?}");
        link.receive(&ping(), now, &mut acts);
        let Some(Act::End(ending)) = acts.pop() else {
            panic!("it goes on: {acts:?}");
        };
        assert_eq!(ending.code, Some(close::POLICY));
    }
}
