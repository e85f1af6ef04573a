//! What streams show, and to whom: live, when they come back, and by `/sync`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    cast::{Cast, Mode, Who, claimed},
    stage::Stage,
    watch::{Over, Stream, outline},
};
use crate::{api::text, wire::Wire};

/// Those who can have a stream.
const WATCHERS: [Who; 8] = [
    Who::Nobody,
    Who::Guest,
    Who::Stranger,
    Who::Member,
    Who::Former,
    Who::Author,
    Who::Owner,
    Who::Admin,
];

/// Does one of everything in all places. The end is a message for all.
async fn act(cast: &Cast, stage: &Stage, end: &str) -> Vec<(&'static str, String)> {
    let done = async |who, method, target: &str, body: &str| {
        let body = serde_json::from_str(&stage.fill(body)).unwrap();
        cast.done(who, method, &stage.fill(target), body).await
    };
    let mut happened = Vec::new();
    for place in ["{group}", "{direct}"] {
        let message = done(
            Who::Author,
            "POST",
            "/messages",
            &format!(r#"{{"content":"secret","conversation_id":"{place}"}}"#),
        )
        .await;
        let target = format!("/messages/{}", text(&message["id"]));
        done(Who::Author, "PATCH", &target, r#"{"content":"another secret"}"#).await;
        done(Who::Member, "PUT", &format!("{target}/reactions/👍"), "{}").await;
        done(Who::Author, "DELETE", &target, "{}").await;
        happened.extend(["message", "message_updated", "reaction", "message_deleted"].map(
            |kind| {
                let id = stage.fill(place);
                (place, format!("{kind} {id}"))
            },
        ));
    }
    done(Who::Owner, "PATCH", "/conversations/{group}", r#"{"name":"Renamed"}"#).await;
    happened.push(("{group}", stage.fill("conversation updated {group}")));
    done(Who::Author, "POST", "/messages", &json!({"content": end}).to_string()).await;
    happened
}

/// What somebody is told of what happened, in short and without what was said.
fn visible(happened: &[(&str, String)], who: Who) -> BTreeSet<String> {
    let sees = |place: &str| match place {
        "{group}" => who.is_in_group(),
        _ => who.is_in_direct(),
    };
    happened.iter().filter(|(place, _)| sees(place)).map(|(_, what)| what.clone()).collect()
}

/// The same of what was told, but for what messages say and reactions do.
fn told(outlines: Vec<String>) -> BTreeSet<String> {
    let short = |outline: &String| {
        let (kind, place) =
            (outline.split(' ').next().unwrap(), outline.rsplit(' ').next().unwrap());
        match kind {
            "conversation" => outline.clone(),
            _ => format!("{kind} {place}"),
        }
    };
    outlines.iter().map(short).collect()
}

async fn everybody_is_told_what_they_may_know(mode: Mode) {
    let cast = Cast::start(mode).await;
    let stage = Stage::set(&cast).await;
    let watchers: Vec<_> =
        WATCHERS.into_iter().filter(|who| mode == Mode::Open || who.has_token(mode)).collect();
    let mut live = Vec::new();
    for who in &watchers {
        for over in [Over::Sse, Over::Ws] {
            let mut stream = Stream::open(&cast, *who, over, "").await;
            // A message for all that everybody gets says that the stream is live.
            let mark = format!("{who:?} {over:?} is here");
            cast.done(Who::Owner, "POST", "/messages", json!({"content": mark})).await;
            stream.told_until(&mark).await;
            live.push((*who, over, stream));
        }
    }
    let before = cast.message.clone();
    let before = cast.with(&before, Who::Owner).get("/messages?limit=1").await;
    let cursor = before.header("x-event-cursor").to_owned();
    let happened = act(&cast, &stage, "the end").await;
    let (mut cells, mut wrong) = (0, Vec::new());
    let mut check = |who: Who, how: String, outlines: Vec<String>| {
        cells += 1;
        let (told, visible) = (told(outlines), visible(&happened, who));
        if told != visible {
            wrong.push(format!("{who:?}, {how}:\n  told {told:?}\n  not {visible:?}"));
        }
    };
    for (who, over, mut stream) in live {
        let outlines = stream.told_until("the end").await;
        // Marks for those who came later are for all.
        let private = outlines.into_iter().filter(|it| !it.ends_with(" public")).collect();
        check(who, format!("live over {over:?}"), private);
    }
    for who in watchers {
        for over in [Over::Sse, Over::Ws] {
            let query = format!("&last_event_id={cursor}");
            let mut stream = Stream::open(&cast, who, over, &query).await;
            check(who, format!("again over {over:?}"), stream.told_until("the end").await);
        }
        let target = format!("/sync?after={cursor}");
        let target = cast.claim(who).map_or_else(|| target.clone(), |name| claimed(&target, name));
        let page = cast.with(&cast.message, who).get(&target).await.expect(200);
        let events = page["events"].as_array().unwrap().iter();
        let outlines = events.filter(|data| data["content"] != "the end").map(outline).collect();
        check(who, "by /sync".to_owned(), outlines);
    }
    eprintln!("streams, {mode:?}: {cells} cells of {} events", happened.len() + 1);
    assert!(wrong.is_empty(), "{} of {cells}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_tell_what_one_may_know_where_names_are_shown() {
    everybody_is_told_what_they_may_know(Mode::Required).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_tell_what_one_may_know_where_names_are_taken_as_given() {
    everybody_is_told_what_they_may_know(Mode::Open).await;
}

/// Removes the member from the group while their streams are open.
async fn remove(cast: &Cast, stage: &Stage) {
    let target = stage.fill("/conversations/{group}/members/member");
    let body = if cast.mode == Mode::Open { json!({"user": "owner"}) } else { json!({}) };
    cast.done(Who::Owner, "DELETE", &target, body).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_is_told_so_and_nothing_after() {
    let cast = Cast::start(Mode::Required).await;
    let stage = Stage::set(&cast).await;
    let group = stage.fill("{group}");
    let mut streams = Vec::new();
    for over in [Over::Sse, Over::Ws] {
        let mut stream = Stream::open(&cast, Who::Member, over, "").await;
        let mark = format!("{over:?} is here");
        let body = json!({"content": mark, "conversation_id": group});
        cast.done(Who::Author, "POST", "/messages", body).await;
        stream.told_until(&mark).await;
        streams.push(stream);
    }
    let cursor = cast.with(&cast.message, Who::Owner).get("/messages?limit=1").await;
    let cursor = cursor.header("x-event-cursor").to_owned();
    let said = |words: &str| json!({"content": words, "conversation_id": group});
    cast.done(Who::Author, "POST", "/messages", said("before")).await;
    remove(&cast, &stage).await;
    cast.done(Who::Author, "POST", "/messages", said("after")).await;
    let target = format!("/conversations/{group}");
    cast.done(Who::Owner, "PATCH", &target, json!({"name": "Without them"})).await;
    cast.done(Who::Author, "POST", "/messages", json!({"content": "the end"})).await;
    // When one comes back, it is the same.
    let again = format!("&last_event_id={cursor}");
    for over in [Over::Sse, Over::Ws] {
        streams.push(Stream::open(&cast, Who::Member, over, &again).await);
    }
    let expected = [format!("message before {group}"), format!("member left {group}")];
    for mut stream in streams {
        let told: Vec<_> = stream.told_until("the end").await;
        let told: Vec<_> = told.into_iter().filter(|it| !it.ends_with("is here {group}")).collect();
        let told = told.iter().filter(|it| !it.contains(" is here "));
        // What was said to them alone comes again if its delivery has not been reported yet.
        let told: Vec<_> = told.filter(|it| !it.ends_with(" dm:author:member")).collect();
        assert_eq!(told, expected.iter().collect::<Vec<_>>());
    }
    // What was said while they were a member is not theirs any more, nor is what comes later.
    let member = cast.with(&cast.message, Who::Member);
    let list = member.get(&format!("/messages?conversation_id={group}")).await;
    assert_eq!(list.refusal(404), "conversation_not_found");
}

/// The next passing event of a kind.
async fn passing(wire: &mut Wire, kind: &str) -> Value {
    wire.find(|block| block.is(kind)).await.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_types_and_reads_and_is_there_is_told_to_those_who_may_know() {
    let cast = Cast::start(Mode::Required).await;
    let stage = Stage::set(&cast).await;
    let open = async |who| match Stream::open(&cast, who, Over::Sse, "").await {
        Stream::Sse(mut wire) => {
            wire.find(|block| block.is("ready")).await;
            wire
        }
        Stream::Ws(_) => unreachable!(),
    };
    let mut member = open(Who::Member).await;
    let mut others = Vec::new();
    for who in [Who::Stranger, Who::Former, Who::Admin] {
        others.push((who, open(who).await));
    }
    let _author = open(Who::Author).await;
    for place in ["{group}", "{direct}"] {
        let place = stage.fill(place);
        let target = format!("/conversations/{place}/typing");
        cast.done(Who::Author, "POST", &target, json!({})).await;
        let typing = passing(&mut member, "typing").await;
        assert_eq!(
            (&typing["user"], &typing["conversation_id"]),
            (&json!("author"), &json!(place))
        );
        let message = json!({"content": "read me", "conversation_id": place});
        let message = cast.done(Who::Member, "POST", "/messages", message).await;
        let target = format!("/conversations/{place}/read");
        cast.done(Who::Author, "POST", &target, json!({"seq": message["seq"]})).await;
        let receipt = loop {
            let receipt = passing(&mut member, "receipt").await;
            if receipt["user"] == "author" && receipt["read_seq"] == message["seq"] {
                break receipt;
            }
        };
        assert_eq!(receipt["conversation_id"], *place, "{receipt}");
    }
    let asked = "/presence?users=author,member";
    let present = async |who| cast.with(&cast.notification, who).get(asked).await.json();
    assert_eq!(present(Who::Member).await["online_users"], json!(["author", "member"]));
    cast.done(Who::Owner, "POST", "/messages", json!({"content": "the end"})).await;
    for (who, mut wire) in others {
        assert_eq!(present(who).await["online_count"], 0, "{who:?}");
        loop {
            let block = wire.next().await.unwrap().unwrap();
            let data = block.json();
            if data["content"] == "the end" {
                break;
            }
            // How many there are in a room is no secret.
            let counts = data["type"] == "presence" && data["conversation_id"] == "public";
            assert!(counts || data["type"] == "heartbeat", "{who:?} is told {data}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_one_is_told_to_nobody_else() {
    let cast = Cast::start(Mode::Required).await;
    let stage = Stage::set(&cast).await;
    for words in ["one", "two"] {
        let body = json!({"content": words, "recipient": "member"});
        cast.done(Who::Author, "POST", "/messages", body).await;
    }
    for who in [Who::Stranger, Who::Former, Who::Owner, Who::Admin] {
        let list = cast.with(&cast.message, who).contents("/messages?undelivered=true").await;
        // What waits for the owner is what was said in the group.
        let expected = if who == Who::Owner { vec!["words".to_owned()] } else { Vec::new() };
        assert_eq!(list, expected, "{who:?}");
        for over in [Over::Sse, Over::Ws] {
            let mut stream = Stream::open(&cast, who, over, "").await;
            let mark = format!("{who:?} {over:?}");
            cast.done(Who::Author, "POST", "/messages", json!({"content": mark})).await;
            let told = stream.told_until(&mark).await;
            let private: Vec<_> = told.iter().filter(|it| it.contains("dm:")).collect();
            assert!(private.is_empty(), "{who:?} {over:?}: {private:?}");
        }
    }
    let mut stream = Stream::open(&cast, Who::Member, Over::Ws, "").await;
    let told = stream.told_until("two").await;
    let direct = stage.fill("{direct}");
    assert!(told.contains(&format!("message one {direct}")), "{told:?}");
}
