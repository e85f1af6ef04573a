//! `/events` and the routes around it, and what is no HTTP.

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::get("/events?rooms=Secret", 404, "conversation_not_found"),
        Case::get("/events?rooms=", 404, "conversation_not_found"),
        Case::get("/events?rooms=public,,", 404, "conversation_not_found"),
        Case::get("/events?rooms=dm:alice:bob", 404, "conversation_not_found"),
        Case::get("/events?history=201", 400, "invalid_history"),
        Case::get("/events?history=-1", 400, "invalid_query"),
        Case::get("/events?history=x", 400, "invalid_query"),
        Case::get("/events?history=1e9", 400, "invalid_query"),
        Case::get("/events?history=1&history=2", 400, "invalid_query"),
        Case::get("/events?client_id=a%20b", 400, "invalid_client_id"),
        Case::get("/events?client_id=a%0Aid:%201", 400, "invalid_client_id"),
        Case::get("/events?client_id=%00", 400, "invalid_client_id"),
        Case::get("/events?client_id=%ff", 400, "invalid_client_id"),
        Case::get("/events?client_id=%3Cscript%3E", 400, "invalid_client_id"),
        Case::get(
            "/events?client_id=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            400,
            "invalid_client_id",
        ),
        Case::get("/events/", 404, "route_not_found"),
        Case::get("/event", 404, "route_not_found"),
        Case::get("/messages", 404, "route_not_found"),
        Case::get("/", 404, "route_not_found"),
        Case::get("/%zz", 404, "route_not_found"),
        Case::get("//etc/passwd", 404, "route_not_found"),
        Case::get("/../Cargo.toml", 404, "route_not_found"),
        Case::get("http://evil.example/nowhere", 404, "route_not_found"),
        Case::method("/events", "POST"),
        Case::method("/events", "DELETE"),
        Case::method("/events", "BREW"),
        Case::get("/events?user=a&username=b", 400, "invalid_query"),
        Case::get("/events?acks=2", 400, "invalid_query"),
        Case::method("/presence", "POST"),
        Case::method("/notify", "GET"),
        Case::method("/notify", "PUT"),
        Case::method("/health", "POST"),
        Case::method("/readyz", "DELETE"),
        Case::method("/metrics", "POST"),
        Case::method("/version", "PATCH"),
        Case::method("/openapi.json", "POST"),
    ]
}

pub(super) fn noise() -> Vec<Case> {
    vec![
        Case::noise("no HTTP", b"hello\r\n\r\n", 400),
        Case::noise("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        Case::noise("a header without a colon", b"GET /events HTTP/1.1\r\nhost x\r\n\r\n", 400),
        Case::noise(
            "a length below zero",
            b"POST /notify HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
            400,
        ),
        Case::noise(
            "a huge header",
            &[b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 200_000]].concat(),
            431,
        ),
    ]
}
