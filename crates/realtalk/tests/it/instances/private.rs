//! Whatever fails, everybody knows what is said in their direct conversations and groups, on all of their devices.

use rand::{SeedableRng, rngs::StdRng};

use super::faults::{faults, fleet_for_faults, suffer};
use crate::{
    devices::Cast,
    process::Service,
    redis,
    scale::{Scale, heavy},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_know_what_is_said_in_private_whatever_fails() {
    if !redis::is_installed() {
        return;
    }
    let _turn = heavy().await;
    let scale = Scale::read();
    let (seed, faults) = (scale.seed("private"), faults(&scale));
    let mut random = StdRng::seed_from_u64(seed);
    let mut fleet = fleet_for_faults(&[]).await;
    let messages: Vec<_> = fleet.messages.iter().map(Service::port).collect();
    let cast = Cast::assemble_at(&messages, &fleet.ports()).await;
    let alice = cast.devices[0].person.clone();
    let mut acting = cast.act(seed);
    suffer(&mut fleet, faults, &mut random, async |_, key| {
        let mark = alice.say("public", key, key).await;
        for device in &cast.devices {
            device.reach(mark["id"].as_str().unwrap()).await;
        }
        if let Some(ended) = acting.try_join_next() {
            panic!("someone stopped acting: {:?}", ended.map(|(name, _)| name));
        }
    })
    .await;
    let acts = cast.stop(acting).await;
    cast.settle().await;
    cast.check(&acts).await;
    let resets: usize = cast.devices.iter().map(|device| device.state().resets).sum();
    let count: usize = acts.iter().map(|(_, deeds)| deeds.count).sum();
    eprintln!("private: {faults} faults, {count} acts, {resets} resets");
    assert!(count >= faults as usize, "there was no load");
}
