//! [`Proxy`]: a network that fails, between a client and a server.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::sleep,
};

/// A proxy to one port, which treats its connections badly until it is calmed. Ends when dropped,
/// with all connections.
pub(crate) struct Proxy {
    port: u16,
    calm: Arc<watch::Sender<bool>>,
    task: JoinHandle<()>,
}

/// What befalls one connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It ends after so many bytes, with a reset or in an orderly way.
    Cut { after: usize, reset: bool },
    /// After so many bytes nothing arrives any more, but nobody is told; it ends in the end.
    Silence { after: usize, lasts: Duration },
    /// Every piece takes its time, in both directions; it ends after so many bytes.
    Delay { time: Duration, after: usize },
}

impl Fault {
    fn any(random: &mut StdRng) -> Self {
        let after = random.random_range(0..12_000);
        match random.random_range(0..4) {
            0 => Self::Cut { after, reset: true },
            1 => Self::Cut { after, reset: false },
            2 => Self::Silence {
                after,
                lasts: Duration::from_millis(random.random_range(100..6_000)),
            },
            _ => Self::Delay { time: Duration::from_millis(random.random_range(1..60)), after },
        }
    }
}

impl Proxy {
    /// A proxy to `target` that treats each connection badly in a way of its own.
    pub(crate) async fn failing(target: u16, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self::start(target, move || Fault::any(&mut random)).await
    }

    /// A proxy to `target` that takes its time for every piece.
    pub(crate) async fn delaying(target: u16, time: Duration) -> Self {
        Self::start(target, move || Fault::Delay { time, after: usize::MAX }).await
    }

    async fn start(target: u16, faults: impl FnMut() -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let calm = Arc::new(watch::Sender::new(false));
        let task = tokio::spawn(accept(listener, target, calm.clone(), faults));
        Self { port, calm, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on connections work; those that do not are cut.
    pub(crate) fn calm(&self) {
        self.calm.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: u16,
    calm: Arc<watch::Sender<bool>>,
    mut faults: impl FnMut() -> Fault,
) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let fault = faults();
        connections.spawn(carry(client, target, fault, calm.subscribe()));
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection for as long as its fault lets it.
async fn carry(client: TcpStream, target: u16, fault: Fault, mut calm: watch::Receiver<bool>) {
    let address = SocketAddr::from(([127, 0, 0, 1], target));
    let Ok(server) = TcpStream::connect(address).await else {
        return;
    };
    if *calm.borrow() {
        let (mut client, mut server) = (client, server);
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
        return;
    }
    let reset = matches!(fault, Fault::Cut { reset: true, .. });
    if reset {
        client.set_zero_linger().ok();
        server.set_zero_linger().ok();
    }
    let requests = match fault {
        Fault::Delay { time, .. } => Some(Fault::Delay { time, after: usize::MAX }),
        _ => None,
    };
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    tokio::select! {
        () = pump(client_in, server_out, requests) => {}
        () = pump(server_in, client_out, Some(fault)) => {}
        _ = calm.wait_for(|calm| *calm) => {}
    }
}

/// Carries bytes in one direction. Bytes are counted in answers, since that is what a stream is.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Option<Fault>) {
    let mut buffer = vec![0; 4_096];
    let mut carried = 0;
    loop {
        let room = match fault {
            Some(
                Fault::Cut { after, .. }
                | Fault::Silence { after, .. }
                | Fault::Delay { after, .. },
            ) => after - carried,
            None => buffer.len(),
        };
        if room == 0 {
            if let Some(Fault::Silence { lasts, .. }) = fault {
                sleep(lasts).await;
            }
            return;
        }
        let room = room.min(buffer.len());
        let Ok(size @ 1..) = from.read(&mut buffer[..room]).await else {
            return;
        };
        if let Some(Fault::Delay { time, .. }) = fault {
            sleep(time).await;
        }
        if to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
        carried += size;
    }
}
