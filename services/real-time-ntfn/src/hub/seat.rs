//! [`Seat`]: how the hub reaches a stream that has not left for the follower.

use std::{sync::OnceLock, task::Waker};

use common::event::SessionEnded;
use futures_util::task::AtomicWaker;

use crate::event::scope::Scope;

/// How the hub reaches a stream.
pub(super) struct Seat {
    waker: AtomicWaker,
    scope: Scope,
    /// Why its session is over, once it is.
    ended: OnceLock<String>,
}

impl Seat {
    pub(super) fn new(scope: Scope) -> Self {
        Self { waker: AtomicWaker::new(), scope, ended: OnceLock::new() }
    }

    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Ends the stream if its session is one of these.
    pub(super) fn end_if_of(&self, ended: &SessionEnded) {
        if self.scope.session().is_some_and(|session| session.is_ended_by(ended)) {
            self.end(&ended.reason);
        }
    }

    /// Ends the stream if a credential let it in, so that it is shown again.
    pub(super) fn end_if_authenticated(&self) {
        if self.scope.session().is_some_and(|session| session.authenticated) {
            self.end("expired");
        }
    }

    pub(super) fn end(&self, reason: &str) {
        self.ended.get_or_init(|| reason.to_owned());
        self.waker.wake();
    }

    pub(super) fn ended(&self) -> Option<&str> {
        self.ended.get().map(String::as_str)
    }
}
