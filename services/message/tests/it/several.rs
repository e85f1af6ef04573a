//! Several services on one database, behind whatever balances between them. Only by
//! `scripts/with-postgres.sh`: a file has one.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{app::App, database, identity::PASSWORD, rows::Rows};

/// Two of them, and the folder that stands for their database; nothing without a server.
fn two(settings: &[(&str, &str)]) -> Option<(App, App, TempDir)> {
    database::server()?;
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [0, 1].map(|_| App::on(folder.path(), settings));
    Some((one, other, folder))
}

#[tokio::test]
async fn what_is_posted_to_either_is_one_history_in_the_order_of_ids() {
    const POSTS: usize = 200;
    let Some((one, other, _folder)) = two(&[]) else { return };
    let apps = [&one, &other];
    let posts = (0..POSTS).map(|n| {
        // Every third is sent to both: a client that got no answer from the first.
        let key = format!("key-{n}");
        let body = json!({"content": n.to_string(), "user": "alice", "client_msg_id": key});
        let to = if n % 3 == 0 { &apps[..] } else { &apps[n % 2..=n % 2] };
        join_all(to.iter().map(move |app| app.post(body.clone())))
    });
    let answers = join_all(posts).await;
    let mut acknowledged = Vec::new();
    for answers in &answers {
        let messages: Vec<_> = answers.iter().map(|answer| answer.json()).collect();
        assert!(messages.iter().all(|message| message == &messages[0]), "{messages:?}");
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        acknowledged.push(messages[0].clone());
    }
    acknowledged.sort_by_key(|message| message["seq"].as_u64());
    let seqs: Vec<_> =
        acknowledged.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=POSTS as u64).collect::<Vec<_>>());
    assert!(acknowledged.is_sorted_by(|a, b| a["id"].as_str() < b["id"].as_str()));
    for app in apps {
        assert_eq!(app.list("?limit=200").await, acknowledged);
    }
}

#[tokio::test]
async fn a_list_of_one_goes_on_where_the_other_has_posted() {
    let Some((one, other, _folder)) = two(&[]) else { return };
    let posted = one.say("hello").await;
    let list = other.get("/messages").await;
    assert_eq!(list.json(), json!([posted]));
    let cursor = list.header("x-event-cursor").unwrap().to_owned();
    let page = other.get(&format!("/sync?after={cursor}")).await.json();
    assert_eq!(page["events"], json!([]), "what was listed already comes again");
    let next = one.say("again").await;
    let page = other.get(&format!("/sync?after={cursor}")).await.json();
    assert_eq!(page["events"], json!([next]));
}

#[tokio::test]
async fn a_ticket_of_one_opens_one_stream_at_either() {
    let Some((one, other, _folder)) = two(&[]) else { return };
    let answer = one.send_as(Method::POST, "/tickets", None, json!({"user": "guest"})).await;
    let ticket = answer.json()["ticket"].clone();
    let tries = (0..20).map(|n| [&one, &other][n % 2].identify(json!({"ticket": ticket})));
    let answers = join_all(tries).await;
    let opened = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!((opened, refused), (1, 19));
}

#[tokio::test]
async fn wrong_passwords_are_counted_together() {
    let Some((one, other, _folder)) = two(&[]) else { return };
    one.join("alice").await;
    let (mut wrong, mut refused) = (0, 0);
    for n in 0..20 {
        match [&one, &other][n % 2].sign_in("alice", "not the password").await.status {
            401 => wrong += 1,
            429 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert_eq!((wrong, refused), (10, 10));
    // Nor does a right one get past it, from where nobody has signed in.
    assert_eq!(other.sign_in("alice", PASSWORD).await.status, 429);
}

#[tokio::test]
async fn a_session_that_ended_at_one_has_ended_at_the_other() {
    let Some((one, other, _folder)) = two(&[]) else { return };
    let token = one.join("alice").await;
    assert_eq!(other.get_as(&token, "/users/me").await.status, 200);
    one.send_as(Method::DELETE, "/sessions/current", Some(&token), Value::Null).await;
    assert_eq!(other.get_as(&token, "/users/me").await.status, 401);
}

#[tokio::test]
async fn one_of_them_does_the_upkeep_and_another_one_when_it_is_gone() {
    let Some((one, other, folder)) = two(&[]) else { return };
    let mut rows = Rows::of(folder.path()).await;
    let holders = "select count(distinct holder) from leases where ends_at > now()";
    one.say("hello").await;
    other.say("hello").await;
    assert_eq!(rows.number(holders).await, 1);
    let moments = "select count(*) from moments";
    assert_eq!(rows.number(moments).await, 1);
    drop((one, other));
    // As if one had been killed, a while ago.
    let killed = "insert into leases (work, holder, ends_at) \
                  values ('upkeep', 'gone', now() - interval '1 second') \
                  on conflict (work) do update set ends_at = excluded.ends_at";
    rows.execute(killed, killed).await;
    let _third = App::on(folder.path(), &[]);
    let deadline = std::time::Instant::now() + crate::patience::PATIENCE;
    while rows.number(holders).await == 0 {
        assert!(std::time::Instant::now() < deadline, "nobody does it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
