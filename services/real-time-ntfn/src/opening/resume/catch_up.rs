//! Catching up: what a client has missed that the ring no longer has, read from the log.

use common::{EventId, internal::MAX_BEGINNING};
use tokio::time::Instant;

use super::{
    CATCH_UP, NotNow, Resume, TURN, Visitor,
    place::{Before, Place},
};
use crate::log::{feed::Reached, upstream::UpstreamError};

/// A client that has missed more than this, and longer ago than the ring reaches back, loads anew: that
/// costs less than replay.
const MAX_BEHIND: u64 = 5_000;

/// Events in one page from the log, and how many pages there are at most: where little is for somebody, a
/// page reaches far.
const PAGE: u64 = 1_000;
const MAX_PAGES: u32 = 20;

impl Resume {
    /// Reads the difference between a cursor and the ring from the log. Each page is a turn: others
    /// come between two.
    pub(super) async fn catch_up(
        &self,
        cursor: EventId,
        visitor: &Visitor,
    ) -> Result<Place, NotNow> {
        let Visitor { scope, wire, asker } = visitor;
        let (mut at, mut before) = (cursor, Before::default());
        let (mut behind, mut pages) = (0, 0);
        let deadline = Instant::now() + CATCH_UP;
        loop {
            // Who has read a part of it already would read that again.
            let patience = if at == cursor { TURN } else { 3 * TURN };
            let turn = self.turn(asker, patience.min(deadline - Instant::now())).await?;
            let page = self.upstream.events_for(at, scope.user(), scope.rooms(), PAGE).await;
            drop(turn);
            let page = match page {
                Ok(page) => page,
                Err(UpstreamError::Expired) => return Ok(self.reset(visitor, "expired")),
                Err(UpstreamError::Unknown) => return Ok(self.reset(visitor, "unknown")),
                Err(_) => return Err(NotNow::Upstream),
            };
            behind += page.batch.events.len() as u64;
            pages += 1;
            let progress = page.end();
            let (batch, _) = page.batch.resolve_page();
            let seen = batch.events.iter().filter(|event| scope.receives(&event.audience));
            seen.for_each(|event| before.add(event, *wire));
            self.unread.hold_more(&mut before.held, asker.address, before.bytes)?;
            if behind > MAX_BEHIND || pages > MAX_PAGES || before.bytes > MAX_BEGINNING {
                return Ok(self.reset(visitor, "too_far"));
            }
            if progress > self.hub.head() && self.feed.reach(progress).await != Reached::Yes {
                return Err(NotNow::Upstream);
            }
            if let Some(subscriber) = self.hub.subscribe(progress, scope.clone()) {
                return Ok(Place { subscriber, cursor, before, from: "log" });
            }
            if progress == at {
                // The log ends before the ring begins: it is not the log the ring was filled from.
                return Ok(self.reset(visitor, "unknown"));
            }
            at = progress;
        }
    }
}
