//! The cookie, and pages that would act with it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, open, refused, required};
use crate::{
    answer::Answer,
    app::{App, cookie_name},
};

async fn send(
    app: &App,
    method: Method,
    target: &str,
    cookie: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = app.request(method.clone(), target).header("cookie", cookie);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request =
        if method == Method::POST { request.json(&json!({"content": "hi"})) } else { request };
    Answer::to(request).await
}

/// The cookie as a browser sends it back.
fn pair(answer: &Answer) -> String {
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_is_signed_in_by_a_cookie_that_it_cannot_read() {
    let app = required();
    app.register("alice").await;
    let answer = app.sign_in("alice", PASSWORD).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let name = cookie_name();
    let expected = format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=604800");
    assert_eq!(answer.header("set-cookie"), Some(expected.as_str()));
    let cookie = pair(&answer);
    for cookie in [cookie.clone(), format!("a=b; {cookie}; c=d")] {
        let me = send(&app, Method::GET, "/users/me", &cookie, &[]).await;
        assert_eq!((me.status, &me.json()["username"]), (200, &json!("alice")));
        assert_eq!(send(&app, Method::POST, "/messages", &cookie, &[]).await.status, 201);
    }
    // What the client says itself counts for more than what the browser adds.
    let bearer = [("authorization", "Bearer x")];
    refused(&send(&app, Method::GET, "/users/me", &cookie, &bearer).await, 401, "token_invalid");
    let out = send(&app, Method::DELETE, "/sessions/current", &cookie, &[]).await;
    assert_eq!(out.status, 204);
    let cleared = format!("{name}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    let cleared = Some(cleared.as_str());
    assert_eq!(out.header("set-cookie"), cleared);
    // A stale one is taken away when the page asks who it is, so that it can begin anew.
    let stale = send(&app, Method::GET, "/users/me", &cookie, &[]).await;
    refused(&stale, 401, "token_invalid");
    assert_eq!(stale.header("set-cookie"), cleared);
}

#[tokio::test]
async fn a_late_refusal_does_not_take_a_newer_cookie_away() {
    let app = required();
    app.register("alice").await;
    let cookie = pair(&app.sign_in("alice", PASSWORD).await);
    let out = send(&app, Method::DELETE, "/sessions/current", &cookie, &[]).await;
    assert_eq!(out.status, 204);
    for (method, target) in [
        (Method::GET, "/conversations"),
        (Method::POST, "/messages"),
        (Method::DELETE, "/sessions/current"),
    ] {
        let late = send(&app, method, target, &cookie, &[]).await;
        refused(&late, 401, "token_invalid");
        assert_eq!(late.header("set-cookie"), None, "{target}");
    }
    // Nor does a refused token in the header take the cookie that comes with it.
    let cookie = pair(&app.sign_in("alice", PASSWORD).await);
    let bearer = [("authorization", "Bearer x")];
    let late = send(&app, Method::GET, "/users/me", &cookie, &bearer).await;
    refused(&late, 401, "token_invalid");
    assert_eq!(late.header("set-cookie"), None);
}

#[tokio::test]
async fn over_https_no_other_host_can_set_it() {
    let app = App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("AUTH_MODE", "required")]);
    app.register("alice").await;
    let body = json!({"username": "alice", "password": PASSWORD});
    let https = [("x-forwarded-proto", "https")];
    let request = app.request(Method::POST, "/sessions").header(https[0].0, https[0].1);
    let answer = Answer::to(request.json(&body)).await;
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    let name = cookie_name();
    let expected = format!(
        "__Host-{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=604800; \
         Secure"
    );
    assert_eq!(answer.header("set-cookie"), Some(expected.as_str()));
    let (guarded, plain) = (pair(&answer), format!("{name}={token}"));
    assert_eq!(send(&app, Method::GET, "/users/me", &guarded, &https).await.status, 200);
    refused(&send(&app, Method::GET, "/users/me", &plain, &https).await, 401, "token_missing");
    refused(&send(&app, Method::GET, "/users/me", &guarded, &[]).await, 401, "token_missing");
    // A client that is no trusted proxy cannot say that it came by HTTPS.
    let app = required();
    app.register("alice").await;
    let request = app.request(Method::POST, "/sessions").header(https[0].0, https[0].1);
    assert!(pair(&Answer::to(request.json(&body)).await).starts_with(&format!("{name}=")));
}

#[tokio::test]
async fn two_deployments_on_one_host_do_not_sign_each_other_out() {
    // Cookies know no ports: what the second sets, the browser sends to the first too.
    let one = required();
    let other =
        App::with(&[("INTERNAL_SECRET", "another secret, not theirs"), ("AUTH_MODE", "required")]);
    let mut cookies = Vec::new();
    for app in [&one, &other] {
        app.register("alice").await;
        let cookie = pair(&app.sign_in("alice", PASSWORD).await);
        let name = format!("{}=", cookie.split('=').next().unwrap());
        cookies.retain(|known: &String| !known.starts_with(&name));
        cookies.push(cookie);
    }
    for app in [&one, &other] {
        let me = send(app, Method::GET, "/users/me", &cookies.join("; "), &[]).await;
        assert_eq!(me.status, 200, "{cookies:?}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_do_not_act_with_it() {
    let own = |app: &App| format!("http://{}", app.address);
    for (setting, allowed) in [
        ("", &["http://localhost:5173", "http://127.0.0.1:1"][..]),
        ("https://chat.example,null", &["https://chat.example"]),
        ("*", &[]),
    ] {
        let app = App::with(&[("ALLOWED_ORIGINS", setting)]);
        app.register("alice").await;
        let cookie = pair(&app.sign_in("alice", PASSWORD).await);
        let post = async |headers: &[(&str, &str)]| {
            send(&app, Method::POST, "/messages", &cookie, headers).await
        };
        let foreign = [
            "https://evil.example",
            "null",
            "http://127.0.0.1.evil.example",
            "https://evil-chat.example",
            "http://chat.example",
            "https://chat.example:444",
        ];
        for origin in foreign {
            let answer = post(&[("origin", origin)]).await;
            refused(&answer, 403, "origin_not_allowed");
            let out = [("origin", origin)];
            let out = send(&app, Method::DELETE, "/sessions/current", &cookie, &out).await;
            refused(&out, 403, "origin_not_allowed");
        }
        refused(&post(&[("sec-fetch-site", "cross-site")]).await, 403, "origin_not_allowed");
        for origin in allowed.iter().map(|origin| (*origin).to_owned()).chain([own(&app)]) {
            assert_eq!(post(&[("origin", &origin)]).await.status, 201, "{setting} {origin}");
        }
        assert_eq!(post(&[]).await.status, 201);
        // Reading changes nothing, and CORS keeps the answer from the page.
        let read = [("origin", "https://evil.example")];
        assert_eq!(send(&app, Method::GET, "/users/me", &cookie, &read).await.status, 200);
    }
}

#[tokio::test]
async fn a_token_in_the_header_is_no_browsers_doing() {
    let app = open();
    let token = app.join("alice").await;
    let request = app.request(Method::POST, "/messages").bearer_auth(token);
    let request = request.header("origin", "https://evil.example").json(&json!({"content": "x"}));
    assert_eq!(Answer::to(request).await.status, 201);
    let answer = app.send_as(Method::POST, "/tickets?user=guest", None, Value::Null).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (201, None));
}
