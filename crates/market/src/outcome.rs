//! What became of a confirmed signal, and what would have become of one that was not.

use crate::{Cause, Measure, Price, Probability, Ratio, Span, Symbol, Time, Timeframe};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// One thing that happened to a confirmed signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// The target of this place (1 is the first) traded.
    Target(u8),
    /// The stop traded, where it lay by then.
    Stop,
    /// The stop lies at another price from now on, nearer to the market: advice, after a target or with a closed bar.
    StopMoved,
    /// The horizon, or the week, ended first.
    Timeout,
    /// It is no longer followed: its instrument is gone, or another version of the engine has taken over.
    Closed,
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(place) => write!(f, "tp{place}"),
            Self::Stop => f.write_str("stop"),
            Self::StopMoved => f.write_str("stop_moved"),
            Self::Timeout => f.write_str("timeout"),
            Self::Closed => f.write_str("closed"),
        }
    }
}

/// One step of a confirmed signal's life after its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub id: Uuid,
    pub symbol: Symbol,
    pub digits: u8,
    pub kind: OutcomeKind,
    /// Targets and a stop that is moved at their level, a stop that trades at the first price beyond it (bid for a long, ask for a short), otherwise the last
    /// such price.
    pub price: Price,
    /// That price in multiples of the risk, from the published entry.
    pub r: Ratio,
    pub at: Time,
    /// Nothing more will happen to this signal.
    pub last: bool,
    /// Of the last one: what the whole position brought, in multiples of the risk, from the price at the confirmation and with
    /// the parts that left at targets. Unknown where another version followed it.
    #[serde(default)]
    pub realised: Option<Ratio>,
    /// Of the last one, from whoever followed it to its end: all that is known of it.
    #[serde(default)]
    pub end: Option<Ended>,
}

/// A position that has ended, from the price it was opened at. Multiples are those of the published risk, and of the whole
/// position where it left in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The first target traded before the stop.
    pub hit: bool,
    /// What it could be opened at, and the spread then.
    pub fill: Price,
    pub spread: Price,
    /// How far the price at which it could be closed went its way, never below 0, and against it, never above 0.
    pub best: Measure,
    pub worst: Measure,
    /// What slippage and commission took of the result. Unknown where no price turned the commission's currency.
    pub cost: Option<Measure>,
    pub held: Span,
    /// A stop and a target lay in one recorded bar, and nobody knows which came first: the stop did.
    pub ambiguous: bool,
    /// The longest recorded bars that judged it; none where all prices were ticks.
    pub bars: Option<Timeframe>,
    /// They were too long to confirm anything: the close of the one that touched the entry did.
    pub coarse: bool,
}

/// What would have become of a signal that was not confirmed, had it been opened at the verdict. Kept apart from what did
/// happen, and told to no client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadow {
    pub id: Uuid,
    /// Why it was not confirmed.
    pub cause: Cause,
    pub at: Time,
    /// How it ended: the last target that traded, or the stop, or its time. A verdict by the stop or the first target says so
    /// itself.
    pub kind: OutcomeKind,
    /// The chance of a driftless price from where it was opened.
    pub odds: Option<Probability>,
    /// How long the recorded bars were by which it was decided, and whether they were too long to confirm anything.
    pub bars: Option<Timeframe>,
    pub coarse: bool,
    pub realised: Option<Ratio>,
    /// None where the verdict itself says how it ended.
    pub end: Option<Ended>,
}

impl Shadow {
    /// Whether the first target traded before the stop; `None` where nobody followed it long enough to know.
    #[must_use]
    pub fn hit(&self) -> Option<bool> {
        let hit = self.end.map(|end| end.hit);
        match self.kind {
            OutcomeKind::Target(_) => Some(hit.unwrap_or(true)),
            OutcomeKind::Stop | OutcomeKind::StopMoved | OutcomeKind::Timeout => {
                Some(hit.unwrap_or(false))
            }
            OutcomeKind::Closed => hit.filter(|hit| *hit),
        }
    }
}
