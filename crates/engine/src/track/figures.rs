//! The figures of a group of results. Nothing is fitted: each confidence was shown before its result was known.
//!
//! Brier, "Verification of forecasts expressed in terms of probability" (1950), for the score and its skill; the reliability
//! table and the expected calibration error as in Naeini, Cooper & Hauskrecht (2015), in bins of equal counts.

use super::Resolved;
use crate::confidence::wilson;
use market::Probability;

/// Bins of the reliability table.
const BINS: usize = 10;
/// The least chance that a logarithm is taken of: nobody is told less than one percent.
const SURE: f64 = 1e-4;

/// What a group of ended signals says.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    pub n: u32,
    pub hits: u32,
    /// Of the rate of hits, with 95 %.
    pub interval: (Probability, Probability),
    /// The mean chance of a driftless price, of those whose is known, and how many they are.
    pub odds: Option<f64>,
    pub with_odds: u32,
    /// The rate of hits of those, less that mean: what is left when chance is taken away.
    pub edge: Option<f64>,
    /// The mean result of the whole position, in multiples of the risk, and their sum; of those whose is known.
    pub mean_r: Option<f64>,
    pub median_r: Option<f64>,
    pub sum_r: f64,
    /// The same after slippage and commission, of those whose cost is known, and how many they are.
    pub mean_net: Option<f64>,
    pub sum_net: f64,
    pub with_cost: u32,
    /// How far they went their way and against it, of those of which it is known.
    pub best: Option<Middle>,
    pub worst: Option<Middle>,
    /// A stop and a target lay in one recorded bar: the stop counts.
    pub ambiguous: u32,
    /// The mean confidence that was shown.
    pub confidence: f64,
    /// Mean square of what confidence missed.
    pub brier: f64,
    /// 1 less the score by that of the rate itself, always told; `None` where all or none hit.
    pub skill: Option<f64>,
    pub log_loss: f64,
    /// Mean distance of confidence and rate over the bins.
    pub calibration_error: f64,
    /// By rising confidence, each with as many results as the others, to one.
    pub bins: Vec<Bin>,
}

/// Where the middle of some values lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Middle {
    pub mean: f64,
    pub median: f64,
}

/// A row of the reliability table.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    pub n: u32,
    pub hits: u32,
    pub confidence: f64,
    pub interval: (Probability, Probability),
}

impl Figures {
    pub(super) fn of(results: &[Resolved]) -> Option<Self> {
        let n = results.len() as u32;
        let hits = count_hits(results);
        let interval = wilson(hits, n)?;
        let rate = f64::from(hits) / f64::from(n);
        let with_odds: Vec<Resolved> = results
            .iter()
            .copied()
            .filter(|one| one.odds.is_some())
            .collect();
        let odds = mean(with_odds.iter().filter_map(|one| Some(one.odds?.to_f64())));
        let hit_rate = mean(with_odds.iter().map(truth));
        let known = |value: fn(&Resolved) -> Option<f64>| results.iter().filter_map(value);
        let realised = || known(|one| Some(one.realised?.to_f64()));
        let net = || known(|one| Some(one.realised?.to_f64() - one.cost?));
        let brier = mean(results.iter().map(|one| {
            let missed = one.confidence.to_f64() - truth(one);
            missed * missed
        }))?;
        let of_the_rate = rate * (1.0 - rate);
        let bins = bins(results);
        Some(Self {
            n,
            hits,
            interval,
            odds,
            with_odds: with_odds.len() as u32,
            edge: hit_rate.zip(odds).map(|(rate, odds)| rate - odds),
            mean_r: mean(realised()),
            median_r: median(realised()),
            sum_r: sum(realised()),
            mean_net: mean(net()),
            sum_net: sum(net()),
            with_cost: net().count() as u32,
            best: Middle::of(known(|one| one.best)),
            worst: Middle::of(known(|one| one.worst)),
            ambiguous: results.iter().filter(|one| one.ambiguous).count() as u32,
            confidence: mean(results.iter().map(|one| one.confidence.to_f64()))?,
            brier,
            skill: (of_the_rate > 0.0).then(|| 1.0 - brier / of_the_rate),
            log_loss: mean(results.iter().map(log_loss))?,
            calibration_error: bins.iter().map(|bin| bin.gap(n)).sum(),
            bins,
        })
    }

    /// The part of hits.
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.n)
    }
}

impl Bin {
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.n)
    }

    /// Its part of the calibration error.
    fn gap(&self, all: u32) -> f64 {
        f64::from(self.n) / f64::from(all) * (self.confidence - self.rate()).abs()
    }
}

fn bins(results: &[Resolved]) -> Vec<Bin> {
    let mut rising = results.to_vec();
    // Results of one confidence keep their order in time.
    rising.sort_by_key(|one| one.confidence);
    let count = BINS.min(rising.len());
    let cut = |place: usize| place * rising.len() / count;
    let bin = |place: usize| {
        let results = &rising[cut(place)..cut(place + 1)];
        let (n, hits) = (results.len() as u32, count_hits(results));
        Some(Bin {
            n,
            hits,
            confidence: mean(results.iter().map(|one| one.confidence.to_f64()))?,
            interval: wilson(hits, n)?,
        })
    };
    (0..count).filter_map(bin).collect()
}

fn count_hits(results: &[Resolved]) -> u32 {
    results.iter().filter(|one| one.hit).count() as u32
}

fn truth(result: &Resolved) -> f64 {
    f64::from(u8::from(result.hit))
}

fn log_loss(result: &Resolved) -> f64 {
    let told = result.confidence.to_f64().clamp(SURE, 1.0 - SURE);
    -(if result.hit { told } else { 1.0 - told }).ln()
}

impl Middle {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (mean, median) = mean(values.clone()).zip(median(values))?;
        Some(Self { mean, median })
    }
}

/// The one in the middle, or the mean of the two.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut rising: Vec<f64> = values.collect();
    rising.sort_by(f64::total_cmp);
    let middle = rising.len() / 2;
    let upper = rising.get(middle)?;
    let lower = rising[(rising.len() - 1) / 2];
    Some(lower + (upper - lower) / 2.0)
}

/// Of nothing 0, and not -0 as the standard library has it.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, one| sum + one)
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}
