//! Moving average convergence and divergence after Appel, seeded as TA-Lib does.

use super::{Candle, Ema};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// MACD(f, s, g): the line is EMA(f) - EMA(s) of the closes, the signal EMA(g) of the line, the histogram their difference.
///
/// Both averages begin at bar s - 1: the fast one is seeded by the f bars that end there, and not by the first f. All
/// three are told from bar s + g - 2 on. Of two periods in the wrong order the shorter one is the fast one, as in TA-Lib.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Macd {
    /// Bars that the slow average takes before the fast one begins.
    head_start: u32,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

/// In price units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdLines {
    pub line: f64,
    pub signal: f64,
    pub histogram: f64,
}

impl Macd {
    #[must_use]
    pub fn new(fast: NonZeroU32, slow: NonZeroU32, signal: NonZeroU32) -> Self {
        let (fast, slow) = (fast.min(slow), fast.max(slow));
        Self {
            head_start: slow.get() - fast.get(),
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            signal: Ema::new(signal),
        }
    }

    /// Takes the next closed bar and returns the three lines at it.
    pub fn update(&mut self, bar: &Candle) -> Option<MacdLines> {
        let slow = self.slow.update(bar.close());
        if self.head_start > 0 {
            self.head_start -= 1;
            return None;
        }
        let line = self.fast.update(bar.close())? - slow?;
        let signal = self.signal.update(line)?;
        Some(MacdLines {
            line,
            signal,
            histogram: line - signal,
        })
    }

    /// The lines if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<MacdLines> {
        self.clone().update(bar)
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, check, closes};
    use super::*;

    fn run(periods: [u32; 3], prices: &[f64]) -> [Vec<Option<f64>>; 3] {
        let [fast, slow, signal] = periods.map(bars);
        let mut macd = Macd::new(fast, slow, signal);
        let lines: Vec<_> = closes(prices).iter().map(|bar| macd.update(bar)).collect();
        let of = |part: fn(MacdLines) -> f64| lines.iter().map(|at| at.map(part)).collect();
        [of(|at| at.line), of(|at| at.signal), of(|at| at.histogram)]
    }

    #[test]
    fn all_three_begin_together() {
        // EMA(1) is the close. EMA(2), k = 2 / 3: 3 at bar 1; 3 + 2/3 (5 - 3) = 13/3; 13/3 + 2/3 (9 - 13/3) = 67/9.
        // Lines: 1; 5 - 13/3 = 2/3; 9 - 67/9 = 14/9. Signals: (1 + 2/3) / 2 = 5/6; 5/6 + 2/3 (14/9 - 5/6) = 71/54.
        let [line, signal, histogram] = run([1, 2, 2], &[2.0, 4.0, 5.0, 9.0]);
        check(line, &[None, None, Some(2.0 / 3.0), Some(14.0 / 9.0)]);
        check(signal, &[None, None, Some(5.0 / 6.0), Some(71.0 / 54.0)]);
        check(
            histogram,
            &[None, None, Some(-1.0 / 6.0), Some(13.0 / 54.0)],
        );
    }

    #[test]
    fn the_fast_average_is_seeded_where_the_slow_one_is() {
        // At bar 2: (5 + 7) / 2 - (1 + 5 + 7) / 3 = 5/3. At bar 3: 6 + 2/3 (4 - 6) = 14/3; 13/3 + 1/2 (4 - 13/3) = 25/6.
        let [line, signal, histogram] = run([2, 3, 1], &[1.0, 5.0, 7.0, 4.0]);
        check(line.clone(), &[None, None, Some(5.0 / 3.0), Some(0.5)]);
        check(signal, &line);
        check(histogram, &[None, None, Some(0.0), Some(0.0)]);
    }

    #[test]
    fn the_shorter_period_is_the_fast_one() {
        let prices = [1.0, 5.0, 7.0, 4.0, 3.0];
        assert_eq!(run([3, 2, 2], &prices), run([2, 3, 2], &prices));
        let [line, _, _] = run([2, 2, 1], &prices);
        check(line, &[None, Some(0.0), Some(0.0), Some(0.0), Some(0.0)]);
    }
}
