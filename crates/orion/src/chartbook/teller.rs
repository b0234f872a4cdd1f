//! What a machine keeps of the chart book: it hears what becomes known and hands it on.

use super::writer::{Request, Row, Writer, rows};
use super::{Charts, Keeping};
use crate::recover::Start;
use engine::Engine;
use journal::charts::{self, Book};
use journal::tape::Place;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Batches that may wait for the writer.
const REQUESTS_MAX: usize = 4;
/// Rows that may wait for room among them; beyond that the book has a hole, and is made again at the next start.
const ROWS_MAX: usize = 500_000;
/// Rows that are handed over together while a tape is told again, when waiting is no harm.
const ROWS_TOGETHER: usize = 20_000;
/// How long a snapshot of the engine waits for the book. Without it the next start makes the book again.
const PATIENCE: Duration = Duration::from_millis(500);

/// The way to the writer; without one nothing is kept.
#[derive(Debug)]
pub(crate) struct Teller {
    line: Option<Line>,
}

#[derive(Debug)]
struct Line {
    requests: Option<SyncSender<Request>>,
    writer: Option<JoinHandle<()>>,
    charts: Arc<Charts>,
    /// Up to where on the tape the book was whole.
    told: Place,
    waiting: Vec<Row>,
    /// How much was heard, and how much of it was handed on.
    count: u64,
    sent: u64,
    /// The tape will be told by itself: what a start tells again is not needed.
    deaf: bool,
    again: Option<Box<Start>>,
    lost: bool,
}

impl Teller {
    /// Keeps nothing.
    pub(crate) fn none() -> Self {
        Self { line: None }
    }

    /// Opens the book in a market's folder. One that is damaged is made again.
    pub(crate) fn open(dir: &Path, keeping: Keeping, charts: &Arc<Charts>) -> Self {
        match Line::open(dir, keeping, charts) {
            Ok(line) => Self { line: Some(line) },
            Err(error) => {
                charts.lose();
                tracing::error!("charts of the past are not served: {error:#}");
                Self::none()
            }
        }
    }

    /// A start tells the tape again from this place. Where the book does not reach it, it is made from as early as `earliest`
    /// says, after what is on the tape now.
    pub(crate) fn begin(
        &mut self,
        from: Place,
        earliest: impl FnOnce() -> anyhow::Result<Option<Start>>,
    ) {
        let Some(line) = &mut self.line else { return };
        if line.told >= from {
            return;
        }
        match earliest() {
            Ok(Some(start)) => {
                line.deaf = true;
                line.again = Some(Box::new(start));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("the chart book begins with this start: {error:#}"),
        }
    }

    /// The start has told all of the tape. What comes now is new.
    pub(crate) fn begun(&mut self) {
        let Some(line) = &mut self.line else { return };
        line.deaf = false;
        if let Some(start) = line.again.take() {
            line.count += 1;
            line.charts.tell(line.count);
            // The writer has nothing else to do yet.
            line.send(Request::Again(start));
            line.send(Request::Rows(Vec::new(), line.count));
            line.sent = line.count;
        }
    }

    /// Takes what the engine's last event made known.
    pub(crate) fn hear(&mut self, engine: &Engine) {
        let Some(line) = &mut self.line else { return };
        if line.deaf || line.lost || engine.just_closed().is_empty() {
            return;
        }
        let before = line.waiting.len();
        line.waiting.extend(rows(engine));
        line.count += (line.waiting.len() - before) as u64;
        line.charts.tell(line.count);
    }

    /// The same while a tape is told again: there the writer may be waited for.
    pub(crate) fn hear_again(&mut self, engine: &Engine) {
        self.hear(engine);
        if let Some(line) = &mut self.line
            && line.waiting.len() >= ROWS_TOGETHER
        {
            let rows = std::mem::take(&mut line.waiting);
            line.send(Request::Rows(rows, line.count));
            line.sent = line.count;
        }
    }

    /// Hands on what was heard, if the writer has room for it. Never waits.
    pub(crate) fn hand_on(&mut self, engine: &Engine) {
        let Some(line) = &mut self.line else { return };
        line.charts.pass(engine.now());
        line.hand_on();
        line.lose_if_too_many();
    }

    /// All up to this place of the tape has been heard. Waits a moment until it is written: what is later begun from there
    /// finds it in the book.
    pub(crate) fn told(&mut self, place: Place) {
        let Some(line) = &mut self.line else { return };
        if line.lost {
            return;
        }
        // What it has may fill all the room there is.
        let _late = line.charts.wait(line.sent, PATIENCE);
        line.hand_on();
        if !line.waiting.is_empty() {
            return;
        }
        let (done, is_done) = mpsc::sync_channel(1);
        if line.try_send(Request::Told(place, done)).is_none()
            && is_done.recv_timeout(PATIENCE).is_err()
        {
            tracing::warn!(
                "the chart book is behind: should ORION end before it is not, the book is made again"
            );
        }
    }
}

impl Line {
    fn open(dir: &Path, keeping: Keeping, charts: &Arc<Charts>) -> anyhow::Result<Self> {
        let path = charts::path(dir);
        let book = Book::open(&path).or_else(|error| {
            let is_newer = matches!(error, journal::Error::Version { .. });
            let reason = anyhow::Error::from(error);
            if is_newer {
                let aside = charts::move_aside(&path)?;
                tracing::warn!(file = %path.display(), "a newer ORION wrote the chart book, which is now {}; another one is made from the tape: to have the first again, end this ORION, move it back and start the newer one: {reason:#}", aside.display());
            } else {
                tracing::warn!(file = %path.display(), "the chart book cannot be used and is made again: {reason:#}");
                charts::remove(&path)?;
            }
            Book::open(&path)
        })?;
        let told = book.told()?;
        let (requests, inbox) = mpsc::sync_channel(REQUESTS_MAX);
        let writer = Writer::new(book, dir, keeping, Arc::clone(charts));
        let writer = thread::Builder::new()
            .name("charts".to_owned())
            .spawn(move || writer.serve(&inbox))?;
        charts.begin();
        Ok(Self {
            requests: Some(requests),
            writer: Some(writer),
            charts: Arc::clone(charts),
            told,
            waiting: Vec::new(),
            count: 0,
            sent: 0,
            deaf: false,
            again: None,
            lost: false,
        })
    }

    fn send(&self, request: Request) {
        if let Some(requests) = &self.requests {
            // A writer that has panicked has said so.
            let _unheard = requests.send(request);
        }
    }

    /// Gives back what the writer has no room for.
    fn try_send(&self, request: Request) -> Option<Request> {
        match self.requests.as_ref()?.try_send(request) {
            Ok(()) => None,
            Err(TrySendError::Full(request) | TrySendError::Disconnected(request)) => Some(request),
        }
    }

    /// Hands on what was heard, if there is room for it.
    fn hand_on(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.waiting);
        match self.try_send(Request::Rows(rows, self.count)) {
            Some(Request::Rows(rows, _)) => self.waiting = rows,
            Some(Request::Told(..) | Request::Again(_)) | None => self.sent = self.count,
        }
    }

    fn lose_if_too_many(&mut self) {
        if self.waiting.len() <= ROWS_MAX {
            return;
        }
        tracing::error!(
            rows = self.waiting.len(),
            "the disk is too slow for the chart book: charts of the past end here, and the next start makes the book again from the tape"
        );
        self.lost = true;
        self.waiting = Vec::new();
        self.charts.lose();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // A book that is being made is given up, and made at the next start.
        self.charts.close();
        if !self.waiting.is_empty() {
            let rows = std::mem::take(&mut self.waiting);
            self.send(Request::Rows(rows, self.count));
        }
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            let _ended = writer.join();
        }
    }
}
