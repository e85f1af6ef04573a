//! [`Line`]: one connection of a device, by server-sent events or as a WebSocket.

use std::io;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use socket2::{SockFilter, SockRef};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    deadline::PATIENCE,
    wire::{Dial, Wire},
};

/// How a device connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `GET /events`.
    Sse,
    /// `GET /ws`.
    WebSocket,
}

/// Where and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) way: Way,
    pub(crate) port: u16,
    /// The query, without the cursor.
    pub(crate) query: String,
    pub(crate) token: Option<String>,
    pub(crate) cursor: Option<String>,
}

/// One connection.
pub(crate) enum Line {
    Sse(Wire),
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// In an orderly way; a WebSocket says why.
    Closed(Option<u16>),
    /// The connection broke.
    Broken,
}

impl Address {
    /// As a user whose name is taken as given.
    pub(crate) fn of(way: Way, port: u16, user: &str) -> Self {
        let query = match way {
            Way::Sse => format!("user={user}"),
            Way::WebSocket => format!("username={user}&history=0"),
        };
        Self { way, port, query, token: None, cursor: None }
    }

    /// As the user whom a token shows.
    pub(crate) fn bearing(way: Way, port: u16, token: &str) -> Self {
        Self {
            query: "history=0".to_owned(),
            token: Some(token.to_owned()),
            ..Self::of(way, port, "")
        }
    }

    /// Connects. An answer that grants no stream is an error.
    pub(crate) async fn open(&self) -> io::Result<Line> {
        let Self { way, port, query, token, cursor } = self;
        match way {
            Way::Sse => {
                let (target, cursor) = (format!("/events?{query}"), cursor.clone());
                let dial = Dial { target, cursor, token: token.clone(), ..Dial::events(*port) };
                let wire = dial.open().await?;
                match wire.status() {
                    200 => Ok(Line::Sse(wire)),
                    status => Err(io::Error::other(format!("answered {status}"))),
                }
            }
            Way::WebSocket => {
                let cursor =
                    cursor.as_ref().map(|id| format!("&last_event_id={id}")).unwrap_or_default();
                let url = format!("ws://127.0.0.1:{port}/ws?{query}{cursor}");
                let mut request = url.into_client_request().map_err(io::Error::other)?;
                if let Some(token) = token {
                    let value = format!("Bearer {token}").parse().map_err(io::Error::other)?;
                    request.headers_mut().insert("authorization", value);
                }
                let opened = tokio_tungstenite::connect_async(request).await;
                let (socket, _) = opened.map_err(io::Error::other)?;
                Ok(Line::WebSocket(Box::new(socket)))
            }
        }
    }

    /// Connects, and reads up to `ready`; what came before it is returned, too.
    pub(crate) async fn ready(&self) -> (Line, Vec<Value>) {
        let mut line = self.open().await.unwrap();
        let mut before = Vec::new();
        let ready = async {
            loop {
                match line.next().await {
                    Ok(event) if event["type"] == "ready" => return,
                    Ok(event) => before.push(event),
                    Err(end) => panic!("ended before it was ready: {end:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.unwrap();
        (line, before)
    }
}

impl Line {
    /// The next event.
    pub(crate) async fn next(&mut self) -> Result<Value, End> {
        match self {
            Self::Sse(wire) => match wire.next().await {
                Ok(Some(block)) => {
                    let event = block.json();
                    // What the client returns with: an event of the log, or where it goes on.
                    let id = event["id"].as_str().or(event["cursor"].as_str());
                    assert_eq!(block.id.as_deref(), id, "the id of {block:?}");
                    assert_eq!(event["type"], block.event.as_deref().unwrap_or("message"));
                    Ok(event)
                }
                Ok(None) => Err(End::Closed(None)),
                Err(_) => Err(End::Broken),
            },
            Self::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Ok(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(frame))) => {
                        return Err(End::Closed(frame.map(|frame| frame.code.into())));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(End::Broken),
                }
            },
        }
    }

    /// Sends a frame, which only a WebSocket can.
    pub(crate) async fn send(&mut self, frame: &Value) -> Result<(), End> {
        let Self::WebSocket(socket) = self else {
            panic!("server-sent events go one way");
        };
        socket.send(Message::text(frame.to_string())).await.map_err(|_| End::Broken)
    }

    /// Lets the network between this client and the server vanish: what comes from the server is
    /// dropped before it is acknowledged, and this client says nothing any more.
    pub(crate) fn vanish(&self) {
        let socket = match self {
            Self::Sse(wire) => wire.socket(),
            Self::WebSocket(socket) => match socket.get_ref() {
                MaybeTlsStream::Plain(socket) => socket,
                _ => panic!("not a plain connection"),
            },
        };
        // A filter of one instruction: of each packet keep nothing.
        let keep_nothing = SockFilter::new(0x06, 0, 0, 0);
        SockRef::from(socket).attach_filter(&[keep_nothing]).unwrap();
    }

    /// The next event of a type, within a generous time.
    pub(crate) async fn find(&mut self, kind: &str) -> Value {
        let search = async {
            loop {
                let event = self.next().await.unwrap();
                if event["type"] == kind {
                    return event;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap()
    }

    /// The messages that come before this one.
    pub(crate) async fn messages_until(&mut self, last: &Value) -> Vec<Value> {
        let mut messages = Vec::new();
        loop {
            let message = self.find("message").await;
            if message["id"] == last["id"] {
                return messages;
            }
            messages.push(message);
        }
    }

    /// The events up to the end, and how it ended.
    pub(crate) async fn rest(&mut self) -> (Vec<Value>, End) {
        let mut events = Vec::new();
        let rest = async {
            loop {
                match self.next().await {
                    Ok(event) => events.push(event),
                    Err(end) => return end,
                }
            }
        };
        let end = tokio::time::timeout(PATIENCE, rest).await;
        let end = end.unwrap_or_else(|_| panic!("the stream goes on after {PATIENCE:?}"));
        (events, end)
    }
}
