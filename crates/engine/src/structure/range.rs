//! The dealing range: between the extremes that price has made since the latest major swing high and low. What lies in its
//! lower half is cheap (discount), in its upper half dear (premium).

use super::BarIndex;
use super::swings::Swing;
use crate::rules::Rules;
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};

/// The highest high since the latest major swing high, that one included, and the lowest low since the latest swing low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DealingRange {
    high: Option<Extreme>,
    low: Option<Extreme>,
}

/// A price and its bar, the first one on ties.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Extreme {
    price: Price,
    bar: BarIndex,
}

impl DealingRange {
    /// Takes closed bar `t`.
    pub(crate) fn update(&mut self, t: BarIndex, bar: &Ohlc) {
        let at = |price| Extreme { price, bar: t };
        if let Some(high) = &mut self.high
            && bar.high > high.price
        {
            *high = at(bar.high);
        }
        if let Some(low) = &mut self.low
            && bar.low < low.price
        {
            *low = at(bar.low);
        }
    }

    /// A major swing is known now: no bar since it lies beyond it.
    pub(crate) fn confirm(&mut self, swing: &Swing) {
        let extreme = Some(Extreme {
            price: swing.level,
            bar: swing.bar,
        });
        match swing.side {
            Direction::Long => self.high = extreme,
            Direction::Short => self.low = extreme,
        }
    }

    /// Its high and low; `None` before both are known, and where they have crossed.
    #[must_use]
    pub fn ends(&self) -> Option<(Price, Price)> {
        let (high, low) = (self.high?.price, self.low?.price);
        (high > low).then_some((high, low))
    }

    /// How far a price lies from the end that a trade of this direction comes from: 0 at the low for a long, 1 at the high;
    /// the other way round for a short. Outside of [0, 1] beyond the ends.
    #[must_use]
    pub fn place(&self, direction: Direction, price: Price) -> Option<f64> {
        let (high, low) = self.ends()?;
        let from = match direction {
            Direction::Long => price - low,
            Direction::Short => high - price,
        };
        // Of the integers, so that no rounding moves an edge.
        Some(from.units() as f64 / (high - low).units() as f64)
    }

    /// Whether a price is cheap for a long (discount), or dear for a short (premium).
    #[must_use]
    pub fn favours(&self, direction: Direction, price: Price, rules: &Rules) -> bool {
        let place = self.place(direction, price);
        place.is_some_and(|place| place < 0.5 - rules.pd_dead)
    }

    /// How much of its last leg price has given back, for a trade in the direction of that leg; `None` where the last leg went
    /// the other way.
    #[must_use]
    pub fn retraced(&self, direction: Direction, price: Price) -> Option<f64> {
        let (high, low) = (self.high?, self.low?);
        let last_leg_is_ours = match direction {
            Direction::Long => low.bar < high.bar,
            Direction::Short => high.bar < low.bar,
        };
        let place = self.place(direction.opposite(), price)?;
        last_leg_is_ours.then_some(place)
    }

    /// Whether a price has come back into the optimal trade entry of the last leg.
    #[must_use]
    pub fn is_ote(&self, direction: Direction, price: Price, rules: &Rules) -> bool {
        let retraced = self.retraced(direction, price);
        retraced.is_some_and(|part| (rules.ote_lo..=rules.ote_hi).contains(&part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swing(side: Direction, level: i64, bar: BarIndex) -> Swing {
        Swing {
            side,
            level: Price::from_units(level),
            bar,
        }
    }

    fn bar(high: i64, low: i64) -> Ohlc {
        let [high, low] = [high, low].map(Price::from_units);
        Ohlc {
            open: low,
            high,
            low,
            close: high,
        }
    }

    fn price(units: i64) -> Price {
        Price::from_units(units)
    }

    /// A low of 100 at bar 3, a high of 200 at bar 9.
    fn up() -> DealingRange {
        let mut range = DealingRange::default();
        range.confirm(&swing(Direction::Short, 100, 3));
        range.confirm(&swing(Direction::Long, 200, 9));
        range
    }

    #[test]
    fn it_needs_both_ends_in_their_order() {
        let mut range = DealingRange::default();
        range.confirm(&swing(Direction::Long, 200, 9));
        assert_eq!(range.place(Direction::Long, price(150)), None);
        range.confirm(&swing(Direction::Short, 200, 12));
        assert_eq!(range.ends(), None);
        range.confirm(&swing(Direction::Short, 199, 12));
        assert_eq!(range.ends(), Some((price(200), price(199))));
    }

    #[test]
    fn it_grows_with_price_and_begins_again_with_a_swing() {
        let mut range = up();
        range.update(30, &bar(260, 150));
        range.update(31, &bar(260, 90));
        assert_eq!(range.ends(), Some((price(260), price(90))));
        // The low came after the high: no leg up ends here.
        assert_eq!(range.retraced(Direction::Long, price(100)), None);
        range.confirm(&swing(Direction::Long, 220, 34));
        assert_eq!(range.ends(), Some((price(220), price(90))));
    }

    #[test]
    fn half_of_it_is_cheap() {
        let (range, rules) = (up(), Rules::default());
        for (units, long, short) in [(149, true, false), (150, false, false), (151, false, true)] {
            assert_eq!(range.favours(Direction::Long, price(units), &rules), long);
            assert_eq!(range.favours(Direction::Short, price(units), &rules), short);
        }
        let dead = Rules {
            pd_dead: 0.1,
            ..rules
        };
        assert!(!range.favours(Direction::Long, price(140), &dead));
        assert!(range.favours(Direction::Long, price(139), &dead));
        assert!(range.favours(Direction::Short, price(161), &dead));
    }

    #[test]
    fn an_entry_is_optimal_after_a_deep_retracement() {
        let (range, rules) = (up(), Rules::default());
        // 200 - 0.62 * 100 = 138 and 200 - 0.79 * 100 = 121.
        for (units, is) in [(139, false), (138, true), (121, true), (120, false)] {
            assert_eq!(
                range.is_ote(Direction::Long, price(units), &rules),
                is,
                "{units}"
            );
            assert!(!range.is_ote(Direction::Short, price(units), &rules));
        }
        let mut down = DealingRange::default();
        down.confirm(&swing(Direction::Long, 200, 3));
        down.confirm(&swing(Direction::Short, 100, 9));
        for (units, is) in [(161, false), (162, true), (179, true), (180, false)] {
            assert_eq!(
                down.is_ote(Direction::Short, price(units), &rules),
                is,
                "{units}"
            );
        }
    }
}
