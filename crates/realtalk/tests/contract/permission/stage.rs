//! [`Stage`]: a group, a direct conversation and a room with a message in each, for requests to
//! be about; and what they could be about instead, which does not exist.

use serde_json::json;

use super::cast::{Cast, Who};
use crate::api::text;

/// What stands for something in a target or body, what it stands for, and what does not exist.
pub(crate) struct Stage(Vec<(&'static str, String, String)>);

/// Ids are unique, and nobody was given this one.
const NO_MESSAGE: &str = "20240101120000.123456";

impl Stage {
    /// Sets a stage of which nothing has been changed yet.
    pub(crate) async fn set(cast: &Cast) -> Self {
        let (owner, author) = (Who::Owner, Who::Author);
        let members = ["author", "member", "former"];
        let group = json!({"kind": "group", "name": "Group", "members": members});
        let group = cast.done(owner, "POST", "/conversations", group).await;
        let group = text(&group["id"]).to_owned();
        let unique = group.trim_start_matches(|c: char| !c.is_ascii_digit()).to_owned();
        let room = format!("room-{}", group.trim_start_matches("g-"));
        let body = json!({"kind": "room", "id": room, "name": "Room"});
        cast.done(owner, "POST", "/conversations", body).await;
        let message = Self::say(cast, json!({"conversation_id": group})).await;
        let in_direct = Self::say(cast, json!({"recipient": "member"})).await;
        let in_room = Self::say(cast, json!({"conversation_id": room})).await;
        cast.done(author, "PUT", &format!("/conversations/{room}/members/author"), json!({})).await;
        let target = format!("/conversations/{group}/members/former");
        cast.done(owner, "DELETE", &target, json!({})).await;
        let no_group: String = group.chars().rev().filter(|c| *c != '-' && *c != 'g').collect();
        let nothing = NO_MESSAGE.to_owned();
        let direct = "dm:author:member".to_owned();
        Self(vec![
            ("{group}", group, format!("g-{no_group}")),
            ("{direct}", direct, "dm:author:nobody".to_owned()),
            ("{room}", room, "no-such-room".to_owned()),
            ("{message}", message, nothing.clone()),
            ("{in_direct}", in_direct, nothing.clone()),
            ("{in_room}", in_room, nothing),
            ("{unique}", unique.clone(), unique),
        ])
    }

    async fn say(cast: &Cast, mut body: serde_json::Value) -> String {
        body["content"] = json!("words");
        text(&cast.done(Who::Author, "POST", "/messages", body).await["id"]).to_owned()
    }

    /// A target or body about what is there.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, there, _)| text.replace(name, there))
    }

    /// The same about what does not exist.
    pub(crate) fn fill_absent(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, _, absent)| text.replace(name, absent))
    }
}
