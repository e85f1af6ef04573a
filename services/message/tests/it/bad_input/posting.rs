//! Bodies and headers of `POST /messages`.

use serde_json::json;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = json();
    cases.extend(fields());
    cases.extend(names());
    cases.extend(headers());
    cases
}

fn json() -> Vec<Case> {
    let broken = |name, body: &[u8]| Case::post(name, body, 400, "malformed_json");
    let misshapen = |name, body: &[u8]| Case::post(name, body, 422, "invalid_body");
    let deep = |one: &str| one.repeat(10_000).into_bytes();
    vec![
        broken("no body", b""),
        broken("white space", b" \n "),
        broken("no JSON", b"hello"),
        broken("a form", b"content=hello&user=alice"),
        broken("truncated in a string", br#"{"content":"hel"#),
        broken("truncated in a field", br#"{"content""#),
        broken("truncated at the end", br#"{"content":"hello""#),
        broken("a comma too many", br#"{"content":"hello",}"#),
        broken("single quotes", b"{'content':'hello'}"),
        broken("a comment", br#"{"content":"hello"} // hi"#),
        broken("two objects", br#"{"content":"hello"}{"content":"hello"}"#),
        broken("a byte order mark", b"\xef\xbb\xbf{\"content\":\"hello\"}"),
        broken("UTF-16", b"\xff\xfe{\0}\0"),
        broken("a bare NUL", b"{\"content\":\"a\0b\"}"),
        broken("a bare line break", b"{\"content\":\"a\nb\"}"),
        broken("invalid UTF-8", b"{\"content\":\"\xff\xfe\"}"),
        broken("overlong UTF-8", b"{\"content\":\"\xc0\xaf\"}"),
        broken("a surrogate in UTF-8", b"{\"content\":\"\xed\xa0\x80\"}"),
        broken("a lone surrogate", br#"{"content":"\ud800"}"#),
        broken("surrogates in the wrong order", br#"{"content":"\udc00\ud800"}"#),
        broken("an unknown escape", br#"{"content":"\x41"}"#),
        broken("NaN", br#"{"content":NaN}"#),
        misshapen("arrays without end", &deep("[")),
        broken("objects without end", &deep(r#"{"a":"#)),
        misshapen("null", b"null"),
        misshapen("a number", b"42"),
        misshapen("a string", br#""hello""#),
        misshapen("an array", br#"[{"content":"hello"}]"#),
        misshapen("an array of fields", br#"["hello","alice"]"#),
        misshapen("an array of one field", b" [\"hello\"]"),
        misshapen("an empty array", b"[]"),
        misshapen("an empty object", b"{}"),
        misshapen("no content", br#"{"user":"alice"}"#),
        misshapen("a field twice", br#"{"content":"a","content":"b"}"#),
        misshapen("a field under two names", br#"{"content":"a","text":"b"}"#),
        misshapen("a user under two names", br#"{"content":"a","user":"b","sender":"b"}"#),
        misshapen("deep content", &[br#"{"content":"#.as_slice(), &deep("[")].concat()),
    ]
}

fn fields() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, body) in [
        ("content is null", json!({"content": null})),
        ("content is a number", json!({"content": 1})),
        ("content is a truth", json!({"content": true})),
        ("content is an array", json!({"content": ["hello"]})),
        ("content is an object", json!({"content": {"text": "hello"}})),
        ("user is a number", json!({"content": "hello", "user": 1})),
        ("user is an object", json!({"content": "hello", "user": {"name": "alice"}})),
        ("conversation_id is a number", json!({"content": "hello", "conversation_id": 1})),
        ("conversation_id is an array", json!({"content": "hello", "conversation_id": []})),
        ("client_msg_id is a number", json!({"content": "hello", "client_msg_id": 1})),
        ("recipient is a number", json!({"content": "hello", "recipient": 1})),
    ] {
        cases.push(Case::post(name, body.to_string(), 422, "invalid_body"));
    }
    for (name, content, code) in [
        ("empty content", "", "content_empty"),
        ("blank content", " \n\t\u{3000}\u{a0} ", "content_empty"),
        ("NUL in content", "a\0b", "content_invalid"),
        ("a bell in content", "a\u{7}b", "content_invalid"),
        ("an escape in content", "a\u{1b}[31mb", "content_invalid"),
        ("DEL in content", "a\u{7f}b", "content_invalid"),
        ("a C1 control in content", "a\u{85}b\u{9b}c", "content_invalid"),
        ("content too long", &"x".repeat(4_001), "content_too_long"),
    ] {
        cases.push(Case::post(name, json!({"content": content}).to_string(), 422, code));
    }
    for (reply_to, code) in
        [("2030-01-01T00:00:00Z", "invalid_id"), ("20300101000000.000000", "reply_not_found")]
    {
        let body = json!({"content": "hello", "reply_to": reply_to});
        cases.push(Case::post(reply_to, body.to_string(), 422, code));
    }
    for field in ["file_ids", "scheduled_at"] {
        let body = json!({"content": "hello", field: "2030-01-01T00:00:00Z"});
        cases.push(Case::post(field, body.to_string(), 422, "not_available"));
    }
    for field in ["recipient", "to", "receiverId"] {
        let body = json!({"content": "psst", field: "bob"});
        cases.push(Case::post(field, body.to_string(), 422, "user_missing"));
        let body = json!({"content": "psst", "user": "bob", field: "BOB"});
        cases.push(Case::post(field, body.to_string(), 422, "recipient_is_self"));
        let body = json!({"content": "psst", "user": "al", field: "b:b"});
        cases.push(Case::post(field, body.to_string(), 422, "user_invalid"));
    }
    for (name, conversation) in [
        ("an unknown conversation", "nowhere"),
        ("a conversation in capitals", "PUBLIC"),
        ("an empty conversation", ""),
        ("a conversation with a space", " public"),
        ("a conversation with NUL", "public\0"),
        ("a direct conversation", "dm:alice:bob"),
        ("a very long conversation", &"x".repeat(60_000)),
    ] {
        let body = json!({"content": "hello", "conversation_id": conversation});
        cases.push(Case::post(name, body.to_string(), 404, "conversation_not_found"));
    }
    for (name, key) in [
        ("an empty client_msg_id", ""),
        ("a client_msg_id with a space", "a b"),
        ("a client_msg_id beyond ASCII", "é"),
        ("a client_msg_id with a line break", "a\nb"),
        ("a client_msg_id too long", &"k".repeat(129)),
    ] {
        let body = json!({"content": "hello", "client_msg_id": key});
        cases.push(Case::post(name, body.to_string(), 422, "client_msg_id_invalid"));
    }
    let large = json!({"content": "hello", "unknown": "x".repeat(80_000)});
    cases.push(Case::post("a body too large", large.to_string(), 413, "body_too_large"));
    cases
}

fn names() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, user, code) in [
        ("an empty name", "", "user_empty"),
        ("a blank name", " \t ", "user_empty"),
        ("a name too long", &*"x".repeat(65), "user_too_long"),
        ("a name with two spaces", "a  b", "user_invalid"),
        ("a name with a colon", "dm:alice", "user_invalid"),
        ("a name with a comma", "alice,bob", "user_invalid"),
        ("a name with a slash", "alice/bob", "user_invalid"),
        ("a name with a backslash", "alice\\bob", "user_invalid"),
        ("a name with an at sign", "@alice", "user_invalid"),
        ("a name with NUL", "alice\0", "user_invalid"),
        ("a name with a line break", "alice\r\nbob", "user_invalid"),
        ("a name with a tab", "alice\tbob", "user_invalid"),
        ("a name written backwards", "\u{202e}ecila", "user_invalid"),
        ("a name with a zero-width space", "ali\u{200b}ce", "user_invalid"),
        ("a name with a zero-width joiner", "ali\u{200d}ce", "user_invalid"),
        ("a name that is invisible", "\u{2060}", "user_invalid"),
        ("a name with a wide comma", "alice\u{ff0c}bob", "user_invalid"),
        ("a name with a wide space", "alice\u{3000}bob", "user_invalid"),
        ("a name of private use", "\u{e000}", "user_invalid"),
        ("a name that is a Hangul filler", "\u{3164}", "user_invalid"),
    ] {
        let body = json!({"content": "hello", "user": user});
        cases.push(Case::post(name, body.to_string(), 422, code));
    }
    cases
}

fn headers() -> Vec<Case> {
    let good = r#"{"content":"hello","user":"alice"}"#;
    let mut cases = Vec::new();
    for (name, headers) in [
        ("no content type", ""),
        ("an empty content type", "content-type: \r\n"),
        ("plain text", "content-type: text/plain\r\n"),
        ("a form's type", "content-type: application/x-www-form-urlencoded\r\n"),
        ("a multipart type", "content-type: multipart/form-data; boundary=x\r\n"),
        ("a type that is none", "content-type: json\r\n"),
        ("nearly JSON", "content-type: application/jsonp\r\n"),
    ] {
        cases.push(Case::post_with(name, headers, good, 415, "unsupported_media_type"));
    }
    for (name, key, status, code) in [
        ("an empty key", "", 422, "client_msg_id_invalid"),
        ("a key of quotes", "\"\"", 422, "client_msg_id_invalid"),
        ("a key with a space", "a b", 422, "client_msg_id_invalid"),
        ("a key too long", &*"k".repeat(129), 422, "client_msg_id_invalid"),
        ("a key beyond ASCII", "caf\u{e9}", 400, "client_msg_id_invalid"),
    ] {
        let headers = format!("content-type: application/json\r\nidempotency-key: {key}\r\n");
        cases.push(Case::post_with(name, &headers, good, status, code));
    }
    cases
}
