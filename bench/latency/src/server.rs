//! A whole server in this process, fed by the benchmark: `orion serve` but for its feed.

use anyhow::{Context as _, Result, anyhow};
use bench_clients::Crowd;
use market::Event;
use orion::config::{self, Config, Layers};
use orion::secrets::Secrets;
use orion::serve::{self, Source};
use std::path::Path;
use std::thread::{self, JoinHandle};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};

/// Events that may wait for the loop, as in `orion serve`.
const QUEUE_MAX: usize = 16_384;
const CLIENTS: usize = 100;

/// A server on a folder of its own, and its clients.
pub struct Server {
    pub config: Config,
    pub events: mpsc::Sender<Event>,
    pub crowd: Crowd,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Server {
    /// Starts it and lets the clients in. `min_interval_ms` is the setting `prices.min_interval_ms`.
    pub fn start(min_interval_ms: u32) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a data folder")?;
        let config = settings(folder.path(), min_interval_ms)?;
        let (events, queue) = mpsc::channel(QUEUE_MAX);
        let (stop, stopped) = oneshot::channel();
        let (tell, up) = std::sync::mpsc::channel();
        let served = config.clone();
        let thread = thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                let shutdown = async move {
                    // Ended by hand, or by the benchmark's own end.
                    let _stopped = stopped.await;
                };
                let up = move |_: &Config, address| {
                    // The benchmark waits for it, or has ended.
                    let _told = tell.send(address);
                };
                runtime()?.block_on(serve::serve(
                    served,
                    &Secrets::default(),
                    Source::Channel(queue),
                    shutdown,
                    up,
                ))
            })?;
        let Ok(address) = up.recv() else {
            return Err(ended(thread));
        };
        let crowd = Crowd::connect(address, CLIENTS).context("let the clients in")?;
        Ok(Self {
            config,
            events,
            crowd,
            folder,
            stop,
            thread,
        })
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends the clients away and ends it in good order.
    pub fn end(self) -> Result<()> {
        drop(self.crowd);
        // A server that has ended already says why.
        let _told = self.stop.send(());
        joined(self.thread)
    }
}

fn settings(folder: &Path, min_interval_ms: u32) -> Result<Config> {
    let loaded = config::load(&Layers::default());
    let mut config = loaded
        .map_err(|findings| anyhow!("the default settings cannot run: {findings:?}"))?
        .config;
    config.server.listen = ([127, 0, 0, 1], 0).into();
    config.data.dir = folder.to_owned();
    config.prices.min_interval_ms = min_interval_ms;
    Ok(config)
}

/// As the binary has it.
fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")
}

fn joined(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread
        .join()
        .map_err(|_| anyhow!("the server panicked"))?
        .context("serve")
}

fn ended(thread: JoinHandle<Result<()>>) -> anyhow::Error {
    match joined(thread) {
        Ok(()) => anyhow!("the server ended before it was up"),
        Err(error) => error,
    }
}
