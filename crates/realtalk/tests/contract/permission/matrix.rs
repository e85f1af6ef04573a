//! Every request, as everybody.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    cast::{Cast, Mode, Who, claimed},
    rule::Expected,
    stage::Stage,
    table::{Row, To, rows},
};
use crate::api::{Answer, Api};

/// Operations that a service describes, as method and path.
async fn described(api: &Api) -> BTreeSet<(String, String)> {
    let description = api.get("/openapi.json").await.expect(200);
    let mut operations = BTreeSet::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            if ["get", "put", "post", "delete", "patch"].contains(&method.as_str()) {
                operations.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    operations
}

#[tokio::test]
async fn no_operation_is_without_a_rule() {
    let cast = Cast::start(Mode::Open).await;
    let rows = rows();
    for (to, api) in [(To::Message, &cast.message), (To::Notification, &cast.notification)] {
        let ruled: BTreeSet<_> = rows
            .iter()
            .filter(|row| row.to == to && row.described)
            .map(|row| (row.method.to_owned(), row.path.to_owned()))
            .collect();
        let described = described(api).await;
        let forgotten: Vec<_> = described.difference(&ruled).collect();
        assert!(forgotten.is_empty(), "without a rule: {forgotten:?}");
        let gone: Vec<_> = ruled.difference(&described).collect();
        assert!(gone.is_empty(), "not described: {gone:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_answered_as_the_rules_say_where_names_are_shown() {
    run(Mode::Required).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_answered_as_the_rules_say_where_names_are_taken_as_given() {
    run(Mode::Open).await;
}

async fn run(mode: Mode) {
    let started = Instant::now();
    let mut cast = Cast::start(mode).await;
    let mut stage = Stage::set(&cast).await;
    let (mut cells, mut wrong) = (0, Vec::new());
    let mut hidden = HashSet::new();
    for row in rows() {
        for who in Who::ALL {
            cells += 1;
            let expected = row.rule.expected(who, mode);
            let request = Request::of(&row, &cast, who, cells);
            let answer = request.send(&cast, who, |text| stage.fill(text)).await;
            if let Some(fault) = fault(expected, &answer) {
                wrong.push(format!("{who:?} {} {}: {fault}", row.method, row.target));
            }
            if matches!(expected, Expected::Hidden(_)) {
                hidden.insert(row.target);
                let absent = request.send(&cast, who, |text| stage.fill_absent(text)).await;
                if shape(&answer) != shape(&absent) {
                    wrong.push(format!(
                        "{who:?} {} {}: differs from what does not exist:\n  {:?}\n  {:?}",
                        row.method,
                        row.target,
                        shape(&answer),
                        shape(&absent)
                    ));
                }
            }
            if row.spends && answer.status < 300 {
                cast.renew_after(&row, who).await;
                stage = Stage::set(&cast).await;
            }
        }
    }
    eprintln!(
        "permissions, {mode:?}: {} requests x {} who ask = {cells} cells, {} of them about what is \
         hidden from some, in {:?}",
        rows().len(),
        Who::ALL.len(),
        hidden.len(),
        started.elapsed()
    );
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

impl Cast {
    /// Signing out ends more than one request.
    async fn renew_after(&mut self, row: &Row, who: Who) {
        if row.path == "/sessions/current" {
            self.renew(who).await;
        }
    }
}

/// A request as somebody makes it.
struct Request {
    to: To,
    method: Method,
    target: String,
    body: String,
}

impl Request {
    fn of(row: &Row, cast: &Cast, who: Who, count: usize) -> Self {
        let (mut target, mut body) = (row.target.to_owned(), row.body.to_owned());
        if let (Some(name), true) = (cast.claim(who), row.rule.claims) {
            target = claimed(&target, name);
            if !body.is_empty() {
                let mut fields: Value = serde_json::from_str(&body).unwrap();
                fields["user"] = json!(name);
                body = fields.to_string();
            }
        }
        let method = Method::from_bytes(row.method.as_bytes()).unwrap();
        Self { to: row.to, method, target, body: body.replace("{count}", &count.to_string()) }
    }

    async fn send(&self, cast: &Cast, who: Who, fill: impl Fn(&str) -> String) -> Answer {
        let api = match self.to {
            To::Message => &cast.message,
            To::Notification => &cast.notification,
        };
        let mut request = cast.with(api, who).request(self.method.clone(), &fill(&self.target));
        if !self.body.is_empty() {
            let body: Value = serde_json::from_str(&fill(&self.body)).unwrap();
            request = request.json(&body);
        }
        if self.target.starts_with("/ws") {
            request = request
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        }
        let response = request.send().await.unwrap();
        let kind = response.headers().get("content-type").map_or("", |it| it.to_str().unwrap());
        // Streams do not end; that they begin is all that is asked here.
        if response.status() == 101 || kind.starts_with("text/event-stream") {
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            return Answer { status, headers, text: String::new() };
        }
        Answer::read(response).await
    }
}

/// What is wrong with an answer, if anything is.
fn fault(expected: Expected, answer: &Answer) -> Option<String> {
    let (status, code) = match expected {
        Expected::Success(status) => (status, None),
        Expected::Refusal(status, code) => (status, Some(code)),
        Expected::Hidden(code) => (404, Some(code)),
    };
    let got = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    let got_code = got["code"].as_str();
    let fits = answer.status == status && (code.is_none() || got_code == code);
    (!fits).then(|| {
        let got_code = got_code.unwrap_or_default();
        format!("{} {got_code} instead of {status} {}", answer.status, code.unwrap_or_default())
    })
}

/// An answer without what differs from request to request: the rest of head and body, in order.
fn shape(answer: &Answer) -> (u16, BTreeMap<String, Vec<String>>, Value) {
    let mut body = serde_json::from_str(&answer.text).unwrap_or(json!(answer.text));
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    let mut headers = BTreeMap::new();
    for (name, value) in &answer.headers {
        if !["date", "x-request-id"].contains(&name.as_str()) {
            let words = value.to_str().unwrap().split(", ").map(str::to_owned);
            headers.entry(name.to_string()).or_insert_with(Vec::new).extend(words);
        }
    }
    headers.values_mut().for_each(|words| words.sort_unstable());
    (answer.status, headers, body)
}
