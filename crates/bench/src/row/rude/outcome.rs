//! [`Outcome`]: what came of an attack, and the bars it is held to.

use std::sync::LazyLock;

use super::memory::Memory;
use super::tally::{Deed, Tally};
use super::timeline::Phase;
use crate::load::swarm::Score;
use crate::row::figure::{Bar, Figure, Sample};

/// What a p99 without an attack counts as at least: below it, multiples say more of the scheduler
/// than of fairness.
pub(super) const FLOOR_MS: f64 = 1.0;

const MIB: f64 = 1024.0 * 1024.0;

const HELD_TO_BARS: [Figure; 4] = [
    Figure { name: "worst p99 attacked / quiet", unit: "", digits: 2, bars: &[Bar::Most(5.0)] },
    Figure { name: "refused", unit: "", digits: 0, bars: &[Bar::Most(0.0)] },
    Figure { name: "peak of a service", unit: "MiB", digits: 0, bars: &[Bar::Most(256.0)] },
    Figure { name: "memory after / before", unit: "", digits: 2, bars: &[Bar::Most(1.2)] },
];

/// Quantiles of what ordinary clients do, in milliseconds.
const LATENCIES: [(&str, Deed, Phase, f64); 20] = [
    ("post p50 quiet", Deed::Post, Phase::Quiet, 0.5),
    ("post p50 attacked", Deed::Post, Phase::Attacked, 0.5),
    ("post p99 quiet", Deed::Post, Phase::Quiet, 0.99),
    ("post p99 attacked", Deed::Post, Phase::Attacked, 0.99),
    ("post p99 after", Deed::Post, Phase::After, 0.99),
    ("seen p50 quiet", Deed::Seen, Phase::Quiet, 0.5),
    ("seen p50 attacked", Deed::Seen, Phase::Attacked, 0.5),
    ("seen p99 quiet", Deed::Seen, Phase::Quiet, 0.99),
    ("seen p99 attacked", Deed::Seen, Phase::Attacked, 0.99),
    ("seen p99 after", Deed::Seen, Phase::After, 0.99),
    ("read p50 quiet", Deed::Read, Phase::Quiet, 0.5),
    ("read p50 attacked", Deed::Read, Phase::Attacked, 0.5),
    ("read p99 quiet", Deed::Read, Phase::Quiet, 0.99),
    ("read p99 attacked", Deed::Read, Phase::Attacked, 0.99),
    ("read p99 after", Deed::Read, Phase::After, 0.99),
    ("open p50 quiet", Deed::Open, Phase::Quiet, 0.5),
    ("open p50 attacked", Deed::Open, Phase::Attacked, 0.5),
    ("open p99 quiet", Deed::Open, Phase::Quiet, 0.99),
    ("open p99 attacked", Deed::Open, Phase::Attacked, 0.99),
    ("open p99 after", Deed::Open, Phase::After, 0.99),
];

const OTHERS: [(&str, &str); 8] = [
    ("message service before", "MiB"),
    ("message service peak", "MiB"),
    ("message service after", "MiB"),
    ("stream service before", "MiB"),
    ("stream service peak", "MiB"),
    ("stream service after", "MiB"),
    ("attacker served", "1/s"),
    ("attacker refused", "1/s"),
];

/// Everything that is told of an attack; the bars come first.
pub(super) fn figures() -> &'static [Figure] {
    static ALL: LazyLock<Vec<Figure>> = LazyLock::new(|| {
        let latencies =
            LATENCIES.map(|(name, ..)| Figure { name, unit: "ms", digits: 1, bars: &[] });
        let others = OTHERS.map(|(name, unit)| Figure { name, unit, digits: 0, bars: &[] });
        HELD_TO_BARS.into_iter().chain(latencies).chain(others).collect()
    });
    &ALL
}

/// What came of an attack.
pub(super) struct Outcome {
    pub(super) tally: Tally,
    /// Of the message service.
    pub(super) messages: Memory,
    /// Of real-time-ntfn.
    pub(super) streams: Memory,
    pub(super) score: Score,
    /// How long the attack was.
    pub(super) seconds: f64,
}

impl Outcome {
    pub(super) fn sample(&self) -> Sample {
        let Self { tally, messages, streams, score, seconds } = self;
        let times = Deed::ALL.map(|deed| {
            let quiet = tally.quantile_ms(deed, Phase::Quiet, 0.99).max(FLOOR_MS);
            tally.quantile_ms(deed, Phase::Attacked, 0.99) / quiet
        });
        let worst = times.into_iter().fold(0.0, f64::max);
        let latencies = LATENCIES
            .iter()
            .map(|(name, deed, phase, share)| (*name, tally.quantile_ms(*deed, *phase, *share)));
        Sample::from_iter(latencies.chain([
            ("worst p99 attacked / quiet", worst),
            ("refused", tally.refused() as f64),
            ("peak of a service", messages.peak.max(streams.peak) / MIB),
            ("memory after / before", messages.kept().max(streams.kept())),
            ("message service before", messages.before / MIB),
            ("message service peak", messages.peak / MIB),
            ("message service after", messages.after / MIB),
            ("stream service before", streams.before / MIB),
            ("stream service peak", streams.peak / MIB),
            ("stream service after", streams.after / MIB),
            ("attacker served", score.served as f64 / seconds),
            ("attacker refused", score.refused as f64 / seconds),
        ]))
    }
}
