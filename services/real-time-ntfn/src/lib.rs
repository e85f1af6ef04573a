//! RealTalk's notification service: broadcasts events to connected clients.
//!
//! It owns the connections and touches no database. Events come in through [`routes::notify`] →
//! [`log::feed`], which keeps them free of holes → [`hub`] → the streams. A stream begins at
//! [`routes`] → [`opening`], which finds its place, and lives in [`engine`], which has its socket from before
//! it is asked whose it is.

pub mod config;
pub mod engine;
pub mod event;
pub mod hearing;
pub mod hub;
pub mod log;
pub mod metrics;
pub mod opening;
mod others;
pub mod people;
pub mod routes;
pub mod state;
pub mod ws;

use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    http::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    middleware::{DefaultHeaders, from_fn},
    web::{self, Data},
};
use bus::Bus;
use http_kit::{
    Connections, InternalHop, OpenFiles, Operations, SessionCookies, Shutdown, connections,
    guard::Door, held_body, memory, rate::forget_idle, request,
};
use tokio_util::sync::CancellationToken;

pub use config::Config;
use engine::{Engine, shard};
use hub::Hub;
use log::{
    feed::{Feed, Source},
    upstream::Upstream,
};
use metrics::Metrics;
use opening::{admission::Admission, enquiries::Enquiries, identity::Identity, resume::Resume};
use others::Others;
use people::{
    delivery::{Delivery, Reporter},
    presence::{Presence, PresenceTask},
    telling::Telling,
};
use routes::openapi;
use state::AppState;
use ws::{Desk, Talk, service::Service, spent::Spent};

/// A stream's write buffer is not filled beyond this: it would keep that size for good.
const WRITE_BUFFER: usize = 4_096;

/// How long a hasty shutdown may take to say goodbye.
const HASTY_DRAIN: Duration = Duration::from_secs(1);

/// How long a service that starts waits until it knows who is connected to others.
const SETTLE: Duration = Duration::from_secs(3);

/// How long a service that stops waits for those who are being let in or refused.
const LAST_OPENINGS: Duration = Duration::from_secs(1);

/// Runs the service on a listener until it is asked to stop: one that [`Bounds`](http_kit::connections::Bounds)
/// made, since connections inherit their bounds from it.
pub async fn run(listener: TcpListener, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let open_files = OpenFiles::raise()?;
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry)?;
    let hop = InternalHop::new(config.secret.clone());
    let upstream = Upstream::new(&config.message_urls, hop.clone())?;
    let delivery = Delivery::default();
    let engine = start_engine(&config, &metrics, &delivery)?;
    let hub = Hub::new(config.ring, config.backlog, metrics.clone(), engine.follower());
    let reporter = Reporter::new(delivery.clone(), upstream.clone(), metrics.clone());
    let presence = Presence::new(config.max_streams_per_user, metrics.clone());
    let presence_task =
        PresenceTask::new(presence.clone(), hub.clone(), upstream.clone(), metrics.clone());
    let bus = config.bus.as_ref().map(|address| join(address, &config, &registry)).transpose()?;
    let source = if bus.is_some() { Source::LostBus } else { Source::Requests };
    let (feed, feed_task) = Feed::new(source, upstream.clone(), hub.clone(), metrics.clone());
    let admission = Admission::new(
        config.max_streams,
        config.max_streams_per_address,
        open_files.streams(),
        config.connections.limits_loopback,
    );
    let connections =
        Connections::new(config.connections, config.proxies.clone(), open_files, &registry)?;
    let operations = operations(registry, &feed, &hub, bus.as_ref())?;
    let address = listener.local_addr()?;
    tracing::info!(%address, most_streams = admission.most(), "notification service listens");

    let resume = Resume::new(
        hub.clone(),
        feed.clone(),
        upstream.clone(),
        delivery.clone(),
        metrics.clone(),
        config.connections.shares(),
    );
    let resume = Arc::new(resume);
    let (enquiries, enquiry_task) = Enquiries::new(upstream.clone());
    let cookies = SessionCookies::of(&config.secret);
    let shares = config.connections.shares();
    let identity = Arc::new(Identity::new(config.auth_mode, cookies, enquiries, shares));
    let frames = Service {
        hub: hub.clone(),
        upstream: upstream.clone(),
        resume: resume.clone(),
        openings: admission.rate().clone(),
        identity: identity.clone(),
        presence: presence.clone(),
        spent: Spent::default(),
    };
    let (desk, desk_task) = Desk::new(Arc::new(frames));
    let forget_task =
        tokio::spawn(forget_idle([admission.rate().clone(), connections.refusal_rate().clone()]));
    let hub_task = tokio::spawn(hub.clone().run());
    let desk_task = tokio::spawn(desk_task.run());
    let enquiry_task = tokio::spawn(enquiry_task.run());
    let feed_task = tokio::spawn(feed_task.run());
    let presence_task = tokio::spawn(presence_task.run());
    let reported = CancellationToken::new();
    let reporter = tokio::spawn(reporter.run(reported.clone()));
    let mut telling = Telling::new(hub.clone(), presence.clone(), metrics.clone());
    let mut others = None;
    if let Some((bus, _)) = bus {
        let (to_all, joined) = Others::join(bus, &feed, &presence, telling, reported.clone());
        (telling, others) = (to_all, Some(joined));
    }
    let state = AppState {
        hub: hub.clone(),
        feed: feed.clone(),
        resume,
        identity,
        presence,
        telling,
        upstream,
        admission,
        connections: connections.clone(),
        hop: hop.accepting_unsigned(config.accepts_unsigned()),
        origins: config.pages(),
        proxies: config.proxies.clone(),
        heartbeat: config.heartbeat,
        ping: config.ping,
        talk: Talk { limits: config.frames, desk: Some(desk) },
        delivery,
        metrics,
    };
    if let Some(others) = &others {
        others.settle(SETTLE).await;
    }
    let server = server(listener, &config, state, engine.clone(), operations, connections)?;
    let handle = server.handle();
    let server_task = tokio::spawn(server);

    shutdown.given().await;
    hub.drain(if shutdown.is_hasty() { config.drain.min(HASTY_DRAIN) } else { config.drain }).await;
    // Who is being let in or refused at this moment is told so.
    tokio::time::timeout(LAST_OPENINGS, engine.settle()).await.ok();
    handle.stop(true).await;
    server_task.await??;
    for task in [forget_task, desk_task, enquiry_task, feed_task, hub_task, presence_task] {
        task.abort();
    }
    // No stream is left to write to: this is the last of it.
    reported.cancel();
    reporter.await?;
    if let Some(others) = others {
        others.leave().await?;
    }
    tracing::info!("notification service has stopped");
    Ok(())
}

fn start_engine(
    config: &Config,
    metrics: &Metrics,
    delivery: &Delivery,
) -> std::io::Result<Engine> {
    let settings = shard::Settings {
        shards: std::thread::available_parallelism().map_or(2, usize::from),
        ring: config.ring,
        backlog: config.backlog,
        heartbeat: config.heartbeat,
        ping: config.ping,
        stall: config.connections.stall,
        delivery: delivery.clone(),
        metrics: metrics.clone(),
    };
    Engine::start(config.engine, &settings)
}

fn server(
    listener: TcpListener,
    config: &Config,
    state: AppState,
    engine: Engine,
    operations: Operations,
    connections: Connections,
) -> anyhow::Result<Server> {
    let state = Data::new(state);
    let (origins, body, attended) = (config.pages(), config.body, connections.clone());
    // Refused by us with a word why, before actix would leave connections waiting.
    let most_connections = state.admission.most().saturating_add(192);
    let server = HttpServer::new(move || {
        memory::look_through_here();
        let (guard, engine, attending) = (origins.clone(), engine.clone(), attended.clone());
        let door = Rc::new(Door {
            hop: state.hop.clone(),
            proxies: state.proxies.clone(),
            nameless: routes::NAMELESS,
            sent_on_to: &["/sse/chat"],
        });
        App::new()
            .app_data(state.clone())
            .configure(|app| body.configure(app))
            .configure(request::extractor_errors)
            .configure(|app| operations.configure(app))
            .configure(routes::configure)
            .configure(openapi::configure)
            .default_service(web::to(request::not_found))
            .wrap(origins.cors())
            .wrap(from_fn(move |request, next| guard.clone().guard(door.clone(), request, next)))
            .wrap(from_fn(Operations::observe))
            .wrap(from_fn(held_body::hold))
            .wrap(
                DefaultHeaders::new()
                    .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .add((REFERRER_POLICY, "no-referrer")),
            )
            .wrap(from_fn(move |request, next| engine.clone().run_stream(request, next)))
            .wrap(from_fn(move |request, next| attending.clone().attend(request, next)))
    })
    .keep_alive(connections::KEEP_ALIVE)
    .client_request_timeout(connections::FIRST_HEAD)
    .max_connections(most_connections)
    .h1_write_buffer_size(WRITE_BUFFER)
    // A client that closes its half of the connection has gone.
    .h1_allow_half_closed(false)
    .shutdown_timeout(1)
    .disable_signals()
    .on_connect(move |connection, extensions| {
        connections.welcome(connection, extensions);
        engine::remember(connection, extensions);
    })
    .listen(listener)?
    .run();
    Ok(server)
}

/// The way to the other instances.
fn join(
    address: &bus::Address,
    config: &Config,
    registry: &prometheus::Registry,
) -> anyhow::Result<(Bus, bus::Metrics)> {
    let metrics = bus::Metrics::new(registry)?.listening(registry)?;
    Ok((Bus::new(address.clone(), config.secret.clone(), metrics.clone()), metrics))
}

fn operations(
    registry: prometheus::Registry,
    feed: &Feed,
    hub: &Hub,
    bus: Option<&(Bus, bus::Metrics)>,
) -> anyhow::Result<Operations> {
    let (feed, hub) = (feed.clone(), hub.clone());
    let bus = bus.map(|(_, metrics)| metrics.clone());
    let readiness = Arc::new(move || {
        if hub.is_draining() {
            return Err("the service is stopping".to_owned());
        }
        if hub.has_failed() {
            return Err("a shard has failed: restart this process".to_owned());
        }
        if !feed.is_loaded() {
            let why = "waiting for the message service: is MESSAGE_SERVICE_URL right, and INTERNAL_SECRET the same?";
            return Err(why.to_owned());
        }
        Ok(bus.as_ref().and_then(|bus| {
            if !bus.is_subscribed() {
                return Some("Redis is not heard: what is posted is read from the log");
            }
            let unheard = "Redis does not do what it is asked for: others do not know who is here";
            (!bus.is_publishing()).then_some(unheard)
        }))
    });
    Ok(Operations::new("realtime-ntfn", registry, readiness)?)
}
