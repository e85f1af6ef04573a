//! [`Service`]: what is done with clients' frames in the service itself.

use std::sync::Arc;

use common::{
    Problem,
    internal::{ClientFrame, FrameReply},
};
use futures_util::future::BoxFuture;

use super::Frames;
use crate::{
    resume::{NotNow, Request, Resume, Start},
    scope::Scope,
    upstream::{Upstream, UpstreamError},
};

/// Passes frames on to the message service.
pub struct Service {
    /// The message service.
    pub upstream: Upstream,
    /// Where streams begin.
    pub resume: Arc<Resume>,
}

impl Frames for Service {
    fn handle(&self, frame: ClientFrame) -> BoxFuture<'_, Result<FrameReply, UpstreamError>> {
        Box::pin(async move { self.upstream.frame(&frame).await })
    }

    fn begin(&self, request: Request) -> BoxFuture<'_, Result<Start, NotNow>> {
        Box::pin(self.resume.start(request))
    }

    fn introduce(&self, _name: String, _scope: Scope) -> BoxFuture<'_, Result<Scope, Problem>> {
        Box::pin(async {
            Err(Problem {
                kind: "about:blank".to_owned(),
                title: "Bad Request".to_owned(),
                status: 400,
                code: "username_in_handshake".to_owned(),
                detail: "name yourself when you connect: /ws?username=".to_owned(),
                request_id: None,
                errors: Vec::new(),
            })
        })
    }
}
