//! The writer: one task that owns all writes, and commits them in groups.
//!
//! Posts queue while a commit is under way; the next one takes them all. A lone post is committed
//! at once, and under load the batches grow by themselves. A post that is queued is committed even
//! when its request is cancelled, so a client that repeats it must send the same `client_msg_id`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::EventId;
use tokio::sync::{mpsc, oneshot};

use super::{
    ephemera::{Facts, Passing},
    head::Head,
    health::Health,
    lanes::{Lanes, Load},
    relay::Outlets,
    upkeep::Upkeep,
    write_error::WriteError,
};
use crate::{
    chat::{
        change::{Answer, Change, Operation},
        post::Post,
    },
    metrics::Metrics,
    store::{Committed, Store, StoreError},
};

/// Operations that may wait, and as many that are lined up for a commit. When the queue is full,
/// further ones are refused with 503: they would wait longer than their clients do.
const QUEUE: usize = 4_096;

/// The most posts in one commit: beyond this a batch takes longer without costing less per post.
const MAX_BATCH: usize = 256;

/// Hands operations to the writer task.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Waiting>,
    head: Head,
    health: Health,
    metrics: Metrics,
}

/// The task itself; [`run`](WriterTask::run) it until every [`Writer`] is gone.
pub struct WriterTask {
    queue: mpsc::Receiver<Waiting>,
    lanes: Lanes<Waiting>,
    store: Arc<Store>,
    upkeep: Upkeep,
    committed: Outlets,
    passing: Facts,
    head: Head,
    health: Health,
    metrics: Metrics,
}

struct Waiting {
    operation: Operation,
    answer: Asker,
}

impl Load for Waiting {
    fn weight(&self) -> (usize, &str) {
        self.operation.weight()
    }
}

/// Where an answer goes.
type Asker = oneshot::Sender<Result<Answer, WriteError>>;

impl Writer {
    /// A writer and its task. Each committed batch goes to `committed` if there is room; whoever
    /// reads that finds what was left out in the log. Markers that moved are told to `passing`.
    pub fn new(
        store: Arc<Store>,
        head: EventId,
        committed: Outlets,
        passing: Facts,
        retention: Duration,
        metrics: Metrics,
    ) -> (Self, WriterTask) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (end, health) = (Head::default(), Health::default());
        end.raise(head);
        let task = WriterTask {
            queue: receiver,
            lanes: Lanes::default(),
            upkeep: Upkeep::new(store.clone(), retention, health.clone(), end.clone()),
            store,
            committed,
            passing,
            head: end.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
        };
        (Self { queue: sender, head: end, health, metrics }, task)
    }

    /// Stores a post. Returns when it is durable.
    pub async fn post(&self, post: Post) -> Result<Answer, WriteError> {
        self.carry_out(Operation::Post(post)).await
    }

    /// Carries out a change. Returns when it is durable.
    pub async fn change(&self, change: Change) -> Result<Answer, WriteError> {
        self.carry_out(Operation::Change(Box::new(change))).await
    }

    async fn carry_out(&self, operation: Operation) -> Result<Answer, WriteError> {
        let (answer, outcome) = oneshot::channel();
        self.queue.try_send(Waiting { operation, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => WriteError::Stopping,
        })?;
        self.metrics.queued.inc();
        outcome.await.map_err(|_| WriteError::Stopping)?
    }

    /// The last id of the event log.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether the last write succeeded.
    pub fn is_healthy(&self) -> bool {
        self.health.is_good()
    }
}

impl WriterTask {
    /// Commits until every [`Writer`] is gone and the queue is empty.
    pub async fn run(mut self) {
        let mut arrived = Vec::with_capacity(MAX_BATCH);
        loop {
            tokio::select! {
                // What is rarely due comes first: under load there is always something in the queue.
                biased;
                chore = self.upkeep.due() => self.upkeep.run(chore).await,
                // What is lined up goes on, with what has come meanwhile.
                () = std::future::ready(()), if self.lanes.len() > 0 => self.commit_next().await,
                taken = self.queue.recv_many(&mut arrived, MAX_BATCH) => {
                    if taken == 0 {
                        self.upkeep.end().await;
                        return;
                    }
                    arrived.drain(..).for_each(|waiting| self.line_up(waiting));
                    self.commit_next().await;
                }
            }
        }
    }

    fn line_up(&mut self, waiting: Waiting) {
        if let Err(surplus) = self.lanes.push(waiting) {
            self.metrics.queued.dec();
            surplus.answer.send(Err(WriteError::Overloaded)).ok();
        }
    }

    /// Commits what is lined up, and what comes while others hold up the log; refuses all if that fails.
    async fn commit_next(&mut self) {
        self.line_up_queue();
        let (mut operations, mut answers) = (Vec::new(), Vec::new());
        let batch = &mut operations;
        let store = self.store.clone();
        let mut started = Instant::now();
        let committed = store
            .commit_next(|| {
                self.metrics.commit_wait_seconds.observe(started.elapsed().as_secs_f64());
                started = Instant::now();
                self.line_up_queue();
                (*batch, answers) = self.take_batch();
                self.metrics.batch_size.observe(batch.len() as f64);
                &*batch
            })
            .await;
        self.metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        let error = match committed {
            Ok(committed) => return self.answer(committed, answers),
            Err(error) if error.is_of_operation() && operations.len() > 1 => {
                return self.commit_each(&operations, answers).await;
            }
            Err(error) => error,
        };
        self.refuse(&error, answers);
        if error.is_of_operation() {
            return;
        }
        // Those behind would each wait as long for the same answer.
        while self.lanes.len() > 0 {
            let (_, answers) = self.take_batch();
            self.refuse(&error, answers);
        }
    }

    fn line_up_queue(&mut self) {
        while self.lanes.len() < QUEUE
            && let Ok(waiting) = self.queue.try_recv()
        {
            self.line_up(waiting);
        }
    }

    fn take_batch(&mut self) -> (Vec<Operation>, Vec<Asker>) {
        let waiting = self.lanes.next(MAX_BATCH);
        self.metrics.queued.sub(waiting.len() as i64);
        waiting.into_iter().map(|waiting| (waiting.operation, waiting.answer)).unzip()
    }

    /// One that cannot be written must not answer for its neighbours.
    async fn commit_each(&self, operations: &[Operation], answers: Vec<Asker>) {
        for (operation, answer) in operations.iter().zip(answers) {
            match self.store.commit(std::slice::from_ref(operation)).await {
                Ok(committed) => self.answer(committed, vec![answer]),
                Err(error) => self.refuse(&error, vec![answer]),
            }
        }
    }

    fn answer(&self, committed: Committed, answers: Vec<Asker>) {
        self.health.recovered();
        // Without events too: others may have committed some.
        let head = committed.log.end();
        if !committed.log.events.is_empty() {
            self.committed.offer(committed.log);
        }
        self.head.raise(head);
        for receipt in committed.receipts {
            self.passing.tell(Passing::Receipt(receipt));
        }
        for (answer, outcome) in answers.into_iter().zip(committed.outcomes) {
            // A caller that has gone away does not want to know.
            answer.send(outcome.map_err(WriteError::Refused)).ok();
        }
    }

    fn refuse(&self, error: &StoreError, answers: Vec<Asker>) {
        if error.is_of_operation() {
            tracing::error!(%error, "something cannot be written");
        } else {
            self.health.failed(error);
        }
        for answer in answers {
            let why = match error {
                error if error.is_of_operation() => WriteError::NotWritable,
                error => WriteError::NotStored { disk_full: matches!(error, StoreError::Full(_)) },
            };
            answer.send(Err(why)).ok();
        }
    }
}
