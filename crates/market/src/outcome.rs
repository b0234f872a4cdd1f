//! What became of a confirmed signal.

use crate::{Price, Ratio, Symbol, Time};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One thing that happened to a confirmed signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// The target of this place (1 is the first) traded.
    Target(u8),
    /// The stop traded.
    Stop,
    /// The horizon, or the week, ended first.
    Timeout,
}

/// One step of a confirmed signal's life after its verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub id: Uuid,
    pub symbol: Symbol,
    pub digits: u8,
    pub kind: OutcomeKind,
    /// Targets at their level, a stop at the first price beyond it (bid for a long, ask for a short), otherwise the last
    /// such price.
    pub price: Price,
    /// That price in multiples of the risk, from the published entry.
    pub r: Ratio,
    pub at: Time,
    /// Nothing more will happen to this signal.
    pub last: bool,
}
