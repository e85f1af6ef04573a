//! `/messages/{id}/reactions/{emoji}`: react to a message, take that back.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{Query, Rejection, rejection::ProblemBody, request::resource};

use super::message::answer;
use crate::{
    chat::{
        change::Change,
        emoji::{canonical, is_emoji},
        message::Message,
    },
    identity::caller::{Caller, Claim},
    routes::page::parse_id,
    state::AppState,
};

/// Longer ones are no emoji: the longest in use, with skin tones, have 35 bytes.
const MAX_EMOJI_BYTES: usize = 64;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config.service(
        resource("/messages/{id}/reactions/{emoji}", "PUT, DELETE")
            .route(web::put().to(add_reaction))
            .route(web::delete().to(remove_reaction)),
    );
}

/// React to a message with an emoji. Doing it again changes nothing.
#[utoipa::path(
    put, path = "/messages/{id}/reactions/{emoji}", tag = "messages",
    params(
        ("id" = String, Path, description = "the message's id"),
        ("emoji" = String, Path, description = "one emoji, percent-encoded; answered in the form of Unicode's emoji-test, however it is sent", example = "👍"),
        Claim,
    ),
    responses(
        (status = 200, description = "the message with its reactions", body = Message),
        (status = 400, description = "not an id, or not an emoji", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "deleted, or too many kinds of reactions", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "the name is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn add_reaction(
    request: HttpRequest,
    state: Data<AppState>,
    path: Path<(String, String)>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    react(&request, &state, &path, &claim, false).await
}

/// Take a reaction back. Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/messages/{id}/reactions/{emoji}", tag = "messages",
    params(
        ("id" = String, Path, description = "the message's id"),
        ("emoji" = String, Path, description = "one emoji, percent-encoded", example = "👍"),
        Claim,
    ),
    responses(
        (status = 200, description = "the message with its reactions", body = Message),
        (status = 400, description = "not an id, or not an emoji", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "who asks is not shown", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such message", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "it has been deleted", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "the name is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not stored: send it again", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn remove_reaction(
    request: HttpRequest,
    state: Data<AppState>,
    path: Path<(String, String)>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    react(&request, &state, &path, &claim, true).await
}

async fn react(
    request: &HttpRequest,
    state: &AppState,
    path: &(String, String),
    claim: &Claim,
    take_back: bool,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, request, claim.user.as_deref()).await?;
    let user = caller.require_user()?.clone();
    let message_id = parse_id("id", &path.0)?;
    let emoji = parse_emoji(&path.1)?;
    let change = Change::React { user, message_id, emoji, take_back };
    answer(state, change, "only those react who can read the message").await
}

/// One emoji, possibly of several code points, in the form that it has however it is sent.
fn parse_emoji(text: &str) -> Result<String, Rejection> {
    if text.len() <= MAX_EMOJI_BYTES && is_emoji(text) {
        let emoji = canonical(text);
        // Sent as it is answered, it has to pass again.
        if emoji.len() <= MAX_EMOJI_BYTES {
            return Ok(emoji);
        }
    }
    Err(Rejection::bad_request("emoji_invalid", "a reaction is one emoji, such as 👍"))
}
