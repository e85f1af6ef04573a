//! How often one may try.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::sleep;

use super::{PASSWORD, SPELLINGS, open, refused};
use crate::{answer::Answer, app::App};

#[tokio::test]
async fn wrong_passwords_are_counted_by_name_even_on_this_machine() {
    let app = open();
    let token = app.join("alice").await;
    // Right ones do not count.
    for _ in 0..12 {
        assert_eq!(app.sign_in("alice", PASSWORD).await.status, 200);
    }
    let mut wrong = 0;
    loop {
        let answer = app.sign_in(SPELLINGS[wrong % SPELLINGS.len()], "not her password").await;
        assert!(wrong < 100, "they are not refused for long: {answer:?}");
        if answer.status == 401 {
            wrong += 1;
            continue;
        }
        refused(&answer, 429, "rate_limited");
        assert!(wrong >= 10, "{wrong}");
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{seconds}");
        if seconds > 5 {
            break;
        }
        // One more is possible every ten seconds: after that one, what is asked next comes long before.
        sleep(Duration::from_secs(seconds.into())).await;
    }
    // Not the right one either, nor by way of changing it; but whoever is in stays in.
    let answer = app.sign_in("alice", PASSWORD).await;
    refused(&answer, 429, "rate_limited");
    assert_eq!(answer.header("x-ratelimit-limit"), Some("10"));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(answer.header("x-ratelimit-reset"), answer.header("retry-after"));
    let body = json!({"password": "another password", "current_password": PASSWORD});
    let answer = app.send_as(Method::PATCH, "/users/me", Some(&token), body).await;
    refused(&answer, 429, "rate_limited");
    assert_eq!(app.get_as(&token, "/users/me").await.status, 200);
}

#[tokio::test]
async fn an_address_cannot_try_without_end() {
    let app = App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("SIGN_IN_RATE", "5")]);
    let send = async |target: &str, from: &str, name: String| {
        let request = app.request(Method::POST, target).header("x-forwarded-for", from);
        Answer::to(request.json(&json!({"username": name}))).await
    };
    for n in 0..5 {
        let target = if n % 2 == 0 { "/users" } else { "/sessions" };
        assert!(send(target, "203.0.113.9", format!("u{n}")).await.status < 300);
    }
    for target in ["/users", "/sessions"] {
        let answer = send(target, "203.0.113.9", "more".to_owned()).await;
        refused(&answer, 429, "rate_limited");
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(send("/users", "203.0.113.10", "other".to_owned()).await.status, 201);
}
