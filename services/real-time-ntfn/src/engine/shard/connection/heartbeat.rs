//! Heartbeats, and what they tell: how much of a stream has reached its client.

use std::io::{ErrorKind, Write};

use common::EventId;
use mio::net::TcpStream;

use super::{Connection, Gone, State};
use crate::{
    event::{frame::Frame, ring::Position, scope::Scope, wire::Wire},
    people::delivery::Delivery,
};

impl Connection {
    /// Writes a heartbeat, if the stream is idle: another one shows by its traffic that it lives.
    /// Returns whether the connection has to be flushed, or that it is gone.
    pub(in crate::engine::shard) fn beat(
        &mut self,
        heartbeat: &Frame,
        end: Position,
        delivery: &Delivery,
    ) -> Result<bool, Gone> {
        if self.state != State::Idle {
            return Ok(false);
        }
        if self.wire == Wire::Ws {
            self.cold.unseen.ask();
        } else {
            let bytes = self.cold.bytes;
            let acknowledged = || bytes - unacknowledged(&self.socket).min(bytes);
            let seen = self.cold.unseen.beat(bytes, acknowledged);
            self.note(seen, delivery);
        }
        let bytes = heartbeat.bytes(self.framing);
        match self.socket.write(bytes) {
            Ok(0) => Err(Gone),
            Ok(written) if written < bytes.len() => {
                self.cold.bytes += written as u64;
                Ok(self.interject_rest(heartbeat.share(self.framing).slice(written..), end))
            }
            Ok(written) => {
                self.cold.bytes += written as u64;
                Ok(false)
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(_) => Err(Gone),
        }
    }

    /// The client has answered a ping.
    pub(in crate::engine::shard) fn hear(&mut self, delivery: &Delivery) {
        let seen = self.cold.unseen.answer();
        self.note(seen, delivery);
    }

    /// Notes that everything up to this event has reached the stream's user.
    fn note(&self, seen: Option<EventId>, delivery: &Delivery) {
        if self.notes
            && let Some(up_to) = seen
            && let Some(user) = self.cold.scope.user()
        {
            delivery.note(self.wire, user, up_to);
        }
    }
}

/// Whether it is noted what reaches this scope's user.
pub(super) fn notes(scope: &Scope) -> bool {
    scope.session().is_some_and(|session| !session.acknowledges)
}

/// Written bytes that the client's system has not acknowledged.
#[cfg(target_os = "linux")]
fn unacknowledged(socket: &TcpStream) -> u64 {
    use std::os::fd::AsRawFd;
    let mut left: libc::c_int = 0;
    #[expect(unsafe_code, reason = "the call writes one int, which outlives it")]
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut left) };
    // A socket that cannot be asked has acknowledged nothing.
    if asked == 0 { u64::try_from(left).unwrap_or(0) } else { u64::MAX }
}

/// Elsewhere that cannot be asked; a socket whose client acknowledges nothing ends soon.
#[cfg(not(target_os = "linux"))]
fn unacknowledged(_: &TcpStream) -> u64 {
    0
}
