//! A listener for whoever keeps ORION running, apart from the one that dashboards use: `server.admin`.

use anyhow::{Context as _, Result};
use axum::Router;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// While another process that hands over still has the address.
const BIND_AGAIN: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    _serving: JoinSet<()>,
}

/// Who else may have the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Nobody,
    /// It gives the address up when this process serves.
    Predecessor,
}

impl Admin {
    /// # Errors
    /// When the address cannot be listened on.
    pub(crate) async fn open(address: SocketAddr, before: Before, router: Router) -> Result<Self> {
        let mut serving = JoinSet::new();
        let bound = TcpListener::bind(address).await;
        let is_taken = |error: &std::io::Error| error.kind() == ErrorKind::AddrInUse;
        match (bound, before) {
            (Ok(listener), _) => drop(serving.spawn(serve(listener, router))),
            (Err(error), Before::Predecessor) if is_taken(&error) => {
                serving.spawn(async move {
                    match bind_in_turn(address).await {
                        Ok(listener) => serve(listener, router).await,
                        Err(error) => {
                            tracing::error!(%address, %error, "server.admin is not listened on")
                        }
                    }
                });
            }
            (Err(error), _) => {
                return Err(error).with_context(|| {
                    format!("listen on server.admin = {address} (is another server running there?)")
                });
            }
        }
        Ok(Self { _serving: serving })
    }
}

async fn bind_in_turn(address: SocketAddr) -> std::io::Result<TcpListener> {
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => sleep(BIND_AGAIN).await,
            bound => return bound,
        }
    }
}

async fn serve(listener: TcpListener, router: Router) {
    match listener.local_addr() {
        Ok(address) => tracing::info!(%address, "metrics are served"),
        Err(error) => tracing::warn!(%error, "the address of server.admin is not known"),
    }
    // It goes on over failed accepts, and never ends.
    let _never = axum::serve(listener, router).await;
}
