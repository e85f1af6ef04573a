//! `GET /messages`: every way through a long conversation.

use serde_json::{Value, json};

use crate::{answer::Answer, app::App, wire::Wire};

/// A conversation of this many messages.
async fn conversation(messages: usize) -> App {
    let app = App::with(&[("DURABILITY", "relaxed")]);
    let mut wire: Wire = app.wire();
    for n in 1..=messages {
        let body = json!({"content": n.to_string(), "user": "alice"}).to_string();
        let head =
            "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        wire.send(request.as_bytes()).unwrap();
        assert_eq!(wire.answer().unwrap().status, 201);
    }
    app
}

fn seqs(answer: &Answer) -> Vec<u64> {
    let messages = answer.json();
    messages.as_array().unwrap().iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

/// The targets of the `Link` header by their `rel`.
pub(crate) fn link<'a>(answer: &'a Answer, rel: &str) -> Option<&'a str> {
    let rel = format!("rel=\"{rel}\"");
    answer
        .headers
        .iter()
        .filter(|(name, _)| name == "link")
        .find(|(_, value)| value.contains(&rel))
        .and_then(|(_, value)| value.strip_prefix('<')?.split_once('>'))
        .map(|(target, _)| target)
}

#[tokio::test]
async fn all_pages_together_are_the_conversation_in_both_directions() {
    let app = conversation(500).await;
    let mut forwards: Vec<Value> = Vec::new();
    let mut next = Some("/messages?after=0&limit=70".to_owned());
    while let Some(target) = next {
        let answer = app.get(&target).await;
        next = link(&answer, "next").map(str::to_owned);
        assert_eq!(answer.header("x-has-more"), Some(&*next.is_some().to_string()), "{target}");
        assert_eq!(link(&answer, "prev").is_some(), !forwards.is_empty(), "{target}");
        forwards.extend(answer.json().as_array().unwrap().clone());
    }
    let mut backwards: Vec<Value> = Vec::new();
    let mut prev = Some("/messages?limit=130".to_owned());
    while let Some(target) = prev {
        let answer = app.get(&target).await;
        prev = link(&answer, "prev").map(str::to_owned);
        assert_eq!(answer.header("x-has-more"), Some(&*prev.is_some().to_string()), "{target}");
        let mut page = answer.json().as_array().unwrap().clone();
        page.append(&mut backwards);
        backwards = page;
    }
    let contents: Vec<_> = forwards.iter().map(|message| message["content"].clone()).collect();
    assert_eq!(contents, (1..=500).map(|n| json!(n.to_string())).collect::<Vec<_>>());
    assert_eq!(backwards, forwards);
}

#[tokio::test]
async fn a_page_begins_and_ends_where_it_is_asked_to() {
    let app = conversation(60).await;
    let id = app.list("?after=29&limit=1").await[0]["id"].as_str().unwrap().to_owned();
    // Between the ids of messages 29 and 30.
    let between = {
        let micros = id[15..].parse::<u32>().unwrap();
        (micros > 0).then(|| format!("{}{:06}", &id[..15], micros - 1))
    };
    for (query, expected, more) in [
        ("".to_owned(), 11..=60, true),
        ("?limit=1".to_owned(), 60..=60, true),
        ("?limit=60".to_owned(), 1..=60, false),
        ("?limit=200".to_owned(), 1..=60, false),
        ("?conversation_id=public&limit=2".to_owned(), 59..=60, true),
        ("?conversationId=public&limit=2".to_owned(), 59..=60, true),
        ("?before=30&limit=5".to_owned(), 25..=29, true),
        (format!("?before={id}&limit=5"), 25..=29, true),
        ("?before=6&limit=5".to_owned(), 1..=5, false),
        ("?before=1000&limit=5".to_owned(), 56..=60, true),
        ("?before=99991230220000.000000&limit=5".to_owned(), 56..=60, true),
        ("?after=30&limit=5".to_owned(), 31..=35, true),
        (format!("?after={id}&limit=5"), 31..=35, true),
        ("?after=55&limit=5".to_owned(), 56..=60, false),
        ("?after=0&limit=5".to_owned(), 1..=5, true),
        ("?after=19700101000000.000000&limit=5".to_owned(), 1..=5, true),
        ("?around=30&limit=5".to_owned(), 28..=32, true),
        (format!("?around={id}&limit=5"), 28..=32, true),
        (format!("?around={id}&limit=1"), 30..=30, true),
        ("?around=1&limit=5".to_owned(), 1..=5, true),
        ("?around=60&limit=5".to_owned(), 56..=60, true),
        ("?around=1000&limit=5".to_owned(), 56..=60, true),
        ("?around=30&limit=200".to_owned(), 1..=60, false),
    ]
    .into_iter()
    .chain(between.iter().flat_map(|between| {
        [
            (format!("?before={between}&limit=5"), 25..=29, true),
            (format!("?after={between}&limit=5"), 30..=34, true),
        ]
    })) {
        let answer = app.get(&format!("/messages{query}")).await;
        assert_eq!(answer.status, 200, "{query} {answer:?}");
        assert_eq!(seqs(&answer), expected.collect::<Vec<_>>(), "{query}");
        assert_eq!(answer.header("x-has-more"), Some(&*more.to_string()), "{query}");
    }
}

#[tokio::test]
async fn beyond_the_ends_there_is_an_empty_page() {
    let app = conversation(3).await;
    for query in [
        "?before=1",
        "?before=0",
        "?before=19700101000000.000000",
        "?after=3",
        "?after=4",
        "?after=18446744073709551615",
        "?after=99991230220000.000000",
    ] {
        let answer = app.get(&format!("/messages{query}")).await;
        assert_eq!((answer.status, answer.text()), (200, "[]"), "{query}");
        assert_eq!(answer.header("x-has-more"), Some("false"), "{query}");
    }
    let empty = App::start();
    for query in ["", "?before=1", "?after=0", "?around=1", "?limit=200"] {
        let answer = empty.get(&format!("/messages{query}")).await;
        assert_eq!((answer.status, answer.text()), (200, "[]"), "{query}");
        assert_eq!(answer.header("x-has-more"), Some("false"), "{query}");
        assert_eq!(answer.header("x-event-cursor"), Some("19700101000000.000000"), "{query}");
        assert_eq!(answer.header("link"), None, "{query}");
    }
}

#[tokio::test]
async fn the_cursor_of_a_list_continues_where_it_ends() {
    let app = conversation(5).await;
    let answer = app.get("/messages").await;
    let newest = answer.json()[4]["id"].clone();
    let cursor = answer.header("x-event-cursor").unwrap().to_owned();
    assert_eq!(json!(cursor), newest);
    let later = app.say("later").await;
    let synced = app.get(&format!("/sync?after={cursor}")).await.json();
    assert_eq!(synced["events"], json!([later]));
}
