//! The last n bars summed up without ever subtracting, so that nothing drifts.
//!
//! Running sums that take the oldest bar out again keep what rounding left of it. In a market that stands still after it has
//! moved, nothing but that is left: Bollinger's bands at a price of 40,000 were 7e-6 wide by running sums of `x - x0`, where
//! all twenty closes were equal. So summaries are only ever joined, in two stacks: the newer bars as they came, with
//! their summary so far; and of each older bar the summary of it and all older bars after it. The oldest leaves by a pop;
//! when there are no older ones, the newer become older, once in n bars. That is one algorithm for means, deviations and extremes.

use super::Candle;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// What is known of some successive bars.
pub(super) trait Summary: Copy {
    /// Of these and the `later` ones, which follow them.
    fn then(self, later: Self) -> Self;
}

/// The last `length` bars. As many summaries are kept; a bar costs three joins on average.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Window<S> {
    length: NonZeroU32,
    /// Each of one bar, oldest first.
    newer: Vec<S>,
    /// Of all the newer.
    newer_whole: Option<S>,
    /// Each of one bar and all older ones after it; the oldest bar's is the last.
    older: Vec<S>,
}

impl<S: Summary> Window<S> {
    pub(super) fn new(length: NonZeroU32) -> Self {
        Self {
            length,
            newer: Vec::new(),
            newer_whole: None,
            older: Vec::new(),
        }
    }

    /// Takes the next bar and returns the summary of the last `length`, once there are so many.
    pub(super) fn update(&mut self, bar: S) -> Option<S> {
        let whole = self.peek(bar);
        // Full windows have an older bar: as soon as one is full, all its bars become older.
        self.older.pop();
        self.newer_whole = Some(join(self.newer_whole, bar));
        self.newer.push(bar);
        if whole.is_some() && self.older.is_empty() {
            self.age();
        }
        whole
    }

    /// The summary if `bar` came next.
    pub(super) fn peek(&self, bar: S) -> Option<S> {
        let newer = join(self.newer_whole, bar);
        // Without its oldest bar, which leaves.
        let older = self.older.len().saturating_sub(1);
        let full = older + self.newer.len() + 1 == self.length.get() as usize;
        full.then(|| match self.older[..older].last() {
            Some(older) => older.then(newer),
            None => newer,
        })
    }

    fn age(&mut self) {
        let mut after = None;
        for bar in self.newer.drain(..).rev() {
            let whole = match after {
                Some(after) => bar.then(after),
                None => bar,
            };
            self.older.push(whole);
            after = Some(whole);
        }
        self.newer_whole = None;
    }
}

fn join<S: Summary>(earlier: Option<S>, bar: S) -> S {
    earlier.map_or(bar, |earlier| earlier.then(bar))
}

/// The highest high and the lowest low.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Extremes {
    pub(super) high: f64,
    pub(super) low: f64,
}

impl Extremes {
    pub(super) fn of(bar: &Candle) -> Self {
        Self {
            high: bar.high(),
            low: bar.low(),
        }
    }

    /// How far `x` is from the low to the high: 0 to 1, and 0 where they are equal.
    pub(super) fn place(&self, x: f64) -> f64 {
        ratio(x - self.low, self.high - self.low)
    }
}

impl Summary for Extremes {
    fn then(self, later: Self) -> Self {
        Self {
            high: self.high.max(later.high),
            low: self.low.min(later.low),
        }
    }
}

/// How many numbers there are, their mean, and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Moments {
    count: u32,
    pub(super) mean: f64,
    squares: f64,
}

impl Moments {
    pub(super) fn of(x: f64) -> Self {
        Self {
            count: 1,
            mean: x,
            squares: 0.0,
        }
    }

    /// Of the population: the squares divided by the count.
    pub(super) fn deviation(&self) -> f64 {
        (self.squares / f64::from(self.count)).sqrt()
    }
}

/// Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances" (1979).
impl Summary for Moments {
    fn then(self, later: Self) -> Self {
        let count = self.count + later.count;
        let share = f64::from(later.count) / f64::from(count);
        let apart = later.mean - self.mean;
        Self {
            count,
            mean: self.mean + apart * share,
            squares: self.squares + later.squares + apart * apart * f64::from(self.count) * share,
        }
    }
}

/// TA-Lib's answer to a division by zero is 0.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::super::check::bars;
    use super::*;
    use proptest::prelude::*;

    /// The numbers themselves, in order.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct From {
        first: u32,
        last: u32,
    }

    impl Summary for From {
        fn then(self, later: Self) -> Self {
            assert_eq!(self.last + 1, later.first);
            Self {
                first: self.first,
                last: later.last,
            }
        }
    }

    proptest! {
        #[test]
        fn holds_the_last_bars_in_order_and_no_others(length in 1_u32..40, count in 0_u32..200) {
            let mut window = Window::new(bars(length));
            for place in 0..count {
                let bar = From { first: place, last: place };
                let whole = (place + 1 >= length).then(|| From { first: place + 1 - length, last: place });
                prop_assert_eq!(window.peek(bar), whole);
                prop_assert_eq!(window.update(bar), whole);
                prop_assert!(window.newer.len() + window.older.len() <= length as usize);
            }
        }

        #[test]
        fn moments_are_those_of_the_numbers(xs in proptest::collection::vec(-1e3_f64..1e3, 1..50)) {
            let joined = xs.iter().map(|&x| Moments::of(x)).reduce(Moments::then).unwrap();
            let n = xs.len() as f64;
            let mean = xs.iter().sum::<f64>() / n;
            let variance = xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
            prop_assert!((joined.mean - mean).abs() < 1e-11);
            prop_assert!((joined.deviation() - variance.sqrt()).abs() < 1e-10);
        }
    }
}
