//! SMT divergence ("smart money technique"): of two symbols that move together one takes out its last swing and the other
//! does not. The definition is section 5 of the project's `docs/signals.md`.
//!
//! The pair has swings and average true ranges of its own, on the bars that both symbols have closed: a bar that only one
//! of them has never gets here.

use super::BarIndex;
use super::correlation::Correlation;
use super::swings::{Swing, Swings};
use crate::indicator::Atr;
use crate::rules::Rules;
use market::{Direction, Ohlc, Price};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One of the two symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Member {
    First,
    Second,
}

impl Member {
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// How the two symbols move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relation {
    Together,
    /// One rises when the other falls: the second is seen in a mirror.
    Inverse,
}

/// Whether a divergence counts only while the returns of the two symbols correlate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CorrelationGate {
    /// Only then: what signals go by.
    Shut,
    /// Always.
    Open,
}

/// One symbol took out its earlier swing, the other held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Divergence {
    /// Of the trade in the symbol that held: its lows held for a `Long`.
    pub direction: Direction,
    /// Which symbol went beyond its earlier swing. The trade is in the other one.
    pub swept: Member,
    /// The swept symbol's swing, and the bars of it and of the earlier one.
    pub level: Price,
    pub bar: BarIndex,
    pub earlier: BarIndex,
    /// The furthest that the held symbol went against the trade from the earlier swing's bar until now.
    pub extreme: Price,
}

/// The divergences of one pair and timeframe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Smt {
    relation: Relation,
    gate: CorrelationGate,
    right: usize,
    reach: usize,
    /// Aligned bars so far.
    bars: BarIndex,
    /// The newest aligned bars: all that a swing and what holds around it can need.
    newest: VecDeque<[Ohlc; 2]>,
    correlation: Correlation,
    members: [Half; 2],
}

/// What is known of one symbol.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Half {
    swings: Swings,
    atr: Atr,
    /// The latest confirmed swing high, then low.
    latest: [Option<Confirmed>; 2],
}

/// A confirmed swing of one symbol and what the other one did.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Confirmed {
    bar: BarIndex,
    level: Price,
    /// The other symbol's extreme around the swing.
    held: Price,
    /// The other symbol's extreme from the swing's bar on.
    since: Price,
}

impl Smt {
    /// Periods and windows are those of the rules now; when they change, begin anew.
    #[must_use]
    pub fn new(rules: &Rules, relation: Relation, gate: CorrelationGate) -> Self {
        let half = || Half {
            swings: Swings::new(rules.swing_left, rules.swing_right),
            atr: Atr::new(rules.atr_period),
            latest: [None, None],
        };
        Self {
            relation,
            gate,
            right: rules.swing_right as usize,
            // What lies further right than the confirming bar is not known yet.
            reach: rules.smt_win.min(rules.swing_right) as usize,
            bars: 0,
            newest: VecDeque::new(),
            correlation: Correlation::new(rules.smt_corr_win),
            members: [half(), half()],
        }
    }

    /// Takes the next bar that both symbols have closed, and appends the divergences that became known with it: those of
    /// the first symbol's swings before those of the second's, of a high before a low. Returns the bar's index.
    pub fn close(
        &mut self,
        bars: [&Ohlc; 2],
        rules: &Rules,
        found: &mut Vec<Divergence>,
    ) -> BarIndex {
        let t = self.bars;
        self.bars += 1;
        self.correlation.update(bars.map(|bar| bar.close));
        let seen = [*bars[0], self.seen(Member::Second, bars[1])];
        self.remember(seen);
        let atrs = self.follow(&seen);
        let counts = self.counts(rules);
        for member in Member::ALL {
            let swings = self.members[member as usize]
                .swings
                .update(t, &seen[member as usize]);
            for swing in swings.into_iter().flatten() {
                let (earlier, later) = self.confirm(member, &swing);
                if counts
                    && let Some(earlier) = earlier
                    && diverges(
                        swing.side,
                        &earlier,
                        &later,
                        atrs,
                        member,
                        rules.smt_min_atr,
                    )
                {
                    found.push(self.divergence(member, swing.side, &earlier, &later));
                }
            }
        }
        t
    }

    /// A bar as the pair sees it: an inverse pair's second symbol in a mirror.
    fn seen(&self, member: Member, bar: &Ohlc) -> Ohlc {
        if self.is_mirrored(member) {
            Ohlc {
                open: -bar.open,
                high: -bar.low,
                low: -bar.high,
                close: -bar.close,
            }
        } else {
            *bar
        }
    }

    fn is_mirrored(&self, member: Member) -> bool {
        self.relation == Relation::Inverse && member == Member::Second
    }

    fn remember(&mut self, bars: [Ohlc; 2]) {
        self.newest.push_back(bars);
        if self.newest.len() > self.right + self.reach + 1 {
            self.newest.pop_front();
        }
    }

    /// Takes a bar into the average true ranges, and into what each symbol did since the other's latest swings.
    fn follow(&mut self, bars: &[Ohlc; 2]) -> [Option<f64>; 2] {
        for member in Member::ALL {
            let other = &bars[member.other() as usize];
            for side in [Direction::Long, Direction::Short] {
                if let Some(swing) = &mut self.members[member as usize].latest[side as usize] {
                    swing.since = further(side, swing.since, reach(side, other));
                }
            }
        }
        Member::ALL.map(|member| {
            let place = member as usize;
            self.members[place].atr.update(&bars[place])
        })
    }

    /// Whether the two move together well enough now.
    fn counts(&self, rules: &Rules) -> bool {
        let least = rules.smt_corr_min;
        match (self.gate, self.relation) {
            (CorrelationGate::Open, _) => true,
            (CorrelationGate::Shut, Relation::Together) => {
                self.correlation.value().is_some_and(|value| value >= least)
            }
            (CorrelationGate::Shut, Relation::Inverse) => self
                .correlation
                .value()
                .is_some_and(|value| value <= -least),
        }
    }

    /// Puts a swing in the place of the one before it on its side, and returns both.
    fn confirm(&mut self, member: Member, swing: &Swing) -> (Option<Confirmed>, Confirmed) {
        let side = swing.side;
        let other = member.other() as usize;
        // The swing lies `right` bars before the newest one.
        let at = self.newest.len() - 1 - self.right;
        let extreme = |from: usize, to: usize| {
            let bars = self.newest.range(from..=to);
            let reached = bars.map(|bars| reach(side, &bars[other]));
            reached.reduce(|one, next| further(side, one, next))
        };
        let level = swing.level;
        let confirmed = Confirmed {
            bar: swing.bar,
            level,
            held: extreme(at.saturating_sub(self.reach), at + self.reach).unwrap_or(level),
            since: extreme(at, self.newest.len() - 1).unwrap_or(level),
        };
        let latest = &mut self.members[member as usize].latest[side as usize];
        (latest.replace(confirmed), confirmed)
    }

    /// The finding in real prices.
    fn divergence(
        &self,
        swept: Member,
        side: Direction,
        earlier: &Confirmed,
        later: &Confirmed,
    ) -> Divergence {
        let real = |member, price: Price| {
            if self.is_mirrored(member) {
                -price
            } else {
                price
            }
        };
        let direction = side.opposite();
        Divergence {
            direction: if self.is_mirrored(swept.other()) {
                direction.opposite()
            } else {
                direction
            },
            swept,
            level: real(swept, later.level),
            bar: later.bar,
            earlier: earlier.bar,
            extreme: real(swept.other(), earlier.since),
        }
    }
}

/// Whether the swept symbol went beyond its earlier swing and the other one stayed behind its own price then, each by enough.
fn diverges(
    side: Direction,
    earlier: &Confirmed,
    later: &Confirmed,
    atrs: [Option<f64>; 2],
    swept: Member,
    least: f64,
) -> bool {
    let (Some(of_swept), Some(of_held)) = (atrs[swept as usize], atrs[swept.other() as usize])
    else {
        return false;
    };
    let (beyond, behind) = match side {
        Direction::Long => (later.level - earlier.level, earlier.held - later.held),
        Direction::Short => (earlier.level - later.level, later.held - earlier.held),
    };
    let enough = |by: Price, atr: f64| by.is_positive() && by.to_f64() >= least * atr;
    enough(beyond, of_swept) && enough(behind, of_held)
}

/// The price that makes a swing of this side.
fn reach(side: Direction, bar: &Ohlc) -> Price {
    match side {
        Direction::Long => bar.high,
        Direction::Short => bar.low,
    }
}

fn further(side: Direction, one: Price, other: Price) -> Price {
    match side {
        Direction::Long => one.max(other),
        Direction::Short => one.min(other),
    }
}
