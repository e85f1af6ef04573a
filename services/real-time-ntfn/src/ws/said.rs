//! [`Said`]: what a client's text means.

use serde_json::{Map, Value, json};

use crate::opening::resume::Cursor;

/// What a client's text means.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// Are you there?
    Ping,
    /// Go on after this event.
    Resume(Cursor),
    /// I am this user.
    Name(String),
    /// Something for the message service: an object with a `type`.
    Frame(Value),
    /// An object that says nothing.
    Nothing,
    /// It begins like an object and is none.
    Malformed,
}

impl Said {
    /// Reads a text. What does not begin like an object is a message to everyone; so is an object
    /// without a type that has content.
    pub(super) fn parse(text: String) -> Self {
        if !text.trim_start().starts_with('{') {
            return Self::Frame(json!({"type": "message", "content": text}));
        }
        let Ok(Value::Object(mut fields)) = serde_json::from_str(&text) else {
            // Posted as it stands, a private message with one broken letter would be read by all.
            return Self::Malformed;
        };
        match fields.get("type") {
            Some(Value::String(kind)) if kind == "ping" => Self::Ping,
            Some(Value::String(kind)) if kind == "resume" => Self::Resume(cursor(&fields)),
            Some(Value::String(_)) => Self::Frame(Value::Object(fields)),
            None | Some(Value::Null) => {
                if ["content", "message", "text"].iter().any(|name| fields.contains_key(*name)) {
                    fields.insert("type".to_owned(), json!("message"));
                    return Self::Frame(Value::Object(fields));
                }
                match fields.remove("username") {
                    Some(Value::String(name)) => Self::Name(name),
                    _ => Self::Nothing,
                }
            }
            Some(_) => Self::Nothing,
        }
    }
}

fn cursor(fields: &Map<String, Value>) -> Cursor {
    match fields.get("last_event_id").or_else(|| fields.get("lastEventId")) {
        Some(Value::String(id)) => id.parse().map_or(Cursor::Unreadable, Cursor::At),
        _ => Cursor::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &str) -> Said {
        Said::Frame(json!({"type": "message", "content": content}))
    }

    #[test]
    fn what_begins_like_an_object_is_never_a_message_to_everyone() {
        for broken in [
            // What `JSON.stringify(text.slice(0, n))` leaves of a pair of surrogates.
            r#"{"type":"message","recipient":"bob","content":"secret \ud83d"}"#,
            r#"{"type":"message","recipient":"bob","content":"sec"#,
            r#" {"recipient":"bob","content":"secret"}}"#,
            "\n\t{secret}",
            "\u{a0}{secret}",
        ] {
            assert_eq!(Said::parse(broken.to_owned()), Said::Malformed, "{broken}");
        }
    }

    #[test]
    fn a_text_means_what_its_form_says() {
        let said = |text: &str| Said::parse(text.to_owned());
        for plain in ["hello", "", "42", "[1,2]", "\"hi\"", "hi {\"content\":"] {
            assert_eq!(said(plain), message(plain));
        }
        assert_eq!(
            said(r#"{"content":"a"}"#),
            Said::Frame(json!({"content": "a", "type": "message"}))
        );
        assert_eq!(said(r#"{"text":"a"}"#), Said::Frame(json!({"text": "a", "type": "message"})));
        assert_eq!(said(r#"{"type":"ping"}"#), Said::Ping);
        let typing = json!({"type": "typing", "conversation_id": "public"});
        assert_eq!(said(&typing.to_string()), Said::Frame(typing));
        assert_eq!(said(r#"{"username":"alice"}"#), Said::Name("alice".to_owned()));
        let id = "20240101120000.123456";
        let resume = format!(r#"{{"type":"resume","last_event_id":"{id}"}}"#);
        assert_eq!(said(&resume), Said::Resume(Cursor::At(id.parse().unwrap())));
        assert_eq!(said(r#"{"type":"resume"}"#), Said::Resume(Cursor::Unreadable));
        for nothing in ["{}", r#"{"type":1}"#, r#"{"username":1}"#] {
            assert_eq!(said(nothing), Said::Nothing, "{nothing}");
        }
    }
}
