//! The suites: every row there is, in the order in which they are run and shown.

use super::arrivals::Arrivals;
use super::rude::Rude;
use super::{
    Row, burst, crowd, idle, instances, people, post, presence, slow, steady, storm, writers,
};

/// What several instances do, and what they need, with default sizes.
pub(crate) fn fleet() -> Vec<Box<dyn Row>> {
    vec![
        Box::new(crowd::Crowd::default()),
        Box::new(instances::Instances::default()),
        Box::new(writers::Writers::default()),
        Box::new(presence::Presence::default()),
    ]
}

/// Every row of either suite.
pub(crate) fn known() -> Vec<Box<dyn Row>> {
    rows(false).into_iter().chain(fleet()).collect()
}

/// All that one of each service does. Those that last as long as one likes can be shorter; the others take
/// the time that their work or the server's limits take.
pub(crate) fn rows(quick: bool) -> Vec<Box<dyn Row>> {
    let (idle, steady, post, people) = if quick {
        (idle::Idle::quick(), steady::Steady::quick(), post::Post::quick(), people::People::quick())
    } else {
        Default::default()
    };
    let mut rows: Vec<Box<dyn Row>> = vec![
        Box::new(idle),
        Box::new(burst::Burst::default()),
        Box::new(steady),
        Box::new(post),
        Box::new(storm::Storm::default()),
        Box::new(slow::Slow::default()),
        Box::new(people),
    ];
    rows.extend(Arrivals::all().map(|row| -> Box<dyn Row> { Box::new(row) }));
    rows.extend(Rude::all(quick).map(|row| -> Box<dyn Row> { Box::new(row) }));
    rows
}
