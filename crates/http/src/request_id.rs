//! The id of a request: in its answer, in the log, and in every problem that comes of it.

use actix_web::http::header::{HeaderMap, HeaderName};
use uuid::Uuid;

/// Carries the id, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Answers a request under this id.
pub(crate) async fn scope<F: Future>(id: String, answer: F) -> F::Output {
    CURRENT.scope(id, answer).await
}

/// The caller's id, if it sent a usable one, or a new one.
pub(crate) fn choose(headers: &HeaderMap) -> String {
    headers
        .get(HEADER)
        .and_then(|id| id.to_str().ok())
        .filter(|id| is_plain(id))
        .map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned)
}

/// An id of the caller goes into the log and back: letters, digits and a few marks only.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}
