//! The dialect's lists: conversations with the newest first, and the newest part of messages with
//! the oldest first, since its clients show them in the order in which they come.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use http_kit::{Query, Rejection, rejection::ProblemBody};

use super::shape::{ConversationList, MessageList, Part, PartQuery};
use crate::{
    chat::{conversation::ConversationKind, conversation_id::direct_keys},
    identity::caller::{Caller, Claim},
    routes::{
        page::{answer_with, bytes_of},
        people::inbox,
    },
    state::AppState,
    store::{Inbox, Listing, Position, Window},
};

/// List the direct conversations of a user, newest activity first.
#[utoipa::path(
    get, path = "/TaskMgt/api/users/{userId}/conversations", tag = "dialect",
    params(("userId" = String, Path, description = "whose", example = "alice"), PartQuery, Claim),
    responses((status = 200, description = "conversations", body = ConversationList))
)]
pub async fn list_conversations(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    query: Query<PartQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = inbox::owner(&state, &request, &user, &claim).await?;
    let Part { skip, limit } = query.parse(20)?;
    let kind = Some(ConversationKind::Direct);
    let listing = Listing { kind, before: None, skip, limit };
    let listed = state.store.conversations(caller.key(), listing).await?;
    Ok(HttpResponse::Ok().json(ConversationList::from(listed.conversations)))
}

/// List the newest part of what a user was sent, oldest first.
#[utoipa::path(
    get, path = "/TaskMgt/api/users/{userId}/messages", tag = "dialect",
    params(("userId" = String, Path, description = "whose", example = "alice"), PartQuery, Claim),
    responses((status = 200, description = "messages", body = MessageList))
)]
pub async fn list_received(
    request: HttpRequest,
    state: Data<AppState>,
    user: Path<String>,
    query: Query<PartQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let caller = inbox::owner(&state, &request, &user, &claim).await?;
    let Part { skip, limit } = query.parse(30)?;
    let inbox = Inbox { direct_only: true, before: None, skip, limit };
    let (mut found, _) = state.store.inbox(caller.key().unwrap_or_default(), inbox).await?;
    found.reverse();
    let bytes = bytes_of(&found);
    answer_with(HttpResponse::Ok(), MessageList::from(found), bytes).await
}

/// List the newest part of what was said in a conversation, oldest first.
#[utoipa::path(
    get, path = "/TaskMgt/api/conversations/{conversationId}/messages", tag = "dialect",
    params(
        ("conversationId" = String, Path, description = "its id", example = "dm:alice:bob"),
        PartQuery, Claim,
    ),
    responses(
        (status = 200, description = "messages", body = MessageList),
        (status = 404, description = "no such conversation, or not for you", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn list_messages(
    request: HttpRequest,
    state: Data<AppState>,
    id: Path<String>,
    query: Query<PartQuery>,
    claim: Query<Claim>,
) -> Result<HttpResponse, Rejection> {
    let Part { skip, limit } = query.parse(30)?;
    let reader = reader(&state, &request, &id, claim.user.as_deref()).await?;
    let (conversation, _) = state.store.conversation(reader.key(), &id).await??;
    // Seqs have no gaps, so what is skipped is a number of seqs.
    let end = (conversation.card.last_seq + 1).saturating_sub(u64::from(skip));
    let window = Window::Before(Position::Seq(end));
    let page = state.store.page(reader.key(), &id, window, limit).await??;
    let bytes = bytes_of(&page.messages);
    answer_with(HttpResponse::Ok(), MessageList::from(page.messages), bytes).await
}

/// Who reads. The dialect does not say: where names are taken as given, and nobody has said
/// anything, it is the one of the two whose name may be taken.
async fn reader(
    state: &AppState,
    request: &HttpRequest,
    conversation_id: &str,
    claimed: Option<&str>,
) -> Result<Caller, Rejection> {
    let caller = Caller::of(&state.identity, request, claimed).await?;
    let nobody = caller.user.is_none() && !caller.shown && !caller.admin;
    let Some((one, other)) =
        direct_keys(conversation_id).filter(|_| nobody && state.identity.is_open())
    else {
        return Ok(caller);
    };
    for key in [one, other] {
        let account = state.store.account(key).await?;
        if let Some(account) = account.filter(|account| !account.is_protected()) {
            return Ok(Caller { user: Some(account.user), ..caller });
        }
    }
    Ok(caller)
}
