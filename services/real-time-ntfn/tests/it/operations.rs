//! What the people who run the service look at.

use serde_json::json;

use crate::{app::App, upstream::Upstream};

#[tokio::test]
async fn the_service_tells_how_it_is() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    app.eventually("/readyz", |answer| answer.status == 200).await;
    for (target, expected) in [
        ("/health", json!({"status": "ok"})),
        ("/livez", json!({"status": "ok"})),
        ("/readyz", json!({"status": "ready"})),
        ("/version", json!({"service": "realtime-ntfn", "version": env!("CARGO_PKG_VERSION")})),
    ] {
        let answer = app.get(target).await;
        assert_eq!((answer.status, answer.json()), (200, expected), "{target}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
    }
}

#[tokio::test]
async fn the_description_names_every_route_and_its_answers() {
    let app = App::alone(&[]);
    let answer = app.get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let api = answer.json();
    for (path, method, status) in [
        ("/events", "get", "200"),
        ("/events", "get", "429"),
        ("/events", "get", "503"),
        ("/notify", "post", "200"),
        ("/notify", "post", "202"),
        ("/notify", "post", "401"),
    ] {
        let found = &api["paths"][path][method]["responses"][status];
        assert!(found.is_object(), "{method} {path} {status}");
    }
    let stream = &api["paths"]["/events"]["get"]["responses"]["200"]["content"];
    assert!(stream["text/event-stream"].is_object(), "{stream}");
}

#[tokio::test]
async fn the_metrics_count_streams_and_events() {
    let upstream = Upstream::start();
    let posted = upstream.post("hi").await;
    let app = App::start(&upstream.url(), &[]);
    let live = app.stream("").await;
    let mut ring = app.stream("?last_event_id=19700101000000.000000").await;
    ring.next().await.assert_is(&posted);
    app.stream("?last_event_id=nonsense").await;
    // One metric is counted after the other: a look may come in between.
    let has_gone = "realtalk_streams_closed_total{reason=\"gone\"} 1\n";
    let is_counted = |text: &str| text.contains("realtalk_streams 2\n") && text.contains(has_gone);
    let metrics = app.eventually("/metrics", |answer| is_counted(answer.text())).await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    for line in [
        "realtalk_streams_opened_total 3",
        r#"realtalk_stream_starts_total{from="live"} 1"#,
        r#"realtalk_stream_starts_total{from="ring"} 1"#,
        r#"realtalk_stream_starts_total{from="reset"} 1"#,
        "realtalk_replayed_events_total 1",
        "realtalk_feed_events_total 1",
        "realtalk_feed_gaps_total 0",
        "realtalk_feed_contiguous 1",
        r#"realtalk_http_requests_total{method="GET",route="/events",status="200"} 3"#,
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line} in {}", metrics.text());
    }
    assert!(metrics.text().contains("realtalk_feed_pull_failures_total"));
    drop(live);
}
