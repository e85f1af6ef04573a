//! [`Connections`]: who is connected, and how long a connection may stay that asks for nothing.
//!
//! actix can bound the time for the first head of a connection, and nothing after that: one that sends
//! half of its second head, or takes nothing of its answer, would stay for ever, and what it was answered
//! with. And when that time is over it answers 408 before it looks at what has come, so that a busy
//! service would refuse what it had no time to read: that bound is not used. Here each connection is
//! counted, by address and in the process; what nobody asks over is ended after a while, sooner when
//! descriptors run short; sent bytes that nobody takes end a connection; and whoever has large answers
//! under way that they do not read gets no further ones.

mod answer;
mod bounds;
mod buffer;
mod idle;
mod refusals;
mod unread;

use std::{
    any::Any,
    net::{IpAddr, Shutdown},
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use actix_web::{
    Error, HttpRequest, ResponseError,
    body::MessageBody,
    dev::{Extensions, ServiceRequest, ServiceResponse},
    middleware::Next,
    rt::net::TcpStream,
};
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use socket2::SockRef;

use crate::{
    address::{BySite, TrustedProxies},
    open_files::{Counted, OpenFiles},
    operations,
    rate::RateLimit,
    rejection::Rejection,
};
pub use answer::Answer;
pub use bounds::Bounds;
use idle::{Activity, Keeping};
use refusals::Refusals;
pub use refusals::mark_held;
pub use unread::{Bytes, TooMuch, Unread};

/// How long a connection may stay open that asks for nothing, for `HttpServer::keep_alive`: longer than
/// clients, proxies and the other service keep one, so that none is closed under a request.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// For `HttpServer::client_request_timeout`: none, see above.
pub const FIRST_HEAD: Duration = Duration::ZERO;

/// How long one may that has sent half a further head: actix ends those that were answered and send
/// nothing, so it is longer by what a head may take.
const IDLE: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(5));

/// The connections of one server. Clones are the same.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    bounds: Bounds,
    /// Proxies, which connect for many.
    proxies: TrustedProxies,
    open_files: OpenFiles,
    idle: Duration,
    by_site: Mutex<BySite>,
    unread: Arc<Unread>,
    refusals: Refusals,
    open: IntGauge,
    ended: IntCounterVec,
}

/// A connection's place; given back when the last clone is dropped.
#[derive(Clone)]
pub struct Place {
    _taken: Arc<Taken>,
}

struct Taken {
    shared: Arc<Shared>,
    address: IpAddr,
    _counted: Counted,
}

/// What is known of the connection that a request comes over.
struct Connection {
    place: Place,
    activity: Rc<Activity>,
}

/// A connection that was ended when it came. What it had sent by then may be read all the same.
struct Refused;

/// Connections of an address beyond what it may have, which are for the other service: it may be on the
/// machine that the others come from. They end soon.
const FOR_THE_OTHER: usize = 64;

impl Connections {
    /// None yet, and at most as many as files may be open.
    pub fn new(
        bounds: Bounds,
        proxies: TrustedProxies,
        open_files: OpenFiles,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        let ended = IntCounterVec::new(
            Opts::new(
                "realtalk_connections_ended_total",
                "Connections ended by the service, by reason",
            ),
            &["reason"],
        )?;
        let open = IntGauge::new("realtalk_connections", "Connections that are open")?;
        registry.register(Box::new(ended.clone()))?;
        registry.register(Box::new(open.clone()))?;
        let unread = Arc::new(Unread::new(bounds.shares()));
        let refusals = Refusals::new(bounds.shares(), registry)?;
        let shared = Shared {
            bounds,
            proxies,
            open_files,
            idle: IDLE,
            by_site: Mutex::default(),
            unread,
            refusals,
            open,
            ended,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// What counts refusals by address, and forgets those that are idle if it is told to.
    pub fn refusal_rate(&self) -> &RateLimit {
        self.0.refusals.rate()
    }

    /// Holds a refusal back, if its address is refused all the time.
    pub async fn hold_back(&self, address: IpAddr) {
        self.0.refusals.hold(address, !self.0.open_files.is_short()).await;
    }

    /// Takes a connection in, or ends it at once: for `HttpServer::on_connect`.
    pub fn welcome(&self, connection: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let Ok(peer) = stream.peer_addr() else {
            return;
        };
        match self.place(peer.ip().to_canonical()) {
            Ok((place, keeping)) => {
                let activity = idle::watch(stream, peer, self, keeping);
                extensions.insert(Connection { place, activity });
            }
            Err(reason) => {
                self.0.ended.with_label_values(&[reason]).inc();
                extensions.insert(Refused);
                SockRef::from(stream).shutdown(Shutdown::Both).ok();
            }
        }
    }

    fn place(&self, address: IpAddr) -> Result<(Place, Keeping), &'static str> {
        let Shared { bounds, proxies, open_files, .. } = &*self.0;
        let is_proxy = proxies.trusts(address);
        let is_bound = bounds.shares().bound(address) && !is_proxy;
        // A proxy, and the other service, come in when nobody else does.
        let counted = open_files.take(!is_bound).ok_or("full")?;
        let mut by_site = self.0.by_site();
        let beyond = by_site.of(address).checked_sub(bounds.per_address);
        let keeping = match beyond.filter(|_| is_bound) {
            Some(FOR_THE_OTHER..) => return Err("address"),
            Some(_) => Keeping::ForTheOther,
            None if is_proxy => Keeping::AsLongAsItLikes,
            None => Keeping::WhileThereIsRoom,
        };
        by_site.add(address, 1);
        self.0.open.inc();
        let taken = Taken { shared: self.0.clone(), address, _counted: counted };
        Ok((Place { _taken: Arc::new(taken) }, keeping))
    }

    /// Middleware: refuses what would be too much for a client that reads none of it.
    pub async fn bound_answers(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        // What the services ask of each other is bounded by who asks; what changes something has
        // small answers.
        let is_probe = operations::PATHS.contains(&request.path());
        if !request.method().is_safe() || is_internal(&request) || is_probe {
            return Ok(next.call(request).await?.map_into_left_body());
        }
        let client = self.0.proxies.client_address(request.request());
        if let Err(too_much) = self.0.unread.check(client) {
            let answer = Rejection::from(too_much).error_response();
            return Ok(request.into_response(answer).map_into_right_body());
        }
        let mut response = next.call(request).await?;
        let length = answer::length(response.response().body()).unwrap_or_default();
        match self.0.unread.hold(client, length) {
            Ok(held) => {
                held.map(|held| response.response_mut().extensions_mut().insert(held));
                Ok(response.map_into_left_body())
            }
            Err(too_much) => {
                let answer = Rejection::from(too_much).error_response();
                Ok(response.into_response(answer).map_into_right_body())
            }
        }
    }

    /// Middleware, and the outermost: knows when a connection is asked for something, and until
    /// when its answer is on the way. What comes over one that was ended is not carried out.
    pub async fn attend<B: MessageBody + 'static>(
        self,
        mut request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<Answer<B>>, Error> {
        let connection = request.conn_data::<Connection>().map(|it| it.activity.clone());
        let is_open = connection.as_ref().is_none_or(|it| it.takes(&request));
        if request.conn_data::<Refused>().is_some() || !is_open {
            return Err(Rejection::unavailable(
                "too_many_connections",
                "there are too many connections from your address: end some, or use them again",
                2,
            )
            .into());
        }
        let activity = connection.map(|connection| connection.begin());
        buffer::let_go(&mut request);
        let mut response = next.call(request).await?;
        if refusals::is_refusal(response.response()) {
            self.hold_back(self.0.proxies.client_address(response.request())).await;
        }
        let held = response.response_mut().extensions_mut().remove::<Bytes>();
        if let (Some(activity), Some(_)) = (&activity, &held) {
            activity.is_large();
        }
        Ok(response.map_body(|_, body| Answer::new(body, activity, held)))
    }
}

/// Whether the other service asks, or says that it does.
fn is_internal(request: &ServiceRequest) -> bool {
    request.path().starts_with("/internal/") || request.path() == "/notify"
}

/// The place of the connection that a request comes over, for who takes its socket over.
pub fn place_of(request: &HttpRequest) -> Option<Place> {
    request.conn_data::<Connection>().map(|connection| connection.place.clone())
}

impl Shared {
    fn by_site(&self) -> MutexGuard<'_, BySite> {
        self.by_site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.shared.by_site().remove(self.address, 1);
        self.shared.open.dec();
    }
}

#[cfg(test)]
mod tests;
