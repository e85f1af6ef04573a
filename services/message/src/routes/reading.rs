//! Reads in turn: a few at the same time, and everybody's next one soon.

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, ResponseError,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorInternalServerError,
    middleware::Next,
};
use http_kit::{
    Rejection, TrustedProxies,
    address::Shares,
    request,
    turns::{Asker, Turns},
};

use crate::store::READS_AT_ONCE;

/// How long a read waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is read from the database begins with one of these.
const READ: [&str; 5] = ["/messages", "/conversations", "/users", "/sync", "/TaskMgt/"];

/// Takes turns at reading the database, by address. Clones take turns with each other.
#[derive(Clone)]
pub struct Reading {
    turns: Arc<Turns>,
    proxies: TrustedProxies,
}

impl Reading {
    /// With a share for each address that has one.
    pub fn new(shares: Shares, proxies: TrustedProxies) -> Self {
        Self { turns: Arc::new(Turns::at_work(READS_AT_ONCE, shares)), proxies }
    }

    /// Middleware: lets a read wait until it is its turn. A search through all people, or a list of
    /// somebody who is everywhere, takes long; but an address has its share of them only.
    pub async fn in_turn(
        self,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        // Decoded, as it is when a route is looked for.
        let path = request.match_info().unprocessed();
        if !request.method().is_safe() || !READ.iter().any(|read| path.starts_with(read)) {
            return Ok(next.call(request).await?.map_into_left_body());
        }
        let address = self.proxies.client_address(request.request());
        let Ok(turn) = self.turns.take(&Asker { address, user: None }, PATIENCE).await else {
            let answer = overloaded().error_response();
            return Ok(request.into_response(answer).map_into_right_body());
        };
        // The database works on when a client has gone away: the turn is taken as long.
        let answered = next.call(request);
        let work = async move {
            let _turn = turn;
            answered.await
        };
        let response = request::to_the_end(work).await.map_err(ErrorInternalServerError)?;
        Ok(response?.map_into_left_body())
    }
}

fn overloaded() -> Rejection {
    Rejection::unavailable("overloaded", "too much is asked at once: try again", 2)
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        body::to_bytes,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };
    use futures_util::{FutureExt, future::join_all};
    use tokio::sync::Semaphore;

    use super::*;

    #[actix_web::test]
    async fn whoever_reads_much_leaves_room_for_others() {
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let shares = Shares { by_address: true, loopback: true };
        let reading = Reading::new(shares, TrustedProxies::parse(Some("127.0.0.1")).unwrap());
        let share = reading.turns.share();
        let (begins, ends) = (begun.clone(), may_end.clone());
        let slow = move || {
            let (begins, ends) = (begins.clone(), ends.clone());
            async move {
                begins.add_permits(1);
                ends.acquire().await.unwrap().forget();
                "read"
            }
        };
        let in_turn = from_fn(move |request, next| reading.clone().in_turn(request, next));
        let app = App::new().default_service(web::to(slow)).wrap(in_turn);
        let app = init_service(app).await;
        let ask = |path: &str, address: &str| {
            let request = TestRequest::get().uri(path).peer_addr(([127, 0, 0, 1], 1).into());
            call_service(&app, request.insert_header(("x-forwarded-for", address)).to_request())
        };
        let mut rude = join_all((0..20).map(|_| ask("/users?q=a", "203.0.113.1")));
        assert!((&mut rude).now_or_never().is_none());
        settle().await;
        assert_eq!(begun.available_permits(), share);
        let mut hidden = Box::pin(ask("/%75sers?q=a", "203.0.113.1"));
        assert!((&mut hidden).now_or_never().is_none());
        settle().await;
        assert_eq!(begun.available_permits(), share, "it is the same route");
        // Who goes away leaves reads that go on.
        for number in share..READS_AT_ONCE {
            let gone = Box::pin(ask("/messages", &format!("203.0.113.1{number}")));
            assert!({ gone }.now_or_never().is_none());
        }
        let mut page = Box::pin(ask("/lib/chat.js", "203.0.113.1"));
        assert!((&mut page).now_or_never().is_none());
        settle().await;
        // All turns are taken; a file of the page takes none.
        assert_eq!(begun.available_permits(), READS_AT_ONCE + 1);
        let mut late = Box::pin(ask("/messages", "203.0.113.4"));
        assert!((&mut late).now_or_never().is_none());
        settle().await;
        assert_eq!(begun.available_permits(), READS_AT_ONCE + 1);
        may_end.add_permits(30);
        let (late, hidden, page, rude) = tokio::join!(late, hidden, page, rude);
        for answer in [late, hidden, page].into_iter().chain(rude) {
            assert_eq!(to_bytes(answer.into_body()).await.ok().unwrap(), "read");
        }
    }

    /// Lets all that can go on do so.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}
