//! The protocol of log, writers, bus, feeds and clients that resume, checked exhaustively for small sizes.
//!
//! What is checked is `protocol`, not the code: every order in which few writers, feeds and clients can do what the
//! services do, with messages that are lost, doubled and late, and instances that die. No state that can be reached
//! may have a client that has passed an event that it may see and never got, or got one twice or in the wrong order;
//! and where nothing is left to happen, everybody has everything. Each rule of `protocol` can be left out, and then
//! the checker finds a state in which this does not hold: no rule is there in vain, and no check is blind.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends at the first thing that is not as it should be, and prints its figures"
)]

mod protocol;
mod state;
mod steps;

use std::{num::NonZero, thread::available_parallelism, time::Instant};

use protocol::{Budget, Protocol, Rule};
use stateright::{Checker, HasDiscoveries, Model};

/// Looks at every state that can be reached, until one is found that is not as it should be; says what is wrong there.
fn check(name: &str, protocol: Protocol) -> Option<&'static str> {
    let started = Instant::now();
    let threads = available_parallelism().map_or(1, NonZero::get);
    // What is wrong without a rule lies deep.
    let (states, found) = match protocol.broken {
        Some(_) => summary(&protocol.checker().finish_when(HasDiscoveries::Any).spawn_dfs().join()),
        None => summary(&protocol.checker().threads(threads).spawn_bfs().join()),
    };
    eprintln!("model: {name}: {states} states in {:?}, {found:?}", started.elapsed());
    found.map(|(property, _)| property)
}

/// How many states there are, and what is wrong, after how many steps.
fn summary(checker: &impl Checker<Protocol>) -> (usize, Option<(&'static str, usize)>) {
    let found = checker.discoveries().into_iter().next();
    let found = found.map(|(property, path)| (property, path.into_actions().len()));
    (checker.unique_state_count(), found)
}

/// Two writers that overlap, two feeds, and a client that moves between them.
fn overlapping() -> Protocol {
    Protocol {
        partitions: 1,
        posts: vec![2, 1],
        feeds: 2,
        clients: 1,
        ring: 1,
        budget: Budget { drops: 1, doubles: 1, moves: 1, ..Budget::default() },
        broken: None,
    }
}

/// Instances that die: of either service, and the bus to one of them.
fn dying() -> Protocol {
    Protocol {
        budget: Budget { crashes: 1, restarts: 1, cuts: 1, moves: 1, ..Budget::default() },
        ..overlapping()
    }
}

/// Two clients, of whom one may not see everything.
fn several() -> Protocol {
    Protocol {
        posts: vec![1, 1],
        clients: 2,
        budget: Budget { drops: 1, moves: 2, ..Budget::default() },
        ..overlapping()
    }
}

/// As `docs/scale.md` has it for beyond one log: several logs, and cursors with a place in each.
fn partitioned() -> Protocol {
    Protocol {
        partitions: 2,
        budget: Budget { drops: 1, moves: 2, ..Budget::default() },
        ..overlapping()
    }
}

#[test]
fn nobody_passes_what_they_never_got() {
    for (name, protocol) in [
        ("writers that overlap", overlapping()),
        ("instances that die", dying()),
        ("several clients", several()),
        ("several logs", partitioned()),
    ] {
        assert_eq!(check(name, protocol), None, "{name}");
    }
}

#[test]
fn no_rule_is_there_in_vain() {
    for (broken, protocol) in [
        (Rule::IdsUnderLock, overlapping()),
        (Rule::PredecessorUnderLock, overlapping()),
        (Rule::GapsArePulled, overlapping()),
        (Rule::KnownIsNotTold, overlapping()),
        (Rule::SilenceIsPulled, dying()),
        (Rule::RingReachesBack, overlapping()),
        (Rule::CursorFollowsWhatIsRead, several()),
        (Rule::WaitForTheFeed, overlapping()),
        (Rule::CursorOfEachLog, partitioned()),
    ] {
        let found =
            check(&format!("without {broken:?}"), Protocol { broken: Some(broken), ..protocol });
        assert!(found.is_some(), "nothing is wrong without {broken:?}");
    }
}
