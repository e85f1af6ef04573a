//! [`Scope`]: what a stream watches.

use std::collections::HashSet;

use common::{Audience, event::PUBLIC_ROOM};
use http_kit::Rejection;

/// The rooms a stream watches, and the user it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    rooms: HashSet<String>,
    user: Option<String>,
}

impl Scope {
    /// Reads the `rooms` of a request: names separated by commas; the public room without it.
    pub fn parse(rooms: Option<&str>) -> Result<Self, Rejection> {
        let rooms: HashSet<String> =
            rooms.unwrap_or(PUBLIC_ROOM).split(',').map(|room| room.trim().to_owned()).collect();
        if rooms.iter().any(|room| room != PUBLIC_ROOM) {
            return Err(Rejection::not_found(
                "conversation_not_found",
                "there is no such room: try rooms=public",
            ));
        }
        Ok(Self { rooms, user: None })
    }

    /// Whether the stream receives what is meant for `audience`.
    pub fn receives(&self, audience: &Audience) -> bool {
        audience.admits(&self.rooms, self.user.as_deref())
    }

    /// The rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.iter().map(String::as_str)
    }
}
