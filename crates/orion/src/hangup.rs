//! The settings are read again: at SIGHUP, and when their file has changed. What can change while a server runs does; the rest
//! is told with the reason. It is never an end, and never a hand-over.

use crate::cli;
use crate::config::{self, Change, Config, Finding, Layers};
use crate::switches::{Fate, Switches, fate};
use anyhow::{Context as _, Result};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// How often the file is looked at. Two looks must agree before it counts: somebody may still be writing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks, at each SIGHUP and at each change of the file, what the layers say now, beside what the server runs with.
///
/// # Errors
/// When the system lets nobody listen.
pub fn watch(
    running: Config,
    switches: Arc<Switches>,
    layers: impl Fn() -> Result<Layers, Vec<Finding>>,
) -> Result<impl Future<Output = Infallible>> {
    let mut hangups = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
    let mut watched = Watched {
        running,
        text: text(&layers()),
        switches,
    };
    Ok(async move {
        let mut last = watched.text.clone();
        loop {
            let why = tokio::select! {
                hangup = hangups.recv() => match hangup {
                    Some(()) => "SIGHUP",
                    None => std::future::pending().await,
                },
                () = sleep(LOOK_EVERY) => {
                    let now = text(&layers());
                    let is_steady = now == last;
                    last = now;
                    if !is_steady || last == watched.text {
                        continue;
                    }
                    "the settings' file has changed"
                }
            };
            watched.look(why, layers());
        }
    })
}

/// What stands in the file; nothing where there is none, or it cannot be read.
fn text(layers: &Result<Layers, Vec<Finding>>) -> Option<String> {
    let file = layers.as_ref().ok()?.file.as_ref()?;
    Some(file.text.clone())
}

struct Watched {
    running: Config,
    /// The file at the last look.
    text: Option<String>,
    switches: Arc<Switches>,
}

impl Watched {
    fn look(&mut self, why: &str, layers: Result<Layers, Vec<Finding>>) {
        self.text = text(&layers);
        self.switches.look_at_certificate();
        let loaded = layers.and_then(|layers| config::load(&layers));
        match loaded {
            Ok(loaded) => self.take(why, loaded.config),
            Err(findings) => tracing::error!(
                "{why}: the settings cannot run, and stay as they were:\n{}",
                cli::lines(&findings)
            ),
        }
    }

    fn take(&mut self, why: &str, new: Config) {
        let changes = config::changes(&self.running, &new);
        if changes.is_empty() {
            tracing::info!("{why}: no setting has changed");
            return;
        }
        self.switches.apply(&new, &changes);
        for change in &changes {
            tell(why, change);
        }
        self.running = self.running.with(&new, |key| fate(key) == Fate::Now);
    }
}

fn tell(why: &str, Change { key, old, new }: &Change) {
    match fate(key) {
        Fate::Now => tracing::info!("{why}: {key} was {old} and is {new} from now on"),
        Fate::Later(reason) => {
            tracing::warn!("{why}: {key} stays {old}, though the settings say {new}: {reason}");
        }
    }
}
