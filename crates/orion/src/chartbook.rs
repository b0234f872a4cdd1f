//! The chart book: what the engine saw, kept with the moment at which it became known, so that any past moment can be shown
//! as it was known then. It follows from the tape and decides nothing: without it all else goes on.

pub(crate) mod answer;
mod marks;
mod shelf;
mod teller;
mod writer;

pub(crate) use shelf::Shelf;
pub(crate) use teller::Teller;

use crate::config::ChartsSettings;
use hub::Publication;
use market::{BarUpdate, Span, Symbol, Time, Timeframe};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long bars and marks of each timeframe are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    days: u32,
}

impl Keeping {
    #[must_use]
    pub(crate) fn new(settings: &ChartsSettings) -> Self {
        Self {
            days: settings.keep_days,
        }
    }

    /// Long bars as many days as is said, shorter ones a part of it: there are more of them, and fewer look back as far.
    fn of(self, timeframe: Timeframe) -> Span {
        let days = match timeframe {
            Timeframe::M1 => self.days.div_ceil(10),
            Timeframe::M5 | Timeframe::M15 => self.days.div_ceil(4),
            Timeframe::H1 | Timeframe::H4 | Timeframe::D1 => self.days,
        };
        Span::from_hours(24 * i64::from(days))
    }
}

/// What the loop and those who read share: how far the book has come, and how the open bars stand.
#[derive(Debug)]
pub(crate) struct Charts {
    /// The stamp of the newest event that was committed, in nanoseconds.
    now: AtomicI64,
    progress: Mutex<Progress>,
    has_written: Condvar,
    forming: Mutex<BTreeMap<(Symbol, Timeframe), Arc<BarUpdate>>>,
}

#[derive(Debug, Default)]
struct Progress {
    /// How much became known, and how much of it is written.
    told: u64,
    written: u64,
    /// It is not whole any more.
    lost: bool,
    /// Nobody hands it anything more.
    closed: bool,
}

/// Why the book cannot answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// It is being written.
    Late,
    /// It has a hole until the next start.
    Lost,
}

impl Default for Charts {
    fn default() -> Self {
        Self {
            now: AtomicI64::new(Time::MIN.nanos()),
            progress: Mutex::default(),
            has_written: Condvar::new(),
            forming: Mutex::default(),
        }
    }
}

impl Charts {
    /// The stamp of the newest event that was committed: nothing later is known.
    pub(crate) fn now(&self) -> Time {
        Time::from_nanos(self.now.load(Ordering::Acquire))
    }

    /// Waits until all is written that is known now.
    pub(crate) fn catch_up(&self, patience: Duration) -> Result<(), Behind> {
        let told = self.progress().told;
        self.wait(told, patience)
    }

    /// Waits until this much of what became known is written.
    fn wait(&self, told: u64, patience: Duration) -> Result<(), Behind> {
        let progress = self.progress();
        let is_behind = |progress: &mut Progress| !progress.lost && progress.written < told;
        let waited = self
            .has_written
            .wait_timeout_while(progress, patience, is_behind);
        let (progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (progress.lost, progress.written < told) {
            (true, _) => Err(Behind::Lost),
            (false, true) => Err(Behind::Late),
            (false, false) => Ok(()),
        }
    }

    /// The open bar, as those who subscribe to bars were told of it last.
    pub(crate) fn forming(&self, symbol: Symbol, timeframe: Timeframe) -> Option<Arc<BarUpdate>> {
        let forming = self.forming.lock().unwrap_or_else(PoisonError::into_inner);
        forming.get(&(symbol, timeframe)).cloned()
    }

    /// Takes what is published: how the open bars stand.
    pub(crate) fn show(&self, publication: &Publication) {
        if publication.bars.is_empty() {
            return;
        }
        let mut forming = self.forming.lock().unwrap_or_else(PoisonError::into_inner);
        for bar in &publication.bars {
            let of = (bar.symbol, bar.timeframe);
            if bar.closed {
                forming.remove(&of);
            } else {
                forming.insert(of, Arc::clone(bar));
            }
        }
    }

    /// Time has come this far, and all of it is committed.
    fn pass(&self, now: Time) {
        self.now.store(now.nanos(), Ordering::Release);
    }

    fn tell(&self, count: u64) {
        self.progress().told = count;
    }

    fn written(&self, count: u64) {
        self.progress().written = count;
        self.has_written.notify_all();
    }

    fn lose(&self) {
        self.progress().lost = true;
        self.has_written.notify_all();
    }

    /// A writer begins.
    fn begin(&self) {
        *self.progress() = Progress::default();
    }

    fn close(&self) {
        self.progress().closed = true;
    }

    fn is_closed(&self) -> bool {
        self.progress().closed
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
