//! A storm of people: everybody opens a stream at once, three times over.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustix::process::Pid;
use serde_json::json;

use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::clock;
use crate::load::crowd::user_name;
use crate::load::opening::{self, Greeting};
use crate::load::{http, ws};
use crate::target::centrifugo::{self, Centrifugo};
use crate::target::realtalk::RealTalk;
use crate::target::{Kind, Lab, Server};
use crate::usage;

/// How often they come.
const STORMS: usize = 3;

/// After that long, what a storm has needed is to be given back.
const CALM: Duration = Duration::from_secs(30);

/// Both keys of an issuer that issues for this benchmark, and nothing else.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDUXiRDxQJ6OhcGKk1X3sYu7Bue7TdXl+8rbJnQ6Aaiu
-----END PRIVATE KEY-----
";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAFgQ7X0oo+E2yvEGmdNAeTRSllIdJAlakN4pp6fm1sPY=
-----END PUBLIC KEY-----
";

/// By what a stream is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Over {
    /// Server-sent events.
    Sse,
    /// WebSockets.
    Ws,
}

/// Whose streams they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Whose {
    /// Nobody's.
    Anonymous,
    /// Those of users who say their names, each another one.
    Named,
    /// Those of users with a token of an outside issuer, where one is required.
    Token,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arrivals {
    /// By what they come
    #[arg(long, value_enum, default_value_t = Over::Sse)]
    over: Over,
    /// As whom they come
    #[arg(long, value_enum, default_value_t = Whose::Named)]
    whose: Whose,
    #[arg(long, default_value_t = 15_000)]
    clients: usize,
    /// Streams being opened at a time
    #[arg(long, default_value_t = 1_000)]
    at_once: usize,
}

impl Arrivals {
    /// Every way to come, as everybody.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let whose = [Whose::Anonymous, Whose::Named, Whose::Token];
        [Over::Sse, Over::Ws].into_iter().flat_map(move |over| {
            whose.map(|whose| Self { over, whose, clients: 15_000, at_once: 1_000 })
        })
    }

    fn greeting(&self, kind: Kind, to: SocketAddr, number: usize, token: &str) -> Greeting {
        let user = user_name(number);
        let (path, ready): (_, &[u8]) = match (kind, self.over) {
            (Kind::Centrifugo, Over::Sse) => {
                let connect = json!({"token": token}).to_string();
                let connect = connect.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
                (format!("/connection/uni_sse?cf_connect={connect}"), b"\"subs\"")
            }
            (Kind::Centrifugo, Over::Ws) => ("/connection/websocket".to_owned(), b"\"subs\""),
            (_, Over::Sse) => ("/events".to_owned(), b"event: ready"),
            (_, Over::Ws) => ("/ws".to_owned(), b"\"type\":\"ready\""),
        };
        let is_ours = kind == Kind::Realtalk;
        let path = if is_ours && self.whose == Whose::Named {
            format!("{path}?user={user}")
        } else {
            path
        };
        let mut extra = match self.over {
            Over::Sse => "Accept: text/event-stream\r\n".to_owned(),
            Over::Ws => ws::HANDSHAKE.to_owned(),
        };
        if is_ours && self.whose == Whose::Token {
            extra += &format!("Authorization: Bearer {token}\r\n");
        }
        let then = (kind == Kind::Centrifugo && self.over == Over::Ws)
            .then(|| ws::frame(&json!({"id": 1, "connect": {"token": token}})));
        Greeting { request: http::request("GET", to, &path, &extra, ""), then, ready }
    }
}

/// A token for each client, signed as `algorithm` has it.
fn tokens(count: usize, algorithm: Algorithm, key: &EncodingKey) -> Result<Vec<String>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = |number| {
        json!({
            "sub": user_name(number), "iat": now, "exp": now + 3_600,
            // For Centrifugo: what it subscribes to.
            "channels": ["public"],
        })
    };
    (0..count)
        .map(|number| encode(&Header::new(algorithm), &claims(number), key).context("sign a token"))
        .collect()
}

macro_rules! figures {
    ($cpu:expr, $kept:expr, $rate:expr) => {
        &[
            Figure { name: "cpu of an opening", unit: "µs", digits: 0, bars: $cpu },
            Figure { name: "openings", unit: "1/s", digits: 0, bars: $rate },
            Figure {
                name: "peak memory per client",
                unit: "bytes",
                digits: 0,
                bars: &[Bar::Most(4096.0)],
            },
            Figure {
                name: "memory per client 30 s later",
                unit: "bytes",
                digits: 0,
                bars: &[Bar::Most($kept)],
            },
            Figure {
                name: "more per client with the third storm",
                unit: "bytes",
                digits: 0,
                bars: &[Bar::Most(64.0)],
            },
            Figure { name: "message service per client", unit: "bytes", digits: 0, bars: &[] },
        ]
    };
}

const FAST: &[Bar] = &[Bar::Least(8_000.0), Bar::LeastTimes(1.0, Kind::Centrifugo)];

impl Row for Arrivals {
    fn name(&self) -> &'static str {
        match (self.over, self.whose) {
            (Over::Sse, Whose::Anonymous) => "arrivals-sse-anonymous",
            (Over::Sse, Whose::Named) => "arrivals-sse-named",
            (Over::Sse, Whose::Token) => "arrivals-sse-token",
            (Over::Ws, Whose::Anonymous) => "arrivals-ws-anonymous",
            (Over::Ws, Whose::Named) => "arrivals-ws-named",
            (Over::Ws, Whose::Token) => "arrivals-ws-token",
        }
    }

    fn conditions(&self) -> String {
        let over = match self.over {
            Over::Sse => "SSE",
            Over::Ws => "WebSocket",
        };
        let whose = match self.whose {
            Whose::Anonymous => "anonymous clients",
            Whose::Named => "clients, each with a name of its own",
            Whose::Token => "clients, each with an EdDSA token, in required mode",
        };
        format!(
            "{} {over} {whose}, opened as fast as they can be, {} at a time, three times over; \
             processor time of both services; Centrifugo's clients have a token (HS256)",
            self.clients, self.at_once
        )
    }

    fn figures(&self) -> &'static [Figure] {
        match (self.over, self.whose) {
            (Over::Sse, Whose::Anonymous) => figures!(&[Bar::Most(60.0)], 2048.0, &[]),
            (Over::Ws, Whose::Anonymous) => figures!(&[Bar::Most(80.0)], 1536.0, &[]),
            (_, Whose::Named) => figures!(&[Bar::Most(120.0)], 2048.0, FAST),
            (_, Whose::Token) => figures!(&[Bar::Most(180.0)], 2048.0, FAST),
        }
    }

    fn targets(&self) -> &'static [Kind] {
        match self.whose {
            Whose::Anonymous => &[Kind::Realtalk],
            Whose::Named | Whose::Token => &[Kind::Realtalk, Kind::Centrifugo],
        }
    }

    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample> {
        match kind {
            Kind::Realtalk => {
                let set = match self.whose {
                    Whose::Token => vec![
                        ("AUTH_MODE", "required".to_owned()),
                        ("JWT_PUBLIC_KEY", PUBLIC_KEY.to_owned()),
                    ],
                    _ => Vec::new(),
                };
                let server = RealTalk::start_with(lab, set)?;
                let key = EncodingKey::from_ed_pem(PRIVATE_KEY.as_bytes())?;
                let tokens = tokens(self.clients, Algorithm::EdDSA, &key)?;
                let to = server.stream().to;
                self.storms(kind, to, &server.pids(), &[server.message_pid()], &tokens)
            }
            Kind::Centrifugo => {
                let server = Centrifugo::start()?;
                let key = EncodingKey::from_secret(centrifugo::SECRET.as_bytes());
                let tokens = tokens(self.clients, Algorithm::HS256, &key)?;
                self.storms(kind, server.to, &[server.pid()], &[], &tokens)
            }
            Kind::Nchan | Kind::Bare => bail!("{kind} knows nobody by name"),
        }
    }
}

impl Arrivals {
    /// Lets everybody come, and go, again and again. `streams` hold the streams, `others` help.
    fn storms(
        &self,
        kind: Kind,
        to: SocketAddr,
        streams: &[Pid],
        others: &[Pid],
        tokens: &[String],
    ) -> Result<Sample> {
        settle()?;
        let all = [streams, others].concat();
        let clients = self.clients as f64;
        let before = usage::resident(streams)?;
        let others_before = usage::resident(others)?;
        let (mut used, mut seconds, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for storm in 1..=STORMS {
            let processor = usage::processor(&all)?;
            let held = opening::open(to, self.clients, self.at_once, |number| {
                self.greeting(kind, to, number, &tokens[number])
            })?;
            used.push(usage::processor(&all)? - processor);
            seconds.push(held.seconds);
            clock::pause(CALM)?;
            kept.push((usage::resident(streams)? - before) / clients);
            eprintln!(
                "    storm {storm}: {:.0} openings/s, {:.0} µs each, {:.0} bytes after {CALM:?}",
                clients / held.seconds,
                used[storm - 1] * 1e6 / clients,
                kept[storm - 1]
            );
            drop(held);
            settle()?;
        }
        // The first storm also makes everybody known who was not.
        let middle = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[STORMS / 2]
        };
        Ok(Sample::from([
            ("cpu of an opening", middle(used) * 1e6 / clients),
            ("openings", clients / middle(seconds)),
            ("peak memory per client", (usage::peak(streams)? - before) / clients),
            ("memory per client 30 s later", kept[0].max(kept[STORMS - 1])),
            ("more per client with the third storm", kept[STORMS - 1] - kept[0]),
            ("message service per client", (usage::resident(others)? - others_before) / clients),
        ]))
    }
}
