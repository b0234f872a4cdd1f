//! Setups: from bars and structure to an idea. One setup per file.
//!
//! A setup is *armed* when its pattern is complete, which nobody outside sees, and becomes a signal when price reaches
//! its trigger. Armed setups end by trigger, expiry, contradiction, or when their stop trades.

mod mss_fvg;

pub use mss_fvg::MssFvg;

use crate::structure::BarIndex;
use market::{Direction, Price, SourceTime};
use serde::{Deserialize, Serialize};

/// The name of a setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SetupKind {
    MssFvg,
}

impl SetupKind {
    /// The short name, part of a signal's identity.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MssFvg => "mss_fvg",
        }
    }
    /// The text clients see as the reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::MssFvg => "MSS+FVG setup",
        }
    }
}

/// A complete pattern that waits for price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    pub setup: SetupKind,
    pub direction: Direction,
    /// Price at or beyond this (below for a long) triggers it.
    pub trigger: Price,
    pub entry: Price,
    /// The stop goes behind this.
    pub stop_level: Price,
    /// A bar that closes beyond this contradicts it; it also tells zones apart.
    pub zone_far: Price,
    /// The bar the zone was born at: the same zone never signals twice.
    pub zone_born: BarIndex,
    /// The bar that armed it, and when that opened.
    pub armed_at: BarIndex,
    pub armed_open: SourceTime,
}

impl Armed {
    /// Whether this bar price triggers it.
    #[must_use]
    pub fn is_reached(&self, price: Price) -> bool {
        match self.direction {
            Direction::Long => price <= self.trigger,
            Direction::Short => price >= self.trigger,
        }
    }
}
