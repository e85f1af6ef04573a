//! What a shard does when sessions end.

use std::time::{SystemTime, UNIX_EPOCH};

use common::event::SessionEnded;

use super::Worker;
use crate::{engine::shard::connection::Connection, hub::Arrival};

impl Worker {
    /// Ends the streams of a user whose sessions are over.
    pub(super) fn end_sessions(&mut self, ended: &SessionEnded) {
        let keys: Vec<_> = self.index.of_user(&ended.user).collect();
        for key in keys {
            let session = self.connections.get(key as usize).and_then(|it| it.scope().session());
            if session.is_some_and(|session| session.is_ended_by(ended)) {
                self.end_session(key, &ended.reason);
            }
        }
    }

    /// Ends a stream whose session has ended while it was on its way. What ends after that finds it
    /// here: it is in the index.
    pub(super) fn end_if_ended(&mut self, key: u32, arrival: Option<Arrival>) {
        let connection = self.connections.get(key as usize);
        let reason = connection.zip(arrival).and_then(|(it, arrival)| arrival.end_of(it.scope()));
        if let Some(reason) = reason {
            self.end_session(key, &reason);
        }
    }

    /// Ends the streams that were let in by a credential: the end of its session may be part of
    /// what the log no longer tells, so it is shown again.
    pub(super) fn end_authenticated(&mut self) {
        let shown = |connection: &Connection| {
            connection.scope().session().is_some_and(|session| session.authenticated)
        };
        let keys = self.connections.iter().filter(|(_, connection)| shown(connection));
        let keys: Vec<_> = keys.map(|(key, _)| key as u32).collect();
        for key in keys {
            self.end_session(key, "expired");
        }
    }

    /// Ends the streams whose sessions have come to their end by themselves.
    pub(super) fn end_expired(&mut self) {
        if self.expiries.is_empty() {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        while let Some((_, ticket)) = self.expiries.first().copied().filter(|(at, _)| *at <= now) {
            self.expiries.pop_first();
            let connection = self.connections.get(ticket.key as usize);
            if connection.is_some_and(|it| it.turn == ticket.turn) {
                self.end_session(ticket.key, "expired");
            }
        }
    }
}
