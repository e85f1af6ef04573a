//! [`Answer`]: what a service answered, whole.

use common::Problem;
use reqwest::RequestBuilder;
use serde_json::Value;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Sends a request and reads its answer.
    pub(crate) async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: response.bytes().await.unwrap().to_vec(),
        }
    }

    /// The header of this name, the first if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body as a problem, which must be of the common form.
    #[track_caller]
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Problem = serde_json::from_value(self.json()).unwrap();
        assert_eq!(problem.status, self.status, "{self:?}");
        assert!(!problem.detail.is_empty() && !problem.code.is_empty(), "{self:?}");
        assert!(problem.request_id.is_some(), "{self:?}");
        assert_eq!(problem.request_id.as_deref(), self.header("x-request-id"), "{self:?}");
        problem
    }

    /// Status and code of a problem.
    #[track_caller]
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.problem().code)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let start: String = body.chars().take(600).collect();
        write!(f, "{} {:?} {start}", self.status, self.headers)
    }
}
