//! [`Ended`]: sessions that have ended lately.

use std::collections::VecDeque;

use common::event::SessionEnded;

use super::scope::Scope;

/// How many are remembered. It only has to cover the moments between looking at a credential and
/// the stream that it opens.
const MOST: usize = 256;

/// The last sessions that ended: a stream that was on its way meanwhile ends, too.
#[derive(Debug, Default)]
pub(crate) struct Ended(VecDeque<SessionEnded>);

impl Ended {
    /// Remembers one.
    pub(crate) fn add(&mut self, ended: SessionEnded) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(ended);
    }

    /// What ended this scope's session, if it has ended.
    pub(crate) fn find(&self, scope: &Scope) -> Option<&SessionEnded> {
        let session = scope.session()?;
        self.0.iter().find(|ended| session.is_ended_by(ended))
    }
}
