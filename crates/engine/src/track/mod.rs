//! The track record: what became of confirmed signals, made of the journal's records in their order and of nothing else. So
//! nobody can edit it, and anybody can make it again. signals.md, sections 7 and 8.5.
//!
//! Results that recorded bars judged are never mixed with those of ticks, nor what would have become of signals that were not
//! confirmed with what became of others.

mod figures;
mod shadows;

pub use figures::{Bin, Figures, Middle};
pub use shadows::WouldHave;

use crate::setup::SetupKind;
use market::{
    Killzone, Outcome, OutcomeKind, Probability, Ratio, Shadow, Signal, Status, Symbol, Timeframe,
};
use shadows::Shadows;
use std::collections::BTreeMap;
use std::fmt;

/// Fewer than this say nothing of a group.
pub const LEAST: usize = 50;

/// Gathers results from a journal's records.
#[derive(Clone, Debug, Default)]
pub struct TrackRecord {
    pub counts: Counts,
    /// By id: confirmed signals whose end has not come.
    running: BTreeMap<u128, Running>,
    /// Of ORION's own setups.
    own: Vec<Ended>,
    /// Of what somebody posted: its verdict may be the sender's.
    posted: Vec<Resolved>,
    shadows: Shadows,
}

/// How many signals there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub born: u64,
    pub confirmed: u64,
    pub invalidated: u64,
    /// Confirmed ones that nobody followed to an end: of an instrument that is gone, or of another version.
    pub unfollowed: u64,
}

#[derive(Clone, Debug)]
struct Running {
    whose: Whose,
    confidence: Probability,
    odds: Option<Probability>,
    hit: bool,
}

/// What a signal is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Whose {
    setup: String,
    symbol: Symbol,
    killzone: Killzone,
    source: String,
}

/// A confirmed signal that has ended.
#[derive(Clone, Debug)]
struct Ended {
    whose: Whose,
    outcome: Resolved,
}

/// What is known of a signal at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Resolved {
    /// The first target traded before the stop.
    pub hit: bool,
    /// What it was shown with.
    pub confidence: Probability,
    /// The chance of a driftless price from where it was confirmed.
    pub odds: Option<Probability>,
    /// What the whole position brought, in multiples of the risk, and what of it slippage and commission take.
    pub realised: Option<Ratio>,
    pub cost: Option<f64>,
    /// How far it went its way and against it, likewise.
    pub best: Option<f64>,
    pub worst: Option<f64>,
    pub ambiguous: bool,
    pub judge: Judge,
}

/// What judged a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judge {
    /// Every price. What versions said that did not tell counts here.
    Ticks,
    /// Recorded bars, of this length where several did the longest.
    Bars(Timeframe),
    /// Recorded bars that were too long to confirm anything.
    Touch(Timeframe),
}

impl Judge {
    fn of(bars: Option<Timeframe>, coarse: bool) -> Self {
        match (bars, coarse) {
            (None, _) => Self::Ticks,
            (Some(bars), false) => Self::Bars(bars),
            (Some(bars), true) => Self::Touch(bars),
        }
    }
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticks => f.write_str("ticks"),
            Self::Bars(bars) => write!(f, "{bars} bars"),
            Self::Touch(bars) => write!(f, "{bars} bars, unconfirmed"),
        }
    }
}

/// By what results can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Setup,
    Symbol,
    Killzone,
    Source,
}

impl By {
    pub const ALL: [Self; 4] = [Self::Setup, Self::Symbol, Self::Killzone, Self::Source];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Symbol => "symbol",
            Self::Killzone => "killzone",
            Self::Source => "source",
        }
    }

    fn name(self, whose: &Whose) -> String {
        match self {
            Self::Setup => whose.setup.clone(),
            Self::Symbol => whose.symbol.to_string(),
            Self::Killzone => whose.killzone.to_string(),
            Self::Source => whose.source.clone(),
        }
    }
}

impl TrackRecord {
    /// A signal was born, or decided.
    pub fn signal(&mut self, signal: &Signal) {
        match signal.status {
            Status::Pending => self.counts.born += 1,
            Status::Invalidated => {
                self.counts.invalidated += 1;
                if is_own(&signal.setup) {
                    self.shadows.wait(signal);
                }
            }
            Status::Confirmed => {
                self.counts.confirmed += 1;
                self.running
                    .insert(signal.id.as_u128(), Running::new(signal));
            }
        }
    }

    /// A step of a confirmed signal's life.
    pub fn outcome(&mut self, outcome: &Outcome) {
        let id = outcome.id.as_u128();
        match outcome.kind {
            OutcomeKind::Target(_) => {
                if let Some(running) = self.running.get_mut(&id) {
                    running.hit = true;
                }
            }
            OutcomeKind::Stop
            | OutcomeKind::StopMoved
            | OutcomeKind::Timeout
            | OutcomeKind::Closed => {}
        }
        if !outcome.last {
            return;
        }
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        // Where nobody looked to the end, a target that traded before is known all the same.
        if outcome.kind == OutcomeKind::Closed && !running.hit {
            self.counts.unfollowed += 1;
            return;
        }
        let resolved = running.resolved(outcome);
        if is_own(&running.whose.setup) {
            self.own.push(Ended {
                whose: running.whose,
                outcome: resolved,
            });
        } else {
            self.posted.push(resolved);
        }
    }

    /// What would have become of a signal that was not confirmed: told after the signal.
    pub fn shadow(&mut self, shadow: &Shadow) {
        self.shadows.take(shadow);
    }

    /// What would have become of ORION's own signals that were not confirmed, by what judged it and by cause.
    #[must_use]
    pub fn would_have(&self) -> BTreeMap<Judge, BTreeMap<&'static str, WouldHave>> {
        self.shadows.by_cause()
    }

    /// How many confirmed signals have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// The figures of all posted signals that have ended, by ticks; `None` without any.
    #[must_use]
    pub fn posted(&self) -> Option<Figures> {
        let posted = self.posted.iter().copied();
        Figures::of(&posted.filter(Resolved::is_by_ticks).collect::<Vec<_>>())
    }

    /// The figures of all of ORION's own that have ended, by ticks; `None` without any.
    #[must_use]
    pub fn all(&self) -> Option<Figures> {
        let own = self.own.iter().map(|one| one.outcome);
        Figures::of(&own.filter(Resolved::is_by_ticks).collect::<Vec<_>>())
    }

    /// The figures of those that recorded bars judged, posted ones included, by their length.
    #[must_use]
    pub fn by_bars(&self) -> BTreeMap<Judge, Figures> {
        let own = self.own.iter().map(|one| one.outcome);
        let all = own.chain(self.posted.iter().copied());
        let mut groups: BTreeMap<Judge, Vec<Resolved>> = BTreeMap::new();
        for result in all.filter(|one| !one.is_by_ticks()) {
            groups.entry(result.judge).or_default().push(result);
        }
        figures_of(groups)
    }

    /// The figures of each group of ORION's own, by ticks, by its name.
    #[must_use]
    pub fn by(&self, by: By) -> BTreeMap<String, Figures> {
        let mut groups: BTreeMap<String, Vec<Resolved>> = BTreeMap::new();
        for result in self.own.iter().filter(|one| one.outcome.is_by_ticks()) {
            let group = groups.entry(by.name(&result.whose)).or_default();
            group.push(result.outcome);
        }
        figures_of(groups)
    }
}

fn figures_of<K: Ord>(groups: BTreeMap<K, Vec<Resolved>>) -> BTreeMap<K, Figures> {
    let figures = |(name, results): (K, Vec<Resolved>)| Some((name, Figures::of(&results)?));
    groups.into_iter().filter_map(figures).collect()
}

/// Whether a setup is one of ORION's own; others posted what has another name.
#[must_use]
pub fn is_own(setup: &str) -> bool {
    let mut setups = SetupKind::ALL.iter();
    setups.any(|own| own.as_str() == setup)
}

impl Resolved {
    fn is_by_ticks(&self) -> bool {
        self.judge == Judge::Ticks
    }
}

impl Running {
    fn new(signal: &Signal) -> Self {
        let whose = Whose {
            setup: signal.setup.clone(),
            symbol: signal.symbol,
            killzone: signal.killzone,
            source: signal.evidence.source.clone(),
        };
        Self {
            whose,
            confidence: signal.confidence,
            odds: signal.evidence.odds,
            hit: false,
        }
    }

    /// What is known with the last outcome.
    fn resolved(&self, outcome: &Outcome) -> Resolved {
        let end = outcome.end.as_ref();
        Resolved {
            hit: self.hit,
            confidence: self.confidence,
            odds: self.odds,
            realised: outcome.realised,
            cost: end.and_then(|end| Some(end.cost?.to_f64())),
            best: end.map(|end| end.best.to_f64()),
            worst: end.map(|end| end.worst.to_f64()),
            ambiguous: end.is_some_and(|end| end.ambiguous),
            judge: end.map_or(Judge::Ticks, |end| Judge::of(end.bars, end.coarse)),
        }
    }
}

#[cfg(test)]
mod tests;
