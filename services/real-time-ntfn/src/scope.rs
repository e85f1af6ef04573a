//! [`Scope`]: what a stream watches.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use common::{Audience, event::PUBLIC_ROOM};
use http_kit::Rejection;

/// The rooms a stream watches, and the user it belongs to. Clones share their memory, and so do
/// all streams that watch just the public room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Arc<Watched>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Watched {
    rooms: HashSet<String>,
    user: Option<String>,
}

static PUBLIC: LazyLock<Scope> = LazyLock::new(|| {
    Scope(Arc::new(Watched { rooms: HashSet::from([PUBLIC_ROOM.to_owned()]), user: None }))
});

impl Scope {
    /// Reads the `rooms` of a request: names separated by commas; the public room without it.
    pub fn parse(rooms: Option<&str>) -> Result<Self, Rejection> {
        let mut rooms = rooms.unwrap_or(PUBLIC_ROOM).split(',').map(str::trim);
        if rooms.any(|room| room != PUBLIC_ROOM) {
            return Err(Rejection::not_found(
                "conversation_not_found",
                "there is no such room: try rooms=public",
            ));
        }
        Ok(PUBLIC.clone())
    }

    /// Whether the stream receives what is meant for `audience`.
    pub fn receives(&self, audience: &Audience) -> bool {
        audience.admits(&self.0.rooms, self.user())
    }

    /// The rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.0.rooms.iter().map(String::as_str)
    }

    /// The user.
    pub fn user(&self) -> Option<&str> {
        self.0.user.as_deref()
    }

    /// The same rooms, for a user.
    #[cfg(test)]
    pub(crate) fn with_user(&self, user: &str) -> Self {
        let rooms = self.0.rooms.clone();
        Self(Arc::new(Watched { rooms, user: Some(user.to_owned()) }))
    }
}
