//! [`Server`]: what a server under test is to whoever loads it: where to listen, where to post.

use std::net::SocketAddr;

use rustix::process::Pid;

use crate::load::crowd::Stream;
use crate::load::mark::Mark;

/// A server under test that is running; dropping it stops it.
pub(crate) trait Server {
    /// What clients subscribe to.
    fn stream(&self) -> &Stream;
    /// Where posts go.
    fn publish(&self) -> &Publish;
    /// The processes whose memory and processor time count: those that hold the streams.
    fn pids(&self) -> Vec<Pid>;
}

/// How to post to a server.
#[derive(Clone, Debug)]
pub(crate) struct Publish {
    pub(crate) to: SocketAddr,
    pub(crate) path: &'static str,
    pub(crate) shape: Shape,
}

/// What a post's body looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// The text and its author, from which the message service makes a message.
    Post,
    /// A finished message, which all servers pass on as it is: they send the same bytes.
    Event,
}

impl Shape {
    pub(crate) fn body(self, mark: Mark, bytes: usize) -> String {
        let content = mark.content(bytes);
        match self {
            Self::Post => format!(r#"{{"content":"{content}","user":"bench","type":"message"}}"#),
            Self::Event => format!(
                "{{\"type\":\"message\",\"id\":\"20240101120000.{:06}\",\
                 \"conversation_id\":\"public\",\"user\":\"bench\",\"content\":\"{content}\",\
                 \"timestamp\":\"2024-01-01T12:00:00.{:06}Z\"}}",
                mark.seq, mark.seq
            ),
        }
    }
}
