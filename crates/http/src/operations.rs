//! [`Operations`]: what the people who run a service look at.

use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header::HeaderValue},
    middleware::Next,
    web,
};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use serde_json::json;

use crate::{rejection::Rejection, request, request_id};

/// What needs no identity: for probes and scrapers, by whatever name they know the service.
pub(crate) const PATHS: [&str; 5] = ["/health", "/livez", "/readyz", "/metrics", "/version"];

/// In the extensions of a response that is not the answer yet: whoever answers says how it went.
#[derive(Clone, Default)]
pub struct Later(Rc<Cell<Option<Record>>>);

/// A request, until it is answered.
struct Record {
    operations: web::Data<Operations>,
    method: Method,
    route: String,
    id: String,
    started: Instant,
}

impl Later {
    /// It was answered with this status.
    pub fn end(&self, status: StatusCode) {
        if let Some(record) = self.0.take() {
            record.end(status);
        }
    }
}

impl Record {
    fn end(self, status: StatusCode) {
        let Self { operations, method, route, id, started } = self;
        let code = status.as_u16();
        operations.record_request(method.as_str(), &route, code, started.elapsed());
        // Not of a state that lasts: what it is about says so when it begins and when it ends.
        let lasts = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];
        if status.is_server_error() && !lasts.contains(&status) {
            tracing::error!(%method, route, status = code, request_id = id, "request failed");
        } else {
            tracing::debug!(%method, route, status = code, request_id = id, "request");
        }
    }
}

/// Says whether the service can do its work: `Err` holds the reason why not. What it does without meanwhile stands in
/// `Ok`.
pub type Readiness = Arc<dyn Fn() -> Result<Option<&'static str>, String> + Send + Sync>;

/// The metrics of one service, and whether it is ready.
#[derive(Clone)]
pub struct Operations {
    service: &'static str,
    registry: Registry,
    requests: IntCounterVec,
    durations: HistogramVec,
    readiness: Readiness,
}

impl Operations {
    /// Starts with the request metrics; services register their own in `registry`.
    pub fn new(
        service: &'static str,
        registry: Registry,
        readiness: Readiness,
    ) -> prometheus::Result<Self> {
        let requests = IntCounterVec::new(
            Opts::new("realtalk_http_requests_total", "Requests answered"),
            &["method", "route", "status"],
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "realtalk_http_request_duration_seconds",
                "Time from the request to the head of its answer",
            )
            .buckets(vec![0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0]),
            &["route"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self { service, registry, requests, durations, readiness })
    }

    /// Middleware: gives the request an id (the caller's, if it sent a usable one), and records how
    /// it went. It ends when the head of the answer is ready, so a stream costs nothing here.
    pub async fn observe(
        operations: web::Data<Self>,
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let id = request_id::choose(request.headers());
        let started = Instant::now();
        let method = request.method().clone();
        let mut response = request_id::scope(id.clone(), next.call(request)).await?;
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
        let record = Record { operations, method, route, id, started };
        let later = response.response().extensions().get::<Later>().cloned();
        match later {
            Some(later) => later.0.set(Some(record)),
            None => record.end(response.status()),
        }
        Ok(response)
    }

    fn record_request(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Methods and statuses are few, but a client may invent a method: it must not become a
        // label of its own.
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.durations.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// Registers `/health`, `/livez`, `/readyz`, `/metrics` and `/version`.
    pub fn configure(&self, config: &mut web::ServiceConfig) {
        let resource = |path| request::resource(path, "GET, HEAD");
        let [health_path, live, ready_path, metrics_path, version_path] = PATHS;
        config
            .app_data(web::Data::new(self.clone()))
            .service(resource(health_path).route(request::get().to(health)))
            .service(resource(live).route(request::get().to(health)))
            .service(resource(ready_path).route(request::get().to(ready)))
            .service(resource(metrics_path).route(request::get().to(metrics)))
            .service(resource(version_path).route(request::get().to(version)));
    }
}

/// The process lives. Never asks the database, whose troubles a restart does not heal.
async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

async fn ready(operations: web::Data<Operations>) -> Result<HttpResponse, Rejection> {
    (operations.readiness)()
        .map(|without| match without {
            None => HttpResponse::Ok().json(json!({"status": "ready"})),
            Some(without) => HttpResponse::Ok().json(json!({"status": "ready", "but": without})),
        })
        .map_err(|reason| Rejection::unavailable("not_ready", reason, 1))
}

async fn metrics(operations: web::Data<Operations>) -> Result<HttpResponse, Rejection> {
    let text = TextEncoder::new()
        .encode_to_string(&operations.registry.gather())
        .map_err(|error| Rejection::unavailable("metrics_failed", error.to_string(), 1))?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

async fn version(operations: web::Data<Operations>) -> HttpResponse {
    HttpResponse::Ok()
        .json(json!({"service": operations.service, "version": env!("CARGO_PKG_VERSION")}))
}
