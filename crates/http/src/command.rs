//! The subcommands that every binary has, and how it runs.

use std::{fmt, net::IpAddr, process::ExitCode, time::Duration};

use clap::Subcommand;

use crate::memory;

/// What a binary is asked to do; without a word, to serve.
#[derive(Subcommand, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the settings in force, secrets hidden, and stop: 1 if one of them is wrong
    CheckConfig,
    /// Ask the running service whether it is ready: 0 if so (for images without curl)
    Healthcheck,
}

/// Asks the service on `port` of this machine whether it is ready.
///
/// `host` is the address the service listens on; where that is every address, loopback is one.
pub async fn healthcheck(host: IpAddr, port: u16) -> Result<(), Unhealthy> {
    let host = match host {
        IpAddr::V4(host) if host.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(host) if host.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    };
    let url = format!("http://{host}:{port}/readyz");
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(3))
        .build()
        .map_err(|error| Unhealthy(error.to_string()))?;
    let answer = client.get(&url).send().await;
    let response = answer.map_err(|error| Unhealthy(format!("{url}: {error}")))?;
    if response.status().is_success() {
        return Ok(());
    }
    Err(Unhealthy(format!("{url}: {}", response.text().await.unwrap_or_default())))
}

/// The service does not answer, or is not ready.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unhealthy(String);

/// Prints a configuration.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
pub fn print(config: &impl fmt::Display) {
    print!("{config}");
}

/// Runs a program to its end, and turns its result into its exit code; an error becomes one line on standard error.
pub fn run<E: fmt::Display>(program: impl Future<Output = Result<(), E>>) -> ExitCode {
    memory::keep_little();
    match memory::runtime() {
        // Said before the runtime waits for what is still under way.
        Ok(runtime) => finish(runtime.block_on(program)),
        Err(error) => finish(Err(error)),
    }
}

#[expect(clippy::print_stderr, reason = "there may be no log yet")]
fn finish<E: fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
