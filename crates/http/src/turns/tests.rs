use std::pin::pin;

use futures_util::FutureExt;

use super::*;

const ALL: Shares = Shares { by_address: true, loopback: true };

const PATIENT: Duration = Duration::from_secs(3_600);

fn asker(address: u8, user: &str) -> Asker {
    let user = (!user.is_empty()).then(|| user.to_owned());
    Asker { address: [127, 0, 0, address].into(), user }
}

fn is_empty(turns: &Turns, free: usize) -> bool {
    let state = turns.0.lock();
    state.free == free && state.lines.is_empty() && state.waiting.is_empty()
}

#[tokio::test]
async fn whoever_comes_late_is_next_however_many_wait_elsewhere() {
    let turns = Turns::new(4, ALL);
    let rude = asker(1, "");
    let under_way = [
        turns.take(&rude, PATIENT).await.ok().unwrap(),
        turns.take(&rude, PATIENT).await.ok().unwrap(),
    ];
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(turns.take(&rude, PATIENT))).collect();
    assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()), "it has its share");
    // There is room for others at once, and what becomes free goes around.
    let other = turns.take(&asker(2, ""), PATIENT).await.ok().unwrap();
    let third = turns.take(&asker(3, ""), PATIENT).await.ok().unwrap();
    let fourth = asker(4, "");
    let mut late = pin!(turns.take(&fourth, PATIENT));
    assert!(late.as_mut().now_or_never().is_none());
    drop(other);
    let late = late.now_or_never().unwrap().ok().unwrap();
    drop((waiting, under_way, third, late));
    assert!(is_empty(&turns, 4), "all is given back");
}

#[tokio::test]
async fn users_of_one_address_take_turns() {
    let turns = Turns::new(1, ALL);
    let (alice, bob) = (asker(1, "alice"), asker(1, "bob"));
    let first = turns.take(&alice, PATIENT).await.ok().unwrap();
    let mut alice: Vec<_> = (0..10).map(|_| Box::pin(turns.take(&alice, PATIENT))).collect();
    assert!(alice.iter_mut().all(|turn| turn.now_or_never().is_none()));
    let mut bob = pin!(turns.take(&bob, PATIENT));
    assert!(bob.as_mut().now_or_never().is_none());
    drop(first);
    let second = alice[0].as_mut().now_or_never().unwrap().ok().unwrap();
    assert!(bob.as_mut().now_or_never().is_none());
    drop(second);
    let bob = bob.now_or_never().unwrap().ok().unwrap();
    // Who has gone away is passed over, and keeps nothing.
    alice.truncate(3);
    drop(bob);
    drop(alice);
    assert!(is_empty(&turns, 1));
}

#[tokio::test]
async fn who_waits_too_long_is_told_so_and_who_has_gone_leaves_room() {
    let turns = Turns::new(2, ALL);
    let rude = asker(1, "");
    let taken = turns.take(&rude, PATIENT).await.ok().unwrap();
    assert_eq!(turns.take(&rude, Duration::ZERO).await.err(), Some(Crowded));
    for _ in 0..1_000 {
        drop(turns.0.line_up(&rude));
    }
    assert!(turns.0.lock().lines[&rude.address].questions[&None].len() < 100);
    drop(taken);
    assert!(is_empty(&turns, 2));
}

#[tokio::test]
async fn whoever_has_had_a_long_turn_rests_and_others_do_not_wait_for_that() {
    let turns = Turns::at_work(2, ALL);
    let (rude, other) = (asker(1, ""), asker(2, ""));
    let taken = turns.take(&rude, PATIENT).await.ok().unwrap();
    let began = Instant::now();
    sleep(Duration::from_millis(200)).await;
    drop(taken);
    let others = [turns.take(&other, PATIENT), turns.take(&other, PATIENT)];
    let [one, second] = others.map(|turn| Box::pin(turn).now_or_never());
    assert!(one.is_some_and(|turn| turn.is_ok()) && second.is_none(), "each has its share");
    drop(turns.take(&rude, PATIENT).await.ok().unwrap());
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
    // A short one is followed by the next, and loopback may be everybody.
    let short = turns.take(&rude, PATIENT).await.ok().unwrap();
    drop(short);
    assert_eq!(turns.0.rest(rude.address, SHORT / 2), None);
    assert_eq!(turns.0.rest(rude.address, PATIENT), Some(LONG));
    let turns = Turns::at_work(2, Shares { loopback: false, ..ALL });
    assert_eq!(turns.0.rest(rude.address, PATIENT), None);
}

#[tokio::test]
async fn nobody_keeps_more_than_half_of_the_processors_busy() {
    let processors = available_parallelism().map_or(1, usize::from);
    let turns = Turns::at_work(4 * processors, ALL);
    let rude = asker(1, "");
    let mut all: Vec<_> =
        (0..2 * processors).map(|_| Box::pin(turns.take(&rude, PATIENT))).collect();
    let under_way: Vec<_> = all.iter_mut().filter_map(|turn| turn.now_or_never()).collect();
    assert_eq!(under_way.len(), processors.div_ceil(2));
    assert_eq!(turns.share(), under_way.len());
}

#[tokio::test]
async fn loopback_may_be_everybody_and_its_users_share_all() {
    let turns = Turns::new(4, Shares { loopback: false, ..ALL });
    let mut alice = Vec::new();
    for _ in 0..4 {
        alice.push(turns.take(&asker(1, "alice"), PATIENT).await.ok().unwrap());
    }
    let next = asker(1, "alice");
    let mut next = pin!(turns.take(&next, PATIENT));
    assert!(next.as_mut().now_or_never().is_none());
    let bob = asker(1, "bob");
    let mut bob = pin!(turns.take(&bob, PATIENT));
    assert!(bob.as_mut().now_or_never().is_none());
    alice.truncate(2);
    assert!(bob.now_or_never().is_some() && next.now_or_never().is_some());
    drop(alice);
    assert!(is_empty(&turns, 4));
}
