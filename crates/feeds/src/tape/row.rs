//! What a decoder makes of a line or record before it is known whose it is: times may still be of a wall clock, and a
//! side of the quote may be missing.

use super::local::Stamp;
use market::{Ohlc, ParsePriceError, Price, Volume};

/// One line's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Quote {
        time: Stamp,
        bid: Price,
        ask: Price,
    },
    /// One price: a trade, or the one side the file holds.
    Price {
        time: Stamp,
        price: Price,
        volume: Option<Volume>,
    },
    /// At least one side is there.
    QuoteBar {
        open_time: Stamp,
        bid: Option<Ohlc>,
        ask: Option<Ohlc>,
    },
    PriceBar {
        open_time: Stamp,
        price: Ohlc,
        volume: Option<Volume>,
    },
    /// Says that nothing happened in its interval (Dukascopy fills its candles so); not an error, and no bar either.
    Nothing,
}

impl Row {
    pub(super) fn stamp(&self) -> Option<Stamp> {
        match *self {
            Self::Quote { time, .. } | Self::Price { time, .. } => Some(time),
            Self::QuoteBar { open_time, .. } | Self::PriceBar { open_time, .. } => Some(open_time),
            Self::Nothing => None,
        }
    }

    /// Where a bar opens by its own clock, in nanoseconds since 1970.
    pub(super) fn open_nanos(&self) -> Option<i64> {
        match *self {
            Self::QuoteBar { open_time, .. } | Self::PriceBar { open_time, .. } => {
                Some(match open_time {
                    Stamp::Local(local) => local.nanos(),
                    Stamp::Utc(time) => time.nanos(),
                })
            }
            Self::Quote { .. } | Self::Price { .. } | Self::Nothing => None,
        }
    }
}

/// Why a line is no row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("it has {found} fields where {expected} are needed")]
    Fields { expected: usize, found: usize },
    #[error("the time cannot be read")]
    Time,
    #[error("the {field} cannot be read: {reason}")]
    Price {
        field: &'static str,
        reason: ParsePriceError,
    },
    #[error("neither side of the quote is whole")]
    NoSide,
    #[error("no bid or ask before it to carry on")]
    NothingToCarry,
    #[error("the line is longer than any price line")]
    TooLong,
    #[error("the last record is cut off")]
    CutOff,
}
