//! An incremental parser of Server-Sent Events, by the HTML standard's rules for interpreting an
//! event stream. (A byte order mark is not looked for; no server here sends one.)

use std::borrow::Cow;

use memchr::memchr2;

/// What one block of lines, up to its blank line, said. Without `data` it is not an event, but its
/// `id` and `retry` hold all the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    /// Empty for the default event type.
    pub(crate) name: &'a [u8],
    pub(crate) id: Option<&'a [u8]>,
    /// In milliseconds.
    pub(crate) retry: Option<u64>,
    pub(crate) data: Option<Cow<'a, [u8]>>,
}

/// Keeps what an unfinished block left behind between two reads, and nothing else: an idle client
/// costs an empty vector, and complete blocks are borrowed from the read buffer.
#[derive(Default)]
pub(crate) struct Parser {
    rest: Vec<u8>,
}

impl Parser {
    /// Reads the next bytes of the stream, however they were cut, and hands over each block that
    /// they complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut on_block: impl FnMut(Block<'_>)) {
        // Line by line, so that only the block in progress is ever copied.
        while !self.rest.is_empty() {
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.rest.extend_from_slice(bytes);
                return;
            };
            self.rest.extend_from_slice(&bytes[..=end]);
            bytes = &bytes[end + 1..];
            let used = blocks(&self.rest, &mut on_block);
            self.rest.drain(..used);
        }
        let used = blocks(bytes, &mut on_block);
        self.rest.extend_from_slice(&bytes[used..]);
    }

    /// Forgets the unfinished block, as a client does whose connection was cut.
    pub(crate) fn reset(&mut self) {
        self.rest.clear();
    }
}

/// Hands over the complete blocks in `bytes` and returns how many bytes they took.
fn blocks(bytes: &[u8], on_block: &mut impl FnMut(Block<'_>)) -> usize {
    let (mut used, mut at) = (0, 0);
    let mut block = Block::default();
    while let Some(end) = memchr2(b'\n', b'\r', &bytes[at..]).map(|offset| at + offset) {
        let line = &bytes[at..end];
        at = match bytes[end..] {
            // A CR may be the first half of CRLF: wait for the byte that tells.
            [b'\r'] => return used,
            [b'\r', b'\n', ..] => end + 2,
            _ => end + 1,
        };
        if !line.is_empty() {
            block.read(line);
            continue;
        }
        used = at;
        let block = std::mem::take(&mut block);
        if block != Block::default() {
            on_block(block);
        }
    }
    used
}

impl<'a> Block<'a> {
    fn read(&mut self, line: &'a [u8]) {
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut self.data {
                None => self.data = Some(Cow::Borrowed(value)),
                Some(data) => {
                    let data = data.to_mut();
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
            },
            b"id" if !value.contains(&0) => self.id = Some(value),
            b"event" => self.name = value,
            b"retry" => self.retry = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()),
            // Comments have an empty field name; anything else unknown is ignored.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Owned = (String, Option<String>, Option<u64>, Option<String>);

    fn parse<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<Owned> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (mut parser, mut seen) = (Parser::default(), Vec::new());
        for part in parts {
            parser.feed(part, |block| {
                seen.push((
                    text(block.name),
                    block.id.map(text),
                    block.retry,
                    block.data.as_deref().map(text),
                ));
            });
        }
        seen
    }

    const STREAM: &str = "retry: 2741\nid: 7\n\n: a comment\n\nevent: ready\ndata: {\"a\":1}\n\n\
        id: 8\ndata: first\ndata:second\ndata\n\nunknown: x\ndata:  two spaces\n\n\n\ndata: unfinished\n";

    fn expected() -> Vec<Owned> {
        let own = |text: &str| Some(text.to_owned());
        vec![
            (String::new(), own("7"), Some(2741), None),
            ("ready".into(), None, None, own("{\"a\":1}")),
            (String::new(), own("8"), None, own("first\nsecond\n")),
            (String::new(), None, None, own(" two spaces")),
        ]
    }

    #[test]
    fn a_whole_stream_is_read_by_the_standard() {
        assert_eq!(parse([STREAM.as_bytes()].into_iter()), expected());
    }

    #[test]
    fn any_cut_gives_the_same_blocks_with_every_line_ending() {
        for ending in ["\n", "\r\n", "\r"] {
            // The last CR stays undecided until another byte follows, so one does.
            let stream = STREAM.replace('\n', ending) + ":";
            let bytes = stream.as_bytes();
            for cut in 0..=bytes.len() {
                let (left, right) = bytes.split_at(cut);
                assert_eq!(parse([left, right].into_iter()), expected(), "{ending:?} cut at {cut}");
            }
            assert_eq!(parse(bytes.chunks(1)), expected(), "{ending:?} byte by byte");
        }
    }

    #[test]
    fn only_the_unfinished_block_is_kept() {
        let mut parser = Parser::default();
        parser.feed("data: x\n\n".repeat(1_000).as_bytes(), |_| {});
        assert_eq!(parser.rest.capacity(), 0);
        parser.feed(b"data: half", |_| {});
        assert_eq!(parser.rest, b"data: half");
        parser.reset();
        assert_eq!(parse([&b"data: x\n\n"[..]].into_iter()).len(), 1);
    }
}
