//! The slow stochastic oscillator after Lane.

use super::window::{Extremes, Window};
use super::{Candle, Sma};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Stochastic(k, sk, sd): where the close stands between the lowest low and the highest high of the last k bars, 0 to 100, and
/// 0 where they are equal. K is the mean of the last sk of these, D that of the last sd Ks; both are told from bar
/// k + sk + sd - 3 on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stochastic {
    window: Window<Extremes>,
    slow_k: Sma,
    slow_d: Sma,
}

/// 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StochasticLines {
    pub k: f64,
    pub d: f64,
}

impl Stochastic {
    #[must_use]
    pub fn new(period: NonZeroU32, slow_k: NonZeroU32, slow_d: NonZeroU32) -> Self {
        Self {
            window: Window::new(period),
            slow_k: Sma::new(slow_k),
            slow_d: Sma::new(slow_d),
        }
    }

    /// Takes the next closed bar and returns both lines at it.
    pub fn update(&mut self, bar: &Candle) -> Option<StochasticLines> {
        let reach = self.window.update(Extremes::of(bar))?;
        let k = self.slow_k.update(100.0 * reach.place(bar.close()))?;
        let d = self.slow_d.update(k)?;
        Some(StochasticLines { k, d })
    }

    /// The lines if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<StochasticLines> {
        let reach = self.window.peek(Extremes::of(bar))?;
        let k = self.slow_k.peek(100.0 * reach.place(bar.close()))?;
        let d = self.slow_d.peek(k)?;
        Some(StochasticLines { k, d })
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, candles, check};
    use super::*;

    fn run(periods: [u32; 3], series: &[Candle]) -> [Vec<Option<f64>>; 2] {
        let [period, slow_k, slow_d] = periods.map(bars);
        let mut stochastic = Stochastic::new(period, slow_k, slow_d);
        let lines: Vec<_> = series.iter().map(|bar| stochastic.update(bar)).collect();
        let of = |part: fn(StochasticLines) -> f64| lines.iter().map(|at| at.map(part)).collect();
        [of(|at| at.k), of(|at| at.d)]
    }

    #[test]
    fn means_of_where_the_close_stands() {
        let series = candles(&[
            (10.0, 8.0, 9.0),
            // 8 to 12: 100.
            (12.0, 9.0, 12.0),
            // 9 to 12: 100 / 3. K = 200 / 3.
            (11.0, 10.0, 10.0),
            // 10 to 13: 200 / 3. K = 50, D = (200 / 3 + 50) / 2 = 175 / 3.
            (13.0, 11.0, 12.0),
        ]);
        let [k, d] = run([2, 2, 2], &series);
        check(k, &[None, None, None, Some(50.0)]);
        check(d, &[None, None, None, Some(175.0 / 3.0)]);
    }

    #[test]
    fn of_one_bar_it_is_the_closes_place_in_it() {
        let series = candles(&[(10.0, 8.0, 9.0), (12.0, 12.0, 12.0), (12.0, 8.0, 11.0)]);
        let [k, d] = run([1, 1, 1], &series);
        check(k.clone(), &[Some(50.0), Some(0.0), Some(75.0)]);
        check(d, &k);
    }
}
