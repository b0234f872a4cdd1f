//! Being asked to end: Ctrl-C or SIGTERM. It is listened for before anything else begins, so that who asks during a start
//! gets an end in good order, and not the death that the system has for who does not listen.

use crate::logs;
use anyhow::{Context as _, Result};
use std::time::Duration;
use tokio::sync::oneshot;

/// At the end of a process, how long is waited for what reads or writes yet: it may be a disk that never answers.
pub const LAST_MAX: Duration = Duration::from_secs(2);

/// Ready at the first Ctrl-C or SIGTERM since the call; a second one ends the process at once, wherever it is.
///
/// # Errors
/// When the system lets nobody listen.
///
/// # Panics
/// Outside a runtime.
pub fn asked() -> Result<impl Future<Output = ()>> {
    let mut signals = Signals::listen().context("listen for SIGTERM and Ctrl-C")?;
    let (first, asked) = oneshot::channel();
    tokio::spawn(async move {
        signals.next().await;
        // Who is over already needs not be asked.
        let _ = first.send(());
        signals.next().await;
        logs::finish();
        std::process::exit(130);
    });
    Ok(async {
        if asked.await.is_err() {
            std::future::pending().await
        }
    })
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere listening can fail")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
