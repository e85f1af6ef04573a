//! The token that a request presents in `Authorization`.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};

/// What is presented as a token. Other schemes are a proxy's business, but whatever begins with
/// the word is presented: a client that shows something is never taken for one that shows nothing.
///
/// What is no text is an empty token, which nobody has.
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer".len())?;
    let ends = token.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let token = str::from_utf8(token).unwrap_or_default();
    (scheme.eq_ignore_ascii_case(b"bearer") && ends).then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::HeaderValue, test::TestRequest};

    use super::*;

    fn presented(header: &[u8]) -> Option<String> {
        let header = HeaderValue::from_bytes(header).unwrap();
        let request = TestRequest::default().insert_header((AUTHORIZATION, header));
        bearer(&request.to_http_request()).map(str::to_owned)
    }

    #[test]
    fn whatever_begins_with_the_word_is_presented() {
        for header in ["Bearer abc", "bearer  abc ", "BEARER abc", "Bearer\tabc"] {
            assert_eq!(presented(header.as_bytes()).as_deref(), Some("abc"), "{header}");
        }
        for header in [&b"Bearer"[..], b"Bearer ", b"Bearer \xff"] {
            assert_eq!(presented(header).as_deref(), Some(""), "{header:?}");
        }
        assert_eq!(presented(b"Bearer: abc").as_deref(), Some(": abc"));
        for header in [&b"Basic abc"[..], b"Bearerabc", b"Bear", b"\xff"] {
            assert_eq!(presented(header), None, "{header:?}");
        }
    }
}
