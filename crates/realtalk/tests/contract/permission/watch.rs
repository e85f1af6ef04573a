//! [`Stream`]: what somebody watches, over whichever wire.

use serde_json::Value;

use super::cast::{Cast, Who, claimed};
use crate::{
    api::text,
    socket::Socket,
    wire::{Block, Dial, Wire},
};

/// Over what somebody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Sse,
    Ws,
}

/// A stream of either kind.
pub(crate) enum Stream {
    Sse(Wire),
    Ws(Socket),
}

impl Stream {
    /// Opens a stream as somebody, who must be let; `query` begins with `&`.
    pub(crate) async fn open(cast: &Cast, who: Who, over: Over, query: &str) -> Self {
        let (port, token) = (cast.pair.notification.port(), cast.token(who));
        let path = if over == Over::Sse { "/events" } else { "/ws" };
        let target = format!("{path}?history=0{query}");
        let target = cast.claim(who).map_or_else(|| target.clone(), |name| claimed(&target, name));
        if over == Over::Ws {
            return Self::Ws(Socket::open(port, &target, token).await.unwrap());
        }
        let token = token.map(str::to_owned);
        Self::Sse(Dial { target, token, ..Dial::events(port) }.granted().await)
    }

    /// The data of the next event that is in the log.
    async fn next(&mut self) -> Value {
        loop {
            let data = match self {
                Self::Ws(socket) => socket.next().await.unwrap(),
                Self::Sse(wire) => wire.find(|_: &Block| true).await.json(),
            };
            assert_ne!(data["type"], "reset", "{data}");
            if data["id"].is_string() {
                return data;
            }
        }
    }

    /// What is told up to a message of this content, without it: type and conversation.
    pub(crate) async fn told_until(&mut self, end: &str) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let data = self.next().await;
            if data["content"] == end {
                return told;
            }
            told.push(outline(&data));
        }
    }
}

/// An event in short: what, and where.
pub(crate) fn outline(data: &Value) -> String {
    let place = data.get("conversation_id").unwrap_or(&data["conversation"]["id"]);
    let what = data.get("content").or(data.get("action")).map_or("", |what| text(what));
    format!("{} {what} {}", text(&data["type"]), text(place)).replace("  ", " ")
}
