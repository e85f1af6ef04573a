//! Bodies and headers of `POST /notify`.

use serde_json::json;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let good = r#"{"content":"hello"}"#;
    let broken = |name, body: &[u8]| Case::notify(name, body, 400, "malformed_json");
    let misshapen = |name, body: &[u8]| Case::notify(name, body, 422, "invalid_body");
    let mut cases = vec![
        broken("no body", b""),
        broken("no JSON", b"hello"),
        broken("truncated", br#"{"content":"hel"#),
        broken("invalid UTF-8", b"{\"content\":\"\xff\"}"),
        broken("a lone surrogate", br#"{"content":"\ud800"}"#),
        broken("deep", r#"{"content":"#.repeat(5_000).as_bytes()),
        misshapen("null", b"null"),
        misshapen("a string", br#""hello""#),
        misshapen("an array", br#"[{"content":"hello"}]"#),
        misshapen("a batch as an array", br#"["29990101000000.000000",[]]"#),
        Case::notify("too large", vec![b' '; 4 * 1024 * 1024 + 1], 413, "body_too_large"),
        Case::notify_with("no type", "", good, 415, "unsupported_media_type"),
        Case::notify_with(
            "text",
            "content-type: text/plain\r\n",
            good,
            415,
            "unsupported_media_type",
        ),
    ];
    for (name, body, code) in [
        ("no content", json!({}), "content_invalid"),
        ("empty content", json!({"content": ""}), "content_invalid"),
        ("blank content", json!({"content": " \n "}), "content_invalid"),
        ("long content", json!({"content": "x".repeat(65_537)}), "content_invalid"),
        ("content of numbers", json!({"content": 1}), "field_invalid"),
        ("a user of numbers", json!({"content": "hello", "user": 1}), "field_invalid"),
        ("a timestamp of numbers", json!({"content": "hello", "timestamp": 1}), "field_invalid"),
        ("an id of numbers", json!({"content": "hello", "id": 1}), "field_invalid"),
        ("an id that is none", json!({"content": "hello", "id": "1"}), "invalid_id"),
        ("an id with a line break", json!({"content": "hello", "id": "1\nevent: x"}), "invalid_id"),
        ("a type of numbers", json!({"content": "hello", "type": 1}), "field_invalid"),
        ("an empty type", json!({"content": "hello", "type": ""}), "type_invalid"),
        ("a type in capitals", json!({"content": "hello", "type": "Message"}), "type_invalid"),
        ("a type with a line break", json!({"content": "hello", "type": "a\nb"}), "type_invalid"),
        (
            "a type of the log",
            json!({"content": "hello", "type": "message_updated"}),
            "type_reserved",
        ),
        ("a type of streams", json!({"content": "hello", "type": "reset"}), "type_reserved"),
        ("a long type", json!({"content": "hello", "type": "x".repeat(65)}), "type_invalid"),
        ("half a batch", json!({"after": "19700101000000.000000"}), "batch_invalid"),
        ("the other half", json!({"events": [], "content": "hello"}), "batch_invalid"),
        ("a batch after nothing", json!({"after": "1", "events": []}), "batch_invalid"),
        (
            "a batch of nothing",
            json!({"after": "19700101000000.000000", "events": [1]}),
            "batch_invalid",
        ),
        (
            "a batch without audience",
            json!({"after": "19700101000000.000000", "events": [
                {"id": "20240101120000.123456", "type": "message", "data": {}},
            ]}),
            "batch_invalid",
        ),
    ] {
        cases.push(Case::notify(name, body.to_string(), 422, code));
    }
    for (name, signature) in
        [("no signature", ""), ("a malformed one", "v1=00"), ("an old one", "t=1,v1=00")]
    {
        let headers =
            format!("content-type: application/json\r\nx-realtalk-signature: {signature}\r\n");
        cases.push(Case::notify_with(name, &headers, good, 401, "signature_invalid"));
    }
    cases
}
