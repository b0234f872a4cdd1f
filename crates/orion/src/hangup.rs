//! The settings are read again: at SIGHUP, and when their file has changed. What can change while a server runs does; the rest
//! is told with the reason. It is never an end, and never a hand-over.

use crate::cli;
use crate::config::{self, Change, Config, Finding, Layers, SettingsFile};
use crate::secrets::Secrets;
use crate::switches::{Difference, Fate, Switches, Taken, fate};
use anyhow::{Context as _, Result};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// How often the file is looked at. Two looks must agree before it counts: somebody may still be writing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks, at each SIGHUP and at each change of the file, what the layers say now, beside what the server runs with. `secrets`
/// gathers the vendors' keys as settings name them.
///
/// # Errors
/// When the system lets nobody listen.
pub fn watch(
    running: Config,
    switches: Arc<Switches>,
    layers: impl Fn() -> Result<Layers, Vec<Finding>>,
    secrets: impl Fn(&Config) -> Result<Secrets>,
) -> Result<impl Future<Output = Infallible>> {
    let mut hangups = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
    let mut questions = switches.questions().context("listen for questions")?;
    let mut watched = Watched {
        running,
        text: text(&layers()),
        switches,
        secrets,
    };
    Ok(async move {
        let mut last = watched.text.clone();
        loop {
            let why = tokio::select! {
                hangup = hangups.recv() => match hangup {
                    Some(()) => "SIGHUP",
                    None => std::future::pending().await,
                },
                Some(question) = questions.recv() => {
                    // Whoever asked may have gone.
                    let _told = question.send(watched.differences(layers()));
                    continue;
                }
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
            watched.look(why, layers()).await;
        }
    })
}

/// What stands in the file; nothing where there is none, or it cannot be read.
fn text(layers: &Result<Layers, Vec<Finding>>) -> Option<String> {
    let file = layers.as_ref().ok()?.file.as_ref()?;
    Some(file.text.clone())
}

struct Watched<S> {
    running: Config,
    /// The file at the last look.
    text: Option<String>,
    switches: Arc<Switches>,
    secrets: S,
}

impl<S: Fn(&Config) -> Result<Secrets>> Watched<S> {
    async fn look(&mut self, why: &str, layers: Result<Layers, Vec<Finding>>) {
        self.text = text(&layers);
        self.switches.look_at_certificate();
        let loaded = layers.and_then(|layers| config::load(&layers));
        let taken = loaded.and_then(|loaded| {
            let taken = self.takeable(&loaded.config)?;
            Ok((loaded.config, taken))
        });
        match taken {
            Ok((new, taken)) => self.take(why, &new, taken).await,
            Err(findings) => tracing::error!(
                "{why}: the settings cannot run, and stay as they were:\n{}",
                cli::lines(&findings)
            ),
        }
    }

    /// What the running settings become: the new ones as far as they can be taken, which must be right together.
    fn takeable(&self, new: &Config) -> Result<Config, Vec<Finding>> {
        let is_later =
            |key: &str| matches!(self.fate(new, key), Fate::Reload(_) | Fate::Restart(_));
        if !config::differing(&self.running, new)
            .iter()
            .any(|key| is_later(key))
        {
            return Ok(new.clone());
        }
        let mixed = self.running.with(new, |key| !is_later(key));
        let text = toml::to_string(&mixed).unwrap_or_default();
        let file = SettingsFile {
            path: "(what changes now, with what stays until a reload)".into(),
            text,
        };
        let layers = Layers {
            file: Some(file),
            ..Layers::default()
        };
        config::load(&layers).map(|loaded| loaded.config)
    }

    async fn take(&mut self, why: &str, new: &Config, taken: Config) {
        let changes = config::changes(&self.running, new);
        let (taken, refused) = match self.take_up(&taken).await {
            Ok(took) => {
                if changes.is_empty() && took == Taken::default() {
                    tracing::info!("{why}: no setting has changed");
                } else if changes.is_empty() {
                    tracing::info!(
                        "{why}: files that settings name have changed, and hold from now on"
                    );
                }
                (taken, None)
            }
            Err(reason) => {
                tracing::error!("{why}: engine and sources go on as they were: {reason}");
                let is_now = |key: &str| self.fate(new, key) == Fate::Now;
                (self.running.with(new, is_now), Some(reason))
            }
        };
        self.switches.apply(&taken, &changes);
        for change in &changes {
            tell(why, change, self.fate(new, &change.key), refused.as_deref());
        }
        self.running = taken;
    }

    async fn take_up(&self, taken: &Config) -> Result<Taken, String> {
        let secrets = (self.secrets)(taken).map_err(|error| format!("{error:#}"))?;
        self.switches.take_up(taken.clone(), secrets).await
    }

    fn fate(&self, new: &Config, key: &str) -> Fate {
        fate(key, (&self.running.feed.kind, &new.feed.kind))
    }

    /// What the settings say now and the server does not have.
    fn differences(&self, layers: Result<Layers, Vec<Finding>>) -> Result<Vec<Difference>, String> {
        let loaded = layers.and_then(|layers| config::load(&layers));
        let new = loaded.and_then(|loaded| self.takeable(&loaded.config).map(|_| loaded.config));
        let new = new.map_err(|findings| {
            let lines = cli::lines(&findings);
            format!("the settings cannot run, and change nothing:\n{lines}")
        })?;
        let changes = config::changes(&self.running, &new).into_iter();
        let difference = |change: Change| Difference::new(&change, self.fate(&new, &change.key));
        Ok(changes.map(difference).collect())
    }
}

fn tell(why: &str, Change { key, old, new }: &Change, fate: Fate, refused: Option<&str>) {
    match (fate, refused) {
        (Fate::Now, _) | (Fate::TakenUp, None) => {
            tracing::info!("{why}: {key} was {old} and is {new} from now on");
        }
        (Fate::TakenUp, Some(reason)) | (Fate::Reload(reason) | Fate::Restart(reason), _) => {
            tracing::warn!("{why}: {key} stays {old}, though the settings say {new}: {reason}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Config {
        let file = SettingsFile {
            path: "orion.toml".into(),
            text: text.to_owned(),
        };
        let layers = Layers {
            file: Some(file),
            ..Layers::default()
        };
        config::load(&layers).unwrap().config
    }

    fn watched(running: &str) -> Watched<impl Fn(&Config) -> Result<Secrets>> {
        Watched {
            running: loaded(running),
            text: None,
            switches: Arc::default(),
            secrets: |_: &Config| Ok(Secrets::default()),
        }
    }

    #[test]
    fn what_must_wait_stays_and_the_rest_is_taken() {
        let new = "[rules]\nmin_rr = 2.0\n[charts]\nkeep_days = 7\n[data]\ndir = \"other\"\n";
        let taken = watched("").takeable(&loaded(new)).unwrap();
        assert_eq!(taken, loaded("[rules]\nmin_rr = 2.0\n"));
        let all = "[rules]\nmin_rr = 2.0\n";
        assert_eq!(watched("").takeable(&loaded(all)).unwrap(), loaded(all));
    }

    #[test]
    fn what_would_be_taken_must_be_right_together() {
        // The pound's rules are right where there is a pound, and instruments wait for a reload.
        let running = "[[instrument]]\nsymbol = \"EURUSD\"\n";
        let new = format!(
            "{running}[[instrument]]\nsymbol = \"GBPUSD\"\n[rules.symbol.GBPUSD]\nmin_rr = 2.0\n"
        );
        let findings = watched(running).takeable(&loaded(&new)).unwrap_err();
        let told = cli::lines(&findings);
        assert!(told.contains("GBPUSD"), "{told}");
    }
}
