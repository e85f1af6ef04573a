//! `POST /conversations/{id}/typing`: passes on, and keeps nothing.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path},
};
use http_kit::{OptionalJsonBody, Query, Rejection, rejection::ProblemBody, request::resource};

use crate::{
    identity::caller::{Caller, Claim},
    log::ephemera::Passing,
    state::AppState,
};

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/conversations/{id}/typing", "POST").route(web::post().to(say_typing)));
}

/// Say that I am typing. Told at most once in 2 s, and not in groups of more than 100.
#[utoipa::path(
    post, path = "/conversations/{id}/typing", tag = "conversations",
    params(("id" = String, Path, description = "the conversation's id"), Claim),
    responses(
        (status = 204, description = "told, or not worth telling"),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn say_typing(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    claim: Query<Claim>,
    OptionalJsonBody(said): OptionalJsonBody<Claim>,
) -> Result<HttpResponse, Rejection> {
    let claimed = said.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    tell_typing(&state, &caller, &id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Tells those who may know that the caller is typing.
pub(in crate::routes) async fn tell_typing(
    state: &AppState,
    caller: &Caller,
    conversation_id: &str,
) -> Result<(), Rejection> {
    let user = caller.require_user()?.clone();
    let audience = state.store.watchers(&user.key, conversation_id).await??;
    if let Some(audience) = audience {
        let conversation_id = conversation_id.to_owned();
        state.passing.tell(Passing::Typing { conversation_id, user, audience });
    }
    Ok(())
}
