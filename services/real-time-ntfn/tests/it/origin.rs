//! Which web pages may connect.

use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App, stream::Stream, upstream::Upstream};

async fn get_events(app: &App, origin: &str) -> Answer {
    let request = app.request(Method::GET, "/events").header("origin", origin);
    Answer::to(request.header("accept", "text/event-stream")).await
}

async fn assert_admitted(app: &App, origin: &str) {
    let request = app.request(Method::GET, "/events").header("origin", origin);
    let stream = Stream::open(request).await.ready().await;
    assert_eq!(stream.header("access-control-allow-origin"), Some(origin));
}

#[tokio::test]
async fn a_foreign_page_gets_no_stream() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    for origin in ["https://evil.example", "http://localhost.evil.example", "file://"] {
        let answer = get_events(&app, origin).await;
        assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{origin}");
    }
    for origin in ["http://localhost:8080", "http://127.0.0.1:3000", "null"] {
        assert_admitted(&app, origin).await;
    }
}

#[tokio::test]
async fn a_page_without_an_origin_follows_the_public_room_as_nobody() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let ask = async |method: Method, target: &str| {
        let request = app.request(method, target).header("origin", "null");
        Answer::to(request.header("accept", "text/event-stream")).await
    };
    let query = "/events?rooms=public&client_id=tab&history=0&last_event_id=";
    let request = app.request(Method::GET, query).header("origin", "null");
    Stream::open(request).await.ready().await;
    for target in [
        "/events?user=alice",
        "/events?rooms=lunch",
        "/events?ticket=x",
        "/sse/chat?userId=alice",
        "/ws?username=alice",
        "/presence?users=alice",
        "/presence",
    ] {
        let answer = ask(Method::GET, target).await;
        assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()), "{target}");
    }
    let request = app.request(Method::POST, "/notify").header("origin", "null");
    let answer = Answer::to(request.json(&json!({"content": "evil"}))).await;
    assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()));
}

/// An image, a frame or a script of a page sends no origin.
#[tokio::test]
async fn what_a_page_embeds_gets_no_stream() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let ask = |target: &str, site: &'static str| {
        app.request(Method::GET, target).header("sec-fetch-site", site)
    };
    for site in ["cross-site", "same-site"] {
        for target in ["/events?user=ghost", "/sse/chat?userId=bob", "/presence?user=ghost"] {
            let answer = Answer::to(ask(target, site)).await;
            assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()), "{site} {target}");
        }
    }
    for site in ["same-origin", "none"] {
        Stream::open(ask("/events", site)).await.ready().await;
    }
}

#[tokio::test]
async fn a_list_of_origins_is_exact() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[("ALLOWED_ORIGINS", "https://app.example")]);
    assert_admitted(&app, "https://app.example").await;
    assert_admitted(&app, &format!("http://{}", app.address)).await;
    for origin in ["null", "http://localhost:8080", "http://app.example", "https://app.example:444"]
    {
        assert_eq!(get_events(&app, origin).await.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_notify() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let request = app.request(Method::POST, "/notify").header("origin", "https://evil.example");
    let answer = Answer::to(request.json(&json!({"content": "evil"}))).await;
    assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()));
    // Nor with what a page may send without asking first.
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = app.request(Method::POST, "/notify").header("content-type", content_type);
        let answer = Answer::to(request.body(r#"{"content":"evil"}"#)).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type".to_owned()));
    }
    app.notify(&json!({"content": "good"})).await;
    assert_eq!(stream.contents(1).await, [json!("good")]);
}

#[tokio::test]
async fn a_page_that_led_its_own_name_here_gets_no_stream() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    for target in ["/events?user=alice", "/ws?username=alice", "/sse/chat?userId=alice"] {
        let request = app.request(Method::GET, target).header("host", "evil.example:8081");
        let answer = Answer::to(request).await;
        assert_eq!(answer.refusal(), (403, "host_not_allowed".to_owned()), "{target}");
    }
    let unsigned = app.request(Method::POST, "/notify").header("host", "evil.example:8081");
    let answer = Answer::to(unsigned.json(&json!({"content": "evil"}))).await;
    assert_eq!(answer.refusal(), (403, "host_not_allowed".to_owned()));
    let request = app.request(Method::GET, "/events").header("host", "localhost:8081");
    Stream::open(request).await.ready().await;
}
