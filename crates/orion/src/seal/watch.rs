//! Sealing beside a running server: a thread of its own that gives way to everything else.

use super::{Pass, pass};
use crate::config::History;
use crate::scribe::END_MAX;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Finished days are looked for this often.
const EVERY: Duration = Duration::from_secs(600);

/// Seals days as they end, until it is dropped.
#[derive(Debug)]
pub struct Watch {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// The thread holds the other end.
    lives: Receiver<Infallible>,
}

impl Watch {
    /// Begins for the market in a folder, if the settings want it.
    #[must_use]
    pub fn start(market: &Path, settings: &History) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let (life, lives) = mpsc::channel();
        let thread = settings.parquet.then(|| {
            let (market, ended) = (market.to_owned(), Arc::clone(&ended));
            let watching = thread::Builder::new().name("seal".to_owned());
            watching.spawn(move || {
                let _life = life;
                watch(&market, &ended);
            })
        });
        let thread = thread.and_then(|spawned| match spawned {
            Ok(thread) => Some(thread),
            Err(error) => {
                tracing::error!("finished days are not sealed: no thread for it: {error}");
                None
            }
        });
        Self {
            ended,
            thread,
            lives,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has told what went wrong; a pass that is under way ends at its next look. One that waits for a disk that does
            // not answer is left to the process's end: what it writes has its name only when it is whole.
            let _over = self.lives.recv_timeout(END_MAX);
        }
    }
}

fn watch(market: &Path, ended: &AtomicBool) {
    give_way();
    let over = || ended.load(Ordering::Relaxed);
    while !over() {
        match pass(market, &mut |_| !over()) {
            Ok(pass) => tell(&pass),
            Err(error) => tracing::warn!("finished days are not sealed: {error:#}"),
        }
        if !over() {
            thread::park_timeout(EVERY);
        }
    }
}

fn tell(pass: &Pass) {
    for note in &pass.sealed {
        let rows: u64 = note.files.iter().map(|file| file.rows).sum();
        let bytes: u64 = note.files.iter().map(|file| file.bytes).sum();
        tracing::info!(day = %note.day, files = note.files.len(), rows, bytes, "sealed a day");
    }
    for (day, reason) in &pass.failed {
        let day = history::day::date(*day);
        tracing::warn!(%day, "a day of the tape could not be sealed: {reason}");
    }
}

/// Takes only the time that nobody else wants: on Linux a niceness is a thread's own.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::warn!("sealing could not be given a low priority: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}
