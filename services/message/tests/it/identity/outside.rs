//! An outside issuer's tokens.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use super::{refused, tokens::now};
use crate::app::App;

const ED: &str = include_str!("keys/ed25519.pem");
const ED_PUBLIC: &str = include_str!("keys/ed25519.pub.pem");
const OTHER_ED: &str = include_str!("keys/other.pem");
const RSA: &str = include_str!("keys/rsa.pem");
const RSA_PUBLIC: &str = include_str!("keys/rsa.pub.pem");

fn ed(pem: &str, claims: &Value) -> String {
    let key = EncodingKey::from_ed_pem(pem.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::EdDSA), claims, &key).unwrap()
}

fn rsa(algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn with_key(mode: &str, pem: &str) -> App {
    App::with(&[("AUTH_MODE", mode), ("JWT_PUBLIC_KEY", pem)])
}

#[tokio::test]
async fn its_users_are_known_from_their_first_token_on() {
    let claims = json!({"sub": "Alice", "exp": now() + 3_600, "iat": now(), "aud": "anyone"});
    for (pem, token) in [(ED_PUBLIC, ed(ED, &claims)), (RSA_PUBLIC, rsa(Algorithm::RS256, &claims))]
    {
        let app = with_key("required", pem);
        let me = app.get_as(&token, "/users/me").await;
        assert_eq!((me.status, &me.json()["kind"]), (200, &json!("member")), "{me:?}");
        assert_eq!(me.json()["username"], json!("Alice"));
        let identified = app.identify(json!({"token": token, "rooms": ["public"]})).await.json();
        assert_eq!(identified["user"], json!({"name": "Alice", "key": "alice"}));
        assert_eq!(identified["expires_at"], claims["exp"]);
        let said =
            app.send_as(Method::POST, "/messages", Some(&token), json!({"content": "x"})).await;
        assert_eq!((said.status, &said.json()["user"]), (201, &json!("Alice")));
    }
}

#[tokio::test]
async fn only_its_key_and_its_algorithm_count() {
    let claims = json!({"sub": "alice", "exp": now() + 3_600});
    let by_public_key = |pem: &str| {
        let key = EncodingKey::from_secret(pem.as_bytes());
        encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    };
    let expired = json!({"sub": "alice", "exp": now() - 60});
    let endless = json!({"sub": "alice"});
    let app = with_key("required", ED_PUBLIC);
    for (token, why) in [
        (by_public_key(ED_PUBLIC), "HS256 with the public key as the secret"),
        (by_public_key(ED_PUBLIC.trim()), "the same, trimmed"),
        (ed(OTHER_ED, &claims), "another key"),
        (rsa(Algorithm::RS256, &claims), "another algorithm"),
        (ed(ED, &expired), "expired"),
        (ed(ED, &endless), "without an end"),
    ] {
        let answer = app.get_as(&token, "/users/me").await;
        assert_eq!(answer.refusal(), (401, "token_invalid".to_owned()), "{why}");
    }
    let app = with_key("required", RSA_PUBLIC);
    for (token, why) in [
        (by_public_key(RSA_PUBLIC), "HS256 with the public key as the secret"),
        (rsa(Algorithm::RS512, &claims), "another algorithm of the family"),
        (rsa(Algorithm::PS256, &claims), "another padding"),
        (ed(ED, &claims), "another key"),
    ] {
        let answer = app.get_as(&token, "/users/me").await;
        assert_eq!(answer.refusal(), (401, "token_invalid".to_owned()), "{why}");
    }
}

#[tokio::test]
async fn nobody_signs_in_here() {
    for app in [with_key("required", ED_PUBLIC), with_key("open", ED_PUBLIC)] {
        let body = json!({"username": "alice", "password": super::PASSWORD});
        for target in ["/users", "/sessions"] {
            let answer = app.send_as(Method::POST, target, None, body.clone()).await;
            refused(&answer, 403, "sign_in_elsewhere");
        }
        let answer = app.send_as(Method::POST, "/sessions", None, json!({"username": "x"})).await;
        refused(&answer, 403, "sign_in_elsewhere");
        let token = ed(ED, &json!({"sub": "alice", "exp": now() + 3_600}));
        let answer = app.send_as(Method::PATCH, "/users/me", Some(&token), body).await;
        refused(&answer, 403, "sign_in_elsewhere");
    }
}

#[tokio::test]
async fn it_says_who_is_an_admin() {
    let app = with_key("required", ED_PUBLIC);
    let me = async |claim: Value| {
        let mut claims = json!({"sub": "alice", "exp": now() + 3_600});
        claims.as_object_mut().unwrap().extend(claim.as_object().unwrap().clone());
        app.get_as(&ed(ED, &claims), "/users/me").await.json()["admin"].clone()
    };
    for (claim, admin) in [
        (json!({"role": "admin"}), true),
        (json!({"admin": true}), true),
        (json!({"role": "user", "admin": false}), false),
        (json!({"role": ["admin"], "admin": "true"}), false),
        (json!({}), false),
    ] {
        assert_eq!(me(claim.clone()).await, json!(admin), "{claim}");
    }
}

#[tokio::test]
async fn a_sign_out_voids_what_it_issued_before() {
    let app = with_key("required", ED_PUBLIC);
    // An epoch means nothing there.
    let at =
        |iat: u64| ed(ED, &json!({"sub": "alice", "exp": now() + 3_600, "iat": iat, "epoch": 9}));
    let token = at(now() - 1);
    let sign_out =
        app.send_as(Method::DELETE, "/sessions/current", Some(&token), Value::Null).await;
    assert_eq!(sign_out.status, 204, "{sign_out:?}");
    refused(&app.get_as(&token, "/users/me").await, 401, "token_invalid");
    assert_eq!(app.get_as(&at(now() + 3), "/users/me").await.status, 200);
}

#[tokio::test]
async fn tokens_for_others_are_refused_where_an_audience_is_set() {
    let app = App::with(&[
        ("AUTH_MODE", "required"),
        ("JWT_PUBLIC_KEY", &ED_PUBLIC.replace('\n', "\\n")),
        ("JWT_AUDIENCE", "realtalk"),
    ]);
    let token = |aud: Value| ed(ED, &json!({"sub": "alice", "exp": now() + 3_600, "aud": aud}));
    for (aud, status) in [
        (json!("realtalk"), 200),
        (json!(["else", "realtalk"]), 200),
        (json!("else"), 401),
        (json!([]), 401),
        (json!(null), 401),
    ] {
        let answer = app.get_as(&token(aud.clone()), "/users/me").await;
        assert_eq!(answer.status, status, "{aud}");
    }
    let token = ed(ED, &json!({"sub": "alice", "exp": now() + 3_600}));
    refused(&app.get_as(&token, "/users/me").await, 401, "token_invalid");
}

#[tokio::test]
async fn a_name_that_it_has_vouched_for_needs_a_token_in_open_mode_too() {
    let app = with_key("open", ED_PUBLIC);
    // One was there before as a guest, on a device that has a stream.
    app.post(json!({"content": "hi", "user": "bob"})).await;
    let before = app.identify(json!({"username": "bob"})).await.json();
    for name in ["Alice", "bob"] {
        let token = ed(ED, &json!({"sub": name, "exp": now() + 3_600, "iat": now()}));
        let body = json!({"content": "mine", "recipient": "carol"});
        // Twice: being vouched for does not void the token that says so.
        for content in ["mine", "mine too"] {
            let mut body = body.clone();
            body["content"] = json!(content);
            let said = app.send_as(Method::POST, "/messages", Some(&token), body).await;
            assert_eq!(said.status, 201, "{said:?}");
        }
        let me = app.get_as(&token, "/users/me").await.json();
        assert_eq!(me["kind"], json!("member"), "{me}");
        for answer in [
            app.post(json!({"content": "fake", "user": name})).await,
            app.get(&format!("/messages?user={name}&recipient=carol")).await,
            app.get(&format!("/users/me?user={name}")).await,
            app.send_as(Method::POST, "/tickets", None, json!({"user": name})).await,
            app.identify(json!({"username": name})).await,
        ] {
            refused(&answer, 401, "name_registered");
        }
    }
    // The guest's streams have ended with that.
    let events = app.events_after("19700101000000.000000").await;
    let ended: Vec<_> = events.iter().filter(|(kind, ..)| kind == "session").collect();
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(ended[0].2["user"], json!("bob"));
    assert!(ended[0].2["epoch"].as_u64() > before["epoch"].as_u64());
    // Others are guests as before.
    assert_eq!(app.post(json!({"content": "hi", "user": "carol"})).await.status, 201);
}
