//! Requests that are wrong in every way that we could think of.

mod notifying;
mod reading;

use serde_json::json;

use crate::{answer::Answer, app::App, upstream::Upstream};

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

    fn get(target: &'static str, status: u16, code: &'static str) -> Self {
        Self::new(target, format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"), status, code)
    }

    fn method(target: &'static str, method: &str) -> Self {
        let request = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        Self::new(target, request, 405, "method_not_allowed")
    }

    fn notify(name: &'static str, body: impl AsRef<[u8]>, status: u16, code: &'static str) -> Self {
        Self::notify_with(name, "content-type: application/json\r\n", body, status, code)
    }

    fn notify_with(
        name: &'static str,
        headers: &str,
        body: impl AsRef<[u8]>,
        status: u16,
        code: &'static str,
    ) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "POST /notify HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {length}"
        );
        Self::new(name, [head.as_bytes(), b"\r\n\r\n", body].concat(), status, code)
    }

    fn noise(name: &'static str, bytes: &[u8], status: u16) -> Self {
        Self { name, request: bytes.to_vec(), status, code: None }
    }

    fn assert_answer(&self, answer: &Answer) {
        let name = self.name;
        assert_eq!(answer.status, self.status, "{name}: {answer:?}");
        let Some(code) = self.code else {
            assert_eq!(answer.body, b"", "{name}: {answer:?}");
            return;
        };
        assert_eq!(answer.problem().code, code, "{name}: {answer:?}");
        assert_eq!(answer.header("allow").is_some(), self.status == 405, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason_and_reach_nobody() {
    let upstream = Upstream::start();
    let app = App::start(&upstream.url(), &[]);
    let mut stream = app.stream("").await;
    let cases: Vec<_> =
        [reading::cases(), notifying::cases(), reading::noise()].into_iter().flatten().collect();
    assert!(cases.len() >= 25);
    for case in &cases {
        let mut wire = app.wire();
        // The service may close before it has read all.
        wire.send(&case.request).ok();
        let answer = wire.answer().unwrap_or_else(|| panic!("{}: no answer", case.name));
        case.assert_answer(&answer);
        let health = app.get("/health").await;
        assert_eq!((health.status, health.text()), (200, r#"{"status":"ok"}"#), "{}", case.name);
    }
    app.notify(&json!({"content": "still here"})).await;
    assert_eq!(stream.contents(1).await, [json!("still here")]);
}
