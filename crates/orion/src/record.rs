//! The storage of `orion record`: a tape of what live sources tell, without an engine, a journal or dashboards. It lies in
//! the folder `record` of the data folder; `orion replay` and `orion serve --feed tape:` play it. The hand that writes it is a
//! server's (`scribe.rs`): a disk that fails is tried again, and what was told meanwhile waits for it.

use crate::config::{Config, History};
use crate::fault;
use crate::keep;
use crate::machine::{WAITING_MAX, write_settings};
use crate::scribe::{Decided, Done, Job, Look, Scribe, State, Store, Work};
use anyhow::{Context as _, Result, anyhow};
use journal::Memory;
use journal::tape::{self, Place, Removed, Tape, TapeItem, TapeReader};
use market::{Epoch, Event, SourceId, Time};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The name of the market, and of its folder.
pub const MARKET: &str = "record";

/// Records what it is told. Call [`Recorder::write`] each `tape.batch_ms`, [`Recorder::prune`] each hour and
/// [`Recorder::end`] at the end. What was written is synced within a second: a loss of power costs that much at most.
#[derive(Debug)]
pub struct Recorder {
    dir: PathBuf,
    scribe: Scribe<Memory>,
    store: Arc<Store>,
    history: History,
    sources: usize,
    /// The stamp of the newest event; `MIN` on a new tape.
    newest: Time,
    events: u64,
    /// What was told and is not handed over.
    told: Vec<(Time, Event)>,
    /// What was handed over and is not written: how many events, and since when. Oldest first.
    pending: VecDeque<(usize, Instant)>,
    /// Events that are not written.
    waiting: usize,
    waiting_max: usize,
    /// Events that found no room, where some did since all was written.
    missed: Option<u64>,
}

impl Recorder {
    /// Opens the recording in the data folder, or makes one, and begins a segment with the settings at its head. Reads the
    /// last segment.
    ///
    /// # Errors
    /// When another process records there, or the tape is damaged or cannot be written.
    pub fn open(config: &Config) -> Result<Self> {
        let mut settings = config.engine_settings();
        MARKET.clone_into(&mut settings.market);
        let dir = config.data.dir.join(MARKET).join("tape");
        let written = Tape::open(&dir)?;
        if let Some(cut) = written.cut() {
            tracing::warn!(file = %cut.path.display(), bytes = cut.bytes, "cut off what the last run had half written");
        }
        let newest = newest(&dir)?;
        let tape = written.begin(&write_settings(&settings)?)?;
        let store = Arc::default();
        // Nothing is decided here, so nothing is ever journaled.
        let journal = Memory::new(Epoch(0));
        let market = config.data.dir.join(MARKET);
        let scribe = Scribe::start(&market, tape, journal, &store)?;
        store.try_again(true);
        Ok(Self {
            dir,
            scribe,
            store,
            history: config.history.clone(),
            sources: settings.catalog.sources.len(),
            newest,
            events: 0,
            told: Vec::new(),
            pending: VecDeque::new(),
            waiting: 0,
            waiting_max: fault::waiting_max().unwrap_or(WAITING_MAX),
            missed: None,
        })
    }

    /// The stamp of the newest event, after which the next ones must come; `MIN` on a new tape.
    #[must_use]
    pub fn newest(&self) -> Time {
        self.newest
    }

    /// How many events have been taken in since it was opened.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Why what was told is not written, while it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let Look { state, reason, .. } = self.store.look();
        let reason = reason.filter(|_| state != State::Ok)?;
        Some(format!("{} events wait: {reason}", self.waiting))
    }

    /// The folder to give to `orion replay`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.dir.parent().unwrap_or(&self.dir)
    }

    /// Records that a process began; where a recording goes on, something of every source was missed. `stamp` gives the
    /// stamps.
    pub fn start(&mut self, mut stamp: impl FnMut() -> Time) {
        let goes_on = self.newest > Time::MIN;
        self.push(stamp(), &Event::Start);
        if goes_on {
            self.push_gaps(stamp);
        }
    }

    /// Something of every source was missed.
    fn push_gaps(&mut self, mut stamp: impl FnMut() -> Time) {
        for source in (0..=u8::MAX).map(SourceId).take(self.sources) {
            self.push(stamp(), &Event::Gap(source));
        }
    }

    /// Takes in one event. Stamps never go back. Where no more may wait for the disk, it is let go of, and so is what comes
    /// behind it until all that waits is written.
    ///
    /// # Panics
    /// When `at` is before the newest event's stamp.
    pub fn push(&mut self, at: Time, event: &Event) {
        assert!(
            at >= self.newest,
            "stamps never go back: {at} after {}",
            self.newest
        );
        if self.missed.is_none() && self.waiting >= self.waiting_max {
            tracing::error!(
                "no more can wait for the disk: what sources tell is not recorded until it takes what waits"
            );
            self.missed = Some(0);
        }
        if let Some(missed) = &mut self.missed {
            *missed += 1;
            return;
        }
        self.told.push((at, event.clone()));
        self.waiting += 1;
        self.newest = at;
        self.events += 1;
    }

    /// Has what was told given to the operating system, when the disk takes it: a killed process does not lose it any more.
    /// Where something found no room and there is room again, the tape has it that something was missed. `stamp` gives the
    /// stamps.
    ///
    /// # Errors
    /// When the tape cannot be written, whatever is done to the disk.
    pub fn write(&mut self, stamp: impl FnMut() -> Time) -> Result<()> {
        while let Some(done) = self.scribe.ready() {
            done?;
            self.took_oldest();
        }
        if self.waiting == 0
            && let Some(events) = self.missed.take()
        {
            tracing::warn!(events, "the recording goes on behind a gap");
            self.push_gaps(stamp);
        }
        if !self.told.is_empty() {
            self.hand_over(Work::Write);
        }
        Ok(())
    }

    /// Writes, and waits until all of it is on disk, but not for longer than `patience`.
    ///
    /// # Errors
    /// When the tape cannot be written: a disk that fails now is not tried again.
    pub async fn end(mut self, patience: Duration) -> Result<()> {
        self.store.try_again(false);
        self.hand_over(Work::Keep(Decided::default()));
        let ended = timeout(patience, async {
            while !self.pending.is_empty() {
                let _done: Done = self.scribe.next().await?;
                self.took_oldest();
            }
            anyhow::Ok(())
        });
        match ended.await {
            Ok(ended) => ended.with_context(|| self.lost()),
            Err(_) => {
                let lost = self.lost();
                self.scribe.leave();
                Err(anyhow!("the disk has not answered for {} s", patience.as_secs()).context(lost))
            }
        }
    }

    fn lost(&self) -> String {
        format!("the last {} events are not on the tape", self.waiting)
    }

    fn hand_over(&mut self, work: Work) {
        let events = std::mem::take(&mut self.told);
        self.pending.push_back((events.len(), Instant::now()));
        self.scribe.hand_over(Job { events, work });
        self.tell_store();
    }

    fn took_oldest(&mut self) {
        if let Some((events, _)) = self.pending.pop_front() {
            self.waiting -= events;
        }
        self.tell_store();
    }

    fn tell_store(&self) {
        let oldest = self.pending.front().map(|(_, since)| *since);
        self.store.wait(self.waiting, oldest);
    }

    /// Lets go of the oldest days that need not be kept.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not be removed. Recording does not suffer by that.
    pub fn prune(&self) -> Result<Removed> {
        // The segment that is written, or one that was a moment ago.
        let segment = tape::segments(&self.dir)?.last().map_or(0, |of| of.number);
        let not_after = Place { segment, offset: 0 };
        keep::prune(self.folder(), &self.history, not_after, self.newest)
    }
}

/// Whether these settings stand at the head of a recording made here.
#[must_use]
pub fn is_recording(settings: &tape::Settings) -> bool {
    settings.market == MARKET
}

/// The stamp of the newest event on the tape; `MIN` when there is none.
fn newest(dir: &Path) -> Result<Time> {
    for segment in tape::segments(dir)?.into_iter().rev() {
        let mut newest = None;
        for item in TapeReader::open_files([segment.path]) {
            match item? {
                TapeItem::Settings(_) => {}
                TapeItem::Event(at, _) => newest = newest.max(Some(at)),
            }
        }
        if let Some(newest) = newest {
            return Ok(newest);
        }
    }
    Ok(Time::MIN)
}
