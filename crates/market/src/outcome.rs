//! What became of a confirmed signal.

use crate::{Price, Ratio, Symbol, Time};
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
}
