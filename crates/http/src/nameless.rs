//! [`Nameless`]: what a page may ask for that has no origin of its own.
//!
//! A page that was opened from a file is of the origin `null`, and so is whatever any page of the
//! world puts into a sandboxed frame. Where the pages of this machine may call without being named,
//! such a page may do what anybody may, under names that nobody protects: nothing private.

use actix_web::http::{Method, StatusCode};

use crate::rejection::Rejection;

/// The origin of all pages that have none.
pub(crate) const ORIGIN: &str = "null";

/// A request that a page without an origin may make.
#[derive(Clone, Copy, Debug)]
pub struct Nameless {
    /// How; HEAD is as good as GET.
    pub method: &'static str,
    /// What for.
    pub path: &'static str,
    /// With which parameters, and if only one value will do, with which.
    pub parameters: &'static [(&'static str, Option<&'static str>)],
}

impl Nameless {
    fn is(&self, method: &Method, path: &str, query: &str) -> bool {
        let method = if method == Method::HEAD { "GET" } else { method.as_str() };
        let may_give = |name: &str, value: &str| {
            let known = self.parameters.iter().find(|(known, _)| *known == name);
            known.is_some_and(|(_, only)| only.is_none_or(|only| only == value))
        };
        method == self.method
            && path == self.path
            && form_urlencoded::parse(query.as_bytes()).all(|(name, value)| may_give(&name, &value))
    }
}

/// Refuses a request that is none of these.
pub(crate) fn check(
    those: &[Nameless],
    method: &Method,
    path: &str,
    query: &str,
) -> Result<(), Rejection> {
    if method == Method::OPTIONS || those.iter().any(|each| each.is(method, path, query)) {
        return Ok(());
    }
    Err(refusal())
}

/// What a page without an origin is told.
pub fn refusal() -> Rejection {
    Rejection::new(
        StatusCode::FORBIDDEN,
        "origin_not_allowed",
        "a page without an origin (from a file, or in a sandboxed frame) reads and posts in the \
         public room only: serve it over http, or add null to ALLOWED_ORIGINS",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_may_be_asked_for() {
        let those = [Nameless {
            method: "GET",
            path: "/messages",
            parameters: &[("limit", None), ("conversation_id", Some("public"))],
        }];
        let ask = |method: &str, path, query| {
            check(&those, &Method::from_bytes(method.as_bytes()).unwrap(), path, query).is_ok()
        };
        for (method, query) in [
            ("GET", ""),
            ("HEAD", "limit=5"),
            ("GET", "limit=5&conversation_id=public"),
            ("OPTIONS", "user=alice"),
        ] {
            assert!(ask(method, "/messages", query), "{method} {query}");
        }
        for (method, path, query) in [
            ("POST", "/messages", ""),
            ("GET", "/messages/", ""),
            ("GET", "/messages", "user=alice"),
            ("GET", "/messages", "conversation_id=dm:alice:bob"),
            ("GET", "/messages", "conversation_id=public&conversation_id=dm:alice:bob"),
            ("GET", "/messages", "%75ser=alice"),
        ] {
            assert!(!ask(method, path, query), "{method} {path} {query}");
        }
    }
}
