//! The spread of an instrument: now, and as it usually is.

use market::Price;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The spreads of the last quotes, and those of the last day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spreads {
    last: [Price; Spreads::KEPT],
    count: usize,
    /// The current spread at the end of each five minutes that had prices, oldest first.
    day: VecDeque<Price>,
}

impl Spreads {
    const KEPT: usize = 20;
    /// Five minutes of a day.
    const DAY: usize = 288;
    /// Less than an hour says nothing of what is usual.
    const LEAST: usize = 12;

    pub(crate) fn push(&mut self, spread: Price) {
        self.last[self.count % Self::KEPT] = spread;
        self.count += 1;
    }

    /// The current spread: the median of the last 20, the upper one of two.
    pub(crate) fn median(&self) -> Price {
        let kept = self.count.min(Self::KEPT);
        middle(&mut { self.last }[..kept]).unwrap_or_default()
    }

    /// Five minutes are over.
    pub(crate) fn keep(&mut self) {
        if self.day.len() == Self::DAY {
            self.day.pop_front();
        }
        self.day.push_back(self.median());
    }

    /// What was usual is so no more.
    pub(crate) fn forget_day(&mut self) {
        self.day.clear();
    }

    /// The median of the last 24 hours of bars, the upper one of two; `None` while too little is known.
    pub(crate) fn usual(&self) -> Option<Price> {
        if self.day.len() < Self::LEAST {
            return None;
        }
        let mut day: Vec<Price> = self.day.iter().copied().collect();
        middle(&mut day)
    }
}

/// The median, the upper one of two. To sort them all for it would take several times as long.
fn middle(prices: &mut [Price]) -> Option<Price> {
    let middle = prices.len() / 2;
    let upper = (!prices.is_empty()).then(|| prices.select_nth_unstable(middle).1);
    upper.copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_current_spread_is_the_median_of_the_last_twenty() {
        let median = |spreads: &[i64]| {
            let mut kept = Spreads::default();
            for spread in spreads {
                kept.push(Price::from_units(*spread));
            }
            kept.median().units()
        };
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[1, 9, 5, 3]), 5);
        // Of ten and ten it is the upper one.
        let later = |count| [vec![1; 30], vec![9; count]].concat();
        assert_eq!((median(&later(9)), median(&later(10))), (1, 9));
    }

    #[test]
    fn the_usual_spread_is_the_median_of_a_day() {
        let mut kept = Spreads::default();
        let mut hours = |spread: i64, fives: usize| {
            for _ in 0..fives {
                (0..20).for_each(|_| kept.push(Price::from_units(spread)));
                kept.keep();
            }
            kept.usual().map(Price::units)
        };
        assert_eq!(hours(9, 11), None);
        assert_eq!(hours(9, 1), Some(9));
        assert_eq!(hours(1, 276), Some(1));
        assert_eq!(hours(5, 143), Some(1));
        assert_eq!(hours(5, 1), Some(5));
        kept.forget_day();
        assert_eq!(kept.usual(), None);
    }
}
