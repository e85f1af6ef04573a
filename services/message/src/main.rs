//! The message service as a program.

use std::process::ExitCode;

use clap::Parser;
use http_kit::{
    Shutdown,
    command::{self, Command as Common},
};
use message_service::{Command, Config, run};

/// Gives memory back to the system after a storm; glibc's keeps what it has taken.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// RealTalk's message service. Settings come from the environment: see the README.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
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
    let config = Config::from_env()?;
    match common {
        Some(Common::CheckConfig) => command::print(&config),
        Some(Common::Healthcheck) => command::healthcheck(config.host, config.port).await?,
        None => {
            let _logs = common::telemetry::start(config.log_format, &config.log_filter);
            let listener = config.connections.listen("PORT", config.host, config.port)?;
            run(listener, config, Shutdown::on_signals()?).await?;
        }
    }
    Ok(())
}
