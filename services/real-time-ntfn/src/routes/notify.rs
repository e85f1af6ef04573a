//! `/notify`: what has happened, from the message service or from a program of the user's.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use common::{
    Audience, Batch, Clock, Ephemeral, EventId,
    event::{Accepted, EphemeralBatch, MESSAGE, PUBLIC_ROOM},
};
use http_kit::{
    Rejection,
    body::{parse, read, require_json},
    internal::is_signed,
    rejection::ProblemBody,
};
use serde_json::{Map, Value, json, value::to_raw_value};

use crate::state::AppState;

/// The longest `content` of a direct notification, in bytes.
const MAX_CONTENT: usize = 65_536;

/// What streams say of the log and of themselves: nobody says it by a direct notification.
const RESERVED: [&str; 16] = [
    "busy",
    "closing",
    "conversation",
    "cursor",
    "heartbeat",
    "member",
    "message_deleted",
    "message_updated",
    "presence",
    "reaction",
    "ready",
    "reauth",
    "receipt",
    "reset",
    "session",
    "typing",
];

/// Broadcast.
///
/// The relay's batch `{"after", "events"}` continues the log, and its `{"ephemeral"}` are passing
/// facts for those who are connected; both are signed. Any other object
/// `{content, type?, id?, user?, timestamp?}` is broadcast to `public` as it is, to those who are
/// connected now: it is in no log, so it has no SSE id and is not replayed. To have it kept, post
/// it to the message service.
#[utoipa::path(
    post, path = "/notify", tag = "internal",
    request_body = DirectNotification,
    responses(
        (status = 200, description = "broadcast", body = AcceptedBody),
        (status = 202, description = "a batch was taken", body = AcceptedBody),
        (status = 400, description = "not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "not signed, or wrongly; or in the name of somebody who has to show that it is theirs", body = ProblemBody, content_type = "application/problem+json"),
        (status = 408, description = "the body came too slowly", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "body too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "not application/json", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "a field is not acceptable", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "not now", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn notify(
    request: HttpRequest,
    payload: Payload,
    state: Data<AppState>,
) -> Result<HttpResponse, Rejection> {
    // A page in a browser sends its origin, and pages have no business here.
    state.origins.check(&request)?;
    require_json(&request)?;
    let body = read(&request, &mut payload.into_inner()).await?;
    state.hop.check(&request, &body)?;
    let mut response = HttpResponse::Accepted();
    let last_id = match parse::<Batch>(&body) {
        Ok(batch) => {
            // Whoever continues the log decides what everyone gets: a mere neighbour must not.
            state.hop.check_signed(&request, &body)?;
            let stopping = || Rejection::unavailable("stopping", "the service is stopping", 2);
            state.feed.apply(batch).await.ok_or_else(stopping)?
        }
        Err(_) => {
            let fields = parse::<Map<String, Value>>(&body)?;
            if fields.contains_key("ephemeral") {
                // They are for some and not for others, so a mere neighbour must not send them.
                state.hop.check_signed(&request, &body)?;
                state.telling.pass_on(&parse_facts(&body)?);
            } else {
                let direct = Direct::parse(fields)?;
                if !is_signed(&request)
                    && let Some(user) = &direct.user
                {
                    let address = state.proxies.client_address(&request);
                    state.identity.check_name(user, address).await?;
                }
                state.broadcast(direct).await;
                // It has reached everyone it will: services that call this expect no less.
                response = HttpResponse::Ok();
            }
            state.hub.head()
        }
    };
    Ok(response.json(Accepted { last_id }))
}

/// A notification that does not come from the log.
struct Direct {
    id: Option<EventId>,
    user: Option<String>,
    name: String,
    data: Value,
}

impl Direct {
    fn parse(mut fields: Map<String, Value>) -> Result<Self, Rejection> {
        for field in ["after", "events"] {
            if fields.contains_key(field) {
                return Err(Rejection::field(
                    field,
                    "batch_invalid",
                    "a batch has an id in after, and events with id, type, audience and data",
                ));
            }
        }
        let text = |field: &'static str| match fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => {
                Err(Rejection::field(field, "field_invalid", format!("{field} is a string")))
            }
        };
        let content = text("content")?.unwrap_or_default();
        if content.trim().is_empty() || content.len() > MAX_CONTENT {
            return Err(Rejection::field(
                "content",
                "content_invalid",
                "content is a string of 1 to 65536 bytes",
            ));
        }
        let id = text("id")?
            .map(|id| id.parse())
            .transpose()
            .map_err(|error| Rejection::field("id", "invalid_id", format!("{error}")))?;
        let name = text("type")?.unwrap_or_else(|| MESSAGE.to_owned());
        check_type(&name)?;
        if RESERVED.contains(&name.as_str()) {
            return Err(Rejection::field(
                "type",
                "type_reserved",
                format!("{name} is what streams say by themselves: choose another type"),
            ));
        }
        let (user, timestamp) = (text("user")?, text("timestamp")?);
        fields.insert("type".to_owned(), json!(name));
        if user.is_none() {
            fields.remove("user");
        }
        if timestamp.is_none() {
            let now = id.map_or_else(|| Clock::default().now(), EventId::moment).to_string();
            fields.insert("timestamp".to_owned(), json!(now));
        }
        let user = user.filter(|user| !user.is_empty());
        Ok(Self { id, user, name, data: Value::Object(fields) })
    }
}

fn check_type(name: &str) -> Result<(), Rejection> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Rejection::field(
        "type",
        "type_invalid",
        "type has 1 to 64 lower-case letters, digits and _",
    ))
}

fn parse_facts(body: &[u8]) -> Result<EphemeralBatch, Rejection> {
    let batch = serde_json::from_slice::<EphemeralBatch>(body).map_err(|_| {
        let form = "ephemeral is a list of facts with type, audience and data";
        Rejection::field("ephemeral", "batch_invalid", form)
    })?;
    batch.ephemeral.iter().try_for_each(|fact| check_type(&fact.kind))?;
    Ok(batch)
}

impl AppState {
    async fn broadcast(&self, direct: Direct) {
        // An event that everyone has got from the log is not said twice.
        if direct.id.is_some_and(|id| self.hub.contains(id)) {
            return;
        }
        // A JSON value can always be written.
        let Ok(data) = to_raw_value(&direct.data) else { return };
        let audience = Audience::Room(PUBLIC_ROOM.to_owned());
        self.telling.broadcast(Ephemeral { kind: direct.name, audience, data: data.into() }).await;
    }
}

/// A notification that does not come from the log, for the API's description.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body that is passed on as it is")]
pub struct DirectNotification {
    /// What is said, in at most 65,536 bytes.
    #[schema(min_length = 1, max_length = 65536)]
    content: String,
    /// The event's name; `message` without it. Those that streams use themselves are reserved.
    #[schema(pattern = "^[a-z0-9_]{1,64}$")]
    r#type: Option<String>,
    /// `YYYYMMDDHHMMSS.ffffff`.
    id: Option<String>,
    /// Who says it.
    user: Option<String>,
    /// When; now without it.
    timestamp: Option<String>,
}

/// The answer, for the API's description.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes common::event::Accepted")]
pub struct AcceptedBody {
    /// The last id of the log that this service has.
    last_id: String,
}
