//! `realtalk import`: all that a database holds, in another one. With a PostgreSQL server to test on, from there
//! into a file and back, else from file to file.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::time::sleep;

use crate::{
    database::{self, Cleanup},
    deadline::until,
    process::{Pair, free_port, program},
    scale::{Scale, heavy},
};

/// Where data are: in a file of a folder, or in a database of that folder on the server.
pub(crate) struct Home {
    folder: PathBuf,
    is_file: bool,
    _cleanup: Cleanup,
}

impl Home {
    /// In a file.
    pub(crate) fn file(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), is_file: true, _cleanup: Cleanup(folder.to_owned()) }
    }

    /// On the server, if there is one.
    pub(crate) fn server(folder: &Path) -> Self {
        Self { is_file: database::server().is_none(), ..Self::file(folder) }
    }

    /// As the command takes it.
    pub(crate) fn address(&self) -> String {
        let file = || self.folder.join("realtalk.db").display().to_string();
        let url = (!self.is_file).then(|| database::url_of(&self.folder)).flatten();
        url.unwrap_or_else(file)
    }

    /// The message service keeps its data here from its next start on.
    pub(crate) fn move_in(&self, pair: &mut Pair) {
        pair.message.keep_in(&self.folder);
        if self.is_file {
            pair.message.keep_in_file();
        }
    }
}

/// The command with nothing in its environment.
fn command(from: &str, to: &str) -> Command {
    let mut command = Command::new(program("realtalk"));
    command.env_clear().args(["import", "--from", from, "--to", to]);
    command
}

/// Imports; returns what it says, or why it has not been done.
fn import(from: &str, to: &str) -> Result<String, String> {
    let Output { status, stdout, stderr } = command(from, to).output().unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
    if status.success() { Ok(stdout) } else { Err(stderr) }
}

/// Imports what a service has left that was killed, which the server may notice a moment later.
pub(crate) async fn import_all(from: &Home, to: &Home) -> String {
    until("all is imported", async || match import(&from.address(), &to.address()) {
        Ok(said) => Some(said),
        Err(why) if why.contains("services use") => None,
        Err(why) => panic!("{why}"),
    })
    .await
}

/// Fills the file of a new database: so many messages of so many users to all of them, who are members of a
/// group as well, and the events of that.
async fn fill(file: &Path, messages: u32, users: u32) {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let numbers = |count: u32| {
        format!(
            "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {count}) "
        )
    };
    // A minute after the other, of whom none is the last.
    let id = "1767225600000000 + n * 60000 + 7";
    let name = |id: &str| {
        format!(
            "strftime('%Y%m%d%H%M%S', ({id}) / 1000000, 'unixepoch') || printf('.%06d', ({id}) % 1000000)"
        )
    };
    for statement in [
        format!(
            "{} insert into users (key, name, display_name, kind, password_hash, admin, created_at) \
             select 'user' || n, 'User' || n, 'Some \"One\" \\ ' || char(8232, 128512) || n, \
             iif(n % 3, 'guest', 'member'), iif(n % 3, null, 'hash' || n), n % 7 = 0, n from numbers",
            numbers(users)
        ),
        "insert into conversations (id, kind, name, created_by, created_at) \
         values ('g1', 'group', 'All of us', 'User1', 5)"
            .to_owned(),
        "insert into members (conversation_id, user_key, joined_at, joined_seq, read_seq, delivered_seq) \
         select 'g1', key, created_at, 0, 0, 0 from users"
            .to_owned(),
        format!(
            "{} insert into messages (id, conversation_id, seq, sender, sender_key, content, client_msg_id) \
             select {id}, 'public', n, 'User' || (n % {users} + 1), 'user' || (n % {users} + 1), \
             'Nachricht ' || n || char(10, 9) || 'über \"alles\" \\ ' || char(127, 128512), 'key' || n from numbers",
            numbers(messages)
        ),
        format!(
            "insert into events (id, type, audience, data) select id, 'message', '{{\"room\":\"public\"}}', \
             json_object('id', {0}, 'seq', seq, 'user', sender, 'content', content, 'conversation_id', 'public', \
             'timestamp', '2026-01-01T00:00:00.000000Z', 'client_msg_id', client_msg_id) from messages",
            name("id")
        ),
        "insert into reactions (message_id, emoji, user_key, user, created_at) \
         select id, '👍', sender_key, sender, id from messages where seq % 50 = 0"
            .to_owned(),
        "update log set last_id = (select max(id) from events)".to_owned(),
        format!("update conversations set last_seq = {messages} where id = 'public'"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// The ids of events in a file, each so many after the last.
async fn cursors(file: &Path, every: u32) -> Vec<String> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let statement =
        format!("select data ->> 'id' from events where data ->> 'seq' % {every} = 1 order by id");
    let ids =
        sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    ids
}

/// A pair whose data are in a file that has been made, and that does not run.
async fn pair_with_file() -> (Pair, Home) {
    let mut pair = Pair::new(&[]);
    let home = Home::file(&pair.data());
    home.move_in(&mut pair);
    pair.message.spawn();
    pair.message.wait_ready().await;
    pair.message.kill();
    (pair, home)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_interrupted_leaves_nothing_and_all_arrives_when_it_is_repeated() {
    let _turn = heavy().await;
    let scale = Scale::read();
    let mut random = StdRng::seed_from_u64(scale.seed("import"));
    let (messages, users) = if scale.is_long() { (1_000_000, 10_000) } else { (20_000, 500) };
    let (mut pair, from) = pair_with_file().await;
    let file = pair.data().join("realtalk.db");
    fill(&file, messages, users).await;
    let cursors = cursors(&file, messages / 20).await;
    let folder = tempfile::tempdir().unwrap();
    let to = Home::server(folder.path());
    let start = Instant::now();
    for round in 0..5 {
        let mut interrupted = command(&from.address(), &to.address());
        let mut interrupted = interrupted.stdout(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(random.random_range(0..600))).await;
        interrupted.kill().unwrap();
        let ended = interrupted.wait().unwrap();
        assert!(!ended.success(), "too late to interrupt it in round {round}");
    }
    let said = until("it is repeated", async || match import(&from.address(), &to.address()) {
        Ok(said) => Some(said),
        // The server undoes what was interrupted.
        Err(why) if why.contains("in use") || why.contains("not answer") => None,
        Err(why) => panic!("{why}"),
    })
    .await;
    eprintln!("import: after {:?}{said}", start.elapsed());
    let again = import(&from.address(), &to.address()).unwrap_err();
    assert!(again.contains("is not empty"), "{again}");
    // And back, which is compared as well.
    let back = tempfile::tempdir().unwrap();
    let back = Home::file(back.path());
    let returned = import(&to.address(), &back.address()).unwrap();
    let digests = |said: &str| said.lines().filter(|line| line.contains("digest")).count();
    assert_eq!((digests(&said), digests(&returned)), (12, 12), "{said}{returned}");
    assert!(
        said.lines()
            .filter(|line| line.contains("digest"))
            .eq(returned.lines().filter(|line| line.contains("digest")))
    );
    eprintln!("import: and back{returned}");
    to.move_in(&mut pair);
    pair.message.spawn();
    pair.message.wait_ready().await;
    assert!(cursors.len() >= 20);
    for cursor in &cursors {
        let (status, page) =
            pair.message.get(&format!("/sync?after={cursor}&limit=1")).await.unwrap();
        assert_eq!(status, 200, "{cursor}: {page}");
    }
    let seq = pair.board().post("somebody", "hello", "hello").await.seq;
    assert_eq!(seq, u64::from(messages) + 1);
}

#[tokio::test]
async fn what_cannot_be_imported_is_said_in_the_last_line() {
    let (mut pair, home) = pair_with_file().await;
    let (from, folder) = (home.address(), tempfile::tempdir().unwrap());
    let new = Home::server(folder.path());
    let refused = |from: &str, to: &str, why: &str| {
        let said = import(from, to).unwrap_err();
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("error: ") && last.contains(why), "{said}");
        assert!(!said.contains("secret"), "{said}");
    };
    let missing = folder.path().join("missing.db");
    refused(&missing.display().to_string(), &new.address(), "there is no database");
    assert!(!missing.exists());
    refused(&from, &from, "where the data are already");
    let folder_of_data = pair.data();
    refused(&folder_of_data.display().to_string(), &new.address(), "directory");
    refused(&from, "mysql://al:secret@db/chat", "--to: it is postgres://");
    let nowhere = format!("postgres://al:secret@127.0.0.1:{}/chat", free_port());
    refused(&from, &nowhere, "Connection refused");
    let text = folder.path().join("text");
    std::fs::write(
        &text,
        "no database, and longer than the head of a file of SQLite has to be".repeat(9),
    )
    .unwrap();
    refused(&text.display().to_string(), &new.address(), "not a database");
    pair.message.spawn();
    pair.message.wait_ready().await;
    refused(&from, &new.address(), "another process serves it");
    refused(&missing.with_file_name("realtalk.db").display().to_string(), &from, "no database");
    pair.message.kill();
    import(&from, &new.address()).unwrap();
    // Nothing was in it; now somebody is.
    new.move_in(&mut pair);
    pair.message.spawn();
    pair.message.wait_ready().await;
    if database::server().is_some() {
        refused(&from, &new.address(), "services use");
    }
    pair.board().post("alice", "hello", "hello").await;
    pair.message.kill();
    until("it is not empty", async || {
        let said = import(&from, &new.address()).unwrap_err();
        said.contains("is not empty").then_some(())
    })
    .await;
}
