//! [`Enquiries`]: who clients are, asked about many at once.
//!
//! When everyone comes at the same time, an exchange for each would cost more than all that is
//! asked in it. So while others are under way, exchanges begin a moment after each other, with all who have
//! come meanwhile. Whoever comes alone does not wait.

use std::{collections::VecDeque, time::Duration};

use common::internal::{Identified, Identify, IdentifyAnswer, MAX_BODY, MAX_IDENTIFIED};
use http_kit::turns::Turn;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::log::upstream::{Upstream, UpstreamError};

/// Exchanges under way.
const AT_ONCE: usize = 4;

/// The time between the beginnings of two exchanges, if the second is not full: one for a few costs as much
/// as one for many.
const COMPANY: Duration = Duration::from_millis(2);

/// The most questions that are being asked: whoever wants to ask has to have a turn.
pub(super) const MOST: usize = AT_ONCE * MAX_IDENTIFIED;

/// The most bytes of one exchange that credentials and names take; escaped, they take more.
const MAX_BYTES: usize = MAX_BODY / 8;

/// Asks who clients are.
pub struct Enquiries(mpsc::Sender<Enquiry>);

/// Does the asking; [`run`](EnquiryTask::run) it.
pub struct EnquiryTask {
    upstream: Upstream,
    enquiries: mpsc::Receiver<Enquiry>,
}

struct Enquiry {
    asked: Identify,
    answer: oneshot::Sender<Result<Identified, UpstreamError>>,
    /// Taken until it is answered, also when its client has gone away.
    _turn: Turn,
}

impl Enquiries {
    /// Of this message service, with the task that asks it.
    pub fn new(upstream: Upstream) -> (Self, EnquiryTask) {
        let (sender, enquiries) = mpsc::channel(MOST);
        (Self(sender), EnquiryTask { upstream, enquiries })
    }

    /// Who a client is. [`UpstreamError::Refused`] is meant for the client.
    pub(super) async fn ask(
        &self,
        asked: Identify,
        turn: Turn,
    ) -> Result<Identified, UpstreamError> {
        let (answer, answered) = oneshot::channel();
        let stopping = || UpstreamError::Unavailable("nobody asks any more".to_owned());
        let enquiry = Enquiry { asked, answer, _turn: turn };
        self.0.send(enquiry).await.map_err(|_| stopping())?;
        answered.await.unwrap_or_else(|_| Err(stopping()))
    }
}

impl EnquiryTask {
    /// Asks until every [`Enquiries`] is gone.
    pub async fn run(mut self) {
        let (mut waiting, mut under_way) = (VecDeque::new(), JoinSet::new());
        let mut come = Vec::new();
        // When those who wait go, also if they are few.
        let mut goes_at = Instant::now();
        loop {
            let waits = !waiting.is_empty() && under_way.len() < AT_ONCE;
            tokio::select! {
                Some(asked) = under_way.join_next() => if let Err(error) = asked {
                    tracing::error!(%error, "clients could not be asked about");
                },
                count = self.enquiries.recv_many(&mut come, MOST), if waiting.len() < MOST => {
                    if count == 0 {
                        return;
                    }
                    waiting.extend(come.drain(..));
                }
                () = sleep_until(goes_at), if waits => {}
            }
            while under_way.len() < AT_ONCE
                && (under_way.is_empty()
                    || waiting.len() >= MAX_IDENTIFIED
                    || goes_at <= Instant::now())
            {
                let together = take(&mut waiting);
                if together.is_empty() {
                    break;
                }
                under_way.spawn(ask(self.upstream.clone(), together));
                goes_at = Instant::now() + COMPANY;
            }
        }
    }
}

/// Those that go together. Whoever has gone away is not asked about.
fn take(waiting: &mut VecDeque<Enquiry>) -> Vec<Enquiry> {
    let (mut together, mut bytes) = (Vec::new(), 0);
    while together.len() < MAX_IDENTIFIED
        && let Some(next) = waiting.pop_front()
    {
        if next.answer.is_closed() {
            continue;
        }
        let size = size(&next.asked);
        if !together.is_empty() && bytes + size > MAX_BYTES {
            waiting.push_front(next);
            break;
        }
        bytes += size;
        together.push(next);
    }
    together
}

fn size(asked: &Identify) -> usize {
    let given = [&asked.token, &asked.ticket, &asked.username].into_iter().flatten();
    given.chain(&asked.rooms).map(String::len).sum()
}

/// Asks about these, and tells each what is said of it.
async fn ask(upstream: Upstream, mut together: Vec<Enquiry>) {
    let mut answers = Vec::new();
    let asked: Vec<_> = together.iter().map(|it| it.asked.clone()).collect();
    match upstream.identify(asked).await {
        Ok(all) if all.len() == together.len() => answers.extend(all.into_iter().map(Some)),
        Ok(_) => tracing::warn!("the message service answers about others than it is asked"),
        // A proxy between the services may take less than they do.
        Err(UpstreamError::TooLarge) if together.len() > 1 => {
            let rest = together.split_off(together.len() / 2);
            Box::pin(ask(upstream.clone(), together)).await;
            return Box::pin(ask(upstream, rest)).await;
        }
        Err(error) if error.is_outage() => {
            tracing::debug!(%error, "clients cannot be identified now");
        }
        Err(error) => tracing::warn!(%error, "clients are not identified"),
    }
    answers.resize_with(together.len(), || None);
    for (enquiry, answer) in together.into_iter().zip(answers) {
        let answer = match answer {
            Some(IdentifyAnswer::Identified(identified)) => Ok(identified),
            Some(IdentifyAnswer::Refused(problem)) => Err(UpstreamError::of(problem)),
            None => Err(UpstreamError::Unavailable("no answer".to_owned())),
        };
        // Whoever has gone away need not know.
        drop(enquiry.answer.send(answer));
    }
}
