//! Typing: told, not kept.

use std::time::Instant;

use serde_json::{Value, json};

use crate::{app::App, notified::Notified};

#[tokio::test]
async fn others_are_told_who_types_and_not_at_every_keystroke() {
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let (al, bo) = (app.someone("Al"), app.someone("bo"));
    let direct = al.direct("bo").await;
    let crowd: Vec<_> = (0..100).map(|n| format!("u{n}")).collect();
    let crowd: Vec<_> = crowd.iter().map(String::as_str).collect();
    let large = al.group(&crowd, "all").await;
    let small = al.group(&crowd[..99], "all").await;
    let typing = |id: &str| format!("/conversations/{id}/typing");
    let said =
        |id: &str, user: &str| json!({"type": "typing", "conversation_id": id, "user": user});
    let started = Instant::now();
    for _ in 0..6 {
        assert_eq!(al.post(&typing(&direct), json!({})).await.status, 204);
        assert_eq!(al.post(&typing(&large), json!({})).await.status, 204);
    }
    bo.post(&typing("public"), json!({})).await;
    al.post(&typing(&small), json!({})).await;
    let mut told = 0;
    let (audience, data) = loop {
        let fact = notified.fact();
        if fact != (json!({"users": ["bo"]}), said(&direct, "Al")) {
            break fact;
        }
        told += 1;
    };
    let most = 1 + started.elapsed().as_secs() / 2;
    assert!((1..=most).contains(&told), "{told} times, and not once in two seconds");
    assert_eq!((audience, data), (json!({"room": "public"}), said("public", "bo")));
    let (audience, data) = notified.fact();
    assert_eq!((audience["users"].as_array().unwrap().len(), data), (99, said(&small, "Al")));
}

#[tokio::test]
async fn markers_are_told_once_a_second_in_their_latest_state() {
    let notified = Notified::start();
    let app = App::with(&[("NOTIFICATION_SERVICE_URL", notified.url())]);
    let (al, bo) = (app.someone("al"), app.someone("Bo"));
    let direct = al.direct("Bo").await;
    for _ in 0..20 {
        al.say(&direct, "x").await;
        al.say("public", "x").await;
    }
    let receipt = |id: &str, seq: u64| {
        json!({
            "type": "receipt", "conversation_id": id, "user": "Bo",
            "read_seq": seq, "delivered_seq": seq,
        })
    };
    // Al has read what al says, which is told too.
    let fact = || loop {
        let (audience, data) = notified.fact();
        if data["user"] != "al" {
            return (audience, data);
        }
    };
    let started = Instant::now();
    for seq in 1..=20 {
        bo.reads(&direct, seq).await;
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&receipt(&direct, 20)) {
        let (audience, data) = fact();
        assert_eq!(audience, json!({"users": ["al", "bo"]}));
        seen.push(data);
    }
    assert!(seen.len() as u64 <= 2 + started.elapsed().as_secs(), "{seen:?}");
    assert!(seen.is_sorted_by_key(|data| data["read_seq"].as_u64()), "{seen:?}");
    // Who has joined a room is told on their own devices only.
    bo.reads("public", 20).await;
    assert_eq!(fact(), (json!({"users": ["bo"]}), receipt("public", 20)));
    // Marks that move nothing are not told: the next that is told is another one.
    bo.reads("public", 3).await;
    bo.say("public", "y").await;
    assert_eq!(fact(), (json!({"users": ["bo"]}), receipt("public", 21)));
}

#[tokio::test]
async fn markers_in_a_large_group_are_told_to_one_s_own_devices_only() {
    let folder = tempfile::tempdir().unwrap();
    let crowd: Vec<_> = (0..100).map(|n| format!("u{n:02}")).collect();
    let crowd: Vec<_> = crowd.iter().map(String::as_str).collect();
    // One report moves the markers of all, as it does after each message to a group.
    let deliver = async |app: &App, up_to: &Value| {
        let all = crowd.iter().map(|user| json!({"user": user, "up_to": up_to}));
        let body = json!({"delivered": all.collect::<Vec<_>>()});
        assert_eq!(app.post_signed("/internal/delivered", body).await.status, 204);
    };
    let check = |notified: &Notified, large: &str| {
        let mut told = std::collections::BTreeSet::new();
        // The large group has all hundred besides its owner, the small one all but the last.
        while told.len() < 199 {
            let (audience, data) = notified.fact();
            let (place, user) = (data["conversation_id"].as_str().unwrap(), &data["user"]);
            match audience["users"].as_array().unwrap().as_slice() {
                own if place == large => assert_eq!(own, std::slice::from_ref(user)),
                all => assert_eq!(all.len(), 100, "{data}"),
            }
            told.insert((place.to_owned(), user.to_string()));
        }
    };
    let large = {
        let notified = Notified::start();
        let app = App::on(folder.path(), &[("NOTIFICATION_SERVICE_URL", notified.url())]);
        let al = app.someone("al");
        let large = al.group(&crowd, "all").await;
        let small = al.group(&crowd[..99], "all").await;
        al.say(&large, "x").await;
        deliver(&app, &al.say(&small, "x").await["id"]).await;
        check(&notified, &large);
        // Where one looks for it, it is there.
        assert_eq!(al.sees(&large).await["last_message"]["status"], json!("delivered"));
        large
    };
    // What a process may not have had time to tell, the next one tells as it would have.
    let notified = Notified::start();
    let app = App::on(folder.path(), &[("NOTIFICATION_SERVICE_URL", notified.url())]);
    check(&notified, &large);
    drop(app);
}
