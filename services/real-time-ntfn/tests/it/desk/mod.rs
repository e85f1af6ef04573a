//! [`Desk`]: what the notification service asks of a message service, with a past and people as a
//! test wants them.

mod answers;
mod book;

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix_web::{App as Actix, HttpServer, web};
use common::{Audience, EventId};
use http_kit::Shutdown;
use serde_json::{Value, json};

use crate::{app::App, patience::PATIENCE};
use book::{Book, Member};

/// Answers `/internal/*` on a port of its own, on a thread of its own; stopped when dropped.
pub(crate) struct Desk {
    address: SocketAddr,
    book: Arc<Mutex<Book>>,
    shutdown: Shutdown,
    thread: Option<JoinHandle<()>>,
}

impl Desk {
    pub(crate) fn start() -> Self {
        let book = Arc::new(Mutex::new(Book::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let (asked, data) = (shutdown.clone(), web::Data::from(book.clone()));
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    Actix::new().app_data(data.clone()).default_service(web::to(answers::answer))
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.listen(listener).unwrap().run();
                let handle = server.handle();
                actix_web::rt::spawn(server);
                asked.given().await;
                handle.stop(false).await;
            });
        });
        Self { address, book, shutdown, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Posts to the public room.
    pub(crate) fn post(&self, content: &str) -> Value {
        let audience = Audience::Room("public".to_owned());
        let data = json!({"type": "message", "conversation_id": "public", "content": content});
        self.book().append("message", audience, data)
    }

    /// Posts to the direct conversation of two users, which makes them contacts.
    pub(crate) fn direct(&self, from: &str, to: &str, content: &str) -> Value {
        let mut book = self.book();
        book.acquaint(from, to);
        let data = json!({
            "type": "message", "conversation_id": format!("dm:{from}:{to}"), "user": from,
            "recipient": to, "content": content, "timestamp": "now",
        });
        book.append("message", Audience::Users(vec![from.to_owned(), to.to_owned()]), data)
    }

    /// Posts to a group of two users.
    pub(crate) fn group(&self, from: &str, to: &str, content: &str) -> Value {
        let data = json!({
            "type": "message", "conversation_id": "g-1", "user": from, "content": content,
            "timestamp": "now",
        });
        let audience = Audience::Users(vec![from.to_owned(), to.to_owned()]);
        self.book().append("message", audience, data)
    }

    /// A direct message that is in what a user begins with, and behind its cursor: it was posted
    /// just then.
    pub(crate) fn overtake(&self, overtakes: bool) {
        self.book().overtakes = overtakes;
    }

    pub(crate) fn acquaint(&self, one: &str, other: &str) {
        self.book().acquaint(one, other);
    }

    pub(crate) fn room(&self, name: &str) {
        self.book().rooms.insert(name.to_owned());
    }

    /// A name that only its owner can use, as they first wrote it; returns a token.
    pub(crate) fn register(&self, name: &str) -> String {
        let mut book = self.book();
        let key = common::name::key(name);
        let member = Member { name: name.to_owned(), registered: true, epoch: 1 };
        book.members.entry(key.clone()).or_insert(member).registered = true;
        format!("{key}.{}", book.members[&key].epoch)
    }

    pub(crate) fn ticket(&self, token: &str) -> String {
        let mut book = self.book();
        let ticket = format!("ticket-{}", book.tickets.len());
        book.tickets.insert(ticket.clone(), Some(token.to_owned()));
        ticket
    }

    /// Ends all sessions of a user.
    pub(crate) fn sign_out(&self, name: &str) {
        self.book().sign_out(name);
    }

    /// A marker that moves now.
    pub(crate) fn receipt(&self, user: &str, data: Value) {
        let mut book = self.book();
        let id = book.head();
        book.receipts.push((user.to_owned(), id, data));
    }

    /// Whether a route answers.
    pub(crate) fn fail(&self, path: &'static str, fails: bool) {
        let mut book = self.book();
        if fails {
            book.failing.insert(path)
        } else {
            book.failing.remove(path)
        };
    }

    /// Whether a route keeps who asks waiting.
    pub(crate) fn hold(&self, path: &'static str, holds: bool) {
        let mut book = self.book();
        if holds {
            book.held.insert(path)
        } else {
            book.held.remove(path)
        };
    }

    /// Has larger bodies refused with 413, as a proxy would.
    pub(crate) fn take_at_most(&self, path: &'static str, bytes: usize) {
        self.book().most.insert(path, bytes);
    }

    /// Has connections cut after so many bytes of an answer; after none, before its head.
    pub(crate) fn cut_answers(&self, path: &'static str, bytes: usize) {
        self.book().cut.insert(path, bytes);
    }

    /// The log so far is gone, and with it all cursors.
    pub(crate) fn prune(&self) {
        let mut book = self.book();
        book.floor = book.head();
        book.log.clear();
    }

    /// How often a route was asked; or, if it has a query, how often with that.
    pub(crate) fn calls(&self, target: &str) -> usize {
        let is_it = |asked: &&String| {
            *asked == target || asked.split_once('?').is_some_and(|(path, _)| path == target)
        };
        self.book().calls.iter().filter(is_it).count()
    }

    /// What was asked, in order, of what begins so.
    pub(crate) fn asked(&self, start: &str) -> Vec<String> {
        self.book().calls.iter().filter(|asked| asked.starts_with(start)).cloned().collect()
    }

    /// How many clients were asked about.
    pub(crate) fn asked_about(&self) -> usize {
        self.book().asked_about
    }

    /// Up to where a user's messages were reported as delivered.
    pub(crate) fn delivered(&self, user: &str) -> Option<EventId> {
        self.book().delivered.get(user).copied()
    }

    /// Up to where that was reported of direct messages only.
    pub(crate) fn delivered_direct(&self, user: &str) -> Option<EventId> {
        self.book().delivered_direct.get(user).copied()
    }

    /// Waits until that is as wanted.
    pub(crate) async fn eventually(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !wanted(self) {
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Announces what is in the log.
    pub(crate) async fn tell(&self, app: &App) {
        let head = self.book().head();
        assert_eq!(app.notify_signed(&json!({"after": head, "events": []})).await.status, 202);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shutdown.give_hastily();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
