//! The rule of every request: what a service can be asked, and who may.

use super::rule::{
    May::{self, *},
    Rule,
    Sees::{self, *},
};

/// Which service a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Message,
    Notification,
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) to: To,
    pub(crate) method: &'static str,
    /// As the API's description has it.
    pub(crate) path: &'static str,
    /// With what the stage fills in.
    pub(crate) target: &'static str,
    /// JSON, with what the stage fills in; none if empty.
    pub(crate) body: &'static str,
    pub(crate) rule: Rule,
    /// Whether the API's description has it.
    pub(crate) described: bool,
    /// Whether the request changes what it is about, so that the next one needs a new stage.
    pub(crate) spends: bool,
}

const NO_CONVERSATION: &str = "conversation_not_found";
const NO_MESSAGE: &str = "message_not_found";
const GROUP: Sees = Group(NO_CONVERSATION);
const IN_GROUP: Sees = Group(NO_MESSAGE);
const DIRECT: Sees = Direct(NO_CONVERSATION);
const IN_DIRECT: Sees = Direct(NO_MESSAGE);
const WORDS: &str = r#"{"content":"other words"}"#;

/// A request of the message service: method, path, target, body, who sees it, who may, status.
type Line = (&'static str, &'static str, &'static str, &'static str, Sees, May, u16);

/// Leaves each line a line: rustfmt does not touch what is in braces.
macro_rules! lines {
    ($($line:expr),* $(,)?) => { &[$($line),*] };
}

const MESSAGE: &[Line] = lines! {
    // Messages.
    ("POST", "/messages", "/messages", WORDS, All, Post, 201),
    ("POST", "/messages", "/messages", r#"{"content":"x","conversation_id":"{group}"}"#, GROUP, Post, 201),
    ("POST", "/messages", "/messages", r#"{"content":"x","conversation_id":"{direct}"}"#, DIRECT, Post, 201),
    ("POST", "/messages", "/messages", r#"{"content":"x","conversation_id":"{room}"}"#, All, Post, 201),
    ("GET", "/messages", "/messages", "", All, Ask, 200),
    ("GET", "/messages", "/messages?conversation_id={group}", "", GROUP, Ask, 200),
    ("GET", "/messages", "/messages?conversation_id={direct}", "", DIRECT, Ask, 200),
    ("GET", "/messages", "/messages?conversation_id={room}", "", All, Ask, 200),
    ("GET", "/messages", "/messages?undelivered=true", "", All, User, 200),
    ("GET", "/messages/{id}", "/messages/{message}", "", IN_GROUP, Ask, 200),
    ("GET", "/messages/{id}", "/messages/{in_direct}", "", IN_DIRECT, Ask, 200),
    ("GET", "/messages/{id}", "/messages/{in_room}", "", All, Ask, 200),
    ("PATCH", "/messages/{id}", "/messages/{message}", WORDS, IN_GROUP, Author, 200),
    ("PATCH", "/messages/{id}", "/messages/{in_direct}", WORDS, IN_DIRECT, Author, 200),
    ("PATCH", "/messages/{id}", "/messages/{in_room}", WORDS, All, Author, 200),
    ("DELETE", "/messages/{id}", "/messages/{message}", "", IN_GROUP, AuthorOrAdmin, 200),
    ("DELETE", "/messages/{id}", "/messages/{in_direct}", "", IN_DIRECT, AuthorOrAdmin, 200),
    ("DELETE", "/messages/{id}", "/messages/{in_room}", "", All, AuthorOrAdmin, 200),
    ("PUT", "/messages/{id}/reactions/{emoji}", "/messages/{message}/reactions/👍", "", IN_GROUP, User, 200),
    ("PUT", "/messages/{id}/reactions/{emoji}", "/messages/{in_direct}/reactions/👍", "", IN_DIRECT, User, 200),
    ("PUT", "/messages/{id}/reactions/{emoji}", "/messages/{in_room}/reactions/👍", "", All, User, 200),
    ("DELETE", "/messages/{id}/reactions/{emoji}", "/messages/{message}/reactions/👍", "", IN_GROUP, User, 200),
    ("DELETE", "/messages/{id}/reactions/{emoji}", "/messages/{in_room}/reactions/👍", "", All, User, 200),
    ("GET", "/sync", "/sync?after=19700101000000.000000", "", All, Ask, 200),
    ("GET", "/sync", "/sync?after=19700101000000.000000&rooms={room}", "", All, Ask, 200),
    ("GET", "/sync", "/sync?after=19700101000000.000000&rooms={group}", "", All, Ask, 404),
    // Conversations.
    ("GET", "/conversations", "/conversations", "", All, Ask, 200),
    ("GET", "/conversations", "/conversations?kind=room", "", All, Ask, 200),
    ("POST", "/conversations", "/conversations", r#"{"kind":"group","name":"New","members":["member"]}"#, All, User, 201),
    ("POST", "/conversations/resolve", "/conversations/resolve", r#"{"recipient":"leaver"}"#, All, User, 201),
    ("GET", "/conversations/{id}", "/conversations/{group}", "", GROUP, Ask, 200),
    ("GET", "/conversations/{id}", "/conversations/{direct}", "", DIRECT, Ask, 200),
    ("GET", "/conversations/{id}", "/conversations/{room}", "", All, Ask, 200),
    ("PATCH", "/conversations/{id}", "/conversations/{group}", r#"{"name":"New"}"#, GROUP, Owner, 200),
    ("PATCH", "/conversations/{id}", "/conversations/{room}", r#"{"name":"New"}"#, All, Owner, 200),
    ("GET", "/conversations/{id}/messages", "/conversations/{group}/messages", "", GROUP, Ask, 200),
    ("GET", "/conversations/{id}/messages", "/conversations/{direct}/messages", "", DIRECT, Ask, 200),
    ("GET", "/conversations/{id}/messages", "/conversations/{room}/messages", "", All, Ask, 200),
    ("POST", "/conversations/{id}/messages", "/conversations/{group}/messages", WORDS, GROUP, Post, 201),
    ("POST", "/conversations/{id}/messages", "/conversations/{direct}/messages", WORDS, DIRECT, Post, 201),
    ("POST", "/conversations/{id}/messages", "/conversations/{room}/messages", WORDS, All, Post, 201),
    ("GET", "/conversations/{id}/members", "/conversations/{group}/members", "", GROUP, Ask, 200),
    ("GET", "/conversations/{id}/members", "/conversations/{direct}/members", "", DIRECT, Ask, 200),
    ("GET", "/conversations/{id}/members", "/conversations/{room}/members", "", All, Ask, 200),
    ("PUT", "/conversations/{id}/members/{user}", "/conversations/{group}/members/stranger", "{}", GROUP, Owner, 201),
    ("PUT", "/conversations/{id}/members/{user}", "/conversations/{group}/members/member", r#"{"role":"owner"}"#, GROUP, Owner, 200),
    ("PUT", "/conversations/{id}/members/{user}", "/conversations/{room}/members/author", "{}", All, OwnerOrAuthor, 200),
    // A room one joins oneself.
    ("PUT", "/conversations/{id}/members/{user}", "/conversations/{room}/members/bystander", "{}", All, Nothing, 201),
    ("DELETE", "/conversations/{id}/members/{user}", "/conversations/{group}/members/author", "", GROUP, OwnerOrAuthor, 204),
    ("DELETE", "/conversations/{id}/members/{user}", "/conversations/{room}/members/author", "", All, OwnerOrAuthor, 204),
    ("DELETE", "/conversations/{id}/members/{user}", "/conversations/{direct}/members/author", "", DIRECT, Nothing, 204),
    ("POST", "/conversations/{id}/read", "/conversations/{group}/read", r#"{"seq":1}"#, GROUP, User, 204),
    ("POST", "/conversations/{id}/delivered", "/conversations/{group}/delivered", r#"{"seq":1}"#, GROUP, User, 204),
    ("POST", "/conversations/{id}/read", "/conversations/{direct}/read", r#"{"seq":1}"#, DIRECT, User, 204),
    ("POST", "/conversations/{id}/delivered", "/conversations/{direct}/delivered", r#"{"seq":1}"#, DIRECT, User, 204),
    ("POST", "/conversations/{id}/typing", "/conversations/{group}/typing", "{}", GROUP, User, 204),
    ("POST", "/conversations/{id}/typing", "/conversations/{direct}/typing", "{}", DIRECT, User, 204),
    ("POST", "/conversations/{id}/typing", "/conversations/{room}/typing", "{}", All, User, 204),
    // What is not theirs is passed over; `receipts.rs` of the message service's tests looks at the markers.
    ("POST", "/receipts", "/receipts", r#"{"receipts":[{"conversation_id":"{group}","read":1}]}"#, All, User, 204),
    // Users.
    ("GET", "/users", "/users?q=a", "", All, Ask, 200),
    ("GET", "/users/{user}", "/users/author", "", All, Ask, 200),
    ("GET", "/users/me", "/users/me", "", All, User, 200),
    ("PATCH", "/users/me", "/users/me", r#"{"display_name":"Somebody"}"#, All, User, 200),
    ("PATCH", "/users/{user}", "/users/former", r#"{"admin":false}"#, All, Admin, 200),
    ("POST", "/tickets", "/tickets", "{}", All, User, 201),
    // The dialect.
    ("GET", "/TaskMgt/api/conversations/{conversationId}/messages", "/TaskMgt/api/conversations/{direct}/messages", "", Unsaid(NO_CONVERSATION), Ask, 200),
};

/// Requests that do not read who asks from `user`.
const UNCLAIMED: &[(To, Line)] = lines! {
    (To::Message, ("GET", "/users/{user}/conversations", "/users/author/conversations", "", Themselves, Ask, 200)),
    (To::Message, ("GET", "/users/{user}/messages", "/users/author/messages", "", Themselves, Ask, 200)),
    (To::Message, ("GET", "/TaskMgt/api/users/{userId}/conversations", "/TaskMgt/api/users/author/conversations", "", Themselves, Ask, 200)),
    (To::Message, ("GET", "/TaskMgt/api/users/{userId}/messages", "/TaskMgt/api/users/author/messages", "", Themselves, Ask, 200)),
    (To::Message, ("POST", "/users", "/users", r#"{"username":"new {count}","password":"correct horse"}"#, All, Anyone, 201)),
    (To::Message, ("POST", "/sessions", "/sessions", r#"{"username":"leaver","password":"correct horse battery staple"}"#, All, Anyone, 200)),
    (To::Message, ("DELETE", "/sessions/current", "/sessions/current", "", All, Signed, 204)),
    (To::Message, ("POST", "/TaskMgt/api/messages", "/TaskMgt/api/messages", r#"{"senderId":"author","receiverId":"member","text":"x"}"#, Themselves, Post, 201)),
    (To::Message, ("POST", "/TaskMgt/api/conversations/resolve", "/TaskMgt/api/conversations/resolve", r#"{"user1":"author","user2":"member"}"#, TheTwo, Ask, 200)),
    (To::Message, ("GET", "/sse/chat", "/sse/chat?userId=author", "", All, Anyone, 307)),
    (To::Notification, ("POST", "/notify", "/notify", r#"{"content":"x"}"#, All, Service, 200)),
    (To::Notification, ("GET", "/sse/chat", "/sse/chat?userId=author", "", Themselves, Ask, 200)),
};

const NOTIFICATION: &[Line] = lines! {
    ("GET", "/events", "/events", "", All, Ask, 200),
    ("GET", "/events", "/events?rooms={room}", "", All, Ask, 200),
    // Private conversations are no rooms, to nobody.
    ("GET", "/events", "/events?rooms={group}", "", All, Ask, 404),
    ("GET", "/ws", "/ws", "", All, Ask, 101),
    ("GET", "/ws", "/ws?rooms={room}", "", All, Ask, 101),
    ("GET", "/ws", "/ws?rooms={group}", "", All, Ask, 404),
    ("GET", "/presence", "/presence", "", All, Ask, 200),
};

/// What the descriptions leave out: what the services ask each other, which is only for them, and
/// what operators and browsers ask, which is for everybody.
const UNDESCRIBED: &[(To, Line)] = lines! {
    (To::Message, ("GET", "/internal/events", "/internal/events?tail=10", "", All, Internal, 200)),
    (To::Message, ("GET", "/internal/opening", "/internal/opening?user=author", "", All, Internal, 200)),
    (To::Message, ("GET", "/internal/receipts", "/internal/receipts?user=author&after=19700101000000.000000", "", All, Internal, 200)),
    (To::Message, ("POST", "/internal/delivered", "/internal/delivered", r#"{"delivered":[]}"#, All, Internal, 204)),
    (To::Message, ("POST", "/internal/identify", "/internal/identify", r#"{"clients":[{"username":"author"}]}"#, All, Internal, 200)),
    (To::Message, ("POST", "/internal/contacts", "/internal/contacts", r#"{"users":["author"]}"#, All, Internal, 200)),
    (To::Message, ("POST", "/internal/frames", "/internal/frames", r#"{"authenticated":true,"origin":"x","frame":{"content":"x"}}"#, All, Internal, 200)),
    (To::Notification, ("POST", "/notify", "/notify", r#"{"after":"19700101000000.000000","events":[]}"#, All, Internal, 202)),
    (To::Notification, ("POST", "/notify", "/notify", r#"{"ephemeral":[]}"#, All, Internal, 202)),
    (To::Message, ("GET", "/", "/", "", All, Anyone, 200)),
    (To::Message, ("GET", "/config.json", "/config.json", "", All, Anyone, 200)),
    (To::Message, ("GET", "/openapi.json", "/openapi.json", "", All, Anyone, 200)),
    (To::Message, ("GET", "/docs/", "/docs/", "", All, Anyone, 200)),
    (To::Message, ("GET", "/health", "/health", "", All, Anyone, 200)),
    (To::Message, ("GET", "/livez", "/livez", "", All, Anyone, 200)),
    (To::Message, ("GET", "/readyz", "/readyz", "", All, Anyone, 200)),
    (To::Message, ("GET", "/version", "/version", "", All, Anyone, 200)),
    (To::Message, ("GET", "/metrics", "/metrics", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/openapi.json", "/openapi.json", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/health", "/health", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/livez", "/livez", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/readyz", "/readyz", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/version", "/version", "", All, Anyone, 200)),
    (To::Notification, ("GET", "/metrics", "/metrics", "", All, Anyone, 200)),
};

/// Every request there is.
pub(crate) fn rows() -> Vec<Row> {
    let row = |to, claims| {
        move |&(method, path, target, body, sees, may, success): &Line| Row {
            to,
            method,
            path,
            target,
            body,
            rule: Rule { sees, may, success, claims },
            described: true,
            spends: matches!(method, "DELETE" | "PATCH" | "PUT"),
        }
    };
    let mut rows: Vec<_> = MESSAGE.iter().map(row(To::Message, true)).collect();
    rows.extend(NOTIFICATION.iter().map(row(To::Notification, true)));
    rows.extend(UNCLAIMED.iter().map(|(to, line)| row(*to, false)(line)));
    rows.extend(
        UNDESCRIBED.iter().map(|(to, line)| Row { described: false, ..row(*to, false)(line) }),
    );
    rows
}
