//! The buffer that a request came in.

use actix_web::{dev::ServiceRequest, http::header::HeaderValue};

/// Lets go of it: copies what the headers say. actix keeps the last hundred requests of each thread for the next
/// ones, and with their headers all that a connection was read into: 8 KiB, or 16 with a body.
pub(super) fn let_go(request: &mut ServiceRequest) {
    request.headers_mut().retain(|_, value| {
        if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = copy;
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use actix_web::{test::TestRequest, web::Bytes};

    use super::*;

    #[test]
    fn headers_do_not_keep_what_a_request_came_in() {
        let buffer = Bytes::from(b"GET / HTTP/1.1\r\nx: same\r\n\r\n".to_vec());
        let value = HeaderValue::from_maybe_shared(buffer.slice(19..23)).unwrap();
        let mut request = TestRequest::default().insert_header(("x", value)).to_srv_request();
        assert!(!buffer.is_unique());
        let_go(&mut request);
        assert!(buffer.is_unique());
        assert!(request.headers().get("x").is_some_and(|value| value == "same"));
    }
}
