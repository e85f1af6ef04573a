//! [`Query`]: the parameters of a request.

use std::{
    future::{Ready, ready},
    ops::Deref,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use crate::{rejection::Rejection, shape};

/// Extracts the parameters of a request; an error names the one that is meant.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T> Query<T> {
    /// The parameters.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Query<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Rejection;
    type Future = Ready<Result<Self, Rejection>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Rejection> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    shape::read(serde_urlencoded::Deserializer::new(pairs)).map_err(|(_, misfit)| {
        let rejection =
            Rejection::bad_request("invalid_query", format!("the query cannot be read: {misfit}"));
        match misfit.field {
            Some(field) => rejection.at(field),
            None => rejection,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read into")]
    struct Asked {
        #[serde(alias = "since")]
        after: String,
        limit: Option<u32>,
        all: Option<bool>,
    }

    #[test]
    fn the_parameter_that_cannot_be_read_is_named() {
        for (query, said) in [
            ("after=1&limit=-1", "limit has to be a whole number from 0"),
            ("after=1&limit=abc", "limit has to be a whole number from 0"),
            ("after=1&limit=", "limit has to be a whole number from 0"),
            ("after=1&limit=99999999999", "limit has to be a smaller number"),
            ("after=1&all=perhaps", "all has to be true or false"),
            ("limit=1", "after is missing"),
            ("after=1&since=1", "after is there twice"),
        ] {
            let rejection = parse::<Asked>(query).unwrap_err();
            let problem = rejection.problem();
            assert!(problem.detail.contains(said), "{query}: {}", problem.detail);
            assert_eq!((problem.status, &*problem.code), (400, "invalid_query"));
            assert_eq!(problem.errors[0].field, said.split(' ').next().unwrap());
        }
        assert!(parse::<Asked>("after=a%20b&limit=5&other=1").is_ok());
    }
}
