//! Devices while all data move to another database, and to another one after that.

use std::time::Duration;

use tokio::time::sleep;

use super::Cast;
use crate::{
    import::{Home, import_all},
    person::Person,
    process::Pair,
    scale::{Scale, heavy},
};

/// For how long people act in each database.
const STAY: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_go_on_in_another_database_where_they_were() {
    let _turn = heavy().await;
    let seed = Scale::read().seed("moving");
    let secret = ("JWT_SECRET", "a secret of tests that is long enough");
    let mut pair = Pair::start(&[secret]).await;
    let erin = Person::registered(pair.message.port(), "erin").await;
    erin.say("public", "hello", "hello").await;
    let cast = Cast::assemble(&pair).await;
    let mut acting = cast.act(seed);
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let homes = [
        Home::server(&pair.data()),
        Home::file(folders[0].path()),
        Home::server(folders[1].path()),
    ];
    for (number, (from, to)) in homes.iter().zip(&homes[1..]).enumerate() {
        sleep(STAY).await;
        pair.message.kill();
        let said = import_all(from, to).await;
        to.move_in(&mut pair);
        pair.message.spawn();
        pair.wait_ready().await;
        eprintln!("moving:{said}");
        // With the session and the password of before.
        erin.say("public", "still here", &format!("move-{number}")).await;
        erin.signed_in().await;
        if let Some(ended) = acting.try_join_next() {
            panic!("someone stopped acting: {:?}", ended.map(|(name, _)| name));
        }
    }
    sleep(STAY).await;
    let acts = cast.stop(acting).await;
    cast.settle().await;
    cast.check(&acts).await;
    let resets: usize = cast.devices.iter().map(|device| device.state().resets).sum();
    assert_eq!(resets, 0, "a cursor of before was not known");
    assert!(acts.iter().any(|(_, deeds)| deeds.count > 0), "there was no load");
}
