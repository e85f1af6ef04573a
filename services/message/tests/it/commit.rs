//! Posts that are committed together.

use futures_util::future::join_all;
use serde_json::json;

use crate::{app::App, rows::Rows};

#[tokio::test]
async fn posts_at_once_are_all_stored_without_a_gap_and_in_the_order_of_their_ids() {
    const POSTS: usize = 200;
    let app = App::start();
    let posts = (0..POSTS).map(|n| app.post(json!({"content": n.to_string(), "user": "alice"})));
    let answers = join_all(posts).await;
    let mut acknowledged: Vec<_> = answers
        .iter()
        .enumerate()
        .map(|(n, answer)| {
            assert_eq!(answer.status, 201, "{answer:?}");
            assert_eq!(answer.json()["content"], json!(n.to_string()));
            answer.json()
        })
        .collect();
    acknowledged.sort_by_key(|message| message["seq"].as_u64());
    let seqs: Vec<_> =
        acknowledged.iter().map(|message| message["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=POSTS as u64).collect::<Vec<_>>());
    assert!(acknowledged.is_sorted_by(|a, b| a["id"].as_str() < b["id"].as_str()));
    assert_eq!(app.list("?limit=200").await, acknowledged);
}

#[tokio::test]
async fn what_cannot_be_written_does_not_answer_for_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::on(folder.path(), &[]);
    app.say("there is a database").await;
    let mut rows = Rows::of(folder.path()).await;
    rows.execute(
        "create trigger never before insert on messages when new.content = 'poison' \
         begin select raise(abort, 'never'); end",
        "alter table messages add constraint never check (content <> 'poison')",
    )
    .await;
    let contents = (0..100).map(|n| if n % 10 == 3 { "poison" } else { "fine" });
    let posts = contents.clone().map(|content| app.post(json!({"content": content, "user": "al"})));
    for (answer, content) in join_all(posts).await.iter().zip(contents) {
        match content {
            "poison" => assert_eq!(answer.refusal(), (500, "internal".to_owned())),
            _ => assert_eq!(answer.status, 201, "{answer:?}"),
        }
    }
    assert_eq!(app.get("/readyz").await.status, 200);
    assert_eq!(app.list("?limit=200").await.last().unwrap()["seq"], json!(91));
}

#[tokio::test]
async fn a_name_that_nobody_has_used_can_join_the_public_room() {
    let app = App::start();
    let new = app.someone("newcomer");
    assert_eq!(new.put("/conversations/public/members/newcomer", None).await.status, 201);
    assert_eq!(new.put("/conversations/public/members/newcomer", None).await.status, 200);
    assert_eq!(app.get("/readyz").await.status, 200);
}
