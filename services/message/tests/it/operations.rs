//! What the people who run the service look at.

use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App};

#[tokio::test]
async fn the_service_tells_how_it_is() {
    let app = App::start();
    for (target, expected) in [
        ("/health", json!({"status": "ok"})),
        ("/livez", json!({"status": "ok"})),
        ("/readyz", json!({"status": "ready"})),
        ("/version", json!({"service": "message-service", "version": env!("CARGO_PKG_VERSION")})),
    ] {
        let answer = app.get(target).await;
        assert_eq!((answer.status, answer.json()), (200, expected), "{target}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
    }
}

#[tokio::test]
async fn the_metrics_count_posts_and_requests_by_route() {
    let app = App::start();
    let message = app.say("hi").await;
    app.post(json!({"content": "", "user": "alice"})).await;
    for _ in 0..2 {
        let body = json!({"content": "once", "user": "alice", "client_msg_id": "k"});
        app.post(body).await;
    }
    app.get(&format!("/messages/{}", message["id"].as_str().unwrap())).await;
    app.get("/no/such/route").await;
    Answer::to(app.request(Method::from_bytes(b"BREW").unwrap(), "/messages")).await;

    let answer = app.get("/metrics").await;
    assert!(answer.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let metrics = answer.text();
    for line in [
        r#"realtalk_posts_total{outcome="created"} 2"#,
        r#"realtalk_posts_total{outcome="refused"} 1"#,
        r#"realtalk_posts_total{outcome="repeated"} 1"#,
        r#"realtalk_http_requests_total{method="POST",route="/messages",status="201"} 2"#,
        r#"realtalk_http_requests_total{method="GET",route="/messages/{id}",status="200"} 1"#,
        r#"realtalk_http_requests_total{method="GET",route="unknown",status="404"} 1"#,
        r#"realtalk_http_requests_total{method="other",route="/messages",status="405"} 1"#,
        "realtalk_commit_posts_count 3",
        "realtalk_writer_queued 0",
        "realtalk_relay_up 0",
        r#"realtalk_database_connections_max{pool="readers"} 6"#,
        r#"realtalk_database_connections_max{pool="writer"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in\n{metrics}");
    }
    for name in [
        "realtalk_http_request_duration_seconds_bucket",
        "realtalk_commit_seconds_sum",
        r#"realtalk_database_connections{pool="writer",state="used"}"#,
        "realtalk_relayed_events_total",
        "realtalk_relay_failures_total",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
}

#[tokio::test]
async fn a_request_id_comes_back_if_it_is_plain_and_is_made_up_otherwise() {
    let app = App::start();
    let get_with = |id: &str| {
        Answer::to(app.request(Method::GET, "/no/such/route").header("x-request-id", id))
    };
    for id in ["a", "abc-DEF_1.2:3", &"x".repeat(64)] {
        let answer = get_with(id).await;
        assert_eq!(answer.header("x-request-id"), Some(id));
        assert_eq!(answer.problem().request_id.as_deref(), Some(id));
    }
    for id in ["", "a b", "a\tb", "<script>", "a\"b", &"x".repeat(65), "{}"] {
        let answer = get_with(id).await;
        let made_up = answer.problem().request_id.unwrap();
        assert_ne!(made_up, id);
        assert_eq!(made_up.len(), 32, "{made_up}");
    }
    let [one, other] = [app.get("/health").await, app.get("/health").await];
    assert_ne!(one.header("x-request-id").unwrap(), other.header("x-request-id").unwrap());
}
