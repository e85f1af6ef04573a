//! The key under which a client repeats a post without posting twice.

use actix_web::http::StatusCode;
use http_kit::Rejection;

/// The key from the body or the header. The header may be a quoted string, as the IETF draft on
/// `Idempotency-Key` has it, or bare, as most clients send it.
pub(crate) fn parse(
    body: Option<String>,
    header: Option<&str>,
) -> Result<Option<String>, Rejection> {
    let header = header.map(|text| {
        let text = text.trim();
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
    });
    if let (Some(body), Some(header)) = (body.as_deref(), header)
        && body != header
    {
        return Err(Rejection::new(
            StatusCode::BAD_REQUEST,
            "idempotency_key_mismatch",
            "client_msg_id and Idempotency-Key differ: send one of them",
        ));
    }
    let Some(key) = body.or_else(|| header.map(str::to_owned)) else {
        return Ok(None);
    };
    let usable = (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !usable {
        return Err(Rejection::field(
            "client_msg_id",
            "client_msg_id_invalid",
            "client_msg_id has 1 to 128 visible ASCII characters, such as a UUID",
        ));
    }
    Ok(Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_from_the_body_or_the_header() {
        let parse = |body: Option<&str>, header| {
            parse(body.map(str::to_owned), header).map_err(|rejection| rejection.code().to_owned())
        };
        assert_eq!(parse(None, None), Ok(None));
        assert_eq!(parse(None, Some("\"k\"")), Ok(Some("k".to_owned())));
        assert_eq!(parse(None, Some("k")), Ok(Some("k".to_owned())));
        assert_eq!(parse(Some("k"), Some("k")), Ok(Some("k".to_owned())));
        assert_eq!(parse(Some("k"), Some("l")).unwrap_err(), "idempotency_key_mismatch");
        assert_eq!(parse(None, Some("")).unwrap_err(), "client_msg_id_invalid");
    }
}
