//! Whatever JSON comes, it is stored as it is or refused with a reason.

use std::cell::{Cell, RefCell};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::{answer::Answer, app::App, wire::Wire};

const FIELDS: [&str; 10] = [
    "content",
    "message",
    "text",
    "user",
    "sender",
    "conversation_id",
    "recipient",
    "client_msg_id",
    "reply_to",
    "unknown",
];

/// Any JSON, not very deep.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

/// Bodies of `POST /messages`, from nonsense to the well-meant.
fn body() -> impl Strategy<Value = Value> {
    let text = prop_oneof![any::<String>(), "\\PC{1,80}", "[ \\t\\n\\r]{0,3}\\PC{1,20} ?"];
    let well_meant = (text.clone(), prop::option::of("[a-zA-Zéß ]{1,20}"))
        .prop_map(|(content, user)| json!({"content": content, "user": user}));
    let near_miss = prop::collection::hash_map(
        prop::sample::select(&FIELDS[..]).prop_map(str::to_owned),
        prop_oneof![json_value(), text.prop_map(Value::from)],
        0..5,
    )
    .prop_map(|fields| fields.into_iter().collect::<Map<_, _>>().into());
    prop_oneof![3 => well_meant, 3 => near_miss, 1 => json_value()]
}

fn exchange(wire: &mut Wire, request: &str) -> Answer {
    wire.send(request.as_bytes()).unwrap();
    wire.answer().expect("the connection stays open")
}

#[test]
fn any_json_is_stored_as_it_is_or_refused() {
    let app = App::with(&[("DURABILITY", "relaxed")]);
    let wire = RefCell::new(app.wire());
    let stored = Cell::new(0);
    let config = Config { cases: 250, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&body(), |body| {
        let text = body.to_string();
        let head =
            "POST /messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{text}", text.len());
        let answer = exchange(&mut wire.borrow_mut(), &request);
        if !matches!(answer.status, 200 | 201) {
            prop_assert!((400..500).contains(&answer.status), "{:?}", answer);
            answer.problem();
            return Ok(());
        }
        stored.set(stored.get() + 1);
        let content = ["content", "message", "text"].iter().find_map(|name| body.get(name));
        let content = content.and_then(Value::as_str).map(str::trim);
        let message = answer.json();
        prop_assert_eq!(message["content"].as_str(), content);
        let id = message["id"].as_str().unwrap();
        let read = exchange(
            &mut wire.borrow_mut(),
            &format!("GET /messages/{id} HTTP/1.1\r\nhost: localhost\r\n\r\n"),
        );
        prop_assert_eq!(read.text(), answer.text());
        Ok(())
    });
    result.unwrap();
    let stored = stored.get();
    assert!(stored > 20, "only {stored} were stored: the bodies are not what they should be");
}
