//! The last prices of the latest trading days: from what changes are counted.

use market::{Price, SourceTime};
use serde::{Deserialize, Serialize};

/// Days that are remembered: the one that runs, the one before it, and two more for holidays and for what comes early.
const DAYS: usize = 4;

/// The last price of one trading day, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Close {
    /// The number of the trading day.
    pub day: i32,
    /// Stated by a source, and not the last quote that happened to come.
    pub official: bool,
    pub time: SourceTime,
    pub price: Price,
}

/// The closes of some days, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Closes(Vec<Close>);

impl Closes {
    /// Takes a close, unless a better one of its day is known: an official one, or a later one.
    pub(super) fn offer(&mut self, close: Close) {
        let place = self.0.partition_point(|known| known.day < close.day);
        match self.0.get_mut(place) {
            Some(known) if known.day == close.day => {
                if (close.official, close.time) > (known.official, known.time) {
                    *known = close;
                }
            }
            Some(_) | None => self.0.insert(place, close),
        }
        if self.0.len() > DAYS {
            self.0.remove(0);
        }
    }

    /// The last price before a trading day.
    pub(super) fn before(&self, day: i32) -> Option<Price> {
        let earlier = self.0.iter().rfind(|close| close.day < day)?;
        Some(earlier.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(day: i32, official: bool, second: i64, price: i64) -> Close {
        Close {
            day,
            official,
            time: SourceTime::from_secs(second),
            price: Price::from_units(price),
        }
    }

    #[test]
    fn the_best_of_each_day_is_kept_whatever_the_order() {
        let mut closes = Closes::default();
        for (told, expected) in [
            (close(7, false, 100, 1), Some(1)),
            (close(7, false, 90, 2), Some(1)),
            (close(7, false, 110, 3), Some(3)),
            (close(7, true, 80, 4), Some(4)),
            (close(7, false, 120, 5), Some(4)),
            (close(7, true, 80, 6), Some(4)),
            (close(6, true, 200, 7), Some(4)),
            (close(8, true, 300, 8), Some(4)),
        ] {
            closes.offer(told);
            assert_eq!(closes.before(8).map(Price::units), expected, "{told:?}");
        }
        assert_eq!(closes.before(9).map(Price::units), Some(8));
        assert_eq!(closes.before(7).map(Price::units), Some(7));
        assert_eq!(closes.before(6), None);
    }

    #[test]
    fn only_the_latest_days_are_kept() {
        let mut closes = Closes::default();
        (0..50).for_each(|day| closes.offer(close(day, false, 0, i64::from(day))));
        assert_eq!(closes.0.len(), DAYS);
        assert_eq!(closes.before(50).map(Price::units), Some(49));
        assert_eq!(closes.before(46), None);
    }
}
