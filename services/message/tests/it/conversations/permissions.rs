//! Who may do what. What one may not see is not told from what is not there.

use serde_json::{Value, json};

use super::{Someone, text};
use crate::{answer::Answer, app::App};

/// Everything that can be asked of a conversation, with the status for each role.
async fn ask_everything(someone: Someone<'_>, id: &str) -> Vec<(&'static str, Answer)> {
    let place = format!("/conversations/{id}");
    let path = |rest: &str| format!("{place}{rest}");
    vec![
        ("get", someone.get(&place).await),
        ("messages", someone.get(&path("/messages")).await),
        ("members", someone.get(&path("/members")).await),
        ("post", someone.post(&path("/messages"), json!({"content": "x"})).await),
        ("read", someone.post(&path("/read"), json!({"seq": 1})).await),
        ("delivered", someone.post(&path("/delivered"), json!({"seq": 1})).await),
        ("typing", someone.post(&path("/typing"), json!({})).await),
        ("rename", someone.patch(&place, json!({"name": "Other"})).await),
        ("add", someone.put(&path("/members/newcomer"), None).await),
        ("raise", someone.put(&path("/members/member"), Some(json!({"role": "owner"}))).await),
        ("lower", someone.put(&path("/members/member"), Some(json!({"role": "member"}))).await),
        ("remove", someone.delete(&path("/members/newcomer")).await),
    ]
}

fn statuses(asked: &[(&'static str, Answer)]) -> Vec<(&'static str, u16)> {
    asked.iter().map(|(what, answer)| (*what, answer.status)).collect()
}

fn without_request_id(answer: &Answer) -> (u16, Value) {
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id");
    (answer.status, body)
}

#[tokio::test]
async fn strangers_and_former_members_cannot_tell_a_group_from_none() {
    let app = App::start();
    let owner = app.someone("owner");
    let id = owner.group(&["member", "former"], "all").await;
    owner.say(&id, "secret").await;
    let former = app.someone("former");
    assert_eq!(former.delete(&format!("/conversations/{id}/members/former")).await.status, 204);
    let direct = owner.direct("member").await;
    for name in ["stranger", "former"] {
        let someone = app.someone(name);
        let nothing = ask_everything(someone, "g-00000000000000000000000000000000").await;
        for hidden in [&id, &direct] {
            let found = ask_everything(someone, hidden).await;
            for ((what, hidden), (_, nothing)) in found.iter().zip(&nothing) {
                assert_eq!(hidden.refusal(), (404, "conversation_not_found".to_owned()), "{what}");
                assert_eq!(without_request_id(hidden), without_request_id(nothing), "{what}");
                let names = |answer: &Answer| -> Vec<String> {
                    answer.headers.iter().map(|(name, _)| name.clone()).collect()
                };
                assert_eq!(names(hidden), names(nothing), "{what}");
            }
        }
    }
    assert_eq!(app.get(&format!("/conversations/{id}")).await.status, 404);
    assert_eq!(owner.hears(&id).await, ["secret"]);
}

#[tokio::test]
async fn members_read_and_write_and_owners_manage() {
    let app = App::start();
    let owner = app.someone("owner");
    let id = owner.group(&["member"], "all").await;
    let may = [
        ("get", 200),
        ("messages", 200),
        ("members", 200),
        ("post", 201),
        ("read", 204),
        ("delivered", 204),
        ("typing", 204),
    ];
    let expected = |rest: &[(&'static str, u16)]| [&may[..], rest].concat();
    let asked = ask_everything(app.someone("member"), &id).await;
    let forbidden =
        [("rename", 403), ("add", 403), ("raise", 403), ("lower", 403), ("remove", 403)];
    // Giving the role that someone has is no change, but still for owners.
    assert_eq!(statuses(&asked), expected(&forbidden));
    assert!(asked[7..].iter().all(|(_, answer)| answer.problem().code == "forbidden"));
    let asked = ask_everything(owner, &id).await;
    let allowed = [("rename", 200), ("add", 201), ("raise", 200), ("lower", 200), ("remove", 204)];
    assert_eq!(statuses(&asked), expected(&allowed));
}

#[tokio::test]
async fn a_direct_conversation_is_nobodys_to_manage_or_leave() {
    let app = App::start();
    let owner = app.someone("owner");
    let id = owner.direct("member").await;
    let asked = ask_everything(owner, &id).await;
    for (what, answer) in &asked[7..] {
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{what}");
    }
    let leave = owner.delete(&format!("/conversations/{id}/members/owner")).await;
    assert_eq!(leave.refusal(), (403, "forbidden".to_owned()));
    let history = owner.patch(&format!("/conversations/{id}"), json!({"history": "joined"})).await;
    assert_eq!(history.refusal(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn nobody_in_particular_reads_rooms_and_changes_nothing() {
    let app = App::start();
    let owner = app.someone("owner");
    owner.post("/conversations", json!({"kind": "room", "id": "hall"})).await;
    for target in ["", "/messages", "/members"] {
        assert_eq!(app.get(&format!("/conversations/hall{target}")).await.status, 200, "{target}");
    }
    let place = "/conversations/hall";
    for (method, target, body) in [
        (reqwest::Method::POST, format!("{place}/read"), json!({"seq": 1})),
        (reqwest::Method::POST, format!("{place}/typing"), json!({})),
        (reqwest::Method::POST, "/receipts".to_owned(), json!({"receipts": []})),
        (reqwest::Method::PATCH, place.to_owned(), json!({"name": "x"})),
        (reqwest::Method::PUT, format!("{place}/members/x"), json!({})),
        (reqwest::Method::DELETE, format!("{place}/members/owner"), json!({})),
    ] {
        let answer = Answer::to(app.request(method, &target).json(&body)).await;
        assert_eq!(answer.refusal(), (401, "user_missing".to_owned()), "{target}");
    }
}

#[tokio::test]
async fn a_refusal_says_who_may() {
    let app = App::start();
    let (al, bo) = (app.someone("al"), app.someone("bo"));
    let group = al.group(&["bo"], "all").await;
    let message = text(&al.say(&group, "hi").await["id"]);
    for (answer, who) in [
        (bo.put(&format!("/conversations/{group}/members/cy"), None).await, "owners add"),
        (bo.delete(&format!("/conversations/{group}/members/al")).await, "owners remove"),
        (bo.patch(&format!("/conversations/{group}"), json!({"name": "x"})).await, "its owners"),
        (bo.patch(&format!("/messages/{message}"), json!({"content": "x"})).await, "its author"),
        (bo.delete(&format!("/messages/{message}")).await, "its author"),
        (bo.patch("/users/al", json!({"admin": true})).await, "admins"),
    ] {
        let problem = answer.problem();
        assert_eq!((problem.status, &*problem.code), (403, "forbidden"));
        assert!(problem.detail.contains(who), "{}", problem.detail);
    }
    // The same for every id that there is not, also for the one of another spelling.
    al.direct("bo").await;
    let spelled = al.get("/conversations/dm:bo:al").await.problem().detail;
    assert_eq!(spelled, al.get("/conversations/nowhere").await.problem().detail);
    assert!(spelled.contains("recipient"), "{spelled}");
}
