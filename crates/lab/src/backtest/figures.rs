//! The figures of a group of trades.

use super::report::{FoldPart, Group, LEAST, Returns, Tally};
use super::row::{Row, mean};
use engine::confidence::wilson;
use market::{Span, Time};

impl Tally {
    /// Of those trades whose odds are known, the edge is the rate less their mean.
    pub(super) fn of(rows: &[Row]) -> Self {
        let (n, hits) = (rows.len() as u32, count_hits(rows));
        let (low, high) = interval(hits, n);
        let known = || rows.iter().filter(|row| row.odds.is_some());
        let chance = mean(known().filter_map(|row| row.odds));
        let rate_of_known = mean(known().map(Row::truth));
        Self {
            n,
            hits,
            rate: part(hits, n),
            low,
            high,
            chance,
            edge: rate_of_known
                .zip(chance)
                .map(|(rate, chance)| rate - chance),
        }
    }
}

/// The figures of a group; who they are of is for the caller to say.
pub(super) fn group(rows: &[Row]) -> Group {
    let hits = Tally::of(rows);
    Group {
        setup: None,
        symbol: None,
        killzone: None,
        n: hits.n,
        hits: hits.hits,
        enough: hits.n >= LEAST,
        rate: hits.rate,
        low: hits.low,
        high: hits.high,
        chance: hits.chance,
        edge: hits.edge,
        r: returns(rows),
    }
}

/// What a part of a fold came to.
pub(super) fn fold_part(rows: &[Row]) -> FoldPart {
    let hits = Tally::of(rows);
    FoldPart {
        n: hits.n,
        hits: hits.hits,
        rate: hits.rate,
        low: hits.low,
        high: hits.high,
        chance: hits.chance,
        edge: hits.edge,
        mean_r: mean(rows.iter().map(Row::net)).unwrap_or(0.0),
        sum_r: rows.iter().map(Row::net).fold(0.0, |sum, one| sum + one),
    }
}

pub(super) fn returns(rows: &[Row]) -> Returns {
    let sum = |of: fn(&Row) -> f64| rows.iter().map(of).fold(0.0, |sum, one| sum + one);
    let gains = sum(|row| row.net().max(0.0));
    let losses = sum(|row| (-row.net()).max(0.0));
    let net = moments(rows);
    let (hours, exposure) = exposure(rows);
    Returns {
        mean: net.mean,
        sum: sum(Row::net),
        deviation: net.deviation,
        gross_mean: mean(rows.iter().map(|row| row.gross)).unwrap_or(0.0),
        gross_sum: sum(|row| row.gross),
        doubled_sum: sum(Row::doubled),
        profit_factor: (losses > 0.0).then(|| gains / losses),
        wins: rows.iter().filter(|row| row.net() > 0.0).count() as u32,
        hours,
        exposure,
    }
}

/// Of the results after costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Moments {
    pub mean: f64,
    /// With n - 1.
    pub deviation: f64,
    /// The third and fourth standardised moments; a normal one has 0 and 3.
    pub skew: f64,
    pub kurtosis: f64,
}

impl Moments {
    /// Mean by deviation: the ratio of Sharpe of one trade.
    pub(super) fn ratio(&self) -> Option<f64> {
        (self.deviation > 0.0).then(|| self.mean / self.deviation)
    }
}

pub(super) fn moments(rows: &[Row]) -> Moments {
    let Some(mean) = mean(rows.iter().map(Row::net)) else {
        return Moments::default();
    };
    let n = rows.len() as f64;
    // By multiplication, which every machine does alike.
    let power = |value: f64, power: u32| (0..power).fold(1.0, |product, _| product * value);
    let central = |exponent: u32| {
        let powers = rows.iter().map(|row| power(row.net() - mean, exponent));
        powers.fold(0.0, |sum, one| sum + one) / n
    };
    let variance = central(2);
    let standard = variance.sqrt();
    let of_standard = |exponent: u32, otherwise: f64| {
        if standard > 0.0 {
            central(exponent) / power(standard, exponent)
        } else {
            otherwise
        }
    };
    Moments {
        mean,
        deviation: if n > 1.0 {
            (variance * n / (n - 1.0)).sqrt()
        } else {
            0.0
        },
        skew: of_standard(3, 0.0),
        kurtosis: of_standard(4, 3.0),
    }
}

/// Hours in positions, those of several at once counted each; and the part of the time from the first entry to the last exit in
/// which at least one was open.
fn exposure(rows: &[Row]) -> (f64, f64) {
    let mut stays: Vec<(Time, Time)> = rows.iter().map(|row| (row.entered, row.ended)).collect();
    stays.sort();
    let held = |from: Time, to: Time| (to - from).nanos().max(0);
    let hours: i64 = stays.iter().map(|(from, to)| held(*from, *to)).sum();
    let (Some(first), Some(last)) = (
        stays.first().map(|stay| stay.0),
        stays.iter().map(|stay| stay.1).max(),
    ) else {
        return (0.0, 0.0);
    };
    let (mut covered, mut until) = (0, first);
    for (from, to) in stays {
        covered += held(from.max(until), to);
        until = until.max(to);
    }
    let hour = Span::from_hours(1).nanos() as f64;
    let whole = held(first, last);
    let part = if whole > 0 {
        covered as f64 / whole as f64
    } else {
        0.0
    };
    (hours as f64 / hour, part)
}

/// The interval of the difference of two rates, 95 %: Newcombe, "Interval estimation for the difference between independent
/// proportions: comparison of eleven methods" (1998), method 10.
pub(super) fn newcombe((hits, n): (u32, u32), (others_hits, others_n): (u32, u32)) -> (f64, f64) {
    let (p1, p2) = (part(hits, n), part(others_hits, others_n));
    let ((l1, u1), (l2, u2)) = (interval(hits, n), interval(others_hits, others_n));
    let far = |one: f64, other: f64| (one * one + other * other).sqrt();
    (
        p1 - p2 - far(p1 - l1, u2 - p2),
        p1 - p2 + far(u1 - p1, p2 - l2),
    )
}

pub(super) fn count_hits(rows: &[Row]) -> u32 {
    rows.iter().filter(|row| row.hit).count() as u32
}

/// A part of a whole; nothing of nothing.
pub(super) fn part(count: u32, of: u32) -> f64 {
    if of == 0 {
        0.0
    } else {
        f64::from(count) / f64::from(of)
    }
}

/// Wilson's interval, 95 %; all there is of nothing.
pub(super) fn interval(hits: u32, n: u32) -> (f64, f64) {
    wilson(hits, n).map_or((0.0, 1.0), |(low, high)| (low.to_f64(), high.to_f64()))
}

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
    }

    fn three() -> [Row; 3] {
        [
            row(1, true, 0.6, 1.6),
            row(1, false, 0.5, -1.0),
            row(4, true, 0.4, 0.5),
        ]
    }

    #[test]
    fn hits_are_held_against_chance() {
        let group = group(&three());
        assert_eq!((group.n, group.hits, group.enough), (3, 2, false));
        // As `binomtest(2, 3).proportion_ci(method="wilson")` of SciPy gives them.
        assert_eq!((group.low, group.high), (0.2077, 0.9385));
        near(group.rate, 2.0 / 3.0);
        near(group.chance.unwrap(), 0.5);
        near(group.edge.unwrap(), 2.0 / 3.0 - 0.5);
    }

    #[test]
    fn trades_without_odds_say_nothing_of_the_edge() {
        let mut rows = three();
        rows[1].odds = None;
        let group = group(&rows);
        near(group.chance.unwrap(), 0.5);
        near(group.edge.unwrap(), 0.5);
        near(group.rate, 2.0 / 3.0);
    }

    #[test]
    fn results_are_told_before_and_after_costs() {
        let r = returns(&three());
        near(r.sum, 0.8);
        near(r.gross_sum, 1.1);
        near(r.doubled_sum, 0.5);
        near(r.mean, 0.8 / 3.0);
        near(r.gross_mean, 1.1 / 3.0);
        near(r.profit_factor.unwrap(), 1.9 / 1.1);
        assert_eq!(r.wins, 2);
        // NumPy: np.std([1.5, -1.1, 0.4], ddof=1).
        near(r.deviation, 1.305_118_1);
        near(r.hours, 3.0);
        // Two hours, of the first day's last before one end to the fourth day's end: 73 hours.
        near(r.exposure, 2.0 / 73.0);
    }

    #[test]
    fn moments_are_those_of_scipy() {
        let rows = [1.5, -1.1, 0.4, 2.9, -1.1, -0.3].map(|net| row(1, true, 0.5, net + 0.1));
        let found = moments(&rows);
        // scipy.stats.skew and kurtosis(fisher=False) of the same.
        near(found.skew, 0.584_784_2);
        near(found.kurtosis, 1.996_759_7);
        near(found.ratio().unwrap(), 0.242_943_891);
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        let group = group(&[]);
        assert_eq!((group.n, group.chance, group.edge), (0, None, None));
        assert_eq!(group.r, Returns::default());
        assert_eq!((group.low, group.high), (0.0, 1.0));
    }
}
