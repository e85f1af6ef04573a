//! [`Replies`]: the way back to a connection whose stream is a response body.

use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::ws::outlet::{Outlet, Tell};

/// Replies that may wait, besides those to a whole burst. A client that has asked for more, and
/// reads none, is too slow.
pub(super) const MOST_REPLIES: usize = 256;

/// The way back to a connection whose replies are taken from a channel. Nothing is left once the
/// client has not taken its replies: the channel is closed when it overflows, and that ends the
/// connection.
pub(super) struct Replies(Mutex<Option<mpsc::Sender<Tell>>>);

impl Replies {
    pub(super) fn new(sender: mpsc::Sender<Tell>) -> Self {
        Self(Mutex::new(Some(sender)))
    }
}

impl Outlet for Replies {
    fn tell(&self, what: Tell) {
        let mut sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_some_and(|sender| sender.try_send(what).is_err()) {
            *sender = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web::Bytes;

    use super::*;

    #[test]
    fn replies_that_are_not_taken_end_the_connection_and_none_is_left_out() {
        let (sender, mut replies) = mpsc::channel(2);
        let outlet = Replies::new(sender);
        for reply in ["1", "2", "3", "4"] {
            outlet.tell(Tell::Say(Bytes::from_static(reply.as_bytes())));
        }
        let mut taken = Vec::new();
        while let Some(Tell::Say(reply)) = replies.blocking_recv() {
            taken.push(reply);
        }
        // Then the channel is closed, which the connection takes for its end.
        assert_eq!(taken, ["1", "2"]);
    }
}
