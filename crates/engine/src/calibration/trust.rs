//! Whether a calibration has shown skill: its forecasts of the last signals, made before these were resolved, against the
//! rate of hits among them, which anybody could have told. signals.md, section 8.5.

use super::came;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Forecasts that are judged, and how many it takes.
const JUDGED: usize = 500;
const JUDGED_LEAST: usize = 200;
/// What is trusted again is better than the rate by so many standard errors: where nothing can be known, every second window
/// is better by chance, and one in a hundred by this much.
const ERRORS: f64 = 2.33;

/// Whether forecasts may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trust {
    #[default]
    Kept,
    /// They were no better than the rate itself, and have not been since.
    Lost,
}

/// The newest forecasts, each with what came, and whether they are trusted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Forecasts {
    newest: VecDeque<(f64, bool)>,
    trust: Trust,
}

impl Forecasts {
    pub(super) const fn trust(&self) -> Trust {
        self.trust
    }

    /// A signal was resolved of which this had been said.
    pub(super) fn came(&mut self, forecast: f64, hit: bool) {
        if self.newest.len() == JUDGED {
            self.newest.pop_front();
        }
        self.newest.push_back((forecast, hit));
        if let Some(gain) = self.gain() {
            self.trust = match self.trust {
                Trust::Kept if gain.mean <= 0.0 => Trust::Lost,
                Trust::Lost if gain.mean > ERRORS * gain.error => Trust::Kept,
                same @ (Trust::Kept | Trust::Lost) => same,
            };
        }
    }

    /// How much nearer the forecasts were than the rate; `None` of too few. Above 0 where the Brier skill is.
    fn gain(&self) -> Option<Gain> {
        if self.newest.len() < JUDGED_LEAST {
            return None;
        }
        let n = self.newest.len() as f64;
        let rate = self.newest.iter().map(|(_, hit)| came(*hit)).sum::<f64>() / n;
        let gains = self.newest.iter().map(|(forecast, hit)| {
            let (off, base) = (forecast - came(*hit), rate - came(*hit));
            base * base - off * off
        });
        let (sum, squares) = gains.fold((0.0, 0.0), |(sum, squares), gain| {
            (sum + gain, squares + gain * gain)
        });
        let mean = sum / n;
        let variance = (squares / n - mean * mean).max(0.0);
        Some(Gain {
            mean,
            error: (variance / n).sqrt(),
        })
    }
}

/// A mean, and its standard error.
struct Gain {
    mean: f64,
    error: f64,
}
