//! The PostgreSQL server: killed, lost for good, or not the right one. Only by `scripts/with-postgres.sh`.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rustix::process::Signal;
use tokio::time::sleep;

use crate::{
    board::Board,
    database,
    deadline::until,
    load::Load,
    process::{Pair, Service, free_port},
    scale::{Scale, heavy},
    server::Server,
    stream::{Follow, check_unbroken},
};

const POSTERS: u64 = 8;
const SUBSCRIBERS: usize = 4;
const PAUSE: Duration = Duration::from_millis(15);

/// Whether there are servers here.
fn has_servers() -> bool {
    let has = database::server().is_some();
    if !has {
        eprintln!("skipped: scripts/with-postgres.sh runs it");
    }
    has
}

async fn pair_on(servers: &[&Server]) -> Pair {
    let hosts: Vec<_> = servers.iter().map(|server| server.address()).collect();
    let url = format!("postgres://realtalk@{}/chat", hosts.join(","));
    Pair::start(&[("DATABASE_URL", &url)]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_survives_crashes_of_the_database_server() {
    if !has_servers() {
        return;
    }
    let _turn = heavy().await;
    let scale = Scale::read();
    let (seed, rounds) = (scale.seed("database"), scale.rounds());
    let mut random = StdRng::seed_from_u64(seed);
    let server = Server::start().await;
    let pair = pair_on(&[&server]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscribers = Follow::crowd("subscriber", SUBSCRIBERS, port, &board).await;
    let load = Load::start(&board, POSTERS, PAUSE, seed);
    for round in 1..=rounds {
        sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        server.kill();
        sleep(Duration::from_millis(random.random_range(0..1_000))).await;
        server.spawn().await;
        let key = format!("round-{round}");
        let mark = board.post("mark", &key, &key).await;
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
    }
    let acknowledged = load.stop().await;
    let stored = board.all().await;
    check_unbroken(&acknowledged, &stored, &subscribers).await;
    eprintln!("database: {rounds} rounds, {} acknowledged", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_primary_and_posting_goes_on_at_the_standby() {
    if !has_servers() {
        return;
    }
    let _turn = heavy().await;
    let mut primary = Server::start().await;
    let standby = primary.follow().await;
    // In this order the standby is tried first, and left.
    let pair = pair_on(&[&standby, &primary]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let subscribers = Follow::crowd("subscriber", SUBSCRIBERS, port, &board).await;
    let load = Load::start(&board, POSTERS, PAUSE, 1);
    let before = board.post("mark", "before", "before").await;
    sleep(Duration::from_millis(500)).await;
    primary.kill();
    sleep(Duration::from_secs(1)).await;
    standby.promote();
    let promoted = Instant::now();
    let after = board.post("mark", "after", "after").await;
    eprintln!("database: posting went on {:?} after the promotion", promoted.elapsed());
    assert!(after.id > before.id);
    let acknowledged = load.stop().await;
    let stored = board.all().await;
    check_unbroken(&acknowledged, &stored, &subscribers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_several_message_services_are_told_is_one_stream_though_they_are_killed() {
    if !has_servers() {
        return;
    }
    let _turn = heavy().await;
    let scale = Scale::read();
    let (seed, rounds) = (scale.seed("several"), scale.rounds());
    let mut random = StdRng::seed_from_u64(seed);
    let server = Server::start().await;
    let mut pair = pair_on(&[&server]).await;
    let mut beside = pair.message_beside();
    beside.spawn();
    beside.wait_ready().await;
    let boards = [pair.board(), Board::new(beside.port())];
    let port = pair.notification.port();
    let subscribers = Follow::crowd("subscriber", SUBSCRIBERS, port, &boards[0]).await;
    // Each has users of its own; a client that is not sure posts to its own again.
    let loads = [("left", &boards[0]), ("right", &boards[1])]
        .map(|(name, board)| Load::start_as(name, board, POSTERS / 2, PAUSE, seed));
    for round in 1..=rounds {
        sleep(Duration::from_millis(random.random_range(0..1_000))).await;
        let killed = if random.random() { &mut beside } else { &mut pair.message };
        killed.kill();
        sleep(Duration::from_millis(random.random_range(0..300))).await;
        killed.spawn();
        killed.wait_ready().await;
        let key = format!("round-{round}");
        let mark = boards[random.random_range(0..2)].post("mark", &key, &key).await;
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
    }
    let mut acknowledged = Vec::new();
    for load in loads {
        acknowledged.extend(load.stop().await);
    }
    // Killed for good right after its answer, with nobody saying anything further.
    let last = boards[1].post("last", "last", "last").await;
    beside.kill();
    for subscriber in &subscribers {
        subscriber.reach(last.seq).await;
    }
    acknowledged.push(last);
    let stored = boards[0].all().await;
    check_unbroken(&acknowledged, &stored, &subscribers).await;
    eprintln!("several: {rounds} rounds, {} acknowledged", acknowledged.len());
}

/// As when the machine that it runs on is cut off: nobody says that the connections have ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_is_given_up_and_used_again_when_it_is_back() {
    if !has_servers() {
        return;
    }
    let server = Server::start().await;
    let pair = pair_on(&[&server]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let watching = Follow::live("watching", port, &board).start().await;
    let before = board.post("alice", "before", "before").await;
    server.stop();
    let unanswered = board.try_post("alice", "during", "during").await;
    assert!(unanswered.is_err_and(|refusal| refusal.starts_with("503")));
    let (status, _) = pair.message.get("/messages").await.unwrap();
    assert_eq!(status, 503);
    until("the service says so", async || {
        let (status, _) = pair.message.get("/readyz").await?;
        (status == 503).then_some(())
    })
    .await;
    server.resume();
    let during = board.post("alice", "during", "during").await;
    let after = board.post("alice", "after", "after").await;
    assert_eq!(board.all().await, [before, during, after.clone()]);
    watching.reach(after.seq).await;
    assert!(watching.state().resets.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_down_posts_are_refused_and_the_service_can_be_stopped() {
    if !has_servers() {
        return;
    }
    let server = Server::start().await;
    let mut pair = pair_on(&[&server]).await;
    let board = pair.board();
    board.post("alice", "before", "before").await;
    server.kill();
    until("the service says so", async || {
        let (status, _) = pair.message.get("/readyz").await?;
        (status == 503).then_some(())
    })
    .await;
    for round in 0..3 {
        let posts = (0..4).map(|n| {
            let key = format!("during-{round}-{n}");
            let board = &board;
            async move { board.try_post("alice", &key, &key).await }
        });
        for answer in futures_util::future::join_all(posts).await {
            assert!(answer.is_err_and(|refusal| refusal.starts_with("503")));
        }
    }
    pair.message.signal(Signal::TERM);
    let (status, _) = pair.message.exit().await;
    assert_eq!(status.code(), Some(0), "{}", pair.message.log());
}

/// Waits for the end of a service that cannot start; returns what it says.
async fn complaint(mut service: Service) -> String {
    service.spawn();
    let (status, _) = service.exit().await;
    let log = service.log();
    assert!(!status.success() && !log.contains("panicked"), "{log}");
    let errors: Vec<_> = log.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{log}");
    errors[0].to_owned()
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_is_not_told_anything() {
    let Some(server) = database::server() else {
        has_servers();
        return;
    };
    let (start, query) = server.split_once('?').unwrap();
    let (_, root) = query.split_once("sslrootcert=").unwrap();
    let elsewhere = start.replace("127.0.0.1", "localhost");
    for url in [
        // Its certificate is of nobody that is known, and for another name.
        format!("{start}?sslmode=verify-full"),
        format!("{elsewhere}?sslmode=verify-full&sslrootcert={root}"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Service::new("message-service", free_port(), folder.path());
        service.set("DATABASE_URL", &url);
        let complaint = complaint(service).await;
        assert!(complaint.contains("certificate"), "{url}: {complaint}");
    }
}

#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_ends_the_start() {
    if !has_servers() {
        return;
    }
    let server = Server::start().await;
    drop(pair_on(&[&server]).await);
    server.execute(
        "chat",
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
         values (9999, 'of tomorrow', true, '', 0)",
    );
    let folder = tempfile::tempdir().unwrap();
    let mut service = Service::new("message-service", free_port(), folder.path());
    service.set("DATABASE_URL", format!("postgres://realtalk@{}/chat", server.address()));
    let complaint = complaint(service).await;
    assert!(complaint.contains("newer"), "{complaint}");
}
