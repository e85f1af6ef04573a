//! One post, many readers; and readers that somebody else has written.

use std::time::Duration;

use bytes::Bytes;
use eventsource_client::{Client, ClientBuilder, ReconnectOptions, SSE};
use futures_util::{Stream, StreamExt, stream};
use launchdarkly_sdk_transport::{
    ByteStream, HttpTransport, Request, Response, ResponseFuture, TransportError,
};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    deadline::PATIENCE,
    history::{self, Message},
    process::Pair,
    scale::heavy,
    stream::Follow,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_get_twenty_posts_in_order() {
    let _turn = heavy().await;
    let pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let mut clients = Vec::new();
    for number in 0..50 {
        clients.push(Follow::live(format!("client {number}"), port, &board).start().await);
    }
    let posted = board.post_many("post", 20, 4).await;
    let mut seen = Vec::new();
    for client in &clients {
        client.reach(20).await;
        seen.push(client.seen());
    }
    history::check(&posted, &posted, &seen).unwrap();
}

/// Lets the library make its requests with the HTTP client that we have anyway.
#[derive(Clone)]
struct Transport(reqwest::Client);

impl HttpTransport for Transport {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let (parts, _) = request.into_parts();
        let request = self.0.request(parts.method, parts.uri.to_string());
        let sent = request.headers(parts.headers).send();
        let answer = tokio::spawn(async move {
            let response = sent.await.map_err(TransportError::new)?;
            let (status, headers) = (response.status(), response.headers().clone());
            let mut answer = Response::new(body(response));
            (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
            Ok(answer)
        });
        Box::pin(async move { answer.await.map_err(TransportError::new)? })
    }
}

fn body(mut response: reqwest::Response) -> ByteStream {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(piece) = response.chunk().await.transpose() {
            let piece = piece.map_err(TransportError::new);
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                return;
            }
        }
    });
    Box::pin(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }))
}

/// The last message and those that follow, as the library decodes them.
fn library(port: u16) -> impl Stream<Item = (String, Message)> + Unpin {
    let reconnect = ReconnectOptions::reconnect(true)
        .retry_initial(true)
        .delay(Duration::from_millis(50))
        .build();
    let client = ClientBuilder::for_url(&format!("http://127.0.0.1:{port}/events?history=1"))
        .unwrap()
        .reconnect(reconnect)
        .build_with_transport(Transport(reqwest::Client::builder().no_proxy().build().unwrap()));
    let messages = client.stream().filter_map(|event| async {
        // Errors are told, and the library connects again.
        match event {
            Ok(SSE::Event(event)) if event.event_type == "message" => {
                Some((event.id.unwrap(), serde_json::from_str(&event.data).unwrap()))
            }
            _ => None,
        }
    });
    Box::pin(messages)
}

async fn expect(messages: &mut (impl Stream<Item = (String, Message)> + Unpin), post: &Message) {
    let next = timeout(PATIENCE, messages.next()).await;
    let (id, message) = next.unwrap().unwrap();
    assert_eq!(id, message.id);
    assert_eq!(&message, post);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_library_reads_the_same_and_resumes() {
    let mut pair = Pair::start(&[]).await;
    let (board, port) = (pair.board(), pair.notification.port());
    let first = board.post("alice", "is it on?", "first").await;
    let mut messages = library(port);
    expect(&mut messages, &first).await;
    let long = "🦀é".repeat(2_000);
    let texts = [
        "👩‍👩‍👧‍👦 🏳️‍🌈 emoji",
        "two\nlines\r\nand a third\rdata: x\n\nid: 1\n\nevent: reset",
        "\"quotes\" 'and' \\back\\slashes\\ \\n",
        "line\u{2028}and paragraph\u{2029}separators \u{feff}and a mark",
        "<script>alert(1)</script> &amp; nothing",
        "العربية עברית 中文 e\u{301}",
        ": a comment",
        &long,
    ];
    for (number, text) in texts.iter().enumerate() {
        let key = format!("text-{number}");
        let post = board.post("zoë", text, &key).await;
        assert_eq!(&post.content, text);
        expect(&mut messages, &post).await;
    }
    // What was posted while the stream was gone comes first when the library is back.
    pair.notification.kill();
    let missed = board.post_many("missed", 30, 4).await;
    pair.notification.spawn();
    for post in &missed {
        expect(&mut messages, post).await;
    }
    let live = board.post("alice", "live again", "live").await;
    expect(&mut messages, &live).await;
}
