//! `GET /events`: how a stream looks.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{answer::Answer, app::App, stream::Stream, upstream::Upstream, wire::Wire};

#[tokio::test]
async fn a_stream_begins_with_a_retry_time_and_tells_that_it_stands() {
    let upstream = Upstream::start();
    let posted = upstream.post("before").await;
    let app = App::start(&upstream.url(), &[]);
    let stream = app.stream("?client_id=tab-1").await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(stream.header("cache-control"), Some("no-store, no-transform"));
    assert_eq!(stream.header("x-accel-buffering"), Some("no"));
    assert_eq!(stream.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(stream.header("content-encoding"), None);
    let opening = &stream.opening;
    assert!((1_500..=4_500).contains(&opening.retry.unwrap()), "{opening:?}");
    assert_eq!(json!(opening.id), posted["id"]);
    let expected = json!({
        "type": "ready", "client_id": "tab-1", "cursor": posted["id"], "resumed": false,
    });
    assert_eq!(stream.greeting, expected);
}

#[tokio::test]
async fn a_client_that_gives_no_name_gets_one() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut names = Vec::new();
    let mut retries = Vec::new();
    for query in ["", "", "?client_id=", ""] {
        let stream = app.stream(query).await;
        names.push(stream.greeting["client_id"].as_str().unwrap().to_owned());
        retries.push(stream.opening.retry);
    }
    assert!(names.iter().all(|name| name.len() == 32), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4);
    retries.dedup();
    assert!(retries.len() > 1, "clients that left together would return together");
}

#[tokio::test]
async fn a_quiet_stream_has_a_heartbeat() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("HEARTBEAT_SECS", "1")]);
    let mut stream = app.stream("").await;
    for _ in 0..3 {
        let block = stream.block().await.unwrap();
        assert_eq!((block.id, block.event.as_deref()), (None, Some("heartbeat")));
        let data = block.data.unwrap();
        assert_eq!(data["type"], json!("heartbeat"));
        let time = data["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
}

#[tokio::test]
async fn every_stream_gets_every_message_in_order() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut streams = Vec::new();
    for _ in 0..50 {
        streams.push(app.stream("").await);
    }
    let mut posted: Vec<Value> = Vec::new();
    for n in 0..40 {
        posted.push(upstream.post(&n.to_string()).await);
        if n % 10 == 9 {
            let newest = &posted.last().unwrap()["id"];
            app.notify_signed(&json!({"after": newest, "events": []})).await;
        }
    }
    for stream in &mut streams {
        for message in &posted {
            stream.next().await.assert_is(message);
        }
    }
}

#[tokio::test]
async fn what_was_posted_arrives_byte_for_byte() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    for content in [
        "line 1\nline 2\r\nline 3\rline 4\n\nid: 1\nevent: evil\ndata: x",
        "\u{2028}\u{2029}\u{feff} 🦀 </script><!--",
        &"é\"\\".repeat(1_300),
    ] {
        let posted = upstream.post(content).await;
        app.notify_signed(&json!({"after": posted["id"], "events": []})).await;
        stream.next().await.assert_is(&posted);
    }
}

/// A chunk as it came, without what HTTP puts around it.
fn chunk(wire: &mut Wire) -> String {
    let length = usize::from_str_radix(&wire.line().unwrap(), 16).unwrap();
    let mut chunk = String::new();
    while chunk.len() < length {
        chunk += &(wire.line().unwrap() + "\n");
    }
    assert_eq!((chunk.len(), wire.line().as_deref()), (length, Some("")));
    chunk
}

#[tokio::test]
async fn a_block_is_a_chunk_and_a_stream_that_ends_says_so() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("DRAIN_SECS", "1")]);
    let mut wire = app.wire();
    wire.send(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let head = wire.answer().unwrap();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")));
    assert_eq!(head.header("content-length"), None);
    let ready = chunk(&mut wire);
    assert!(ready.contains("event: ready\n") && ready.ends_with("\n\n"), "{ready}");
    // Readers that wait for a number of bytes are given what is there, one event or many.
    for content in ["one", "🦀", &"x".repeat(4_000)] {
        app.notify(&json!({"content": content})).await;
        let block = chunk(&mut wire);
        assert!(block.contains(content) && block.ends_with("\n\n"), "{block}");
        assert_eq!(block.matches("\n\n").count(), 1);
    }
    let stopping = tokio::task::spawn_blocking(move || drop(app));
    let end = tokio::task::spawn_blocking(move || {
        let mut blocks = Vec::new();
        loop {
            let block = chunk(&mut wire);
            let is_last = block.is_empty();
            blocks.push(block);
            if is_last {
                return (blocks, wire.read_to_end());
            }
        }
    });
    let (blocks, rest) = end.await.unwrap();
    stopping.await.unwrap();
    assert!(blocks[blocks.len() - 2].contains("event: closing\n"), "{blocks:?}");
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn who_only_asks_for_the_head_gets_it_and_starts_nothing() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    for target in ["/events", "/sse/chat?userId=alice"] {
        let answer = Answer::to(app.request(Method::HEAD, target)).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{target}");
        assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    }
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains("realtalk_streams_opened_total 0\n"), "{}", metrics.text());
}

#[tokio::test]
async fn http_1_0_gets_the_stream_without_chunks() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("HEARTBEAT_SECS", "1")]);
    let mut wire = app.wire();
    wire.send(b"GET /events HTTP/1.0\r\n\r\n").unwrap();
    let head = wire.answer().unwrap();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, None));
    assert_eq!(head.header("content-length"), None);
    assert_ne!(head.header("connection"), Some("keep-alive"));
    let mut lines = std::iter::from_fn(|| wire.line());
    assert!(lines.next().unwrap().starts_with("retry: "));
    assert!(lines.any(|line| line == "event: ready"));
    assert!(lines.any(|line| line == "event: heartbeat"));
    drop(app);
    let end = String::from_utf8(wire.read_to_end()).unwrap();
    assert!(end.contains("retry: "), "{end}");
}

#[tokio::test]
async fn a_service_that_stops_says_goodbye_with_a_new_retry_time() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("DRAIN_SECS", "1")]);
    let mut stream = app.stream("").await;
    // Stopping waits for the streams to end, and this one must be read meanwhile.
    let stopping = tokio::task::spawn_blocking(move || drop(app));
    let goodbye = stream.next().await;
    let retry = goodbye.retry.unwrap();
    assert!((1_500..=4_500).contains(&retry), "{retry}");
    assert_eq!((goodbye.id, goodbye.event.as_deref()), (None, Some("closing")));
    assert_eq!(goodbye.data, Some(json!({"type": "closing", "retry": retry})));
    assert_eq!(stream.block().await, None);
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_stream_may_be_asked_for_by_any_client() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    for accept in ["*/*", "text/event-stream, */*;q=0.1", "application/json"] {
        let request = app.request(Method::GET, "/events").header("accept", accept);
        Stream::open(request).await.ready().await;
    }
}
