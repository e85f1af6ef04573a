//! How often one address may change something.

use reqwest::Method;
use serde_json::json;

use crate::{answer::Answer, app::App};

async fn post_from(app: &App, forwarded: &str) -> Answer {
    let request = app.request(Method::POST, "/messages").header("x-forwarded-for", forwarded);
    Answer::to(request.json(&json!({"content": "hi", "user": "alice"}))).await
}

#[tokio::test]
async fn an_address_that_posts_too_often_is_told_when_to_try_again() {
    let app =
        App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("POST_RATE", "1"), ("POST_BURST", "20")]);
    // Faster than a token comes back, whatever else this machine does.
    let posts = (0..60).map(|_| post_from(&app, "203.0.113.9"));
    let answers = futures_util::future::join_all(posts).await;
    let (taken, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert!(taken.len() >= 20 && !refused.is_empty(), "{} taken", taken.len());
    for answer in taken {
        assert_eq!(answer.header("x-ratelimit-limit"), Some("20"));
        let left: u32 = answer.header("x-ratelimit-remaining").unwrap().parse().unwrap();
        assert!(left < 20);
    }
    for answer in refused {
        assert_eq!(answer.refusal(), (429, "rate_limited".to_owned()));
        let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=2).contains(&seconds), "{seconds}");
        assert_eq!(answer.header("x-ratelimit-limit"), Some("20"));
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
        assert_eq!(answer.header("x-ratelimit-reset"), answer.header("retry-after"));
    }
    // Another address has its own allowance, and reading costs nothing.
    assert_eq!(post_from(&app, "203.0.113.10").await.status, 201);
    assert_eq!(app.get("/messages").await.status, 200);
}

#[tokio::test]
async fn what_a_client_writes_in_front_of_its_address_does_not_help_it() {
    let app = App::with(&[
        ("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8"),
        ("POST_RATE", "1"),
        ("POST_BURST", "1"),
    ]);
    let forged = (0..30).map(|n| format!("198.51.100.{n}, 203.0.113.9, 10.0.0.{n}"));
    let posts = forged.map(|forwarded| async { post_from(&app, &{ forwarded }).await.status });
    let statuses = futures_util::future::join_all(posts).await;
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_without_a_trusted_proxy() {
    let app = App::with(&[("POST_RATE", "1"), ("POST_BURST", "1")]);
    for _ in 0..10 {
        let answer = post_from(&app, "203.0.113.9").await;
        assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (201, None));
    }
}

#[tokio::test]
async fn whatever_changes_something_counts_and_reading_does_not() {
    let app =
        App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("POST_RATE", "1"), ("POST_BURST", "1")]);
    let ask = async |method: &Method, path: &str| {
        let request = app.request(method.clone(), path).header("x-forwarded-for", "203.0.113.9");
        Answer::to(request.json(&json!({}))).await
    };
    let changes = [
        (Method::PATCH, "/messages/20240101120000.000000?user=al"),
        (Method::DELETE, "/messages/20240101120000.000000?user=al"),
        (Method::PUT, "/messages/20240101120000.000000/reactions/%F0%9F%91%8D?user=al"),
        (Method::POST, "/conversations/public/read?user=al"),
        (Method::POST, "/conversations/public/typing?user=al"),
        (Method::POST, "/receipts?user=al"),
        (Method::PUT, "/conversations/public/members/al?user=al"),
        (Method::POST, "/tickets"),
        (Method::POST, "/TaskMgt/api/messages"),
    ];
    for (method, path) in &changes {
        let asked = (0..20).map(|_| ask(method, path));
        let answers = futures_util::future::join_all(asked).await;
        let refused = answers.iter().find(|answer| answer.status == 429);
        let refused = refused.unwrap_or_else(|| panic!("{method} {path} was never refused"));
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
        let in_dialect = refused.json()["error"] == refused.json()["detail"];
        assert_eq!(in_dialect, path.starts_with("/TaskMgt"), "{path}");
        assert_eq!(ask(&Method::GET, "/messages").await.status, 200);
    }
}

#[tokio::test]
async fn a_page_may_read_that_it_asked_too_often() {
    let app =
        App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("POST_RATE", "1"), ("POST_BURST", "1")]);
    let posts = (0..20).map(|_| {
        let request = app.request(Method::POST, "/messages").header("origin", "http://localhost:3");
        let request = request.header("x-forwarded-for", "203.0.113.9");
        Answer::to(request.json(&json!({"content": "hi"})))
    });
    let answers = futures_util::future::join_all(posts).await;
    let refused = answers.iter().find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.header("access-control-allow-origin"), Some("http://localhost:3"));
}

#[tokio::test]
async fn a_group_costs_what_its_members_do() {
    let app =
        App::with(&[("TRUSTED_PROXIES", "127.0.0.1"), ("POST_RATE", "1"), ("POST_BURST", "60")]);
    let make = async |count: usize, of: usize, from: &str| {
        let names: Vec<_> = (0..of).map(|n| format!("member-{n}")).collect();
        let body = json!({"kind": "group", "name": "all", "members": names, "user": "alice"});
        let requests = (0..count).map(|_| {
            let request = app.request(Method::POST, "/conversations").json(&body);
            Answer::to(request.header("x-forwarded-for", from))
        });
        futures_util::future::join_all(requests).await
    };
    // Nearly all that there can be at once, each: of five most come too early, whatever else this
    // machine does.
    let large = make(5, 500, "203.0.113.9").await;
    let made = large.iter().filter(|answer| answer.status == 201).count();
    assert!((1..5).contains(&made), "{made} were made");
    let refused = large.iter().find(|answer| answer.status != 201).unwrap();
    assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()));
    assert!(refused.header("retry-after").is_some());
    // What costs more than there can ever be takes half of it; small ones cost what a post does.
    assert_eq!(make(1, 999, "203.0.113.10").await[0].status, 201);
    assert_eq!(make(1, 3, "203.0.113.10").await[0].status, 201);
    // Each member of a large one costs as much.
    let medium = make(5, 16 + 30, "203.0.113.12").await;
    let made = medium.iter().filter(|answer| answer.status == 201).count();
    assert!((1..5).contains(&made), "{made} were made");
    let small = make(50, 3, "203.0.113.11").await;
    assert!(small.iter().all(|answer| answer.status == 201));
}
