//! RealTalk's message service: validates, stores and forwards posts.
//!
//! It owns the data and every decision about it, and holds no stream open.
//!
//! A post goes [`routes::messages`] → [`chat::post`] → [`log::writer`] → [`store`] and is answered
//! when it is durable; [`log::relay`] then tells the notification service.

pub mod chat;
pub mod config;
pub mod error;
pub mod identity;
pub mod import;
pub mod log;
pub mod metrics;
pub mod routes;
pub mod state;
pub mod store;

use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    http::header::{
        CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    middleware::{DefaultHeaders, from_fn},
    web::{self, Data},
};
use anyhow::Context;
use bus::{Bus, Publisher};
use common::Clock;
use http_kit::{
    Connections, InternalHop, OpenFiles, Operations, RateLimit, Shutdown, connections, guard::Door,
    held_body, memory, prefix, rate::forget_idle, request,
};
use tokio::task::JoinSet;
use utoipa_swagger_ui::SwaggerUi;

pub use config::Config;
use identity::{Identity, accounts::Accounts, credential};
pub use import::Command;
use log::{
    downstream::{self, Downstream},
    ephemera::{self, Ephemera, Facts, Passing},
    relay::{Outlets, Relay},
    writer::Writer,
};
use metrics::Metrics;
use routes::{client::Client, reading::Reading};
use state::AppState;
use store::{PoolMetrics, Store};

/// How long requests under way may take to finish once the service is asked to stop.
const FINISH: Duration = Duration::from_secs(5);

/// Runs the service on a listener until it is asked to stop: one that [`Bounds`](http_kit::connections::Bounds)
/// made, since connections inherit their bounds from it.
pub async fn run(listener: TcpListener, config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let unopened = || format!("cannot open the database {}", config.database);
    let store = Store::open(&config.database, config.durability, Clock::default()).await;
    let store = Arc::new(store.with_context(unopened)?);
    let head = store.head().await.with_context(unopened)?;
    let open_files = OpenFiles::raise()?;
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry)?;
    registry.register(Box::new(PoolMetrics::new(&store)?))?;
    let hop = InternalHop::new(config.secret.clone());
    let (bus, downstreams) = downstreams(&config, &hop, &registry)?;
    let (committed, batches) = Outlets::new(downstreams.len());
    let (passing, facts) = Facts::new(downstreams.len(), metrics.clone());
    let (writer, writer_task) = Writer::new(
        store.clone(),
        head,
        committed,
        passing.clone(),
        config.event_retention,
        metrics.clone(),
    );
    // What the process before this one had no time to tell: streams that outlived it wait for that.
    let untold = store.last_receipts(ephemera::UNTOLD_SECS, ephemera::QUEUE as u32 / 2).await;
    for receipt in untold.with_context(unopened)? {
        passing.tell(Passing::Receipt(receipt));
    }
    let writer_task = tokio::spawn(writer_task.run());
    let mut telling = JoinSet::new();
    for (downstream, (batches, facts)) in
        downstreams.into_iter().zip(batches.into_iter().zip(facts))
    {
        let head = writer.head().clone();
        let relay = Relay::new(downstream.clone(), head, batches, metrics.clone());
        telling.spawn(relay.run(shutdown.clone()));
        telling.spawn(Ephemera::new(downstream, facts, metrics.clone()).run(shutdown.clone()));
    }

    let accounts = Accounts::new(store.clone(), writer.clone());
    let identity = Arc::new(Identity::new(&config, store.clone(), accounts, &registry)?);
    let connections =
        Connections::new(config.connections, config.proxies.clone(), open_files, &registry)?;
    let operations = operations(registry, &writer, bus, &shutdown)?;
    let post_rate = RateLimit::new(config.post_rate, config.post_burst)
        .limiting(config.connections.limits_loopback);
    let marker_rate = RateLimit::new(10 * config.post_rate, 10 * config.post_burst)
        .limiting(config.connections.limits_loopback);
    let rates = [&post_rate, &marker_rate, &identity.sign_in_rate, connections.refusal_rate()];
    let forget_task = tokio::spawn(forget_idle(rates.map(RateLimit::clone)));
    let state = AppState {
        store: store.clone(),
        writer,
        passing,
        hop,
        identity,
        post_rate,
        marker_rate,
        max_content_chars: config.max_content_chars,
        metrics,
    };
    let (address, database) = (listener.local_addr()?, &config.database);
    tracing::info!(%address, %head, %database, "message service is ready");
    server(listener, &config, state, operations, connections, shutdown)?.await?;

    // The server is gone, and with it every writer handle: the queue runs dry and the task ends.
    forget_task.abort();
    writer_task.await?;
    while let Some(task) = telling.join_next().await {
        task?;
    }
    store.close().await;
    tracing::info!("message service has stopped");
    Ok(())
}

fn server(
    listener: TcpListener,
    config: &Config,
    state: AppState,
    operations: Operations,
    connections: Connections,
    shutdown: Shutdown,
) -> anyhow::Result<Server> {
    let client = Client::new(
        config.public_notification_url.clone(),
        config.notification_port(),
        config.auth_mode,
        config.proxies.clone(),
    );
    let (origins, proxies, body) = (config.origins.clone(), config.proxies.clone(), config.body);
    let attended = connections.clone();
    let reading = Reading::new(config.connections.shares(), config.proxies.clone());
    let server = HttpServer::new(move || {
        memory::look_through_here();
        let (post_rate, proxies) = (state.post_rate.clone(), proxies.clone());
        let limited = from_fn(move |request, next| {
            post_rate.clone().limit_changes(proxies.clone(), request, next)
        });
        let prefixed = state.identity.proxies.clone();
        let (guard, attending) = (origins.clone(), attended.clone());
        let (answering, reading) = (attended.clone(), reading.clone());
        let door = Rc::new(Door {
            hop: state.hop.clone(),
            proxies: state.identity.proxies.clone(),
            nameless: routes::NAMELESS,
            sent_on_to: &[],
        });
        App::new()
            .app_data(Data::new(state.clone()))
            .app_data(credential::gate(state.identity.clone()))
            .configure(|app| body.configure(app))
            .configure(request::extractor_errors)
            .configure(|app| operations.configure(app))
            .configure(routes::configure)
            .configure(|app| routes::internal::configure(body, app))
            .configure(|app| client.clone().configure(app))
            .configure(routes::openapi::configure)
            .service(
                web::scope("/docs")
                    .wrap(DefaultHeaders::new().add((CONTENT_SECURITY_POLICY, DOCS_POLICY)))
                    .service(
                        SwaggerUi::new("/{_:.*}")
                            .config(utoipa_swagger_ui::Config::from("../openapi.json")),
                    ),
            )
            .default_service(web::to(routes::client::get_file))
            .wrap(limited)
            .wrap(from_fn(move |request, next| reading.clone().in_turn(request, next)))
            .wrap(from_fn(move |request, next| answering.clone().bound_answers(request, next)))
            .wrap(from_fn(routes::dialect::answer_problems))
            .wrap(origins.cors())
            .wrap(from_fn(move |request, next| guard.clone().guard(door.clone(), request, next)))
            .wrap(from_fn(Operations::observe))
            .wrap(from_fn(move |request, next| prefix::put_before(prefixed.clone(), request, next)))
            .wrap(from_fn(held_body::hold))
            .wrap(
                DefaultHeaders::new()
                    .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                    .add((X_FRAME_OPTIONS, "DENY"))
                    .add((REFERRER_POLICY, "no-referrer")),
            )
            .wrap(from_fn(move |request, next| attending.clone().attend(request, next)))
    })
    .keep_alive(connections::KEEP_ALIVE)
    .client_request_timeout(connections::FIRST_HEAD)
    .on_connect(move |connection, extensions| connections.welcome(connection, extensions))
    .shutdown_timeout(FINISH.as_secs())
    .shutdown_signal(async move { shutdown.given().await })
    .listen(listener)?
    .run();
    Ok(server)
}

/// Swagger UI styles itself inline.
const DOCS_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; frame-ancestors 'none'";

/// Where what is committed is told: over Redis to all notification services, or to each that is named.
fn downstreams(
    config: &Config,
    hop: &InternalHop,
    registry: &prometheus::Registry,
) -> anyhow::Result<(Option<bus::Metrics>, Vec<Downstream>)> {
    let Some(address) = &config.bus else {
        let service = |url: &String| downstream::Service::new(url, hop.clone());
        let services = config
            .notification_urls
            .iter()
            .map(service)
            .map(|service| service.map(Downstream::Service));
        return Ok((None, services.collect::<Result<_, _>>()?));
    };
    let metrics = bus::Metrics::new(registry)?.telling(registry)?;
    let bus = Bus::new(address.clone(), config.secret.clone(), metrics.clone());
    Ok((Some(metrics), vec![Downstream::Bus(Publisher::new(bus))]))
}

fn operations(
    registry: prometheus::Registry,
    writer: &Writer,
    bus: Option<bus::Metrics>,
    shutdown: &Shutdown,
) -> anyhow::Result<Operations> {
    let (writer, shutdown) = (writer.clone(), shutdown.clone());
    let readiness = Arc::new(move || {
        if shutdown.is_given() {
            return Err("the service is stopping".to_owned());
        }
        if !writer.is_healthy() {
            return Err("posts cannot be stored: see the log".to_owned());
        }
        let is_told = bus.as_ref().is_none_or(bus::Metrics::is_publishing);
        Ok((!is_told).then_some("Redis takes nothing: what is posted is read from the log"))
    });
    Ok(Operations::new("message-service", registry, readiness)?)
}
