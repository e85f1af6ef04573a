//! [`Wire`]: one event stream, read from a socket without the help of a library.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use memchr::memmem::find;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

use crate::deadline::PATIENCE;

/// Ends a block.
const BLANK: &[u8] = b"\n\n";

/// What to ask for, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) port: u16,
    pub(crate) target: String,
    pub(crate) cursor: Option<String>,
    /// Shown as a bearer token.
    pub(crate) token: Option<String>,
    pub(crate) accept: &'static str,
    pub(crate) source: Option<IpAddr>,
    pub(crate) receive_buffer: Option<u32>,
}

impl Dial {
    pub(crate) fn events(port: u16) -> Self {
        Self {
            port,
            target: "/events".to_owned(),
            cursor: None,
            token: None,
            accept: "text/event-stream",
            source: None,
            receive_buffer: None,
        }
    }

    pub(crate) fn after(port: u16, cursor: &str) -> Self {
        Self { cursor: Some(cursor.to_owned()), ..Self::events(port) }
    }

    /// Connects, asks, and reads the head of the answer.
    pub(crate) async fn open(&self) -> io::Result<Wire> {
        let socket = TcpSocket::new_v4()?;
        if let Some(source) = self.source {
            socket.bind(SocketAddr::new(source, 0))?;
        }
        if let Some(size) = self.receive_buffer {
            socket.set_recv_buffer_size(size)?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut socket = socket.connect(address).await?;
        let mut request = format!(
            "GET {} HTTP/1.1\r\nhost: {address}\r\naccept: {}\r\n",
            self.target, self.accept
        );
        if let Some(cursor) = &self.cursor {
            request += &format!("last-event-id: {cursor}\r\n");
        }
        if let Some(token) = &self.token {
            request += &format!("authorization: Bearer {token}\r\n");
        }
        request += "\r\n";
        socket.write_all(request.as_bytes()).await?;
        let mut input = BytesMut::new();
        let end = loop {
            if let Some(end) = find(&input, b"\r\n\r\n") {
                break end;
            }
            if socket.read_buf(&mut input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&input[..end]).to_ascii_lowercase();
        input.advance(end + 4);
        let status = head.split(' ').nth(1).unwrap_or_default();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        Ok(Wire {
            socket,
            status: status.parse().map_err(io::Error::other)?,
            input,
            text: BytesMut::new(),
            body: match length {
                Some(length) => Body::Length(length.parse().map_err(io::Error::other)?),
                None if head.contains("transfer-encoding: chunked") => Body::Chunk(0),
                None => Body::ToEnd,
            },
        })
    }

    /// Opens a stream, which must be granted, be it later: on a machine that does much else, who comes may be
    /// told to come again.
    pub(crate) async fn granted(&self) -> Wire {
        let granted = async {
            loop {
                let mut wire = self.open().await.unwrap();
                assert_eq!(wire.status, 200);
                let first = wire.look().await.unwrap();
                match first.filter(|first| first.is("busy")).and_then(|busy| busy.retry) {
                    Some(millis) => sleep(Duration::from_millis(millis)).await,
                    None => return wire,
                }
            }
        };
        timeout(PATIENCE, granted).await.unwrap()
    }
}

/// One event stream.
pub(crate) struct Wire {
    socket: TcpStream,
    status: u16,
    input: BytesMut,
    text: BytesMut,
    body: Body,
}

enum Body {
    /// So many bytes are left.
    Length(usize),
    /// So many bytes of the current chunk are left, with the line break after it.
    Chunk(usize),
    /// Everything up to the end of the connection.
    ToEnd,
    Over,
}

/// One block of a stream, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) event: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u64>,
}

impl Block {
    /// Whether this is a message, a default event.
    pub(crate) fn is_message(&self) -> bool {
        self.event.is_none() && self.data.is_some()
    }

    pub(crate) fn is(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }

    /// The data, which is JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.data.as_deref().unwrap_or_default()).unwrap()
    }

    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines() {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => block.event = Some(value.to_owned()),
                "id" => block.id = Some(value.to_owned()),
                "retry" => block.retry = value.parse().ok(),
                "data" => match &mut block.data {
                    Some(data) => *data += &format!("\n{value}"),
                    None => block.data = Some(value.to_owned()),
                },
                _ => {}
            }
        }
        block
    }
}

impl Wire {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// The next block; `None` at the proper end of the stream, an error where it is cut.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Block>> {
        let block = self.look().await?;
        if block.is_some() {
            let end = find(&self.text, BLANK).unwrap_or_default();
            self.text.advance(end + BLANK.len());
        }
        Ok(block)
    }

    /// The same, which is next still.
    async fn look(&mut self) -> io::Result<Option<Block>> {
        loop {
            if let Some(end) = find(&self.text, BLANK) {
                let block = Block::parse(&String::from_utf8_lossy(&self.text[..end]));
                // Several libraries hand such a block to programs, as an empty message.
                assert!(block.data.is_some(), "a block without data: {block:?}");
                return Ok(Some(block));
            }
            if matches!(self.body, Body::Over | Body::Length(0)) {
                return Ok(None);
            }
            if !self.decode()? && self.socket.read_buf(&mut self.input).await? == 0 {
                if matches!(self.body, Body::ToEnd) {
                    self.body = Body::Over;
                    return Ok(None);
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next block for which `wanted` holds, within a generous time.
    pub(crate) async fn find(&mut self, wanted: impl Fn(&Block) -> bool) -> Block {
        let search = async {
            loop {
                let block = self.next().await.unwrap().unwrap();
                if wanted(&block) {
                    return block;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap()
    }

    /// The blocks up to the proper end of the stream.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<Block>> {
        let (blocks, end) = self.until_end().await;
        end.map(|()| blocks)
    }

    /// The blocks up to the end of the stream, and whether that is a proper one.
    pub(crate) async fn until_end(&mut self) -> (Vec<Block>, io::Result<()>) {
        let mut blocks = Vec::new();
        loop {
            match self.next().await {
                Ok(Some(block)) => blocks.push(block),
                Ok(None) => return (blocks, Ok(())),
                Err(error) => return (blocks, Err(error)),
            }
        }
    }

    /// Closes this side's half of the connection, as a client does that leaves.
    pub(crate) async fn finish(&mut self) {
        self.socket.shutdown().await.unwrap();
    }

    /// Ends the connection with a reset instead of an orderly close.
    pub(crate) fn abort(self) {
        self.socket.set_zero_linger().unwrap();
    }

    /// Moves what has come from `input` to `text`; says whether that changed anything.
    fn decode(&mut self) -> io::Result<bool> {
        match self.body {
            Body::Over => Ok(false),
            Body::ToEnd => {
                let piece = self.input.split();
                self.text.extend_from_slice(&piece);
                Ok(!piece.is_empty())
            }
            Body::Length(left) => {
                let piece = self.input.split_to(left.min(self.input.len()));
                self.text.extend_from_slice(&piece);
                self.body = Body::Length(left - piece.len());
                Ok(!piece.is_empty())
            }
            Body::Chunk(0) => {
                let Some(end) = find(&self.input, b"\r\n") else {
                    return Ok(false);
                };
                let line = self.input.split_to(end + 2);
                let size = std::str::from_utf8(&line[..end]).map_err(io::Error::other)?;
                let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
                self.body = match size {
                    0 => Body::Over,
                    size => Body::Chunk(size + 2),
                };
                Ok(true)
            }
            Body::Chunk(left) => {
                let piece = self.input.split_to(left.min(self.input.len()));
                let text = piece.len().min(left.saturating_sub(2));
                self.text.extend_from_slice(&piece[..text]);
                self.body = Body::Chunk(left - piece.len());
                Ok(!piece.is_empty())
            }
        }
    }
}
