//! Requests that are wrong in every way that we could think of.

mod framing;
mod posting;
mod reading;

use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App};

/// A bad request and what it deserves.
struct Case {
    name: &'static str,
    request: Vec<u8>,
    status: u16,
    /// Of the problem; nothing where the request is no HTTP, so that no handler ever sees it.
    code: Option<&'static str>,
}

impl Case {
    fn new(
        name: &'static str,
        request: impl Into<Vec<u8>>,
        status: u16,
        code: &'static str,
    ) -> Self {
        Self { name, request: request.into(), status, code: Some(code) }
    }

    /// A `POST /messages` of JSON.
    fn post(name: &'static str, body: impl AsRef<[u8]>, status: u16, code: &'static str) -> Self {
        Self::post_with(name, "content-type: application/json\r\n", body, status, code)
    }

    /// A `POST /messages` with header lines of its own.
    fn post_with(
        name: &'static str,
        headers: &str,
        body: impl AsRef<[u8]>,
        status: u16,
        code: &'static str,
    ) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "POST /messages HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}"
        );
        Self::new(name, [head.as_bytes(), b"\r\n\r\n", body].concat(), status, code)
    }

    fn get(name: &'static str, target: &str, status: u16, code: &'static str) -> Self {
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        Self::new(name, request, status, code)
    }

    /// A request with another method than the route has.
    fn method(name: &'static str, method: &str, target: &str) -> Self {
        let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        Self::new(name, request, 405, "method_not_allowed")
    }

    /// Bytes that are no HTTP.
    fn noise(name: &'static str, bytes: impl Into<Vec<u8>>, status: u16) -> Self {
        Self { name, request: bytes.into(), status, code: None }
    }

    fn assert_answer(&self, answer: &Answer) {
        let name = self.name;
        assert_eq!(answer.status, self.status, "{name}: {answer:?}");
        let Some(code) = self.code else {
            assert_eq!(answer.body, b"", "{name}: {answer:?}");
            return;
        };
        let problem = answer.problem();
        assert_eq!(problem.code, code, "{name}: {answer:?}");
        if self.status == 405 {
            assert!(answer.header("allow").is_some(), "{name}: {answer:?}");
        }
        // Where the whole does not fit there is no field to name.
        let whole = problem.detail.contains(": it ");
        if self.status == 422 && !whole {
            assert_eq!(problem.errors.len(), 1, "{name}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason_and_change_nothing() {
    let app = App::start();
    app.say("the only message").await;
    let before = app.get("/messages").await;
    let cases: Vec<_> =
        [posting::cases(), reading::cases(), framing::cases()].into_iter().flatten().collect();
    assert!(cases.len() >= 45);
    for case in &cases {
        let mut wire = app.wire();
        // The service may close before it has read all.
        wire.send(&case.request).ok();
        wire.finish();
        let answer = wire.answer().unwrap_or_else(|| panic!("{}: no answer", case.name));
        case.assert_answer(&answer);
        let health = app.get("/health").await;
        assert_eq!((health.status, health.text()), (200, r#"{"status":"ok"}"#), "{}", case.name);
    }
    let after = app.get("/messages").await;
    assert_eq!(after.text(), before.text());
    assert_eq!(after.header("x-event-cursor"), before.header("x-event-cursor"));
}

#[tokio::test]
async fn what_is_wrong_is_named_as_the_client_knows_it() {
    let app = App::start();
    for (target, body, field) in [
        ("/messages", json!({}), "content"),
        ("/messages", json!({"content": 5}), "content"),
        ("/messages", json!({"content": "a", "user": "b", "sender": "b"}), "user"),
        ("/messages", json!({"content": "a", "user": "b", "recipient": ":"}), "recipient"),
        ("/conversations/public/read", json!({"seq": "2", "user": "a"}), "seq"),
        ("/receipts", json!({"receipts": [{"read": 1}]}), "receipts[0].conversation_id"),
        ("/conversations", json!({"kind": "club"}), "kind"),
        (
            "/conversations",
            json!({"kind": "group", "name": "x", "user": "a", "members": [""]}),
            "members",
        ),
        ("/conversations/resolve", json!({"user": "a", "recipient": ""}), "recipient"),
    ] {
        let answer = app.send(Method::POST, target, body.clone()).await;
        let problem = answer.problem();
        assert_eq!((problem.status, &*problem.errors[0].field), (422, field), "{body}");
        for internal in ["struct", "enum", "u64", "Raw", "line "] {
            assert!(!problem.detail.contains(internal), "{body}: {}", problem.detail);
        }
    }
    for (target, body, field) in [
        ("messages", json!({"senderId": true, "receiverId": 2, "text": "a"}), "senderId"),
        ("messages", json!({"senderId": "a", "receiverId": ":", "text": "a"}), "receiverId"),
        ("messages", json!({"senderId": ":", "receiverId": "b", "text": "a"}), "senderId"),
        ("messages", json!({"senderId": "a", "receiverId": "b", "text": " "}), "text"),
        ("conversations/resolve", json!({"user1": "a", "user2": ":"}), "user2"),
        ("conversations/resolve", json!({"user1": ":", "user2": "b"}), "user1"),
    ] {
        let answer = app.send(Method::POST, &format!("/TaskMgt/api/{target}"), body.clone()).await;
        let problem = answer.problem();
        assert_eq!((problem.status, &*problem.errors[0].field), (400, field), "{body}");
        assert!(!problem.detail.contains("enum"), "{body}: {}", problem.detail);
    }
    for (query, field) in
        [("limit=-1", "limit"), ("limit=x", "limit"), ("undelivered=1", "undelivered")]
    {
        let problem = app.get(&format!("/messages?{query}")).await.problem();
        assert_eq!((problem.status, &*problem.errors[0].field), (400, field), "{query}");
        assert!(problem.detail.contains(&format!("{field} has to be")), "{}", problem.detail);
    }
    let answer = app.get("/messages?user=a&recipient=%3A").await;
    assert_eq!(answer.problem().errors[0].field, "recipient");
}
