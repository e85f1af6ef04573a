//! What is wrong with the shape of a body or of a query: which field, and what it should hold.
//!
//! serde's own words are for those who wrote the types: they name them, and repeat what was sent.

use std::fmt::Display;

use serde::{Deserialize, Deserializer, de};
use serde_path_to_error::{Deserializer as Tracked, Path, Segment, Track};

/// A field, by its path, and what to write there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    /// Nothing where it is the whole that does not fit.
    pub(crate) field: Option<String>,
    detail: String,
}

/// Reads a value, or says where it does not fit; the error as it was comes along.
pub(crate) fn read<'de, T, D>(input: D) -> Result<T, (D::Error, Misfit)>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
    D::Error: Display + de::Error,
{
    let mut track = Track::new();
    T::deserialize(Tracked::new(input, &mut track)).map_err(|error| {
        let misfit = Misfit::new(&track.path(), &error.to_string());
        (error, misfit)
    })
}

impl Misfit {
    fn new(path: &Path, reason: &str) -> Self {
        // serde_json appends where it stopped, which is after what is meant.
        let reason = reason.rsplit_once(" at line ").map_or(reason, |(reason, _)| reason);
        let named = |prefix: &str| reason.strip_prefix(prefix)?.strip_suffix('`');
        let mut field = path.iter().fold(String::new(), step);
        let detail = if let Some(name) = named("missing field `") {
            field = under(field, name);
            "is missing".to_owned()
        } else if let Some(name) = named("duplicate field `") {
            field = under(field, name);
            "is there twice: send it once, under one of its names".to_owned()
        } else {
            wanted(reason)
        };
        Self { field: Some(field).filter(|field| !field.is_empty()), detail }
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field} {}", self.detail),
            None => write!(f, "it {}", self.detail),
        }
    }
}

fn step(path: String, segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => format!("{path}[{index}]"),
        Segment::Map { key } => under(path, key),
        Segment::Enum { .. } | Segment::Unknown => path,
    }
}

fn under(path: String, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What should have been sent.
fn wanted(reason: &str) -> String {
    // What was found may be long, and secret; what was expected stands last.
    let expected = match reason.rsplit_once("expected ") {
        Some((_, "i8" | "i16" | "i32" | "i64" | "isize")) => "a whole number",
        Some((_, "u8" | "u16" | "u32" | "u64" | "usize")) => "a whole number from 0",
        Some((_, "a boolean")) => "true or false",
        Some((_, "a sequence")) => "an array",
        Some((_, expected)) if expected.starts_with("struct ") => "an object",
        Some((_, expected)) => return format!("has to be {}", expected.replace('`', "")),
        None if reason.contains("true` or `false`") => "true or false",
        None if reason.contains("digit") || reason.contains("integer") => "a whole number from 0",
        None if reason.contains("number too") => "a smaller number",
        None => return format!("is not acceptable: {reason}"),
    };
    format!("has to be {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read into")]
    struct Outer {
        #[serde(alias = "text")]
        content: String,
        count: Option<u64>,
        on: Option<bool>,
        kind: Option<Kind>,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read into")]
    struct Part {
        seq: u64,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Room,
        Group,
    }

    #[track_caller]
    fn misfit(json: &str) -> (Option<String>, String) {
        let (_, misfit) =
            read::<Outer, _>(&mut serde_json::Deserializer::from_str(json)).unwrap_err();
        let said = misfit.to_string();
        (misfit.field, said)
    }

    #[test]
    fn each_field_is_named_with_what_it_should_hold_and_no_type_is() {
        for (json, field, said) in [
            ("{}", "content", "content is missing"),
            (r#"{"content":5}"#, "content", "content has to be a string"),
            (r#"{"content":"a","count":"2"}"#, "count", "count has to be a whole number from 0"),
            (r#"{"content":"a","count":-2}"#, "count", "count has to be a whole number from 0"),
            (r#"{"content":"a","on":"yes"}"#, "on", "on has to be true or false"),
            (r#"{"content":"a","kind":"x"}"#, "kind", "kind has to be room or group"),
            (
                r#"{"content":"a","parts":[{"seq":1},{}]}"#,
                "parts[1].seq",
                "parts[1].seq is missing",
            ),
            (r#"{"content":"a","parts":[5]}"#, "parts[0]", "parts[0] has to be an object"),
            (r#"{"content":"a","parts":{}}"#, "parts", "parts has to be an array"),
        ] {
            assert_eq!(misfit(json), (Some(field.to_owned()), said.to_owned()), "{json}");
        }
        let (field, said) = misfit(r#"{"content":"a","text":"b"}"#);
        assert_eq!(field.as_deref(), Some("content"));
        assert!(said.contains("twice"), "{said}");
        assert_eq!(misfit("7"), (None, "it has to be an object".to_owned()));
    }
}
