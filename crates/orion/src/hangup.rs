//! SIGHUP: the settings are read again. What can change while a server runs is told apart from what needs a new process. It
//! is never an end, and never a hand-over.
//!
//! Keys of bots are read anew without being asked. Everything else is read once, by a process.

use crate::cli;
use crate::config::{self, Config, Finding, Layers};
use anyhow::{Context as _, Result};
use std::convert::Infallible;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// Looks, at each SIGHUP, what the layers say now, beside what the server runs with.
///
/// # Errors
/// When the system lets nobody listen.
pub fn watch(
    running: Config,
    layers: impl Fn() -> Result<Layers, Vec<Finding>>,
) -> Result<impl Future<Output = Infallible>> {
    let mut hangups = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
    Ok(async move {
        loop {
            if hangups.recv().await.is_none() {
                std::future::pending().await
            }
            let loaded = layers().and_then(|layers| config::load(&layers));
            match loaded {
                Ok(loaded) => tell(&config::differing(&running, &loaded.config)),
                Err(findings) => tracing::error!(
                    "SIGHUP: the settings cannot run, and stay as they were:\n{}",
                    cli::lines(&findings)
                ),
            }
        }
    })
}

fn tell(changed: &[String]) {
    if changed.is_empty() {
        tracing::info!("SIGHUP: no setting has changed");
    } else {
        let changed = changed.join(", ");
        tracing::warn!(%changed, "SIGHUP: these settings have changed, and take effect with `orion reload`");
    }
}
