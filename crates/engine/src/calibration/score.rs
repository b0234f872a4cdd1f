//! The raw score: a logistic regression of declared features with a quadratic penalty (ridge), the features standardised on
//! what it is fitted on. Cox, "The regression analysis of binary sequences" (1958); le Cessie & van Houwelingen, "Ridge
//! estimators in logistic regression" (1992).

use super::newton::{Problem, logistic};
use super::{FEATURES, came};
use serde::{Deserialize, Serialize};

/// What the squares of the weights cost: one outcome's worth of each, as `C = 1` of scikit-learn.
const PENALTY: f64 = 1.0;

/// A fitted score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    means: [f64; FEATURES],
    /// Standard deviations; 0 of a feature that never changed, which then says nothing.
    deviations: [f64; FEATURES],
    weights: [f64; FEATURES],
    intercept: f64,
}

/// Room for a fit, used again for the next.
#[derive(Debug, Default)]
pub(super) struct Room {
    rows: Vec<[f64; FEATURES + 1]>,
    targets: Vec<f64>,
}

impl Room {
    /// Fits a score, sooner where one is known that was fitted to nearly the same; `None` without rows.
    pub(super) fn fit(
        &mut self,
        rows: &[&[f64; FEATURES]],
        hits: &[bool],
        near: Option<&Score>,
    ) -> Option<Score> {
        if rows.is_empty() {
            return None;
        }
        let mut score = Score::standard(rows);
        let with_one = |row: &&[f64; FEATURES]| {
            std::array::from_fn(|place| match place {
                FEATURES => 1.0,
                place => score.standardised(row, place),
            })
        };
        self.rows.clear();
        self.rows.extend(rows.iter().map(with_one));
        self.targets.clear();
        self.targets.extend(hits.iter().map(|hit| came(*hit)));
        let problem = Problem {
            rows: &self.rows,
            targets: &self.targets,
            penalty: PENALTY,
        };
        let near = near.map_or([0.0; FEATURES + 1], Score::all_weights);
        let fitted = problem.solve(near)?;
        score.weights.copy_from_slice(&fitted[..FEATURES]);
        score.intercept = fitted[FEATURES];
        Some(score)
    }
}

impl Score {
    /// The chance that these features tell, in (0, 1).
    #[must_use]
    pub fn of(&self, row: &[f64; FEATURES]) -> f64 {
        let parts = (0..FEATURES).map(|place| self.weights[place] * self.standardised(row, place));
        logistic(self.intercept + parts.sum::<f64>())
    }

    /// The intercept is the last.
    fn all_weights(&self) -> [f64; FEATURES + 1] {
        std::array::from_fn(|place| *self.weights.get(place).unwrap_or(&self.intercept))
    }

    /// What it is made of, each with its name.
    pub(super) fn parameters(&self, names: [&str; FEATURES]) -> Vec<(String, f64)> {
        let mut parameters = vec![("score.intercept".to_owned(), self.intercept)];
        for (place, name) in names.into_iter().enumerate() {
            parameters.extend([
                (format!("score.{name}.mean"), self.means[place]),
                (format!("score.{name}.deviation"), self.deviations[place]),
                (format!("score.{name}.weight"), self.weights[place]),
            ]);
        }
        parameters
    }

    /// Means and deviations of these rows, and no weights yet.
    fn standard(rows: &[&[f64; FEATURES]]) -> Self {
        let n = rows.len() as f64;
        let mean = |place: usize| rows.iter().map(|row| row[place]).sum::<f64>() / n;
        let means: [f64; FEATURES] = std::array::from_fn(mean);
        let deviation = |place: usize| {
            let off = |row: &&[f64; FEATURES]| row[place] - means[place];
            let squares = rows.iter().map(|row| off(row) * off(row));
            let deviation = (squares.sum::<f64>() / n).sqrt();
            // Sums of equal numbers need not be exact.
            let is_noise = deviation <= 1e-12 * means[place].abs().max(1.0);
            if is_noise { 0.0 } else { deviation }
        };
        Self {
            means,
            deviations: std::array::from_fn(deviation),
            weights: [0.0; FEATURES],
            intercept: 0.0,
        }
    }

    fn standardised(&self, row: &[f64; FEATURES], place: usize) -> f64 {
        if self.deviations[place] > 0.0 {
            (row[place] - self.means[place]) / self.deviations[place]
        } else {
            0.0
        }
    }
}
