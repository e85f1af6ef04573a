//! [`Tally`]: how long what ordinary clients do took, and what they were refused.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::timeline::Phase;
use crate::load::histogram::Histogram;

/// What an ordinary client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    /// A post, until it is acknowledged.
    Post,
    /// The same, until it is on the client's own stream.
    Seen,
    Read,
    /// A stream, until it is ready.
    Open,
}

impl Deed {
    pub(super) const ALL: [Self; 4] = [Self::Post, Self::Seen, Self::Read, Self::Open];
}

#[derive(Default)]
pub(super) struct Tally {
    took: BTreeMap<(Deed, Phase), Histogram>,
    refused: BTreeMap<(Phase, String), u64>,
}

impl Tally {
    pub(super) fn took(&mut self, deed: Deed, phase: Phase, nanos: u64) {
        self.took.entry((deed, phase)).or_insert_with(Histogram::new).record(nanos);
    }

    /// Something was not done, for this reason.
    pub(super) fn refuse(&mut self, phase: Phase, what: &str, error: &anyhow::Error) {
        let cause = error.root_cause();
        let is_late = cause.downcast_ref::<std::io::Error>().is_some_and(|error| {
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        });
        let reason = if is_late { "no answer in time".to_owned() } else { cause.to_string() };
        *self.refused.entry((phase, format!("{what}: {reason}"))).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (key, histogram) in &other.took {
            self.took.entry(*key).or_insert_with(Histogram::new).merge(histogram);
        }
        for (key, count) in &other.refused {
            *self.refused.entry(key.clone()).or_default() += count;
        }
    }

    /// In milliseconds; infinite if it was never done.
    pub(super) fn quantile_ms(&self, deed: Deed, phase: Phase, share: f64) -> f64 {
        self.took.get(&(deed, phase)).map_or(f64::INFINITY, |took| took.quantile_ms(share))
    }

    /// How often something was refused, in all phases that count.
    pub(super) fn refused(&self) -> u64 {
        let counts = self.refused.iter().filter(|((phase, _), _)| *phase != Phase::WarmUp);
        counts.map(|(_, count)| count).sum()
    }

    /// Each refusal, with the phase in which it was due and how often it was.
    pub(super) fn refusals(&self) -> impl Iterator<Item = String> {
        self.refused.iter().map(|((phase, what), count)| format!("{count} × {phase:?}: {what}"))
    }
}
