//! [`SessionCookies`]: under which names a deployment's pages carry their token.
//!
//! Cookies know no ports: two deployments on one host would take each other's away, so each has names of
//! its own, which both services make of the secret that they share.

use actix_web::{HttpRequest, http::header::COOKIE};
use common::Secret;

/// The names of the cookie that carries a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookies {
    guarded: String,
    plain: String,
}

impl SessionCookies {
    /// The names of the deployment that has this secret.
    pub fn of(secret: &Secret) -> Self {
        let plain = format!("realtalk_session_{}", secret.mark("session cookie"));
        Self { guarded: format!("__Host-{plain}"), plain }
    }

    /// The name over HTTPS, or over a plain connection. Over HTTPS no page of a subdomain, and nobody on a
    /// plain connection, can set one with the prefix.
    pub fn name(&self, https: bool) -> &str {
        if https { &self.guarded } else { &self.plain }
    }

    /// The token that a request carries in it, however it has come.
    pub fn token<'a>(&self, request: &'a HttpRequest) -> Option<&'a str> {
        read(request, &self.guarded).or_else(|| read(request, &self.plain))
    }
}

/// The token that a request carries in the cookie of that name.
pub fn read<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    headers
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, token)| token.trim_matches('"'))
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn each_deployment_finds_its_own() {
        let cookies = |secret| SessionCookies::of(&Secret::parse(secret).unwrap());
        let (own, other) = (cookies("0123456789abcdef"), cookies("fedcba9876543210"));
        assert_eq!(own, cookies("0123456789abcdef"));
        let (name, others) = (own.name(false), other.name(false));
        assert_ne!(name, others);
        let token = |header: String| {
            let request = TestRequest::default().insert_header(("cookie", header));
            own.token(&request.to_http_request()).map(str::to_owned)
        };
        for header in [
            format!("{name}=abc"),
            format!("a=b; {others}=old; {name}=\"abc\";c=d"),
            format!("{name}=old; __Host-{name}=abc"),
        ] {
            assert_eq!(token(header.clone()).as_deref(), Some("abc"), "{header}");
        }
        assert_eq!(
            token(format!("{name}=; x{name}=abc; {others}=abc; realtalk_session=abc")),
            None
        );
    }
}
