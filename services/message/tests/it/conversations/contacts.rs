//! `POST /internal/contacts`.

use common::signature;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    app::{App, secret},
};

async fn ask(app: &App, body: &Value) -> Answer {
    let (target, body) = ("/internal/contacts", body.to_string());
    let signature = signature::sign(&secret(), "POST", target, body.as_bytes());
    let request = app.request(Method::POST, target).header(signature::HEADER, signature);
    Answer::to(request.header("content-type", "application/json").body(body)).await
}

#[tokio::test]
async fn contacts_share_a_direct_conversation_or_a_group_and_not_a_room() {
    let app = App::start();
    let (al, bo) = (app.someone("Al"), app.someone("bo"));
    al.direct("Bo").await;
    al.group(&["bo", "Cy"], "all").await;
    bo.post("/conversations", json!({"kind": "room", "id": "hall"})).await;
    app.someone("dan").put("/conversations/hall/members/dan", None).await;
    let answer = ask(&app, &json!({"users": ["al", "bo", "dan", "nobody"]})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({"al": ["bo", "cy"], "bo": ["al", "cy"], "dan": [], "nobody": []});
    assert_eq!(answer.json(), expected);
    assert_eq!(ask(&app, &json!({"users": []})).await.json(), json!({}));
    let many: Vec<_> = (0..501).map(|n| n.to_string()).collect();
    let answer = ask(&app, &json!({"users": many})).await;
    assert_eq!(answer.refusal(), (422, "users_too_many".to_owned()));
    let unsigned = app.request(Method::POST, "/internal/contacts").json(&json!({"users": []}));
    assert_eq!(Answer::to(unsigned).await.refusal(), (401, "signature_missing".to_owned()));
}
