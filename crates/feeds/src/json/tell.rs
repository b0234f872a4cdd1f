//! From what a frame says to the outlet: prices, coverage, signs of life, errors. The same for both kinds of source.

use super::Json;
use super::decode::{Failed, Found};
use super::form::Class;
use super::weekend::Weekend;
use crate::health::Coverage;
use crate::inbox::Outlet;
use crate::supervise::End;
use market::{InstrumentId, Price, SourceTime, Tick};
use std::collections::BTreeSet;

/// What the connection has to do about a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Do {
    Nothing,
    /// Log in, or subscribe: the vendor waits.
    Begin,
    /// Subscribe: the login was good.
    Subscribe,
    /// Send this.
    Answer(String),
    Finish(End),
}

/// Tells one connection's news.
pub(super) struct Teller<'a> {
    json: &'a Json,
    outlet: &'a Outlet,
    weekend: Weekend,
    /// Asked for, and nothing heard about it.
    pub(super) waiting: BTreeSet<InstrumentId>,
    pub(super) refused: BTreeSet<InstrumentId>,
    pub(super) is_live: bool,
    unknown: u64,
}

impl<'a> Teller<'a> {
    pub(super) fn new(json: &'a Json, outlet: &'a Outlet) -> Self {
        Self {
            json,
            outlet,
            weekend: Weekend::default(),
            waiting: BTreeSet::new(),
            refused: BTreeSet::new(),
            is_live: false,
            unknown: 0,
        }
    }

    /// Tells one thing that a frame said.
    pub(super) fn tell(&mut self, found: Found, frame: &str) -> Do {
        match found {
            Found::Quote {
                instrument,
                bid,
                ask,
                time,
            } => self.quote(instrument, bid, ask, time),
            Found::Confirmed(instrument) => self.confirmed(instrument),
            Found::Refused { instrument, reason } => return self.refused(instrument, &reason),
            Found::Welcome => return self.alive(Do::Begin),
            Found::Authenticated => return self.alive(Do::Subscribe),
            Found::Failed(failed) => return Do::Finish(self.end(failed)),
            Found::Life { answer } => return self.alive(answer.map_or(Do::Nothing, Do::Answer)),
            Found::Unknown => self.unknown(frame),
            Found::Malformed { instrument, why } => {
                let frame = self.json.cut(frame);
                self.outlet
                    .malformed(instrument, frame.as_bytes(), &self.json.cut(&why));
            }
        }
        Do::Nothing
    }

    /// Tells that the vendor sends from now on.
    pub(super) fn began(&mut self) {
        if !self.is_live {
            self.is_live = true;
            self.outlet.began();
        }
    }

    fn alive(&self, then: Do) -> Do {
        self.outlet.life();
        then
    }

    fn quote(
        &mut self,
        instrument: InstrumentId,
        bid: Price,
        ask: Price,
        time: Option<SourceTime>,
    ) {
        self.waiting.remove(&instrument);
        self.refused.remove(&instrument);
        self.began();
        let received = self.outlet.now();
        let time = time.unwrap_or(received.as_source());
        if !self.json.description.form.weekends && self.weekend.is(time) {
            self.outlet.life();
            self.outlet.coverage(instrument, Coverage::Confirmed);
            return;
        }
        let tick = Tick {
            instrument,
            bid,
            ask,
            volume: None,
            time,
            received: Some(received),
        };
        // What is turned away has been counted there.
        let _ = self.outlet.tick(tick);
    }

    fn confirmed(&mut self, instrument: InstrumentId) {
        self.waiting.remove(&instrument);
        self.refused.remove(&instrument);
        self.outlet.coverage(instrument, Coverage::Confirmed);
        self.outlet.life();
        self.began();
    }

    fn refused(&mut self, instrument: Option<InstrumentId>, reason: &str) -> Do {
        self.outlet.life();
        let reason = self.json.cut(reason);
        let theirs = instrument.and_then(|id| self.json.symbols.theirs(id));
        tracing::warn!(source = %self.outlet.name(), symbol = theirs, reason, "a subscription is refused");
        if let Some(instrument) = instrument {
            self.refuse(instrument, reason);
        }
        if self.json.description.form.retry_refused_s == 0.0 && self.is_all_refused() {
            return Do::Finish(End::fatal(
                "every symbol is refused",
                "check the names, and what the account may see",
            ));
        }
        Do::Nothing
    }

    pub(super) fn is_all_refused(&self) -> bool {
        self.json
            .symbols
            .iter()
            .all(|(id, _)| self.refused.contains(&id))
    }

    pub(super) fn refuse(&mut self, instrument: InstrumentId, reason: String) {
        self.waiting.remove(&instrument);
        self.refused.insert(instrument);
        self.outlet.coverage(instrument, Coverage::Refused(reason));
    }

    fn unknown(&mut self, frame: &str) {
        self.outlet.life();
        self.unknown += 1;
        if self.unknown.is_power_of_two() {
            let text = crate::quarantine::shorten(self.json.cut(frame).as_bytes());
            tracing::warn!(source = %self.outlet.name(), count = self.unknown, text, "no message of the description is like this one");
        }
    }

    fn end(&self, failed: Failed) -> End {
        let reason = self.json.cut(&failed.reason);
        let remedy = if failed.remedy.is_empty() {
            "see the source's page in docs/sources".to_owned()
        } else {
            failed.remedy
        };
        match failed.class {
            Class::Fatal => End::Fatal { reason, remedy },
            Class::Transient => End::Transient { reason },
            Class::Later => End::Later {
                reason,
                pause: failed.pause,
            },
            Class::Contested => End::Contested { reason, remedy },
        }
    }
}
