//! [`Link`]: a way between two programs that can be cut, and mended.

use std::sync::Arc;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// A way to a port of this machine. It ends when it is dropped, with all that goes over it.
pub(crate) struct Link {
    port: u16,
    state: Arc<watch::Sender<State>>,
    task: JoinHandle<()>,
}

/// How a way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// As it should be.
    Whole,
    /// Connections end, and no new one is made.
    Cut,
    /// Nothing arrives any more, and nobody is told.
    Silent,
}

impl Link {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::Whole));
        let task = tokio::spawn(accept(listener, target, state.clone()));
        Self { port, state, task }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: u16, state: Arc<watch::Sender<State>>) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((client, _)) = listener.accept().await {
            connections.spawn(carry(client, target, state.subscribe()));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Carries one connection until the way is cut. One that was silent for a while does not come back to life: whoever
/// uses it has to make another one.
async fn carry(mut client: TcpStream, target: u16, mut state: watch::Receiver<State>) {
    let connected = tokio::select! {
        biased;
        _ = state.wait_for(|state| *state != State::Whole) => None,
        server = TcpStream::connect(("127.0.0.1", target)) => server.ok(),
    };
    // Held to the end: on a way that is silent neither side is told anything.
    let Some(mut server) = connected else {
        state.wait_for(|state| *state != State::Silent).await.ok();
        return;
    };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    tokio::select! {
        biased;
        _ = state.wait_for(|state| *state != State::Whole) => {}
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    state.wait_for(|state| *state != State::Silent).await.ok();
}
