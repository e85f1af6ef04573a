//! [`Stream`]: an open stream of server-sent events, read block by block.

use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

use crate::patience::PATIENCE;

pub(crate) struct Stream {
    response: Response,
    unread: Vec<u8>,
    /// What came first: the block of `ready`, and its data.
    pub(crate) opening: Block,
    pub(crate) greeting: Value,
}

/// The lines between two empty ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<Value>,
    pub(crate) retry: Option<u64>,
}

impl Stream {
    /// Opens a stream, whatever it then begins with.
    pub(crate) async fn open(request: RequestBuilder) -> Self {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Self { response, unread: Vec::new(), opening: Block::default(), greeting: Value::Null }
    }

    /// Reads the opening and the greeting; nothing from a service that is still starting.
    pub(crate) async fn begun(mut self) -> Option<Self> {
        let first = self.block().await.unwrap();
        let is_starting = first.event.as_deref() == Some("busy")
            && first.data.as_ref().is_some_and(|data| data["reason"] == "starting");
        (!is_starting).then(|| self.with_greeting(first))
    }

    /// Opens a stream, again and again while it is busy: on a slow machine it may take longer than anybody waits.
    pub(crate) async fn granted(request: impl Fn() -> RequestBuilder) -> Self {
        loop {
            let mut stream = Self::open(request()).await;
            let first = stream.block().await.unwrap();
            if first.event.as_deref() != Some("busy") {
                return stream.with_greeting(first);
            }
        }
    }

    /// Reads the opening and the greeting.
    pub(crate) async fn ready(mut self) -> Self {
        let ready = self.block().await.unwrap();
        self.with_greeting(ready)
    }

    fn with_greeting(mut self, ready: Block) -> Self {
        assert_eq!(ready.event.as_deref(), Some("ready"), "{ready:?}");
        assert!(ready.retry.is_some() && ready.id.is_some(), "{ready:?}");
        self.greeting = ready.data.clone().unwrap();
        self.opening = ready;
        self
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// The next block, or nothing at the end.
    pub(crate) async fn block(&mut self) -> Option<Block> {
        loop {
            if let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let rest = self.unread.split_off(end + 2);
                let text = String::from_utf8(std::mem::replace(&mut self.unread, rest)).unwrap();
                let block = Block::parse(&text);
                // Several libraries hand a block without data to programs, as an empty message.
                assert!(block.data.is_some(), "{text:?}");
                return Some(block);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
            self.unread.extend(chunk.expect("the stream says something").unwrap()?);
        }
    }

    /// The next block that is neither a heartbeat nor just a cursor.
    pub(crate) async fn next(&mut self) -> Block {
        let next = async {
            loop {
                let block = self.block().await.expect("the stream goes on");
                if !matches!(block.event.as_deref(), Some("heartbeat" | "cursor")) {
                    return block;
                }
            }
        };
        let next = tokio::time::timeout(PATIENCE, next).await;
        next.expect("the stream says more than that it lives")
    }

    /// The next block that is neither a heartbeat nor the number of those online.
    pub(crate) async fn next_fact(&mut self) -> Block {
        loop {
            let block = self.next().await;
            let data = block.data.as_ref();
            if data.is_none_or(|data| data.get("online_count").is_none()) {
                return block;
            }
        }
    }

    /// The cursor that the next block gives, which says nothing else.
    pub(crate) async fn cursor(&mut self) -> String {
        let block = self.block().await.expect("the stream goes on");
        assert_eq!(block.event.as_deref(), Some("cursor"), "{block:?}");
        let cursor = block.id.expect("a cursor");
        assert_eq!(block.data, Some(json!({"type": "cursor", "cursor": cursor})));
        cursor
    }

    /// The contents of the next messages.
    pub(crate) async fn contents(&mut self, count: usize) -> Vec<Value> {
        let mut contents = Vec::new();
        while contents.len() < count {
            let block = self.next().await;
            assert_eq!(block.event, None, "{block:?}");
            contents.push(block.data.unwrap()["content"].clone());
        }
        contents
    }
}

impl Block {
    fn parse(text: &str) -> Self {
        let mut block = Self::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let (field, value) = line.split_once(": ").unwrap();
            let once = match field {
                "id" => block.id.replace(value.to_owned()).is_none(),
                "event" => block.event.replace(value.to_owned()).is_none(),
                "data" => block.data.replace(serde_json::from_str(value).unwrap()).is_none(),
                "retry" => block.retry.replace(value.parse().unwrap()).is_none(),
                _ => panic!("{line}"),
            };
            assert!(once, "twice in one block: {line}");
        }
        block
    }

    /// Whether this is the durable message, as the stream sends it.
    #[track_caller]
    pub(crate) fn assert_is(&self, message: &Value) {
        assert_eq!(json!(self.id), message["id"]);
        assert_eq!((self.event.as_deref(), self.data.as_ref()), (None, Some(message)));
    }
}
