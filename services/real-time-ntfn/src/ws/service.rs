//! [`Service`]: what is done with clients' frames in the service itself.

use std::{sync::Arc, time::Instant};

use actix_web::http::StatusCode;
use common::{
    Problem,
    internal::{ClientFrame, FrameReply, Identify},
};
use futures_util::future::BoxFuture;
use http_kit::{Rejection, rate::RateLimit};
use serde_json::Value;

use super::{Frames, Peer, spent::Spent};
use crate::{
    event::scope::Scope,
    hub::{Arrival, Hub},
    log::upstream::{Upstream, UpstreamError},
    opening::{
        busy::Busy,
        identity::{Comer, Identity, Refusal},
        resume::{NotNow, Request, Resume, Start},
    },
    people::presence::{Attendance, Presence, TooMany},
};

/// Passes frames on to the message service.
pub struct Service {
    /// The message service.
    pub upstream: Upstream,
    /// Where streams stand.
    pub hub: Hub,
    /// Where streams begin.
    pub resume: Arc<Resume>,
    /// How often an address may begin.
    pub openings: RateLimit,
    /// Who clients are.
    pub identity: Arc<Identity>,
    /// Who is there.
    pub presence: Presence,
    /// Whose frames are not passed on for a moment.
    pub spent: Spent,
}

impl Frames for Service {
    fn refuse(&self, frame: &ClientFrame) -> Option<Value> {
        self.spent.answer(frame, Instant::now())
    }

    fn handle(&self, frame: ClientFrame) -> BoxFuture<'_, Result<FrameReply, UpstreamError>> {
        Box::pin(async move {
            let asked = Instant::now();
            let reply = self.upstream.frame(&frame).await?;
            self.spent.note(&frame, &reply, asked);
            Ok(reply)
        })
    }

    fn expect(&self) -> Arrival {
        self.hub.expect()
    }

    fn begin(&self, request: Request) -> BoxFuture<'_, Result<Start, NotNow>> {
        Box::pin(async move {
            // What a client has begin anew costs as much as another stream.
            self.openings.take(request.address).map_err(|_| NotNow::Crowded)?;
            self.resume.start(request).await
        })
    }

    fn introduce(
        &self,
        name: String,
        scope: Scope,
        peer: Peer,
    ) -> BoxFuture<'_, Result<(Comer, Option<Attendance>), Problem>> {
        Box::pin(async move {
            let rooms = scope.rooms().map(str::to_owned).collect();
            let asked = Identify { username: Some(name), rooms, ..Identify::default() };
            match self.identity.identify(asked, peer.address, peer.acknowledges).await {
                Ok(comer) => {
                    let attendance = self.presence.attend(&comer.scope).map_err(|TooMany| {
                        let (code, detail) = (Busy::User.reason(), Busy::User.detail());
                        Rejection::new(StatusCode::TOO_MANY_REQUESTS, code, detail).problem()
                    })?;
                    Ok((comer, attendance))
                }
                Err(Refusal::Rejected(rejection)) => Err(rejection.problem()),
                Err(Refusal::NotNow(not_now)) => {
                    let code = match not_now {
                        NotNow::Crowded => Busy::Crowded.reason(),
                        NotNow::Starting | NotNow::Upstream => "upstream_unavailable",
                    };
                    let detail = format!("{}: send your name again", Busy::from(not_now).detail());
                    Err(Rejection::unavailable(code, detail, 1).problem())
                }
            }
        })
    }
}
