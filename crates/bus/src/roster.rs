//! [`Roster`]: who is connected to each instance, for as long as that says so.
//!
//! An instance writes those who are connected to it under a key of its own, which ends unless it is renewed, and
//! tells every change to those who listen, with a version that counts them. Whoever has missed one, or comes
//! later, reads the whole.

use std::{collections::HashMap, time::Duration};

use common::{event::fitting, internal::UserRef};
use serde::{Deserialize, Serialize};

use crate::{
    channel::{Channel, MAX_MESSAGE},
    publisher::{PublishError, Publisher},
};

/// About how many bytes of people there are in one change; as JSON they may be twice as many.
const MAX_BYTES: usize = MAX_MESSAGE / 4;

/// The names of the fields of a person.
const ENVELOPE: usize = 32;

/// What the fields of people begin with; the version has another name.
const PERSON: &str = "u";
const VERSION: &str = "v";

/// Changes a roster and says so, if it is what the change is of; else nothing, so that neither a roster that was
/// lost in part nor a change that comes late leaves behind what never was. Without a version before, all is new.
///
/// Keys: the roster, the names of all. Arguments: the version before, the version, the lease in milliseconds, the
/// instance, the channel, the message, how many come, and by field and name who; then the fields of those who go.
const CHANGE: &str = "
    local known = redis.call('HGET', KEYS[1], 'v')
    if ARGV[1] == '' then
        if known and tonumber(known) >= tonumber(ARGV[2]) then return 0 end
        redis.call('DEL', KEYS[1])
    elseif known ~= ARGV[1] then
        return 0
    end
    local gone = 8 + 2 * tonumber(ARGV[7])
    for i = 8, gone - 1, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
    for i = gone, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
    redis.call('HSET', KEYS[1], 'v', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    redis.call('SADD', KEYS[2], ARGV[4])
    redis.call('PUBLISH', ARGV[5], ARGV[6])
    return 1";

/// What an instance says of those who are connected to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterChange {
    /// Which instance.
    pub from: String,
    /// How often it has said something; this is the last.
    pub version: u64,
    /// Who has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arrived: Vec<UserRef>,
    /// Who has gone, by key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// What else there is to it.
    #[serde(default)]
    pub kind: RosterChangeKind,
}

/// What a change is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RosterChangeKind {
    /// It leads from the version before to this one, if only by saying that the instance is there.
    #[default]
    Next,
    /// All has been written anew, and has to be read.
    Whole,
    /// The instance has gone.
    Gone,
}

/// All who are connected to an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterPage {
    /// As of this change.
    pub version: u64,
    /// They.
    pub people: Vec<UserRef>,
    /// How long it holds, unless the instance says more.
    pub holds: Duration,
}

/// Who is connected to one instance, as that tells it; and who to others, as those do.
pub struct Roster {
    publisher: Publisher,
    /// This instance.
    name: String,
    /// How long what it says holds.
    lease: Duration,
    version: u64,
    /// Whether Redis has all of it.
    is_whole: bool,
}

impl Roster {
    /// An instance of this name, to which nobody is connected. What it says holds for so long, unless it is said again.
    pub fn new(publisher: Publisher, name: &str, lease: Duration) -> Self {
        Self { publisher, name: name.to_owned(), lease, version: 0, is_whole: false }
    }

    /// What this instance is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether Redis has all of it, so that only what changes has to be written.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Redis may have lost it.
    pub const fn forget(&mut self) {
        self.is_whole = false;
    }

    /// Writes who is connected, whatever was written before.
    pub async fn write(&mut self, people: &[UserRef]) -> Result<(), PublishError> {
        let said = RosterChange { kind: RosterChangeKind::Whole, ..self.next() };
        self.carry_out("", &said, people).await
    }

    /// Writes who has come and gone, which must be what has happened since the last time. Without anybody it says
    /// that this instance is there, so that what it has said goes on to hold.
    pub async fn change(
        &mut self,
        mut arrived: Vec<UserRef>,
        mut left: Vec<String>,
    ) -> Result<(), PublishError> {
        loop {
            let sizes = arrived.iter().map(|user| ENVELOPE + user.key.len() + user.name.len());
            let more = arrived.split_off(at_least_one(fitting(sizes, MAX_BYTES), arrived.len()));
            let sizes = left.iter().map(|key| ENVELOPE + key.len());
            let later = left.split_off(at_least_one(fitting(sizes, MAX_BYTES), left.len()));
            let before = self.version.to_string();
            let said = RosterChange { arrived, left, ..self.next() };
            self.carry_out(&before, &said, &said.arrived).await?;
            if !self.is_whole || (more.is_empty() && later.is_empty()) {
                return Ok(());
            }
            (arrived, left) = (more, later);
        }
    }

    /// Says that this instance is gone, and everybody who was connected to it.
    pub async fn withdraw(&mut self) -> Result<(), PublishError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("DEL").arg(self.key(&self.name)).ignore();
        pipeline.cmd("SREM").arg(self.names()).arg(&self.name).ignore();
        let said = RosterChange { kind: RosterChangeKind::Gone, ..self.next() };
        let (channel, message) = self.publisher.message(Channel::Presence, &said)?;
        pipeline.cmd("PUBLISH").arg(channel).arg(message).ignore();
        self.publisher.carry_out::<()>(&pipeline).await
    }

    /// Who is connected to another instance; nothing if it does not say so any more.
    pub async fn page(&self, of: &str) -> Result<Option<RosterPage>, PublishError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("HGETALL").arg(self.key(of)).cmd("PTTL").arg(self.key(of));
        let (fields, holds): (HashMap<String, String>, i64) =
            self.publisher.carry_out(&pipeline).await?;
        let Some(version) = fields.get(VERSION).and_then(|version| version.parse().ok()) else {
            return Ok(None);
        };
        let person = |(field, name): (String, String)| {
            let key = field.strip_prefix(PERSON)?.to_owned();
            Some(UserRef { key, name })
        };
        let holds = Duration::from_millis(u64::try_from(holds).unwrap_or(0)).min(self.lease);
        let people = fields.into_iter().filter_map(person).collect();
        Ok(Some(RosterPage { version, people, holds }))
    }

    /// The other instances that say something, or did a moment ago.
    pub async fn others(&self) -> Result<Vec<String>, PublishError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("SMEMBERS").arg(self.names());
        let (names,): (Vec<String>,) = self.publisher.carry_out(&pipeline).await?;
        Ok(names.into_iter().filter(|name| *name != self.name).collect())
    }

    /// Another instance says nothing any more.
    pub async fn strike(&self, name: &str) -> Result<(), PublishError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("SREM").arg(self.names()).arg(name).ignore();
        self.publisher.carry_out::<()>(&pipeline).await
    }

    async fn carry_out(
        &mut self,
        before: &str,
        said: &RosterChange,
        come: &[UserRef],
    ) -> Result<(), PublishError> {
        self.version = said.version;
        // Whatever fails may have been carried out.
        self.is_whole = false;
        let (channel, message) = self.publisher.message(Channel::Presence, said)?;
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(CHANGE).arg(2).arg(self.key(&self.name)).arg(self.names());
        pipeline.arg(before).arg(self.version).arg(self.lease.as_millis() as u64);
        pipeline.arg(&self.name).arg(channel).arg(message).arg(come.len());
        for user in come {
            pipeline.arg(format!("{PERSON}{}", user.key)).arg(&user.name);
        }
        for key in &said.left {
            pipeline.arg(format!("{PERSON}{key}"));
        }
        let (is_done,): (bool,) = self.publisher.carry_out(&pipeline).await?;
        self.is_whole = is_done;
        Ok(())
    }

    fn next(&self) -> RosterChange {
        let (from, version) = (self.name.clone(), self.version + 1);
        RosterChange { from, version, ..RosterChange::default() }
    }

    fn key(&self, instance: &str) -> String {
        self.publisher.bus().name(&format!("roster:{instance}"))
    }

    fn names(&self) -> String {
        self.publisher.bus().name("rosters")
    }
}

/// Where to split a list of so many: nobody is too large to be said at all.
fn at_least_one(fitting: usize, of: usize) -> usize {
    fitting.max(1).min(of)
}
