//! Engines of which one reads the charts for all.

use super::Engine;
use crate::readings::{Reader, Readings};
use std::sync::Arc;

impl Engine {
    /// Keeps what its charts read from here on, until that is taken.
    pub fn keep_readings(&mut self) {
        self.reader = Reader::Keeps(Readings::default());
    }

    /// What its charts have read since they keep it.
    #[must_use]
    pub fn take_readings(&mut self) -> Readings {
        self.reader.kept()
    }

    /// Takes from here on what another engine's charts read, and reads nothing itself. Both have been told the same so far,
    /// under settings of one [`crate::Settings::readings_name`], and are told the same until it is given what was read after.
    pub fn follow_readings(&mut self, readings: Arc<Readings>) {
        self.reader.follow(readings);
    }

    /// Reads of charts only what moves stops: for an engine without setups, of which nothing is asked but what becomes of signals
    /// that it is told.
    pub fn read_for_stops(&mut self) {
        self.reader = Reader::ForStops;
    }

    /// Whether this engine came to other bars than the one it follows, or to fewer: then nothing that it said counts. Asked
    /// between two stretches.
    #[must_use]
    pub fn has_parted(&self) -> bool {
        self.reader.has_parted()
    }
}
