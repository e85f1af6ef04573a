//! [`Attack`]: what somebody rude does, all from one address.

mod doors;
mod groups;
mod heads;
mod past;
mod reads;
mod unread;

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Result, anyhow};

use super::seed::Seed;
use crate::load::dial::Dial;
use crate::load::swarm::Score;

/// Where the rude one is.
pub(super) const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// What somebody rude does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Attack {
    /// Streams that resume far behind, again and again
    Resume,
    /// WebSockets that resume far behind, again and again
    Sockets,
    /// Long lists of messages that nobody reads
    Unread,
    /// Streams with a long beginning that nobody reads
    Slow,
    /// Large groups of new names
    Groups,
    /// Questions under ever new names
    Presence,
    /// Posts over many WebSockets
    Posts,
    /// Connections that stop in the middle of their second request
    Heads,
    /// Searches for people among very many
    Searches,
    /// Lists of many conversations
    Lists,
}

/// Where the services are, and when to stop.
#[derive(Clone, Copy)]
pub(super) struct Scene {
    pub(super) messages: SocketAddr,
    pub(super) streams: SocketAddr,
    pub(super) until: u64,
}

impl Attack {
    pub(super) const ALL: [Self; 10] = [
        Self::Resume,
        Self::Sockets,
        Self::Unread,
        Self::Slow,
        Self::Groups,
        Self::Presence,
        Self::Posts,
        Self::Heads,
        Self::Searches,
        Self::Lists,
    ];

    /// The name of its row.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Resume => "rude-resume",
            Self::Sockets => "rude-sockets",
            Self::Unread => "rude-unread",
            Self::Slow => "rude-slow",
            Self::Groups => "rude-groups",
            Self::Presence => "rude-presence",
            Self::Posts => "rude-posts",
            Self::Heads => "rude-heads",
            Self::Searches => "rude-searches",
            Self::Lists => "rude-lists",
        }
    }

    /// What is done, in words.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Resume => past::STREAMS,
            Self::Sockets => past::SOCKETS,
            Self::Unread => unread::ANSWERS,
            Self::Slow => unread::STREAMS,
            Self::Groups => groups::GROUPS,
            Self::Presence => doors::PRESENCE,
            Self::Posts => doors::POSTS,
            Self::Heads => heads::HEADS,
            Self::Searches => reads::SEARCHES,
            Self::Lists => reads::LISTS,
        }
    }

    /// What has to be there before.
    pub(super) fn seed(self, seed: Seed) -> Result<()> {
        match self {
            Self::Resume | Self::Sockets => past::seed(seed),
            Self::Unread | Self::Slow => unread::seed(seed),
            Self::Searches => reads::seed_people(seed),
            Self::Lists => reads::seed_conversations(seed),
            Self::Groups | Self::Presence | Self::Posts | Self::Heads => Ok(()),
        }
    }

    /// Goes on until its time is over.
    pub(super) fn run(self, scene: Scene) -> Result<Score> {
        match self {
            Self::Resume => past::resume_streams(scene),
            Self::Sockets => past::resume_sockets(scene),
            Self::Unread => unread::read_no_answers(scene),
            Self::Slow => unread::read_no_streams(scene),
            Self::Groups => groups::make_groups(scene),
            Self::Presence => doors::ask_under_new_names(scene),
            Self::Posts => doors::post_over_sockets(scene),
            Self::Heads => heads::stop_in_the_middle(scene),
            Self::Searches => reads::search(scene),
            Self::Lists => reads::list(scene),
        }
    }
}

impl Scene {
    fn to_messages(self) -> Dial {
        Dial::new(ATTACKER, self.messages)
    }

    fn to_streams(self) -> Dial {
        Dial::new(ATTACKER, self.streams)
    }
}

/// Does all of it at the same time, each on a thread of its own.
fn together<W: FnOnce() -> Result<Score> + Send>(
    works: impl IntoIterator<Item = W>,
) -> Result<Score> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = works.into_iter().map(|work| scope.spawn(work)).collect();
        let mut all = Score::default();
        for thread in threads {
            all += thread.join().map_err(|_| anyhow!("a rude thread panicked"))??;
        }
        Ok(all)
    })
}
