//! One set of parameters of a sweep, in the numbers that all sets are compared by; and what is left when each quarter is
//! traded with the set that was best before it.

use super::bootstrap::bootstrap;
use super::calendar::{drawdown, quarter};
use super::deflate;
use super::figures::{Moments, group, moments, returns};
use super::report::{EdgeVerdict, LEAST};
use super::row::Row;
use super::watch::Found;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a set of parameters came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Its place in the grid.
    pub number: usize,
    /// Each parameter of the sweep and its value here.
    pub parameters: Vec<(String, String)>,
    pub born: u64,
    pub n: u32,
    pub hits: u32,
    pub rate: f64,
    pub low: f64,
    pub high: f64,
    pub chance: Option<f64>,
    pub edge: Option<f64>,
    pub mean_r: f64,
    pub sum_r: f64,
    pub deviation: f64,
    pub skew: f64,
    pub kurtosis: f64,
    pub profit_factor: Option<f64>,
    pub drawdown: f64,
    /// One-sided, by drawing days: the part of draws whose edge, whose mean result is not above zero. `None` of too few days.
    pub p_edge: Option<f64>,
    pub p_mean_r: Option<f64>,
    pub quarters: Vec<Quarter>,
}

/// What ended in a quarter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quarter {
    pub quarter: String,
    pub n: u32,
    pub hits: u32,
    /// Of the trades whose odds are known.
    pub with_odds: u32,
    pub hits_with_odds: u32,
    pub odds: f64,
    pub net: f64,
}

/// What all sets together say of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deflated {
    /// After as many trials as there were (Bonferroni).
    pub p_edge: Option<f64>,
    pub p_mean_r: Option<f64>,
    /// See [`super::report::Bootstrap`].
    pub sharpe: Option<f64>,
    pub edge: EdgeVerdict,
}

/// A quarter that was traded with the set that was best before it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forward {
    pub quarter: String,
    /// The number of the set, and its mean result before.
    pub number: usize,
    pub before_n: u32,
    pub before_mean_r: f64,
    pub n: u32,
    pub hits: u32,
    pub chance: Option<f64>,
    pub mean_r: f64,
    pub sum_r: f64,
}

impl Trial {
    #[must_use]
    pub fn of(number: usize, parameters: Vec<(String, String)>, found: &Found, seed: u64) -> Self {
        let rows: Vec<Row> = found.ended.iter().map(|ended| ended.row).collect();
        let (all, r, shape) = (group(&rows), returns(&rows), moments(&rows));
        let drawn = bootstrap(&rows, 1, seed);
        Self {
            number,
            parameters,
            born: found.born,
            n: all.n,
            hits: all.hits,
            rate: all.rate,
            low: all.low,
            high: all.high,
            chance: all.chance,
            edge: all.edge,
            mean_r: r.mean,
            sum_r: r.sum,
            deviation: r.deviation,
            skew: shape.skew,
            kurtosis: shape.kurtosis,
            profit_factor: r.profit_factor,
            drawdown: drawdown(&rows).r,
            p_edge: drawn.and_then(|drawn| drawn.p_edge),
            p_mean_r: drawn.map(|drawn| drawn.p_mean_r),
            quarters: quarters(&rows),
        }
    }

    fn moments(&self) -> Moments {
        Moments {
            mean: self.mean_r,
            deviation: self.deviation,
            skew: self.skew,
            kurtosis: self.kurtosis,
        }
    }

    /// What is left of it after all these trials.
    #[must_use]
    pub fn deflated(&self, trials: u32, variance: f64) -> Deflated {
        let after = |chance: Option<f64>| chance.map(|one| deflate::bonferroni(one, trials));
        let (p_edge, p_mean_r) = (after(self.p_edge), after(self.p_mean_r));
        let edge = match p_edge.filter(|_| self.n >= LEAST) {
            None => EdgeVerdict::Unknown,
            Some(chance) if chance < 0.025 => EdgeVerdict::Positive,
            Some(_) => EdgeVerdict::None,
        };
        Deflated {
            p_edge,
            p_mean_r,
            sharpe: deflate::deflated(&self.moments(), self.n, trials, variance),
            edge,
        }
    }
}

fn quarters(rows: &[Row]) -> Vec<Quarter> {
    let mut quarters: BTreeMap<String, Quarter> = BTreeMap::new();
    for row in rows {
        let name = quarter(row.day);
        let sums = quarters.entry(name.clone()).or_default();
        sums.quarter = name;
        sums.n += 1;
        sums.hits += u32::from(row.hit);
        if let Some(odds) = row.odds {
            sums.with_odds += 1;
            sums.hits_with_odds += u32::from(row.hit);
            sums.odds += odds;
        }
        sums.net += row.net();
    }
    quarters.into_values().collect()
}

/// How much the ratios of mean and deviation vary over the sets that traded at all.
#[must_use]
pub fn variance(trials: &[Trial]) -> f64 {
    let ratios: Vec<f64> = trials
        .iter()
        .filter(|trial| trial.n > 1)
        .filter_map(|trial| trial.moments().ratio())
        .collect();
    let n = ratios.len() as f64;
    if n < 2.0 {
        return 0.0;
    }
    let mean = ratios.iter().sum::<f64>() / n;
    let squares: f64 = ratios
        .iter()
        .map(|ratio| (ratio - mean) * (ratio - mean))
        .sum();
    squares / (n - 1.0)
}

/// Trades each quarter with the set whose mean result was the highest in all quarters before it, of those with enough trades
/// there; quarters before any has enough are left out.
#[must_use]
pub fn walk_forward(trials: &[Trial]) -> Vec<Forward> {
    let names: BTreeSet<&str> = trials
        .iter()
        .flat_map(|trial| trial.quarters.iter().map(|one| one.quarter.as_str()))
        .collect();
    names
        .into_iter()
        .filter_map(|name| forward(trials, name))
        .collect()
}

fn forward(trials: &[Trial], name: &str) -> Option<Forward> {
    let before = |trial: &Trial| {
        let earlier = trial
            .quarters
            .iter()
            .filter(|one| one.quarter.as_str() < name);
        earlier.fold((0, 0.0), |(n, net), one| (n + one.n, net + one.net))
    };
    let known = trials.iter().map(|trial| (trial, before(trial)));
    let enough = known.filter(|(_, (n, _))| *n >= LEAST);
    let mean = |(n, net): (u32, f64)| net / f64::from(n);
    // Of equals the first: a later one is no better.
    let (best, before) = enough.reduce(|best, one| {
        if mean(one.1) > mean(best.1) {
            one
        } else {
            best
        }
    })?;
    let nothing = Quarter::default();
    let found = best.quarters.iter().find(|one| one.quarter == name);
    let inside = found.unwrap_or(&nothing);
    let per = |sum: f64, n: u32| (n > 0).then(|| sum / f64::from(n));
    Some(Forward {
        quarter: name.to_owned(),
        number: best.number,
        before_n: before.0,
        before_mean_r: mean(before),
        n: inside.n,
        hits: inside.hits,
        chance: per(inside.odds, inside.with_odds),
        mean_r: per(inside.net, inside.n).unwrap_or(0.0),
        sum_r: inside.net,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(number: usize, quarters: &[(&str, u32, f64)]) -> Trial {
        let quarter = |(name, n, net): &(&str, u32, f64)| Quarter {
            quarter: (*name).to_owned(),
            n: *n,
            hits: n / 2,
            with_odds: *n,
            hits_with_odds: n / 2,
            odds: 0.5 * f64::from(*n),
            net: *net,
        };
        let n = quarters.iter().map(|one| one.1).sum();
        let sum_r: f64 = quarters.iter().map(|one| one.2).sum();
        Trial {
            number,
            parameters: Vec::new(),
            born: 0,
            n,
            hits: n / 2,
            rate: 0.5,
            low: 0.4,
            high: 0.6,
            chance: Some(0.5),
            edge: Some(0.0),
            mean_r: sum_r / f64::from(n),
            sum_r,
            deviation: 1.0,
            skew: 0.0,
            kurtosis: 3.0,
            profit_factor: None,
            drawdown: 0.0,
            p_edge: Some(0.01),
            p_mean_r: Some(0.02),
            quarters: quarters.iter().map(quarter).collect(),
        }
    }

    #[test]
    fn each_quarter_is_traded_with_what_was_best_before_it() {
        let trials = [
            trial(
                0,
                &[
                    ("2025 Q1", 60, 30.0),
                    ("2025 Q2", 60, -12.0),
                    ("2025 Q3", 10, 1.0),
                ],
            ),
            trial(
                1,
                &[
                    ("2025 Q1", 60, 6.0),
                    ("2025 Q2", 60, 60.0),
                    ("2025 Q3", 10, -5.0),
                ],
            ),
            trial(2, &[("2025 Q1", 10, 40.0), ("2025 Q3", 10, 9.0)]),
        ];
        let forward = walk_forward(&trials);
        let shown: Vec<_> = forward
            .iter()
            .map(|one| (one.quarter.as_str(), one.number, one.before_n, one.sum_r))
            .collect();
        // The third set never had enough trades to be believed.
        assert_eq!(
            shown,
            [("2025 Q2", 0, 60, -12.0), ("2025 Q3", 1, 120, -5.0)]
        );
        assert_eq!(forward[0].before_mean_r, 0.5);
        assert_eq!(forward[1].chance, Some(0.5));
    }

    #[test]
    fn many_trials_take_an_edge_away() {
        let one = trial(0, &[("2025 Q1", 100, 20.0)]);
        assert_eq!(one.deflated(1, 0.0).edge, EdgeVerdict::Positive);
        let of_ten = one.deflated(10, 0.02);
        assert_eq!((of_ten.edge, of_ten.p_edge), (EdgeVerdict::None, Some(0.1)));
        assert!(of_ten.sharpe.unwrap() < one.deflated(1, 0.0).sharpe.unwrap());
        let few = trial(0, &[("2025 Q1", 49, 20.0)]);
        assert_eq!(few.deflated(1, 0.0).edge, EdgeVerdict::Unknown);
    }

    #[test]
    fn the_ratios_of_trials_vary() {
        let ratios = [0.1, 0.3, -0.1].map(|mean| trial(0, &[("2025 Q1", 100, 100.0 * mean)]));
        assert!((variance(&ratios) - 0.04).abs() < 1e-12);
        assert_eq!(variance(&ratios[..1]), 0.0);
    }
}
