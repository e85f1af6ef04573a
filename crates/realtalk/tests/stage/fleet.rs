//! [`Fleet`]: several of each service, with Redis and a database between them, and ways between all that can be cut.

use std::fs;

use tempfile::TempDir;

use crate::{
    board::Board,
    database::Cleanup,
    deadline::until,
    link::Link,
    process::{SECRET, Service, free_port},
    redis::Redis,
    server::Server,
};

/// Several message services and notification services.
pub(crate) struct Fleet {
    pub(crate) messages: Vec<Service>,
    pub(crate) notifications: Vec<Service>,
    pub(crate) redis: Redis,
    /// The database, where it is a server of their own.
    pub(crate) server: Option<Server>,
    /// The ways between them.
    pub(crate) links: Vec<Link>,
    /// As all of them have them.
    settings: Vec<(String, String)>,
    folder: TempDir,
    _cleanup: Cleanup,
}

impl Fleet {
    /// So many of each, which run. Several message services need a server for their data.
    pub(crate) async fn start(
        messages: usize,
        notifications: usize,
        redis: Redis,
        server: Option<Server>,
        settings: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cleanup = Cleanup(folder.path().join("data"));
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut fleet = Self {
            messages: Vec::new(),
            notifications: Vec::new(),
            redis,
            server,
            links: Vec::new(),
            settings: settings.iter().map(own).collect(),
            folder,
            _cleanup: cleanup,
        };
        for number in 0..messages {
            let mut service = fleet.service("message-service", number).await;
            if let Some(server) = &fleet.server {
                let link = Link::to(server.port()).await;
                let url = format!("postgres://realtalk@127.0.0.1:{}/chat", link.port());
                service.set("DATABASE_URL", url);
                fleet.links.push(link);
            }
            fleet.messages.push(service);
        }
        for number in 0..notifications {
            let service = fleet.notification(number).await;
            fleet.notifications.push(service);
        }
        fleet.services().for_each(Service::spawn);
        fleet.wait_ready().await;
        fleet
    }

    /// A notification service that knows all message services. Not started.
    async fn notification(&mut self, number: usize) -> Service {
        let mut service = self.service("realtime-ntfn", number).await;
        let mut urls = Vec::new();
        for message in &self.messages {
            let link = Link::to(message.port()).await;
            urls.push(format!("http://127.0.0.1:{}", link.port()));
            self.links.push(link);
        }
        service.set("MESSAGE_SERVICE_URL", urls.join(","));
        service
    }

    async fn service(&mut self, name: &'static str, number: usize) -> Service {
        let log = self.folder.path().join(number.to_string());
        fs::create_dir_all(&log).unwrap();
        let mut service = Service::new(name, free_port(), &log);
        let data = self.folder.path().join("data");
        service.keep_in(&data);
        service.set("INTERNAL_SECRET", SECRET);
        // Tokens of one are good at the others.
        service.set("JWT_SECRET", "a secret of the tests, for tokens");
        let link = Link::to(self.redis.port()).await;
        service.set("REDIS_URL", self.redis.url_by(link.port()));
        self.links.push(link);
        for (name, value) in &self.settings {
            service.set(name, value);
        }
        service
    }

    /// All services: those of messages first.
    pub(crate) fn services(&mut self) -> impl Iterator<Item = &mut Service> {
        self.messages.iter_mut().chain(&mut self.notifications)
    }

    /// Starts services again that could not start without their database.
    pub(crate) fn revive(&mut self) {
        for service in self.services() {
            if let Some(last) = service.revive() {
                assert!(last.starts_with("error: cannot open the database"), "{last}");
            }
        }
    }

    pub(crate) async fn wait_ready(&mut self) {
        until("all are ready", async || {
            self.revive();
            for service in self.services() {
                let (status, _) = service.get("/readyz").await?;
                (status == 200).then_some(())?;
            }
            Some(())
        })
        .await;
    }

    /// The message services, as their clients see them.
    pub(crate) fn boards(&self) -> Vec<Board> {
        self.messages.iter().map(|service| Board::new(service.port())).collect()
    }

    /// Where streams are.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.notifications.iter().map(Service::port).collect()
    }
}
