//! Logs: one line an event on standard error, as text or as JSON.
//!
//! Whoever reads them may stop, and a pipe that is full would stop the service. So a thread of its own
//! writes what is logged, and what it cannot write in time is left out, with a line that says how much.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
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
/// its start-up lines say nothing that ours do not; nor does what PostgreSQL notices.
const SILENCED: [&str; 3] =
    ["actix_http::h1::dispatcher=off", "actix_server=warn", "sqlx::postgres::notice=warn"];

/// Lines that wait to be written; further ones are lost.
const WAITING: usize = 8_192;

/// What the end may wait for somebody to take the last lines.
const LAST: Duration = Duration::from_secs(1);

/// Writes what is left when it is dropped, if somebody takes it.
#[must_use = "dropped at once, it ends the logs"]
pub struct Logs(Option<WorkerGuard>);

impl Drop for Logs {
    /// The guard waits for its thread, and says on standard output that it does: where nobody takes
    /// that either, the end of the process must not wait.
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, is_done) = mpsc::channel();
        std::thread::spawn(move || {
            drop(guard);
            done.send(()).ok();
        });
        is_done.recv_timeout(LAST).ok();
    }
}

/// Starts logging for the whole process. `filter` is in the syntax of `RUST_LOG`.
///
/// Does nothing when logging has been started before, so that tests can call it freely.
pub fn start(format: LogFormat, filter: &str) -> Logs {
    let filter = SILENCED
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(EnvFilter::new(filter), EnvFilter::add_directive);
    let registry = tracing_subscriber::registry().with(filter);
    let writer = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING);
    let (writer, guard) = writer.finish(io::stderr());
    let lines = Lines { lost: writer.error_counter(), told: Arc::default(), writer, format };
    let lines = fmt::layer().with_writer(move || lines.clone());
    let started = match format {
        LogFormat::Text => registry.with(lines.with_ansi(is_terminal())).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    drop(started);
    Logs(Some(guard))
}

/// Lines on their way to the thread that writes them.
#[derive(Clone)]
struct Lines {
    writer: NonBlocking,
    lost: ErrorCounter,
    told: Arc<Mutex<Told>>,
    format: LogFormat,
}

#[derive(Default)]
struct Told {
    /// How many lines had been lost when that was last told.
    lost: usize,
    /// Lines among those lost since that were to tell it.
    of_ours: usize,
}

impl Lines {
    /// Says how many lines were lost, if there is room for one more.
    fn tell_losses(&mut self) {
        // Whoever has it tells.
        let Ok(mut told) = self.told.try_lock() else {
            return;
        };
        let lost = self.lost.dropped_lines();
        if lost <= told.lost {
            return;
        }
        let count = (lost - told.lost).saturating_sub(told.of_ours);
        let text = format!("{count} log lines were lost: nobody took them in time");
        let line = match self.format {
            LogFormat::Text => format!("WARN {text}\n"),
            LogFormat::Json => format!("{{\"level\":\"WARN\",\"message\":\"{text}\"}}\n"),
        };
        let is_queued =
            self.writer.write_all(line.as_bytes()).is_ok() && self.lost.dropped_lines() == lost;
        if is_queued {
            *told = Told { lost, of_ours: 0 };
        } else {
            told.of_ours += 1;
        }
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.tell_losses();
        self.writer.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn is_terminal() -> bool {
    io::IsTerminal::is_terminal(&io::stderr())
}
