//! The description of the API, and the page that shows it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::App;

#[tokio::test]
async fn the_description_names_every_route_and_its_answers() {
    let app = App::start();
    let answer = app.get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let api = answer.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3."));
    for (path, method, status) in [
        ("/messages", "post", "201"),
        ("/messages", "post", "429"),
        ("/messages", "post", "507"),
        ("/messages", "get", "200"),
        ("/messages/{id}", "get", "404"),
        ("/conversations", "get", "200"),
        ("/conversations", "post", "201"),
        ("/conversations/resolve", "post", "200"),
        ("/conversations/{id}", "patch", "403"),
        ("/conversations/{id}/messages", "get", "404"),
        ("/conversations/{id}/members/{user}", "put", "201"),
        ("/conversations/{id}/members/{user}", "delete", "204"),
        ("/conversations/{id}/read", "post", "204"),
        ("/receipts", "post", "204"),
        ("/conversations/{id}/typing", "post", "204"),
        ("/users/{user}/messages", "get", "403"),
        ("/sync", "get", "410"),
        ("/users", "post", "409"),
        ("/users", "get", "200"),
        ("/users/me", "get", "401"),
        ("/users/me", "patch", "422"),
        ("/users/{user}", "get", "404"),
        ("/users/{user}", "patch", "403"),
        ("/sessions", "post", "401"),
        ("/sessions/current", "delete", "204"),
        ("/tickets", "post", "201"),
    ] {
        let found = &api["paths"][path][method]["responses"][status];
        assert!(found.is_object(), "{method} {path} {status}");
    }
    assert_references_resolve(&api, &api);
}

#[tokio::test]
async fn what_is_trimmed_before_it_is_counted_has_no_length_in_the_description() {
    let app = App::start();
    let api = app.get("/openapi.json").await.json();
    let mut bounded = Vec::new();
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.filter(|(_, field)| has_max_length(field));
        bounded.extend(fields.map(|(field, _)| format!("{name}.{field}")));
    }
    bounded.sort();
    // These are counted as they come.
    let counted =
        ["NewMessage.clientMsgId", "RawMe.password", "RawPost.client_msg_id", "RawUser.password"];
    assert_eq!(bounded, counted);
    let with = |text: &str, chars| format!("\u{a0} {}\n", text.repeat(chars));
    let (name, content) = (with("n", 64), with("c", 4_000));
    for (target, body) in [
        ("/users", json!({"username": name, "display_name": with("d", 64)})),
        ("/sessions", json!({"username": name})),
        ("/messages", json!({"content": content, "user": name})),
        ("/messages", json!({"content": content, "user": name, "recipient": with("r", 64)})),
        ("/conversations/resolve", json!({"user": name, "recipient": with("r", 64)})),
        ("/conversations", json!({"kind": "group", "name": with("g", 80), "user": name})),
        ("/TaskMgt/api/messages", json!({"text": content, "senderId": name, "receiverId": "bob"})),
        ("/TaskMgt/api/conversations/resolve", json!({"user1": name, "user2": with("b", 64)})),
    ] {
        let answer = app.send(Method::POST, target, body).await;
        assert!(matches!(answer.status, 200 | 201), "{target}: {answer:?}");
    }
}

fn has_max_length(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.contains_key("maxLength") || fields.values().any(has_max_length)
        }
        Value::Array(parts) => parts.iter().any(has_max_length),
        _ => false,
    }
}

/// Every `$ref` leads somewhere.
fn assert_references_resolve(api: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(api.pointer(pointer).is_some(), "{reference}");
            }
            fields.values().for_each(|part| assert_references_resolve(api, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| assert_references_resolve(api, part)),
        _ => {}
    }
}

#[tokio::test]
async fn the_docs_page_needs_nothing_from_elsewhere() {
    let app = App::start();
    let answer = app.get("/docs").await;
    assert!(matches!(answer.status, 307 | 308), "{answer:?}");
    assert_eq!(answer.header("location"), Some("/docs/"));
    let page = app.get("/docs/").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'self'"));
    let mut sources = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        for part in page.text().split(attribute).skip(1) {
            sources.push(part.split('"').next().unwrap().to_owned());
        }
    }
    assert!(sources.len() >= 3, "{sources:?}");
    for source in sources {
        assert!(!source.contains("//"), "{source} comes from elsewhere");
        let answer = app.get(&format!("/docs/{}", source.trim_start_matches("./"))).await;
        assert_eq!(answer.status, 200, "{source}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{source}");
    }
    let config = app.get("/docs/swagger-initializer.js").await;
    assert!(config.text().contains("/openapi.json"));
    assert!(!config.text().contains("http://") && !config.text().contains("https://"));
}
