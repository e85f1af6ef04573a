//! Why a connection ends, and what it is told last.

use crate::event::{
    frame::{self, Frame},
    wire::Wire,
};

/// The server stops or the client has not answered.
pub const GOING_AWAY: u16 = 1001;
/// The client breaks the protocol.
pub const PROTOCOL: u16 = 1002;
/// Binary frames mean nothing here.
pub const UNSUPPORTED: u16 = 1003;
/// Text that is not UTF-8.
pub const NOT_UTF8: u16 = 1007;
/// The client sends too much, for too long.
pub const POLICY: u16 = 1008;
/// A message is too long.
pub const TOO_BIG: u16 = 1009;
/// The server restarts: come back.
pub const RESTART: u16 = 1012;
/// There is no place: come back later.
pub const TRY_LATER: u16 = 1013;
/// The client reads too slowly: come back and resume.
pub const SLOW: u16 = 4000;
/// The session is over: sign in again.
pub const REAUTHENTICATE: u16 = 4001;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// What the client is told, if anything.
    pub code: Option<u16>,
    /// In words.
    pub reason: &'static str,
    /// In the metrics.
    pub label: &'static str,
}

impl Ending {
    /// Because of the client, with a code and a word why.
    pub const fn fault(code: u16, reason: &'static str) -> Self {
        Self { code: Some(code), reason, label: "refused" }
    }

    /// What a WebSocket's client is told.
    pub fn frame(self) -> Frame {
        Frame::bare(frame::ws::close(self.code, self.reason))
    }
}

/// What a stream of any format is told last when its session is over.
pub fn session_over(wire: Wire, reason: &str) -> Vec<Frame> {
    let mut last = vec![wire.reauth(reason)];
    if wire == Wire::Ws {
        last.push(Frame::bare(frame::ws::close(Some(REAUTHENTICATE), reason)));
    }
    last
}

/// It reads too slowly.
pub const SLOW_CLIENT: Ending =
    Ending { code: Some(SLOW), reason: "you read too slowly", label: "lagged" };

/// The service stops.
pub const RESTARTING: Ending =
    Ending { code: Some(RESTART), reason: "the server restarts", label: "drained" };
