//! [`Desk`]: where clients' frames leave the threads of the sockets.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use common::{
    Problem,
    internal::{ClientFrame, FrameReply},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    mailbox::Mailbox,
    outlet::{Beginning, Outlet, Tell},
    peer::Peer,
    reply,
    said::Said,
};
use crate::{
    event::{connection_id::ConnectionId, scope::Scope, wire::Wire},
    hub::Arrival,
    log::upstream::UpstreamError,
    opening::{
        identity::Comer,
        resume::{Cursor, NotNow, Request, Start},
    },
    people::presence::Attendance,
};

/// Mailboxes that may wait to be worked on; a frame that finds no room is refused.
const MOST_MAILBOXES: usize = 4_096;

/// Connections whose frames are worked on at the same time.
const MOST_AT_ONCE: usize = 256;

/// What is done with the frames of clients.
pub trait Frames: Send + Sync + 'static {
    /// What the sender of a frame is told that need not be carried out to know that it will be refused.
    fn refuse(&self, _frame: &ClientFrame) -> Option<Value> {
        None
    }

    /// Carries out a frame, and says what its sender is told.
    fn handle(&self, frame: ClientFrame) -> BoxFuture<'_, Result<FrameReply, UpstreamError>>;

    /// Before anybody is asked whose a stream is.
    fn expect(&self) -> Arrival;

    /// Finds the place where a stream goes on.
    fn begin(&self, request: Request) -> BoxFuture<'_, Result<Start, NotNow>>;

    /// What a client watches that says who it is only now, and that it is there; or what to tell
    /// it instead.
    fn introduce(
        &self,
        name: String,
        scope: Scope,
        peer: Peer,
    ) -> BoxFuture<'_, Result<(Comer, Option<Attendance>), Problem>>;
}

/// Takes clients' frames. Clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    mailboxes: mpsc::Sender<Mailbox>,
    peer: Peer,
}

/// Works on what the desk takes; [`run`](DeskTask::run) it.
pub struct DeskTask {
    mailboxes: mpsc::Receiver<Mailbox>,
    frames: Arc<dyn Frames>,
    /// Whether the message service did not answer the last time; this lasts, and every client that
    /// goes on sending would fill the log.
    is_cut_off: Arc<AtomicBool>,
}

impl Desk {
    /// A desk, and its task.
    pub fn new(frames: Arc<dyn Frames>) -> (Self, DeskTask) {
        let (sender, mailboxes) = mpsc::channel(MOST_MAILBOXES);
        let desk = Self { mailboxes: sender, peer: Peer::default() };
        (desk, DeskTask { mailboxes, frames, is_cut_off: Arc::default() })
    }

    /// The same desk, for this client.
    pub fn for_peer(&self, peer: Peer) -> Self {
        Self { peer, ..self.clone() }
    }

    /// The mailbox of a new connection.
    pub fn mailbox(
        &self,
        id: ConnectionId,
        client_id: String,
        scope: Scope,
        outlet: Box<dyn Outlet>,
    ) -> Mailbox {
        Mailbox::new(id, client_id, scope, self.peer, outlet, self.mailboxes.clone())
    }
}

impl DeskTask {
    /// Works until every [`Desk`] is gone.
    pub async fn run(mut self) {
        let mut working = JoinSet::new();
        loop {
            tokio::select! {
                Some(done) = working.join_next() => if let Err(error) = done {
                    tracing::error!(%error, "a client's frame could not be worked on");
                },
                mailbox = self.mailboxes.recv(), if working.len() < MOST_AT_ONCE => match mailbox {
                    Some(mailbox) => {
                        let (frames, is_cut_off) = (self.frames.clone(), self.is_cut_off.clone());
                        working.spawn(async move { work(&mailbox, &*frames, &is_cut_off).await });
                    }
                    None => return,
                },
            }
        }
    }
}

/// Works on the messages of one connection, one after the other.
async fn work(mailbox: &Mailbox, frames: &dyn Frames, is_cut_off: &AtomicBool) {
    while let Some(text) = mailbox.next() {
        match Said::parse(text) {
            Said::Ping => mailbox.tell(Tell::Say(reply::pong())),
            Said::Resume(cursor) => resume(mailbox, frames, cursor).await,
            Said::Name(name) => introduce(mailbox, frames, name).await,
            Said::Frame(frame) => handle(mailbox, frames, frame, is_cut_off).await,
            Said::Nothing => {
                let detail = "a frame is text, or an object with a type: message, typing, read, \
                              delivered, ping or resume";
                mailbox.tell(Tell::Say(reply::error("type_invalid", detail, None)));
            }
            Said::Malformed => {
                let detail = "this begins like a JSON object and is none: nothing was sent";
                mailbox.tell(Tell::Say(reply::error("malformed_json", detail, None)));
            }
        }
    }
}

async fn handle(mailbox: &Mailbox, frames: &dyn Frames, frame: Value, is_cut_off: &AtomicBool) {
    let client_msg_id = frame.get("client_msg_id").and_then(Value::as_str).map(str::to_owned);
    let scope = mailbox.scope();
    let session = scope.session();
    let frame = ClientFrame {
        user: session.map(|session| session.user.clone()),
        authenticated: session.is_some_and(|session| session.authenticated),
        epoch: session.map_or(0, |session| session.epoch),
        address: Some(mailbox.peer().address),
        origin: mailbox.id().to_string(),
        frame,
    };
    if let Some(refusal) = frames.refuse(&frame) {
        return mailbox.tell(Tell::Say(reply::object(&refusal)));
    }
    let answer = frames.handle(frame).await;
    if !matches!(&answer, Err(error) if error.is_outage())
        && is_cut_off.load(Ordering::Relaxed)
        && is_cut_off.swap(false, Ordering::Relaxed)
    {
        tracing::info!("frames are passed on again");
    }
    let (code, detail) = match answer {
        Ok(FrameReply { reply: Some(reply) }) => {
            return mailbox.tell(Tell::Say(reply::object(&reply)));
        }
        Ok(FrameReply { reply: None }) => return,
        // Escaped, a text may be several times as long as it was when it came.
        Err(UpstreamError::TooLarge) => {
            ("content_too_long".to_owned(), "the frame is too long: send less at once".to_owned())
        }
        Err(UpstreamError::Refused(problem)) => (problem.code, problem.detail),
        Err(error) => {
            if !is_cut_off.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "frames cannot be passed on");
            }
            let client_id = mailbox.client_id();
            tracing::debug!(client_id, %error, "a frame was not passed on");
            let detail = "the message service does not answer: send it again";
            ("upstream_unavailable".to_owned(), detail.to_owned())
        }
    };
    mailbox.tell(Tell::Say(reply::error(&code, &detail, client_msg_id.as_deref())));
}

async fn introduce(mailbox: &Mailbox, frames: &dyn Frames, name: String) {
    let scope = mailbox.scope();
    if scope.session().is_some() {
        let detail = "this connection has a user: open another one";
        return mailbox.tell(Tell::Say(reply::error("already_identified", detail, None)));
    }
    let arrival = frames.expect();
    match frames.introduce(name, scope, mailbox.peer()).await {
        Ok((comer, attendance)) => {
            mailbox.attend(attendance);
            begin(mailbox, frames, comer, Cursor::None, arrival).await;
        }
        Err(problem) => {
            let mut error = json!(problem);
            error["type"] = json!("error");
            mailbox.tell(Tell::Say(reply::object(&error)));
        }
    }
}

/// Goes on after a cursor. What that brings may be thousands of events, held for this connection
/// alone: a client has them once, and the next time only when it has read them.
async fn resume(mailbox: &Mailbox, frames: &dyn Frames, cursor: Cursor) {
    if mailbox.is_resuming() {
        let detail = "what your last resume has brought is not written yet: read it first";
        return mailbox.tell(Tell::Say(reply::error("too_many_frames", detail, None)));
    }
    let arrival = frames.expect();
    begin(mailbox, frames, mailbox.scope().into(), cursor, arrival).await;
}

/// Lets the connection go on from another place, as somebody's.
async fn begin(
    mailbox: &Mailbox,
    frames: &dyn Frames,
    comer: Comer,
    cursor: Cursor,
    arrival: Arrival,
) {
    let Comer { scope, received } = comer;
    let request = Request {
        scope: scope.clone(),
        received,
        cursor,
        history: 0,
        client_id: mailbox.client_id().to_owned(),
        wire: Wire::Ws,
        arrival,
        address: mailbox.peer().address,
    };
    let begun = tokio::select! {
        biased;
        // What has been read so far would be kept for nobody. What they have said is theirs still.
        () = mailbox.left() => return mailbox.set_scope(scope),
        begun = frames.begin(request) => begun,
    };
    match begun {
        Ok(Start { mut preface, preface_up_to, subscriber, .. }) => {
            if cursor != Cursor::None {
                mailbox.note_resumed(&mut preface);
            }
            mailbox.set_scope(scope.clone());
            let beginning = Beginning { scope, preface, preface_up_to, subscriber };
            mailbox.tell(Tell::Begin(Box::new(beginning)));
        }
        Err(not_now) => {
            let code = match not_now {
                NotNow::Starting => "starting",
                NotNow::Upstream => "upstream_unavailable",
                NotNow::Crowded => "crowded",
            };
            mailbox.tell(Tell::Say(reply::error(code, "not now: send it again", None)));
        }
    }
}

#[cfg(test)]
mod tests;
