//! The suite: every row there is, in the order in which they are run and shown.

use super::{Row, burst, idle, people, post, slow, steady, storm};

/// The four that last as long as one likes can be shorter; the others take the time that their work
/// or the server's limits take.
pub(crate) fn rows(quick: bool) -> Vec<Box<dyn Row>> {
    let (idle, steady, post, people) = if quick {
        (idle::Idle::quick(), steady::Steady::quick(), post::Post::quick(), people::People::quick())
    } else {
        Default::default()
    };
    vec![
        Box::new(idle),
        Box::new(burst::Burst::default()),
        Box::new(steady),
        Box::new(post),
        Box::new(storm::Storm::default()),
        Box::new(slow::Slow::default()),
        Box::new(people),
    ]
}
