//! Pairs of symbols that move together: the bars of both wait for each other, and where one symbol holds while the other goes
//! on, the one that held may signal. This is the only place where desks meet.

use crate::rules::{Rules, Settings, SmtPair};
use crate::setup::Divided;
use crate::structure::{CorrelationGate, Divergence, Member, Relation, Smt};
use market::{Bar, InstrumentId, Ohlc, SourceTime, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Bars that wait, of each symbol: what fits is as much of the past as a correlation needs, and then some.
const WAITING_MAX: usize = 1024;

/// The pairs whose symbols both give signals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pairs(Vec<Pair>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Pair {
    pair: SmtPair,
    members: [InstrumentId; 2],
    smt: Smt,
    /// Bars that the other symbol has not closed yet, oldest first.
    waiting: [VecDeque<Waiting>; 2],
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    open_time: SourceTime,
    price: Ohlc,
    /// Our stamp; none for a bar of the past, which waits without end.
    since: Option<Time>,
}

impl Pairs {
    pub(crate) fn new(settings: &Settings) -> Self {
        let catalog = &settings.catalog;
        let find = |symbol: market::Symbol| {
            let id = catalog.find(symbol.as_str())?;
            catalog.instrument(id).signals.then_some(id)
        };
        let pair = |pair: &SmtPair| {
            let relation = match pair.inverse {
                true => Relation::Inverse,
                false => Relation::Together,
            };
            Some(Pair {
                pair: *pair,
                members: [find(pair.first)?, find(pair.second)?],
                smt: Smt::new(&settings.rules, relation, CorrelationGate::Shut),
                waiting: Default::default(),
            })
        };
        Self(settings.rules.smt_pairs.iter().filter_map(pair).collect())
    }

    /// Takes up changed settings: pairs of before go on where their periods are the same.
    pub(crate) fn adopt(&mut self, before: &Settings, settings: &Settings) {
        let old = std::mem::replace(self, Self::new(settings));
        if periods(&before.rules) != periods(&settings.rules) {
            return;
        }
        for mut known in old.0 {
            if let Some(pair) = self.0.iter_mut().find(|pair| pair.pair == known.pair) {
                known.members = pair.members;
                *pair = known;
            }
        }
    }

    /// Takes a closed bar of the setups' timeframe, and returns what divides with it: which instrument held, and how.
    /// `since` is our stamp, or none for a bar of the past.
    pub(crate) fn close(
        &mut self,
        id: InstrumentId,
        bar: &Bar,
        since: Option<Time>,
        rules: &Rules,
    ) -> Vec<(InstrumentId, Divided)> {
        let mut divided = Vec::new();
        for pair in &mut self.0 {
            for member in Member::ALL {
                if pair.members[member as usize] == id {
                    pair.close(member, bar, since, rules, &mut divided);
                }
            }
        }
        divided
    }
}

impl Pair {
    fn close(
        &mut self,
        member: Member,
        bar: &Bar,
        since: Option<Time>,
        rules: &Rules,
        divided: &mut Vec<(InstrumentId, Divided)>,
    ) {
        let (open_time, price) = (bar.open_time, bar.price);
        let theirs = &mut self.waiting[member.other() as usize];
        // Bars come in their order: what is older has no partner any more.
        while theirs
            .pop_front_if(|waiting| waiting.open_time < open_time)
            .is_some()
        {}
        let Some(other) = theirs.pop_front_if(|waiting| waiting.open_time == open_time) else {
            let ours = &mut self.waiting[member as usize];
            ours.push_back(Waiting {
                open_time,
                price,
                since,
            });
            if ours.len() > WAITING_MAX {
                ours.pop_front();
            }
            return;
        };
        let wait = Span::from_millis(i64::from(rules.smt_wait_ms));
        let waited = since.zip(other.since);
        if waited.is_some_and(|(now, since)| now - since > wait) {
            return;
        }
        let bars = match member {
            Member::First => [&price, &other.price],
            Member::Second => [&other.price, &price],
        };
        let mut found = Vec::new();
        self.smt.close(bars, rules, &mut found);
        let held = |one: &Divergence| self.members[one.swept.other() as usize];
        let swept = |one: &Divergence| match one.swept {
            Member::First => self.pair.first,
            Member::Second => self.pair.second,
        };
        divided.extend(found.iter().map(|one| {
            let divided = Divided {
                direction: one.direction,
                swept: swept(one),
                extreme: one.extreme,
                open_time,
            };
            (held(one), divided)
        }));
    }
}

/// What a pair is begun with.
fn periods(rules: &Rules) -> impl PartialEq {
    let Rules {
        setup_tf,
        atr_period,
        swing_left,
        swing_right,
        smt_win,
        smt_corr_win,
        ..
    } = *rules;
    (
        setup_tf,
        atr_period,
        swing_left,
        swing_right,
        smt_win,
        smt_corr_win,
    )
}

#[cfg(test)]
mod tests;
