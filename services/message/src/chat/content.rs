//! What may be said in a message.

use http_kit::Rejection;

use super::visible::is_blank;

/// Reads what is to be said: trimmed, counted in characters, never cut.
pub(crate) fn parse(text: &str, max_chars: usize) -> Result<String, Rejection> {
    let refuse = |code, detail: String| Err(Rejection::field("content", code, detail));
    let content = text.trim();
    if is_blank(content) {
        return refuse("content_empty", "a message has at least one visible character".to_owned());
    }
    if content.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return refuse(
            "content_invalid",
            "a message has no control characters but line breaks and tabs".to_owned(),
        );
    }
    let chars = content.chars().count();
    if chars > max_chars {
        return refuse(
            "content_too_long",
            format!("a message has at most {max_chars} characters, this one has {chars}"),
        );
    }
    Ok(content.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_trimmed_counted_in_characters_and_never_cut() {
        let parse = |text| parse(text, 10).map_err(|rejection| rejection.code().to_owned());
        assert_eq!(parse("  1234567890  ").unwrap(), "1234567890");
        assert_eq!(parse("éééééééééé").unwrap().len(), 20);
        assert_eq!(parse("12345678901").unwrap_err(), "content_too_long");
        assert_eq!(parse(" \n ").unwrap_err(), "content_empty");
        assert_eq!(parse("a\0b").unwrap_err(), "content_invalid");
        assert_eq!(parse("a\n\tb").unwrap(), "a\n\tb");
    }
}
