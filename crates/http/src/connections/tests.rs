//! How many connections there may be, and for how long.

use std::{
    future,
    io::{ErrorKind, Read, Write},
    net::{self, SocketAddr, TcpListener},
    sync::mpsc::{self, Receiver},
    thread,
};

use actix_web::{App, HttpServer, middleware::from_fn, rt, web};

use super::*;

fn connections(per_address: usize, limits_loopback: bool) -> Connections {
    let stall = Duration::from_secs(30);
    let bounds = Bounds { per_address, limits_loopback, stall, send_buffer: 65_536 };
    let proxies = TrustedProxies::parse(Some("198.51.100.1")).unwrap();
    let open_files = OpenFiles::of(100_000).unwrap();
    Connections::new(bounds, proxies, open_files, &Registry::new()).unwrap()
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
    let mut beyond: Vec<_> = (0..FOR_THE_OTHER).map(|_| place("203.0.113.1").unwrap()).collect();
    assert_eq!(place("203.0.113.1").err(), Some("address"));
    drop(first.0.clone());
    assert_eq!(place("203.0.113.1").err(), Some("address"), "a clone has it");
    drop(first);
    assert!(place("203.0.113.1").is_ok());
    beyond.clear();
    assert_eq!(keeping("203.0.113.1"), Ok(Keeping::WhileThereIsRoom));
    let many: Vec<_> = (0..10).flat_map(|_| [place("198.51.100.1"), place("127.0.0.1")]).collect();
    assert!(many.iter().all(Result::is_ok));
    let strict = connections(2, true);
    let taken: Vec<_> = (0..3).map(|_| strict.place([127, 0, 0, 1].into()).unwrap()).collect();
    assert_eq!(taken[2].1, Keeping::ForTheOther);
    drop((many, taken));
    assert_eq!(all.0.by_site().count(), 1);
}

#[test]
fn what_is_accepted_is_bound_as_its_listener_is() {
    let bounds = connections(0, false).0.bounds;
    let listener = bounds.listen("PORT", [127, 0, 0, 1].into(), 0).unwrap();
    let _client = connect(listener.local_addr().unwrap());
    let (accepted, _) = listener.accept().unwrap();
    let socket = SockRef::from(&accepted);
    assert!(socket.tcp_nodelay().unwrap() && socket.keepalive().unwrap());
    // Linux says twice as much, for its own bookkeeping.
    let bytes = socket.send_buffer_size().unwrap();
    assert!([1, 2].contains(&(bytes / bounds.send_buffer)), "{bytes}");
    #[cfg(target_os = "linux")]
    {
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(bounds.stall));
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    }
}

/// Serves over such connections with one thread, which `/work` keeps for six seconds, once it has said so.
fn serve(all: Connections) -> (SocketAddr, Receiver<()>) {
    let (address, asked) = mpsc::channel();
    let (begun, begins) = mpsc::channel();
    thread::spawn(move || {
        rt::System::new().block_on(async move {
            let attended = all.clone();
            let app = move || {
                let attended = attended.clone();
                let attend = from_fn(move |request, next| attended.clone().attend(request, next));
                let begun = begun.clone();
                let work = move || {
                    begun.send(()).unwrap();
                    thread::sleep(Duration::from_secs(6));
                    future::ready("worked")
                };
                App::new()
                    .route("/work", web::to(work))
                    .default_service(web::to(async || "answer"))
                    .wrap(attend)
            };
            let server = HttpServer::new(app).workers(1).disable_signals();
            let server = server.client_request_timeout(FIRST_HEAD);
            let server = server.on_connect(move |connection, extensions| {
                all.welcome(connection, extensions);
            });
            let server = server.bind(("127.0.0.1", 0)).unwrap();
            address.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    (asked.recv().unwrap(), begins)
}

fn connect(address: SocketAddr) -> net::TcpStream {
    let client = net::TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    client
}

fn ask(client: &mut net::TcpStream, path: &str) {
    write!(client, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
}

fn all_that_comes(mut client: net::TcpStream) -> String {
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_head_keeps_a_connection_for_a_while_only() {
    let mut all = connections(0, false);
    Arc::get_mut(&mut all.0).unwrap().idle = Duration::from_secs(5);
    let (address, _) = serve(all);
    let [nothing, mut first, mut second] = [connect(address), connect(address), connect(address)];
    first.write_all(b"GET / HTTP/1.1\r\nhost").unwrap();
    second.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HT").unwrap();
    assert!(all_that_comes(second).ends_with("answer"));
    assert_eq!([nothing, first].map(all_that_comes), ["", ""]);
}

#[test]
fn what_has_come_and_is_not_read_yet_keeps_a_connection() {
    let mut all = connections(0, false);
    Arc::get_mut(&mut all.0).unwrap().idle = Duration::from_secs(4);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    rt::System::new().block_on(async move {
        let welcomed = |bytes: &[u8]| {
            let mut client = connect(address);
            client.write_all(bytes).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            accepted.set_nonblocking(true).unwrap();
            let mut accepted = (TcpStream::from_std(accepted).unwrap(), Extensions::new());
            all.welcome(&accepted.0, &mut accepted.1);
            (client, accepted)
        };
        let (silent, _ours) = welcomed(b"");
        let (waiting, _theirs) = welcomed(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
        let is_over = |client: &net::TcpStream| {
            client.set_nonblocking(true).unwrap();
            let answer = client.peek(&mut [0]);
            !matches!(answer, Err(error) if error.kind() == ErrorKind::WouldBlock)
        };
        while !is_over(&silent) {
            rt::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(!is_over(&waiting));
        // Not for ever: what nobody reads for that long nobody will.
        while !is_over(&waiting) {
            rt::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn what_a_busy_service_had_no_time_to_read_is_not_refused() {
    let mut all = connections(0, false);
    Arc::get_mut(&mut all.0).unwrap().idle = Duration::from_secs(5);
    let open = all.0.open.clone();
    let (address, begins) = serve(all);
    let [mut first, mut other] = [connect(address), connect(address)];
    while open.get() < 2 {
        thread::sleep(Duration::from_millis(1));
    }
    ask(&mut first, "/work");
    begins.recv().unwrap();
    ask(&mut other, "/");
    assert!(all_that_comes(first).ends_with("worked"));
    let answer = all_that_comes(other);
    assert!(answer.ends_with("answer"), "{answer}");
}
