//! What a row measures, and the bars it is held to.

use std::collections::BTreeMap;
use std::fmt;

use crate::target::Kind;

/// One measured quantity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    /// Digits after the point.
    pub(crate) digits: usize,
    pub(crate) bars: &'static [Bar],
}

/// The share of the machine's processors that unrelated programs took during the measurement; every
/// row has it.
pub(crate) const OTHERS: Figure =
    Figure { name: "machine used by others", unit: "%", digits: 0, bars: &[] };

/// What RealTalk's median has to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    Most(f64),
    Least(f64),
    /// At most so many times the other server's median of the same run.
    MostTimes(f64, Kind),
    LeastTimes(f64, Kind),
}

/// The figures of one measurement, or their medians, by name.
pub(crate) type Sample = BTreeMap<&'static str, f64>;

/// A bar held against medians.
pub(crate) struct Verdict {
    /// RealTalk's median as a multiple of the other's, where the bar is a ratio.
    pub(crate) ratio: Option<(f64, Kind)>,
    pub(crate) met: bool,
}

impl Bar {
    /// `None` while a median that it needs is missing.
    pub(crate) fn judge(self, median: impl Fn(Kind) -> Option<f64>) -> Option<Verdict> {
        let own = median(Kind::Realtalk)?;
        Some(match self {
            Self::Most(limit) => Verdict { ratio: None, met: own <= limit },
            Self::Least(limit) => Verdict { ratio: None, met: own >= limit },
            Self::MostTimes(times, kind) => {
                let ratio = own / median(kind)?;
                Verdict { ratio: Some((ratio, kind)), met: ratio <= times }
            }
            Self::LeastTimes(times, kind) => {
                let ratio = own / median(kind)?;
                Verdict { ratio: Some((ratio, kind)), met: ratio >= times }
            }
        })
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(limit) => write!(f, "≤ {limit}"),
            Self::Least(limit) => write!(f, "≥ {limit}"),
            Self::MostTimes(times, kind) => write!(f, "≤ {times} × {kind}"),
            Self::LeastTimes(times, kind) => write!(f, "≥ {times} × {kind}"),
        }
    }
}

/// The medians of the figures that every sample has.
pub(crate) fn medians(samples: &[Sample]) -> Sample {
    let Some(first) = samples.first() else {
        return Sample::new();
    };
    let median_of = |name: &&'static str| {
        let mut values: Vec<f64> =
            samples.iter().filter_map(|sample| sample.get(name).copied()).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        (*name, median)
    };
    first.keys().map(median_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two() {
        let samples = |values: &[f64]| -> Vec<Sample> {
            values.iter().map(|value| Sample::from([("x", *value)])).collect()
        };
        assert_eq!(medians(&samples(&[9.0, 1.0, 5.0]))["x"], 5.0);
        assert_eq!(medians(&samples(&[9.0, 1.0, 5.0, 6.0]))["x"], 5.5);
        assert!(medians(&[]).is_empty());
    }

    #[test]
    fn a_bar_against_an_absent_server_is_not_judged() {
        let median = |kind| (kind == Kind::Realtalk).then_some(30.0);
        assert!(Bar::LeastTimes(3.0, Kind::Bare).judge(median).is_none());
        assert!(Bar::Most(30.0).judge(median).unwrap().met);
        let both = |kind| Some(if kind == Kind::Realtalk { 30.0 } else { 10.0 });
        assert!(Bar::LeastTimes(3.0, Kind::Bare).judge(both).unwrap().met);
        assert!(!Bar::MostTimes(2.9, Kind::Bare).judge(both).unwrap().met);
    }
}
