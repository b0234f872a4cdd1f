//! One quote.

use crate::{InstrumentId, Price, SourceTime, Time};
use serde::{Deserialize, Serialize};

/// Traded volume in units of 1e-9, real and not a count of ticks. Absent is not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Volume(pub i64);

/// A bid and an ask of one instrument at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    pub instrument: InstrumentId,
    pub bid: Price,
    pub ask: Price,
    pub volume: Option<Volume>,
    /// When the source says it was.
    pub time: SourceTime,
    /// When the feed had it in hand; absent where that was not recorded.
    pub received: Option<Time>,
}

impl Tick {
    /// The mid of bid and ask, half digits included.
    #[must_use]
    pub fn mid(&self) -> Price {
        self.bid.mid(self.ask)
    }
    /// Ask minus bid.
    #[must_use]
    pub fn spread(&self) -> Price {
        self.ask - self.bid
    }
}
