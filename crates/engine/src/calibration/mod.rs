//! Confidence that is a measured probability: a raw score is calibrated by what became of the signals before, one calibrator
//! for each setup and for each sender. signals.md, section 8.
//!
//! Walk-forward: what is told at a time is made of outcomes alone that were resolved before it, by more than the horizon of
//! an outcome. Nothing here has a clock or chance: the same outcomes give the same forecasts, to the bit.

mod calibrators;
mod curve;
mod fit;
mod isotonic;
mod newton;
mod score;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use calibrators::{Calibrators, Open, Whose};
pub use curve::{Curve, Picked, Scored, WithIsotonic};
pub use isotonic::Isotonic;
pub use score::Score;
pub use trust::Trust;

use crate::features::SCORE;
use crate::rules::Rules;
use fit::{Fitted, fit};
use market::{Basis, Calibration, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use trust::Forecasts;

/// How many features a raw score is made of; their names are [`SCORE`]'s.
pub const FEATURES: usize = SCORE.len();
/// Outcomes that are kept: the newest.
pub const OUTCOMES_MAX: usize = 2000;

/// What a probability is made of, as it was known when a signal was born.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Raw {
    /// The features of one of ORION's own, from which a score is made.
    Features(Box<[f64; FEATURES]>),
    /// A score that somebody else made: a sender's confidence, or a model's probability.
    Given(f64),
    /// None: a sender's signal without a confidence.
    Nothing,
}

/// A signal of which it is known whether its first target came before its stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolved {
    pub created: Time,
    pub resolved: Time,
    pub raw: Raw,
    pub hit: bool,
    /// What the calibration of its birth said, whether it was shown or not; `None` where there was none.
    pub forecast: Option<f64>,
}

/// What a calibrator says of a new signal.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Forecast {
    /// The raw score, where there is one.
    pub score: Option<f64>,
    /// The calibrated probability, where there is a calibration.
    pub calibrated: Option<f64>,
    /// The number of that calibration; 0 where there is none.
    pub version: u32,
    /// [`Basis::Shrinkage`] where there is none, [`Basis::FellBack`] where it has shown no skill.
    pub basis: Basis,
}

impl Forecast {
    /// The probability to show, if a calibration may say it.
    #[must_use]
    pub fn shown(&self) -> Option<f64> {
        self.calibrated.filter(|_| self.basis.is_calibrated())
    }
}

/// When calibrations are fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Nothing is calibrated by fewer outcomes, and nothing by isotonic steps by fewer than the second number.
    pub least: usize,
    pub least_isotonic: usize,
    /// Fitted again after so many new outcomes, or after this time with as large a part of them as so many are of all that are
    /// kept: one outcome in two thousand moves nothing that anybody could see.
    pub refit: u64,
    pub refit_after: Span,
    /// An outcome is learnt from when it is older than this.
    pub embargo: Span,
}

impl Terms {
    #[must_use]
    pub fn of(rules: &Rules) -> Self {
        let hours = |count: u32| Span::from_hours(i64::from(count));
        Self {
            least: rules.cal_min_platt as usize,
            least_isotonic: rules.cal_min_isotonic as usize,
            refit: u64::from(rules.cal_refit),
            refit_after: hours(rules.cal_refit_h),
            embargo: hours(rules.outcome_horizon_h),
        }
    }
}

/// The record of one setup or sender, and what was learnt from it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Calibrator {
    /// In the order they were resolved.
    outcomes: VecDeque<Resolved>,
    /// How many were let go.
    gone: u64,
    /// The newest calibration, if the last fit gave one.
    fitted: Option<Fitted>,
    /// How many there were.
    versions: u32,
    /// When the last fit was, and of how many outcomes, those that are gone counted.
    tried: Option<(Time, u64)>,
    forecasts: Forecasts,
}

impl Calibrator {
    /// Fits anew if that is due, of what was resolved before `at` by more than the embargo; returns the new version.
    pub fn refresh(&mut self, of: &str, at: Time, terms: Terms) -> Option<Calibration> {
        let known = self.known(at, terms);
        if !self.is_due(known, at, terms) {
            return None;
        }
        self.tried = Some((at, self.gone + known as u64));
        let outcomes: Vec<&Resolved> = self.outcomes.iter().take(known).collect();
        self.fitted = fit(&outcomes, self.fitted.as_ref(), terms);
        let fitted = self.fitted.as_mut()?;
        self.versions += 1;
        fitted.version = self.versions;
        Some(fitted.told(of, at))
    }

    /// What there is to say of a signal that is born now.
    #[must_use]
    pub fn forecast(&self, raw: &Raw) -> Forecast {
        let Some(fitted) = &self.fitted else {
            return Forecast {
                score: given(raw),
                ..Forecast::default()
            };
        };
        let score = fitted.score_of(raw);
        let basis = match (score, self.forecasts.trust()) {
            (None, _) => Basis::Shrinkage,
            (Some(_), Trust::Lost) => Basis::FellBack,
            (Some(_), Trust::Kept) => fitted.basis(),
        };
        Forecast {
            score,
            calibrated: score.map(|score| fitted.calibrated(score)),
            version: fitted.version,
            basis,
        }
    }

    /// Takes what became of a signal. They come in the order of their ends.
    pub fn resolve(&mut self, mut outcome: Resolved) {
        // Judged once, and not needed again.
        if let Some(forecast) = outcome.forecast.take() {
            self.forecasts.came(forecast, outcome.hit);
        }
        if self.outcomes.len() == OUTCOMES_MAX {
            self.outcomes.pop_front();
            self.gone += 1;
        }
        self.outcomes.push_back(outcome);
    }

    /// When its newest outcome came; `None` without any.
    fn newest(&self) -> Option<Time> {
        self.outcomes.back().map(|outcome| outcome.resolved)
    }

    /// How many of the outcomes that are kept may be learnt from.
    fn known(&self, at: Time, terms: Terms) -> usize {
        let before = at - terms.embargo;
        self.outcomes
            .partition_point(|outcome| outcome.resolved < before)
    }

    fn is_due(&self, known: usize, at: Time, terms: Terms) -> bool {
        if known < terms.least {
            return false;
        }
        let Some((when, of)) = self.tried else {
            return true;
        };
        let new = (self.gone + known as u64).saturating_sub(of);
        let is_much = new * OUTCOMES_MAX as u64 >= terms.refit * known as u64;
        new >= terms.refit || (new > 0 && is_much && at - when >= terms.refit_after)
    }
}

/// A score that was given.
fn given(raw: &Raw) -> Option<f64> {
    match raw {
        Raw::Given(score) => Some(*score),
        Raw::Features(_) | Raw::Nothing => None,
    }
}

/// Whether it was a hit, as a number.
fn came(hit: bool) -> f64 {
    f64::from(u8::from(hit))
}
