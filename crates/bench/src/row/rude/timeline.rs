//! [`Timeline`]: when it is quiet, when somebody is rude, and when they have gone.

use std::time::Duration;

use anyhow::Result;

use crate::clock;

/// Connections are made and caches filled before anything counts.
const WARM_UP: Duration = Duration::from_secs(2);

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Before anything counts.
    WarmUp,
    Quiet,
    Attacked,
    /// The attack is over, and its traces may last.
    Resting,
    After,
}

/// How long the phases are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub(super) quiet: Duration,
    pub(super) attacked: Duration,
    pub(super) rest: Duration,
    pub(super) after: Duration,
}

/// When the phases begin; everybody has the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    pub(super) start: u64,
    quiet: u64,
    pub(super) attack: u64,
    pub(super) rest: u64,
    pub(super) after: u64,
    pub(super) end: u64,
}

impl Timeline {
    /// Begins now.
    pub(super) fn begin(lengths: Lengths) -> Self {
        let start = clock::now();
        let quiet = start + clock::nanos(WARM_UP);
        let attack = quiet + clock::nanos(lengths.quiet);
        let rest = attack + clock::nanos(lengths.attacked);
        let after = rest + clock::nanos(lengths.rest);
        let end = after + clock::nanos(lengths.after);
        Self { start, quiet, attack, rest, after, end }
    }

    /// The phase at that time.
    pub(super) fn phase(&self, at: u64) -> Phase {
        match at {
            _ if at < self.quiet => Phase::WarmUp,
            _ if at < self.attack => Phase::Quiet,
            _ if at < self.rest => Phase::Attacked,
            _ if at < self.after => Phase::Resting,
            _ => Phase::After,
        }
    }

    /// Does something at an even pace until the end, with the time at which it was due: what comes
    /// late because something before it took long is late for that.
    pub(super) fn each(
        &self,
        offset: Duration,
        period: Duration,
        mut once: impl FnMut(u32, u64),
    ) -> Result<()> {
        let mut due = self.start + clock::nanos(offset);
        for number in 0.. {
            if due >= self.end {
                break;
            }
            clock::pause_until(due)?;
            once(number, due);
            due += clock::nanos(period);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_does_not_move_what_is_due_after_it() {
        let second = Duration::from_secs(1);
        let lengths = Lengths { quiet: second, attacked: second, rest: second, after: second };
        let mut timeline = Timeline::begin(lengths);
        timeline.end = timeline.start + clock::nanos(Duration::from_millis(50));
        let mut dues = Vec::new();
        let period = Duration::from_millis(10);
        let each = timeline.each(Duration::ZERO, period, |number, due| {
            if number == 0 {
                std::thread::sleep(period * 3);
            }
            dues.push((due - timeline.start) / clock::nanos(period));
        });
        each.unwrap();
        assert_eq!(dues, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn phases_follow_each_other() {
        let second = Duration::from_secs(1);
        let lengths = Lengths { quiet: second, attacked: second, rest: second, after: second };
        let timeline = Timeline::begin(lengths);
        let times =
            [timeline.start, timeline.quiet, timeline.attack, timeline.rest, timeline.after];
        let phases = times.map(|at| timeline.phase(at));
        let all = [Phase::WarmUp, Phase::Quiet, Phase::Attacked, Phase::Resting, Phase::After];
        assert_eq!(phases, all);
    }
}
