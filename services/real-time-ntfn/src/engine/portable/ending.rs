//! Listening to a WebSocket's client, and saying goodbye to any.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use futures_util::Stream as _;

use super::{Phase, Stream, expiry};
use crate::{
    event::{frame::Frame, wire::Wire},
    ws::{
        Act,
        close::{self, Ending},
        outlet::Tell,
    },
};

impl Stream {
    /// Reads what the client sends, and takes the replies to it.
    pub(super) fn listen(&mut self, context: &mut Context<'_>) {
        /// Pieces taken before something is written.
        const PIECES: usize = 16;
        for _ in 0..PIECES {
            let Some((link, _)) = &mut self.link else {
                return;
            };
            let Some(payload) = &mut self.payload else {
                return;
            };
            match Pin::new(payload).poll_next(context) {
                Poll::Pending => break,
                Poll::Ready(Some(Ok(bytes))) => {
                    let mut acts = Vec::new();
                    link.receive(&bytes, Instant::now(), &mut acts);
                    acts.into_iter().for_each(|act| self.act(act));
                }
                Poll::Ready(None | Some(Err(_))) => {
                    self.given.preface.clear();
                    self.phase = Phase::Over;
                }
            }
            if self.phase == Phase::Over {
                return;
            }
        }
        while let Some((_, replies)) = &mut self.link
            && let Poll::Ready(tell) = replies.poll_recv(context)
        {
            match tell {
                None => {
                    // An echo has no replies but those it makes itself.
                    if self.given.talk.as_ref().is_some_and(|talk| talk.desk.is_some()) {
                        self.end_as(close::SLOW_CLIENT);
                    }
                    return;
                }
                Some(Tell::Say(frame)) => self.say(Frame::bare(frame)),
                Some(Tell::Begin(beginning)) => {
                    self.given.preface.extend(beginning.preface);
                    self.unseen.write(beginning.preface_up_to);
                    self.given.subscriber.relocate(beginning.subscriber);
                    self.expiry = expiry(&self.given.subscriber);
                }
            }
        }
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            _ if self.phase == Phase::Over => {}
            Act::Say(frame) => self.say(Frame::bare(frame)),
            Act::End(ending) => self.end_socket(ending),
            Act::Hear => {
                let seen = self.unseen.answer();
                self.note(seen);
            }
        }
    }

    pub(super) fn end_socket(&mut self, ending: Ending) {
        self.end([ending.frame()], ending.label);
    }

    pub(super) fn end_session(&mut self, reason: &str) {
        self.end(close::session_over(self.wire(), reason), "reauth");
    }

    /// Ends the stream with one frame for those of WebSockets, and another for the others.
    pub(super) fn end_as(&mut self, ending: Ending) {
        match self.wire() {
            Wire::Ws => self.end_socket(ending),
            wire => self.end([wire.closing()], ending.label),
        }
    }

    pub(super) fn end(&mut self, last: impl IntoIterator<Item = Frame>, reason: &'static str) {
        self.given.preface.extend(last);
        self.phase = Phase::Over;
        self.reason = reason;
    }
}
