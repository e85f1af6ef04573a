//! Where a stream goes on.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    app::App, batch::batch, desk::Desk, socket::Socket, stream::Stream, upstream::Upstream,
};

const START: &str = "19700101000000.000000";

async fn posts(upstream: &Upstream, count: usize) -> Vec<Value> {
    let mut posted = Vec::new();
    for n in 0..count {
        posted.push(upstream.post(&n.to_string()).await);
    }
    posted
}

async fn stream_after(app: &App, header: &str, query: &str) -> Stream {
    let request = app.request(Method::GET, &format!("/events{query}"));
    Stream::open(request.header("last-event-id", header)).await.ready().await
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_client_that_returns_gets_what_it_missed_and_then_what_comes() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 10).await;
    let app = App::start(&upstream.url(), &[]);
    let mut stream = stream_after(&app, id(&posted[3]), "").await;
    assert_eq!(
        (&stream.greeting["resumed"], &stream.greeting["cursor"]),
        (&json!(true), &posted[3]["id"])
    );
    for message in &posted[4..] {
        stream.next().await.assert_is(message);
    }
    let later = upstream.post("later").await;
    app.notify_signed(&json!({"after": later["id"], "events": []})).await;
    stream.next().await.assert_is(&later);
}

#[tokio::test]
async fn the_header_wins_over_the_query() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 4).await;
    let app = App::start(&upstream.url(), &[]);
    let query = format!("?last_event_id={}", id(&posted[0]));
    stream_after(&app, id(&posted[2]), &query).await.next().await.assert_is(&posted[3]);
    app.stream(&query).await.next().await.assert_is(&posted[1]);
}

#[tokio::test]
async fn libraries_that_cannot_send_the_header_return_with_a_query() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 4).await;
    let app = App::start(&upstream.url(), &[]);
    // The header is of this stream, the cursor of a list is older.
    let older = format!("last_event_id={}", id(&posted[0]));
    for name in ["lastEventId", "Last-Event-ID", "last-event-id"] {
        let returns = format!("{name}={}", id(&posted[2]));
        for query in [format!("?{returns}"), format!("?{older}&{returns}")] {
            let mut stream = app.stream(&query).await;
            assert_eq!(stream.greeting["resumed"], json!(true), "{query}");
            stream.next().await.assert_is(&posted[3]);
        }
        let query = format!("?{name}={}", id(&posted[0]));
        stream_after(&app, id(&posted[1]), &query).await.next().await.assert_is(&posted[2]);
        let mut stream = app.stream(&format!("?{name}=nonsense")).await;
        assert_eq!(stream.next().await.event.as_deref(), Some("reset"), "{name}");
        app.stream(&format!("?{name}=&{older}")).await.next().await.assert_is(&posted[1]);
    }
}

#[tokio::test]
async fn a_cursor_that_cannot_be_continued_is_answered_with_a_reset() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 3).await;
    let app = App::start(&upstream.url(), &[]);
    for cursor in ["29990101000000.000000", "nonsense", "1", "20249901000000.000000"] {
        let mut stream = stream_after(&app, cursor, "").await;
        assert_eq!(stream.greeting["resumed"], json!(false), "{cursor}");
        let reset = stream.next().await;
        assert_eq!(reset.event.as_deref(), Some("reset"), "{cursor}");
        assert_eq!(json!(reset.id), posted[2]["id"], "{cursor}");
        let expected = json!({"type": "reset", "reason": "unknown", "cursor": posted[2]["id"]});
        assert_eq!(reset.data, Some(expected), "{cursor}");
    }
}

#[tokio::test]
async fn a_cursor_older_than_the_memory_is_served_from_the_log() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 30).await;
    let app = App::start(&upstream.url(), &[("RING_EVENTS", "5")]);
    let mut stream = app.stream(&format!("?last_event_id={START}")).await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    for message in &posted {
        stream.next().await.assert_is(message);
    }
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains(r#"realtalk_stream_starts_total{from="log"} 1"#));
}

#[tokio::test]
async fn a_cursor_that_overtook_the_push_is_waited_for() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    app.stream("").await;
    let posted = upstream.post("not pushed").await;
    let stream = stream_after(&app, id(&posted), "").await;
    assert_eq!(stream.greeting["resumed"], json!(true));
    assert_eq!(stream.greeting["cursor"], posted["id"]);
}

#[tokio::test]
async fn what_is_on_its_way_is_not_fetched_as_well() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    app.stream("").await;
    let mut last = json!(START);
    // On a slow machine a push may take longer than anybody waits for it.
    for _ in 0..200 {
        let (message, fetched) = (desk.post("on its way"), desk.calls("/internal/events"));
        let push = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            app.notify_signed(&batch(&last, &[&message])).await
        };
        let (stream, pushed) = tokio::join!(stream_after(&app, id(&message), ""), push);
        assert_eq!(stream.greeting["cursor"], message["id"]);
        assert_eq!(pushed.json(), json!({"last_id": message["id"]}));
        if desk.calls("/internal/events") == fetched {
            return;
        }
        last = message["id"].clone();
    }
    panic!("it is fetched each time");
}

/// A connection that is cut before a long answer is there is cut the next time, too: short ones get through.
#[tokio::test]
async fn where_no_long_answer_arrives_the_log_is_read_in_short_ones() {
    let desk = Desk::start();
    let texts: Vec<_> = (0..900).map(|n| n.to_string()).collect();
    let (before, after) = texts.split_at(450);
    before.iter().for_each(|text| drop(desk.post(text)));
    desk.cut_answers("/internal/events", 8_192);
    let app = App::start(&desk.url(), &[]);
    let mut stream = stream_after(&app, START, "").await;
    assert_eq!(stream.contents(before.len()).await, before);
    // Behind by a push that was lost.
    after.iter().for_each(|text| drop(desk.post(text)));
    desk.tell(&app).await;
    assert_eq!(stream.contents(after.len()).await, after);
}

#[tokio::test]
async fn only_what_was_cut_off_is_asked_for_in_shorter_pieces() {
    const ROUTE: &str = "/internal/events";
    let desk = Desk::start();
    desk.fail(ROUTE, true);
    let _app = App::start(&desk.url(), &[]);
    desk.eventually("asked some times", |desk| desk.calls(ROUTE) >= 3).await;
    let is_whole = |asked: &String| asked.ends_with("&limit=1000");
    assert!(desk.asked(ROUTE).iter().all(is_whole), "{:?}", desk.asked(ROUTE));
    desk.cut_answers(ROUTE, 0);
    desk.fail(ROUTE, false);
    let is_quarter = |asked: &String| asked.ends_with("&limit=250");
    desk.eventually("asked for less", |desk| desk.asked(ROUTE).iter().any(is_quarter)).await;
}

#[tokio::test]
async fn a_cursor_makes_history_superfluous() {
    let upstream = Upstream::start();
    let posted = posts(&upstream, 5).await;
    let app = App::start(&upstream.url(), &[]);
    let mut stream = stream_after(&app, id(&posted[3]), "?history=5").await;
    stream.next().await.assert_is(&posted[4]);
    app.notify(&json!({"content": "now"})).await;
    assert_eq!(stream.contents(1).await, [json!("now")]);
}

#[tokio::test]
async fn what_was_deleted_is_not_replayed_from_memory_either() {
    const CHANGES: usize = 6;
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut witness = app.stream("").await;
    let pull = async || {
        app.notify_signed(&json!({"after": "29990101000000.000000", "events": []})).await;
    };
    let kept = upstream.post("kept").await;
    let message = upstream.post("a secret").await;
    // Known to this service each time, before it is taken back.
    pull().await;
    for content in [Some("another secret"), Some("no secret"), None] {
        upstream.change(&message, content).await;
        pull().await;
    }
    upstream.change(&kept, Some("still kept")).await;
    pull().await;
    let mut live = Vec::new();
    for _ in 0..CHANGES {
        live.push(witness.next().await.data.unwrap());
    }
    assert_eq!(live[1]["content"], "a secret", "who is there has what was said");

    let query = format!("?last_event_id={START}");
    let from_log = App::start(&upstream.url(), &[("RING_EVENTS", "1")]);
    let mut log = from_log.stream(&query).await;
    let mut ring = app.stream(&query).await;
    let mut socket = Socket::open(&app, &query).await;
    for _ in 0..CHANGES {
        let expected = log.next().await;
        let block = ring.next().await;
        assert!(!block.data.as_ref().unwrap().to_string().contains("secret"), "{block:?}");
        assert_eq!(block, expected, "replay is what the log has");
        assert_eq!(Some(socket.next().await), expected.data);
    }
    let metrics = app.get("/metrics").await;
    assert!(metrics.text().contains(r#"realtalk_stream_starts_total{from="ring"} 2"#));
}

/// What has been read for somebody is held until the rest is: those who have begun are finished with before
/// others of their address begin.
#[tokio::test]
async fn few_of_an_address_are_in_the_middle_of_catching_up() {
    let desk = Desk::start();
    let texts: Vec<_> = (0..600).map(|n| n.to_string()).collect();
    texts.iter().for_each(|text| drop(desk.post(text)));
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RING_EVENTS", "1")];
    let app = App::start(&desk.url(), &settings);
    let path = format!("/events?lastEventId={START}");
    let request = || app.request(Method::GET, &path).header("x-forwarded-for", "203.0.113.1");
    let catch_up = async |_| {
        let mut stream = Stream::granted(request).await;
        assert_eq!(stream.contents(texts.len()).await, texts);
    };
    futures_util::future::join_all((0..12).map(catch_up)).await;
    let (mut under_way, mut most, mut done) = (0_i32, 0, 0);
    // The service itself asks for all rooms.
    let mut asked = desk.asked("/internal/events?after=");
    asked.retain(|page| page.contains("rooms="));
    let (first, last) = (&asked[0], &asked[asked.len() - 1]);
    assert!(first.contains(START) && !last.contains(START));
    for page in &asked {
        let (begins, ends) = (page == first, page == last);
        under_way += i32::from(begins) - i32::from(ends);
        (most, done) = (most.max(under_way), done + i32::from(ends));
    }
    assert!(done >= 12 && most <= 4, "{most} of {done} at the same time");
}
