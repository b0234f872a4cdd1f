//! The track record: what became of confirmed signals, made of the journal's records in their order and of nothing else. So
//! nobody can edit it, and anybody can make it again. signals.md, sections 7 and 8.5.

mod figures;

pub use figures::{Bin, Figures};

use crate::setup::SetupKind;
use market::{Killzone, Outcome, OutcomeKind, Probability, Ratio, Signal, Status, Symbol};
use std::collections::BTreeMap;

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
    /// What the whole position brought, in multiples of the risk.
    pub realised: Option<Ratio>,
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
            Status::Invalidated => self.counts.invalidated += 1,
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
        let resolved = Resolved {
            hit: running.hit,
            confidence: running.confidence,
            odds: running.odds,
            realised: outcome.realised,
        };
        let mut setups = SetupKind::ALL.iter();
        if setups.any(|setup| setup.as_str() == running.whose.setup) {
            self.own.push(Ended {
                whose: running.whose,
                outcome: resolved,
            });
        } else {
            self.posted.push(resolved);
        }
    }

    /// How many confirmed signals have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// The figures of all posted signals that have ended; `None` without any.
    #[must_use]
    pub fn posted(&self) -> Option<Figures> {
        Figures::of(&self.posted)
    }

    /// The figures of all of ORION's own that have ended; `None` without any.
    #[must_use]
    pub fn all(&self) -> Option<Figures> {
        let results: Vec<Resolved> = self.own.iter().map(|one| one.outcome).collect();
        Figures::of(&results)
    }

    /// The figures of each group of ORION's own, by its name.
    #[must_use]
    pub fn by(&self, by: By) -> BTreeMap<String, Figures> {
        let mut groups: BTreeMap<String, Vec<Resolved>> = BTreeMap::new();
        for result in &self.own {
            let group = groups.entry(by.name(&result.whose)).or_default();
            group.push(result.outcome);
        }
        let figures =
            |(name, results): (String, Vec<Resolved>)| Some((name, Figures::of(&results)?));
        groups.into_iter().filter_map(figures).collect()
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
}

#[cfg(test)]
mod tests;
