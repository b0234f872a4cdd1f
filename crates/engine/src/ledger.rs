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
            open: tally.open + 1,
            day,
            born: born + 1,
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
