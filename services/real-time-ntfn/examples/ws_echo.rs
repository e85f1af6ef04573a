//! A WebSocket server that sends back what it gets, for the Autobahn test suite.
//!
//! It is the service's own: the same handshake, shards, protocol and limits, with nobody behind
//! them. `scripts/autobahn.sh` runs the suite against it.
//!
//! ```text
//! cargo run -p realtime-ntfn --example ws_echo -- 127.0.0.1:9001
//! cargo run -p realtime-ntfn --example ws_echo -- 127.0.0.1:9001 portable
//! ```

use std::{collections::VecDeque, env, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    middleware::from_fn,
    rt,
    web::{self, Data, Payload},
};
use anyhow::Context as _;
use common::EventId;
use http_kit::Rejection;
use realtime_ntfn::{
    config::{Backlog, FrameLimits, RingLimits, StreamEngine},
    engine::{self, Engine, NewStream, Opening, shard::Settings},
    event::{scope::Scope, wire::Wire},
    hub::Hub,
    metrics::Metrics,
    opening::admission::Admission,
    people::delivery::Delivery,
    ws::Talk,
};

const STALL: Duration = Duration::from_secs(30);
/// Longer than the suite runs: a ping in the middle of a case is not what the case expects.
const PING: Duration = Duration::from_secs(3_600);

struct State {
    hub: Hub,
    admission: Admission,
    metrics: Metrics,
}

fn main() -> anyhow::Result<()> {
    let address = env::args().nth(1).context("say where to listen: 127.0.0.1:9001")?;
    let listener = TcpListener::bind(address)?;
    let metrics = Metrics::new(&prometheus::Registry::new())?;
    let (ring, backlog) =
        (RingLimits { events: 1, bytes: 1 }, Backlog { events: 1_024, bytes: 1 << 20 });
    let settings = Settings {
        shards: 2,
        ring,
        backlog,
        heartbeat: PING,
        ping: PING,
        stall: STALL,
        delivery: Delivery::default(),
        metrics: metrics.clone(),
    };
    let is_portable = env::args().nth(2).is_some_and(|engine| engine == "portable");
    let choice = if is_portable { StreamEngine::Portable } else { StreamEngine::Handover };
    let engine = Engine::start(choice, &settings)?;
    let hub = Hub::new(ring, backlog, metrics.clone(), engine.follower());
    let state =
        Data::new(State { hub, admission: Admission::new(1_000, 0, 10_000, false), metrics });
    let server = HttpServer::new(move || {
        let engine = engine.clone();
        App::new()
            .app_data(state.clone())
            .default_service(web::to(echo))
            .wrap(from_fn(move |request, next| engine.clone().run_stream(request, next)))
    })
    .workers(2)
    .tcp_nodelay(true)
    .h1_allow_half_closed(false)
    .on_connect(engine::remember)
    .listen(listener)?
    .run();
    rt::System::new().block_on(server)?;
    Ok(())
}

async fn echo(
    request: HttpRequest,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Rejection> {
    let busy = || Rejection::unavailable("full", "there are as many as there can be", 1);
    let address = request.peer_addr().ok_or_else(busy)?.ip();
    let permit = state.admission.admit(address).map_err(|_| busy())?;
    let subscriber = state.hub.subscribe(EventId::ZERO, Scope::public()).ok_or_else(busy)?;
    let stream = NewStream {
        preface: VecDeque::new(),
        preface_up_to: None,
        subscriber: subscriber.written_as(Wire::Ws),
        permit,
        client_id: "echo".to_owned(),
        heartbeat: PING,
        talk: Some(Talk { limits: FrameLimits::default(), desk: None }),
        delivery: Delivery::default(),
        metrics: state.metrics.clone(),
    };
    engine::respond_socket(&request, payload.into_inner(), Opening::of(stream))
}
