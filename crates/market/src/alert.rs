//! What somebody outside posts: a signal of a bot, a model or a chart, or a verdict on one; and what comes of it.

use crate::{
    Direction, InstrumentId, Killzone, Measure, Price, Probability, Signal, SourceTime, Status,
    Symbol, Target, Time, Timeframe,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A signal as somebody posts it: read, and right in itself. Whether the market bears it out is for the engine to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The name of the key it came under. One sender's ids mean nothing to another.
    pub sender: String,
    /// The id it is shown under.
    pub id: Uuid,
    /// Of all that the sender wrote, but for what changes from one sending to the next: tells a repetition from a change.
    pub digest: Uuid,
    /// What the sender says it is. A signal is born pending whatever it says; a verdict on one that is known is taken.
    pub status: Status,
    pub instrument: InstrumentId,
    pub direction: Direction,
    /// When the sender saw it; absent: now.
    pub entry_time: Option<SourceTime>,
    /// Absent: the price now.
    pub entry: Option<Price>,
    /// Absent: planned from the average true range.
    pub stop: Option<Price>,
    /// In the order they are reached. Empty: planned from the risk.
    pub targets: Vec<Target>,
    pub reason: String,
    /// Absent: the odds of the path alone.
    pub confidence: Option<Probability>,
    /// Absent: that of the entry time.
    pub killzone: Option<Killzone>,
    /// Absent: that of ORION's own setups.
    pub timeframe: Option<Timeframe>,
    /// A short word for where it comes from: `bot`, `tradingview`.
    pub setup: String,
    /// Judged and answered, and nothing else.
    pub dry_run: bool,
}

/// What came of an [`Alert`]; each gets exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The id of the alert, under which its signal is shown.
    pub id: Uuid,
    pub result: Result<Accepted, Declined>,
}

/// The alert was taken, now or when it first came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The signal as it was born, or as the verdict left it.
    pub signal: Box<Signal>,
    /// Our stamp of the moment it was first taken.
    pub at: Time,
    /// The same was taken before, and nothing has changed now.
    pub repeated: bool,
    /// Stop or targets, or both, were not given and have been planned.
    pub planned: bool,
}

/// Why an alert was not taken. A field is named as senders know it: `entry_price`, `stop_loss`, `take_profits`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// The id is known, and this is neither a repetition nor a verdict on a pending signal.
    #[error(
        "this id is known: it stands as {status}, and what was sent now is neither the same again nor a verdict on a pending signal"
    )]
    Known { status: Status },
    #[error("there is no price of {symbol} yet: no source that is running has told one")]
    NoPrice { symbol: Symbol },
    #[error("the price of {symbol} is stale: the last one came {seconds} s ago")]
    Stale { symbol: Symbol, seconds: i64 },
    #[error("the market of {symbol} is closed")]
    Closed { symbol: Symbol },
    /// A level is on the wrong side of another, or of the price.
    #[error("`{field}`: {reason}")]
    Level { field: &'static str, reason: String },
    #[error(
        "{symbol} has no average true range yet, from which a stop could be planned: give stop_loss"
    )]
    NotWarm { symbol: Symbol },
    /// A limit of the portfolio, where limits block.
    #[error(
        "a limit of the portfolio speaks against it (`portfolio.{gate}` is {limit}, and it would be {value})"
    )]
    Portfolio {
        gate: &'static str,
        value: Measure,
        limit: Measure,
    },
    /// A limit per sender; `key` is the rule that sets it.
    #[error("{sender} has {count} {what}, which is the limit (`rules.{key}`)")]
    Cap {
        sender: String,
        count: u32,
        what: &'static str,
        key: &'static str,
    },
}

/// The last price of a trading day, as a source states it: an official close where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousClose {
    pub instrument: InstrumentId,
    pub price: Price,
    /// When that day ended, or any moment in it: it tells which trading day the price closes (one that ends at the roll
    /// itself is the day before).
    pub time: SourceTime,
}
