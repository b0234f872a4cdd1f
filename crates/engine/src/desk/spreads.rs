//! The current spread of an instrument.

use market::Price;
use serde::{Deserialize, Serialize};

/// The spreads of the last quotes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Spreads {
    last: [Price; Spreads::KEPT],
    count: usize,
}

impl Spreads {
    const KEPT: usize = 20;

    pub(crate) fn push(&mut self, spread: Price) {
        self.last[self.count % Self::KEPT] = spread;
        self.count += 1;
    }

    /// The current spread: the median of the last 20, the upper one of two.
    pub(crate) fn median(&self) -> Price {
        let kept = self.count.min(Self::KEPT);
        let mut sorted = self.last;
        sorted[..kept].sort_unstable();
        sorted.get(kept / 2).copied().unwrap_or_default()
    }
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
}
