//! People who move between instances: when these say the same of how many are there, and what that costs.

mod watch;

use std::time::Duration;

use anyhow::{Context, Result};
use rand::seq::{IndexedRandom, index};

use self::watch::Watch;
use super::figure::{Bar, Figure, Sample};
use super::{Row, settle};
use crate::load::poster::Poster;
use crate::load::wanderers::Wanderers;
use crate::target::fleet::{Fleet, Order};
use crate::target::{Kind, Lab, redis};
use crate::{clock, usage};

/// Notification services.
const INSTANCES: usize = 3;

/// Times that people move and leave.
const ROUNDS: usize = 3;

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(2);

/// How long instances are watched after the last move.
const WATCHED: Duration = Duration::from_secs(60);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

/// How long the processor time is measured while nothing changes.
const QUIET: Duration = Duration::from_secs(10);

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Presence {
    /// Users, each with a stream at one of the instances
    #[arg(long, default_value_t = Self::default().users)]
    users: usize,
    /// Users who move to any of the instances in a round, those who had left as well
    #[arg(long, default_value_t = Self::default().moves)]
    moves: usize,
    /// Users who leave at the end of a round
    #[arg(long, default_value_t = Self::default().leaves)]
    leaves: usize,
}

impl Default for Presence {
    fn default() -> Self {
        Self { users: 10_000, moves: 3_000, leaves: 500 }
    }
}

impl Row for Presence {
    fn name(&self) -> &'static str {
        "presence"
    }

    fn conditions(&self) -> String {
        format!(
            "{} users over SSE at {INSTANCES} notification services with Redis; {ROUNDS} times, {} of them move and \
             {} leave, {PAUSE:?} apart; then GET /presence of all, every {LOOK:?} for {WATCHED:?}, and \
             processor time over {QUIET:?} in which nothing changes; seconds count from the last move",
            self.users, self.moves, self.leaves
        )
    }

    fn figures(&self) -> &'static [Figure] {
        const TIME: Figure = Figure { name: "", unit: "s", digits: 1, bars: &[] };
        const COUNT: Figure = Figure { name: "", unit: "", digits: 0, bars: &[] };
        &[
            Figure { name: "users at the end", ..COUNT },
            Figure { name: "all open after", ..TIME },
            Figure { name: "all say the same after", bars: &[Bar::Most(10.0)], ..TIME },
            Figure { name: "all are right after", bars: &[Bar::Most(60.0)], ..TIME },
            Figure { name: "ghosts after 60 s", bars: &[Bar::Most(0.0)], ..COUNT },
            Figure { name: "users missing after 60 s", bars: &[Bar::Most(0.0)], ..COUNT },
            Figure { name: "cpu of an instance per second", unit: "ms", digits: 2, bars: &[] },
            Figure { name: "memory of an instance", unit: "MiB", digits: 1, bars: &[] },
            Figure { name: "memory per user", unit: "bytes", digits: 0, bars: &[] },
        ]
    }

    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn missing(&self) -> Option<String> {
        redis::absent()
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let order = Order { messages: 1, streams: INSTANCES, has_redis: true, set: Vec::new() };
        let fleet = Fleet::start(lab, order)?;
        settle()?;
        let before = usage::resident(&fleet.stream_pids())?;
        let mut people = Wanderers::new(self.users, lab.pace.outstanding)?;
        let begun = clock::now();
        self.go(&mut people, &fleet, 0..self.users)?;
        let opened = (clock::now() - begun) as f64 / 1e9;
        eprintln!("    {} users are here after {opened:.1} s", self.users);
        people.stay(WATCHED / 6)?;
        for _ in 0..ROUNDS {
            let moved = index::sample(&mut rand::rng(), self.users, self.moves.min(self.users));
            self.go(&mut people, &fleet, moved)?;
            let present = people.present();
            for number in present.sample(&mut rand::rng(), self.leaves) {
                people.leave(*number);
            }
            people.stay(PAUSE)?;
        }
        let there = people.present().len();
        let watch = watch(&mut people, &fleet, there as u64)?;
        let used = usage::processor(&fleet.stream_pids())?;
        people.stay(QUIET)?;
        let used = usage::processor(&fleet.stream_pids())? - used;
        let memory = usage::resident(&fleet.stream_pids())?;
        let (ghosts, missing) = watch.wrong();
        let instances = INSTANCES as f64;
        Ok(Sample::from([
            ("users at the end", there as f64),
            ("all open after", opened),
            ("all say the same after", watch.agreed()),
            ("all are right after", watch.was_right()),
            ("ghosts after 60 s", ghosts as f64),
            ("users missing after 60 s", missing as f64),
            ("cpu of an instance per second", used * 1e3 / QUIET.as_secs_f64() / instances),
            ("memory of an instance", memory / f64::from(1 << 20) / instances),
            ("memory per user", (memory - before) / there as f64),
        ]))
    }
}

impl Presence {
    /// Has these users go to any of the instances, and waits until they are there.
    fn go(
        &self,
        people: &mut Wanderers,
        fleet: &Fleet,
        who: impl IntoIterator<Item = usize>,
    ) -> Result<()> {
        for number in who {
            let to = fleet.streams().choose(&mut rand::rng()).context("no instance")?;
            people.send(number, to.at())?;
        }
        people.wait_ready()
    }
}

/// Asks all instances again and again, while nobody moves.
fn watch(people: &mut Wanderers, fleet: &Fleet, right: u64) -> Result<Watch> {
    // Whoever moved last did so before the pause.
    let (last_move, mut watch) = (clock::now() - clock::nanos(PAUSE), Watch::new(right));
    loop {
        let seconds = (clock::now() - last_move) as f64 / 1e9;
        if seconds > WATCHED.as_secs_f64() {
            return Ok(watch);
        }
        let said = fleet.streams().iter().map(|instance| {
            let answer = Poster::connect(instance.at())?.get("/presence")?;
            let present: serde_json::Value = serde_json::from_slice(&answer.body)?;
            present["online_count"].as_u64().context("a presence without a count")
        });
        let said = said.collect::<Result<Vec<_>>>()?;
        if watch.take(seconds, &said) {
            eprintln!("    {seconds:.1} s after the last move: {said:?}, and {right} are there");
        }
        people.stay(LOOK)?;
    }
}
