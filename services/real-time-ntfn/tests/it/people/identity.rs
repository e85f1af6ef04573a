//! Whose a stream is.

use futures_util::future::join_all;
use http_kit::AuthMode;
use reqwest::Method;
use serde_json::json;

use crate::{
    answer::Answer,
    app::{App, connections, cookie},
    desk::Desk,
    stream::Stream,
};

/// Asks for a stream as a browser does, with a header, and gets a refusal all the same.
async fn refusal(app: &App, header: (&str, &str), query: &str) -> (u16, String) {
    let request = app.request(Method::GET, &format!("/events{query}"));
    let request = request.header(header.0, header.1).header("connection", "close");
    Answer::to(request.header("accept", "text/event-stream")).await.refusal()
}

#[tokio::test]
async fn who_is_not_who_they_say_is_refused_for_good() {
    let desk = Desk::start();
    desk.room("lobby");
    let alice = desk.register("Alice");
    let used = desk.ticket(&alice);
    let app = App::start(&desk.url(), &[]);
    app.stream(&format!("?ticket={used}")).await;
    let bearer = format!("Bearer {alice}");
    let (plain, guarded) = (cookie("wrong"), format!("a=b; __Host-{}", cookie("wrong")));
    let none = ("x-nothing", "");
    let long = (0..51).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    for (header, query, expected) in [
        (("authorization", "Bearer wrong"), "", (401, "token_invalid")),
        (("authorization", "Bearer wrong"), "?user=bob", (401, "token_invalid")),
        (("authorization", "Bearer"), "", (401, "token_invalid")),
        (("authorization", "Bearer\u{ff}"), "", (401, "token_invalid")),
        (("authorization", "Bearer \u{ff}"), "", (401, "token_invalid")),
        (("authorization", "Bearer\twrong"), "", (401, "token_invalid")),
        (("cookie", &plain), "", (401, "token_invalid")),
        (("cookie", &guarded), "", (401, "token_invalid")),
        (none, "?ticket=wrong", (401, "token_invalid")),
        (none, &format!("?ticket={used}"), (401, "token_invalid")),
        (none, "?user=alice", (401, "name_registered")),
        (none, "?username=ALICE", (401, "name_registered")),
        (none, "?userId=alice", (401, "name_registered")),
        (("authorization", &bearer), "?user=bob", (403, "not_you")),
        (none, "?rooms=secret", (404, "conversation_not_found")),
        (("authorization", &bearer), "?rooms=public,secret", (404, "conversation_not_found")),
        (none, &format!("?rooms={long}"), (400, "too_many_rooms")),
        (none, "?acks=perhaps", (400, "invalid_query")),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        assert_eq!(refusal(&app, header, query).await, expected, "{header:?} {query}");
    }
    // A token in the query is none: it would stand in logs.
    let nobody = app.stream(&format!("?token={alice}&access_token={alice}")).await;
    let asked = desk.calls("/internal/identify");
    assert_eq!(nobody.greeting["resumed"], json!(false));
    app.stream("?rooms=public&user=").await;
    assert_eq!(desk.calls("/internal/identify"), asked, "nobody needs no asking");
    app.stream("?rooms=lobby").await;
    assert_eq!(desk.calls("/internal/identify"), asked + 1);
    // Who was refused has left nothing behind.
    drop(nobody);
    app.eventually("/metrics", |answer| answer.text().contains("realtalk_streams 0\n")).await;
}

#[tokio::test]
async fn where_a_credential_is_required_a_name_is_none() {
    let desk = Desk::start();
    let alice = desk.register("alice");
    let app = App::start_as(AuthMode::Required, &desk.url(), &[]);
    for query in ["", "?user=bob", "?rooms=lobby", &format!("?token={alice}")] {
        let refusal = refusal(&app, ("x-nothing", ""), query).await;
        assert_eq!(refusal, (401, "token_missing".to_owned()), "{query}");
    }
    for query in ["", "?ticket=wrong"] {
        let answer = app.get(&format!("/presence{query}")).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{query}");
    }
    let answer = app.get("/presence").await;
    assert_eq!(answer.refusal(), (401, "token_missing".to_owned()));
    app.stream_with("authorization", &format!("Bearer {alice}"), "").await;
}

#[tokio::test]
async fn what_is_addressed_to_a_user_reaches_all_their_streams_and_no_others() {
    let desk = Desk::start();
    let bob = desk.register("Bob");
    let app = App::start(&desk.url(), &[]);
    let ticket = format!("?ticket={}", desk.ticket(&bob));
    let mut theirs = [
        app.stream_with("authorization", &format!("bearer {bob}"), "").await,
        app.stream_with("cookie", &cookie(&bob), "?user=bob").await,
        // A browser adds its cookie to everything; a ticket is meant.
        app.stream_with("cookie", &cookie("old"), &ticket).await,
    ];
    let mut sender = app.stream("?user=Alice").await;
    let mut others = [app.stream("").await, app.stream("?user=carol").await];
    let direct = desk.direct("alice", "bob", "between us");
    let public = desk.post("for all");
    desk.tell(&app).await;
    for stream in theirs.iter_mut().chain([&mut sender]) {
        for message in [&direct, &public] {
            loop {
                let block = stream.next_fact().await;
                if block.event.as_deref() != Some("presence") {
                    block.assert_is(message);
                    break;
                }
            }
        }
    }
    for stream in &mut others {
        stream.next_fact().await.assert_is(&public);
    }
}

#[tokio::test]
async fn without_the_message_service_nobody_is_let_in_and_everybody_else_waits() {
    let desk = Desk::start();
    let app = App::start(&desk.url(), &[]);
    app.stream("").await;
    desk.fail("/internal/identify", true);
    app.stream("").await;
    let answer = app.get("/events?user=bob").await;
    assert_eq!(answer.refusal(), (503, "upstream".to_owned()));
    let mut busy = Stream::open(app.request(Method::GET, "/events?user=bob")).await;
    let data = busy.block().await.unwrap().data.unwrap();
    assert_eq!((&data["type"], &data["reason"]), (&json!("busy"), &json!("upstream")));
    assert_eq!(app.get("/presence?user=bob").await.refusal(), (503, "upstream".to_owned()));
    desk.fail("/internal/identify", false);
    app.stream("?user=bob").await;
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_its_cookie() {
    let desk = Desk::start();
    let bob = desk.register("bob");
    let app = App::start(&desk.url(), &[("ALLOWED_ORIGINS", "https://chat.example")]);
    let cookie = cookie(&bob);
    let page = |origin: &str| {
        let request = app.request(Method::GET, "/events").header("origin", origin);
        request.header("cookie", &cookie)
    };
    let stream = Stream::open(page("https://chat.example")).await.ready().await;
    assert_eq!(stream.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(stream.header("access-control-allow-origin"), Some("https://chat.example"));
    let answer = Answer::to(page("https://evil.example")).await;
    assert_eq!(answer.refusal(), (403, "origin_not_allowed".to_owned()));
}

#[tokio::test]
async fn those_who_come_together_are_asked_about_together() {
    let desk = Desk::start();
    let (app, alice) = (App::start(&desk.url(), &[]), desk.register("alice"));
    let _first = app.stream("").await;
    desk.take_at_most("/internal/identify", 600);
    desk.hold("/internal/identify", true);
    let coming = (0..60).map(|number| {
        let query = format!("?user=guest-{number}");
        let app = &app;
        async move { app.stream(&query).await }
    });
    // What is wrong with one is no other's business.
    let refused = ["?user=alice", "?rooms=secret", "?ticket=none"].map(|query| {
        let app = &app;
        async move { refusal(app, ("x-nothing", ""), query).await.1 }
    });
    let bearer = format!("Bearer {alice}");
    let member = app.stream_with("authorization", &bearer, "");
    let release = async {
        // All have come by then: 64 streams on their way, the first one, and who asks this.
        app.eventually("/metrics", |metrics| connections(metrics) >= 66).await;
        desk.hold("/internal/identify", false);
    };
    let (streams, refused, mut member, ()) =
        tokio::join!(join_all(coming), join_all(refused), member, release);
    assert_eq!(refused, ["name_registered", "conversation_not_found", "token_invalid"]);
    assert_eq!(desk.asked_about(), 64);
    // Some went before others had come; the others together, though in parts that pass.
    let calls = desk.calls("/internal/identify");
    assert!((8..40).contains(&calls), "{calls}");
    let public = desk.post("for all");
    desk.tell(&app).await;
    for mut stream in streams {
        stream.next_fact().await.assert_is(&public);
    }
    member.next_fact().await.assert_is(&public);
}
