//! How symbols move together: exponentially weighted correlations of the log returns of hourly bars that both have (with
//! a mean of zero, as in J.P. Morgan/Reuters, *RiskMetrics Technical Document*, 1996, section 5).

use super::Limits;
use market::{Bar, SourceTime, Symbol};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fewer returns than this say nothing: about two days.
const LEAST: u32 = 48;

/// The correlations of all pairs of symbols.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Correlations {
    last: BTreeMap<Symbol, Last>,
    /// By two symbols in their order.
    pairs: BTreeMap<(Symbol, Symbol), Moments>,
}

/// The newest hourly bar of a symbol.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Last {
    open_time: SourceTime,
    close: f64,
    /// From the bar before; `None` for the first one, and for one that was not wholly seen.
    gained: Option<f64>,
}

/// Weighted means of the squares and of the product of two symbols' returns.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Moments {
    xx: f64,
    yy: f64,
    xy: f64,
    count: u32,
}

impl Moments {
    fn take(&mut self, x: f64, y: f64, keep: f64) {
        let mix = |old: f64, new: f64| keep * old + (1.0 - keep) * new;
        self.xx = mix(self.xx, x * x);
        self.yy = mix(self.yy, y * y);
        self.xy = mix(self.xy, x * y);
        self.count += 1;
    }

    fn correlation(&self) -> Option<f64> {
        let scale = (self.xx * self.yy).sqrt();
        (self.count >= LEAST && scale > 0.0).then(|| (self.xy / scale).clamp(-1.0, 1.0))
    }
}

impl Correlations {
    /// Takes a closed hourly bar.
    pub(crate) fn close(&mut self, symbol: Symbol, bar: &Bar, limits: &Limits) {
        let close = bar.price.close.to_f64();
        let before = self.last.get(&symbol);
        let gained = before
            .filter(|before| !bar.holed && close > 0.0 && before.close > 0.0)
            .map(|before| (close / before.close).ln());
        let open_time = bar.open_time;
        let last = Last {
            open_time,
            close,
            gained,
        };
        self.last.insert(symbol, last);
        let Some(gained) = gained else { return };
        let keep = 0.5_f64.powf(1.0 / (24.0 * f64::from(limits.corr_halflife_d)));
        // The later of two symbols finds the other's bar of the same hour.
        for (other, last) in &self.last {
            let Some(theirs) = last.gained.filter(|_| last.open_time == open_time) else {
                continue;
            };
            if *other < symbol {
                let moments = self.pairs.entry((*other, symbol)).or_default();
                moments.take(theirs, gained, keep);
            } else if *other > symbol {
                let moments = self.pairs.entry((symbol, *other)).or_default();
                moments.take(gained, theirs, keep);
            }
        }
    }

    /// From -1 to 1; what is not known yet is 0, and within a group never less than its floor.
    pub(crate) fn between(&self, one: Symbol, other: Symbol, limits: &Limits) -> f64 {
        if one == other {
            return 1.0;
        }
        let pair = (one.min(other), one.max(other));
        let known = self.pairs.get(&pair).and_then(Moments::correlation);
        let known = known.unwrap_or(0.0);
        if limits.are_grouped(one, other) {
            known.max(limits.corr_floor)
        } else {
            known
        }
    }

    /// Forgets the symbols that are gone.
    pub(crate) fn keep(&mut self, has: impl Fn(Symbol) -> bool) {
        self.last.retain(|symbol, _| has(*symbol));
        self.pairs
            .retain(|(one, other), _| has(*one) && has(*other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{Ohlc, Price, Span};

    fn symbol(name: &str) -> Symbol {
        Symbol::new(name).unwrap()
    }

    fn bar(hour: usize, close: f64, holed: bool) -> Bar {
        let open_time = SourceTime::from_secs(hour as i64 * 3600);
        let price = Price::from_f64(close).unwrap();
        Bar {
            open_time,
            end_time: open_time + Span::from_hours(1),
            price: Ohlc {
                open: price,
                high: price,
                low: price,
                close: price,
            },
            ticks: 1,
            holed,
        }
    }

    /// Returns of two symbols, as far as an engine would hear them, against the definition written out: with weights
    /// `0.5^(age / 120 bars)` of all returns.
    #[test]
    fn it_is_the_weighted_sum_written_out() {
        let limits = Limits::default();
        let (one, other) = (symbol("AAAUSD"), symbol("BBBUSD"));
        let mut known = Correlations::default();
        let closes: Vec<(f64, f64)> = (0..200)
            .map(|hour| {
                let turn = f64::from(hour) * 0.7;
                (1.0 + 0.01 * turn.sin(), 2.0 + 0.02 * (turn + 0.5).sin())
            })
            .collect();
        for (hour, (a, b)) in closes.iter().enumerate() {
            // Who closes first does not matter.
            let mut order = [(one, *a), (other, *b)];
            if hour % 2 == 0 {
                order.reverse();
            }
            for (symbol, close) in order {
                known.close(symbol, &bar(hour, close, false), &limits);
            }
        }
        let gains = closes
            .windows(2)
            .map(|two| ((two[1].0 / two[0].0).ln(), (two[1].1 / two[0].1).ln()));
        let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
        for (age, (x, y)) in gains.rev().enumerate() {
            let weight = 0.5_f64.powf(age as f64 / 120.0);
            xx += weight * x * x;
            yy += weight * y * y;
            xy += weight * x * y;
        }
        let expected = xy / (xx * yy).sqrt();
        let found = known.between(other, one, &limits);
        assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
        assert!((0.8..0.95).contains(&found), "{found}");
    }

    #[test]
    fn little_is_nothing_and_a_group_has_a_floor() {
        let limits = Limits::default();
        let (euro, pound, yen) = (symbol("EURUSD"), symbol("GBPUSD"), symbol("USDJPY"));
        let mut known = Correlations::default();
        let zigzag = |hour: usize| 1.0 + 0.01 * (hour % 2) as f64;
        for hour in 0..=LEAST as usize {
            assert_eq!(known.between(euro, yen, &limits), 0.0);
            assert_eq!(known.between(euro, pound, &limits), 0.5);
            known.close(euro, &bar(hour, zigzag(hour), false), &limits);
            known.close(yen, &bar(hour, zigzag(hour + 1), false), &limits);
            known.close(pound, &bar(hour, zigzag(hour + 1), false), &limits);
        }
        assert!((known.between(euro, yen, &limits) + 1.0).abs() < 1e-9);
        // Against each other, and still taken for a group.
        assert_eq!(known.between(euro, pound, &limits), 0.5);
        assert_eq!(known.between(euro, euro, &limits), 1.0);
        known.keep(|symbol| symbol != yen);
        assert_eq!(known.between(euro, yen, &limits), 0.0);
    }

    #[test]
    fn a_bar_that_was_not_wholly_seen_or_that_only_one_has_says_nothing() {
        let limits = Limits::default();
        let (one, other) = (symbol("AAAUSD"), symbol("BBBUSD"));
        let mut known = Correlations::default();
        for hour in 0..200 {
            let close = 1.0 + 0.01 * (hour % 2) as f64;
            known.close(one, &bar(hour, close, false), &limits);
            if hour % 4 == 1 {
                known.close(other, &bar(hour, 1.0, true), &limits);
            } else if hour % 4 == 3 {
                known.close(other, &bar(hour + 1000, 1.01, false), &limits);
            }
        }
        assert_eq!(known.between(one, other, &limits), 0.0);
    }
}
