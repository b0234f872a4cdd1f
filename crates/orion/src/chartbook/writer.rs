//! The book's writer: a thread of its own, which the loop never waits for. What it is handed it writes in batches, and where
//! the book is not whole it makes it again from the tape first.

use super::{Keeping, marks};
use crate::machine;
use crate::recover::Start;
use engine::{Closed, Engine, Found};
use journal::charts::{self, Batch, Book, ChartName, Failed, KnownBar};
use journal::tape::Place;
use market::{SourceTime, Span, Symbol, Time, Timeframe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Rows of one batch, roughly.
const BATCH: usize = 20_000;
/// A disk that failed is tried again so often.
const AGAIN_EVERY: Duration = Duration::from_secs(1);

/// One thing that became known.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Bar(Symbol, Time, Closed),
    Found(Symbol, Time, Found),
}

/// What the writer is handed.
pub(super) enum Request {
    /// Rows in the order in which they became known, and the number of the last among all.
    Rows(Vec<Row>, u64),
    /// All up to this place of the tape was handed over. Answered when it is written.
    Told(Place, SyncSender<()>),
    /// The tape up to now, told to an engine from as early as it can be.
    Again(Box<Start>),
}

/// What an engine's last event made known of instruments whose prices may be shown.
pub(super) fn rows(engine: &Engine) -> impl Iterator<Item = Row> {
    let (catalog, known) = (&engine.settings().catalog, engine.now());
    let shown = move |instrument| {
        let of = catalog.instrument(instrument);
        of.prices.then_some(of.symbol)
    };
    let closed = engine.just_closed().iter();
    let bars =
        closed.filter_map(move |closed| Some(Row::Bar(shown(closed.instrument)?, known, *closed)));
    let found = engine.just_found().iter();
    let marks = found
        .filter_map(move |found| Some(Row::Found(shown(found.instrument)?, known, found.clone())));
    bars.chain(marks)
}

/// The book as its thread has it.
pub(super) struct Writer {
    book: Book,
    path: PathBuf,
    keeping: Keeping,
    /// When the newest bar ended, and when room was made last.
    newest: SourceTime,
    pruned: SourceTime,
    state: Arc<super::Charts>,
    /// It could not write: no more is tried, since what is written later would not be whole.
    failed: bool,
}

impl Writer {
    pub(super) fn new(book: Book, dir: &Path, keeping: Keeping, state: Arc<super::Charts>) -> Self {
        Self {
            book,
            path: charts::path(dir),
            keeping,
            newest: SourceTime::MIN,
            pruned: SourceTime::MIN,
            state,
            failed: false,
        }
    }

    /// Writes until nobody can ask any more.
    pub(super) fn serve(mut self, requests: &Receiver<Request>) {
        while let Ok(request) = requests.recv() {
            match request {
                Request::Rows(rows, number) => {
                    self.write(&rows, None);
                    if !self.failed {
                        self.state.written(number);
                    }
                }
                Request::Told(place, done) => {
                    self.write(&[], Some(place));
                    // Nobody waits any more where that took too long.
                    let _unheard = done.try_send(());
                }
                Request::Again(start) => self.again(*start),
            }
        }
    }

    fn write(&mut self, rows: &[Row], told: Option<Place>) {
        if self.failed {
            return;
        }
        for row in rows {
            if let Row::Bar(_, _, closed) = row {
                self.newest = self.newest.max(closed.bar.end_time);
            }
        }
        let prune = self.take_prunable();
        let mut is_told = false;
        while let Err(error) = self.try_write(rows, &prune, told) {
            let is_disk = matches!(error, journal::Error::Io { .. });
            let error = anyhow::Error::from(error);
            if !is_disk || self.state.is_closed() {
                self.failed = true;
                self.state.lose();
                tracing::error!(file = %self.path.display(), "{error:#}; signals and prices go on, charts of the past end here: start again, then the book is made anew from the tape");
                return;
            }
            if !is_told {
                tracing::warn!(file = %self.path.display(), "{error:#}; charts of the past wait until there is room or the disk is mended");
            }
            is_told = true;
            thread::park_timeout(AGAIN_EVERY);
        }
    }

    fn try_write(
        &mut self,
        rows: &[Row],
        prune: &[(Timeframe, SourceTime)],
        told: Option<Place>,
    ) -> Result<(), journal::Error> {
        self.book.write(|batch| {
            for row in rows {
                write_row(batch, row)?;
            }
            for (timeframe, before) in prune {
                batch.prune(*timeframe, *before)?;
            }
            told.map_or(Ok(()), |place| batch.told(place))
        })
    }

    /// Once for each day of the market's time: up to when bars of each timeframe go.
    fn take_prunable(&mut self) -> Vec<(Timeframe, SourceTime)> {
        if self.newest < self.pruned + Span::from_hours(24) {
            return Vec::new();
        }
        self.pruned = self.newest;
        let all = Timeframe::ALL.into_iter();
        all.map(|timeframe| (timeframe, self.newest - self.keeping.of(timeframe)))
            .collect()
    }

    /// Writes what the tape makes known, which is told from its beginning, or from where it can be.
    fn again(&mut self, start: Start) {
        tracing::info!(file = %self.path.display(), "the chart book is made from the tape; charts are served when it is done");
        let (mut engine, items) = start.into_tape();
        let (mut batch, mut out) = (Vec::new(), Vec::new());
        for item in items {
            let told = item
                .map_err(anyhow::Error::from)
                .and_then(|item| machine::tell(&mut engine, item, &mut out));
            if let Err(error) = told {
                tracing::warn!("the chart book begins later than the tape: {error:#}");
                break;
            }
            out.clear();
            batch.extend(rows(&engine));
            if batch.len() >= BATCH {
                self.write(&batch, None);
                batch.clear();
            }
            if self.state.is_closed() {
                // What is handed over behind it would stand there without what comes before.
                self.failed = true;
                return;
            }
        }
        self.write(&batch, None);
        tracing::info!(to = %engine.now(), "the chart book is made");
    }
}

fn write_row(batch: &mut Batch<'_>, row: &Row) -> Result<(), Failed> {
    match row {
        Row::Bar(symbol, known, closed) => {
            let name = ChartName {
                symbol: *symbol,
                timeframe: closed.timeframe,
            };
            let bar = KnownBar {
                bar: closed.bar,
                known: *known,
            };
            batch.bar(name, &bar, closed.place)
        }
        Row::Found(symbol, known, found) => marks::write(batch, *symbol, found, *known),
    }
}
