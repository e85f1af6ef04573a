//! [`Socket`]: a WebSocket, as a client has it.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::deadline::PATIENCE;

/// An open connection.
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// Why there is no connection: the status of the answer, and its body.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Socket {
    /// Opens a connection that must be granted, and reads up to `ready`, which is not returned.
    pub(crate) async fn ready(port: u16, target: &str) -> Self {
        let mut socket = Self::open(port, target, None).await.unwrap();
        socket.find("ready").await;
        socket
    }

    /// Tries to open a connection, with a token if there is one.
    pub(crate) async fn open(
        port: u16,
        target: &str,
        token: Option<&str>,
    ) -> Result<Self, Refused> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut request = format!("ws://127.0.0.1:{port}{target}").into_client_request().unwrap();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
            request.headers_mut().insert("authorization", value);
        }
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                let body = serde_json::from_slice(body).unwrap_or(Value::Null);
                Err(Refused { status: answer.status().as_u16(), body })
            }
            Err(error) => panic!("{target}: {error}"),
        }
    }

    /// The next frame with JSON; `None` at the end of the connection. Pings are answered meanwhile.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Some(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(Message::Close(_))) | None => return None,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => panic!("the connection broke: {error}"),
                }
            }
        };
        timeout(PATIENCE, next).await.expect("a frame in time")
    }

    /// The next frame of a type.
    pub(crate) async fn find(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed before {kind}"));
            if frame["type"] == kind {
                return frame;
            }
            assert_ne!(frame["type"], "error", "{frame}");
        }
    }

    /// The next `error` frame.
    pub(crate) async fn next_error(&mut self) -> Value {
        loop {
            let frame = self.next().await.expect("a frame before the end");
            if frame["type"] == "error" {
                return frame;
            }
        }
    }

    /// The `content` of the next message.
    pub(crate) async fn hear(&mut self) -> String {
        crate::api::text(&self.find("message").await["content"]).to_owned()
    }

    /// The code with which the server ends the connection; what comes before it is let go.
    pub(crate) async fn close_code(&mut self) -> Option<u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("an end in time") {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Sends a message and waits for its acknowledgement.
    pub(crate) async fn say(&mut self, frame: Value) -> Value {
        self.send(frame).await;
        self.find("ack").await
    }

    /// Ends the connection as clients do that leave.
    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while let Some(Ok(_)) = self.0.next().await {}
    }
}
