//! Streams end with the sessions that they belong to.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    deadline::until,
    line::{Address, End, Line, Way},
    person::Person,
    process::Pair,
};

const OPERATOR: &str = "the operator of the tests";
const REAUTHENTICATE: u16 = 4001;

async fn start(settings: &[(&str, &str)]) -> Pair {
    let mut all = vec![("AUTH_MODE", "required"), ("ADMIN_TOKEN", OPERATOR)];
    all.extend(settings);
    Pair::start(&all).await
}

/// Streams of a session, over both ways and with a ticket.
async fn streams(pair: &Pair, person: &Person) -> Vec<Line> {
    let port = pair.notification.port();
    let mut lines = Vec::new();
    for way in [Way::Sse, Way::WebSocket] {
        lines.push(Address::bearing(way, port, person.token().unwrap()).ready().await.0);
        let ticket = person.must(Method::POST, "/tickets", json!({})).await;
        let ticket = ticket["ticket"].as_str().unwrap();
        let mut address = Address::of(way, port, "");
        address.query = format!("ticket={ticket}&history=0");
        lines.push(address.ready().await.0);
    }
    lines
}

/// Every stream ends, and says why right before.
async fn ended(lines: Vec<Line>, reason: &str) {
    for mut line in lines {
        let (events, end) = line.rest().await;
        let last = events.last().unwrap_or(&Value::Null);
        assert_eq!(last, &json!({"type": "reauth", "reason": reason}));
        match line {
            Line::Sse(_) => assert_eq!(end, End::Closed(None)),
            Line::WebSocket(_) => assert_eq!(end, End::Closed(Some(REAUTHENTICATE))),
        }
    }
}

/// A stream of this session is not granted.
async fn refused(pair: &Pair, person: &Person) {
    for way in [Way::Sse, Way::WebSocket] {
        let address = Address::bearing(way, pair.notification.port(), person.token().unwrap());
        let Err(error) = address.open().await else {
            panic!("a stream of a session that has ended");
        };
        assert!(error.to_string().contains("401"), "{error}");
    }
}

#[tokio::test]
async fn signing_out_ends_all_streams_of_the_user_and_of_nobody_else() {
    let pair = start(&[]).await;
    let port = pair.message.port();
    let (alice, bob) =
        (Person::registered(port, "alice").await, Person::registered(port, "bob").await);
    let other = alice.signed_in().await;
    let mut lines = streams(&pair, &alice).await;
    lines.extend(streams(&pair, &other).await);
    let bobs = streams(&pair, &bob).await;
    alice.must(Method::DELETE, "/sessions/current", Value::Null).await;
    ended(lines, "signed_out").await;
    refused(&pair, &alice).await;
    refused(&pair, &other).await;
    // Who signs in again has streams again, and those of others were not touched.
    let again = streams(&pair, &alice.signed_in().await).await;
    let message = bob.say("public", "still here", "1").await;
    for mut line in again.into_iter().chain(bobs) {
        assert_eq!(line.find("message").await["id"], message["id"]);
    }
}

#[tokio::test]
async fn deactivating_a_user_ends_their_streams() {
    let pair = start(&[]).await;
    let bob = Person::registered(pair.message.port(), "bob").await;
    let lines = streams(&pair, &bob).await;
    let operator = bob.bearing(OPERATOR);
    operator.must(Method::PATCH, "/users/bob", json!({"deactivated": true})).await;
    ended(lines, "deactivated").await;
    refused(&pair, &bob).await;
}

#[tokio::test]
async fn a_new_password_ends_streams() {
    let pair = start(&[]).await;
    let bob = Person::registered(pair.message.port(), "bob").await;
    let lines = streams(&pair, &bob).await;
    let change = json!({"current_password": "correct horse", "password": "battery staple"});
    bob.must(Method::PATCH, "/users/me", change).await;
    ended(lines, "signed_out").await;
    refused(&pair, &bob).await;
}

#[tokio::test]
async fn signing_out_ends_streams_of_a_restarted_notification_service() {
    let mut pair = start(&[]).await;
    let alice = Person::registered(pair.message.port(), "alice").await;
    drop(streams(&pair, &alice).await);
    pair.notification.kill();
    pair.notification.spawn();
    pair.wait_ready().await;
    let lines = streams(&pair, &alice).await;
    alice.must(Method::DELETE, "/sessions/current", Value::Null).await;
    ended(lines, "signed_out").await;
}

#[tokio::test]
async fn signing_out_counts_while_the_notification_service_is_down() {
    let mut pair = start(&[]).await;
    let alice = Person::registered(pair.message.port(), "alice").await;
    drop(streams(&pair, &alice).await);
    pair.notification.kill();
    alice.must(Method::DELETE, "/sessions/current", Value::Null).await;
    pair.notification.spawn();
    pair.wait_ready().await;
    refused(&pair, &alice).await;
}

/// The service that keeps the sessions dies right after it has ended one, before it can say so.
#[tokio::test]
async fn signing_out_ends_streams_even_if_the_message_service_is_killed() {
    let mut pair = start(&[]).await;
    let alice = Person::registered(pair.message.port(), "alice").await;
    let lines = streams(&pair, &alice).await;
    pair.notification.stop();
    alice.must(Method::DELETE, "/sessions/current", Value::Null).await;
    pair.message.kill();
    pair.notification.resume();
    pair.message.spawn();
    pair.wait_ready().await;
    // Its first push, or the next look into the log, tells.
    ended(lines, "signed_out").await;
}

#[tokio::test]
async fn streams_end_when_their_token_expires() {
    // As soon as this machine can: a token has to last until its streams stand.
    let mut seconds = 1;
    let (pair, alice, lines) = loop {
        seconds *= 2;
        let pair = start(&[("TOKEN_TTL_SECS", &seconds.to_string())]).await;
        let alice = Person::registered(pair.message.port(), "alice").await;
        if let Some(lines) = until_expired(&pair, &alice, seconds).await {
            break (pair, alice, lines);
        }
    };
    ended(lines, "expired").await;
    until("the token is refused", async || {
        let answer = alice.call(Method::GET, "/users/me", None).await;
        (answer.status == 401).then_some(())
    })
    .await;
    refused(&pair, &alice).await;
}

/// A stream of each kind, whose tokens end in some seconds; none if they have ended already.
async fn until_expired(pair: &Pair, alice: &Person, seconds: u64) -> Option<Vec<Line>> {
    let mut lines = Vec::new();
    for way in [Way::Sse, Way::WebSocket] {
        let signing = Instant::now();
        let fresh = alice.signed_in().await;
        let address = Address::bearing(way, pair.notification.port(), fresh.token().unwrap());
        match address.open().await {
            Ok(line) => lines.push(line),
            Err(error) => {
                // A second at most is lost to rounding.
                assert!(signing.elapsed() >= Duration::from_secs(seconds - 1), "{error}");
                return None;
            }
        }
    }
    Some(lines)
}
