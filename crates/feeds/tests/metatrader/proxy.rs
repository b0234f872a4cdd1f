//! A line between an advisor and the server that fails as it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What becomes of one connection: how many bytes go each way before both ends are closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    up: usize,
    down: usize,
    stalls: bool,
}

impl Fault {
    pub(crate) const NONE: Self = Self {
        up: usize::MAX,
        down: usize::MAX,
        stalls: false,
    };
    /// Accepted and closed.
    pub(crate) const REFUSED: Self = Self {
        up: 0,
        ..Self::NONE
    };
    /// Accepted, and nothing is ever answered.
    pub(crate) const HALF_OPEN: Self = Self {
        stalls: true,
        ..Self::NONE
    };
    /// The server takes it all; the answer never arrives.
    pub(crate) const ANSWER_LOST: Self = Self {
        down: 0,
        ..Self::NONE
    };

    /// Cut in what is sent.
    pub(crate) const fn cut_up(bytes: usize) -> Self {
        Self {
            up: bytes,
            ..Self::NONE
        }
    }
    /// Cut in what is answered.
    pub(crate) const fn cut_down(bytes: usize) -> Self {
        Self {
            down: bytes,
            ..Self::NONE
        }
    }
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Proxy {
    /// Each connection has the next fault; after the last one the first again.
    pub(crate) fn start(to: SocketAddr, faults: Vec<Fault>) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let place = counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, to, faults[place % faults.len()]));
            }
        });
        Self {
            address,
            connections,
            _runtime: runtime,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, to: SocketAddr, fault: Fault) {
    if fault.stalls {
        let mut sink = [0; 4096];
        while client.read(&mut sink).await.is_ok_and(|count| count > 0) {}
        return;
    }
    let Ok(mut server) = TcpStream::connect(to).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        () = copy(&mut from_client, &mut to_server, fault.up) => {}
        () = copy(&mut from_server, &mut to_client, fault.down) => {}
    }
}

/// Copies until one end closes, or so many bytes have gone.
async fn copy(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut left: usize,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        let part = count.min(left);
        left -= part;
        if count == 0 || to.write_all(&buffer[..part]).await.is_err() || part < count {
            return;
        }
    }
}
