//! The programs as their operators meet them: commands, settings, what they print.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    time::Instant,
};

use futures_util::future::join_all;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    board::Board,
    deadline::until,
    line::{Address, Way},
    person::Person,
    process::{Pair, Service, free_port},
    stream::Follow,
    wire::Dial,
};

fn launcher(folder: &TempDir) -> (Service, u16) {
    let mut launcher = Service::new("realtalk", free_port(), folder.path());
    let notification_port = free_port();
    launcher.set("NOTIFICATION_PORT", notification_port);
    (launcher, notification_port)
}

#[tokio::test]
async fn one_command_serves_both_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, notification_port) = launcher(&folder);
    launcher.spawn();
    launcher.wait_ready().await;
    let port = launcher.port();
    let chat = format!("http://localhost:{port}");
    let events = format!("http://localhost:{notification_port}/events");
    let output = launcher.output();
    assert!(output.contains(&chat) && output.contains(&events), "{output}");
    let board = Board::new(port);
    let subscriber = Follow::live("subscriber", notification_port, &board).start().await;
    board.post("alice", "hello", "hello").await;
    subscriber.reach(1).await;
    let (status, config) = launcher.get("/config.json").await.unwrap();
    assert_eq!(status, 200);
    assert!(config.contains(&notification_port.to_string()), "{config}");
}

#[tokio::test]
async fn what_was_delivered_right_before_a_stop_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, notification_port) = launcher(&folder);
    for round in 0..5 {
        launcher.spawn();
        launcher.wait_ready().await;
        let [alice, bob] = ["alice", "bob"].map(|name| Person::named(launcher.port(), name));
        alice.direct("bob").await;
        let (mut line, _) = Address::of(Way::Sse, notification_port, "bob").ready().await;
        let key = format!("message-{round}");
        let said = alice.say("dm:alice:bob", &key, &key).await;
        assert_eq!(line.find("message").await["id"], said["id"]);
        // He comes back with it, which says that he has it.
        let mut address = Address::of(Way::Sse, notification_port, "bob");
        address.cursor = said["id"].as_str().map(str::to_owned);
        let _returned = address.ready().await;
        launcher.signal(Signal::TERM);
        let (status, _) = launcher.exit().await;
        assert!(status.success(), "{}", launcher.log());
        launcher.spawn();
        launcher.wait_ready().await;
        let missing = bob.get("/messages?undelivered=true").await.body;
        assert_eq!(missing, serde_json::json!([]), "round {round}: {}", launcher.log());
        launcher.kill();
    }
}

#[tokio::test]
async fn check_config_shows_what_is_in_force_and_no_secret() {
    const SECRET: &str = "nobody may ever see this";
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, notification_port) = launcher(&folder);
    launcher.set("INTERNAL_SECRET", SECRET);
    launcher.set("MAX_CONTENT_CHARS", 1_234);
    launcher.set("HEARTBEAT_SECS", 17);
    let output = launcher.command().arg("check-config").output().unwrap();
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        format!("PORT={}", launcher.port()),
        format!("PORT={notification_port}"),
        format!("MESSAGE_SERVICE_URL=http://127.0.0.1:{}", launcher.port()),
        "MAX_CONTENT_CHARS=1234".to_owned(),
        "HEARTBEAT_SECS=17".to_owned(),
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(text.contains("INTERNAL_SECRET") && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn healthcheck_tells_by_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, _) = launcher(&folder);
    let healthy = |launcher: &Service| {
        let output = launcher.command().arg("healthcheck").output().unwrap();
        (output.status.success(), output.stderr.is_empty())
    };
    assert_eq!(healthy(&launcher), (false, false));
    launcher.spawn();
    launcher.wait_ready().await;
    until("it is healthy", async || healthy(&launcher).0.then_some(())).await;
    assert_eq!(healthy(&launcher), (true, true));
    launcher.kill();
    assert_eq!(healthy(&launcher), (false, false));
}

/// Program, variable, value, and which variable the message must name.
const WRONG: [(&str, &str, &str, &str); 31] = [
    ("realtalk", "PORT", "abc", "PORT"),
    ("realtalk", "PORT", "70000", "PORT"),
    ("realtalk", "NOTIFICATION_PORT", "-1", "NOTIFICATION_PORT"),
    ("realtalk", "HOST", "0.0.0.0", "AUTH_MODE"),
    ("realtalk", "HOST", "nowhere", "HOST"),
    ("realtalk", "AUTH_MODE", "maybe", "AUTH_MODE"),
    ("realtalk", "AUTH_MODE", "requires", "AUTH_MODE"),
    ("realtalk", "JWT_SECRET", "too short", "JWT_SECRET"),
    ("message-service", "JWT_PUBLIC_KEY", "no key", "JWT_PUBLIC_KEY"),
    ("message-service", "ADMIN_TOKEN", "too short", "ADMIN_TOKEN"),
    ("realtalk", "ALLOWED_ORIGINS", "foo", "ALLOWED_ORIGINS"),
    ("realtalk", "TRUSTED_PROXIES", "foo", "TRUSTED_PROXIES"),
    ("realtalk", "INTERNAL_SECRET", "short", "INTERNAL_SECRET"),
    ("realtalk", "INTERNAL_SECRET_FILE", "/no/such", "INTERNAL_SECRET_FILE"),
    ("realtalk", "MAX_CONTENT_CHARS", "0", "MAX_CONTENT_CHARS"),
    ("realtalk", "MAX_CONTENT_CHARS", "100000", "MAX_CONTENT_CHARS"),
    ("realtalk", "DURABILITY", "maybe", "DURABILITY"),
    ("realtalk", "LOG_FORMAT", "xml", "LOG_FORMAT"),
    ("realtalk", "EVENT_RETENTION_DAYS", "0", "EVENT_RETENTION_DAYS"),
    ("realtalk", "BODY_TIMEOUT_SECS", "0", "BODY_TIMEOUT_SECS"),
    ("realtalk", "POST_RATE", "many", "POST_RATE"),
    ("realtalk", "PUBLIC_NOTIFICATION_URL", "foo", "PUBLIC_NOTIFICATION_URL"),
    ("realtalk", "HEARTBEAT_SECS", "0", "HEARTBEAT_SECS"),
    ("realtalk", "STALL_SECS", "0", "STALL_SECS"),
    ("realtalk", "DRAIN_SECS", "99999", "DRAIN_SECS"),
    ("realtalk", "RING_EVENTS", "0", "RING_EVENTS"),
    ("realtalk", "WS_MESSAGE_KIB", "513", "WS_MESSAGE_KIB"),
    ("message-service", "PORT", "abc", "PORT"),
    ("message-service", "NOTIFICATION_SERVICE_URL", "foo", "NOTIFICATION_SERVICE_URL"),
    ("realtime-ntfn", "MAX_STREAMS", "lots", "MAX_STREAMS"),
    ("realtime-ntfn", "MESSAGE_SERVICE_URL", "ftp://foo", "MESSAGE_SERVICE_URL"),
];

/// Starts what must not start; returns what is wrong with the way it says so.
async fn complaint(mut service: Service, names: &str) -> Option<String> {
    service.spawn();
    let (status, _) = service.exit().await;
    let log = service.log();
    let lines: Vec<_> = log.lines().collect();
    let fault = if status.success() {
        "the exit code is 0"
    } else if lines.len() != 1 {
        "not one line"
    } else if log.contains("panicked") {
        "a panic"
    } else if !log.contains(names) {
        "does not name the variable"
    } else if !log.contains(" cannot be used: ") {
        "does not say what to write instead"
    } else {
        return None;
    };
    Some(format!("{fault}: {log}"))
}

#[tokio::test]
async fn a_wrong_setting_ends_the_start_with_one_line_that_names_it() {
    let mut complaints = Vec::new();
    for (program, name, value, names) in WRONG {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::new(program, free_port(), folder.path());
        service.set(name, value);
        if let Some(fault) = complaint(service, names).await {
            complaints.push(format!("{program} {name}={value}: {fault}"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_start_with_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for program in ["message-service", "realtime-ntfn"] {
        let service = Service::new(program, port, folder.path());
        assert_eq!(complaint(service, "PORT").await, None, "{program}");
    }
    let mut launcher = Service::new("realtalk", free_port(), folder.path());
    launcher.set("NOTIFICATION_PORT", port);
    assert_eq!(complaint(launcher, "NOTIFICATION_PORT").await, None);
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_ends_the_start_with_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let mut complaints = Vec::new();
    for secret in ["", "a secret of the tests"] {
        let mut service = Service::new("realtalk", free_port(), folder.path());
        service.set("NOTIFICATION_PORT", free_port());
        service.set("DATA_DIR", file.join("data").display());
        service.set("INTERNAL_SECRET", secret);
        if let Some(fault) = complaint(service, "DATA_DIR").await {
            complaints.push(format!("INTERNAL_SECRET={secret:?}: {fault}"));
        }
        fs::remove_file(folder.path().join("realtalk.log")).unwrap();
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn a_file_that_is_no_database_ends_the_start_and_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("data/realtalk.db");
    let garbage = "not a database".repeat(100);
    fs::create_dir(database.parent().unwrap()).unwrap();
    fs::write(&database, &garbage).unwrap();
    let (mut launcher, _) = launcher(&folder);
    launcher.keep_in_file();
    launcher.spawn();
    let (status, _) = launcher.exit().await;
    let log = launcher.log();
    assert!(!status.success() && !log.contains("panicked"), "{log}");
    let mut errors = log.lines().filter(|line| line.starts_with("error: "));
    assert!(errors.next().unwrap().contains("realtalk.db"), "{log}");
    assert_eq!(fs::read_to_string(&database).unwrap(), garbage);
}

/// Each would tell its own streams of what is said to it, and nobody would see the rest.
#[tokio::test]
async fn a_second_service_on_the_same_file_ends_its_start_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, _) = launcher(&folder);
    first.keep_in_file();
    first.spawn();
    first.wait_ready().await;
    let board = Board::new(first.port());
    let post = board.post("alice", "hello", "hello").await;
    for program in ["realtalk", "message-service"] {
        let mut second = Service::new(program, free_port(), folder.path());
        second.set("NOTIFICATION_PORT", free_port());
        second.keep_in_file();
        let output = second.command().output().unwrap();
        assert!(!output.status.success(), "{program}");
        let log = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let errors: Vec<_> = log.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains("DATA_DIR"), "{program}: {log}");
        assert!(errors[0].contains("another process serves it"), "{program}: {log}");
    }
    // The first one goes on; and once it is killed, the next one starts.
    assert_eq!(board.all().await, [post]);
    first.kill();
    first.spawn();
    first.wait_ready().await;
}

/// As when the terminal is suspended that the logs go to, or the program that keeps them.
#[tokio::test]
async fn who_stops_reading_the_logs_does_not_stop_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, _) = launcher(&folder);
    launcher.set("RUST_LOG", "debug");
    let mut command = launcher.command();
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("it answers", async || launcher.get("/health").await).await;
    // Each is a line at least: more than a pipe holds, and more than wait for it.
    let asked = Instant::now();
    let mut count = 0;
    while count < 12_000 {
        let answers = join_all((0..100).map(|_| launcher.get("/health"))).await;
        assert!(answers.into_iter().all(|answer| answer.is_some()), "after {count}");
        count += 100;
    }
    eprintln!("{count} answers in {:?}", asked.elapsed());
    let mut logs = BufReader::new(process.stderr.take().unwrap()).lines();
    let says_so = |line: String| {
        let (before, _) = line.split_once(" log lines were lost")?;
        before.rsplit(' ').next()?.parse().ok().filter(|lost: &usize| *lost > 1_000)
    };
    let lost = std::thread::spawn(move || logs.find_map(|line| says_so(line.unwrap())).is_some());
    until("the loss is told", async || {
        launcher.get("/health").await?;
        lost.is_finished().then_some(())
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(lost.join().unwrap());
}

/// Nobody could be served; and who has one page open has a stream and a connection for requests.
#[tokio::test]
async fn too_few_descriptors_end_the_start_and_few_leave_room_for_posts() {
    let folder = tempfile::tempdir().unwrap();
    let (mut launcher, notification_port) = launcher(&folder);
    launcher.limit_open_files(128);
    let output = launcher.command().output().unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(
        log.lines().any(|line| line.starts_with("error: ") && line.contains("ulimit -n")),
        "{log}"
    );

    launcher.limit_open_files(400);
    launcher.spawn();
    launcher.wait_ready().await;
    let board = Board::new(launcher.port());
    let mut pages = Vec::new();
    for _ in 0..140 {
        let stream = Dial::events(notification_port).granted().await;
        let mut requests = TcpStream::connect(("127.0.0.1", launcher.port())).await.unwrap();
        requests.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        requests.readable().await.unwrap();
        pages.push((stream, requests));
    }
    for number in 0..20 {
        let key = format!("message-{number}");
        board.post("alice", &key, &key).await;
    }
    assert_eq!(board.all().await.len(), 20);
    // Who asks for nothing makes room.
    until("idle connections are ended", async || {
        let (_, metrics) = launcher.get("/metrics").await?;
        metrics.contains(r#"realtalk_connections_ended_total{reason="idle"}"#).then_some(())
    })
    .await;
}

#[tokio::test]
async fn services_that_start_together_agree_on_a_secret() {
    for _ in 0..5 {
        let mut pair = Pair::new(&[("INTERNAL_SECRET", "")]);
        pair.notification.spawn();
        pair.message.spawn();
        // It is ready when the other one has accepted its signature.
        pair.wait_ready().await;
        let mut wire = Dial::events(pair.notification.port()).granted().await;
        let post = pair.board().post("alice", "hello", "hello").await;
        let block = wire.find(|block| block.is_message()).await;
        assert_eq!(block.id, Some(post.id));
    }
}
