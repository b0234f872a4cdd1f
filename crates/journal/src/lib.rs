//! What outlives the process. The *journal* is the one dense stream of what ORION decided, kept so that a client never
//! sees a signal that a restart could forget. The *tape* is everything the engine was told, from which a replay makes the
//! same journal again, and a *snapshot* is the engine's state at a place of the tape, from which a restart goes on.
//!
//! This crate knows no client's JSON, and not what a record means for trading.

#![forbid(unsafe_code)]

pub mod bars;
pub mod charts;
pub mod copy;
mod disk;
mod error;
mod local;
mod lock;
mod memory;
mod pages;
mod record;
pub mod snapshot;
pub mod tape;

pub use error::Error;
pub use local::{Local, Looking, Probe};
pub use memory::Memory;
pub use pages::Pages;

use market::{Calibration, Outcome, Position, Shadow, Signal};

/// One entry of the journal. Signal events and outcomes are one stream, and nothing else advances `seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most records are signals")]
pub enum Record {
    Signal(Signal),
    Outcome(Outcome),
}

/// The stream of records, wherever it is kept, and beside it a second one of shadows, which has places of its own: no client
/// hears of it, so it moves no position. `tests/same_for_all.rs` says what every implementation promises.
pub trait Journal: Send {
    /// Appends all of `batch` or nothing, in order, right after `after`, and answers with the new end. Durable when it
    /// returns. An empty batch only asks whether `after` is the end.
    ///
    /// When the future is dropped before it is ready, the batch may still be written; [`Journal::end`] tells.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the journal does not end at `after`: somebody else wrote meanwhile. Otherwise what the store
    /// reports, and then nothing of the batch is kept.
    fn append(
        &mut self,
        after: Position,
        batch: Vec<Record>,
    ) -> impl Future<Output = Result<Position, Error>> + Send {
        self.append_with(after, batch, Vec::new())
    }

    /// The same, and with it, all or nothing, what would have become of signals that were not confirmed. Of one signal there
    /// is one shadow: another one is left out, so that a tape may be told again.
    ///
    /// # Errors
    /// As [`Journal::append`].
    fn append_with(
        &mut self,
        after: Position,
        batch: Vec<Record>,
        shadows: Vec<Shadow>,
    ) -> impl Future<Output = Result<Position, Error>> + Send;

    /// At most `limit` records behind `after`, oldest first, each with its position.
    ///
    /// # Errors
    /// [`Error::Fenced`] when `after` is no position of this journal: another epoch, or beyond its end.
    fn read(
        &self,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(Position, Record)>, Error>> + Send;

    /// At most `limit` shadows behind the place `after`, counted from 1, oldest first, each with its place.
    ///
    /// # Errors
    /// What the store reports.
    fn shadows(
        &self,
        after: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(u64, Shadow)>, Error>> + Send;

    /// Keeps versions of calibrations, all or none, beside the stream: no client hears of them, and they move no position. One
    /// that is known, by its name, number and time, is left out, so that a tape may be told again. Durable when it returns.
    ///
    /// # Errors
    /// What the store reports.
    fn keep(
        &mut self,
        calibrations: Vec<Calibration>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// All versions of calibrations, in the order they were kept.
    ///
    /// # Errors
    /// What the store reports.
    fn calibrations(&self) -> impl Future<Output = Result<Vec<Calibration>, Error>> + Send;

    /// The position of the last record.
    fn end(&self) -> Position;
}
