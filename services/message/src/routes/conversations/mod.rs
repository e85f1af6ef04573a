//! `/conversations`: list, make.

pub mod conversation;
pub mod direct;
pub mod members;
pub mod receipts;
pub mod said;
pub mod typing;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data},
};
use http_kit::{
    JsonBody, Query, Rejection,
    rejection::ProblemBody,
    request::{get, resource},
};
use serde::Deserialize;

use self::conversation::{answer_conversation, no_history};
use super::{
    link,
    page::{CURSOR, DEFAULT_LIMIT, describe_next, parse_id, parse_limit, refuse_after},
};
use crate::{
    chat::{
        change::{Change, Refusal},
        conversation::{Conversation, ConversationKind, History, parse_name},
        conversation_id::{group_id, parse_room_id, room_id_from},
        username::Username,
    },
    identity::caller::{Caller, Claim},
    log::write_error::WriteError,
    state::AppState,
    store::Listing,
};

/// So many members come with a conversation that costs what a post does. Each further one costs as much:
/// the writer may have to make an account, and a place in the public room and in this one.
const FEW: usize = 16;

/// Registers what begins with `/conversations`, and `/receipts`.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/conversations", "GET, HEAD, POST")
                .route(web::post().to(create_conversation))
                .route(get().to(list_conversations)),
        )
        // Before `/conversations/{id}`, which would answer for it.
        .configure(direct::configure)
        .configure(conversation::configure)
        .configure(said::configure)
        .configure(members::configure)
        .configure(receipts::configure)
        .configure(typing::configure);
}

/// Which conversations to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationsQuery {
    /// Only these; `room` lists all rooms, joined or not.
    #[param(nullable = false)]
    kind: Option<ConversationKind>,
    /// How many, 1–200; 50 without it.
    #[param(minimum = 1, maximum = 200, nullable = false)]
    limit: Option<u32>,
    /// Only those whose last activity was before this id, as `Link` has it.
    #[param(nullable = false)]
    before: Option<String>,
    #[param(ignore)]
    after: Option<String>,
}

/// List conversations, newest activity first: mine, and the public room. Nobody in particular
/// sees the rooms.
///
/// `X-Has-More` tells whether there are more, and `Link` where. `X-Event-Cursor` is the cursor
/// from which a stream continues this list without a hole.
#[utoipa::path(
    get, path = "/conversations", tag = "conversations", params(ConversationsQuery, Claim),
    responses(
        (status = 200, description = "conversations, newest activity first", body = [Conversation], headers(
            ("X-Has-More" = bool, description = "there are more"),
            ("X-Event-Cursor" = String, description = "start a stream from here"),
            ("Link" = String, description = "rel=next: those with older activity"),
        )),
        (status = 400, description = "a parameter is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "the name or the credential is not accepted", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_conversations(
    request: HttpRequest,
    state: Data<AppState>,
    query: Query<ConversationsQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = Caller::of(&state.identity, &request, claim.user.as_deref()).await?;
    let base = format!("/conversations?{}", link::claim(&caller));
    list(&state, &caller, &base, &query).await
}

/// Lists conversations; `base` is what the parameters of a page are appended to.
pub(super) async fn list(
    state: &AppState,
    caller: &Caller,
    base: &str,
    query: &ConversationsQuery,
) -> Result<HttpResponse, Rejection> {
    let limit = parse_limit(query.limit, DEFAULT_LIMIT)?;
    refuse_after(query.after.as_deref())?;
    let before = query.before.as_deref().map(|at| parse_id("before", at)).transpose()?;
    let listing = Listing { kind: query.kind, before, skip: 0, limit };
    let listed = state.store.conversations(caller.key(), listing).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CURSOR, listed.cursor.to_string()));
    let kind = query.kind.map_or_else(String::new, |kind| format!("kind={}&", kind.as_str()));
    describe_next(&mut response, &format!("{base}{kind}"), listed.next, limit, "next");
    Ok(response.json(listed.conversations))
}

/// A room or a group to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct NewConversation {
    /// `room`, for everybody, or `group`, for its members.
    kind: ConversationKind,
    /// A room's id: 1–64 lower-case letters, digits and dashes. Made from its name if it is left out.
    #[schema(example = "garden")]
    id: Option<String>,
    /// What it is called: 1–80 characters; spaces around them do not count. A room with an id can do
    /// without.
    #[schema(example = "Garden")]
    name: Option<String>,
    /// Further members of a group, by name. A room people join by themselves.
    #[serde(default)]
    members: Vec<String>,
    /// What members of a group see of the time before they joined: `all`, or with `joined` nothing.
    history: Option<History>,
    /// Who makes it, where names are taken as given. Also read from `username` and `sender`.
    #[serde(alias = "sender", alias = "username", alias = "senderId", alias = "userId")]
    #[schema(example = "alice")]
    user: Option<String>,
}

/// Make a room or a group. Whoever makes it is its first owner.
#[utoipa::path(
    post, path = "/conversations", tag = "conversations", request_body = NewConversation,
    params(Claim),
    responses(
        (status = 201, description = "made", body = Conversation),
        (status = 401, description = "say who you are", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "no such user", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "there is such a room, or too many members", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn create_conversation(
    request: HttpRequest,
    state: Data<AppState>,
    claim: Query<Claim>,
    JsonBody(new): JsonBody<NewConversation>,
) -> Result<HttpResponse, Rejection> {
    // Before a thousand names are looked at, each of which takes some work.
    state.charge(&request, new.members.len().saturating_sub(FEW))?;
    let claimed = new.user.as_deref().or(claim.user.as_deref());
    let caller = Caller::of(&state.identity, &request, claimed).await?;
    let members = parse_names(&new.members)?;
    let change = new.into_change(&caller, members.clone(), state.identity.is_open())?;
    let answer = match state.writer.change(change).await {
        Ok(answer) => answer,
        Err(WriteError::Refused(Refusal::NoUser)) => {
            return Err(who_is_missing(&state, &members).await?);
        }
        Err(error) => return Err(error.into()),
    };
    answer_conversation(&state, &caller, answer).await
}

/// Which of several names is nobody's.
async fn who_is_missing(state: &AppState, names: &[Username]) -> Result<Rejection, Rejection> {
    for name in names {
        if state.store.account(name.key()).await?.is_none() {
            let detail = format!("there is no user called {name}");
            return Ok(Rejection::not_found("user_not_found", detail).at("members"));
        }
    }
    // They have come meanwhile, or have been deactivated.
    Ok(Refusal::NoUser.into())
}

impl NewConversation {
    fn into_change(
        self,
        caller: &Caller,
        members: Vec<Username>,
        invites_guests: bool,
    ) -> Result<Change, Rejection> {
        let owner = caller.require_user()?.clone();
        let (id, name) = match self.kind {
            ConversationKind::Direct => {
                return Err(Rejection::field(
                    "kind",
                    "kind_invalid",
                    "a direct conversation is made by POST /conversations/resolve",
                ));
            }
            ConversationKind::Room if !members.is_empty() => {
                return Err(Rejection::field(
                    "members",
                    "members_invalid",
                    "people join a room by themselves: only a group is made with its members",
                ));
            }
            ConversationKind::Room => {
                let id = self.id.as_deref().map(parse_room_id).transpose()?;
                let name = parse_name(self.name.as_deref().or(id.as_deref()).unwrap_or_default())?;
                (id.map_or_else(|| room_id_from(&name), Ok)?, name)
            }
            ConversationKind::Group if self.id.is_some() => {
                return Err(Rejection::field("id", "id_invalid", "only rooms have ids to choose"));
            }
            ConversationKind::Group => {
                (group_id(), parse_name(self.name.as_deref().unwrap_or_default())?)
            }
        };
        if self.kind == ConversationKind::Room && self.history.is_some() {
            return Err(no_history());
        }
        Ok(Change::CreateConversation {
            owner,
            kind: self.kind,
            id,
            name,
            history: self.history.unwrap_or_default(),
            members,
            invites_guests,
        })
    }
}

fn parse_names(names: &[String]) -> Result<Vec<Username>, Rejection> {
    names.iter().map(|name| Username::parse_field("members", name)).collect()
}
