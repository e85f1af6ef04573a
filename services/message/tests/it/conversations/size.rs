//! The bound of a group.

use serde_json::json;

use crate::app::App;

#[tokio::test]
async fn a_group_has_a_thousand_members_and_no_more() {
    let app = App::start();
    let al = app.someone("al");
    let others: Vec<_> = (0..999).map(|n| format!("u{n:03}")).collect();
    let body = json!({"kind": "group", "name": "all of us", "members": others});
    let answer = al.post("/conversations", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = super::text(&answer.json()["id"]);
    let members = format!("/conversations/{id}/members");
    let full = al.put(&format!("{members}/late"), None).await;
    assert_eq!(full.refusal(), (409, "group_full".to_owned()));
    // Who was refused was not made a guest in passing: they are listed with the public room.
    let public = app.get("/conversations/public/members?after=al").await.json();
    assert!(!public.to_string().contains("late"));

    assert_eq!(al.roster(&id).await.len(), 1_000);
    let page = al.get(&format!("{members}?limit=3&after=u000")).await;
    let names: Vec<_> =
        page.json().as_array().unwrap().iter().map(|it| it["user"].clone()).collect();
    assert_eq!(names, [json!("u001"), json!("u002"), json!("u003")]);
    assert_eq!(page.header("x-has-more"), Some("true"));
    let next = format!("<{members}?user=al&after=u003&limit=3>; rel=\"next\"");
    assert_eq!(page.header("link"), Some(&*next));

    al.say(&id, "hello, all").await;
    let told = app.get_signed("/internal/events?tail=1").await.json();
    let set = super::text(&told["batch"]["events"][0]["audience"]["set"]);
    let audience = &told["batch"]["sets"][&set]["users"];
    assert_eq!(audience.as_array().unwrap().len(), 1_000);
    assert_eq!(al.delete(&format!("{members}/u500")).await.status, 204);
    assert_eq!(al.put(&format!("{members}/late"), None).await.status, 201);
}
