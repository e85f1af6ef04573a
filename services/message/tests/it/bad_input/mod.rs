//! Requests that are wrong in every way that we could think of.

mod framing;
mod posting;
mod reading;

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
        if self.status == 422 && code != "invalid_body" {
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
