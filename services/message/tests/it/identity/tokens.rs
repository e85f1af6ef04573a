//! Tokens that are not what they seem.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{JWT_SECRET, open, refused};
use crate::app::App;

pub(super) fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

fn signed(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn own(claims: &Value) -> String {
    signed(claims, Algorithm::HS256, JWT_SECRET)
}

fn part(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Refused on every way in.
async fn assert_refused(app: &App, token: &str, why: &str) {
    let answer = app.get_as(token, "/users/me").await;
    assert_eq!(answer.refusal(), (401, "token_invalid".to_owned()), "{why}");
    let answer = app.identify(json!({"token": token, "rooms": ["public"]})).await;
    assert_eq!(answer.refusal(), (401, "token_invalid".to_owned()), "{why}");
}

#[tokio::test]
async fn forged_and_broken_tokens_are_refused() {
    let app = open();
    let token = app.join("alice").await;
    let good = json!({"sub": "alice", "exp": now() + 3_600, "iat": now(), "epoch": 1});
    assert_eq!(app.get_as(&own(&good), "/users/me").await.status, 200);
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        own(&claims)
    };
    let without = |field: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(field);
        own(&claims)
    };
    let from_the_future = own(&json!({"sub": "alice", "exp": now() + 7_200, "iat": now() + 3_600}));
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let none = part(&json!({"alg": "none", "typ": "JWT"}));
    let bobs = part(&json!({"sub": "bob", "exp": now() + 3_600, "epoch": 0}));
    let jwk = json!({"kty": "oct", "k": BASE64_URL_SAFE_NO_PAD.encode("mine"), "alg": "HS256"});
    let mut with_key = Header::new(Algorithm::HS256);
    with_key.jwk = serde_json::from_value(jwk).ok();
    assert!(with_key.jwk.is_some());
    let own_key = encode(&with_key, &good, &EncodingKey::from_secret(b"mine")).unwrap();
    for (token, why) in [
        (format!("{none}.{payload}."), "no signature"),
        (format!("{none}.{payload}.{signature}"), "alg none, another token's signature"),
        (format!("{header}.{payload}."), "the signature is left out"),
        (format!("{header}.{payload}"), "two parts"),
        (format!("{token}.x"), "four parts"),
        (format!("{header}.{bobs}.{signature}"), "another payload"),
        (format!("{header}.{payload}.{}", part(&json!("x"))), "another signature"),
        (signed(&good, Algorithm::HS256, "another secret, of the same kind"), "another secret"),
        (signed(&good, Algorithm::HS512, JWT_SECRET), "another algorithm of the family"),
        (own_key, "a key that the token brings along"),
        (with("exp", json!(now() - 3_600)), "expired"),
        (with("exp", json!("tomorrow")), "exp is no number"),
        (with("exp", json!(-1)), "exp is negative"),
        (without("exp"), "no exp"),
        (with("nbf", json!(now() + 3_600)), "not yet"),
        (from_the_future, "from the future, and of no epoch"),
        (without("sub"), "no sub"),
        (with("sub", json!("")), "an empty sub"),
        (with("sub", json!(7)), "sub is no text"),
        (with("sub", json!("a:b")), "sub is no name"),
        (with("sub", json!("nobody")), "nobody of that name"),
        (with("epoch", json!(0)), "an earlier epoch"),
        (with("epoch", json!(2)), "a later epoch"),
        (with("epoch", json!("1")), "epoch is no number"),
        (with("padding", json!("x".repeat(10_000))), "too long"),
    ] {
        assert_refused(&app, &token, why).await;
    }
    // The clock has been set back since.
    assert_eq!(app.get_as(&with("iat", json!(now() + 3_600)), "/users/me").await.status, 200);
    assert_eq!(app.get_as(&token, "/users/me").await.status, 200);
}

#[tokio::test]
async fn a_token_of_a_megabyte_hurts_nobody() {
    let app = open();
    let token = own(&json!({"sub": "alice", "exp": now() + 3_600, "x": "x".repeat(750_000)}));
    assert!(token.len() > 1_000_000);
    let mut wire = app.wire();
    let head =
        format!("GET /users HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n");
    // The service need not read it to its end.
    wire.send(head.as_bytes()).ok();
    drop(wire);
    // Nor does whoever is asked about it for another client: that one is not to come back with it.
    let answer = app.identify(json!({"token": token})).await;
    refused(&answer, 401, "token_invalid");
    assert_eq!(app.get("/users").await.status, 200);
}

#[tokio::test]
async fn who_shares_the_secret_can_issue_tokens_which_a_sign_out_voids_by_their_time() {
    let app = open();
    let token = app.join("alice").await;
    // Registering with a password began the first epoch just now.
    let claims = |iat: Value| json!({"sub": "alice", "exp": now() + 3_600, "iat": iat});
    let before = own(&claims(json!(now() - 30)));
    let after = own(&claims(json!(now() + 3)));
    let never = own(&json!({"sub": "alice", "exp": now() + 3_600}));
    assert_refused(&app, &before, "issued before the sign-out").await;
    assert_refused(&app, &never, "issued nobody knows when").await;
    assert_eq!(app.get_as(&after, "/users/me").await.status, 200);
    // The holder of the secret cannot make admins: the service keeps its own accounts.
    let mut admin = claims(json!(now() + 3));
    admin["admin"] = json!(true);
    let answer = app.get_as(&own(&admin), "/users/me").await;
    assert_eq!((answer.status, &answer.json()["admin"]), (200, &json!(false)));
    assert_eq!(app.get_as(&token, "/users/me").await.status, 200);
}

#[tokio::test]
async fn the_generated_secret_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[]);
    let token = app.join("alice").await;
    drop(app);
    let app = App::on(folder.path(), &[]);
    assert_eq!(app.get_as(&token, "/users/me").await.status, 200);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(folder.path().join("jwt.secret")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_session_lasts_as_long_as_configured() {
    let app = App::with(&[("TOKEN_TTL_SECS", "300"), ("JWT_SECRET", JWT_SECRET)]);
    app.register("alice").await;
    let answer = app.sign_in("alice", super::PASSWORD).await;
    assert!(answer.header("set-cookie").unwrap().contains("; Max-Age=300"));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let identified = app.identify(json!({"token": token})).await.json();
    let expires_at = identified["expires_at"].as_u64().unwrap();
    assert!((now() + 240..=now() + 300).contains(&expires_at), "{expires_at}");
    assert_eq!(identified["user"], json!({"name": "alice", "key": "alice"}));
    assert_eq!(identified["authenticated"], json!(true));
}

#[test]
fn one_changed_character_makes_a_token_invalid() {
    let issuer = message_service::config::Issuer::Own(common::Secret::parse(JWT_SECRET).unwrap());
    let ttl = std::time::Duration::from_secs(60);
    let tokens = message_service::identity::token::Tokens::new(&issuer, ttl);
    let user = common::internal::UserRef { name: "Alice".into(), key: "alice".into() };
    let token = tokens.issue(&user, 3).unwrap().token;
    assert_eq!(tokens.verify(&token).unwrap().epoch, Some(3));
    proptest!(|(at in 0..token.len(), byte in proptest::char::range(' ', '~'))| {
        let mut forged: Vec<char> = token.chars().collect();
        let changed = forged[at] != byte;
        forged[at] = byte;
        let forged: String = forged.into_iter().collect();
        prop_assert_eq!(tokens.verify(&forged).is_err(), changed);
    });
    proptest!(|(junk in "\\PC{0,200}")| {
        prop_assert!(tokens.verify(&junk).is_err());
    });
}
