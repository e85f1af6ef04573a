//! `realtalk-bench`: a load generator and side-by-side benchmarks.
//!
//! Every row starts fresh servers as child processes, loads them over loopback, checks that each
//! client got each post once and in order, and prints RealTalk's figures beside those of nginx's
//! nchan and of a bare `write(2)` loop from the same run. A broken delivery rule fails the run.
//!
//! From the top down; whatever stands in a line imports only what stands below it:
//!
//! | module | what it is |
//! | --- | --- |
//! | [`args`] | the command line |
//! | [`contest`] | one row against its servers, taking turns |
//! | [`report`] | what came of it: JSON, tables, Markdown |
//! | [`row`] | what is done to each server, and the figures and bars that come of it |
//! | [`target`] | the servers, as child processes |
//! | [`load`] | what loads them: crowds that listen, swarms that bother, posters, volleys |
//! | [`usage`], [`clock`], [`interrupt`] | `/proc`, time, Ctrl-C |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]

mod args;
mod clock;
mod contest;
mod interrupt;
mod load;
mod report;
mod row;
mod target;
mod usage;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::args::{Args, Command};
use crate::report::{Conditions, RowReport};

fn main() -> ExitCode {
    // One line with the causes in it, also where backtraces are on.
    start(Args::parse()).unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}

fn start(args: Args) -> Result<ExitCode> {
    if let Command::BareServer { port } = args.command {
        return target::bare_server::run(port).map(|()| ExitCode::SUCCESS);
    }
    if let Command::Report(report) = args.command {
        return report.run().map(|()| ExitCode::SUCCESS);
    }
    raise_descriptor_limit()?;
    if let Command::CrowdPart { plan } = args.command {
        return load::throng::inside::run(&plan).map(|()| ExitCode::SUCCESS);
    }
    interrupt::watch()?;
    run(args)
}

/// Runs the rows that were asked for and prints each table as soon as it is complete.
fn run(args: Args) -> Result<ExitCode> {
    let lab = args.lab()?;
    let conditions = Conditions::of(&lab, args.runs, args.command.quick(), &args.targets);
    println!("{}", conditions.lines().trim_end());
    let mut reports = Vec::new();
    for row in args.command.rows() {
        let report = contest::run(&*row, &args.targets, args.runs, &lab)?;
        print!("{}", report::table::render(&report));
        reports.push(report);
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report::json(&conditions, &reports))?;
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    let failed = reports.iter().any(RowReport::failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Allows as many connections as the system lets this process and its children have.
fn raise_descriptor_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Nofile, raised).context("raise the limit of open descriptors")
}
