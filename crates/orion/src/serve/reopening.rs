//! A disk that fails for so long that no more can wait for it: tape and journal are let go of, and clients hear prices only. As
//! soon as the disk takes it, the engine begins from what is there, by the path of any start, with the hole told as after a
//! crash. `docs/decisions/0017`.

use super::outlets::Outlets;
use super::start::open_journal;
use super::{Room, Server};
use crate::chartbook::{Charts, Keeping, Teller};
use crate::fault;
use crate::machine::{Machine, Remains};
use crate::scribe::Store;
use anyhow::{Context as _, Result};
use engine::Settings;
use hub::Publication;
use journal::Local;
use market::Position;
use std::fs::{self, File};
use std::future::pending;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// How often it is tried.
const AGAIN_EVERY: Duration = Duration::from_secs(1);
/// Bytes that have to find room before.
const ROOM: usize = 1024 * 1024;

/// Another machine is opened, on a thread of its own. Dropping it gives that up.
pub(super) struct Reopening(oneshot::Receiver<Box<Reopened>>);

/// A machine that goes on from what is on the disk, and what it had kept and not shown before.
pub(super) struct Reopened {
    machine: Machine<Local>,
    news: Publication,
}

/// The machine that was opened anew; for ever while none is.
pub(super) async fn reopened(reopening: &mut Option<Reopening>) -> Result<Box<Reopened>> {
    match reopening {
        Some(reopening) => (&mut reopening.0)
            .await
            .context("the thread that opens the store anew has ended early: restart the server"),
        None => pending().await,
    }
}

impl Server {
    /// From now on clients hear prices only.
    pub(super) fn let_go(&mut self) {
        tracing::error!(
            "no more can wait for the disk: nothing is decided until it takes it, then the engine goes on from what is there"
        );
        let at = self.machine.end();
        let remains = self.machine.let_go();
        let (tell, told) = oneshot::channel();
        let opener = Opener::new(&self.room, at, Handle::current());
        let begun = thread::Builder::new()
            .name("reopen".to_owned())
            .spawn(move || opener.run(remains, tell));
        if let Err(error) = begun {
            // The other end is dropped, which ends the server.
            tracing::error!("the thread that opens the store anew cannot be started: {error}");
        }
        self.reopening = Some(Reopening(told));
    }

    /// The engine goes on from what is on the disk.
    pub(super) async fn take_anew(
        &mut self,
        reopened: Box<Reopened>,
        outlets: &mut Outlets,
    ) -> Result<()> {
        let Reopened { machine, mut news } = *reopened;
        let before = std::mem::replace(&mut self.machine, machine);
        self.reopening = None;
        self.room.clock.catch_up(self.machine.engine().now());
        self.room.store.begin();
        self.room.store.try_again(true);
        tracing::info!("the engine goes on from what is on the disk");
        news.bars = self.machine.bars_beyond(&before.into_bars());
        self.hide(&mut news);
        self.tell_status();
        outlets.publish(news).await?;
        self.begin_live();
        // Nobody who posted waits for an answer.
        self.commit(outlets).await.map(drop)
    }
}

/// Whether a disk takes more than the little that a start writes: without it, each try would read the tape in vain.
fn has_room(dir: &Path) -> io::Result<()> {
    let path = dir.join("room.new");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; ROOM])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// What is needed to open a machine.
struct Opener {
    dir: PathBuf,
    settings: Arc<Settings>,
    charts: Arc<Charts>,
    keeping: Keeping,
    store: Arc<Store>,
    at: Position,
    runtime: Handle,
}

impl Opener {
    fn new(room: &Room, at: Position, runtime: Handle) -> Self {
        Self {
            dir: room.dir.clone(),
            settings: Arc::clone(&room.settings),
            charts: Arc::clone(&room.charts),
            keeping: room.keeping,
            store: Arc::clone(&room.store),
            at,
            runtime,
        }
    }

    fn run(self, remains: Remains<Local>, tell: oneshot::Sender<Box<Reopened>>) {
        // It holds the locks until its last step is over, however long the disk takes for that.
        drop(remains);
        while !tell.is_closed() {
            match self.runtime.block_on(self.open()) {
                Ok(reopened) => {
                    let _ended = tell.send(Box::new(reopened));
                    return;
                }
                Err(error) => self.store.cannot_open(&error),
            }
            thread::park_timeout(AGAIN_EVERY);
        }
    }

    async fn open(&self) -> Result<Reopened> {
        fault::disk("open").context("open the store anew")?;
        has_room(&self.dir).context("open the store anew")?;
        let journal = open_journal(&self.dir)?;
        let charts = Teller::open(&self.dir, self.keeping, &self.charts);
        let settings = Arc::clone(&self.settings);
        let machine = Machine::open_with(&self.dir, settings, journal, charts, &self.store).await?;
        let news = machine.since(self.at).await?;
        Ok(Reopened { machine, news })
    }
}
