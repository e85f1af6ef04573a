//! [`Post`]: what a client asks to have said, once it is known to be sayable.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use common::{EventId, event::PUBLIC_ROOM};
use http_kit::Rejection;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{client_msg_id, content, conversation_id::direct_id, username::Username};

/// The body of `POST /messages` as clients send it. Each field has the names by which the common
/// chat protocols know it.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct RawPost {
    /// What is said: 1–4,000 characters, or as many as `MAX_CONTENT_CHARS` says; spaces around them
    /// do not count. Also read from `message` and `text`.
    #[serde(alias = "message", alias = "text")]
    #[schema(min_length = 1, example = "Hello, world!")]
    pub content: String,
    /// Who says it: a name of 1–64 characters; spaces around it do not count. Without it a guest name
    /// is made up and returned. Also read from `sender`, `username` and `senderId`.
    #[serde(default, alias = "sender", alias = "username", alias = "senderId")]
    #[schema(min_length = 1, example = "alice")]
    pub user: Option<String>,
    /// Where; `public` without it.
    #[serde(default, alias = "conversationId")]
    #[schema(example = "public")]
    pub conversation_id: Option<String>,
    /// Whom to tell privately, instead of a conversation: a name, as `user` has it. Also read from
    /// `to` and `receiverId`.
    #[serde(default, alias = "to", alias = "receiverId")]
    #[schema(min_length = 1, example = "bob")]
    pub recipient: Option<String>,
    /// Chosen by the client, of visible ASCII characters. A repeat with the same one returns the first
    /// message instead of posting again, forever. The header `Idempotency-Key` does the same.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    pub client_msg_id: Option<String>,
    /// The id of the message that it answers, in the same conversation.
    #[serde(default)]
    #[schema(example = "20240101120000.123456")]
    pub reply_to: Option<String>,
    #[serde(default)]
    #[schema(ignore)]
    pub(crate) file_ids: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    #[schema(ignore)]
    pub(crate) scheduled_at: Option<serde::de::IgnoredAny>,
}

/// A post that can be stored as it is.
#[derive(Clone, Debug)]
pub struct Post {
    /// Who says it.
    pub sender: Sender,
    /// Where.
    pub target: Target,
    /// What.
    pub content: String,
    /// The message that it answers.
    pub reply_to: Option<EventId>,
    /// Under which key a repeat is recognised.
    pub client_msg_id: Option<String>,
    /// The connection that it came over, which is answered there.
    pub origin: Option<String>,
}

/// Who posts.
#[derive(Clone, Debug)]
pub struct Sender {
    /// Their name.
    pub name: Username,
    /// How they came by it.
    pub claim: Claim,
}

/// How a sender came by their name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// A credential shows it.
    Shown,
    /// They say so.
    Said,
    /// It was made up for this post.
    MadeUp,
}

/// Where a post goes.
#[derive(Clone, Debug)]
pub enum Target {
    /// To a conversation.
    Conversation(String),
    /// To the direct conversation with someone.
    Direct {
        /// With whom.
        recipient: Username,
        /// Whether one who is not known yet becomes a guest.
        invites_guests: bool,
    },
}

/// Who posts, as far as it is known before the body is read, and in which mode.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The user that a credential shows.
    pub user: Option<Username>,
    /// Whether names are taken as given.
    pub open: bool,
    /// The longest message, in characters.
    pub max_content_chars: usize,
    /// What a name is made of for who gives neither one nor a key for the message.
    pub guest: Option<String>,
}

impl Post {
    /// Checks and completes what a client sent; `header` is its `Idempotency-Key`.
    pub fn parse(raw: RawPost, header: Option<&str>, terms: &Terms) -> Result<Self, Rejection> {
        // Fields that are understood but cannot be honoured yet must not be dropped in silence.
        for (field, given) in
            [("file_ids", raw.file_ids.is_some()), ("scheduled_at", raw.scheduled_at.is_some())]
        {
            if given {
                return Err(Rejection::field(
                    field,
                    "not_available",
                    format!("{field} is not available in this version"),
                ));
            }
        }
        let content = content::parse(&raw.content, terms.max_content_chars)?;
        let client_msg_id = client_msg_id::parse(raw.client_msg_id, header)?;
        let claimed = raw.user.map(|user| Username::parse(&user)).transpose()?;
        let sender = match (&terms.user, claimed) {
            (Some(user), Some(claimed)) if user.key() != claimed.key() => {
                return Err(not_you());
            }
            (Some(user), _) => Sender { name: user.clone(), claim: Claim::Shown },
            (None, Some(claimed)) => Sender { name: claimed, claim: Claim::Said },
            (None, None) => {
                let of = client_msg_id.as_deref().or(terms.guest.as_deref());
                Sender { name: Username::guest(of), claim: Claim::MadeUp }
            }
        };
        let target = match (raw.recipient, raw.conversation_id) {
            (None, id) => Target::Conversation(id.unwrap_or_else(|| PUBLIC_ROOM.to_owned())),
            (Some(_), Some(_)) => {
                return Err(Rejection::field(
                    "recipient",
                    "target_ambiguous",
                    "send either recipient or conversation_id",
                ));
            }
            // A private message of nobody could not be answered.
            (Some(_), None) if sender.claim == Claim::MadeUp => {
                return Err(Rejection::field(
                    "user",
                    "user_missing",
                    "a private message needs a sender: say who in user",
                ));
            }
            (Some(recipient), None) => {
                let recipient = Username::parse_field("recipient", &recipient)?;
                Target::Direct { recipient, invites_guests: terms.open }
            }
        };
        let reply_to = raw.reply_to.as_deref().map(str::parse).transpose();
        let reply_to = reply_to.map_err(|error| {
            Rejection::field("reply_to", "invalid_id", format!("reply_to: {error}"))
        })?;
        Ok(Self { sender, target, content, reply_to, client_msg_id, origin: None })
    }

    /// Whether anybody could have posted it: for all, and without a credential.
    pub fn is_anybodys(&self) -> bool {
        self.sender.claim != Claim::Shown
            && matches!(&self.target, Target::Conversation(id) if id == PUBLIC_ROOM)
    }

    /// The conversation that it goes to.
    pub fn conversation_id(&self) -> Cow<'_, str> {
        match &self.target {
            Target::Conversation(id) => Cow::Borrowed(id),
            Target::Direct { recipient, .. } => {
                Cow::Owned(direct_id(self.sender.name.key(), recipient.key()))
            }
        }
    }

    /// Tells whether two posts under the same key are the same post.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        digest.update(self.conversation_id().as_bytes());
        digest.update([0]);
        digest.update(&self.content);
        if let Some(reply_to) = self.reply_to {
            digest.update([0]);
            digest.update(reply_to.to_string());
        }
        hex::encode(digest.finalize())
    }
}

/// A credential for one user, and a name of another one.
pub fn not_you() -> Rejection {
    Rejection::new(
        StatusCode::FORBIDDEN,
        "not_you",
        "your credential is for another user: leave out user, or sign in as them",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(json: &str, header: Option<&str>) -> Result<Post, String> {
        let raw = serde_json::from_str(json).unwrap();
        let terms = Terms { user: None, open: true, max_content_chars: 10, guest: None };
        Post::parse(raw, header, &terms).map_err(|rejection| rejection.code().to_owned())
    }

    #[test]
    fn the_names_of_the_common_protocols_are_understood() {
        for json in [
            r#"{"content":" hi ","user":"Al"}"#,
            r#"{"message":"hi","username":"Al"}"#,
            r#"{"text":"hi","senderId":"Al","conversationId":"public"}"#,
            r#"{"text":"hi","sender":"Al","conversation_id":null,"unknown":1}"#,
        ] {
            let post = parse(json, None).unwrap();
            assert_eq!((post.content.as_str(), post.sender.name.as_str()), ("hi", "Al"), "{json}");
            assert_eq!(post.conversation_id(), "public");
        }
    }

    #[test]
    fn nothing_private_is_posted_in_public() {
        for field in ["recipient", "to", "receiverId"] {
            let json = format!(r#"{{"content":"psst","user":"al","{field}":"Bob"}}"#);
            assert_eq!(parse(&json, None).unwrap().conversation_id(), "dm:al:bob");
            let json = format!(r#"{{"content":"psst","{field}":"bob"}}"#);
            assert_eq!(parse(&json, None).unwrap_err(), "user_missing");
            let json = format!(
                r#"{{"content":"psst","user":"al","{field}":"bob","conversation_id":"public"}}"#
            );
            assert_eq!(parse(&json, None).unwrap_err(), "target_ambiguous");
        }
        assert_eq!(
            parse(r#"{"content":"x","scheduled_at":"2030-01-01"}"#, None).unwrap_err(),
            "not_available"
        );
    }

    #[test]
    fn a_credential_decides_who_posts() {
        let terms = |name| Terms {
            user: Some(Username::parse(name).unwrap()),
            open: true,
            max_content_chars: 10,
            guest: None,
        };
        let raw = |json| serde_json::from_str(json).unwrap();
        let as_al = |json| Post::parse(raw(json), None, &terms("Al"));
        assert_eq!(as_al(r#"{"content":"x"}"#).unwrap().sender.claim, Claim::Shown);
        assert_eq!(as_al(r#"{"content":"x","user":"AL"}"#).unwrap().sender.name.as_str(), "Al");
        assert_eq!(as_al(r#"{"content":"x","user":"bo"}"#).unwrap_err().code(), "not_you");
    }
}
