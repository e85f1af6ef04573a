//! Clients that say in frames who they are, and where they go on.

use std::{
    collections::VecDeque,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use common::{
    Audience, EventId, Problem,
    internal::{ClientFrame, FrameReply, UserRef},
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use realtime_ntfn::{
    config::{Backlog, FrameLimits, RingLimits},
    engine::shard::{HandOver, Settings, Shards},
    event::{
        frame::{Frame, Framing},
        ring::Entry,
        scope::{Scope, Session},
        wire::Wire,
    },
    hub::{Arrival, Hub},
    log::upstream::UpstreamError,
    metrics::Metrics,
    opening::{
        admission::Admission,
        identity::Comer,
        resume::{Cursor, NotNow, Request, Start},
    },
    people::{delivery::Delivery, presence::Attendance},
    ws::{Desk, Frames, Peer, Talk},
};
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::{Role, WebSocketConfig},
    },
};
use tokio_util::task::AbortOnDropHandle;

use crate::stage::PATIENCE;

/// Believes every name, and says in its replies who it takes a client for.
struct Believing {
    hub: Hub,
    /// Bytes that come before `ready` where a client resumes.
    missed: usize,
    /// How often one has.
    resumed: Arc<AtomicUsize>,
}

impl Frames for Believing {
    fn handle(&self, frame: ClientFrame) -> BoxFuture<'_, Result<FrameReply, UpstreamError>> {
        let user = frame.user.map(|user| user.name);
        Box::pin(
            async move { Ok(FrameReply { reply: Some(json!({"type": "ack", "user": user})) }) },
        )
    }

    fn expect(&self) -> Arrival {
        self.hub.expect()
    }

    fn begin(&self, request: Request) -> BoxFuture<'_, Result<Start, NotNow>> {
        let subscriber = self.hub.subscribe(self.hub.head(), request.scope).unwrap();
        let subscriber = subscriber.arriving(request.arrival);
        let mut preface = VecDeque::new();
        if request.cursor != Cursor::None {
            self.resumed.fetch_add(1, Ordering::Relaxed);
            preface.push_back(Wire::Ws.named(&json!({"missed": "x".repeat(self.missed)})));
        }
        preface.push_back(Wire::Ws.ready(&request.client_id, self.hub.head(), false, None));
        let preface_up_to = EventId::from_micros(1);
        Box::pin(async move { Ok(Start { preface, preface_up_to, subscriber, from: "live" }) })
    }

    fn introduce(
        &self,
        name: String,
        scope: Scope,
        peer: Peer,
    ) -> BoxFuture<'_, Result<(Comer, Option<Attendance>), Problem>> {
        let session = Session {
            user: UserRef { key: name.to_lowercase(), name },
            authenticated: false,
            expires_at: None,
            epoch: 0,
            acknowledges: peer.acknowledges,
        };
        let rooms: Vec<_> = scope.rooms().map(str::to_owned).collect();
        Box::pin(async { Ok((Scope::new(rooms, Some(session)).into(), None)) })
    }
}

struct Client(WebSocketStream<tokio::net::TcpStream>);

impl Client {
    async fn say(&mut self, frame: &Value) -> Value {
        self.send(frame).await;
        self.next().await
    }

    async fn send(&mut self, frame: &Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let frame = tokio::time::timeout(PATIENCE, self.0.next()).await;
        serde_json::from_str(frame.unwrap().unwrap().unwrap().to_text().unwrap()).unwrap()
    }
}

fn event(number: u64, audience: Audience, text: &str) -> Entry {
    let json = Bytes::from(json!({"content": text}).to_string());
    Entry::new(EventId::from_micros(number), audience, Frame::new(&json), json)
}

/// One client, and what serves it.
struct Scene {
    hub: Hub,
    delivery: Delivery,
    resumed: Arc<AtomicUsize>,
    client: Client,
    task: AbortOnDropHandle<()>,
}

async fn scene(missed: usize) -> Scene {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let ring = RingLimits { events: 100, bytes: 1 << 20 };
    let backlog = Backlog { events: 100, bytes: 1 << 20 };
    let delivery = Delivery::default();
    let hour = Duration::from_secs(3_600);
    let shards = Shards::start(&Settings {
        shards: 1,
        ring,
        backlog,
        heartbeat: hour,
        ping: hour,
        stall: hour,
        delivery: delivery.clone(),
        metrics: metrics.clone(),
    });
    let shards = Arc::new(shards.unwrap());
    let hub = Hub::new(ring, backlog, metrics, Some(shards.clone()));
    let resumed = Arc::<AtomicUsize>::default();
    let believing = Believing { hub: hub.clone(), missed, resumed: resumed.clone() };
    let (desk, task) = Desk::new(Arc::new(believing));
    let task = AbortOnDropHandle::new(tokio::spawn(task.run()));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (socket, peer) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    client.set_nonblocking(true).unwrap();
    let subscriber = hub.subscribe(hub.head(), Scope::public()).unwrap().written_as(Wire::Ws);
    let with = HandOver {
        framing: Framing::Bare,
        socket,
        preface: VecDeque::new(),
        preface_up_to: None,
        permit: Admission::new(10, 0, usize::MAX, false).admit(peer.ip()).ok().unwrap(),
        client_id: "test".to_owned(),
        talk: Some(Talk { limits: FrameLimits::default(), desk: Some(desk) }),
    };
    shards.take_over(subscriber, with);
    let client = tokio::net::TcpStream::from_std(client).unwrap();
    // Nothing of what a client misses here is too large for it.
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let client = WebSocketStream::from_raw_socket(client, Role::Client, Some(config)).await;
    Scene { hub, delivery, resumed, client: Client(client), task }
}

#[tokio::test]
async fn a_name_in_a_frame_makes_the_connection_that_users() {
    let Scene { hub, delivery, mut client, task: _task, .. } = scene(0).await;
    let to_alice = || Audience::Users(vec!["alice".to_owned()]);
    let to_all = || Audience::Room("public".to_owned());
    assert_eq!(client.say(&json!({"content": "hi"})).await["user"], Value::Null);
    hub.publish([event(2, to_alice(), "too early"), event(3, to_all(), "all")]).await;
    assert_eq!(client.next().await["content"], "all");

    assert_eq!(client.say(&json!({"username": "Alice"})).await["type"], "ready");
    assert_eq!(client.say(&json!({"content": "hi"})).await["user"], "Alice");
    hub.publish([event(4, to_alice(), "private"), event(5, to_all(), "all")]).await;
    assert_eq!(client.next().await["content"], "private");
    assert_eq!(client.next().await["content"], "all");
    assert!(delivery.take().is_empty(), "it has not been asked");
    // Once is enough.
    let again = client.say(&json!({"username": "bob"})).await;
    assert_eq!(again["code"], "already_identified");
}

#[tokio::test]
async fn what_a_resume_brings_is_held_once_for_a_client_that_does_not_read() {
    // More than the buffers of the system hold.
    let Scene { mut client, resumed, task: _task, .. } = scene(32 << 20).await;
    let resume = json!({"type": "resume", "last_event_id": EventId::from_micros(1).unwrap()});
    // A name may come right before: what that brings is not in the way.
    client.send(&json!({"username": "alice"})).await;
    for _ in 0..20 {
        client.send(&resume).await;
    }
    assert_eq!(client.next().await["type"], "ready");
    assert!(client.next().await["missed"].is_string());
    assert_eq!(client.next().await["type"], "ready");
    for _ in 1..20 {
        assert_eq!(client.next().await["code"], "too_many_frames");
    }
    assert_eq!(resumed.load(Ordering::Relaxed), 1);
    // Who has read it may ask again, as soon as the shard knows.
    while client.say(&resume).await["missed"].is_null() {}
}
