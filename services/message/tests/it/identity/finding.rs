//! `GET /users`: people by a part of their names.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ADMIN_TOKEN, open, refused};
use crate::{answer::Answer, app::App, paging::link};

async fn register(app: &App, name: &str, display_name: &str) {
    let body = json!({"username": name, "display_name": display_name});
    assert_eq!(app.send_as(Method::POST, "/users", None, body).await.status, 201);
}

fn names(people: &Answer) -> Value {
    people.json().as_array().unwrap().iter().map(|user| user["username"].clone()).collect()
}

/// All pages of a list, read by its links.
async fn read_all(app: &App, target: String) -> Value {
    let (mut seen, mut next) = (Vec::new(), Some(target));
    while let Some(target) = next {
        let page = app.get(&target).await;
        next = link(&page, "next").map(str::to_owned);
        let has_more = next.is_some().to_string();
        assert_eq!(page.header("x-has-more"), Some(&*has_more), "{target}");
        seen.extend(names(&page).as_array().unwrap().clone());
        assert!(seen.len() <= 9, "{target} goes round: {seen:?}");
    }
    seen.into()
}

#[tokio::test]
async fn people_are_found_by_a_part_of_their_names() {
    let app = open();
    for (name, display_name) in
        [("alice", "Alice"), ("malicious", "Mal"), ("bob", "Alicante"), ("carol", "Carol")]
    {
        register(&app, name, display_name).await;
    }
    let find = async |query: &str| names(&app.get(&format!("/users{query}")).await);
    assert_eq!(find("?q=ALIC").await, json!(["alice", "bob", "malicious"]));
    assert_eq!(find("?q=alic&limit=1").await, json!(["alice"]));
    assert_eq!(find("?q=%25").await, json!([]));
    assert_eq!(find("").await.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn guests_are_listed_page_by_page_for_one_who_says_who_they_are() {
    let app = open();
    for name in ["an", "Hans", "anna", "Joan", "bo", "Anne Ö", "zoe"] {
        app.someone(name).say("public", "hi").await;
    }
    for (query, all) in [
        ("q=AN&user=bo&", json!(["an", "anna", "Anne Ö", "Hans", "Joan"])),
        ("", json!(["an", "anna", "Anne Ö", "bo", "Hans", "Joan", "zoe"])),
    ] {
        assert_eq!(read_all(&app, format!("/users?{query}limit=2")).await, all, "{query}");
    }
}

#[tokio::test]
async fn people_are_found_by_display_names_in_any_case_of_any_alphabet() {
    let app = open();
    for (name, display_name) in [("al", "ÄRGER Müller"), ("bo", "Σίσυφος"), ("cy", "Straße")]
    {
        register(&app, name, display_name).await;
    }
    let patch = json!({"display_name": "ÉMILE"});
    app.send_as(Method::PATCH, "/users/me?user=bo", None, patch).await;
    for (q, found) in [
        ("ÄRGER", json!(["al"])),
        ("ärger%20m", json!(["al"])),
        ("émile", json!(["bo"])),
        ("σίσ", json!([])),
        ("STRASSE", json!(["cy"])),
    ] {
        assert_eq!(names(&app.get(&format!("/users?q={q}")).await), found, "{q}");
    }
}

#[tokio::test]
async fn whose_name_begins_with_it_comes_first_and_nobody_twice_or_never() {
    let app = open();
    for (name, display_name) in [
        ("zoe", "Susan"),
        ("diana", "Di"),
        ("andy", "Andy"),
        ("an", "An"),
        ("an🦀", "Kiki"),
        ("Anna", "Anna"),
        ("Anne Ö", "Anne"),
        ("ban", "Ban"),
        ("anton", "Anton"),
        ("bob", "Bob"),
    ] {
        register(&app, name, display_name).await;
    }
    let off = json!({"deactivated": true});
    app.send_as(Method::PATCH, "/users/anton", Some(ADMIN_TOKEN), off).await;
    for (q, found) in [
        ("AN", json!(["an", "andy", "Anna", "Anne Ö", "an🦀", "ban", "diana", "zoe"])),
        ("", json!(["an", "andy", "Anna", "Anne Ö", "an🦀", "ban", "bob", "diana", "zoe"])),
        ("b", json!(["ban", "bob"])),
        ("%25", json!([])),
    ] {
        for limit in 1..=9 {
            let seen = read_all(&app, format!("/users?q={q}&limit={limit}")).await;
            assert_eq!(seen, found, "{q} in pages of {limit}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_refused() {
    let app = open();
    for limit in ["0", "201", "x"] {
        let answer = app.get(&format!("/users?limit={limit}")).await;
        assert_eq!(answer.status, 400, "{limit}");
    }
    for name in ["nobody", "a:b", "%00"] {
        refused(&app.get(&format!("/users/{name}")).await, 404, "user_not_found");
    }
}
