//! `orion record`: live sources onto a tape, without an engine, a journal or dashboards, until it is told to end.

use crate::clock::{self, Clock};
use crate::config::{Config, FeedKind};
use crate::live::{Live, Started};
use crate::record::Recorder;
use crate::scribe::END_MAX;
use crate::seal;
use crate::secrets::Secrets;
use crate::sources;
use anyhow::{Context as _, Result, ensure};
use axum::Router;
use feeds::inbox::Item;
use indicatif::{ProgressBar, ProgressStyle};
use market::Event;
use std::future::Future;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Things told that are taken in one turn.
const BATCH_MAX: usize = 1024;
/// The line that moves says so often how it stands.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Old days are let go of this often.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// Records until `shutdown` is ready.
///
/// # Errors
/// When no live source is named or none can start, or the tape cannot be written.
pub async fn run(
    config: Config,
    secrets: &Secrets,
    shutdown: impl Future<Output = ()>,
) -> Result<()> {
    ensure!(
        matches!(config.feed.kind, FeedKind::Live(_)),
        "only live sources are recorded, and the feed is `{}`: name some with --feed, such as --feed oanda,kraken",
        config.feed.kind
    );
    let wanted = sources::wanted(&config, secrets)?;
    sources::ensure_one_starts(&wanted)?;
    std::fs::create_dir_all(config.data.dir.join(config.market_name()))
        .context("make the folder where sources keep their notes")?;
    let mut recorder = Recorder::open(&config)?;
    let _sealing = seal::Watch::start(recorder.folder(), &config.history);
    let clock = Arc::new(Clock::new(clock::Machine, recorder.newest()));
    recorder.start(|| clock.stamp());
    let Started { live, router } = Live::start(&config, wanted, &clock, None);
    let _door = open_door(&config, router).await?;
    let mut recording = Recording {
        catalog: config.catalog(),
        progress: progress(),
        recorder,
        clock,
        live,
    };
    let ended = recording.turn(&config, shutdown).await;
    recording.progress.finish_and_clear();
    let recorder = recording.recorder;
    let (events, folder) = (recorder.events(), recorder.folder().to_owned());
    ended.and(recorder.end(END_MAX).await)?;
    let folder = folder.display();
    writeln!(
        io::stdout(),
        "recorded {events} events in {folder}; play them with `orion replay {folder}`"
    )?;
    Ok(())
}

struct Recording {
    recorder: Recorder,
    clock: Arc<Clock>,
    live: Live,
    catalog: market::Catalog,
    progress: ProgressBar,
}

impl Recording {
    async fn turn(&mut self, config: &Config, shutdown: impl Future<Output = ()>) -> Result<()> {
        let every = |span: Duration| {
            let mut interval = interval(span);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval.reset();
            interval
        };
        let mut write = every(Duration::from_millis(config.tape.batch_ms));
        let mut tell = every(TELL_EVERY);
        let mut prune = every(PRUNE_EVERY);
        let mut items = Vec::new();
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                _ = write.tick() => self.recorder.write(|| self.clock.stamp())?,
                _ = tell.tick() => self.tell(),
                _ = prune.tick() => {
                    if let Err(error) = self.recorder.prune() {
                        tracing::warn!("old days could not be let go of: {error:#}");
                    }
                }
                () = self.live.take(&mut items, BATCH_MAX) => self.keep(&mut items),
            }
        }
    }

    fn keep(&mut self, items: &mut Vec<Item>) {
        let mut events: Vec<Event> = Vec::new();
        for item in items.drain(..) {
            self.live
                .events(self.clock.stamp(), item, &self.catalog, &mut events);
            for event in events.drain(..) {
                self.recorder.push(self.clock.stamp(), &event);
            }
        }
    }

    fn tell(&self) {
        let sources = self.live.health();
        let sources = sources
            .iter()
            .map(|source| format!("{} {}", source.name, source.phase.as_str()));
        let mut parts: Vec<_> = sources.collect();
        parts.extend(self.recorder.trouble());
        self.progress.set_message(format!(
            "{} events; {}",
            self.recorder.events(),
            parts.join(", ")
        ));
        self.progress.tick();
    }
}

/// Sources that are called need an address to be called at.
async fn open_door(config: &Config, router: Router) -> Result<Option<tokio::task::AbortHandle>> {
    let FeedKind::Live(names) = &config.feed.kind else {
        return Ok(None);
    };
    if !names.iter().any(sources::is_called) {
        return Ok(None);
    }
    let address = config.server.listen;
    let listener = tokio::net::TcpListener::bind(address)
        .await
        .with_context(|| {
            format!(
                "listen on {address} for the sources that call (give another address with --listen)"
            )
        })?;
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(Some(serving.abort_handle()))
}

/// A line that moves, on a terminal only.
fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed_precise} recorded {msg}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}
