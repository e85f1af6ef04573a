//! How many streams there may be.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;

use crate::{
    answer::Answer, app::App, desk::Desk, patience::until, stream::Stream, upstream::Upstream,
    wire::Wire,
};

/// Asks for a stream as a browser does, and expects to be told to come back.
async fn assert_busy(app: &App, forwarded: &str, reason: &str) {
    let request = app.request(Method::GET, "/events").header("x-forwarded-for", forwarded);
    let mut stream = Stream::open(request).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(stream.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(stream.header("connection"), Some("close"));
    let busy = stream.block().await.unwrap();
    let retry = busy.retry.unwrap();
    assert!((1_500..=4_500).contains(&retry), "{retry}");
    assert_eq!((busy.id, busy.event.as_deref()), (None, Some("busy")));
    assert_eq!(busy.data, Some(json!({"type": "busy", "reason": reason, "retry": retry})));
    assert_eq!(stream.block().await, None);
}

async fn get_from(app: &App, forwarded: &str) -> Answer {
    let request = app.request(Method::GET, "/events").header("x-forwarded-for", forwarded);
    Answer::to(request.header("connection", "close")).await
}

async fn stream_from(app: &App, forwarded: &str) -> Stream {
    let request = app.request(Method::GET, "/events").header("x-forwarded-for", forwarded);
    Stream::open(request).await.ready().await
}

#[tokio::test]
async fn a_full_service_says_so_and_has_room_again_when_a_stream_ends() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("MAX_STREAMS", "2"), ("HEARTBEAT_SECS", "1")]);
    let mut first = app.stream("").await;
    let second = app.stream("").await;
    for _ in 0..3 {
        assert_busy(&app, "", "full").await;
        let answer = get_from(&app, "").await;
        assert_eq!(answer.refusal(), (503, "full".to_owned()));
        assert!(answer.header("retry-after").is_some());
    }
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains(r#"realtalk_streams_refused_total{reason="full"} 6"#));
    drop(second);
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 1\n")).await;
    let mut third = app.stream("").await;
    assert_busy(&app, "", "full").await;
    app.notify(&json!({"content": "hi"})).await;
    for stream in [&mut first, &mut third] {
        assert_eq!(stream.contents(1).await, [json!("hi")]);
    }
}

#[tokio::test]
async fn one_address_cannot_take_all_the_streams() {
    let upstream = Upstream::start();
    let app = App::start(
        &upstream.url(),
        &[("MAX_STREAMS_PER_ADDRESS", "2"), ("TRUSTED_PROXIES", "127.0.0.1")],
    );
    let streams =
        [stream_from(&app, "203.0.113.9").await, stream_from(&app, "1.2.3.4, 203.0.113.9").await];
    assert_busy(&app, "203.0.113.9", "address").await;
    let answer = get_from(&app, "203.0.113.9").await;
    assert_eq!(answer.refusal(), (429, "address".to_owned()));
    assert!(answer.header("retry-after").is_some());
    stream_from(&app, "203.0.113.10").await;
    drop(streams);
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 0\n")).await;
    stream_from(&app, "203.0.113.9").await;
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_without_a_trusted_proxy() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("MAX_STREAMS_PER_ADDRESS", "1")]);
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(stream_from(&app, "203.0.113.9").await);
    }
}

#[tokio::test]
async fn clients_that_leave_are_not_kept() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(app.stream("").await);
    }
    assert!(app.get("/metrics").await.text().contains("realtalk_streams 20\n"));
    drop(streams);
    let counted = [
        "realtalk_streams 0",
        "realtalk_streams_opened_total 20",
        r#"realtalk_streams_closed_total{reason="gone"} 20"#,
    ];
    let has = |text: &str, line: &str| text.lines().any(|found| found == line);
    let all = |text: &str| counted.iter().all(|line| has(text, line));
    app.eventually("/metrics", |answer| all(answer.text())).await;
}

#[tokio::test]
async fn a_client_that_closes_its_half_of_the_connection_has_left() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut wire = app.wire();
    wire.send(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(wire.answer().unwrap().status, 200);
    assert!(app.get("/metrics").await.text().contains("realtalk_streams 1\n"));
    wire.finish();
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 0\n")).await;
}

/// After so many seconds the message service is not waited for any more.
const GIVEN_UP: usize = 5;

/// As many turns at the log as there are processors, halved, are the most that one address has, however often
/// it asks; the next one of anybody else is asked for at once.
#[tokio::test]
async fn one_address_cannot_take_all_the_turns_at_the_log() {
    let (desk, path) = (Desk::start(), "/internal/opening");
    // More than what is read once for all, so that each asks for their own.
    let [rude, others] =
        [51, 52].map(|count| (count, format!("{path}?rooms=public&history={count}")));
    desk.post("said before");
    let app = App::start(&desk.url(), &[("TRUSTED_PROXIES", "127.0.0.1")]);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let share = processors.div_ceil(2).min(4);
    let begun = Instant::now();
    let open = async |address: &str, history: u32| {
        let path = format!("/events?history={history}");
        let request = || app.request(Method::GET, &path).header("x-forwarded-for", address);
        Stream::granted(request).await
    };
    let the_others = async {
        desk.eventually("it has its share", |desk| desk.calls(&rude.1) >= share).await;
        let asked = async {
            desk.eventually("all others are asked for", |desk| desk.calls(&others.1) >= 4).await;
            // Until an answer is given up, its places are all that one address has.
            let rounds = begun.elapsed().as_secs() as usize / GIVEN_UP + 1;
            assert!(desk.calls(&rude.1) <= share * rounds, "{} in {rounds}", desk.calls(&rude.1));
            desk.hold(path, false);
        };
        let addresses = ["203.0.113.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"];
        let opened = addresses.map(|address| open(address, others.0));
        tokio::join!(futures_util::future::join_all(opened), asked)
    };
    desk.hold(path, true);
    let crowd = futures_util::future::join_all((0..40).map(|_| open("203.0.113.1", rude.0)));
    let (mut crowd, _others) = tokio::join!(crowd, the_others);
    for stream in &mut crowd {
        assert_eq!(stream.contents(1).await, [json!("said before")]);
    }
}

/// A stream is a connection for as long as it lives, wherever its socket is.
#[tokio::test]
async fn streams_count_among_the_connections_of_their_address() {
    let upstream = Upstream::start();
    let settings = [("LIMIT_LOOPBACK", "true"), ("MAX_CONNECTIONS_PER_ADDRESS", "3")];
    let app = App::start(&upstream.url(), &settings);
    let opened = |source| {
        let mut wire = Wire::narrow(app.address, source);
        wire.send(b"GET /events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n")
            .ok();
        wire.line().map(|status| (wire, status))
    };
    let mut held: Vec<_> = (0..3).map(|_| opened([127, 0, 0, 1]).unwrap()).collect();
    assert!(held.iter().all(|(_, status)| status == "HTTP/1.1 200 OK"));
    assert_eq!(opened([127, 0, 0, 1]).unwrap().1, "HTTP/1.1 503 Service Unavailable");
    let (other, status) = opened([127, 0, 0, 2]).unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    held.pop();
    let next = until(|| opened([127, 0, 0, 1]).filter(|(_, status)| status.contains("200"))).await;
    drop((held, other, next));
}

/// What a stream begins with is held for it until it is written.
#[tokio::test]
async fn who_reads_nothing_of_its_streams_gets_no_further_ones() {
    let upstream = Upstream::start();
    let long = "🦀".repeat(4_000);
    for _ in 0..200 {
        upstream.post(&long).await;
    }
    let app = App::start(&upstream.url(), &[("LIMIT_LOOPBACK", "true"), ("STALL_SECS", "600")]);
    let open = |source| {
        let mut wire = Wire::narrow(app.address, source);
        let head = "GET /events?history=200 HTTP/1.1\r\nhost: localhost\r\n";
        wire.send(format!("{head}accept: text/event-stream\r\n\r\n").as_bytes()).unwrap();
        wire
    };
    // More than three megabytes each. Who is refused is told on a stream, which then ends.
    let first = |wire: &mut Wire| loop {
        let line = wire.line().unwrap();
        if let Some(name) = line.strip_prefix("event: ") {
            return name.to_owned();
        }
    };
    // All at once: as many as there is room for begin.
    let mut unread: Vec<_> = (0..20).map(|_| open([127, 0, 0, 1])).collect();
    let begun = unread.iter_mut().filter_map(|wire| (first(wire) == "ready").then_some(())).count();
    assert!((4..=5).contains(&begun), "{begun} of them");
    assert_eq!(first(&mut open([127, 0, 0, 2])), "ready");
    drop(unread);
    until(|| (first(&mut open([127, 0, 0, 1])) == "ready").then_some(())).await;
}
