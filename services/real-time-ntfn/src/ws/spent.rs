//! [`Spent`]: addresses whose rate is used up, as the message service has just said.
//!
//! A client that goes on all the same is told so here: were each of its frames passed on to be
//! refused, it would cost others a hundred times what it sends.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use common::internal::{ClientFrame, FrameReply};
use http_kit::address::site;
use serde_json::Value;

/// How long an answer holds, since its frame was passed on: until two or three more are allowed at the usual
/// rate, for which a burst has room.
const HOLDS: Duration = Duration::from_millis(25);

/// Addresses that are remembered before those are forgotten whose answer holds no more.
const MANY: usize = 1_024;

/// What addresses were told whose rate is used up.
#[derive(Default)]
pub struct Spent(Mutex<HashMap<Rated, (Instant, Value)>>);

/// What is counted together: messages of an address, or all else.
type Rated = (IpAddr, bool);

impl Spent {
    /// What a frame is answered without being passed on, if its address has just been refused.
    pub(super) fn answer(&self, frame: &ClientFrame, now: Instant) -> Option<Value> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, refusal) = told.get(&rated(frame)?)?;
        if now.saturating_duration_since(*at) >= HOLDS {
            return None;
        }
        let mut reply = refusal.clone();
        if let Some(id) = frame.frame.get("client_msg_id") {
            reply["client_msg_id"] = id.clone();
        }
        Some(reply)
    }

    /// Remembers what a frame was answered that was passed on then, if that holds for its address.
    pub(super) fn note(&self, frame: &ClientFrame, reply: &FrameReply, asked: Instant) {
        let refusal = reply.reply.as_ref().filter(|reply| reply["code"] == "rate_limited");
        let (Some(refusal), Some(rated)) = (refusal, rated(frame)) else {
            return;
        };
        let mut refusal = refusal.clone();
        if let Some(fields) = refusal.as_object_mut() {
            fields.remove("client_msg_id");
        }
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MANY {
            told.retain(|_, (at, _)| asked.saturating_duration_since(*at) < HOLDS);
        }
        told.insert(rated, (asked, refusal));
    }
}

fn rated(frame: &ClientFrame) -> Option<Rated> {
    Some((site(frame.address?), frame.kind() == "message"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(address: &str, frame: Value) -> ClientFrame {
        ClientFrame {
            user: None,
            authenticated: false,
            epoch: 0,
            address: Some(address.parse().unwrap()),
            origin: "1".to_owned(),
            frame,
        }
    }

    #[test]
    fn who_was_refused_is_told_so_again_for_a_moment_and_nobody_else() {
        let (spent, now) = (Spent::default(), Instant::now());
        let message = frame("203.0.113.1", json!({"content": "hi", "client_msg_id": "m1"}));
        let refused = json!({"type": "error", "code": "rate_limited", "client_msg_id": "m1"});
        let reply = |reply: Value| FrameReply { reply: Some(reply) };
        spent.note(&message, &reply(json!({"type": "ack"})), now);
        assert!(spent.answer(&message, now).is_none());
        spent.note(&message, &reply(refused), now);
        // Each is told of its own message.
        let next = frame("203.0.113.1", json!({"type": "message", "client_msg_id": "m2"}));
        let told = |frame: &ClientFrame, at| spent.answer(frame, at);
        let of_m2 = json!({"type": "error", "code": "rate_limited", "client_msg_id": "m2"});
        assert_eq!(told(&next, now), Some(of_m2));
        let unnamed = frame("203.0.113.1", json!({"content": "hi"}));
        let of_none = json!({"type": "error", "code": "rate_limited"});
        assert_eq!(told(&unnamed, now), Some(of_none));
        // Markers have a rate of their own, and so have others.
        let marker = frame("203.0.113.1", json!({"type": "read", "seq": 1}));
        for other in [marker, frame("203.0.113.2", json!({"content": "hi"}))] {
            assert_eq!(told(&other, now), None);
        }
        assert_eq!(told(&next, now + HOLDS), None);
    }

    #[test]
    fn addresses_are_forgotten() {
        let (spent, start) = (Spent::default(), Instant::now());
        let reply = FrameReply { reply: Some(json!({"code": "rate_limited"})) };
        for n in 0..10_000_u32 {
            let address = std::net::Ipv4Addr::from(n).to_string();
            spent.note(&frame(&address, json!({})), &reply, start + n * HOLDS / 100);
        }
        assert!(spent.0.lock().unwrap().len() <= MANY);
    }
}
