//! `/messages`: post and list.

pub mod message;
pub mod reactions;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, LOCATION},
    web::{self, Data},
};
use common::{EventId, event::PUBLIC_ROOM};
use http_kit::{
    JsonBody, Query, Rejection, nameless,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;

use super::{
    link,
    page::{CURSOR, DEFAULT_LIMIT, answer_with, bytes_of, describe, parse_limit, parse_position},
};
use crate::{
    chat::{
        change::{Answer, Made},
        conversation_id::direct_id,
        message::Message,
        post::{Post, RawPost},
        username::Username,
    },
    identity::caller::{Caller, Claim},
    log::write_error::WriteError,
    state::AppState,
    store::{Page, Position, Window},
};

const IDEMPOTENCY_KEY: &str = "idempotency-key";
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Registers what begins with `/messages`.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/messages", "GET, HEAD, POST")
                .route(web::post().to(post_message))
                .route(get().to(list_messages)),
        )
        .configure(message::configure)
        .configure(reactions::configure);
}

/// Post a message. `201` means that it is on the disk, and will reach everyone who may see it.
#[utoipa::path(
    post, path = "/messages", tag = "messages", request_body = RawPost,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "same as client_msg_id"),
        Claim,
    ),
    responses(
        (status = 201, description = "stored", body = Message),
        (status = 200, description = "stored before under this key", body = Message),
        (status = 400, description = "not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body came too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
        (status = 507, description = "not stored: the disk is full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn post_message(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
    JsonBody(mut raw): JsonBody<RawPost>,
) -> Result<HttpResponse, Rejection> {
    raw.user = raw.user.or(claim.into_inner().user);
    post(&state, &request, raw).await
}

/// Stores a post and answers it.
pub(super) async fn post(
    state: &AppState,
    request: &HttpRequest,
    raw: RawPost,
) -> Result<HttpResponse, Rejection> {
    let (message, made) = submit(state, request, raw).await?;
    let mut response = match made {
        Made::New => {
            let mut response = HttpResponse::Created();
            response.insert_header((LOCATION, format!("/messages/{}", message.id)));
            response
        }
        Made::Found => {
            let mut response = HttpResponse::Ok();
            response.insert_header((REPLAYED, "true"));
            response
        }
    };
    Ok(response.json(message))
}

/// Has a post stored.
pub(super) async fn submit(
    state: &AppState,
    request: &HttpRequest,
    raw: RawPost,
) -> Result<(Message, Made), Rejection> {
    let terms = Caller::terms(&state.identity, request, state.max_content_chars).await?;
    let post = Post::parse(raw, idempotency_key(request)?, &terms)
        .inspect_err(|_| count(state, "refused"))?;
    if state.identity.origins.is_nameless(request) && !post.is_anybodys() {
        count(state, "refused");
        return Err(nameless::refusal());
    }
    store(state, post).await
}

/// Stores a post: the one way in, whatever it came over. Tells whether it made the message or
/// repeated the post that did.
pub async fn store(state: &AppState, post: Post) -> Result<(Message, Made), Rejection> {
    let answer = state.writer.post(post).await.inspect_err(|error| {
        count(state, if matches!(error, WriteError::Refused(_)) { "refused" } else { "failed" });
    })?;
    match answer {
        Answer::Posted(message) => {
            count(state, "created");
            tracing::info!(id = %message.id, seq = message.seq, user = message.user, "new message");
            Ok((message, Made::New))
        }
        Answer::Repeated(message) => {
            count(state, "repeated");
            Ok((message, Made::Found))
        }
        // The writer answers a post with a message.
        _ => Err(WriteError::Stopping.into()),
    }
}

fn count(state: &AppState, outcome: &str) {
    state.metrics.posts.with_label_values(&[outcome]).inc();
}

/// Which messages to list. At most one of `before`, `after` and `around`; each takes an id or a
/// seq.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many, 1–200; 50 without it.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    pub(super) limit: Option<u32>,
    /// The newest before this one.
    #[param(nullable = false)]
    before: Option<String>,
    /// The oldest after this one.
    #[param(nullable = false)]
    after: Option<String>,
    /// This one, with those on both sides.
    #[param(nullable = false)]
    around: Option<String>,
    /// The conversation; `public` without it.
    #[param(nullable = false)]
    #[serde(alias = "conversationId")]
    conversation_id: Option<String>,
    /// Instead of a conversation: the direct one with this user.
    #[param(nullable = false)]
    #[serde(alias = "to", alias = "receiverId")]
    recipient: Option<String>,
    /// Instead of a conversation: what has not reached the caller yet, in all private ones.
    #[param(nullable = false)]
    undelivered: Option<bool>,
    /// Who asks, where identities are taken as given.
    #[param(nullable = false)]
    #[serde(alias = "username", alias = "sender", alias = "senderId")]
    user: Option<String>,
}

/// List messages, oldest first: the newest ones, or those around a place.
///
/// `X-Has-More` tells whether there are more in the direction asked for, and `Link` where.
/// `X-Event-Cursor` is the cursor from which a stream continues this list without a hole.
#[utoipa::path(
    get, path = "/messages", tag = "messages", params(ListQuery),
    responses(
        (status = 200, description = "messages, oldest first", body = [Message], headers(
            ("X-Has-More" = bool, description = "more in this direction"),
            ("X-Event-Cursor" = String, description = "start a stream from here"),
            ("Link" = String, description = "rel=prev: older; rel=next: newer"),
        )),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_messages(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Rejection> {
    let query = query.into_inner();
    let caller = Caller::of(&state.identity, &request, query.user.as_deref()).await?;
    let limit = parse_limit(query.limit, DEFAULT_LIMIT)?;
    if query.undelivered == Some(true) {
        return list_undelivered(&state, &caller, query.window()?, limit).await;
    }
    let conversation_id = match (&query.recipient, &query.conversation_id) {
        (Some(_), Some(_)) => {
            return Err(Rejection::bad_request(
                "invalid_query",
                "recipient and conversation_id exclude each other: send one of them",
            ));
        }
        (Some(recipient), None) => {
            let recipient = Username::parse_field("recipient", recipient)?;
            direct_id(&caller.require_user()?.key, recipient.key())
        }
        (None, id) => id.clone().unwrap_or_else(|| PUBLIC_ROOM.to_owned()),
    };
    let base = format!(
        "/messages?conversation_id={}&{}",
        link::encode(&conversation_id),
        link::claim(&caller)
    );
    list(&state, &caller, &base, &conversation_id, query.window()?, limit).await
}

/// Lists a part of a conversation; `base` is what the parameters of a window are appended to.
pub(super) async fn list(
    state: &AppState,
    caller: &Caller,
    base: &str,
    conversation_id: &str,
    window: Window,
    limit: u32,
) -> Result<HttpResponse, Rejection> {
    // Before the list is read: what comes between the two is in both, and in neither never.
    let cursor = state.cursor().await?;
    let page = state.store.page(caller.key(), conversation_id, window, limit).await??;
    let mut response = HttpResponse::Ok();
    response.insert_header((CURSOR, cursor.to_string()));
    describe(&mut response, &page, window, base, limit);
    let bytes = bytes_of(&page.messages);
    answer_with(response, page.messages, bytes).await
}

async fn list_undelivered(
    state: &AppState,
    caller: &Caller,
    window: Window,
    limit: u32,
) -> Result<HttpResponse, Rejection> {
    let after = match window {
        Window::Newest => EventId::ZERO,
        Window::After(Position::Id(id)) => id,
        _ => {
            return Err(Rejection::bad_request(
                "invalid_query",
                "what is undelivered is listed from the oldest: go on with after=<id>",
            ));
        }
    };
    let key = &caller.require_user()?.key;
    let cursor = state.cursor().await?;
    let mut messages = state.store.undelivered(key, after, limit + 1).await?;
    let has_more = messages.len() > limit as usize;
    messages.truncate(limit as usize);
    let mut response = HttpResponse::Ok();
    response.insert_header((CURSOR, cursor.to_string()));
    let page = Page { messages, has_older: false, has_newer: has_more };
    let base = format!("/messages?undelivered=true&{}", link::claim(caller));
    describe(&mut response, &page, Window::After(Position::Id(after)), &base, limit);
    let bytes = bytes_of(&page.messages);
    answer_with(response, page.messages, bytes).await
}

impl ListQuery {
    pub(super) fn window(&self) -> Result<Window, Rejection> {
        match (&self.before, &self.after, &self.around) {
            (None, None, None) => Ok(Window::Newest),
            (Some(at), None, None) => Ok(Window::Before(parse_position("before", at)?)),
            (None, Some(at), None) => Ok(Window::After(parse_position("after", at)?)),
            (None, None, Some(at)) => Ok(Window::Around(parse_position("around", at)?)),
            _ => Err(Rejection::bad_request(
                "invalid_query",
                "before, after and around exclude each other: send one of them",
            )),
        }
    }
}

fn idempotency_key(request: &HttpRequest) -> Result<Option<&str>, Rejection> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    value.to_str().map(Some).map_err(|_| {
        Rejection::bad_request("client_msg_id_invalid", "Idempotency-Key is not visible ASCII")
    })
}
