//! [`answered`]: a question is answered in its turn, whoever still wants to know.

use http_kit::{request, turns::Turn};

use super::NotNow;

/// The answer to a question that has a turn. Who has asked may go meanwhile: it is being answered all the same, and
/// the turn is taken for as long.
pub(super) async fn answered<T: Send + 'static>(
    turn: Turn,
    question: impl Future<Output = T> + Send + 'static,
) -> Result<T, NotNow> {
    let work = async move {
        let answer = question.await;
        drop(turn);
        answer
    };
    tokio::spawn(request::of_this(work)).await.map_err(|_| NotNow::Upstream)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use http_kit::{
        address::Shares,
        turns::{Asker, Crowded, Turns},
    };
    use tokio::sync::oneshot;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_goes_away_leaves_a_turn_that_is_taken_until_the_answer_comes() {
        let turns = Turns::new(1, Shares { by_address: true, loopback: true });
        let asker = Asker { address: [127, 0, 0, 1].into(), user: None };
        let turn = turns.take(&asker, PATIENCE).await.ok().unwrap();
        let (answer, question) = oneshot::channel::<()>();
        let asked = Box::pin(answered(turn, question));
        assert!({ asked }.now_or_never().is_none());
        assert_eq!(turns.take(&asker, Duration::ZERO).await.err(), Some(Crowded));
        answer.send(()).unwrap();
        turns.take(&asker, PATIENCE).await.ok().unwrap();
    }
}
