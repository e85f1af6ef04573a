//! [`Line`]: requests one after the other, from an address of one's choice.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::load::dial::Dial;
use crate::load::poster::{Answer, Poster};

/// A connection that is kept, and made anew once the server has closed it.
pub(super) struct Line {
    dial: Dial,
    patience: Duration,
    poster: Option<Poster>,
}

impl Line {
    pub(super) fn new(from: Ipv4Addr, to: SocketAddr, patience: Duration) -> Self {
        Self { dial: Dial::new(from, to), patience, poster: None }
    }

    /// Asks, and takes anything but success for an error.
    pub(super) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Answer> {
        let mut poster = match self.poster.take().filter(|poster| !poster.is_closed()) {
            Some(kept) => kept,
            None => Poster::dial(self.dial, self.patience)?,
        };
        let answer = poster.ask(method, path, body)?;
        self.poster = Some(poster);
        if !(200..300).contains(&answer.status) {
            let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let code = problem["code"].as_str().unwrap_or_default();
            bail!("answered {} {code}", answer.status);
        }
        Ok(answer)
    }
}
