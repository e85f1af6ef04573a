//! Rude neighbours: what ordinary clients of other addresses notice while somebody takes all that
//! one address can get, and what the services keep of it.

mod attack;
mod line;
mod memory;
mod neighbour;
mod outcome;
mod seed;
mod tally;
mod timeline;

use std::time::Duration;

use anyhow::{Result, anyhow};

pub(crate) use self::attack::Attack;
use self::attack::Scene;
use self::memory::Memory;
use self::neighbour::Neighbour;
use self::outcome::Outcome;
use self::seed::Seed;
use self::tally::Tally;
use self::timeline::{Lengths, Timeline};
use super::figure::{Figure, Sample};
use super::{Row, settle};
use crate::clock;
use crate::target::realtalk::RealTalk;
use crate::target::{Kind, Lab, Server};

/// Ordinary clients.
const NEIGHBOURS: u32 = 10;

/// What the rude one does here must not take the processor from those who measure.
const ATTACKERS_NICENESS: i32 = 10;

/// Messages of a room that nobody watches are there first: more than the stream service keeps in memory, as
/// where it has run for a while. Else that fills with what is posted meanwhile, whoever posts it.
const EVENTS: usize = 9_000;

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Rude {
    /// What is done; each is measured by itself
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Attack::ALL)]
    attack: Vec<Attack>,
    /// Seconds before the attack
    #[arg(long, default_value_t = Self::usual().quiet)]
    quiet: u64,
    /// Seconds that it lasts
    #[arg(long, default_value_t = Self::usual().seconds)]
    seconds: u64,
    /// Seconds after it until memory and latencies are to be as before
    #[arg(long, default_value_t = Self::usual().rest)]
    rest: u64,
    /// Seconds for which latencies are measured then
    #[arg(long, default_value_t = Self::usual().after)]
    after: u64,
    /// 5, 10, 10 and 5 seconds instead
    #[arg(long)]
    quick: bool,
}

impl Rude {
    fn usual() -> Self {
        let attack = Attack::ALL.to_vec();
        Self { attack, quiet: 15, seconds: 60, rest: 60, after: 15, quick: false }
    }

    /// Every attack, with the lengths that it has by default.
    pub(crate) fn all(quick: bool) -> impl Iterator<Item = Rudeness> {
        Self { quick, ..Self::usual() }.rows()
    }

    /// A row for each attack.
    pub(crate) fn rows(self) -> impl Iterator<Item = Rudeness> {
        let [quiet, attacked, rest, after] = if self.quick {
            [5, 10, 10, 5]
        } else {
            [self.quiet, self.seconds, self.rest, self.after]
        }
        .map(Duration::from_secs);
        let lengths = Lengths { quiet, attacked, rest, after };
        self.attack.into_iter().map(move |attack| Rudeness { attack, lengths })
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }
}

/// One attack beside ordinary clients.
pub(crate) struct Rudeness {
    attack: Attack,
    lengths: Lengths,
}

impl Row for Rudeness {
    fn name(&self) -> &'static str {
        self.attack.name()
    }

    fn conditions(&self) -> String {
        let Lengths { quiet, attacked, rest, after } = self.lengths;
        format!(
            "{NEIGHBOURS} ordinary clients, each of an address of its own, that every second post, \
             list 50 messages and open a stream, beside one address with {}; quiet for {quiet:?}, \
             attacked for {attacked:?}, after it for {after:?} from {rest:?} later; latencies count \
             from when something was due, a quiet p99 as {} ms at least; {EVENTS} messages \
             before all that; default settings, but LIMIT_LOOPBACK=true; the rude one runs at nice \
             {ATTACKERS_NICENESS}",
            self.attack.what(),
            outcome::FLOOR_MS
        )
    }

    fn figures(&self) -> &'static [Figure] {
        outcome::figures()
    }

    /// The others know no limits by address.
    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk]
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn measure(&self, _: Kind, lab: &Lab) -> Result<Sample> {
        let set = vec![("LIMIT_LOOPBACK", "true".to_owned())];
        let mut server = RealTalk::start_with(lab, set)?;
        let seed = Seed { messages: server.message_address() };
        let begun = clock::now();
        seed.room("before", EVENTS, "hello")?;
        seed.public(200)?;
        self.attack.seed(seed)?;
        eprintln!("    seeded in {:.1} s", (clock::now() - begun) as f64 / 1e9);
        // What was seeded is in the log, and not in its memory.
        server.kill_notification()?;
        server.restart_notification()?;
        settle()?;
        let outcome = self.watch(&server)?;
        for refusal in outcome.tally.refusals() {
            eprintln!("    {refusal}");
        }
        Ok(outcome.sample())
    }
}

impl Rudeness {
    /// Lets the neighbours live, and the rude one come and go.
    fn watch(&self, server: &RealTalk) -> Result<Outcome> {
        let (messages, streams) = (server.message_address(), server.stream().to);
        let timeline = Timeline::begin(self.lengths);
        let scene = Scene { messages, streams, until: timeline.rest };
        std::thread::scope(|scope| {
            let neighbours: Vec<_> = (0..NEIGHBOURS)
                .map(|number| Neighbour { number, messages, streams, timeline })
                .map(|neighbour| scope.spawn(move || neighbour.live()))
                .collect();
            let watch = |pid| scope.spawn(move || Memory::watch(pid, &timeline));
            let memories = [server.message_pid(), server.stream_pid()].map(watch);
            let rude = scope.spawn(move || {
                clock::pause_until(timeline.attack)?;
                // Elsewhere it has a machine of its own. Threads inherit this from who starts them.
                rustix::process::setpriority_process(None, ATTACKERS_NICENESS)?;
                self.attack.run(scene)
            });
            let panicked = |_| anyhow!("a thread of the row panicked");
            let score = rude.join().map_err(panicked)?;
            let mut tally = Tally::default();
            for neighbour in neighbours {
                tally.add(&neighbour.join().map_err(panicked)??);
            }
            let [messages, streams] = memories.map(|memory| memory.join().map_err(panicked));
            let seconds = self.lengths.attacked.as_secs_f64();
            Ok(Outcome { tally, messages: messages??, streams: streams??, score: score?, seconds })
        })
    }
}
