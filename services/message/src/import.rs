//! [`Import`]: the [`Command`] that moves the data from one database to another one.

use std::{
    io::Write as _,
    str::FromStr as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use common::telemetry::{self, LogFormat};
use http_kit::{
    Shutdown,
    command::{self, Command as Common},
};

use crate::{
    config::{Config, Database},
    store::import::{Imported, Progress, Step, import},
};

/// What is said besides: a schema that is brought up to date may take a while.
const LOG_FILTER: &str = "warn,message_service=info,sqlx=error";

/// How often it says how far it has come.
const EVERY: Duration = Duration::from_secs(2);

/// What a program that has the data is asked to do.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// What every program can do.
    #[command(flatten)]
    Common(Common),
    #[expect(missing_docs, reason = "its help is the command's own")]
    Import(Import),
}

/// Copy all data of one database into another one, which is empty: ids and cursors stay what they are
///
/// Stop the services first. A database is a file, or postgres://USER:PASSWORD@HOST/DATABASE; a password that
/// is not in it is taken from PGPASSWORD or ~/.pgpass. It is done in one transaction: interrupted, it can be
/// repeated.
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// Where the data are
    #[arg(long, value_name = "DATABASE")]
    from: String,
    /// Where they are to be [default: the database of the settings]
    #[arg(long, value_name = "DATABASE")]
    to: Option<String>,
}

impl Import {
    /// Does it, and says how far it has come.
    pub async fn run(&self) -> anyhow::Result<()> {
        let from = database("--from", &self.from)?;
        let to = match &self.to {
            Some(to) => database("--to", to)?,
            None => Config::from_env()?.database,
        };
        let _logs = telemetry::start(LogFormat::default(), LOG_FILTER);
        let shutdown = Shutdown::on_signals()?;
        let started = Instant::now();
        let mut said = Said { started, last: started };
        let mut watch = |progress| said.say(progress);
        let imported = tokio::select! {
            imported = import(&from, &to, &mut watch) => imported.context("the import has failed")?,
            () = shutdown.given() => bail!("interrupted: repeat it"),
        };
        conclude(&from, &to, &imported, started.elapsed());
        Ok(())
    }
}

fn database(argument: &str, text: &str) -> anyhow::Result<Database> {
    Database::from_str(text).map_err(|why| anyhow::anyhow!("{argument}: {why}"))
}

/// What has been said of how far it has come.
struct Said {
    started: Instant,
    last: Instant,
}

impl Said {
    fn say(&mut self, progress: Progress) {
        let Progress { step, table, done, all } = progress;
        if self.last.elapsed() < EVERY || all == 0 {
            return;
        }
        self.last = Instant::now();
        let step = match step {
            Step::Copying => "copying",
            Step::Comparing => "comparing",
        };
        let (percent, seconds) = (done * 100 / all, self.started.elapsed().as_secs());
        command::print(&format!(
            "{seconds:>5} s  {step} {table}: {done} of {all} rows, {percent} %\n"
        ));
        // Into a pipe as well.
        std::io::stdout().flush().ok();
    }
}

fn conclude(from: &Database, to: &Database, imported: &Imported, time: Duration) {
    let mut lines = format!("\nimported {from}\n    into {to}\n      in {time:.1?}\n\n");
    for (table, contents) in &imported.tables {
        lines += &format!("  {table:<16}{contents}\n");
    }
    lines += &format!(
        "\nBoth hold the same. The log ends at {}; cursors and sessions go on, with the secrets of before:\n\
         keep DATA_DIR, or set INTERNAL_SECRET and JWT_SECRET to what its files *.secret say.\n",
        imported.head,
    );
    command::print(&lines);
}
