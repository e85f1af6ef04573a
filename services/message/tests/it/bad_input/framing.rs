//! What is hardly HTTP, or is none.

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let good = r#"{"content":"hello"}"#;
    let json = "content-type: application/json\r\n";
    let long = "x".repeat(200_000);
    let many = "x-header: y\r\n".repeat(200);
    vec![
        Case::noise("no HTTP", "hello\r\n\r\n", 400),
        Case::noise("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400),
        Case::noise("binary noise", b"\x00\x01\x02\xff\xfe\r\n\r\n".to_vec(), 400),
        Case::noise("no version", "GET /messages\r\n\r\n", 400),
        Case::noise("a version to come", "GET / HTTP/4.0\r\nhost: localhost\r\n\r\n", 400),
        Case::noise("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Case::noise("a space in the path", "GET /a b HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        Case::noise("no path", "GET  HTTP/1.1\r\nhost: localhost\r\n\r\n", 400),
        Case::noise("a header without a colon", "GET / HTTP/1.1\r\nhost x\r\n\r\n", 400),
        Case::noise("NUL in a header", "GET / HTTP/1.1\r\nhost: localhost\r\nx-a: \0\r\n\r\n", 400),
        Case::noise("a header name with a space", "GET / HTTP/1.1\r\nx a: y\r\n\r\n", 400),
        Case::noise("a folded header", "GET / HTTP/1.1\r\nhost: localhost\r\n y\r\n\r\n", 400),
        Case::noise("headers without end", format!("GET / HTTP/1.1\r\nx-a: {long}\r\n\r\n"), 431),
        Case::noise("too many headers", format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
        Case::noise(
            "a length that is none",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: x\r\n\r\n{good}"
            ),
            400,
        ),
        Case::noise(
            "a length with a sign",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: +19\r\n\r\n{good}"
            ),
            400,
        ),
        Case::noise(
            "a length below zero",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: -1\r\n\r\n{good}"
            ),
            400,
        ),
        Case::noise(
            "two lengths",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: 19\r\n\
                 content-length: 18\r\n\r\n{good}"
            ),
            400,
        ),
        Case::noise(
            "a length and chunks",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: 19\r\n\
                 transfer-encoding: chunked\r\n\r\n13\r\n{good}\r\n0\r\n\r\n"
            ),
            400,
        ),
        Case::noise(
            "an encoding that is not known",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}transfer-encoding: gzip\r\n\r\n{good}"
            ),
            400,
        ),
        Case::new(
            "chunks that are none",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}transfer-encoding: chunked\r\n\r\n\
                 zz\r\n{good}\r\n0\r\n\r\n"
            ),
            400,
            "incomplete_body",
        ),
        Case::new(
            "a body that ends early",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}content-length: 30\r\n\r\n{good}"
            ),
            400,
            "incomplete_body",
        ),
        Case::new(
            "chunks that end early",
            format!(
                "POST /messages HTTP/1.1\r\nhost: localhost\r\n{json}transfer-encoding: chunked\r\n\r\n\
                 13\r\n{good}\r\n"
            ),
            400,
            "incomplete_body",
        ),
        Case::post_with(
            "a body in a coding that is not understood",
            &format!("{json}content-encoding: gzip\r\n"),
            "\u{1f}\u{8b}",
            415,
            "unsupported_content_encoding",
        ),
        Case::get(
            "an absolute form for elsewhere",
            "http://evil.example/nowhere",
            404,
            "route_not_found",
        ),
        Case::get(
            "an absolute form with a bad query",
            "http://x/messages?limit=0",
            400,
            "invalid_limit",
        ),
        Case::new(
            "a request for a server's options",
            "OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n",
            404,
            "route_not_found",
        ),
        Case::new(
            "a tunnel",
            "CONNECT evil.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
            404,
            "route_not_found",
        ),
        Case::get("a very long path", &format!("/{}", "x".repeat(20_000)), 404, "route_not_found"),
    ]
}
