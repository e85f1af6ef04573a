//! [`FrameUpstream`]: a message service that carries out the frames of clients.
//!
//! In front of a real one: it passes on what is read, and answers frames itself.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError,
    dev::ServerHandle,
    http::StatusCode,
    rt,
    web::{self, Bytes, Data},
};
use common::{
    Secret,
    internal::{ClientFrame, FrameReply},
    signature,
};
use http_kit::Rejection;
use reqwest::Client;
use serde_json::{Value, json};

use crate::{app::SECRET, upstream::Upstream};

pub(crate) struct FrameUpstream {
    pub(crate) upstream: Upstream,
    address: SocketAddr,
    taken: Taken,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

type Taken = Arc<Mutex<Vec<ClientFrame>>>;

struct Behind {
    url: String,
    client: Client,
    taken: Taken,
}

impl FrameUpstream {
    pub(crate) fn start() -> Self {
        let upstream = Upstream::start();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Taken::default();
        let url = upstream.url();
        let of_server = taken.clone();
        let (sender, handle) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let server = HttpServer::new(move || {
                let client = Client::builder().no_proxy().build().unwrap();
                let behind = Behind { url: url.clone(), client, taken: of_server.clone() };
                App::new()
                    .app_data(Data::new(behind))
                    .route("/internal/frames", web::post().to(take))
                    .default_service(web::to(pass_on))
            })
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap();
            rt::System::new().block_on(async {
                let server = server.run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        let server = handle.recv().unwrap();
        Self { upstream, address, taken, server, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The frames that have come so far.
    pub(crate) fn taken(&self) -> Vec<ClientFrame> {
        self.taken.lock().unwrap().clone()
    }

    /// The contents of the messages among them.
    pub(crate) fn contents(&self) -> Vec<Value> {
        self.taken().iter().map(|taken| taken.frame["content"].clone()).collect()
    }
}

impl Drop for FrameUpstream {
    fn drop(&mut self) {
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Acknowledges a frame, refuses one with the content `refuse`, fails at `fail`, and
/// finds that `grow` has grown too long.
async fn take(request: HttpRequest, body: Bytes, behind: Data<Behind>) -> HttpResponse {
    let header = request.headers().get(signature::HEADER).unwrap().to_str().unwrap();
    let secret = Secret::parse(SECRET).unwrap();
    signature::verify(&secret, header, "POST", "/internal/frames", &body).unwrap();
    let taken: ClientFrame = serde_json::from_slice(&body).unwrap();
    let (frame, number) = {
        let mut all = behind.taken.lock().unwrap();
        all.push(taken.clone());
        (taken.frame, all.len())
    };
    let reply = match frame["content"].as_str() {
        Some("fail") => return HttpResponse::InternalServerError().finish(),
        Some("grow") => {
            let problem = Rejection::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "no");
            return problem.error_response();
        }
        Some("refuse") => Some(json!({
            "type": "error", "status": 422, "code": "content_invalid",
            "client_msg_id": frame["client_msg_id"],
        })),
        _ if frame["type"] == "typing" => None,
        _ => Some(json!({
            "type": "ack", "client_msg_id": frame["client_msg_id"], "seq": number,
        })),
    };
    HttpResponse::Ok().json(FrameReply { reply })
}

async fn pass_on(request: HttpRequest, behind: Data<Behind>) -> HttpResponse {
    let url = format!("{}{}", behind.url, request.uri());
    let header = request.headers().get(signature::HEADER).unwrap().to_str().unwrap();
    let answer = behind.client.get(url).header(signature::HEADER, header).send().await.unwrap();
    let status = answer.status().as_u16().try_into().unwrap();
    HttpResponse::build(status).content_type("application/json").body(answer.bytes().await.unwrap())
}
