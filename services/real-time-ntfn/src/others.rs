//! [`Others`]: the other instances, which are told over Redis what happens here, and heard.

use std::time::Duration;

use bus::{Bus, Publisher, Roster, Subscriber};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    hearing::Hearing,
    log::feed::Feed,
    people::{
        presence::{LEASE, Presence, Sharing},
        telling::Telling,
    },
};

/// The other instances, for as long as this one runs.
pub(crate) struct Others {
    sharing: Sharing,
    shared: JoinHandle<()>,
    tasks: [JoinHandle<()>; 2],
}

impl Others {
    /// Joins them: from now on, what `telling` says is said to them as well. Who is connected to this one is shared
    /// until `ended` is cancelled.
    pub(crate) fn join(
        bus: Bus,
        feed: &Feed,
        presence: &Presence,
        telling: Telling,
        ended: CancellationToken,
    ) -> (Telling, Self) {
        let instance = uuid::Uuid::new_v4().simple().to_string();
        let roster = Roster::new(Publisher::new(bus.clone()), &instance, LEASE);
        let (sharing, sharing_task) = Sharing::new(presence.clone(), roster);
        let (telling, telling_task) =
            telling.and_others(instance, Publisher::new(bus.clone()).unmeasured());
        let subscriber = Subscriber::new(bus);
        let hearing = Hearing::new(subscriber, feed.clone(), telling.clone(), sharing.clone());
        let tasks = [tokio::spawn(hearing.run()), tokio::spawn(telling_task.run())];
        let shared = tokio::spawn(sharing_task.run(ended));
        (telling, Self { sharing, shared, tasks })
    }

    /// Waits until it is known who is connected to them, for a while.
    pub(crate) async fn settle(&self, patience: Duration) {
        self.sharing.settle(patience).await;
    }

    /// Leaves them, once they have been told that nobody is connected here any more.
    pub(crate) async fn leave(self) -> Result<(), JoinError> {
        self.shared.await?;
        self.tasks.iter().for_each(JoinHandle::abort);
        Ok(())
    }
}
