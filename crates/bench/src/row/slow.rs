//! A crowd in which some never read: what the others notice, and what the server does about it.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::figure::{Bar, Figure, Sample};
use super::{Row, post_evenly, settle};
use crate::load::crowd::{Crowd, Plan, Record, Stream};
use crate::load::http;
use crate::target::{self, Kind, Lab};
use crate::{clock, usage};

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Slow {
    #[arg(long, default_value_t = Self::default().clients)]
    clients: usize,
    /// How many of the clients never read
    #[arg(long, default_value_t = Self::default().stuck)]
    stuck: usize,
    /// Posts per second
    #[arg(long, default_value_t = Self::default().rate)]
    rate: f64,
    #[arg(long, default_value_t = Self::default().secs)]
    secs: u32,
    /// Length of each post's text
    #[arg(long, default_value_t = Self::default().bytes)]
    bytes: usize,
}

impl Default for Slow {
    fn default() -> Self {
        Self { clients: 1_000, stuck: 50, rate: 50.0, secs: 45, bytes: 1_000 }
    }
}

impl Row for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn conditions(&self) -> String {
        format!(
            "{} SSE clients of which {} never read (receive buffer 4 kB), {} posts/s of {} bytes \
             for {} s; times count from the first post",
            self.clients, self.stuck, self.rate, self.bytes, self.secs
        )
    }

    fn figures(&self) -> &'static [Figure] {
        &[
            Figure { name: "p99 without", unit: "ms", digits: 2, bars: &[] },
            Figure { name: "p99 with", unit: "ms", digits: 2, bars: &[] },
            Figure { name: "p99 with / without", unit: "", digits: 2, bars: &[Bar::Most(1.2)] },
            Figure { name: "stuck closed after", unit: "s", digits: 1, bars: &[Bar::Most(35.0)] },
            Figure {
                name: "memory kept per stuck",
                unit: "bytes",
                digits: 0,
                bars: &[Bar::Most(20_000.0)],
            },
            Figure { name: "unsent in kernel", unit: "bytes", digits: 0, bars: &[] },
        ]
    }

    /// The bare loop has no rule for such clients, so there is nothing to compare.
    fn targets(&self) -> &'static [Kind] {
        &[Kind::Realtalk, Kind::Nchan]
    }

    fn measure(&self, kind: Kind, lab: &Lab) -> Result<Sample> {
        let (without, usual) = self.watch(kind, lab, 0)?;
        let (with, after) = self.watch(kind, lab, self.stuck)?;
        // What the posts themselves make a server keep is no fault of the stuck.
        let kept = after.memory_growth - usual.memory_growth;
        let (without, with) = (without.latency.quantile_ms(0.99), with.latency.quantile_ms(0.99));
        Ok(Sample::from([
            ("p99 without", without),
            ("p99 with", with),
            ("p99 with / without", with / without),
            ("stuck closed after", after.closed_after),
            ("memory kept per stuck", kept / self.stuck.max(1) as f64),
            ("unsent in kernel", after.unsent),
        ]))
    }
}

/// What became of the clients that never read.
#[derive(Clone, Copy, Default)]
struct Aftermath {
    /// Seconds from the first post until the server had closed the last of them; infinite when it
    /// never did.
    closed_after: f64,
    /// Growth of resident memory from before they connected.
    memory_growth: f64,
    /// Bytes that the kernel still held for them at the end.
    unsent: f64,
}

impl Slow {
    /// One run with so many stuck clients beside the same number of reading ones.
    fn watch(&self, kind: Kind, lab: &Lab, stuck: usize) -> Result<(Record, Aftermath)> {
        let server = target::start(kind, lab)?;
        let posts = (self.rate * f64::from(self.secs)).max(1.0) as u32;
        let crowd = Crowd::open(&Plan {
            first: 0,
            clients: self.clients.saturating_sub(self.stuck),
            stream: server.stream().clone(),
            expect: posts,
            reconnect: false,
            pace: lab.pace,
        })?;
        settle()?;
        let memory = usage::resident(&server.pids())?;
        let idle = usage::descriptors(&server.pids())?;
        let held = (0..stuck).map(|_| never_read(server.stream())).collect::<Result<Vec<_>>>()?;
        settle()?;
        let joined = usage::descriptors(&server.pids())? - idle;
        ensure!(joined >= stuck as f64, "only {joined} of {stuck} stuck clients were accepted");
        let (pids, start) = (server.pids(), clock::now());
        let closed_after = std::thread::scope(|scope| {
            let watch = scope.spawn(|| self.wait_closed(&pids, idle, start));
            let posted = post_evenly(server.publish(), posts, self.bytes, self.rate);
            let closed = watch.join().unwrap_or_else(|_| anyhow::bail!("the watch panicked"));
            posted.and(closed)
        })?;
        crowd.wait_complete(Duration::from_secs(30))?;
        settle()?;
        let aftermath = Aftermath {
            closed_after,
            memory_growth: usage::resident(&server.pids())? - memory,
            unsent: usage::unsent(server.stream().to.port())?,
        };
        drop(held);
        Ok((crowd.close_faultless()?, aftermath))
    }

    /// Seconds from `start` until the server has no more descriptors than before the stuck joined.
    fn wait_closed(&self, pids: &[rustix::process::Pid], idle: f64, start: u64) -> Result<f64> {
        let give_up = start + clock::nanos(Duration::from_secs(u64::from(self.secs) + 30));
        while clock::now() < give_up {
            clock::pause(Duration::from_millis(100))?;
            // One more is the poster's own connection.
            if usage::descriptors(pids)? <= idle + 1.0 {
                return Ok((clock::now() - start) as f64 / 1e9);
            }
        }
        Ok(f64::INFINITY)
    }
}

/// Subscribes and never reads; a small receive buffer makes that felt soon.
fn never_read(stream: &Stream) -> Result<TcpStream> {
    use std::io::Write;

    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(4096)?;
    socket.set_linger(Some(Duration::ZERO))?;
    let to: SocketAddr = stream.to;
    socket.connect(&to.into())?;
    let mut socket = TcpStream::from(socket);
    let accept = "Accept: text/event-stream\r\n";
    socket.write_all(&http::request("GET", to, &stream.path, accept, ""))?;
    Ok(socket)
}
