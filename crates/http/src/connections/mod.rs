//! [`Connections`]: who is connected, and how long a connection may stay that asks for nothing.
//!
//! actix bounds the time for the first head of a connection, and nothing after that: one that sends half
//! of its second head, or takes nothing of its answer, would stay for ever, and what it was answered
//! with. Here each connection is counted, by address and in the process; what nobody asks over is
//! ended after a while, sooner when descriptors run short; sent bytes that nobody takes end a connection;
//! and whoever has large answers under way that they do not read gets no further ones.

mod answer;
mod idle;
mod unread;

use std::{
    any::Any,
    collections::HashMap,
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
use prometheus::{IntCounterVec, Opts, Registry};
use socket2::{SockRef, TcpKeepalive};

use crate::{
    address::{Shares, TrustedProxies, site},
    open_files::{Counted, OpenFiles},
    operations,
    rejection::Rejection,
};
pub use answer::Answer;
use idle::{Activity, Keeping};
pub use unread::{TooMuch, Unread};

/// What connections may take.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// How many there may be in the process.
    pub open_files: OpenFiles,
    /// How many of one address there may be; 0 for any number.
    pub per_address: usize,
    /// Which addresses that is about.
    pub shares: Shares,
    /// Proxies, which connect for many.
    pub proxies: TrustedProxies,
    /// How long sent bytes may go unacknowledged, and how long a closed window may stay closed.
    pub stall: Duration,
    /// How long a connection may stay that asks for nothing. actix ends those that send nothing at
    /// all; this is for those that send half a head, and so has to be longer by what a head may take.
    pub idle: Duration,
    /// Unsent bytes that the system keeps for one client.
    pub send_buffer: usize,
}

/// The connections of one server. Clones are the same.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    bounds: Bounds,
    by_site: Mutex<HashMap<IpAddr, usize>>,
    unread: Arc<Unread>,
    ended: IntCounterVec,
}

/// A connection's place; given back when the last clone is dropped.
#[derive(Clone)]
pub struct Place {
    _taken: Arc<Taken>,
}

struct Taken {
    shared: Arc<Shared>,
    site: IpAddr,
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
    /// None yet.
    pub fn new(bounds: Bounds, registry: &Registry) -> prometheus::Result<Self> {
        let ended = IntCounterVec::new(
            Opts::new(
                "realtalk_connections_ended_total",
                "Connections ended by the service, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(ended.clone()))?;
        let unread = Arc::new(Unread::new(bounds.shares));
        Ok(Self(Arc::new(Shared { bounds, by_site: Mutex::default(), unread, ended })))
    }

    /// Takes a connection in, or ends it at once: for `HttpServer::on_connect`.
    pub fn welcome(&self, connection: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let Ok(peer) = stream.peer_addr() else {
            return;
        };
        let bounds = &self.0.bounds;
        match self.place(peer.ip().to_canonical()) {
            Ok((place, keeping)) => {
                set_options(stream, bounds);
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
        let bounds = &self.0.bounds;
        let is_proxy = bounds.proxies.trusts(address);
        let is_bound = bounds.per_address > 0 && bounds.shares.bound(address) && !is_proxy;
        // A proxy, and the other service, come in when nobody else does.
        let counted = bounds.open_files.take(!is_bound).ok_or("full")?;
        let site = site(address);
        let mut by_site = self.0.by_site();
        let count = by_site.get(&site).copied().unwrap_or_default();
        let keeping = match count.checked_sub(bounds.per_address).filter(|_| is_bound) {
            Some(FOR_THE_OTHER..) => return Err("address"),
            Some(_) => Keeping::ForTheOther,
            None if is_proxy => Keeping::AsLongAsItLikes,
            None => Keeping::WhileThereIsRoom,
        };
        *by_site.entry(site).or_default() += 1;
        let taken = Taken { shared: self.0.clone(), site, _counted: counted };
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
        let client = self.0.bounds.proxies.client_address(request.request());
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
        request: ServiceRequest,
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
        let mut response = next.call(request).await?;
        let held = response.response_mut().extensions_mut().remove::<unread::Bytes>();
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

fn set_options(stream: &TcpStream, bounds: &Bounds) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
    let options = [
        #[cfg(target_os = "linux")]
        socket.set_tcp_user_timeout(Some(bounds.stall)),
        socket.set_send_buffer_size(bounds.send_buffer),
        socket.set_tcp_keepalive(&keepalive),
    ];
    // The connection works without them, only less tidily.
    for error in options.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option is not available");
    }
}

impl Shared {
    fn by_site(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_site.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut by_site = self.shared.by_site();
        if let Some(count) = by_site.get_mut(&self.site) {
            *count -= 1;
            if *count == 0 {
                by_site.remove(&self.site);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use actix_web::{App, HttpServer, middleware::from_fn, web};

    use super::*;

    fn connections(per_address: usize, limits_loopback: bool) -> Connections {
        let bounds = Bounds {
            open_files: OpenFiles::of(100_000).unwrap(),
            per_address,
            shares: Shares { by_address: true, loopback: limits_loopback },
            proxies: TrustedProxies::parse(Some("198.51.100.1")).unwrap(),
            stall: Duration::from_secs(30),
            idle: Duration::from_secs(80),
            send_buffer: 65_536,
        };
        Connections::new(bounds, &Registry::new()).unwrap()
    }

    #[test]
    fn an_address_has_so_many_and_a_proxy_connects_for_many() {
        let all = connections(2, false);
        let place = |address: &str| all.place(address.parse().unwrap());
        let keeping = |address: &str| place(address).map(|(_, keeping)| keeping);
        let [first, _second] = [place("203.0.113.1").unwrap(), place("203.0.113.1").unwrap()];
        assert_eq!(keeping("203.0.113.1"), Ok(Keeping::ForTheOther));
        assert_eq!(keeping("203.0.113.2"), Ok(Keeping::WhileThereIsRoom));
        assert_eq!(keeping("198.51.100.1"), Ok(Keeping::AsLongAsItLikes));
        let mut beyond: Vec<_> =
            (0..FOR_THE_OTHER).map(|_| place("203.0.113.1").unwrap()).collect();
        assert_eq!(place("203.0.113.1").err(), Some("address"));
        drop(first.0.clone());
        assert_eq!(place("203.0.113.1").err(), Some("address"), "a clone has it");
        drop(first);
        assert!(place("203.0.113.1").is_ok());
        beyond.clear();
        assert_eq!(keeping("203.0.113.1"), Ok(Keeping::WhileThereIsRoom));
        let many: Vec<_> =
            (0..10).flat_map(|_| [place("198.51.100.1"), place("127.0.0.1")]).collect();
        assert!(many.iter().all(Result::is_ok));
        let strict = connections(2, true);
        let taken: Vec<_> = (0..3).map(|_| strict.place([127, 0, 0, 1].into()).unwrap()).collect();
        assert_eq!(taken[2].1, Keeping::ForTheOther);
        drop((many, taken));
        assert_eq!(all.0.by_site().len(), 1);
    }

    #[test]
    fn half_a_second_head_does_not_keep_a_connection() {
        let mut all = connections(0, false);
        Arc::get_mut(&mut all.0).unwrap().bounds.idle = Duration::from_secs(3);
        let attended = all.clone();
        let (address, asked) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let attended = attended.clone();
                    let attend =
                        from_fn(move |request, next| attended.clone().attend(request, next));
                    App::new().default_service(web::to(async || "answer")).wrap(attend)
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.on_connect(move |connection, extensions| {
                    all.welcome(connection, extensions);
                });
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                address.send(server.addrs()[0]).unwrap();
                server.run().await.unwrap();
            });
        });
        let mut client = TcpStream::connect(asked.recv().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HT").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("answer"), "{text}");
    }
}
