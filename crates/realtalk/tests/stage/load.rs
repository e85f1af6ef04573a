//! [`Load`]: people who post, each until every post is acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{task::JoinSet, time::sleep};

use crate::{board::Board, history::Message};

/// A load that goes on until it is stopped.
pub(crate) struct Load {
    posters: JoinSet<Vec<Message>>,
    stopped: Arc<AtomicBool>,
}

impl Load {
    /// `posters` people who each pause up to twice `pause` between two posts.
    pub(crate) fn start(board: &Board, posters: u64, pause: Duration, seed: u64) -> Self {
        Self::start_as("poster", board, posters, pause, seed)
    }

    /// The same, of people whose names begin like this.
    pub(crate) fn start_as(
        name: &str,
        board: &Board,
        posters: u64,
        pause: Duration,
        seed: u64,
    ) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let posters = (0..posters)
            .map(|poster| {
                let random = StdRng::seed_from_u64(seed ^ poster);
                post(board.clone(), format!("{name}-{poster}"), pause, random, stopped.clone())
            })
            .collect();
        Self { posters, stopped }
    }

    /// Ends the load; returns all that was acknowledged.
    pub(crate) async fn stop(self) -> Vec<Message> {
        self.stopped.store(true, Ordering::Relaxed);
        self.posters.join_all().await.into_iter().flatten().collect()
    }
}

async fn post(
    board: Board,
    user: String,
    pause: Duration,
    mut random: StdRng,
    stopped: Arc<AtomicBool>,
) -> Vec<Message> {
    let mut acknowledged: Vec<Message> = Vec::new();
    while !stopped.load(Ordering::Relaxed) {
        let key = format!("{user}-{}", acknowledged.len());
        let content = format!("{key}: {}", "x".repeat(random.random_range(1..200)));
        acknowledged.push(board.post(&user, &content, &key).await);
        // A client that is not sure posts again, also what is long acknowledged.
        if random.random_bool(0.1) {
            let first = &acknowledged[random.random_range(0..acknowledged.len())];
            let key = first.client_msg_id.as_deref().unwrap();
            let again = board.post(&user, &first.content, key).await;
            assert_eq!(&again, first, "a repeated post got another answer");
        }
        sleep(pause.mul_f64(2.0 * random.random::<f64>())).await;
    }
    acknowledged
}
