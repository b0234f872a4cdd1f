//! Whether two series move together: the correlation of their returns over a window, the same at every step however long it
//! has run.

use market::Price;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Pearson's correlation of the logarithmic returns of the last `window` bars.
///
/// Returns are kept as whole units of 1e-12: their sums are exact, so what leaves the window takes away just what it had
/// brought, and nothing drifts. A bar costs the same whatever the window. The logarithm comes from a crate, since the
/// platforms' own differ in their last bits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Correlation {
    window: usize,
    closes: Option<[f64; 2]>,
    returns: VecDeque<[i64; 2]>,
    sums: Sums,
}

/// Of the returns in the window: each, each with itself, one with the other. A return is below 45 (the range of a price),
/// so that a window of 100,000 bars stays far inside these numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sums {
    one: i128,
    other: i128,
    one_squared: i128,
    other_squared: i128,
    product: i128,
}

/// Units of a return in 1.
const UNITS: f64 = 1e12;

impl Correlation {
    pub(crate) fn new(window: u32) -> Self {
        Self {
            window: window as usize,
            closes: None,
            returns: VecDeque::new(),
            sums: Sums::default(),
        }
    }

    /// Takes the closes of the next bar. A price that is not above zero has no return: the window begins anew after it.
    pub(crate) fn update(&mut self, closes: [Price; 2]) {
        if !closes.iter().all(|close| close.is_positive()) {
            *self = Self::new(self.window as u32);
            return;
        }
        let closes = closes.map(Price::to_f64);
        if let Some(before) = self.closes.replace(closes) {
            let units =
                |place: usize| (libm::log(closes[place] / before[place]) * UNITS).round() as i64;
            self.push([units(0), units(1)]);
        }
    }

    fn push(&mut self, returns: [i64; 2]) {
        self.returns.push_back(returns);
        self.sums.add(returns, 1);
        if self.returns.len() > self.window
            && let Some(oldest) = self.returns.pop_front()
        {
            self.sums.add(oldest, -1);
        }
    }

    /// None before the window is full, and while one of the two does not move.
    pub(crate) fn value(&self) -> Option<f64> {
        if self.returns.len() < self.window {
            return None;
        }
        let (n, sums) = (self.window as i128, &self.sums);
        let one = n * sums.one_squared - sums.one * sums.one;
        let other = n * sums.other_squared - sums.other * sums.other;
        let both = n * sums.product - sums.one * sums.other;
        (one > 0 && other > 0).then(|| both as f64 / (one as f64 * other as f64).sqrt())
    }
}

impl Sums {
    fn add(&mut self, returns: [i64; 2], sign: i128) {
        let [one, other] = returns.map(i128::from);
        self.one += sign * one;
        self.other += sign * other;
        self.one_squared += sign * one * one;
        self.other_squared += sign * other * other;
        self.product += sign * one * other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two walks with a part in common, from a generator of Knuth's (MMIX).
    fn closes(count: usize) -> Vec<[Price; 2]> {
        let mut seed = 7_u64;
        let mut step = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 53) as i64 - 1024
        };
        let (mut one, mut other) = (1_085_000_000, 40_000_000_000_000);
        let mut closes = Vec::new();
        for _ in 0..count {
            let common = step();
            one += (common + step()) * 100;
            other += (common + step()) * 4_000_000;
            closes.push([Price::from_units(one), Price::from_units(other)]);
        }
        closes
    }

    /// From the definition.
    fn plain(closes: &[[Price; 2]]) -> f64 {
        let returns = |place: usize| -> Vec<f64> {
            let pairs = closes.windows(2);
            pairs
                .map(|pair| (pair[1][place].to_f64() / pair[0][place].to_f64()).ln())
                .collect()
        };
        let centred = |returns: Vec<f64>| -> Vec<f64> {
            let mean = returns.iter().sum::<f64>() / returns.len() as f64;
            returns.iter().map(|x| x - mean).collect()
        };
        let (one, other) = (centred(returns(0)), centred(returns(1)));
        let sum = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
        sum(&one, &other) / (sum(&one, &one) * sum(&other, &other)).sqrt()
    }

    #[test]
    fn the_window_is_that_of_the_definition_at_every_bar() {
        let (closes, window) = (closes(3000), 50);
        let mut correlation = Correlation::new(window);
        for (t, pair) in closes.iter().enumerate() {
            correlation.update(*pair);
            let expected = t
                .checked_sub(window as usize)
                .map(|first| plain(&closes[first..=t]));
            match (correlation.value(), expected) {
                (None, None) => {}
                (Some(ours), Some(theirs)) => {
                    assert!((ours - theirs).abs() < 1e-7, "bar {t}: {ours} {theirs}");
                }
                (ours, theirs) => panic!("bar {t}: {ours:?} {theirs:?}"),
            }
        }
    }

    #[test]
    fn what_has_left_the_window_leaves_no_trace() {
        let closes = closes(200_000);
        let mut long = Correlation::new(20);
        closes.iter().for_each(|pair| long.update(*pair));
        let mut short = Correlation::new(20);
        closes[closes.len() - 21..]
            .iter()
            .for_each(|pair| short.update(*pair));
        assert_eq!(long.sums, short.sums);
        assert_eq!(long.value(), short.value());
    }

    #[test]
    fn a_price_that_stands_or_has_no_logarithm_has_no_correlation() {
        let price = Price::from_units;
        let mut correlation = Correlation::new(3);
        for units in [1, 2, 4, 2] {
            correlation.update([price(units), price(5)]);
        }
        assert_eq!(correlation.value(), None);
        for units in [4, 1, 3, 2] {
            correlation.update([price(units), price(units)]);
        }
        assert_eq!(correlation.value(), Some(1.0));
        correlation.update([price(0), price(3)]);
        for units in [4, 1, 3] {
            correlation.update([price(units), price(units)]);
            assert_eq!(correlation.value(), None);
        }
    }
}
