//! How many connections there may be, and for how long.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use actix_web::{App, HttpServer, middleware::from_fn, web};

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
fn half_a_second_head_does_not_keep_a_connection() {
    let mut all = connections(0, false);
    Arc::get_mut(&mut all.0).unwrap().idle = Duration::from_secs(3);
    let attended = all.clone();
    let (address, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let app = move || {
                let attended = attended.clone();
                let attend = from_fn(move |request, next| attended.clone().attend(request, next));
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
