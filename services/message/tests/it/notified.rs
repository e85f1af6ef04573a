//! [`Notified`]: stands where the notification service would be.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Instant,
};

use common::{Batch, EventId, event::EphemeralBatch, internal::MAX_BODY};
use serde_json::{Value, json};

use crate::patience::PATIENCE;

/// Keeps what it is told.
pub(crate) struct Notified {
    url: String,
    rules: Arc<Rules>,
    taken: mpsc::Receiver<Vec<u8>>,
    facts: Mutex<VecDeque<(Value, Value)>>,
}

struct Rules {
    away: AtomicBool,
    /// The largest body that it takes.
    most: AtomicUsize,
    /// The largest body that came.
    largest: AtomicUsize,
}

impl Notified {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let rules = Arc::new(Rules {
            away: AtomicBool::new(false),
            most: AtomicUsize::new(MAX_BODY),
            largest: AtomicUsize::new(0),
        });
        let (sender, taken) = mpsc::channel();
        let shared = rules.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (rules, sender) = (shared.clone(), sender.clone());
                let stream = stream.unwrap();
                std::thread::spawn(move || while answer(&stream, &rules, &sender).is_some() {});
            }
        });
        Self { url, rules, taken, facts: Mutex::default() }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether everything is answered with 503.
    pub(crate) fn leave(&self, away: bool) {
        self.rules.away.store(away, Ordering::SeqCst);
    }

    /// Larger bodies are answered with 413.
    pub(crate) fn take_at_most(&self, bytes: usize) {
        self.rules.most.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn largest(&self) -> usize {
        self.rules.largest.load(Ordering::SeqCst)
    }

    /// Reads on until it has been told of the log up to an event; returns the batch that says so.
    pub(crate) fn batch_up_to(&self, last: EventId) -> Batch {
        self.batches_up_to(last).pop().unwrap()
    }

    /// The same, with all batches before that one.
    pub(crate) fn batches_up_to(&self, last: EventId) -> Vec<Batch> {
        let deadline = Instant::now() + PATIENCE;
        let mut batches = Vec::<Batch>::new();
        while batches.last().is_none_or(|batch| batch.end() != last) {
            batches.extend(serde_json::from_slice::<Batch>(&self.body(deadline)));
        }
        batches
    }

    /// The next passing fact: its audience, and what it says.
    pub(crate) fn fact(&self) -> (Value, Value) {
        let mut facts = self.facts.lock().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(fact) = facts.pop_front() {
                return fact;
            }
            let Ok(batch) = serde_json::from_slice::<EphemeralBatch>(&self.body(deadline)) else {
                continue;
            };
            facts.extend(batch.ephemeral.into_iter().map(|fact| {
                let data = serde_json::from_str(fact.data.get()).unwrap();
                (json!(fact.audience), data)
            }));
        }
    }

    fn body(&self, deadline: Instant) -> Vec<u8> {
        self.taken.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap()
    }
}

/// Answers one request; nothing when there is none.
fn answer(stream: &TcpStream, rules: &Rules, taken: &mpsc::Sender<Vec<u8>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    rules.largest.fetch_max(length, Ordering::SeqCst);
    let status = if rules.away.load(Ordering::SeqCst) {
        "503 Service Unavailable"
    } else if length > rules.most.load(Ordering::SeqCst) {
        "413 Payload Too Large"
    } else {
        taken.send(body).ok()?;
        "202 Accepted"
    };
    let body = r#"{"last_id":"19700101000000.000000"}"#;
    write!(&*stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()
}
