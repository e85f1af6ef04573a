//! Posts that are committed together.

use futures_util::future::join_all;
use serde_json::json;

use crate::app::App;

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
