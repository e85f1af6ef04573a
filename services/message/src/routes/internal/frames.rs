//! What clients send over their WebSockets. It goes the same ways as what they send by REST.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use common::internal::{ClientFrame, FrameReply, UserRef};
use http_kit::Rejection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    chat::{
        change::{Change, Mark, Refusal},
        post::{Post, Terms},
        user::Account,
        username::Username,
    },
    identity::{
        caller::Caller,
        credential::{token_invalid, token_missing},
    },
    routes::{conversations::typing, messages},
    state::AppState,
};

/// A frame about a conversation.
#[derive(Deserialize)]
struct About {
    #[serde(alias = "conversationId")]
    conversation_id: String,
}

/// A frame about a conversation up to one of its messages.
#[derive(Deserialize)]
struct UpTo {
    #[serde(alias = "conversationId")]
    conversation_id: String,
    seq: u64,
}

/// Carries out a frame; answers with what its client is told.
pub async fn run_frame(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    let frame: ClientFrame = super::read(&request, payload, &state).await?;
    let client_msg_id = frame.frame.get("client_msg_id").cloned();
    let reply = match carry_out(&state, frame).await {
        Ok(reply) => reply,
        Err(rejection) => Some(error(&rejection, client_msg_id)),
    };
    Ok(HttpResponse::Ok().json(FrameReply { reply }))
}

async fn carry_out(state: &AppState, frame: ClientFrame) -> Result<Option<Value>, Rejection> {
    let kind = frame.kind().to_owned();
    let ClientFrame { user, authenticated, epoch, address, origin, frame } = frame;
    // Before anything is looked up: what is refused must cost others nothing. That no other refusal is
    // `rate_limited` lets the other service tell all of an address so for a moment.
    if let Some(address) = address {
        let rate = if kind == "message" { &state.post_rate } else { &state.marker_rate };
        rate.take(address)?;
    }
    check_session(state, user.as_ref(), authenticated, epoch).await?;
    let caller = Caller { user, shown: authenticated, admin: false };
    match kind.as_str() {
        "message" => post(state, &caller, origin, frame).await.map(Some),
        "read" => mark(state, caller.require_user()?, frame, true).await,
        "delivered" => mark(state, caller.require_user()?, frame, false).await,
        "typing" => {
            let About { conversation_id } = read(frame)?;
            typing::tell_typing(state, &caller, &conversation_id).await.map(|()| None)
        }
        other => Err(Rejection::bad_request(
            "frame_unknown",
            format!(
                "there is no frame of the type {other}: send message, typing, read, delivered, \
                 ping or resume"
            ),
        )),
    }
}

/// The stream of a session that has ended is on its way to its end; until it is there, nothing
/// that it says counts.
async fn check_session(
    state: &AppState,
    user: Option<&UserRef>,
    authenticated: bool,
    epoch: u64,
) -> Result<(), Rejection> {
    let Some(user) = user else {
        return Ok(());
    };
    let refused = || if authenticated { token_invalid() } else { Refusal::NameProtected.into() };
    let account = state.store.account(&user.key).await?;
    if account.as_ref().is_some_and(|account| account.epoch > epoch) {
        return Err(refused());
    }
    // A name that nobody has shown to be theirs, and that is taken for a protected one since.
    if !account.as_ref().is_some_and(Account::is_protected) {
        let name = Username::parse(&user.name)?;
        if state.identity.accounts.is_lookalike(&name, account.as_ref()).await? {
            return Err(refused());
        }
    }
    Ok(())
}

async fn post(
    state: &AppState,
    caller: &Caller,
    origin: String,
    frame: Value,
) -> Result<Value, Rejection> {
    let mut raw: crate::chat::post::RawPost = read(frame)?;
    let user = caller.user.as_ref().map(|user| Username::parse(&user.name)).transpose()?;
    if !caller.shown && raw.user.is_none() {
        raw.user = user.as_ref().map(|user| user.as_str().to_owned());
    }
    let open = state.identity.is_open();
    if !open && !caller.shown {
        return Err(token_missing());
    }
    let max_content_chars = state.max_content_chars;
    let user = user.filter(|_| caller.shown);
    let terms = Terms { user, open, max_content_chars, guest: Some(origin.clone()) };
    let mut post = Post::parse(raw, None, &terms)?;
    post.origin = Some(origin);
    let (message, _) = messages::store(state, post).await?;
    let mut ack = json!({
        "type": "ack", "client_msg_id": message.client_msg_id, "id": message.id,
        "seq": message.seq, "conversation_id": message.conversation_id, "user": message.user,
        "timestamp": message.timestamp,
    });
    if !message.mentions.is_empty() {
        ack["mentions"] = json!(message.mentions);
    }
    Ok(ack)
}

async fn mark(
    state: &AppState,
    user: &UserRef,
    frame: Value,
    read_too: bool,
) -> Result<Option<Value>, Rejection> {
    let UpTo { conversation_id, seq } = read(frame)?;
    let mark = Mark { conversation_id, read: read_too.then_some(seq), delivered: Some(seq) };
    state.writer.change(Change::Mark { user: user.clone(), mark }).await?;
    Ok(None)
}

fn read<T: for<'de> Deserialize<'de>>(frame: Value) -> Result<T, Rejection> {
    serde_json::from_value(frame).map_err(|error| {
        Rejection::bad_request("frame_invalid", format!("the frame cannot be read: {error}"))
    })
}

/// An `error` frame: the problem, with the key of the message that it is about.
fn error(rejection: &Rejection, client_msg_id: Option<Value>) -> Value {
    let problem = rejection.problem();
    let mut frame = json!({
        "type": "error", "code": problem.code, "status": problem.status,
        "title": problem.title, "detail": problem.detail,
    });
    if !problem.errors.is_empty() {
        frame["errors"] = json!(problem.errors);
    }
    if let Some(id) = client_msg_id {
        frame["client_msg_id"] = id;
    }
    frame
}
