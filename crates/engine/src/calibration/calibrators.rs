//! All calibrators: one for each of ORION's own setups and one for each sender, and what was said of the signals that are
//! open. A sender's record is his own: it moves nobody else's confidence.

use super::{Calibrator, Forecast, Raw, Resolved, Terms};
use crate::confidence::{Hit, Record};
use crate::setup::SetupKind;
use market::{Calibration, Price, Signal, Time, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Senders that are remembered; beyond them, whose last outcome is the oldest goes.
const SENDERS_MAX: usize = 64;

/// Who made a signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Whose {
    Own(SetupKind),
    /// The name of the key it came under.
    Sender(String),
}

impl Whose {
    /// As versions are kept under.
    fn name(&self) -> String {
        match self {
            Self::Own(setup) => setup.as_str().to_owned(),
            Self::Sender(sender) => format!("posted:{sender}"),
        }
    }
}

/// What was said of a signal when it was born.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Open {
    pub whose: Whose,
    pub created: Time,
    pub raw: Raw,
    pub forecast: Option<f64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calibrators {
    own: [Calibrator; SetupKind::ALL.len()],
    senders: BTreeMap<String, Sender>,
    /// Signals that are pending or run.
    open: BTreeMap<Uuid, Open>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Sender {
    record: Record,
    calibrator: Calibrator,
}

impl Calibrators {
    /// Fits anew if that is due.
    pub(crate) fn refresh(&mut self, whose: &Whose, at: Time, terms: Terms) -> Option<Calibration> {
        let calibrator = match whose {
            Whose::Own(setup) => &mut self.own[*setup as usize],
            Whose::Sender(sender) => &mut self.senders.get_mut(sender)?.calibrator,
        };
        calibrator.refresh(&whose.name(), at, terms)
    }

    /// What there is to say of a signal that is born now.
    pub(crate) fn forecast(&self, whose: &Whose, raw: &Raw) -> Forecast {
        match whose {
            Whose::Own(setup) => self.own[*setup as usize].forecast(raw),
            Whose::Sender(sender) => match self.senders.get(sender) {
                Some(known) => known.calibrator.forecast(raw),
                None => Calibrator::default().forecast(raw),
            },
        }
    }

    /// What became of a sender's signals; nothing of one who is not known.
    pub(crate) fn record_of(&self, sender: &str) -> Record {
        let known = self.senders.get(sender);
        known.map(|known| known.record.clone()).unwrap_or_default()
    }

    pub(crate) fn born(&mut self, id: Uuid, open: Open) {
        self.open.insert(id, open);
    }

    /// A signal was confirmed at this exit-side price. Of ORION's own setups others keep where that was.
    pub(crate) fn confirmed(&mut self, signal: &Signal, exit: Price) {
        if let Some(Open {
            whose: Whose::Sender(sender),
            ..
        }) = self.open.get(&signal.id)
        {
            let sender = sender.clone();
            self.sender(sender).record.confirm(signal, exit);
        }
    }

    /// A signal will not be followed further.
    pub(crate) fn forget(&mut self, id: Uuid) {
        self.open.remove(&id);
    }

    /// It is known whether a signal's first target came before its stop: says whose it was.
    pub(crate) fn resolve(&mut self, id: Uuid, hit: Hit, at: Time) -> Option<Whose> {
        let open = self.open.remove(&id)?;
        let resolved = Resolved {
            created: open.created,
            resolved: at,
            raw: open.raw,
            hit: hit == Hit::Yes,
            forecast: open.forecast,
        };
        match &open.whose {
            Whose::Own(setup) => self.own[*setup as usize].resolve(resolved),
            Whose::Sender(sender) => {
                let sender = self.sender(sender.clone());
                sender.record.resolve(hit);
                sender.calibrator.resolve(resolved);
            }
        }
        Some(open.whose)
    }

    pub(crate) fn outcomes_kept(&self) -> usize {
        let senders = self.senders.values().map(|sender| &sender.calibrator);
        let all = self.own.iter().chain(senders);
        all.map(|calibrator| calibrator.outcomes.len()).sum()
    }

    fn sender(&mut self, name: String) -> &mut Sender {
        if self.senders.len() >= SENDERS_MAX && !self.senders.contains_key(&name) {
            let newest = |known: &(&String, &Sender)| known.1.calibrator.newest();
            let oldest = self.senders.iter().min_by_key(newest);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                self.senders.remove(&oldest);
            }
        }
        self.senders.entry(name).or_default()
    }
}
