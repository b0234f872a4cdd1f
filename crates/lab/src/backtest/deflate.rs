//! What is left of a result when it is the best of many that were tried.
//!
//! Bailey and Lopez de Prado, "The deflated Sharpe ratio: correcting for selection bias, backtest overfitting and
//! non-normality", Journal of Portfolio Management 40 (2014). One trade is one observation.

use super::figures::Moments;
use core::f64::consts::{E, SQRT_2};

/// Euler and Mascheroni's.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// A chance after so many trials (Bonferroni).
pub(super) fn bonferroni(chance: f64, trials: u32) -> f64 {
    (chance * f64::from(trials.max(1))).min(1.0)
}

/// The chance that the ratio of mean and deviation behind `n` results is above what luck alone gives the best of `trials`
/// whose ratios vary by `variance`. `None` where results do not vary or are too few.
pub(super) fn deflated(moments: &Moments, n: u32, trials: u32, variance: f64) -> Option<f64> {
    let ratio = moments.ratio().filter(|_| n > 1)?;
    let spread = 1.0 - moments.skew * ratio + (moments.kurtosis - 1.0) / 4.0 * ratio * ratio;
    let beyond = (ratio - of_luck(trials, variance)) * f64::from(n - 1).sqrt();
    (spread > 0.0).then(|| normal(beyond / spread.sqrt()))
}

/// The ratio that is expected of the best of so many trials without any skill.
pub(super) fn of_luck(trials: u32, variance: f64) -> f64 {
    if trials < 2 {
        return 0.0;
    }
    let trials = f64::from(trials);
    let best =
        (1.0 - GAMMA) * quantile(1.0 - 1.0 / trials) + GAMMA * quantile(1.0 - 1.0 / (trials * E));
    variance.max(0.0).sqrt() * best
}

/// The part of a normal distribution below a value.
pub(super) fn normal(value: f64) -> f64 {
    0.5 * libm::erfc(-value / SQRT_2)
}

/// The value below which this part of a normal distribution lies, found by halving.
fn quantile(part: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if normal(middle) < part {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} for {expected}");
    }

    #[test]
    fn the_normal_distribution_is_scipys() {
        for (value, part) in [(-3.0, 0.001_349_9), (0.0, 0.5), (1.5, 0.933_192_8)] {
            near(normal(value), part, 1e-7);
        }
        for (part, value) in [
            (0.01, -2.326_347_87),
            (0.975, 1.959_963_98),
            (0.9999, 3.719_016_49),
        ] {
            near(quantile(part), value, 1e-8);
        }
    }

    #[test]
    fn the_papers_example_comes_out() {
        // Its section "a numerical example": 100 trials whose yearly ratios vary by 1/2, the best with 2.5 over five years of
        // days, skew -3, kurtosis 10. It finds 0.1132 and 0.9004.
        let days = 250.0_f64;
        let moments = Moments {
            mean: 2.5 / days.sqrt(),
            deviation: 1.0,
            skew: -3.0,
            kurtosis: 10.0,
        };
        near(of_luck(100, 0.5 / days), 0.1132, 1e-4);
        let found = deflated(&moments, 1250, 100, 0.5 / days);
        near(found.unwrap(), 0.9004, 1e-4);
    }

    #[test]
    fn one_trial_deflates_nothing() {
        assert_eq!(of_luck(1, 9.0), 0.0);
        assert_eq!(bonferroni(0.02, 1), 0.02);
        near(bonferroni(0.02, 10), 0.2, 1e-12);
        assert_eq!(bonferroni(0.5, 10), 1.0);
        assert_eq!(deflated(&Moments::default(), 100, 1, 0.0), None);
    }
}
