//! What admins may do.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN_TOKEN, PASSWORD, open, refused};

#[tokio::test]
async fn admins_make_admins_and_deactivate() {
    let app = open();
    let (alice, bob) = (app.join("alice").await, app.join("bob").await);
    let patch = async |token: Option<&str>, target: &str, body: Value| {
        app.send_as(Method::PATCH, target, token, body).await
    };
    for target in ["/users/bob", "/users/nobody"] {
        let answer = patch(Some(&alice), target, json!({"deactivated": true})).await;
        refused(&answer, 403, "forbidden");
        let answer = patch(None, target, json!({"admin": true})).await;
        refused(&answer, 403, "forbidden");
    }
    let answer = patch(Some(ADMIN_TOKEN), "/users/Alice", json!({"admin": true})).await;
    assert_eq!((answer.status, &answer.json()["admin"]), (200, &json!(true)));
    assert_eq!(app.get_as(&alice, "/users/me").await.json()["admin"], json!(true));
    let nobody = patch(Some(&alice), "/users/nobody", json!({"admin": true})).await;
    refused(&nobody, 404, "user_not_found");

    let answer = patch(Some(&alice), "/users/bob", json!({"deactivated": true})).await;
    assert_eq!((answer.status, &answer.json()["deactivated"]), (200, &json!(true)));
    refused(&app.get_as(&bob, "/users/me").await, 401, "token_invalid");
    refused(&app.identify(json!({"token": bob})).await, 401, "token_invalid");
    refused(&app.sign_in("bob", PASSWORD).await, 403, "deactivated");
    // Only those are told who know the password.
    refused(&app.sign_in("bob", "not his password").await, 401, "credentials_wrong");
    let post = app.post(json!({"content": "hi", "user": "bob"})).await;
    refused(&post, 401, "name_registered");
    let found = app.get("/users?q=bob").await.json();
    assert_eq!(found, json!([]));

    let answer = patch(Some(&alice), "/users/bob", json!({"deactivated": false})).await;
    assert_eq!(answer.status, 200);
    refused(&app.get_as(&bob, "/users/me").await, 401, "token_invalid");
    assert_eq!(app.sign_in("bob", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_name_that_anybody_can_use_is_no_admins() {
    let app = open();
    app.post(json!({"content": "hi", "user": "guest"})).await;
    let body = json!({"admin": true});
    let answer = app.send_as(Method::PATCH, "/users/guest", Some(ADMIN_TOKEN), body).await;
    refused(&answer, 422, "admin_without_password");
    // A guest can be silenced all the same.
    let body = json!({"deactivated": true});
    let answer = app.send_as(Method::PATCH, "/users/guest", Some(ADMIN_TOKEN), body).await;
    assert_eq!(answer.status, 200);
    let post = app.post(json!({"content": "hi", "user": "Guest"})).await;
    refused(&post, 401, "name_registered");
    let session = app.send_as(Method::POST, "/sessions", None, json!({"username": "guest"})).await;
    refused(&session, 401, "name_registered");
}
