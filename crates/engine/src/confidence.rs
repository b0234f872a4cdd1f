//! Confidence of a young setup, or sender, of which nothing is calibrated: hits of the past, shrunk towards the odds that a market without memory would give.
//!
//! `p = (h + m p0) / (n + m)` with h hits in n resolved signals of the setup, `p0 = (H + m p_rw) / (N + m)` over all
//! setups, m the prior's strength, and `p_rw = (x - stop) / (TP1 - stop)`: the chance of a driftless price at x to reach
//! the first target before the stop. x is the exit-side price at the confirmation; while a signal is pending it is
//! expected where confirmations of its setup were on average, in multiples of the risk.

use market::{Backing, Basis, Price, Probability, Signal};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Confirmations whose place is averaged.
const OFFSETS: usize = 200;
/// Fewer than this say nothing yet.
const OFFSETS_LEAST: usize = 20;

/// What became of one setup's signals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Record {
    resolved: u32,
    hits: u32,
    /// Where the last confirmations came, in multiples of the risk beyond the entry.
    offsets: VecDeque<f64>,
}

impl Record {
    /// A confirmed signal's first target traded before its stop, or did not.
    pub fn resolve(&mut self, hit: Hit) {
        self.resolved += 1;
        self.hits += u32::from(hit == Hit::Yes);
    }

    /// A signal was confirmed at this exit-side price.
    pub fn confirm(&mut self, signal: &Signal, exit: Price) {
        let offset = (exit - signal.entry).times(signal.direction.sign());
        if self.offsets.len() == OFFSETS {
            self.offsets.pop_front();
        }
        self.offsets
            .push_back(offset.to_f64() / signal.risk().to_f64());
    }

    /// The numbers behind a confidence.
    pub(crate) fn backing(&self) -> Backing {
        Backing {
            resolved: self.resolved,
            hits: self.hits,
            interval: wilson(self.hits, self.resolved),
            version: 0,
            basis: Basis::Shrinkage,
            score: None,
        }
    }

    /// Where the confirmation is expected, in multiples of the risk.
    fn offset(&self) -> Option<f64> {
        let n = self.offsets.len();
        (n >= OFFSETS_LEAST).then(|| self.offsets.iter().sum::<f64>() / n as f64)
    }
}

/// Whether the first target traded before the stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    Yes,
    No,
}

/// What is known of a signal while it is made. Distances are in price units, from the entry.
#[derive(Clone, Copy, Debug)]
pub struct Odds {
    /// Entry to stop.
    pub risk: f64,
    /// Entry to the first target.
    pub reward: f64,
    /// How far beyond the entry a bar has to close to confirm.
    pub confirm: f64,
}

impl Odds {
    /// Of a signal as it is written.
    pub(crate) fn of(signal: &Signal, confirm: f64) -> Self {
        let risk = signal.risk().to_f64();
        let first = signal.targets.first();
        let reward = first.map_or(risk, |first| (first.price - signal.entry).abs().to_f64());
        Self {
            risk,
            reward,
            confirm,
        }
    }
}

/// The confidence of a new signal of a setup, whole percents in [0.01, 0.99].
#[must_use]
pub fn confidence<'a>(
    record: &Record,
    all: impl Iterator<Item = &'a Record>,
    odds: Odds,
    prior_strength: f64,
) -> Probability {
    let at = record
        .offset()
        .map_or(odds.confirm, |offset| offset * odds.risk);
    let driftless = ((at + odds.risk) / (odds.reward + odds.risk)).clamp(0.0, 1.0);
    let (resolved, hits) = all.fold((0, 0), |(n, h), one| (n + one.resolved, h + one.hits));
    let overall = shrink(hits, resolved, driftless, prior_strength);
    shown(shrink(
        record.hits,
        record.resolved,
        overall,
        prior_strength,
    ))
}

/// A probability as it is shown: nobody knows it better than to one percent, or for certain.
pub(crate) fn shown(probability: f64) -> Probability {
    Probability::new((probability.clamp(0.01, 0.99) * 100.0).round() / 100.0)
}

/// The chance of a price without drift to reach the first target before the stop, from where a position could be closed now:
/// `(x - stop) / (TP1 - stop)`. `None` where no target lies beyond the stop.
#[must_use]
pub fn barrier_odds(signal: &Signal, exit: Price) -> Option<Probability> {
    let from_stop = |price: Price| {
        (price - signal.stop)
            .times(signal.direction.sign())
            .to_f64()
    };
    let way = from_stop(signal.targets.first()?.price);
    (way > 0.0).then(|| Probability::new(from_stop(exit) / way))
}

/// The mean of a beta-binomial posterior.
fn shrink(hits: u32, n: u32, prior: f64, strength: f64) -> f64 {
    let weight = f64::from(n) + strength;
    if weight == 0.0 {
        prior
    } else {
        (f64::from(hits) + strength * prior) / weight
    }
}

/// The interval in which the rate behind `hits` of `n` lies with 95 %; `None` without any.
///
/// Wilson, "Probable inference, the law of succession, and statistical inference" (1927), with z = 1.96.
#[must_use]
pub fn wilson(hits: u32, n: u32) -> Option<(Probability, Probability)> {
    const Z: f64 = 1.96;
    if n == 0 {
        return None;
    }
    let (n, hits) = (f64::from(n), f64::from(hits));
    let (rate, z2) = (hits / n, Z * Z);
    let middle = rate + z2 / (2.0 * n);
    let half = Z * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let end = |value: f64| Probability::new(value / scale);
    Some((end(middle - half), end(middle + half)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(resolved: u32, hits: u32, offsets: &[f64]) -> Record {
        Record {
            resolved,
            hits,
            offsets: offsets.iter().copied().collect(),
        }
    }

    fn check(record: &Record, odds: Odds, expected: f64) {
        let shown = confidence(record, std::iter::once(record), odds, 40.0);
        assert_eq!(shown.to_f64(), expected);
    }

    #[test]
    fn the_interval_is_wilsons() {
        let check = |hits, n, low, high| {
            let expected = (Probability::new(low), Probability::new(high));
            assert_eq!(wilson(hits, n), Some(expected), "{hits} of {n}");
        };
        // As `binomtest(hits, n).proportion_ci(method="wilson")` of SciPy gives them.
        check(0, 10, 0.0, 0.2775);
        check(10, 10, 0.7225, 1.0);
        check(129, 212, 0.5414, 0.6717);
        assert_eq!(wilson(0, 0), None);
    }

    const EVEN: Odds = Odds {
        risk: 1.0,
        reward: 1.0,
        confirm: 0.05,
    };

    #[test]
    fn without_a_record_it_is_the_driftless_odds() {
        check(&record(0, 0, &[]), EVEN, 0.53); // 1.05 / 2, rounded
        check(
            &record(0, 0, &[]),
            Odds {
                reward: 2.0,
                ..EVEN
            },
            0.35,
        );
        check(&record(0, 0, &[0.3; 19]), EVEN, 0.53);
        check(&record(0, 0, &[0.3; 20]), EVEN, 0.65);
    }

    #[test]
    fn the_record_takes_over_slowly_and_never_reaches_certainty() {
        // p0 = (40 + 40 * 0.525) / 80 = 0.7625; p = (40 + 40 * 0.7625) / 80 = 0.88.
        check(&record(40, 40, &[]), EVEN, 0.88);
        check(&record(1_000_000, 1_000_000, &[]), EVEN, 0.99);
        check(&record(1_000_000, 0, &[]), EVEN, 0.01);
    }
}
