//! How lists are asked for in pages, and say how to read on.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{ContentType, HeaderName, LINK},
    web,
};
use common::EventId;
use http_kit::Rejection;
use serde::Serialize;

use crate::{
    chat::message::Message,
    error::Error,
    log::write_error::WriteError,
    store::{Page, Position, StoreError, Window},
};

pub(super) const HAS_MORE: HeaderName = HeaderName::from_static("x-has-more");
pub(super) const CURSOR: HeaderName = HeaderName::from_static("x-event-cursor");

pub(super) const DEFAULT_LIMIT: u32 = 50;

/// The most that one answer lists.
pub const MAX_LIMIT: u32 = 200;

/// The most that is written as JSON on a thread which serves others meanwhile, in bytes: a thousandth of a second.
const SHORT: usize = 64 * 1_024;

/// Answers with a list that holds about so many bytes. What is long is written elsewhere: others whom this thread
/// serves would wait for it.
pub(super) async fn answer_with(
    mut response: HttpResponseBuilder,
    list: impl Serialize + Send + 'static,
    bytes: usize,
) -> Result<HttpResponse, Rejection> {
    if bytes <= SHORT {
        return Ok(response.json(list));
    }
    let written = web::block(move || {
        // Half as much again for names and punctuation: growing, it would be copied each time.
        let mut body = Vec::with_capacity(bytes + bytes / 2);
        serde_json::to_writer(&mut body, &list).map(|()| body)
    });
    let stopping = |_| Error::Write(WriteError::Stopping);
    let body = written.await.map_err(stopping)?.map_err(StoreError::from)?;
    Ok(response.content_type(ContentType::json()).body(body))
}

/// How much text messages hold.
pub(super) fn bytes_of(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.content.len()).sum()
}

/// Reads an id, or says which parameter holds something else.
pub fn parse_id(name: &str, text: &str) -> Result<EventId, Rejection> {
    text.parse().map_err(|error| Rejection::bad_request("invalid_id", format!("{name}: {error}")))
}

/// Reads a limit of 1 to [`MAX_LIMIT`].
pub fn parse_limit(limit: Option<u32>, default: u32) -> Result<u32, Rejection> {
    match limit.unwrap_or(default) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Rejection::bad_request("invalid_limit", "limit is a number from 1 to 200")),
    }
}

/// Says of a list from new to old that it goes in one direction only, rather than giving the newest
/// to whoever asks for what followed something.
pub(super) fn refuse_after(after: Option<&str>) -> Result<(), Rejection> {
    match after {
        None => Ok(()),
        Some(_) => Err(Rejection::bad_request(
            "invalid_query",
            "this list is read from the newest: go on with before, or ask /sync what came after",
        )),
    }
}

/// Reads an id or a seq.
pub(super) fn parse_position(name: &str, text: &str) -> Result<Position, Rejection> {
    if let Ok(seq) = text.parse() {
        return Ok(Position::Seq(seq));
    }
    parse_id(name, text).map(Position::Id)
}

/// Adds what tells a client how to read on.
pub(super) fn describe(
    response: &mut HttpResponseBuilder,
    page: &Page,
    window: Window,
    base: &str,
    limit: u32,
) {
    let has_more = match window {
        Window::Newest | Window::Before(_) => page.has_older,
        Window::After(_) => page.has_newer,
        Window::Around(_) => page.has_older || page.has_newer,
    };
    response.insert_header((HAS_MORE, has_more.to_string()));
    let mut link = |direction: &str, message: &Message, rel: &str| {
        let at = message.id;
        response.append_header((
            LINK,
            format!("<{base}{direction}={at}&limit={limit}>; rel=\"{rel}\""),
        ));
    };
    if let (true, Some(first)) = (page.has_older, page.messages.first()) {
        link("before", first, "prev");
    }
    if let (true, Some(last)) = (page.has_newer, page.messages.last()) {
        link("after", last, "next");
    }
}

/// Says whether a list from new to old goes on, and where, in which direction of the answer.
pub(super) fn describe_next(
    response: &mut HttpResponseBuilder,
    base: &str,
    next: Option<EventId>,
    limit: u32,
    rel: &str,
) {
    response.insert_header((HAS_MORE, next.is_some().to_string()));
    if let Some(next) = next {
        let target = format!("<{base}before={next}&limit={limit}>; rel=\"{rel}\"");
        response.insert_header((LINK, target));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        thread::{self, ThreadId},
    };

    use actix_web::{body::to_bytes, http::header::CONTENT_TYPE};
    use serde::Serializer;

    use super::*;

    /// Tells which thread writes it.
    struct Told(mpsc::Sender<ThreadId>);

    impl Serialize for Told {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.send(thread::current().id()).unwrap();
            serializer.collect_seq(["one", "two"])
        }
    }

    #[actix_web::test]
    async fn what_is_long_is_written_elsewhere_and_looks_the_same() {
        let here = thread::current().id();
        for (bytes, is_here) in [(SHORT, true), (SHORT + 1, false)] {
            let (told, by) = mpsc::channel();
            let answer = answer_with(HttpResponse::Ok(), Told(told), bytes).await.unwrap();
            assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), "application/json");
            assert_eq!(to_bytes(answer.into_body()).await.unwrap(), r#"["one","two"]"#);
            assert_eq!(by.recv().unwrap() == here, is_here, "{bytes} bytes");
        }
    }
}
