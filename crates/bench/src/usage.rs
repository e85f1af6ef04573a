//! What processes use, from `/proc`.

use std::fs;

use anyhow::{Context, Result};
use rustix::process::Pid;

/// Resident memory (`VmRSS`) in bytes, summed over the processes.
pub(crate) fn resident(pids: &[Pid]) -> Result<f64> {
    sum(pids, |pid| memory(pid, "VmRSS:"))
}

/// The most memory (`VmHWM`) that was resident at once so far, in bytes, summed over the processes.
pub(crate) fn peak(pids: &[Pid]) -> Result<f64> {
    sum(pids, |pid| memory(pid, "VmHWM:"))
}

/// Processor time used so far, user and system, in seconds, summed over the processes.
pub(crate) fn processor(pids: &[Pid]) -> Result<f64> {
    sum(pids, |pid| Ok(times(pid)?[..2].iter().sum()))
}

/// Processor time that this process has used itself.
pub(crate) fn own_processor() -> Result<f64> {
    processor(&[rustix::process::getpid()])
}

/// Processor time of this process and of all descendants that have ended and been waited for.
pub(crate) fn family_processor() -> Result<f64> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    Ok(times(own)?.iter().sum())
}

/// Processor time of a process, of its children and of those that have ended.
pub(crate) fn family_processor_of(parent: Pid) -> Result<f64> {
    let own: f64 = times(parent.as_raw_nonzero().get())?.iter().sum();
    // One that ends now is counted with its parent the next time.
    let children = children(parent)?.into_iter().filter_map(|child| processor(&[child]).ok());
    Ok(own + children.sum::<f64>())
}

/// Processor time of everything that runs on this machine, in seconds since it started; interrupts
/// are left out, since nobody can be charged for them.
pub(crate) fn machine_processor() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("an empty /proc/stat")?;
    // user, nice, system
    let busy = line.split_whitespace().skip(1).take(3).map(str::parse::<f64>);
    Ok(busy.sum::<Result<f64, _>>()? / ticks_per_second())
}

/// Open descriptors, summed over the processes.
pub(crate) fn descriptors(pids: &[Pid]) -> Result<f64> {
    sum(pids, |pid| Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as f64))
}

/// Bytes that the kernel still holds for sending from this local port, over all its sockets.
pub(crate) fn unsent(port: u16) -> Result<f64> {
    let table = fs::read_to_string("/proc/net/tcp")?;
    let local = format!(":{port:04X}");
    let queues = table.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().filter(|address| address.ends_with(&local))?;
        let (send, _) = fields.nth(2)?.split_once(':')?;
        u32::from_str_radix(send, 16).ok()
    });
    Ok(queues.map(f64::from).sum())
}

/// The processes that this one started.
pub(crate) fn children(pid: Pid) -> Result<Vec<Pid>> {
    let listed = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let pids = listed.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
    Ok(pids.collect())
}

/// A line of `/proc/<pid>/status`, in bytes.
fn memory(pid: i32, field: &'static str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context(field)?.parse::<f64>()? * 1024.0)
}

/// utime, stime, cutime and cstime in seconds.
fn times(pid: i32) -> Result<[f64; 4]> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command's name may hold spaces; the fields after it do not. The first of them is field 3
    // of the line, the times are fields 14 to 17.
    let (_, fields) = stat.rsplit_once(')').context("an odd stat line")?;
    let mut fields = fields.split_whitespace().skip(11).map(str::parse::<f64>);
    let mut times = [0.0; 4];
    for time in &mut times {
        *time = fields.next().context("a short stat line")?? / ticks_per_second();
    }
    Ok(times)
}

fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

fn sum(pids: &[Pid], one: impl Fn(i32) -> Result<f64>) -> Result<f64> {
    pids.iter().try_fold(0.0, |sum, pid| {
        let raw = pid.as_raw_nonzero().get();
        Ok(sum + one(raw).with_context(|| format!("process {raw}"))?)
    })
}
