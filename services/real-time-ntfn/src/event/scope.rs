//! [`Scope`]: what a stream watches, and whose it is.

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use common::{
    Audience,
    event::{PUBLIC_ROOM, SessionEnded},
    internal::UserRef,
};

/// The rooms a stream watches, and the session it belongs to. Clones share their memory, as do all
/// streams of nobody that watch just the public room; all others that do share it for the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope(Arc<Watched>);

#[derive(Debug, PartialEq, Eq)]
struct Watched {
    rooms: Arc<HashSet<String>>,
    session: Option<Session>,
}

/// Who is behind a stream, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: UserRef,
    /// Whether a credential showed it; else it was taken as given.
    pub authenticated: bool,
    /// When the credential ends, in seconds since 1970.
    pub expires_at: Option<u64>,
    /// A session event with a greater epoch ends the stream.
    pub epoch: u64,
    /// Whether the client says itself what was delivered to it; else writing counts.
    pub acknowledges: bool,
}

impl Session {
    /// Whether what has happened to the user's sessions ends this one. That of who only said a name
    /// ends too: the name may belong to somebody now, and whoever it does not may say it again.
    pub fn is_ended_by(&self, ended: &SessionEnded) -> bool {
        self.user.key == ended.user && self.epoch < ended.epoch
    }
}

static PUBLIC_ONLY: LazyLock<Arc<HashSet<String>>> =
    LazyLock::new(|| Arc::new(HashSet::from([PUBLIC_ROOM.to_owned()])));

static PUBLIC: LazyLock<Scope> = LazyLock::new(|| Scope::new([PUBLIC_ROOM.to_owned()], None));

impl Scope {
    /// These rooms, and what is addressed to the session's user.
    pub fn new(rooms: impl IntoIterator<Item = String>, session: Option<Session>) -> Self {
        let rooms: HashSet<_> = rooms.into_iter().collect();
        let rooms = if rooms == **PUBLIC_ONLY { PUBLIC_ONLY.clone() } else { Arc::new(rooms) };
        Self(Arc::new(Watched { rooms, session }))
    }

    /// The public room, for nobody in particular.
    pub fn public() -> Self {
        PUBLIC.clone()
    }

    /// Whether the stream receives what is meant for `audience`.
    pub fn receives(&self, audience: &Audience) -> bool {
        audience.admits(&self.0.rooms, self.user())
    }

    /// The rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.0.rooms.iter().map(String::as_str)
    }

    /// Whether it is the public room that is watched, and no other.
    pub fn is_of_public_room(&self) -> bool {
        self.0.rooms.len() == 1 && self.0.rooms.contains(PUBLIC_ROOM)
    }

    /// The key of the user.
    pub fn user(&self) -> Option<&str> {
        self.0.session.as_ref().map(|session| session.user.key.as_str())
    }

    /// The session.
    pub fn session(&self) -> Option<&Session> {
        self.0.session.as_ref()
    }

    /// The same rooms, for a user.
    #[cfg(test)]
    pub(crate) fn with_user(&self, user: &str) -> Self {
        let user = UserRef { name: user.to_owned(), key: user.to_owned() };
        let session =
            Session { user, authenticated: true, expires_at: None, epoch: 0, acknowledges: false };
        Self::new(self.0.rooms.iter().cloned(), Some(session))
    }
}
