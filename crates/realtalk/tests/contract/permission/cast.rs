//! [`Cast`]: everybody who could ask.

use std::{
    collections::HashMap,
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::{
    api::{Api, register, text},
    process::Pair,
};

/// How identities are established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Open,
    Required,
}

/// Somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// Says nothing of themselves.
    Nobody,
    /// Has a name and nothing else.
    Guest,
    /// Is registered, and has nothing to do with any of it.
    Stranger,
    /// Is in the group, and in the direct conversation with the author.
    Member,
    /// Was in the group.
    Former,
    /// Wrote the message, and is in the group.
    Author,
    /// Owns the group and the room.
    Owner,
    /// Has the admin flag, and is in nothing.
    Admin,
    /// Has the operator's token.
    Operator,
    /// Has a token of the author's that has expired.
    Expired,
    /// Has a token of the author's that somebody else has signed.
    Forged,
    /// Has a token of the author's that says that it is not signed.
    Unsigned,
    /// Has a token that was the leaver's before they signed out.
    Revoked,
    /// Has a token of the stranger's and says to be the author.
    Impostor,
    /// Says to be the admin, whose name has a password.
    Thief,
}

impl Who {
    pub(crate) const ALL: [Self; 15] = [
        Self::Nobody,
        Self::Guest,
        Self::Stranger,
        Self::Member,
        Self::Former,
        Self::Author,
        Self::Owner,
        Self::Admin,
        Self::Operator,
        Self::Expired,
        Self::Forged,
        Self::Unsigned,
        Self::Revoked,
        Self::Impostor,
        Self::Thief,
    ];

    /// The name that they go by, if they have one.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::Guest => Some("guest"),
            Self::Stranger | Self::Impostor => Some("stranger"),
            Self::Member => Some("member"),
            Self::Former => Some("former"),
            Self::Author | Self::Expired | Self::Forged | Self::Unsigned => Some("author"),
            Self::Owner => Some("owner"),
            Self::Admin | Self::Thief => Some("admin"),
            Self::Revoked => Some("leaver"),
            Self::Nobody | Self::Operator => None,
        }
    }

    pub(crate) fn has_bad_token(self) -> bool {
        matches!(self, Self::Expired | Self::Forged | Self::Unsigned | Self::Revoked)
    }

    pub(crate) fn has_token(self, mode: Mode) -> bool {
        match self {
            Self::Nobody | Self::Guest | Self::Thief => false,
            Self::Admin | Self::Operator | Self::Impostor => true,
            _ => mode == Mode::Required || self.has_bad_token(),
        }
    }

    /// Whether they are a user to a request that takes their word for it, or does not.
    pub(crate) fn is_user(self, claims: bool) -> bool {
        match self {
            Self::Nobody | Self::Operator => false,
            Self::Thief => claims,
            _ => true,
        }
    }

    pub(crate) fn is_in_group(self) -> bool {
        matches!(self, Self::Member | Self::Author | Self::Owner)
    }

    pub(crate) fn is_in_direct(self) -> bool {
        matches!(self, Self::Member | Self::Author)
    }
}

/// The services with everybody known to them.
pub(crate) struct Cast {
    pub(crate) mode: Mode,
    pub(crate) pair: Pair,
    pub(crate) message: Api,
    pub(crate) notification: Api,
    tokens: HashMap<Who, String>,
}

const KEY: &str = "the key of the tokens in these tests";
const OPERATOR: &str = "the operator of these tests";

impl Cast {
    /// Starts the services and has everybody register who does.
    pub(crate) async fn start(mode: Mode) -> Self {
        let auth = if mode == Mode::Open { "open" } else { "required" };
        let pair = Pair::start(&[
            ("AUTH_MODE", auth),
            ("JWT_SECRET", KEY),
            ("ADMIN_TOKEN", OPERATOR),
            ("POST_RATE", "0"),
            ("SIGN_IN_RATE", "0"),
            ("DURABILITY", "relaxed"),
        ])
        .await;
        let (message, notification) = (Api::of(&pair.message), Api::of(&pair.notification));
        let mut cast = Self { mode, pair, message, notification, tokens: HashMap::new() };
        cast.tokens.insert(Who::Operator, OPERATOR.to_owned());
        for who in [Who::Stranger, Who::Member, Who::Former, Who::Author, Who::Owner, Who::Admin] {
            cast.admit(who).await;
        }
        let leaver = cast.sign_up("leaver").await;
        cast.message.with(&leaver).delete("/sessions/current").await.expect(204);
        let admin = cast.message.with(OPERATOR);
        let flag = json!({"admin": true});
        let body = admin.ask(reqwest::Method::PATCH, "/users/admin", Some(&flag)).await.expect(200);
        assert_eq!(body["admin"], true);
        let author = cast.sign("author", KEY, 600);
        let payload = author.split('.').nth(1).unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        cast.tokens.extend([
            (Who::Revoked, leaver),
            (Who::Expired, cast.sign("author", KEY, -600)),
            (Who::Forged, cast.sign("author", "another key, just as long as the key", 600)),
            (Who::Unsigned, unsigned),
        ]);
        cast.tokens.insert(Who::Impostor, cast.tokens[&cast.accomplice()].clone());
        cast
    }

    async fn admit(&mut self, who: Who) {
        let name = who.name().unwrap();
        if who.has_token(self.mode) {
            let token = self.sign_up(name).await;
            self.tokens.insert(who, token);
        } else {
            register(&self.message, name, None).await;
        }
    }

    async fn sign_up(&self, name: &str) -> String {
        register(&self.message, name, Some(PASSWORD)).await;
        self.sign_in(name).await
    }

    async fn sign_in(&self, name: &str) -> String {
        let body = json!({"username": name, "password": PASSWORD});
        let session: Value = self.message.post("/sessions", body).await.expect(200);
        text(&session["token"]).to_owned()
    }

    /// Signs in again whom somebody has signed out.
    pub(crate) async fn renew(&mut self, who: Who) {
        let own = if who == Who::Impostor { self.accomplice() } else { who };
        if own != Who::Operator {
            let token = self.sign_in(own.name().unwrap()).await;
            self.tokens.insert(own, token);
        }
        self.tokens.insert(Who::Impostor, self.tokens[&self.accomplice()].clone());
    }

    /// Whose token the impostor has.
    fn accomplice(&self) -> Who {
        if self.mode == Mode::Open { Who::Admin } else { Who::Stranger }
    }

    /// A token, good but for its key or its time.
    fn sign(&self, name: &str, key: &str, seconds: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        let claims = json!({"sub": name, "iat": now - 1_200, "exp": now + seconds, "epoch": 0});
        let key = EncodingKey::from_secret(key.as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    }

    /// The token that somebody sends, if they do.
    pub(crate) fn token(&self, who: Who) -> Option<&str> {
        who.has_token(self.mode).then(|| self.tokens[&who].as_str())
    }

    /// The name that somebody says to have, where names are taken as given or would be.
    pub(crate) fn claim(&self, who: Who) -> Option<&'static str> {
        match who {
            Who::Impostor => Some("author"),
            Who::Operator => None,
            _ if self.token(who).is_some() => None,
            who => who.name(),
        }
    }

    /// A service as somebody calls it.
    pub(crate) fn with(&self, api: &Api, who: Who) -> Api {
        self.token(who).map_or_else(|| api.clone(), |token| api.with(token))
    }

    /// Asks the message service as somebody; a JSON object as body gets their claim. Must succeed.
    pub(crate) async fn done(&self, who: Who, method: &str, target: &str, body: Value) -> Value {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut target = target.to_owned();
        let mut body = body;
        if let Some(name) = self.claim(who) {
            target = claimed(&target, name);
            body["user"] = json!(name);
        }
        let answer = self.with(&self.message, who).ask(method, &target, Some(&body)).await;
        assert!((200..300).contains(&answer.status), "{who:?} {target}: {answer:?}");
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }
}

/// The password of everybody who has one.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A target with a claim in its query.
pub(crate) fn claimed(target: &str, name: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!("{target}{separator}user={name}")
}
