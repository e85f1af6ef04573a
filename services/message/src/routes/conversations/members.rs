//! `/conversations/{id}/members`: who is there; coming and going.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{LINK, LOCATION},
    web::{self, Data, Path},
};
use http_kit::{
    OptionalJsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;

use crate::{
    chat::{
        change::{Answer, Change, Made, Refusal},
        member::{JoinedMember, Role},
        username::Username,
    },
    error::Error,
    identity::caller::{Caller, Claim},
    routes::{
        link,
        page::{CURSOR, HAS_MORE},
    },
    state::AppState,
};

/// The most members in one answer: a whole group.
const MAX_LISTED: u32 = 1_000;

pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(resource("/conversations/{id}/members", "GET, HEAD").route(get().to(list_members)))
        .service(
            resource("/conversations/{id}/members/{user}", "PUT, DELETE")
                .route(web::put().to(put_member))
                .route(web::delete().to(delete_member)),
        );
}

/// Which members to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembersQuery {
    /// How many, 1–1000; 1000 without it, so that a group is always whole.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
    /// Only those that follow this name.
    #[param(nullable = false)]
    after: Option<String>,
}

/// List the members of a conversation, in the order of their names.
#[utoipa::path(
    get, path = "/conversations/{id}/members", tag = "members",
    params(("id" = String, Path, description = "the conversation's id"), MembersQuery, Claim),
    responses(
        (status = 200, description = "members, by name", body = [JoinedMember], headers(
            ("X-Has-More" = bool, description = "there are more"),
            ("X-Event-Cursor" = String, description = "start a stream from here"),
            ("Link" = String, description = "rel=next: those that follow"),
        )),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_members(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    query: Query<MembersQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let limit = query.limit.unwrap_or(MAX_LISTED);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Rejection::bad_request("invalid_limit", "limit is a number from 1 to 1000"));
    }
    let after = query.after.as_deref().map(Username::parse).transpose()?;
    let after = after.as_ref().map(Username::key);
    let cursor = state.cursor().await?;
    let roster = state.store.roster(caller.key(), &id, after, limit).await??;
    let mut response = HttpResponse::Ok();
    response.insert_header((CURSOR, cursor.to_string()));
    response.insert_header((HAS_MORE, roster.has_more.to_string()));
    if let (true, Some(last)) = (roster.has_more, roster.members.last()) {
        let (place, claim) = (link::conversation(&id), link::claim(&caller));
        let after = link::encode(&last.user);
        let target = format!("<{place}/members?{claim}after={after}&limit={limit}>; rel=\"next\"");
        response.insert_header((LINK, target));
    }
    Ok(response.json(roster.members))
}

/// What a member is to be.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
pub struct MemberUpdate {
    /// A new role; without it a new member is a plain one, and others stay what they are.
    role: Option<Role>,
    /// Who asks, where names are taken as given.
    #[serde(alias = "sender", alias = "username", alias = "senderId", alias = "userId")]
    #[schema(example = "alice")]
    user: Option<String>,
}

/// Join a room, add someone to a group, or change a role. Owners add and change; anyone joins
/// rooms.
#[utoipa::path(
    put, path = "/conversations/{id}/members/{user}", tag = "members",
    request_body = Option<MemberUpdate>,
    params(
        ("id" = String, Path, description = "the conversation's id"),
        ("user" = String, Path, description = "whom"),
        Claim,
    ),
    responses(
        (status = 201, description = "added", body = JoinedMember),
        (status = 200, description = "was there, and is what was asked for", body = JoinedMember),
        (status = 403, description = "not for you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or no such user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "the group is full", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn put_member(
    request: HttpRequest,
    state: Data<AppState>,
    path: Path<(String, String)>,
    claim: Query<Claim>,
    OptionalJsonBody(update): OptionalJsonBody<MemberUpdate>,
) -> Result<HttpResponse, Rejection> {
    let (conversation_id, name) = path.into_inner();
    let claimed = update.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    caller.require_user()?;
    let user = Username::parse(&name)?;
    let answer = state
        .writer
        .change(Change::PutMember {
            actor: caller.actor(),
            conversation_id: conversation_id.clone(),
            user: user.clone(),
            role: update.role,
            invites_guests: state.identity.is_open(),
        })
        .await
        .map_err(|error| {
            Error::from(error).because(
                "only owners add members to a group, and change roles; a room one joins oneself",
            )
        })?;
    let member = member(&state, &caller, &conversation_id, &user).await?;
    let mut response = HttpResponse::Ok();
    if answer == Answer::Member(Made::New) {
        response = HttpResponse::Created();
        let (place, user) = (link::conversation(&conversation_id), link::encode(user.as_str()));
        response.insert_header((LOCATION, format!("{place}/members/{user}")));
    }
    Ok(response.json(member))
}

/// Leave, or remove someone. Owners remove; nobody leaves a direct conversation. When the last
/// owner leaves, whoever has been there longest becomes one.
#[utoipa::path(
    delete, path = "/conversations/{id}/members/{user}", tag = "members",
    params(
        ("id" = String, Path, description = "the conversation's id"),
        ("user" = String, Path, description = "whom"),
        Claim,
    ),
    responses(
        (status = 204, description = "not a member any more"),
        (status = 403, description = "not for you", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such conversation, or no such member", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn delete_member(
    request: HttpRequest,
    state: Data<AppState>,
    path: Path<(String, String)>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let (conversation_id, name) = path.into_inner();
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    caller.require_user()?;
    let user = Username::parse(&name)?;
    let actor = caller.actor();
    let change = Change::RemoveMember { actor, conversation_id, user };
    state.writer.change(change).await.map_err(|error| {
        Error::from(error)
            .because("only owners remove others, and nobody leaves a direct conversation")
    })?;
    Ok(HttpResponse::NoContent().finish())
}

/// One member, as the caller sees them now.
async fn member(
    state: &AppState,
    caller: &Caller,
    conversation_id: &str,
    user: &Username,
) -> Result<JoinedMember, Rejection> {
    let found = state.store.joined_member(caller.key(), conversation_id, user.key()).await??;
    // Removed again by somebody else in the meantime.
    found.ok_or_else(|| Refusal::NoMember.into())
}
