//! Paths, queries, methods and signatures.

use common::signature;

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = queries();
    cases.extend(routes());
    cases.extend(signatures());
    cases
}

fn queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for (query, code) in [
        ("limit=0", "invalid_limit"),
        ("limit=201", "invalid_limit"),
        ("limit=4294967295", "invalid_limit"),
        ("limit=4294967296", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("limit=abc", "invalid_query"),
        ("limit=1e9", "invalid_query"),
        ("limit=1.5", "invalid_query"),
        ("limit=", "invalid_query"),
        ("limit=%00", "invalid_query"),
        ("limit=5&limit=6", "invalid_query"),
        ("before=-1", "invalid_id"),
        ("before=abc", "invalid_id"),
        ("before=", "invalid_id"),
        ("before=1.5", "invalid_id"),
        ("before=18446744073709551616", "invalid_id"),
        ("after=2024-01-01", "invalid_id"),
        ("after=20241301120000.000000", "invalid_id"),
        ("after=20240230120000.000000", "invalid_id"),
        ("after=20240101120000.12345", "invalid_id"),
        ("after=20240101120000.1234567", "invalid_id"),
        ("after=99991231235959.999999", "invalid_id"),
        ("after=%D9%A2%D9%A0", "invalid_id"),
        ("around=latest", "invalid_id"),
        ("around=1%20or%201=1", "invalid_id"),
        ("before=1&after=1", "invalid_query"),
        ("before=1&around=1", "invalid_query"),
        ("after=1&before=2&around=3", "invalid_query"),
    ] {
        cases.push(Case::get(query, &format!("/messages?{query}"), 400, code));
    }
    for (query, code) in [
        ("", "invalid_query"),
        ("after=", "invalid_id"),
        ("after=0", "invalid_id"),
        ("after=20240101120000", "invalid_id"),
        ("after=19700101000000.000000&limit=0", "invalid_limit"),
        ("after=19700101000000.000000&limit=201", "invalid_limit"),
        ("after=19700101000000.000000&limit=x", "invalid_query"),
        ("after=19700101000000.000000&after=19700101000000.000000", "invalid_query"),
    ] {
        cases.push(Case::get(query, &format!("/sync?{query}"), 400, code));
    }
    for query in [
        "conversation_id=nowhere",
        "conversation_id=",
        "conversation_id=public%00",
        "conversation_id=%ff",
        "conversationId=dm:alice:bob",
        "recipient=bob&user=al",
        "to=bob&user=al",
    ] {
        let target = format!("/messages?{query}");
        cases.push(Case::get(query, &target, 404, "conversation_not_found"));
    }
    cases.push(Case::get(
        "a future cursor",
        "/sync?after=29990101000000.000000",
        410,
        "cursor_unknown",
    ));
    cases
}

fn routes() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in [
        "/nowhere",
        "/messages/",
        "/messages/20240101120000.123456/",
        "/message",
        "/MESSAGES",
        "/internal",
        "/internal/",
        "/.env",
        "/.git/config",
        "/%zz",
        "/messages%2f",
        "/%F0%9F%A6%80",
        "/events",
    ] {
        cases.push(Case::get(target, target, 404, "route_not_found"));
    }
    for id in ["1", "latest", "%zz", "%", "%00", "%ff%fe", "20240101120000.12345x", "null", "*"] {
        let target = format!("/messages/{id}");
        let name = "an id that is none";
        cases.push(Case::get(name, &target, 400, "invalid_id"));
    }
    for (method, target) in [
        ("PUT", "/messages"),
        ("PATCH", "/messages"),
        ("DELETE", "/messages"),
        ("OPTIONS", "/messages"),
        ("TRACE", "/messages"),
        ("BREW", "/messages"),
        ("POST", "/messages/20240101120000.123456"),
        ("PUT", "/messages/20240101120000.123456"),
        ("POST", "/sync"),
        ("POST", "/health"),
        ("DELETE", "/readyz"),
        ("POST", "/metrics"),
        ("POST", "/openapi.json"),
        ("POST", "/config.json"),
        ("POST", "/"),
        ("POST", "/internal/events"),
        ("POST", "/internal/opening"),
    ] {
        cases.push(Case::method(target, method, target));
    }
    let post = "POST /app.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    cases.push(Case::new("a post to a file", post, 404, "route_not_found"));
    cases
}

fn signatures() -> Vec<Case> {
    let target = "/internal/events?tail=1";
    let sign = |path: &str| signature::sign(&crate::app::secret(), "GET", path, b"");
    let mut cases = vec![Case::get("no signature", target, 401, "signature_missing")];
    for (name, signature) in [
        ("an empty signature", String::new()),
        ("a signature of nothing", "t=,v1=".to_owned()),
        ("a signature in the wrong order", "v1=00,t=1".to_owned()),
        ("a signature that is no hex", "t=1700000000,v1=zz".to_owned()),
        ("an old signature", format!("t=1700000000,v1={}", "0".repeat(64))),
        ("a signature beyond time", format!("t={},v1={}", u64::MAX, "0".repeat(64))),
        ("a signature beyond numbers", format!("t={}0,v1={}", u64::MAX, "0".repeat(64))),
        ("a signature beyond ASCII", "t=1,v1=\u{e9}".to_owned()),
        ("a signature for another path", sign("/internal/opening")),
        ("a signature for another query", sign("/internal/events?tail=2")),
    ] {
        let header = format!("{}: {signature}", signature::HEADER);
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n");
        cases.push(Case::new(name, request, 401, "signature_invalid"));
    }
    for query in ["", "?after=1", "?tail=-1", "?tail=x", "?after=&tail=1", "?limit=x"] {
        let target = format!("/internal/events{query}");
        let header = format!("{}: {}", signature::HEADER, sign(&target));
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n{header}\r\n\r\n");
        let code = if query == "?after=1" { "invalid_id" } else { "invalid_query" };
        cases.push(Case::new("a signed query that is none", request, 400, code));
    }
    cases
}
