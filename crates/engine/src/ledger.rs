//! The signals that are known by their ids: so that an alert that comes again is answered as the first time, and an id is
//! never used twice. Bounded: the newest are kept, and all that are open.

use crate::rules::Rules;
use market::{Accepted, Declined, Signal, Status, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Signals that are remembered, the open ones not counted.
const KNOWN_MAX: usize = 20_000;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    known: BTreeMap<Uuid, Known>,
    /// Oldest first.
    order: VecDeque<Uuid>,
    senders: BTreeMap<String, Tally>,
}

/// A signal that was born.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Known {
    pub status: Status,
    /// It is pending or runs.
    open: bool,
    /// How it was posted; absent for ORION's own.
    pub posted: Option<Box<Posted>>,
}

/// What somebody posted, and what he was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Posted {
    pub sender: String,
    pub digest: Uuid,
    pub answer: Accepted,
    /// The message that brought the sender's own verdict, and its answer.
    pub verdict: Option<(Uuid, Accepted)>,
}

impl Posted {
    /// The answer to the message with this digest, if it came before.
    pub(crate) fn answer_to(&self, digest: Uuid) -> Option<Accepted> {
        let first = (self.digest == digest).then_some(&self.answer);
        let verdict = self.verdict.as_ref();
        let verdict = verdict.filter(|(known, _)| *known == digest);
        let answer = first.or(verdict.map(|(_, answer)| answer))?;
        Some(Accepted {
            repeated: true,
            ..answer.clone()
        })
    }
}

/// What one sender has open, and how many were born on the newest of his days.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    open: u32,
    day: i32,
    born: u32,
}

impl Ledger {
    pub(crate) fn find(&self, id: Uuid) -> Option<&Known> {
        self.known.get(&id)
    }

    /// Whether a sender may have one more on this trading day.
    pub(crate) fn check(&self, sender: &str, day: i32, rules: &Rules) -> Result<(), Declined> {
        let Some(tally) = self.senders.get(sender) else {
            return Ok(());
        };
        let born = if tally.day == day { tally.born } else { 0 };
        let limits = [
            (
                tally.open,
                rules.posted_max_open,
                "signals open",
                "posted_max_open",
            ),
            (
                born,
                rules.posted_max_per_day,
                "signals on this trading day",
                "posted_max_per_day",
            ),
        ];
        let reached = |(count, limit, _, _): &(u32, u32, _, _)| *limit > 0 && count >= limit;
        match limits.into_iter().find(reached) {
            None => Ok(()),
            Some((count, _, what, key)) => Err(Declined::Cap {
                sender: sender.to_owned(),
                count,
                what,
                key,
            }),
        }
    }

    /// One of ORION's own was born.
    pub(crate) fn own(&mut self, signal: &Signal) {
        self.enter(signal.id, None);
    }

    /// A posted one was born on this trading day.
    pub(crate) fn post(&mut self, posted: Posted, day: i32) {
        let tally = self.senders.entry(posted.sender.clone()).or_default();
        let born = if tally.day == day { tally.born } else { 0 };
        *tally = Tally {
            open: tally.open.saturating_add(1),
            day,
            born: born.saturating_add(1),
        };
        self.enter(posted.answer.signal.id, Some(Box::new(posted)));
    }

    /// The sender's own verdict was taken.
    pub(crate) fn judged(&mut self, digest: Uuid, answer: Accepted) {
        let known = self.known.get_mut(&answer.signal.id);
        if let Some(posted) = known.and_then(|known| known.posted.as_mut()) {
            posted.verdict = Some((digest, answer));
        }
    }

    /// A signal was decided.
    pub(crate) fn decided(&mut self, signal: &Signal) {
        if let Some(known) = self.known.get_mut(&signal.id) {
            known.status = signal.status;
        }
        match signal.status {
            Status::Invalidated => self.close(signal.id),
            Status::Pending | Status::Confirmed => {}
        }
    }

    /// Nothing more will happen to a signal.
    pub(crate) fn close(&mut self, id: Uuid) {
        let Some(known) = self.known.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut known.open, false)
            && let Some(posted) = &known.posted
            && let Some(tally) = self.senders.get_mut(&posted.sender)
        {
            tally.open = tally.open.saturating_sub(1);
        }
    }

    fn enter(&mut self, id: Uuid, posted: Option<Box<Posted>>) {
        let (status, open) = (Status::Pending, true);
        let known = Known {
            status,
            open,
            posted,
        };
        if self.known.insert(id, known).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > KNOWN_MAX {
            let is_over = |id: &Uuid| self.known.get(id).is_none_or(|known| !known.open);
            let Some(place) = self.order.iter().position(is_over) else {
                return;
            };
            if let Some(forgotten) = self.order.remove(place) {
                self.known.remove(&forgotten);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::{
        Direction, Evidence, Killzone, Price, Probability, Ratio, SourceTime, Symbol, Time,
        Timeframe,
    };

    fn signal(id: u128) -> Signal {
        Signal {
            id: Uuid::from_u128(id),
            status: Status::Pending,
            direction: Direction::Long,
            symbol: Symbol::new("EURUSD").unwrap(),
            digits: 5,
            entry_time: SourceTime::from_secs(0),
            entry: Price::from_units(2),
            stop: Price::from_units(1),
            targets: Vec::new(),
            reason: String::new(),
            confidence: Probability::new(0.5),
            rr_target: Ratio::default(),
            killzone: Killzone::Asia,
            setup: "bot".to_owned(),
            timeframe: Timeframe::M5,
            simulated: false,
            created_at: Time::from_secs(0),
            decide_by: Time::from_secs(285),
            decided_at: None,
            cause: None,
            evidence: Evidence::default(),
        }
    }

    fn post(ledger: &mut Ledger, sender: &str, id: u128, day: i32) {
        let answer = Accepted {
            signal: Box::new(signal(id)),
            at: Time::from_secs(0),
            repeated: false,
            planned: false,
        };
        let posted = Posted {
            sender: sender.to_owned(),
            digest: Uuid::from_u128(id),
            answer,
            verdict: None,
        };
        ledger.post(posted, day);
    }

    #[test]
    fn the_newest_are_kept_and_all_that_are_open() {
        let mut ledger = Ledger::default();
        let count = KNOWN_MAX as u128 + 100;
        for id in 0..count {
            ledger.own(&signal(id));
            // The first ten stay open.
            if id >= 10 {
                ledger.close(Uuid::from_u128(id));
            }
        }
        assert_eq!(ledger.known.len(), KNOWN_MAX);
        assert_eq!(ledger.order.len(), KNOWN_MAX);
        let is_known = |id: u128| ledger.find(Uuid::from_u128(id)).is_some();
        assert!((0..10).all(is_known));
        assert!(!(10..110).any(is_known));
        assert!((110..count).all(is_known));
    }

    #[test]
    fn caps_are_counted_per_sender_and_trading_day() {
        let rules = Rules {
            posted_max_open: 2,
            posted_max_per_day: 3,
            ..Rules::default()
        };
        let mut ledger = Ledger::default();
        post(&mut ledger, "a", 1, 7);
        post(&mut ledger, "a", 2, 7);
        let key = |ledger: &Ledger, sender: &str, day| match ledger.check(sender, day, &rules) {
            Err(Declined::Cap { key, count, .. }) => Some((key, count)),
            Ok(()) => None,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(key(&ledger, "a", 7), Some(("posted_max_open", 2)));
        assert_eq!(key(&ledger, "b", 7), None);
        // Closed twice counts once.
        ledger.close(Uuid::from_u128(1));
        ledger.close(Uuid::from_u128(1));
        assert_eq!(key(&ledger, "a", 7), None);
        post(&mut ledger, "a", 3, 7);
        ledger.close(Uuid::from_u128(2));
        assert_eq!(key(&ledger, "a", 7), Some(("posted_max_per_day", 3)));
        assert_eq!(key(&ledger, "a", 8), None);
        let unlimited = Rules {
            posted_max_open: 0,
            posted_max_per_day: 0,
            ..rules.clone()
        };
        post(&mut ledger, "a", 4, 7);
        assert_eq!(ledger.check("a", 7, &unlimited), Ok(()));
    }
}
