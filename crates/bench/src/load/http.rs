//! As much of HTTP/1.1 as a load generator needs: write a request, read a response head and the
//! body in any framing.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};

/// A request head and body in one buffer, so that it leaves in one write.
pub(crate) fn request(
    method: &str,
    to: SocketAddr,
    path: &str,
    extra: &str,
    body: &str,
) -> Vec<u8> {
    let length = match method {
        "GET" => String::new(),
        _ => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\n{length}{extra}\r\n{body}").into_bytes()
}

/// A response head: its status, how the body is framed, and how many bytes it took.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) body: Body,
    pub(crate) len: usize,
}

impl Head {
    /// The head at the start of `bytes`, or `None` while it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(len) = response.parse(bytes)? else {
            return Ok(None);
        };
        let status = response.code.context("a response without a status")?;
        let mut body = Body::Close;
        for header in response.headers {
            let value = std::str::from_utf8(header.value).unwrap_or_default();
            if header.name.eq_ignore_ascii_case("content-length") {
                body = Body::Length(value.trim().parse().context("content-length")?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding")
                && value.eq_ignore_ascii_case("chunked")
            {
                body = Body::Chunk(Chunk::Size(0));
                break;
            }
        }
        if status == 204 || status == 304 {
            body = Body::Length(0);
        }
        Ok(Some(Self { status, body, len }))
    }
}

/// Where a body stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunked transfer coding.
    Chunk(Chunk),
    /// Until the connection ends.
    Close,
}

/// Where a chunked body stands (RFC 9112, 7.1).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chunk {
    /// Within the size line; the size read so far.
    Size(u64),
    /// Within a chunk extension, which is skipped.
    Extension(u64),
    /// Within the data.
    Data(u64),
    /// Within the line end after the data.
    DataEnd,
    /// Within the trailer section; whether its current line has any bytes yet.
    Trailer(bool),
    /// After the trailer section.
    End,
}

impl Body {
    /// Whether the body is complete.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunk(Chunk::End))
    }

    /// Takes the framing off the next bytes, however they were cut, and hands over the content.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut on_content: impl FnMut(&[u8])) -> Result<()> {
        match self {
            Self::Close => on_content(bytes),
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left)?);
                *left -= taken as u64;
                on_content(&bytes[..taken]);
            }
            Self::Chunk(chunk) => chunk.feed(bytes, on_content)?,
        }
        Ok(())
    }
}

impl Chunk {
    fn feed(&mut self, mut bytes: &[u8], mut on_content: impl FnMut(&[u8])) -> Result<()> {
        while let Some((&byte, after)) = bytes.split_first() {
            if let Self::Data(left) = self {
                let taken = bytes.len().min(usize::try_from(*left)?);
                on_content(&bytes[..taken]);
                bytes = &bytes[taken..];
                *left -= taken as u64;
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            *self = self.next(byte)?;
            bytes = after;
        }
        Ok(())
    }

    fn next(self, byte: u8) -> Result<Self> {
        Ok(match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer(false),
            (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(size),
            (Self::Size(size), b'\r') => Self::Size(size),
            (Self::Size(size), b';' | b' ' | b'\t') => Self::Extension(size),
            (Self::Size(size), _) => match (byte as char).to_digit(16) {
                Some(digit) if size < 1 << 32 => Self::Size(size * 16 + u64::from(digit)),
                _ => bail!("not a chunk size"),
            },
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::DataEnd, b'\n') => Self::Size(0),
            (Self::DataEnd, b'\r') => Self::DataEnd,
            (Self::DataEnd, _) => bail!("a chunk longer than its size"),
            (Self::Trailer(false), b'\n') => Self::End,
            (Self::Trailer(_), b'\n') => Self::Trailer(false),
            (Self::Trailer(seen), b'\r') => Self::Trailer(seen),
            (Self::Trailer(_), _) => Self::Trailer(true),
            (Self::Data(_) | Self::End, _) => self,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(head: &str, parts: &[&[u8]]) -> (Vec<u8>, bool) {
        let head = Head::parse(head.as_bytes()).unwrap().unwrap();
        assert_eq!(head.status, 200);
        let (mut body, mut content) = (head.body, Vec::new());
        for part in parts {
            body.feed(part, |bytes| content.extend_from_slice(bytes)).unwrap();
        }
        (content, body.is_done())
    }

    #[test]
    fn a_chunked_body_is_the_same_at_any_cut() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = b"5\r\nhello\r\n10;ext=1\r\n, chunked world!\r\n0\r\nTrailer: x\r\n\r\n";
        for cut in 0..=body.len() {
            let (left, right) = body.split_at(cut);
            let (content, done) = content(head, &[left, right]);
            assert_eq!(content, b"hello, chunked world!", "cut at {cut}");
            assert!(done);
        }
    }

    #[test]
    fn bodies_end_by_length_or_by_the_connection() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(content(sized, &[b"hel", b"lo"]), (b"hello".to_vec(), true));
        let open = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        assert_eq!(content(open, &[b"data", b": x"]), (b"data: x".to_vec(), false));
    }

    #[test]
    fn an_incomplete_head_waits_and_a_bad_chunk_is_an_error() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nA: b\r\n").unwrap().is_none());
        assert!(Body::Chunk(Chunk::Size(0)).feed(b"xyz\r\n", |_| {}).is_err());
        assert!(Body::Chunk(Chunk::Size(0)).feed(b"1\r\nab", |_| {}).is_err());
    }
}
