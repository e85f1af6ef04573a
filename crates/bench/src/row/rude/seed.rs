//! [`Seed`]: what is there before anybody is rude.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};

use super::line::Line;
use crate::load::crowd::user_name;
use crate::load::poster::Answer;
use crate::{clock, interrupt};

/// Requests under way: the more, the more share a transaction. Each comes from an address of its own,
/// since an address may make so many changes only.
const WIDTH: usize = 32;

const PATIENCE: Duration = Duration::from_secs(60);

/// The most members of a group besides the one who makes it.
pub(super) const OTHERS: usize = 999;

/// Who makes what is seeded, and is in all of it.
pub(super) const OWNER: &str = "seed-owner";

/// Makes things before the clocks run.
#[derive(Clone, Copy)]
pub(super) struct Seed {
    pub(super) messages: SocketAddr,
}

impl Seed {
    /// Short messages in the public room, so that a list of the newest is full from the beginning.
    pub(super) fn public(self, count: usize) -> Result<()> {
        self.post(count, |number| json!({"user": OWNER, "content": format!("message {number}")}))
    }

    /// A group of 1,000, with so many messages: each event of it is for many.
    pub(super) fn large_group(self, messages: usize) -> Result<()> {
        let group = group(OWNER, "large", 0).to_string();
        let made = make(&mut self.line(0), "/conversations", &group)?;
        let made: Value = serde_json::from_slice(&made.body)?;
        let id = made["id"].as_str().context("a group without an id")?;
        self.post(messages, |number| {
            json!({"user": OWNER, "conversation_id": id, "content": format!("message {number}")})
        })
    }

    /// A room, whose name is its id, with so many messages that say the same.
    pub(super) fn room(self, name: &str, messages: usize, content: &str) -> Result<()> {
        let room = json!({"user": OWNER, "kind": "room", "name": name});
        make(&mut self.line(0), "/conversations", &room.to_string())?;
        self.post(messages, |_| json!({"user": OWNER, "conversation_id": name, "content": content}))
    }

    /// Groups of 1,000, all of whose other members are new.
    pub(super) fn guests(self, groups: usize) -> Result<()> {
        self.spread(groups, |number| {
            ("/conversations", group(OWNER, &format!("group {number}"), number * OTHERS))
        })
    }

    /// Somebody who has a conversation with each of so many.
    pub(super) fn friends(self, count: usize) -> Result<()> {
        self.post(
            count,
            |number| json!({"user": user_name(number), "recipient": OWNER, "content": "hello"}),
        )
    }

    fn post(self, count: usize, body: impl Fn(usize) -> Value + Sync) -> Result<()> {
        self.spread(count, |number| ("/messages", body(number)))
    }

    fn line(self, worker: usize) -> Line {
        Line::new(Ipv4Addr::new(127, 0, 1, 1 + worker as u8), self.messages, PATIENCE)
    }

    /// Makes everything, in no particular order.
    fn spread(
        self,
        count: usize,
        step: impl Fn(usize) -> (&'static str, Value) + Sync,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let work = |worker| -> Result<()> {
            let mut line = self.line(worker);
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                let (path, body) = step(number);
                make(&mut line, path, &body.to_string())?;
            }
        };
        std::thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = (0..WIDTH).map(|at| scope.spawn(move || work(at))).collect();
            workers.into_iter().try_for_each(|worker| {
                worker.join().map_err(|_| anyhow!("a thread that seeds panicked"))?
            })
        })
    }
}

/// Makes one thing. An address that has made much has to wait.
fn make(line: &mut Line, path: &str, body: &str) -> Result<Answer> {
    loop {
        match line.ask("POST", path, body) {
            Err(error) if error.to_string().contains(" 429 ") => {
                interrupt::check()?;
                clock::pause(Duration::from_millis(500))?;
            }
            made => return made.with_context(|| format!("seeding {path}")),
        }
    }
}

/// A group with members that are counted from `first`.
pub(super) fn group(owner: &str, name: &str, first: usize) -> Value {
    let members: Vec<_> = (first..first + OTHERS).map(user_name).collect();
    json!({"user": owner, "kind": "group", "name": name, "members": members})
}
