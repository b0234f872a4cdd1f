//! What would have become of signals that were not confirmed: beside what became of confirmed ones it says what a
//! confirmation is worth. A stop and a missed target are what they are by definition, and have neither odds nor a result.

use super::Judge;
use super::figures::mean;
use crate::confidence::wilson;
use market::{Probability, Shadow, Signal};
use std::collections::{BTreeMap, BTreeSet};

/// Gathers shadows of ORION's own signals.
#[derive(Clone, Debug, Default)]
pub(super) struct Shadows {
    /// By id: those whose shadow has not been told.
    waiting: BTreeSet<u128>,
    told: BTreeMap<Judge, BTreeMap<&'static str, Vec<Seen>>>,
}

/// What is known of a shadow at its end.
#[derive(Clone, Copy, Debug)]
struct Seen {
    hit: bool,
    odds: Option<Probability>,
    realised: Option<f64>,
}

/// What the shadows of one cause say.
#[derive(Clone, Debug, PartialEq)]
pub struct WouldHave {
    pub n: u32,
    pub hits: u32,
    /// Of the rate of hits, with 95 %.
    pub interval: (Probability, Probability),
    /// The mean chance of a driftless price from each verdict, of those whose is known, and how many they are.
    pub odds: Option<f64>,
    pub with_odds: u32,
    /// The rate of hits of those, less that mean.
    pub edge: Option<f64>,
    /// The mean result of the whole position, in multiples of the risk, of those that were followed.
    pub mean_r: Option<f64>,
}

impl Shadows {
    /// One of ORION's own was not confirmed.
    pub(super) fn wait(&mut self, signal: &Signal) {
        self.waiting.insert(signal.id.as_u128());
    }

    pub(super) fn take(&mut self, shadow: &Shadow) {
        let is_own = self.waiting.remove(&shadow.id.as_u128());
        let (true, Some(hit)) = (is_own, shadow.hit()) else {
            return;
        };
        let judge = match &shadow.end {
            Some(end) => Judge::of(end.bars, end.coarse),
            None => Judge::of(shadow.bars, shadow.coarse),
        };
        let causes = self.told.entry(judge).or_default();
        causes.entry(shadow.cause.as_str()).or_default().push(Seen {
            hit,
            odds: shadow.odds,
            realised: shadow.realised.map(market::Ratio::to_f64),
        });
    }

    pub(super) fn by_cause(&self) -> BTreeMap<Judge, BTreeMap<&'static str, WouldHave>> {
        let of_causes = |causes: &BTreeMap<&'static str, Vec<Seen>>| {
            let causes = causes.iter();
            let figures = causes.filter_map(|(cause, seen)| Some((*cause, WouldHave::of(seen)?)));
            figures.collect()
        };
        let judges = self.told.iter();
        judges
            .map(|(judge, causes)| (*judge, of_causes(causes)))
            .collect()
    }

    /// Of all causes together and by cause, whatever judged it; `None` without any.
    pub(super) fn in_all(&self) -> Option<(WouldHave, BTreeMap<&'static str, WouldHave>)> {
        let mut by_cause: BTreeMap<&'static str, Vec<Seen>> = BTreeMap::new();
        for (cause, seen) in self.told.values().flatten() {
            by_cause.entry(cause).or_default().extend_from_slice(seen);
        }
        let all: Vec<Seen> = by_cause.values().flatten().copied().collect();
        let figures = by_cause.into_iter();
        let figures = figures.filter_map(|(cause, seen)| Some((cause, WouldHave::of(&seen)?)));
        Some((WouldHave::of(&all)?, figures.collect()))
    }
}

impl WouldHave {
    fn of(seen: &[Seen]) -> Option<Self> {
        let n = seen.len() as u32;
        let hits = seen.iter().filter(|one| one.hit).count() as u32;
        let known = || {
            seen.iter()
                .filter_map(|one| Some((one, one.odds?.to_f64())))
        };
        let odds = mean(known().map(|(_, odds)| odds));
        let rate = mean(known().map(|(one, _)| f64::from(u8::from(one.hit))));
        Some(Self {
            n,
            hits,
            interval: wilson(hits, n)?,
            odds,
            with_odds: known().count() as u32,
            edge: rate.zip(odds).map(|(rate, odds)| rate - odds),
            mean_r: mean(seen.iter().filter_map(|one| one.realised)),
        })
    }

    /// The part of hits.
    #[must_use]
    pub fn rate(&self) -> f64 {
        f64::from(self.hits) / f64::from(self.n)
    }
}
