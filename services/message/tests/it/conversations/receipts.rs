//! Markers: how far someone has read, and what has reached them.

use serde_json::{Value, json};

use super::{Someone, text};
use crate::app::App;

async fn markers(someone: Someone<'_>, id: &str, of: &str) -> (u64, u64) {
    let members = someone.get(&format!("/conversations/{id}/members")).await.json();
    let members = members.as_array().unwrap();
    let member = members.iter().find(|member| member["user"] == json!(of)).unwrap();
    (member["read_seq"].as_u64().unwrap(), member["delivered_seq"].as_u64().unwrap())
}

#[tokio::test]
async fn markers_move_forward_to_the_end_and_no_further() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let id = al.direct("bo").await;
    for n in 0..5 {
        al.say(&id, &n.to_string()).await;
    }
    let place = format!("/conversations/{id}");
    for (kind, seq, expected) in [
        ("delivered", 2, (0, 2)),
        ("delivered", 1, (0, 2)),
        ("read", 3, (3, 3)),
        ("read", 1, (3, 3)),
        ("delivered", 4, (3, 4)),
        ("read", 0, (3, 4)),
        ("read", u64::MAX, (5, 5)),
        ("delivered", 9, (5, 5)),
    ] {
        let answer = bo.post(&format!("{place}/{kind}"), json!({"seq": seq})).await;
        assert_eq!((answer.status, answer.body.len()), (204, 0), "{kind} {seq} {answer:?}");
        assert_eq!(markers(al, &id, "bo").await, expected, "{kind} {seq}");
    }
    assert_eq!(markers(bo, &id, "al").await, (5, 5), "what al said");
    for body in [json!({}), json!({"seq": -1}), json!({"seq": "1"}), json!({"seq": 1.5})] {
        let answer = bo.post(&format!("{place}/read"), body.clone()).await;
        assert_eq!(answer.refusal(), (422, "invalid_body".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_message_is_as_far_as_the_one_who_is_furthest_behind() {
    let app = App::start();
    let (al, bo, cy) = (app.someone("al"), app.someone("bo"), app.someone("cy"));
    let id = al.group(&["bo", "cy"], "all").await;
    al.say(&id, "hi").await;
    let status = async || text(&al.sees(&id).await["last_message"]["status"]);
    assert_eq!(status().await, "sent");
    bo.reads(&id, 1).await;
    assert_eq!(status().await, "sent");
    cy.post(&format!("/conversations/{id}/delivered"), json!({"seq": 1})).await;
    assert_eq!(status().await, "delivered");
    cy.reads(&id, 1).await;
    assert_eq!(status().await, "read");
}

#[tokio::test]
async fn a_batch_moves_the_markers_that_are_mine() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let (one, two) = (al.direct("bo").await, al.group(&["bo"], "all").await);
    let hidden = al.group(&["cy"], "all").await;
    for id in [&one, &two, &hidden] {
        al.say(id, "x").await;
        al.say(id, "y").await;
    }
    let batch = |third: &str| {
        json!({"receipts": [
            {"conversation_id": one, "read": 1},
            {"conversationId": two, "delivered": 2, "read": 1},
            {"conversation_id": third, "read": 1},
        ]})
    };
    // Whoever is removed from a conversation meanwhile has still read the others.
    for third in [&*hidden, "nowhere", "public"] {
        assert_eq!(bo.post("/receipts", batch(third)).await.status, 204, "{third}");
    }
    assert_eq!(markers(bo, &one, "bo").await, (1, 1));
    assert_eq!(markers(bo, &two, "bo").await, (1, 2));
    assert_eq!(markers(al, &hidden, "cy").await, (0, 0));
    let members = al.get(&format!("/conversations/{hidden}/members")).await.json();
    assert_eq!(members.as_array().unwrap().len(), 2);
    let many: Vec<Value> = (0..201).map(|_| json!({"conversation_id": one})).collect();
    let refused = bo.post("/receipts", json!({"receipts": many})).await;
    assert_eq!(refused.refusal(), (422, "receipts_too_many".to_owned()));
}

#[tokio::test]
async fn how_far_one_has_read_in_a_room_is_shown_to_oneself_only() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    al.say("public", "hi").await;
    bo.say("public", "ho").await;
    bo.reads("public", 2).await;
    let seen = async |someone: Someone<'_>| {
        let members = someone.get("/conversations/public/members").await.json();
        (members[0].get("read_seq").cloned(), members[1].get("read_seq").cloned())
    };
    assert_eq!(seen(bo).await, (None, Some(json!(2))));
    assert_eq!(seen(al).await, (Some(json!(1)), None), "what al said");
    // In a room that is not joined there is nothing to move.
    al.post("/conversations", json!({"kind": "room", "id": "hall"})).await;
    al.say("hall", "hi").await;
    bo.reads("hall", 1).await;
    assert_eq!(bo.sees("hall").await["read_seq"], json!(0));
}
