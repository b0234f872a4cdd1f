//! How a source is: what it is doing now, since when, and what it has brought. For logs, metrics, `/health` and
//! `orion feed test`.

use crate::quarantine::Quarantine;
use market::{InstrumentId, Price, SourceTime, Span, Time};
use std::collections::BTreeMap;

/// What a source is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    #[default]
    Starting,
    /// It is called by others, and nobody has called yet, or not for a while. The usual reasons are the source's to say.
    Waiting,
    Connecting,
    Authenticating,
    Subscribing,
    Live,
    /// It will try again at this time.
    BackOff {
        until: Time,
        reason: String,
    },
    /// It does not try again: somebody has to do something.
    Failed {
        reason: String,
        remedy: String,
    },
}

impl Phase {
    /// A word for metrics and tables.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::Subscribing => "subscribing",
            Self::Live => "live",
            Self::BackOff { .. } => "back_off",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Whether a symbol of a source flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Asked for; nothing is known yet.
    Asked,
    /// The source said yes, or sends it.
    Confirmed,
    /// The source said no: unknown, not entitled, or whatever it gave for a reason.
    Refused(String),
}

/// One symbol at a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolHealth {
    /// Its name there.
    pub theirs: String,
    pub coverage: Coverage,
    pub ticks: u64,
    /// The newest quote, when it was said to be, and when it came.
    pub last: Option<LastQuote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastQuote {
    pub bid: Price,
    pub ask: Price,
    pub time: SourceTime,
    pub received: Time,
}

/// A source's state at one moment.
#[derive(Clone, Debug)]
pub struct Health {
    pub name: String,
    pub phase: Phase,
    /// Since when it is in this phase.
    pub since: Time,
    /// When anything last came from it.
    pub heard: Option<Time>,
    /// Connections begun so far.
    pub connects: u64,
    /// Ticks let through, merged because the loop was behind, and turned away.
    pub ticks: u64,
    pub conflated: u64,
    pub quarantine: Quarantine,
    /// What could not be read, and told nothing about any instrument.
    pub malformed: u64,
    /// Receipt minus the source's time of the last tick; negative when the clocks disagree.
    pub lag: Option<Span>,
    pub symbols: BTreeMap<InstrumentId, SymbolHealth>,
}
