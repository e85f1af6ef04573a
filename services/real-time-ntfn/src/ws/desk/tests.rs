use std::time::Duration;

use common::internal::UserRef;
use futures_util::future::pending;
use tokio::time::timeout;

use super::*;
use crate::{
    config::{Backlog, FrameLimits, RingLimits},
    event::scope::Session,
    hub::Hub,
    metrics::Metrics,
    ws::{Link, link::Partner},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// What is begun with here never comes.
struct Slow {
    hub: Hub,
    begun: mpsc::UnboundedSender<mpsc::UnboundedSender<()>>,
    /// By whom.
    posted: mpsc::UnboundedSender<Option<UserRef>>,
}

impl Frames for Slow {
    fn handle(&self, frame: ClientFrame) -> BoxFuture<'_, Result<FrameReply, UpstreamError>> {
        self.posted.send(frame.user).unwrap();
        Box::pin(async { Ok(FrameReply { reply: None }) })
    }

    fn expect(&self) -> Arrival {
        self.hub.expect()
    }

    fn begin(&self, _: Request) -> BoxFuture<'_, Result<Start, NotNow>> {
        let (held, given_up) = mpsc::unbounded_channel();
        let begun = self.begun.clone();
        Box::pin(async move {
            // Whoever has this sees when it is given up.
            let _kept = given_up;
            begun.send(held).unwrap();
            pending().await
        })
    }

    fn introduce(
        &self,
        name: String,
        scope: Scope,
        _: Peer,
    ) -> BoxFuture<'_, Result<(Comer, Option<Attendance>), Problem>> {
        let session = Session {
            user: UserRef { key: name.clone(), name },
            authenticated: false,
            expires_at: None,
            epoch: 0,
            acknowledges: false,
        };
        let scope = Scope::new(scope.rooms().map(str::to_owned), Some(session));
        Box::pin(async { Ok((Comer { scope, received: None }, None)) })
    }
}

struct Deaf;

impl Outlet for Deaf {
    fn tell(&self, _: Tell) {}
}

#[tokio::test]
async fn who_has_gone_is_not_read_for_but_what_they_said_counts() {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let ring = RingLimits { events: 10, bytes: 1 << 20 };
    let hub = Hub::new(ring, Backlog { events: 10, bytes: 1 << 20 }, metrics, None);
    let ((begun, mut beginnings), (posted, mut posts)) =
        (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let (desk, task) = Desk::new(Arc::new(Slow { hub, begun, posted }));
    let task = tokio::spawn(task.run());
    let scope = Scope::new(["public".to_owned()], None);
    let mailbox = desk.mailbox(ConnectionId::next(), "test".to_owned(), scope, Box::new(Deaf));
    let partner = Partner::Service(mailbox.clone());
    let link = Link::new(FrameLimits::default(), partner, std::time::Instant::now());
    let resume = r#"{"type":"resume","last_event_id":"19700101000000.000000"}"#;
    for text in [r#"{"username":"alice"}"#, "said before it went", resume] {
        mailbox.post(text.to_owned(), 10).unwrap();
    }
    let first = timeout(PATIENCE, beginnings.recv()).await.unwrap().unwrap();
    assert!(!first.is_closed() && posts.try_recv().is_err(), "one after the other");
    drop(link);
    timeout(PATIENCE, first.closed()).await.expect("it is read for nobody");
    let said = timeout(PATIENCE, posts.recv()).await.expect("what was said is lost").unwrap();
    assert_eq!(said.map(|user| user.name).as_deref(), Some("alice"));
    drop((mailbox, desk));
    timeout(PATIENCE, task).await.unwrap().unwrap();
    assert!(beginnings.try_recv().is_err(), "it began for nobody");
}
