//! Catching up: what a client has missed that the ring no longer has, read from the log.

use common::{EventId, internal::MAX_BEGINNING};
use tokio::time::Instant;

use super::{
    CATCH_UP, NotNow, Resume, TURN, Visitor,
    answered::answered,
    place::{Before, Place},
};
use crate::log::{feed::Reached, upstream::UpstreamError};

/// A client that has missed more than this, and longer ago than the ring reaches back, loads anew: that
/// costs less than replay.
const MAX_BEHIND: u64 = 5_000;

/// Events in one page from the log, and how many pages there are at most: where little is for somebody, a
/// page reaches ten times as far. A page is what others wait for when somebody else's is being read.
const PAGE: u64 = 250;
const MAX_PAGES: u32 = 40;

impl Resume {
    /// Reads the difference between a cursor and the ring from the log. Each page is a turn: others
    /// come between two, but few of them are in the middle of the same.
    pub(super) async fn catch_up(
        &self,
        cursor: EventId,
        visitor: &Visitor,
    ) -> Result<Place, NotNow> {
        let Visitor { scope, wire, asker } = visitor;
        let deadline = Instant::now() + CATCH_UP;
        let _place = self.catching_up.take(asker, TURN).await?;
        let (mut at, mut before) = (cursor, Before::default());
        let (mut behind, mut pages) = (0, 0);
        loop {
            let turn = self.turn(asker, TURN.min(deadline - Instant::now())).await?;
            let (upstream, asked) = (self.upstream.clone(), scope.clone());
            let page =
                async move { upstream.events_for(at, asked.user(), asked.rooms(), PAGE).await };
            let page = match answered(turn, page).await? {
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
            before.add_page(seen, *wire);
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
