//! Which web pages may read the answers.

use common::signature;
use reqwest::Method;
use serde_json::json;

use crate::{
    answer::Answer,
    app::{App, secret},
};

async fn get_from(app: &App, origin: &str) -> Answer {
    Answer::to(app.request(Method::GET, "/messages").header("origin", origin)).await
}

async fn preflight(app: &App, origin: &str, method: &str, headers: &str) -> Answer {
    let request = app.request(Method::OPTIONS, "/messages").header("origin", origin);
    Answer::to(
        request
            .header("access-control-request-method", method)
            .header("access-control-request-headers", headers),
    )
    .await
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn in_open_mode_pages_of_this_machine_and_from_files_may_read() {
    let app = App::start();
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "https://[::1]", "null"] {
        let answer = get_from(&app, origin).await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)));
        let exposed = answer.header("access-control-expose-headers").unwrap().to_lowercase();
        for name in ["x-has-more", "x-event-cursor", "link", "retry-after", "x-request-id"] {
            assert!(exposed.contains(name), "{name} in {exposed}");
        }
        assert!(answer.header("vary").unwrap().to_lowercase().contains("origin"));
    }
}

#[tokio::test]
async fn a_preflight_lets_a_page_post_json() {
    let app = App::start();
    let answer =
        preflight(&app, "http://localhost:5173", "POST", "content-type,idempotency-key").await;
    assert_eq!((answer.status, allowed(&answer)), (200, Some("http://localhost:5173")));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    let headers = answer.header("access-control-allow-headers").unwrap().to_lowercase();
    assert!(headers.contains("content-type") && headers.contains("idempotency-key"), "{headers}");
    let answer = preflight(&app, "null", "POST", "content-type").await;
    assert_eq!((answer.status, allowed(&answer)), (200, Some("null")));
}

#[tokio::test]
async fn a_foreign_page_gets_no_permission() {
    let app = App::start();
    for origin in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://evil.example:8080",
        "https://evil.example#localhost",
    ] {
        assert_eq!(allowed(&get_from(&app, origin).await), None, "{origin}");
        let answer = preflight(&app, origin, "POST", "content-type").await;
        assert_eq!(allowed(&answer), None, "{origin}");
        assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()));
    }
    for (method, headers) in [("TRACE", "content-type"), ("POST", "x-other")] {
        let answer = preflight(&app, "http://localhost:5173", method, headers).await;
        assert_eq!(answer.refusal(), (400, "preflight_refused".to_owned()));
    }
}

#[tokio::test]
async fn a_list_of_origins_is_exact() {
    let app = App::with(&[("ALLOWED_ORIGINS", "https://app.example, http://b.example:81")]);
    for origin in ["https://app.example", "http://b.example:81"] {
        assert_eq!(allowed(&get_from(&app, origin).await), Some(origin));
        let answer = preflight(&app, origin, "POST", "content-type").await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some(origin)));
    }
    for origin in ["null", "http://localhost:5173", "http://app.example", "http://b.example"] {
        assert_eq!(allowed(&get_from(&app, origin).await), None, "{origin}");
    }
    let own = format!("http://{}", app.address);
    assert_eq!(allowed(&get_from(&app, &own).await), Some(&*own));
}

#[tokio::test]
async fn a_star_admits_every_page_but_without_cookies() {
    let app = App::with(&[("ALLOWED_ORIGINS", "*")]);
    let answer = get_from(&app, "https://anyone.example").await;
    assert_eq!(allowed(&answer), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_page_that_led_its_own_name_here_reads_nothing() {
    let app = App::start();
    app.post(json!({"content": "psst", "user": "al", "recipient": "bo"})).await;
    let private = "/messages?conversation_id=dm:al:bo&user=al";
    let as_host = |host: &str, target: &str| {
        Answer::to(app.request(Method::GET, target).header("host", host.to_owned()))
    };
    for host in ["evil.example", "evil.example:8080", "localhost.evil.example", ":80"] {
        for target in [private, "/", "/internal/events?after=19700101000000.000000"] {
            let answer = as_host(host, target).await;
            assert_eq!(answer.refusal(), (403, "host_not_allowed".to_owned()), "{host}{target}");
        }
        let origin = format!("http://{host}");
        let post = app.request(Method::POST, "/messages").header("host", host);
        let post = post.header("origin", &origin).json(&json!({"content": "evil"}));
        let answer = Answer::to(post).await;
        assert_eq!((answer.status, allowed(&answer)), (403, None), "{host}");
        assert_eq!(as_host(host, "/readyz").await.status, 200);
    }
    for host in ["localhost:8080", "chat.localhost", "192.168.1.5:8080", "[::1]:8080"] {
        assert_eq!(as_host(host, private).await.status, 200, "{host}");
    }
    // By the name of the container, and signed.
    let target = "/internal/events?after=19700101000000.000000";
    let signature = signature::sign(&secret(), "GET", target, b"");
    let call = app.request(Method::GET, target).header("host", "message:8080");
    assert_eq!(Answer::to(call.header(signature::HEADER, &signature)).await.status, 200);
    let forged = app.request(Method::GET, private).header("host", "evil.example");
    assert_eq!(Answer::to(forged.header(signature::HEADER, &signature)).await.status, 403);
}

#[tokio::test]
async fn a_service_answers_under_a_public_name_once_its_pages_are_named() {
    for settings in [
        &[("ALLOWED_ORIGINS", "https://chat.example")][..],
        &[("AUTH_MODE", "required"), ("ADMIN_TOKEN", "the operator of the tests")],
    ] {
        let app = App::with(settings);
        let request = app.request(Method::GET, "/messages").header("host", "chat.example");
        let request = request.header("authorization", "Bearer the operator of the tests");
        let answer = Answer::to(request).await;
        assert_ne!(answer.status, 403, "{answer:?}");
    }
}
