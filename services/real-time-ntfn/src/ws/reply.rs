//! What this service itself answers to a client's frames.

use actix_web::http::StatusCode;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::event::frame;

/// Any object, as a frame.
pub(super) fn object(reply: &Value) -> Bytes {
    frame::ws::text(reply.to_string().as_bytes())
}

/// The answer to a ping in an application frame.
pub(super) fn pong() -> Bytes {
    Bytes::from_static(b"\x81\x0f{\"type\":\"pong\"}")
}

/// Says why a frame had no effect, and of which message that is true.
pub(super) fn error(code: &str, detail: &str, client_msg_id: Option<&str>) -> Bytes {
    let status = match code {
        "rate_limited" | "too_many_frames" => StatusCode::TOO_MANY_REQUESTS,
        "content_too_long" => StatusCode::PAYLOAD_TOO_LARGE,
        "upstream_unavailable" | "starting" | "crowded" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let mut error = json!({
        "type": "error",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    });
    if let Some(id) = client_msg_id {
        error["client_msg_id"] = json!(id);
    }
    object(&error)
}

/// By what name the client knows this message.
pub(super) fn client_msg_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        client_msg_id: String,
    }
    serde_json::from_str::<Named>(text).ok().map(|named| named.client_msg_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constant_answer_is_a_frame() {
        assert_eq!(pong(), object(&json!({"type": "pong"})));
    }

    #[test]
    fn an_error_says_of_which_message() {
        let id = client_msg_id(r#"{"content":"hi","client_msg_id":"m1"}"#);
        let frame = error("rate_limited", "wait", id.as_deref());
        let error: Value = serde_json::from_slice(&frame[2..])
            .or_else(|_| {
                // Longer frames have a longer head.
                serde_json::from_slice(&frame[4..])
            })
            .unwrap();
        assert_eq!(
            error,
            json!({
                "type": "error", "title": "Too Many Requests", "status": 429,
                "code": "rate_limited", "detail": "wait", "client_msg_id": "m1",
            })
        );
        assert_eq!(client_msg_id("plain"), None);
    }
}
