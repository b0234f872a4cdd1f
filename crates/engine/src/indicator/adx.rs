//! Directional movement after Wilder, "New Concepts in Technical Trading Systems" (1978), with TA-Lib's sums.

use super::window::ratio;
use super::{Candle, Wilder};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// +DI(n), -DI(n) and ADX(n).
///
/// Each bar after the first has a true range and movements: up is the high less the one before, down is the low before less
/// this one; the greater of them counts, if it is above 0, and neither if they are equal. Each is summed plainly over bars 1
/// to n - 1, then `S = S - S / n + x`. From bar n on +DI is `100 S(+DM) / S(TR)`, and 0 where S(TR) is 0; DX is
/// `100 |+DI - -DI| / (+DI + -DI)`, and 0 where that sum is 0; ADX, Wilder's average of n DX, begins at bar 2n - 1.
///
/// Movements are compared as floating-point numbers, as TA-Lib does: where both are a few ticks, rounding alone may say which
/// is greater. Over recorded EURUSD, exact comparisons are up to 0.35 off TA-Lib's +DI; and where a source writes
/// 158599.99999999997 for 158600, taking the latter is up to 1.4 off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adx {
    period: NonZeroU32,
    previous: Option<Candle>,
    /// Bars in the sums, up to n.
    moves: u32,
    sums: Movement,
    strength: Wilder,
}

/// 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DirectionalMovement {
    pub plus_di: f64,
    pub minus_di: f64,
    /// Begins n - 1 bars later than the others.
    pub adx: Option<f64>,
}

impl Adx {
    #[must_use]
    pub fn new(period: NonZeroU32) -> Self {
        Self {
            period,
            previous: None,
            moves: 0,
            sums: Movement::default(),
            strength: Wilder::new(period),
        }
    }

    /// Takes the next closed bar and returns the values at it.
    pub fn update(&mut self, bar: &Candle) -> Option<DirectionalMovement> {
        let moved = Movement::between(&self.previous.replace(*bar)?, bar);
        let n = self.period.get();
        if self.moves + 1 < n {
            self.moves += 1;
            self.sums = self.sums.add(&moved, |sum, x| sum + x);
            return None;
        }
        let n = f64::from(n);
        self.sums = self.sums.add(&moved, |sum, x| sum - sum / n + x);
        let plus_di = 100.0 * ratio(self.sums.plus, self.sums.range);
        let minus_di = 100.0 * ratio(self.sums.minus, self.sums.range);
        let dx = 100.0 * ratio((plus_di - minus_di).abs(), plus_di + minus_di);
        Some(DirectionalMovement {
            plus_di,
            minus_di,
            adx: self.strength.update(dx),
        })
    }

    /// The values if `bar` closed as it is.
    #[must_use]
    pub fn peek(&self, bar: &Candle) -> Option<DirectionalMovement> {
        self.clone().update(bar)
    }
}

/// How far one bar went from the one before, or sums of that.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Movement {
    range: f64,
    plus: f64,
    minus: f64,
}

impl Movement {
    fn between(before: &Candle, bar: &Candle) -> Self {
        let (up, down) = (bar.high() - before.high(), before.low() - bar.low());
        let greater = |x: f64, other: f64| if x > other && x > 0.0 { x } else { 0.0 };
        Self {
            range: bar.true_range(before.close()),
            plus: greater(up, down),
            minus: greater(down, up),
        }
    }

    fn add(&self, moved: &Self, sum: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            range: sum(self.range, moved.range),
            plus: sum(self.plus, moved.plus),
            minus: sum(self.minus, moved.minus),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::{bars, candles, check};
    use super::*;

    fn run(period: u32, series: &[Candle]) -> [Vec<Option<f64>>; 3] {
        let mut adx = Adx::new(bars(period));
        let all: Vec<_> = series.iter().map(|bar| adx.update(bar)).collect();
        let of = |part: fn(DirectionalMovement) -> f64| all.iter().map(|at| at.map(part)).collect();
        let strength = all.iter().map(|at| at.and_then(|at| at.adx)).collect();
        [of(|at| at.plus_di), of(|at| at.minus_di), strength]
    }

    #[test]
    fn sums_that_lose_a_part_at_each_bar() {
        let series = candles(&[
            (10.0, 8.0, 9.0),
            // Up 2, down -1, range 12 - 9. Sums: range 3, plus 2, minus 0.
            (12.0, 9.0, 11.0),
            // Up -1, down 2, range 11 - 7. Sums: 3 / 2 + 4 = 5.5, 2 / 2 = 1, 2. DX = 100 (2 - 1) / (2 + 1).
            (11.0, 7.0, 8.0),
            // Up 2, down -1, range 13 - 8. Sums: 5.5 / 2 + 5 = 7.75, 1 / 2 + 2 = 2.5, 2 / 2 = 1. DX = 100 * 1.5 / 3.5.
            (13.0, 8.0, 12.0),
            // Up 1, down 1: neither. Range 14 - 7. Sums: 7.75 / 2 + 7 = 10.875, 1.25, 0.5. DX = 100 * 0.75 / 1.75.
            (14.0, 7.0, 10.0),
        ]);
        let [plus, minus, adx] = run(2, &series);
        let (at_2, at_3, at_4) = (100.0 / 5.5, 250.0 / 7.75, 125.0 / 10.875);
        check(plus, &[None, None, Some(at_2), Some(at_3), Some(at_4)]);
        let (at_2, at_3, at_4) = (200.0 / 5.5, 100.0 / 7.75, 50.0 / 10.875);
        check(minus, &[None, None, Some(at_2), Some(at_3), Some(at_4)]);
        // The mean of the first two DX; then half of it and half of the third.
        let seed = (100.0 / 3.0 + 150.0 / 3.5) / 2.0;
        let at_4 = (seed + 75.0 / 1.75) / 2.0;
        check(adx, &[None, None, None, Some(seed), Some(at_4)]);
    }

    #[test]
    fn of_one_bar_the_sums_are_its_own() {
        let series = candles(&[(10.0, 8.0, 9.0), (12.0, 9.0, 11.0), (12.0, 9.0, 11.0)]);
        let [plus, minus, adx] = run(1, &series);
        check(plus, &[None, Some(200.0 / 3.0), Some(0.0)]);
        check(minus, &[None, Some(0.0), Some(0.0)]);
        check(adx, &[None, Some(100.0), Some(0.0)]);
    }

    /// Up is 0.3 - 0.2, which rounds to a little less than down, 0.2 - 0.1.
    #[test]
    fn movements_that_only_rounding_tells_apart_are_told_apart() {
        let [plus, minus, _] = run(1, &candles(&[(0.2, 0.2, 0.2), (0.3, 0.1, 0.2)]));
        check(plus, &[None, Some(0.0)]);
        check(minus, &[None, Some(50.0)]);
    }
}
