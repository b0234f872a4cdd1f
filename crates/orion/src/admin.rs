//! A listener for whoever keeps ORION running, apart from the one that dashboards use: `admin.listen`.

use crate::config::AdminAddress;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::ServiceExt as _;

/// While another process that hands over still has the address.
const BIND_AGAIN: Duration = Duration::from_millis(100);
/// Who hands over gives the usual address up until then; another server keeps it.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(60);

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    _serving: JoinSet<()>,
    /// What is listened on, or will be.
    pub(crate) address: SocketAddr,
    /// What can be told only once clients are let in.
    later: Later,
}

/// Routes that come later than the others.
#[derive(Clone, Debug, Default)]
struct Later(Arc<OnceLock<Router>>);

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
    pub(crate) async fn open(wanted: AdminAddress, before: Before, router: Router) -> Result<Self> {
        let mut serving = JoinSet::new();
        let later = Later::default();
        let added = later.clone();
        let router = router.fallback(move |request: Request| answer_later(added, request));
        let (AdminAddress::Usual(mut address) | AdminAddress::Wanted(mut address)) = wanted;
        let is_taken = |error: &std::io::Error| error.kind() == ErrorKind::AddrInUse;
        match (TcpListener::bind(address).await, before, wanted) {
            (Ok(listener), _, _) => {
                address = listener.local_addr().unwrap_or(address);
                serving.spawn(serve(listener, router));
            }
            (Err(error), Before::Predecessor, _) if is_taken(&error) => {
                serving.spawn(async move {
                    match bind_in_turn(wanted).await {
                        Ok(listener) => serve(listener, router).await,
                        Err(error) => {
                            tracing::error!(%address, %error, "admin.listen is not listened on")
                        }
                    }
                });
            }
            (Err(error), Before::Nobody, AdminAddress::Usual(_)) if is_taken(&error) => {
                let listener = bind_anywhere(address).await.context("listen for metrics")?;
                address = listener.local_addr().unwrap_or(address);
                serving.spawn(serve(listener, router));
            }
            (Err(error), _, _) => {
                return Err(error).with_context(|| {
                    format!("listen on admin.listen = {address} (is another server running there?)")
                });
            }
        }
        Ok(Self {
            _serving: serving,
            address,
            later,
        })
    }

    /// Clients are let in: more can be told.
    pub(crate) fn add(&self, router: Router) {
        let _ = self.later.0.set(router);
    }
}

async fn answer_later(Later(later): Later, request: Request) -> Response {
    match later.get() {
        Some(router) => {
            let answered = router.clone().oneshot(request).await;
            answered.unwrap_or_else(|never: Infallible| match never {})
        }
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// Any free port of the same address.
async fn bind_anywhere(mut address: SocketAddr) -> std::io::Result<TcpListener> {
    address.set_port(0);
    TcpListener::bind(address).await
}

async fn bind_in_turn(wanted: AdminAddress) -> std::io::Result<TcpListener> {
    let until = Instant::now() + GIVEN_UP_WITHIN;
    loop {
        let (AdminAddress::Usual(address) | AdminAddress::Wanted(address)) = wanted;
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => sleep(BIND_AGAIN).await,
            bound => return bound,
        }
        if matches!(wanted, AdminAddress::Usual(_)) && Instant::now() > until {
            return bind_anywhere(address).await;
        }
    }
}

async fn serve(listener: TcpListener, router: Router) {
    match listener.local_addr() {
        Ok(address) => tracing::info!(%address, "metrics are served"),
        Err(error) => tracing::warn!(%error, "the address of admin.listen is not known"),
    }
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    // It goes on over failed accepts, and never ends.
    let _never = axum::serve(listener, router).await;
}
