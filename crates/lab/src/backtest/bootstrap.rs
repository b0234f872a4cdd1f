//! Intervals by drawing days with replacement (Efron 1979; days as blocks, after Künsch 1989: what ends on one day shares
//! its market).

use super::deflate::bonferroni;
use super::report::Bootstrap;
use super::row::Row;
use crate::market::random::Random;
use std::collections::BTreeMap;

/// How often days are drawn.
const DRAWS: u32 = 2000;
/// Fewer days than this say nothing of how days differ.
const LEAST_DAYS: u32 = 10;

/// Sums of the trades that ended on one day.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    n: f64,
    net: f64,
    /// Of those whose odds are known.
    with_odds: f64,
    beyond_odds: f64,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.net += other.net;
        self.with_odds += other.with_odds;
        self.beyond_odds += other.beyond_odds;
    }

    fn of(row: &Row) -> Self {
        Self {
            n: 1.0,
            net: row.net(),
            with_odds: f64::from(u8::from(row.odds.is_some())),
            beyond_odds: row.odds.map_or(0.0, |odds| row.truth() - odds),
        }
    }
}

/// What days drawn with replacement say; `None` of too few.
pub(super) fn bootstrap(rows: &[Row], trials: u32, seed: u64) -> Option<Bootstrap> {
    let mut days: BTreeMap<i32, Sums> = BTreeMap::new();
    for row in rows {
        days.entry(row.day).or_default().add(&Sums::of(row));
    }
    let days: Vec<Sums> = days.into_values().collect();
    if (days.len() as u32) < LEAST_DAYS {
        return None;
    }
    let mut random = Random::of([seed, 0x0062_6f6f_7473, days.len() as u64]);
    let drawn: Vec<Sums> = (0..DRAWS).map(|_| draw(&days, &mut random)).collect();
    let mut means: Vec<f64> = drawn.iter().map(|sums| sums.net / sums.n).collect();
    let edges = drawn.iter().filter(|sums| sums.with_odds > 0.0);
    let mut edges: Vec<f64> = edges
        .map(|sums| sums.beyond_odds / sums.with_odds)
        .collect();
    let p_mean_r = not_above_zero(&means);
    Some(Bootstrap {
        draws: DRAWS,
        days: days.len() as u32,
        mean_r: middle_95(&mut means)?,
        p_edge: (!edges.is_empty()).then(|| not_above_zero(&edges)),
        edge: middle_95(&mut edges),
        p_mean_r,
        p_mean_r_deflated: bonferroni(p_mean_r, trials),
        deflated_sharpe: None,
    })
}

fn draw(days: &[Sums], random: &mut Random) -> Sums {
    let mut sums = Sums::default();
    for _ in days {
        let place = random.whole(0, days.len() as i64 - 1);
        sums.add(&days[place as usize]);
    }
    sums
}

/// The part of draws that are not above zero, the sample itself counted among them: never quite nothing.
fn not_above_zero(drawn: &[f64]) -> f64 {
    let below = drawn.iter().filter(|value| **value <= 0.0).count();
    (below + 1) as f64 / (drawn.len() + 1) as f64
}

/// The ends of the middle 95 % by rank.
pub(super) fn middle_95(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let rank = (part * values.len() as f64).ceil() as usize;
        values.get(rank.max(1) - 1).copied()
    };
    at(0.025).zip(at(0.975))
}

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    /// Results that alternate around a mean, one a day.
    fn rows(days: i32, mean: f64) -> Vec<Row> {
        let net = |day: i32| mean + if day % 2 == 0 { 1.0 } else { -1.0 };
        (0..days)
            .map(|day| row(day, day % 2 == 0, 0.5, net(day) + 0.1))
            .collect()
    }

    #[test]
    fn the_interval_is_that_of_the_mean() {
        let found = bootstrap(&rows(400, 0.2), 1, 7).unwrap();
        // The deviation of the mean is 1 / sqrt(400).
        let (low, high) = found.mean_r;
        assert!((low - (0.2 - 0.098)).abs() < 0.012, "{low}");
        assert!((high - (0.2 + 0.098)).abs() < 0.012, "{high}");
        let (low, high) = found.edge.unwrap();
        assert!((low + 0.049).abs() < 0.006 && (high - 0.049).abs() < 0.006);
        assert!(found.p_mean_r < 0.001 && found.p_edge.unwrap() > 0.4);
    }

    #[test]
    fn trades_of_one_day_count_as_one() {
        // The same trade ten times a day says no more than once a day.
        let once = bootstrap(&rows(100, 0.0), 1, 7).unwrap();
        let ten: Vec<Row> = rows(100, 0.0)
            .into_iter()
            .flat_map(|row| [row; 10])
            .collect();
        let ten = bootstrap(&ten, 1, 7).unwrap();
        assert!((once.mean_r.0 - ten.mean_r.0).abs() < 1e-9);
        assert!((once.mean_r.1 - ten.mean_r.1).abs() < 1e-9);
    }

    #[test]
    fn a_seed_draws_the_same_and_trials_deflate() {
        let rows = rows(60, 0.1);
        let once = bootstrap(&rows, 1, 1).unwrap();
        assert_eq!(bootstrap(&rows, 1, 1), Some(once));
        assert_ne!(bootstrap(&rows, 1, 2), Some(once));
        let tried = bootstrap(&rows, 4, 1).unwrap();
        assert_eq!(tried.p_mean_r_deflated, (4.0 * once.p_mean_r).min(1.0));
    }

    #[test]
    fn few_days_say_nothing() {
        assert_eq!(bootstrap(&rows(9, 1.0), 1, 1), None);
        assert!(bootstrap(&rows(10, 1.0), 1, 1).is_some());
    }
}
