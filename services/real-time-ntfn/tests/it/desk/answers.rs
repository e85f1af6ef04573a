//! What a [`Desk`](super::Desk) answers.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    body::to_bytes,
    http::StatusCode,
    web::{Bytes, Data, Query},
};
use common::{
    Audience, Batch, Event, EventId, Problem, Secret,
    event::LogPage,
    internal::{
        ContactsOf, DeliveredBatch, Identified, IdentifiedBatch, Identify, IdentifyAnswer,
        IdentifyBatch, MAX_UNDELIVERED, UserRef,
    },
    signature,
};
use futures_util::{StreamExt, stream};

use super::book::Book;
use crate::app::SECRET;

type Parameters = HashMap<String, String>;

pub(super) async fn answer(
    request: HttpRequest,
    body: Bytes,
    query: Query<Parameters>,
    book: Data<Mutex<Book>>,
) -> HttpResponse {
    let target = request.uri().path_and_query().unwrap().as_str();
    let header = request.headers().get(signature::HEADER).map(|header| header.to_str().unwrap());
    let secret = Secret::parse(SECRET).unwrap();
    let method = request.method().as_str();
    signature::verify(&secret, header.unwrap_or_default(), method, target, &body).unwrap();
    let path = request.path().to_owned();
    book.lock().unwrap().calls.push(target.to_owned());
    let answer = respond(&path, &body, &query, &mut book.lock().unwrap());
    // What it says was true when it was asked.
    while book.lock().unwrap().held.contains(path.as_str()) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let longest = book.lock().unwrap().cut.get(path.as_str()).copied();
    match longest {
        Some(longest) => cut(answer, longest).await,
        None => answer,
    }
}

/// The answer, of which no more than this arrives.
async fn cut(answer: HttpResponse, longest: usize) -> HttpResponse {
    let status = answer.status();
    let Ok(body) = to_bytes(answer.into_body()).await else { unreachable!() };
    if body.len() <= longest {
        return HttpResponse::build(status).content_type("application/json").body(body);
    }
    let piece = (longest > 0).then(|| Ok(body.slice(..longest)));
    let end = stream::once(async move {
        if longest > 0 {
            // The head and the piece are on their way by then.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(std::io::Error::other("cut"))
    });
    HttpResponse::build(status).streaming(stream::iter(piece).chain(end))
}

fn respond(path: &str, body: &[u8], query: &Parameters, book: &mut Book) -> HttpResponse {
    if book.failing.contains(path) {
        return problem(503, "stopping");
    }
    if book.most.get(path).is_some_and(|most| body.len() > *most) {
        return HttpResponse::PayloadTooLarge().body("<h1>Too large</h1>");
    }
    match path {
        "/internal/events" => events(book, query),
        "/internal/identify" => {
            let asked: IdentifyBatch = serde_json::from_slice(body).unwrap();
            book.asked_about += asked.clients.len();
            let clients = asked.clients.iter().map(|client| match identify(book, client) {
                Ok(identified) => IdentifyAnswer::Identified(identified),
                Err((status, code)) => IdentifyAnswer::Refused(said(status, code)),
            });
            let clients = clients.collect();
            HttpResponse::Ok().json(IdentifiedBatch { clients })
        }
        "/internal/opening" => opening(book, query),
        "/internal/receipts" => {
            let after: EventId = query["after"].parse().unwrap();
            let theirs =
                |(user, id, _): &&(String, EventId, _)| *user == query["user"] && *id > after;
            let data: Vec<_> =
                book.receipts.iter().filter(theirs).map(|receipt| &receipt.2).collect();
            HttpResponse::Ok().json(data)
        }
        "/internal/delivered" => {
            let batch: DeliveredBatch = serde_json::from_slice(body).unwrap();
            for delivered in batch.delivered {
                let Book { delivered: all, delivered_direct: direct, .. } = book;
                let noted = if delivered.direct { direct } else { all };
                let known = noted.entry(delivered.user).or_default();
                *known = delivered.up_to.max(*known);
            }
            HttpResponse::NoContent().finish()
        }
        "/internal/contacts" => {
            let asked: ContactsOf = serde_json::from_slice(body).unwrap();
            let of = |user: String| {
                let contacts = book.contacts.get(&user).cloned().unwrap_or_default();
                (user, contacts)
            };
            HttpResponse::Ok().json(asked.users.into_iter().map(of).collect::<HashMap<_, _>>())
        }
        _ => problem(404, "route_not_found"),
    }
}

fn events(book: &Book, query: &Parameters) -> HttpResponse {
    let (head, floor) = (book.head(), book.floor);
    let after = match query.get("after") {
        Some(after) => {
            let after: EventId = after.parse().unwrap();
            if after < floor || after > head {
                return problem(
                    410,
                    if after < floor { "cursor_expired" } else { "cursor_unknown" },
                );
            }
            after
        }
        None => floor,
    };
    let limit = query["limit"].parse().unwrap();
    let events = book.log.iter().filter(|event| event.id > after).take(limit).cloned().collect();
    HttpResponse::Ok().json(LogPage {
        batch: Batch::new(after, events),
        head,
        floor,
        looked_to: None,
    })
}

fn identify(book: &mut Book, asked: &Identify) -> Result<Identified, (u16, &'static str)> {
    if !asked.rooms.iter().all(|room| book.rooms.contains(room)) {
        return Err((404, "conversation_not_found"));
    }
    let ticket = asked.ticket.as_ref().map(|ticket| book.tickets.get_mut(ticket)?.take());
    let token = asked.token.clone().map(Some).or(ticket);
    let mut identified = Identified {
        user: None,
        authenticated: false,
        expires_at: None,
        epoch: 0,
        rooms: asked.rooms.clone(),
        received: None,
    };
    match (token, &asked.username) {
        (Some(token), name) => {
            let token = token.unwrap_or_default();
            let (key, epoch) = token.rsplit_once('.').unwrap_or_default();
            let member = book.members.get(key).filter(|member| member.epoch.to_string() == epoch);
            let Some(member) = member else {
                return Err((401, "token_invalid"));
            };
            if name.as_ref().is_some_and(|name| common::name::key(name) != key) {
                return Err((403, "not_you"));
            }
            let user = UserRef { name: member.name.clone(), key: key.to_owned() };
            (identified.user, identified.authenticated) = (Some(user), true);
            identified.epoch = member.epoch;
        }
        (None, Some(name)) => {
            let (key, member) = book.user(name);
            if member.registered {
                return Err((401, "name_registered"));
            }
            identified.user = Some(UserRef { name: member.name.clone(), key });
        }
        (None, None) => {}
    }
    let waits = |user: &UserRef| !undelivered(book, &user.key).is_empty();
    identified.received = identified.user.as_ref().filter(|user| !waits(user)).map(|_| book.head());
    Ok(identified)
}

fn opening(book: &Book, query: &Parameters) -> HttpResponse {
    let history: usize = query["history"].parse().unwrap();
    let mut events = Vec::new();
    for room in query["rooms"].split(',') {
        let of_room = |event: &&Event| *event.audience == Audience::Room(room.to_owned());
        events.extend(book.log.iter().rev().filter(of_room).take(history));
    }
    if let Some(user) = query.get("user") {
        let undelivered = undelivered(book, user);
        if undelivered.len() > MAX_UNDELIVERED as usize {
            return problem(410, "too_far");
        }
        events.extend(undelivered);
    }
    events.sort_by_key(|event| event.id);
    let after = match book.log.as_slice() {
        [.., before, _] if book.overtakes => before.id,
        _ => book.head(),
    };
    HttpResponse::Ok().json(Batch::new(after, events.into_iter().cloned().collect()))
}

/// What is addressed to a user, was not said by them, and has not been delivered.
fn undelivered<'a>(book: &'a Book, user: &str) -> Vec<&'a Event> {
    let delivered = book.delivered.get(user).copied().unwrap_or_default();
    let undelivered = book.log.iter().filter(|event| {
        let theirs =
            matches!(&*event.audience, Audience::Users(users) if users.iter().any(|it| it == user));
        let own = event.data.get().contains(&format!("\"user\":\"{user}\""));
        theirs && !own && event.id > delivered
    });
    undelivered.collect()
}

fn problem(status: u16, code: &str) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(said(status, code))
}

fn said(status: u16, code: &str) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: "no".to_owned(),
        status,
        code: code.to_owned(),
        detail: format!("{code}: said at the desk"),
        request_id: Some("of-the-desk".to_owned()),
        errors: Vec::new(),
    }
}
