//! From a raw score to a probability: Platt's sigmoid, the Beta calibration, or isotonic steps; and which of them is taken.
//!
//! Platt, "Probabilistic outputs for support vector machines" (1999); Kull, Silva Filho & Flach, "Beta calibration" (2017);
//! Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates" (2002).

use super::isotonic::Isotonic;
use super::newton::{Problem, logistic};
use libm::log;
use market::Basis;
use serde::{Deserialize, Serialize};

/// Scores are kept this far from certainty, of which no logarithm is.
const EDGE: f64 = 1e-4;

/// A score, and whether the first target traded before the stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    pub score: f64,
    pub hit: bool,
}

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Curve {
    /// `p = 1 / (1 + exp(a logit(s) + b))`.
    Platt { a: f64, b: f64 },
    /// `logit p = a ln s - b ln(1 - s) + c`, with a and b not below 0.
    Beta { a: f64, b: f64, c: f64 },
    /// Means of blocks, linear between their centres.
    Isotonic(Isotonic),
}

impl Curve {
    #[must_use]
    pub fn platt(scored: &[Scored]) -> Option<Self> {
        let columns = |s| [log(s) - log(1.0 - s), 1.0];
        let ([slope, intercept], _) = weights(scored, &smoothed(scored), columns)?;
        Some(Self::Platt {
            a: -slope,
            b: -intercept,
        })
    }

    /// With Platt's targets: where a score tells hits and misses apart wholly, the weights would have no end otherwise.
    #[must_use]
    pub fn beta(scored: &[Scored]) -> Option<Self> {
        let targets = smoothed(scored);
        let free = weights(scored, &targets, |s| [log(s), -log(1.0 - s), 1.0])?;
        if let ([a, b, c], _) = free
            && a >= 0.0
            && b >= 0.0
        {
            return Some(Self::Beta { a, b, c });
        }
        // The loss is convex: what is best within the bounds lies on one of them.
        let left = weights(scored, &targets, |s| [log(s), 1.0]).filter(|(w, _)| w[0] > 0.0);
        let right = weights(scored, &targets, |s| [-log(1.0 - s), 1.0]).filter(|(w, _)| w[0] > 0.0);
        let (left_loss, right_loss) = (loss(&left), loss(&right));
        let (a, b, c) = match (left, right) {
            (Some((w, _)), _) if left_loss <= right_loss => (w[0], 0.0, w[1]),
            (_, Some((w, _))) => (0.0, w[0], w[1]),
            (Some(_) | None, None) => return None,
        };
        Some(Self::Beta { a, b, c })
    }

    #[must_use]
    pub fn isotonic(scored: &[Scored]) -> Option<Self> {
        Isotonic::fit(scored).map(Self::Isotonic)
    }

    /// The probability that a score means.
    #[must_use]
    pub fn of(&self, score: f64) -> f64 {
        let s = inside(score);
        match self {
            Self::Platt { a, b } => logistic(-(a * logit(s) + b)),
            Self::Beta { a, b, c } => logistic(a * log(s) - b * log(1.0 - s) + c),
            Self::Isotonic(isotonic) => isotonic.of(score),
        }
    }

    /// Whether a higher score means a higher probability.
    fn is_rising(&self) -> bool {
        match self {
            Self::Platt { a, .. } => *a < 0.0,
            // By its bounds, and by its making.
            Self::Beta { .. } | Self::Isotonic(_) => true,
        }
    }

    #[must_use]
    pub const fn basis(&self) -> Basis {
        match self {
            Self::Platt { .. } => Basis::Platt,
            Self::Beta { .. } => Basis::Beta,
            Self::Isotonic(_) => Basis::Isotonic,
        }
    }

    /// What it is made of, each with its name.
    pub(super) fn parameters(&self) -> Vec<(String, f64)> {
        let named = |name: &str, value: &f64| (name.to_owned(), *value);
        match self {
            Self::Platt { a, b } => vec![named("a", a), named("b", b)],
            Self::Beta { a, b, c } => vec![named("a", a), named("b", b), named("c", c)],
            Self::Isotonic(isotonic) => isotonic.parameters(),
        }
    }
}

/// How a calibration is fitted.
type Fit = fn(&[Scored]) -> Option<Curve>;

/// The calibration of scores in the order of their time, by the rule of signals.md section 8.3: of those that are fitted on
/// the older three quarters, the one with the lower Brier score on the newest quarter; then fitted on all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    pub curve: Curve,
    /// The Brier score of the newest quarter, before and after calibration by what is older.
    pub before: f64,
    pub after: f64,
}

impl Picked {
    /// `None` where nothing can be fitted, or where a higher score would mean less: such a score says nothing.
    #[must_use]
    pub fn of(scored: &[Scored], with_isotonic: WithIsotonic) -> Option<Self> {
        let (older, newest) = scored.split_at(scored.len() - scored.len() / 4);
        let isotonic: &[Fit] = match with_isotonic {
            WithIsotonic::Yes => &[Curve::isotonic],
            WithIsotonic::No => &[],
        };
        let fits = [Curve::platt as Fit, Curve::beta].into_iter();
        let judged = fits.chain(isotonic.iter().copied()).filter_map(|fit| {
            let curve = fit(older).filter(Curve::is_rising)?;
            Some((fit, brier(newest, |score| curve.of(score))))
        });
        let (fit, after) = judged.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Self {
            curve: fit(scored).filter(Curve::is_rising)?,
            before: brier(newest, |score| score),
            after,
        })
    }
}

/// Whether there are enough outcomes for isotonic steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithIsotonic {
    Yes,
    No,
}

/// The mean square of what was wrong. Brier, "Verification of forecasts expressed in terms of probability" (1950).
fn brier(scored: &[Scored], told: impl Fn(f64) -> f64) -> f64 {
    let squares = scored.iter().map(|one| {
        let off = told(one.score) - f64::from(u8::from(one.hit));
        off * off
    });
    squares.sum::<f64>() / scored.len() as f64
}

/// Platt's targets, `(N+ + 1) / (N+ + 2)` and `1 / (N- + 2)`: nobody is certain after N outcomes.
fn smoothed(scored: &[Scored]) -> Vec<f64> {
    let hits = scored.iter().filter(|one| one.hit).count() as f64;
    let misses = scored.len() as f64 - hits;
    let (high, low) = ((hits + 1.0) / (hits + 2.0), 1.0 / (misses + 2.0));
    let target = |one: &Scored| if one.hit { high } else { low };
    scored.iter().map(target).collect()
}

/// The weights of these columns, of which the last is 1, and the loss they leave. Sought from what would leave scores as they
/// are, or nearly.
fn weights<const N: usize>(
    scored: &[Scored],
    targets: &[f64],
    columns: impl Fn(f64) -> [f64; N],
) -> Option<([f64; N], f64)> {
    let rows = scored.iter().map(|one| columns(inside(one.score)));
    let rows: Vec<[f64; N]> = rows.collect();
    let problem = Problem {
        rows: &rows,
        targets,
        penalty: 0.0,
    };
    let mut near = [1.0; N];
    near[N - 1] = 0.0;
    let weights = problem.solve(near)?;
    Some((weights, problem.loss(&weights)))
}

fn loss<const N: usize>(of: &Option<([f64; N], f64)>) -> f64 {
    of.as_ref().map_or(f64::INFINITY, |(_, loss)| *loss)
}

fn inside(score: f64) -> f64 {
    score.clamp(EDGE, 1.0 - EDGE)
}

fn logit(score: f64) -> f64 {
    let s = inside(score);
    log(s) - log(1.0 - s)
}
