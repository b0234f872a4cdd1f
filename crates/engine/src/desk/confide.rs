//! How confident ORION is of a signal that is born here, and what it learns when that is resolved. signals.md, section 8.

use super::{Context, Desk};
use crate::calibration::{Forecast, Open, Raw, Terms, Whose};
use crate::confidence::{self, Hit, Odds, Record};
use crate::engine::{Output, Shared};
use crate::features::Facts;
use crate::setup::SetupKind;
use market::{Backing, Outcome, OutcomeKind, Probability, Signal};

impl Desk {
    /// What the score of one of ORION's own is made of.
    pub(super) fn raw(&self, signal: &Signal, context: &Context) -> Raw {
        let (facts, settings) = (Facts::of(signal), context.settings);
        let features =
            facts.and_then(|facts| self.score_features(facts, signal.entry_time, settings));
        features.map_or(Raw::Nothing, |features| Raw::Features(Box::new(features)))
    }
}

impl Shared {
    pub(crate) fn record(&mut self, setup: SetupKind) -> &mut Record {
        &mut self.records[setup as usize]
    }
}

impl Context<'_> {
    /// Fits anew what is due: before a signal is born, and when one is resolved.
    pub(crate) fn refresh(&mut self, whose: &Whose) {
        let terms = Terms::of(&self.settings.rules);
        let calibration = self.shared.calibrators.refresh(whose, self.at, terms);
        let told = calibration.map(|one| Output::Calibration(Box::new(one)));
        self.out.extend(told);
    }

    /// Gives a signal that is about to be born its confidence and the record behind it. `confirm` is how far beyond the entry,
    /// in price units, a bar has to close to confirm it.
    pub(super) fn confide(
        &self,
        signal: &mut Signal,
        whose: Whose,
        raw: Raw,
        confirm: f64,
    ) -> Open {
        let forecast = self.shared.calibrators.forecast(&whose, &raw);
        let (cold, backing) = self.cold(&whose, Odds::of(signal, confirm));
        signal.confidence = forecast.shown().map_or(cold, confidence::shown);
        signal.evidence.backing = Some(told(backing, &forecast));
        Open {
            whose,
            created: self.at,
            raw,
            forecast: forecast.calibrated,
        }
    }

    /// The confidence that the record alone gives, and the record.
    fn cold(&self, whose: &Whose, odds: Odds) -> (Probability, Backing) {
        let (shared, strength) = (&self.shared, self.settings.rules.prior_strength);
        match whose {
            Whose::Own(setup) => {
                let (record, all) = (&shared.records[*setup as usize], shared.records.iter());
                let cold = confidence::confidence(record, all, odds, strength);
                (cold, record.backing())
            }
            // What others post says nothing of this sender: his record is pulled towards the odds of the path alone.
            Whose::Sender(sender) => {
                let record = shared.calibrators.record_of(sender);
                let cold = confidence::confidence(&record, std::iter::empty(), odds, strength);
                (cold, record.backing())
            }
        }
    }

    /// Learns from what happened to a confirmed signal, if that decides about it.
    pub(super) fn learn(&mut self, outcome: &Outcome, resolved: Option<Hit>) {
        // Nobody saw how it went on.
        let is_known = outcome.kind != OutcomeKind::Closed;
        let hit = resolved.filter(|_| is_known);
        let calibrators = &mut self.shared.calibrators;
        let whose = hit.and_then(|hit| calibrators.resolve(outcome.id, hit, outcome.at));
        if outcome.last {
            calibrators.forget(outcome.id);
        }
        if let Some(whose) = whose {
            self.refresh(&whose);
        }
    }
}

/// A record, with what was made of it.
fn told(record: Backing, forecast: &Forecast) -> Backing {
    Backing {
        version: forecast.version,
        basis: forecast.basis,
        score: forecast.score.map(Probability::new),
        ..record
    }
}
