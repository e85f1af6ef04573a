//! Logs: one line an event on standard error, as text or as JSON.

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What is logged when `RUST_LOG` is not set.
pub const DEFAULT_FILTER: &str = "info";

/// Actix reports every dropped streaming body as an error, but a client that leaves is none; and
/// its start-up lines say nothing that ours do not.
const SILENCED: [&str; 2] = ["actix_http::h1::dispatcher=off", "actix_server=warn"];

/// Starts logging for the whole process. `filter` is in the syntax of `RUST_LOG`.
///
/// Does nothing when logging has been started before, so that tests can call it freely.
pub fn start(format: LogFormat, filter: &str) {
    let filter = SILENCED
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(EnvFilter::new(filter), EnvFilter::add_directive);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => registry.with(lines.with_ansi(is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    drop(started);
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}
