//! Which web pages may read the answers.

use common::signature;
use reqwest::Method;
use serde_json::{Value, json};

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
    // Libraries add headers of their own.
    let answer =
        preflight(&app, "http://localhost:5173", "POST", "content-type,x-requested-with").await;
    assert_eq!((answer.status, allowed(&answer)), (200, Some("http://localhost:5173")));
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
    let answer = preflight(&app, "http://localhost:5173", "TRACE", "content-type").await;
    assert_eq!(answer.refusal(), (400, "preflight_refused".to_owned()));
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
    // In open mode under no others.
    let app = App::with(&[("ALLOWED_ORIGINS", "https://chat.example,http://b.example:81,null")]);
    for (host, status) in [
        ("chat.example", 200),
        ("chat.example:8080", 200),
        ("B.example", 200),
        ("localhost:8080", 200),
        ("evil.example", 403),
        ("null", 403),
        ("chat.example.evil", 403),
    ] {
        let answer = Answer::to(app.request(Method::GET, "/messages").header("host", host)).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

/// Whatever any page of the world puts into a sandboxed frame is of the origin `null`, too.
#[tokio::test]
async fn a_page_without_an_origin_has_the_public_room_and_nothing_else() {
    let app = App::start();
    app.post(json!({"content": "psst", "user": "al", "recipient": "bo"})).await;
    let room = json!({"kind": "room", "name": "Lunch", "user": "al"});
    assert_eq!(app.send_as(Method::POST, "/conversations", None, room).await.status, 201);
    let send = async |app: &App, method: Method, target: &str, body: &Value| {
        let request = app.request(method, target).header("origin", "null");
        let request = if body.is_null() { request } else { request.json(body) };
        Answer::to(request).await
    };
    let public = [
        (Method::POST, "/messages", json!({"content": "from a file", "user": "John Doe"})),
        (Method::POST, "/messages", json!({"content": "hi"})),
        (Method::GET, "/messages", Value::Null),
        (Method::GET, "/messages?limit=5&conversation_id=public", Value::Null),
        (Method::GET, "/config.json", Value::Null),
    ];
    for (method, target, body) in &public {
        let answer = send(&app, method.clone(), target, body).await;
        assert!(matches!(answer.status, 200 | 201), "{method} {target}: {answer:?}");
    }
    let private = [
        (Method::GET, "/messages?user=al&recipient=bo", Value::Null),
        (Method::GET, "/messages?conversation_id=dm:al:bo&user=al", Value::Null),
        (Method::GET, "/messages?undelivered=true&user=bo", Value::Null),
        (Method::GET, "/conversations?user=al", Value::Null),
        (Method::GET, "/users", Value::Null),
        (Method::GET, "/users/al/messages", Value::Null),
        (Method::GET, "/sync?after=19700101000000.000000&user=al", Value::Null),
        (Method::GET, "/TaskMgt/api/users/al/conversations", Value::Null),
        (Method::GET, "/internal/events?after=19700101000000.000000", Value::Null),
        (Method::POST, "/users", json!({"username": "al", "password": "a long password"})),
        (Method::POST, "/sessions", json!({"username": "al"})),
        (Method::POST, "/tickets?user=al", Value::Null),
        (Method::POST, "/messages?user=al", json!({"content": "hi"})),
        (Method::POST, "/messages", json!({"content": "hi", "user": "al", "recipient": "bo"})),
        (Method::POST, "/messages", json!({"content": "hi", "conversation_id": "lunch"})),
        (Method::PUT, "/conversations/lunch/members/al?user=al", Value::Null),
    ];
    for (method, target, body) in &private {
        let answer = send(&app, method.clone(), target, body).await;
        assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()), "{method} {target}");
    }
    // As somebody whose name is protected: not even with what shows it.
    let taken = json!({"username": "zoe", "password": "a long password"});
    assert_eq!(app.send_as(Method::POST, "/users", None, taken.clone()).await.status, 201);
    let session = app.send_as(Method::POST, "/sessions", None, taken).await.json();
    let post = app.request(Method::POST, "/messages").header("origin", "null");
    let post = post.bearer_auth(session["token"].as_str().unwrap()).json(&json!({"content": "hi"}));
    assert_eq!(Answer::to(post).await.status, 403);
    let as_zoe = json!({"content": "hi", "user": "zoe"});
    assert!(send(&app, Method::POST, "/messages", &as_zoe).await.status >= 400);
    // Named, it is a page like any other.
    let app = App::with(&[("ALLOWED_ORIGINS", "null")]);
    for (method, target, body) in
        [&public[0], &(Method::GET, "/conversations?user=al", Value::Null)]
    {
        let answer = send(&app, method.clone(), target, body).await;
        assert!(matches!(answer.status, 200 | 201), "{method} {target}: {answer:?}");
        assert_eq!(allowed(&answer), Some("null"));
    }
}
