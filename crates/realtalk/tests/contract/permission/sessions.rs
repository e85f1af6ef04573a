//! Streams end with the sessions that they belong to.

use serde_json::{Value, json};

use super::cast::{Cast, Mode, PASSWORD, Who};
use crate::{
    api::text,
    socket::Socket,
    wire::{Dial, Wire},
};

/// Both kinds of stream of somebody, which stand.
async fn both(port: u16, token: &str) -> (Wire, Socket) {
    let token_of = Some(token.to_owned());
    let mut wire = Dial { token: token_of, ..Dial::events(port) }.granted().await;
    wire.find(|block| block.is("ready")).await;
    let mut socket = Socket::open(port, "/ws?history=0", Some(token)).await.unwrap();
    socket.find("ready").await;
    (wire, socket)
}

/// Both say why, and end.
async fn end((mut wire, mut socket): (Wire, Socket), reason: &str) {
    let reauth = wire.find(|block| block.is("reauth")).await.json();
    assert_eq!(reauth["reason"], reason);
    assert_eq!(wire.rest().await.unwrap(), [], "nothing comes after it");
    assert_eq!(socket.find("reauth").await["reason"], reason);
    assert_eq!(socket.close_code().await, Some(4001));
}

/// Neither has ended: both tell what is said now.
async fn go_on(cast: &Cast, (wire, socket): &mut (Wire, Socket)) {
    cast.done(Who::Owner, "POST", "/messages", json!({"content": "still here"})).await;
    assert_eq!(wire.find(|block| block.is_message()).await.json()["content"], "still here");
    assert_eq!(socket.hear().await, "still here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_streams_of_all_sessions_and_no_others() {
    let cast = Cast::start(Mode::Required).await;
    let port = cast.pair.notification.port();
    let token = cast.token(Who::Member).unwrap();
    // Another session of the same user.
    let body = json!({"username": "member", "password": PASSWORD});
    let session: Value = cast.message.post("/sessions", body).await.expect(200);
    let streams = [both(port, token).await, both(port, text(&session["token"])).await];
    let mut others = both(port, cast.token(Who::Author).unwrap()).await;
    cast.done(Who::Member, "DELETE", "/sessions/current", json!({})).await;
    for both in streams {
        end(both, "signed_out").await;
    }
    go_on(&cast, &mut others).await;
    assert_eq!(Socket::open(port, "/ws", Some(token)).await.err().unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deactivating_ends_the_streams_of_the_user_and_no_others() {
    let cast = Cast::start(Mode::Required).await;
    let port = cast.pair.notification.port();
    let token = cast.token(Who::Member).unwrap();
    let streams = both(port, token).await;
    let mut others = both(port, cast.token(Who::Author).unwrap()).await;
    cast.done(Who::Admin, "PATCH", "/users/member", json!({"deactivated": true})).await;
    end(streams, "deactivated").await;
    go_on(&cast, &mut others).await;
    assert_eq!(Socket::open(port, "/ws", Some(token)).await.err().unwrap().status, 401);
    let refused = cast.with(&cast.message, Who::Member).get("/users/me").await;
    assert_eq!(refused.refusal(401), "token_invalid");
}
