//! A version of what turns raw scores into confidence.

use crate::{Probability, Time};
use serde::{Deserialize, Serialize};

/// How a confidence comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// The record, pulled towards the odds of chance: nothing is calibrated yet, or there is no score.
    #[default]
    Shrinkage,
    /// The same, since what is calibrated has been no better than the rate of hits.
    FellBack,
    Platt,
    Beta,
    Isotonic,
}

impl Basis {
    /// By the name of what was done: a confidence that fell back is one by shrinkage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shrinkage | Self::FellBack => "shrinkage",
            Self::Platt => "platt",
            Self::Beta => "beta",
            Self::Isotonic => "isotonic",
        }
    }
    /// Whether it is by a calibration, and not by the record alone.
    #[must_use]
    pub const fn is_calibrated(self) -> bool {
        match self {
            Self::Shrinkage | Self::FellBack => false,
            Self::Platt | Self::Beta | Self::Isotonic => true,
        }
    }
}

/// One fit: kept for ever, so that what was shown can be understood later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The setup, or `posted:` and the sender.
    pub of: String,
    /// Counted from 1.
    pub version: u32,
    /// Our stamp of the fit.
    pub at: Time,
    pub basis: Basis,
    /// When the first and the last outcome were resolved that it is made of.
    pub from: Time,
    pub until: Time,
    /// How many there were.
    pub n: u32,
    pub hits: u32,
    /// The Brier score of their newest quarter: of the raw scores, and of what a calibration by the older ones made of them.
    pub brier_before: Probability,
    pub brier_after: Probability,
    /// What it computes with, by name.
    pub parameters: Vec<(String, f64)>,
}
