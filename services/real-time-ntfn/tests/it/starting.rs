//! Before the message service has been heard.

use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App, stream::Stream, upstream::Upstream};

#[tokio::test]
async fn without_a_message_service_the_service_lives_but_is_not_ready() {
    let app = App::alone(&[]);
    let health = app.get("/health").await;
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));
    let ready = app.get("/readyz").await;
    assert_eq!(ready.refusal(), (503, "not_ready".to_owned()));
    assert!(ready.problem().detail.contains("MESSAGE_SERVICE_URL"));
    assert!(ready.header("retry-after").is_some());
}

#[tokio::test]
async fn streams_are_asked_to_come_back_until_the_log_is_loaded() {
    let app = App::alone(&[]);
    let browser = async {
        let mut stream = Stream::open(app.request(Method::GET, "/events")).await;
        let busy = stream.block().await.unwrap();
        assert!(busy.retry.is_some());
        assert_eq!(busy.event.as_deref(), Some("busy"));
        assert_eq!(busy.data.unwrap()["reason"], json!("starting"));
        assert_eq!(stream.block().await, None);
    };
    let program = async {
        let answer = Answer::to(app.request(Method::GET, "/events")).await;
        assert_eq!(answer.refusal(), (503, "starting".to_owned()));
        assert!(answer.header("retry-after").is_some());
    };
    tokio::join!(browser, program);
}

#[tokio::test]
async fn a_message_service_that_does_not_answer_is_left_for_another() {
    let upstream = Upstream::start();
    // One where nobody is, and one that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let app = App::start(&format!("http://127.0.0.1:9,{},http://{silent}", upstream.url()), &[]);
    for number in 0..6 {
        app.stream(&format!("?user=somebody-{number}")).await;
    }
}

#[tokio::test]
async fn the_end_of_a_log_of_large_events_is_loaded_page_by_page() {
    let upstream = Upstream::start();
    let long = "🦀".repeat(4_000);
    let first = upstream.post("first").await;
    for _ in 0..300 {
        upstream.post(&long).await;
    }
    let last = upstream.post("last").await;
    let app = App::start(&upstream.url(), &[]);
    app.eventually("/readyz", |answer| answer.status == 200).await;
    let metrics = app.get("/metrics").await;
    let events = metrics.text().lines().find(|line| line.starts_with("realtalk_feed_events_total"));
    assert_eq!(events, Some("realtalk_feed_events_total 302"), "all of them, before it is ready");
    let mut stream = app.stream(&format!("?last_event_id={}", first["id"].as_str().unwrap())).await;
    for _ in 0..300 {
        assert_eq!(stream.next().await.data.unwrap()["content"], json!(long));
    }
    stream.next().await.assert_is(&last);
}
