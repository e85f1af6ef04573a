//! [`Part`]: a process with a crowd, from outside: this program once more.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::load::crowd::{Plan, Tally};

/// How long it may take to close its connections.
const GRACE: Duration = Duration::from_secs(10);

pub(super) struct Part {
    child: Child,
    /// The end of it is its sign to stop.
    stdin: Option<ChildStdin>,
    tally: Arc<Mutex<Tally>>,
    reader: Option<JoinHandle<()>>,
}

impl Part {
    pub(super) fn start(plan: &Plan) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["crowd-part", &serde_json::to_string(plan)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("start a part of the crowd")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let tally = Arc::<Mutex<Tally>>::default();
        // From here on it is stopped when this fails.
        let mut part = Self { child, stdin, tally, reader: None };
        let (stdout, tally) = (stdout.context("a child without an output")?, part.tally.clone());
        part.reader = Some(std::thread::Builder::new().spawn(move || follow(stdout, &tally))?);
        Ok(part)
    }

    /// The last that it has said.
    pub(super) fn tally(&self) -> Tally {
        *self.tally.lock().expect("no thread panics while it copies a tally")
    }

    /// Whether it says nothing more.
    pub(super) fn has_ended(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Has it close its connections, and does not wait.
    pub(super) fn dismiss(&mut self) {
        self.stdin = None;
    }

    /// Has it close its connections, and returns all that it has seen.
    pub(super) fn close(mut self) -> Result<Tally> {
        self.dismiss();
        ensure!(self.end()?, "a process of the crowd failed");
        if let Some(reader) = self.reader.take() {
            reader.join().map_err(|_| anyhow!("who reads a part of the crowd panicked"))?;
        }
        Ok(self.tally())
    }

    /// Waits for its end, or ends it; returns whether all went well.
    fn end(&mut self) -> Result<bool> {
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(false)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.dismiss();
        // Whoever drops one is failing already, or has closed it.
        let _ = self.end();
    }
}

/// Keeps the last line of what a part says.
fn follow(stdout: ChildStdout, last: &Mutex<Tally>) {
    for line in BufReader::new(stdout).lines() {
        let Some(tally) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else {
            return;
        };
        *last.lock().expect("no thread panics while it copies a tally") = tally;
    }
}
