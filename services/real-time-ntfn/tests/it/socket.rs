//! [`Socket`]: an open WebSocket, read frame by frame.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::Response},
};

use crate::{app::App, patience::PATIENCE};

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    pub(crate) greeting: Value,
}

impl Socket {
    /// Opens a socket and reads up to its `ready`.
    pub(crate) async fn open(app: &App, query: &str) -> Self {
        let mut socket = Self::try_open(app, query, &[]).await.unwrap();
        socket.greeting = socket.next().await;
        assert_eq!(socket.greeting["type"], "ready");
        socket
    }

    /// Opens a socket, or gives the answer that is no handshake.
    pub(crate) async fn try_open(
        app: &App,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Response<Option<Vec<u8>>>> {
        let stream = TcpStream::connect(app.address).await.unwrap();
        let mut request = format!("ws://{}/ws{query}", app.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Self { stream, greeting: Value::Null }),
            Err(Error::Http(answer)) => Err(*answer),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub(crate) async fn say_json(&mut self, frame: &Value) {
        self.say(&frame.to_string()).await;
    }

    pub(crate) async fn send(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// The next frame of any kind, or nothing at the end.
    pub(crate) async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        frame.expect("the socket says something")?.ok()
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        let next = async {
            loop {
                match self.frame().await.expect("the socket goes on") {
                    Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        };
        let next = tokio::time::timeout(PATIENCE, next).await;
        next.expect("the socket says more than that it lives")
    }

    /// How the server ends the connection; what comes before is passed over.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.frame().await.expect("a goodbye") {
                Message::Close(Some(frame)) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Message::Close(None) => return (1005, String::new()),
                _ => {}
            }
        }
    }

    /// That nothing is waiting: the answer to a ping comes next.
    pub(crate) async fn assert_quiet(&mut self) {
        self.say_json(&json!({"type": "ping"})).await;
        assert_eq!(self.next().await, json!({"type": "pong"}));
    }

    /// The connection itself, for what no client should do.
    pub(crate) fn raw(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}
