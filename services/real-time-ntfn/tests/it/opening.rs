//! What happens before a stream stands.

use reqwest::Method;

use crate::{
    answer::Answer,
    app::{App, connections},
    desk::Desk,
};

const ORIGIN: &str = "https://app.example";

/// Asks over a connection of its own, or over one that was used before, on which actix answers.
fn refusals(app: &App, target: &str) -> [Answer; 2] {
    let head = format!("host: localhost\r\norigin: {ORIGIN}\r\n\r\n");
    let mut first = app.wire();
    first.send(format!("GET {target} HTTP/1.1\r\n{head}").as_bytes()).unwrap();
    let mut used = app.wire();
    used.send(format!("GET /health HTTP/1.1\r\n{head}").as_bytes()).unwrap();
    assert_eq!(used.answer().unwrap().status, 200);
    used.send(format!("GET {target} HTTP/1.1\r\n{head}").as_bytes()).unwrap();
    [first.answer().unwrap(), used.answer().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_the_same_whoever_writes_it() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[("ALLOWED_ORIGINS", ORIGIN), ("MAX_STREAMS", "1")]);
    let _stream = app.stream("").await;
    for (target, status) in [("/events?history=1000", 400), ("/events", 503)] {
        let answers = refusals(&app, target);
        let named = answers.each_ref().map(|answer| {
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{answer:?}");
            answer.problem();
            // What is of the moment, and of the connection, may differ.
            let names = answer.headers.iter().map(|(name, _)| name);
            let mut names: Vec<_> = names.filter(|name| *name != "connection").collect();
            names.sort();
            names
        });
        assert_eq!(named[0], named[1], "{target}");
        let counted = format!(r#"total{{method="GET",route="/events",status="{status}"}} 2"#);
        assert!(app.get("/metrics").await.text().contains(&counted), "{counted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_while_they_are_asked_about_is_not_waited_for() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    app.stream("").await;
    desk.hold("/internal/identify", true);
    for (asked, says_more) in [(1, false), (2, true)] {
        let mut wire = app.wire();
        wire.send(b"GET /events?user=bob HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        app.eventually("/metrics", |_| desk.calls("/internal/identify") == asked).await;
        if says_more {
            wire.send(b"more").unwrap();
        }
        drop(wire);
        // This one's own is left.
        let metrics = app.eventually("/metrics", |metrics| connections(metrics) == 1).await;
        assert!(!metrics.text().contains(r#"reason="upstream""#), "it was waited for");
    }
    desk.hold("/internal/identify", false);
}

#[tokio::test]
async fn who_is_refused_all_the_time_is_told_so_late_and_others_at_once() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("MAX_STREAMS_PER_ADDRESS", "1")];
    let desk = Desk::start();
    let app = App::start(&desk.url(), &settings);
    let ask = |from: &'static str, accept: &'static str| {
        let request = app.request(Method::GET, "/events").header("x-forwarded-for", from);
        Answer::to(request.header("accept", accept).header("connection", "close"))
    };
    let late = async || {
        let metrics = app.get("/metrics").await;
        let line = |line: &str| line.strip_prefix("realtalk_late_refusals_total ")?.parse().ok();
        metrics.text().lines().find_map(line).unwrap_or(0_u32)
    };
    let _stream = app.stream_with("x-forwarded-for", "203.0.113.9", "").await;
    let _other = app.stream_with("x-forwarded-for", "203.0.113.10", "").await;
    // Far more than eight a second, also on a machine that is slow.
    let asked = futures_util::future::join_all((0..300).map(|_| ask("203.0.113.9", "*/*"))).await;
    assert!(asked.iter().all(|answer| answer.refusal() == (429, "address".to_owned())));
    let before = late().await;
    assert!(before > 0);
    assert_eq!(ask("203.0.113.10", "text/event-stream").await.status, 200);
    assert_eq!(ask("203.0.113.10", "*/*").await.status, 429);
    assert_eq!(late().await, before, "somebody else had to wait");
}
