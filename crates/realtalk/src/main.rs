//! RealTalk in one process: both services, an embedded database, one command.

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use http_kit::{
    Shutdown,
    command::{self, Command as Common},
    settings,
};
use message_service::Command;
use serde::Deserialize;

/// Gives memory back to the system after a storm; glibc's keeps what it has taken.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// RealTalk: a self-hosted chat backend. Without a command, both services run in this process
/// until Ctrl-C. Settings come from the environment: see the README.
#[derive(Parser)]
#[command(name = "realtalk", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the launcher reads besides the settings of the two services.
#[derive(Deserialize)]
struct Env {
    /// Port of the notification service; `PORT` is the message service's.
    #[serde(default = "default_notification_port")]
    notification_port: u16,
}

fn default_notification_port() -> u16 {
    8081
}

fn main() -> ExitCode {
    command::run(execute(Arguments::parse().command))
}

async fn execute(command: Option<Command>) -> anyhow::Result<()> {
    let common = match command {
        // With databases of its own, which the settings need not know.
        Some(Command::Import(import)) => return import.run().await,
        Some(Command::Common(common)) => Some(common),
        None => None,
    };
    let (message, notification) = configure()?;
    match common {
        Some(Common::CheckConfig) => {
            command::print(&format!("# message service\n{message}"));
            command::print(&format!("\n# notification service\n{notification}"));
        }
        Some(Common::Healthcheck) => {
            command::healthcheck(message.host, message.port).await?;
            command::healthcheck(notification.host, notification.port).await?;
        }
        None => serve(message, notification).await?,
    }
    Ok(())
}

/// The settings of both services, each told where the other one is.
fn configure() -> anyhow::Result<(message_service::Config, realtime_ntfn::Config)> {
    let env: Env = settings::read(settings::environment())?;
    let mut message = message_service::Config::from_env()?;
    let mut notification = realtime_ntfn::Config::from_env()?;
    notification.port = env.notification_port;
    message.notification_urls = vec![local_url(notification.host, notification.port)];
    notification.message_urls = vec![local_url(message.host, message.port)];
    Ok((message, notification))
}

fn local_url(host: std::net::IpAddr, port: u16) -> String {
    let host = if host.is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { host };
    format!("http://{}", std::net::SocketAddr::new(host, port))
}

async fn serve(
    message: message_service::Config,
    notification: realtime_ntfn::Config,
) -> anyhow::Result<()> {
    let _logs = common::telemetry::start(message.log_format, &message.log_filter);
    let message_listener = message.connections.listen("PORT", message.host, message.port)?;
    let notification_listener = notification.connections.listen(
        "NOTIFICATION_PORT",
        notification.host,
        notification.port,
    )?;
    let shutdown = Shutdown::on_signals()?;
    announce(&message, &notification);
    // The message service goes last: streams that are ended have reports for it.
    let last = Shutdown::new();
    let mut message_task =
        tokio::spawn(message_service::run(message_listener, message, last.clone()));
    let mut notification_task =
        tokio::spawn(realtime_ntfn::run(notification_listener, notification, shutdown.clone()));
    // Whichever ends first takes the other one along: half a RealTalk is none.
    let (first, second) = tokio::select! {
        result = &mut message_task => {
            shutdown.give();
            (result, notification_task.await)
        }
        result = &mut notification_task => {
            last.give();
            (result, message_task.await)
        }
    };
    first?.context("a service failed")?;
    second?.context("a service failed")
}

fn announce(message: &message_service::Config, notification: &realtime_ntfn::Config) {
    let chat = local_url(message.host, message.port).replace("127.0.0.1", "localhost");
    let events = local_url(notification.host, notification.port).replace("127.0.0.1", "localhost");
    command::print(&format!(
        "\n  RealTalk {}\n\n  \
         Chat      {chat}\n  \
         API docs  {chat}/docs/\n  \
         Stream    {events}/events\n  \
         Data      {}\n\n  \
         Ctrl-C stops.\n\n",
        env!("CARGO_PKG_VERSION"),
        message.database,
    ));
}
