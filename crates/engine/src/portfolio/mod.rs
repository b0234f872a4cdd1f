//! Whether one more signal may be traded beside those that are: signals.md, section 10.
//!
//! The portfolio is that of somebody who trades every signal that no limit speaks against, each with the account's part at
//! risk. Of what is really traded ORION knows nothing. All of it is counted in parts of the equity, so no account has to
//! be configured.

mod book;
mod correlation;
mod limits;
mod news;

pub(crate) use book::{Book, Candidate};
pub use limits::Limits;
pub use news::{News, Release};

use serde::{Deserialize, Serialize};
use std::fmt;

/// What may keep a signal from being traded, in the order in which it is asked. Each has the name of its setting in
/// `[portfolio]`, or in `[news]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    Drawdown,
    DailyLoss,
    Losses,
    News,
    Spread,
    LiveSignals,
    OpenRisk,
    ClusterRisk,
}

impl Gate {
    pub const ALL: [Self; 8] = [
        Self::Drawdown,
        Self::DailyLoss,
        Self::Losses,
        Self::News,
        Self::Spread,
        Self::LiveSignals,
        Self::OpenRisk,
        Self::ClusterRisk,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Drawdown => "max_drawdown_percent",
            Self::DailyLoss => "daily_loss_percent",
            Self::Losses => "max_consecutive_losses",
            Self::News => "news_block_min",
            Self::Spread => "max_spread_mult",
            Self::LiveSignals => "max_live_signals",
            Self::OpenRisk => "max_open_risk_percent",
            Self::ClusterRisk => "max_cluster_risk_percent",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much new risk may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RiskState {
    Active,
    /// Half of a limit on losses is reached: each new signal risks half, at the least until the next trading day.
    Reducing,
    /// A limit on losses is reached: nothing new, for the rest of the trading day or until a person resumes.
    Halted,
}

impl RiskState {
    pub const ALL: [Self; 3] = [Self::Active, Self::Reducing, Self::Halted];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Reducing => "reducing",
            Self::Halted => "halted",
        }
    }
}

/// How the portfolio stands, in percent of its equity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub state: RiskState,
    /// Signals that are pending or run and may be traded.
    pub live: usize,
    /// What would be lost if all of them were stopped now.
    pub open_risk_percent: f64,
    /// Of the equity at the beginning of the trading day; negative after a gain.
    pub day_loss_percent: f64,
    /// From the highest equity.
    pub drawdown_percent: f64,
    /// What every unit of the equity has become.
    pub equity: f64,
}
