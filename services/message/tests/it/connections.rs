//! Connections: how many there may be, and what they may hold.

use std::io::ErrorKind;

use crate::{app::App, patience::until, wire::Wire};

const ASK: &[u8] = b"GET /messages?limit=200 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A room of which a page takes more than three megabytes.
async fn fill(app: &App) {
    let long = "🦀".repeat(4_000);
    for _ in 0..200 {
        app.say(&long).await;
    }
}

/// Asks for such a page, and takes nothing of it.
fn ask(app: &App, source: [u8; 4]) -> Wire {
    let mut wire = Wire::narrow(app.address, source);
    wire.send(ASK).unwrap();
    wire
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_its_connection() {
    let app = App::with(&[("STALL_SECS", "1")]);
    fill(&app).await;
    let mut wire = ask(&app, [127, 0, 0, 1]);
    // What is sent to a connection that is over says so.
    let gone = until(|| wire.send(b"x").err()).await;
    assert!(matches!(gone.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{gone}");
}

#[tokio::test]
async fn who_reads_none_of_many_answers_gets_no_further_ones() {
    let app = App::with(&[("LIMIT_LOOPBACK", "true"), ("STALL_SECS", "600")]);
    fill(&app).await;
    // All at once: as many as there is room for are under way, and the others are refused.
    let unread: Vec<_> = (0..40).map(|_| ask(&app, [127, 0, 0, 1])).collect();
    let refused = app.eventually("/messages?limit=1", |answer| answer.status == 429).await;
    assert_eq!(refused.refusal(), (429, "answers_unread".to_owned()));
    assert!(refused.header("retry-after").is_some());
    // Others have what they ask for, and so has this one, as soon as it lets go.
    let mut other = Wire::narrow(app.address, [127, 0, 0, 2]);
    other.send(b"GET /messages?limit=200 HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let answer = other.answer().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 3_000_000);
    assert_eq!(app.get("/health").await.status, 200);
    drop(unread);
    app.eventually("/messages?limit=1", |answer| answer.status == 200).await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_have_theirs() {
    let settings = [("LIMIT_LOOPBACK", "true"), ("MAX_CONNECTIONS_PER_ADDRESS", "3")];
    let app = App::with(&settings);
    let answered = |source| {
        let mut wire = Wire::narrow(app.address, source);
        wire.send(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").ok();
        wire.answer().map(|answer| (wire, answer.status))
    };
    let mut held: Vec<_> = (0..3).map(|_| answered([127, 0, 0, 1]).unwrap()).collect();
    // Said with a word why, as long as there is room to; and then no more.
    assert_eq!(answered([127, 0, 0, 1]).unwrap().1, 503);
    let (other, status) = answered([127, 0, 0, 2]).unwrap();
    assert_eq!(status, 200);
    held.pop();
    let next = until(|| answered([127, 0, 0, 1]).filter(|(_, status)| *status == 200)).await;
    drop((held, other, next));
}
