//! Whatever fails, there is one history, and in the end everybody knows who is there.

use std::time::Duration;

use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, IteratorRandom},
};
use tokio::time::sleep;

use super::{crowd, restart, wait_online_everywhere};
use crate::{
    board::Board,
    database,
    fleet::Fleet,
    history::Message,
    link::State,
    load::Load,
    process::Service,
    redis::{self, Redis},
    scale::{Scale, heavy},
    server::Server,
    stream::{Subscriber, check_unbroken},
};

const PAUSE: Duration = Duration::from_millis(15);

/// Those who have a name: they come over WebSockets.
fn named(subscribers: &[Subscriber]) -> Vec<String> {
    let mut names: Vec<_> =
        (1..subscribers.len()).step_by(2).map(|number| format!("subscriber-{number}")).collect();
    names.sort_unstable();
    names
}

/// What may happen to one of them.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Stop,
    /// Stops in an orderly way, and starts again.
    Restart,
}

/// What a fault may happen to.
#[derive(Clone, Copy, Debug)]
enum Part {
    Message(usize),
    Notification(usize),
    Redis,
    Database,
    Link(usize),
}

fn parts(fleet: &Fleet, random: &mut StdRng) -> Vec<Part> {
    let mut parts: Vec<_> = (0..fleet.messages.len()).map(Part::Message).collect();
    parts.extend((0..fleet.notifications.len()).map(Part::Notification));
    parts.extend([Part::Redis, Part::Redis]);
    parts.extend(fleet.server.is_some().then_some(Part::Database));
    // There are many ways: half of the faults are theirs.
    let links = 0..fleet.links.len();
    parts.extend((0..parts.len()).filter_map(|_| links.clone().choose(random)).map(Part::Link));
    parts
}

async fn strike(fleet: &mut Fleet, part: Part, random: &mut StdRng) {
    let fault = *[Fault::Kill, Fault::Stop, Fault::Restart].choose(random).unwrap();
    let lasts = Duration::from_millis(random.random_range(50..1_200));
    eprintln!("{part:?}: {fault:?} for {lasts:?}");
    match (part, fault) {
        (Part::Message(number), _) => {
            strike_service(&mut fleet.messages[number], fault, lasts).await;
        }
        (Part::Notification(number), _) => {
            strike_service(&mut fleet.notifications[number], fault, lasts).await;
        }
        (Part::Redis, Fault::Stop) => {
            fleet.redis.stop();
            sleep(lasts).await;
            fleet.redis.resume();
        }
        (Part::Redis, _) => {
            fleet.redis.kill();
            sleep(lasts).await;
            fleet.redis.spawn().await;
        }
        (Part::Database, _) => {
            let server = fleet.server.as_ref().unwrap();
            match fault {
                Fault::Stop => server.stop(),
                _ => server.kill(),
            }
            sleep(lasts).await;
            match fault {
                Fault::Stop => server.resume(),
                _ => server.spawn().await,
            }
        }
        (Part::Link(first), _) => {
            // And its neighbours: what is cut off is rarely one connection alone.
            let state = if matches!(fault, Fault::Stop) { State::Silent } else { State::Cut };
            let links = &fleet.links[first..(first + 3).min(fleet.links.len())];
            links.iter().for_each(|link| link.set(state));
            sleep(2 * lasts).await;
            links.iter().for_each(|link| link.set(State::Whole));
        }
    }
}

async fn strike_service(service: &mut Service, fault: Fault, lasts: Duration) {
    match fault {
        Fault::Kill => {
            service.kill();
            sleep(lasts).await;
            service.spawn();
        }
        Fault::Stop => {
            service.stop();
            sleep(lasts).await;
            service.resume();
        }
        Fault::Restart => restart(service).await,
    }
}

/// Posts to all message services while something goes on.
fn loads(boards: &[Board], posters: u64, seed: u64) -> Vec<Load> {
    let start = |(number, board): (usize, &Board)| {
        Load::start_as(&format!("at-{number}"), board, posters, PAUSE, seed)
    };
    boards.iter().enumerate().map(start).collect()
}

async fn check(fleet: &Fleet, loads: Vec<Load>, subscribers: &[Subscriber]) -> Vec<Message> {
    let mut acknowledged = Vec::new();
    for load in loads {
        acknowledged.extend(load.stop().await);
    }
    let stored = fleet.boards()[0].all().await;
    check_unbroken(&acknowledged, &stored, subscribers).await;
    acknowledged
}

/// With as many message services as the data allow.
pub(super) async fn fleet_for_faults(settings: &[(&str, &str)]) -> Fleet {
    let server = match database::server() {
        Some(_) => Some(Server::start().await),
        None => None,
    };
    let messages = if server.is_some() { 3 } else { 1 };
    Fleet::start(messages, 3, Redis::start().await, server, settings).await
}

/// How many faults there are.
pub(super) fn faults(scale: &Scale) -> u32 {
    if scale.is_long() { 300 } else { 30 }
}

/// Has so many random faults happen. After each fifth all is well again, for all, and somebody looks whether it
/// is.
pub(super) async fn suffer(
    fleet: &mut Fleet,
    faults: u32,
    random: &mut StdRng,
    mut look: impl AsyncFnMut(&Fleet, &str),
) {
    for fault in 1..=faults {
        sleep(Duration::from_millis(random.random_range(0..400))).await;
        let part = *parts(fleet, random).choose(random).unwrap();
        fleet.revive();
        strike(fleet, part, random).await;
        if fault % 5 == 0 {
            fleet.wait_ready().await;
            look(fleet, &format!("fault-{fault}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_one_history_whatever_fails() {
    if !redis::is_installed() {
        return;
    }
    let _turn = heavy().await;
    let scale = Scale::read();
    let seed = scale.seed("instances");
    let mut random = StdRng::seed_from_u64(seed);
    let mut fleet = fleet_for_faults(&[]).await;
    let subscribers = crowd(&fleet, if scale.is_long() { 60 } else { 12 }).await;
    let boards = fleet.boards();
    let loads = loads(&boards, 3, seed);
    let faults = faults(&scale);
    let mut next = boards.iter().cycle();
    suffer(&mut fleet, faults, &mut random, async |fleet, key| {
        wait_online_everywhere(fleet, &named(&subscribers)).await;
        let mark = next.next().unwrap().post("mark", key, key).await;
        for subscriber in &subscribers {
            subscriber.reach(mark.seq).await;
        }
    })
    .await;
    let acknowledged = check(&fleet, loads, &subscribers).await;
    eprintln!("instances: {faults} faults, {} acknowledged", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_are_restarted_one_after_the_other_and_nobody_misses_anything() {
    if !redis::is_installed() {
        return;
    }
    let _turn = heavy().await;
    let seed = Scale::read().seed("rolling");
    let mut fleet = fleet_for_faults(&[("DRAIN_SECS", "2")]).await;
    let subscribers = crowd(&fleet, 12).await;
    let loads = loads(&fleet.boards(), 3, seed);
    for _ in 0..3 {
        for service in fleet.services() {
            restart(service).await;
            service.wait_ready().await;
        }
    }
    let acknowledged = check(&fleet, loads, &subscribers).await;
    eprintln!("rolling: {} acknowledged", acknowledged.len());
}
