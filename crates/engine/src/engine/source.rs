//! What is known of each source, and what follows when it speaks, shows life, misses something, or gives way to another.

use super::Engine;
use crate::pulse::Pulse;
use crate::rules::Settings;
use market::{InstrumentId, Source, SourceId, SourceTime, Span, Time};
use serde::{Deserialize, Serialize};

/// What is known of a source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SourceState {
    pub(super) name: String,
    /// When it last showed life.
    pub(super) heard: Time,
    /// When it last told a price.
    pub(super) told: Time,
    /// The newest time it wrote, and the time before which its bars are closed.
    pub(super) newest: SourceTime,
    pub(super) watermark: SourceTime,
    /// When the next bar of one of its instruments ends.
    pub(super) next_end: SourceTime,
    /// A gap was told and no price has come since. Its bars stay open: bars of the past may still mend them.
    pub(super) in_gap: bool,
}

impl SourceState {
    /// Whether its bars close by our clock while it is silent: once it has told a price, unless something is missed that
    /// bars of the past may still bring.
    pub(super) fn closes_by_clock(&self) -> bool {
        self.told != Time::MIN && !self.in_gap
    }
}

impl Engine {
    /// A source has written something: its watermark moves on. Says also whether it was thought dead or has missed something,
    /// which changes all its desks.
    pub(super) fn hear(
        &mut self,
        at: Time,
        instrument: InstrumentId,
        time: SourceTime,
        grace: Span,
    ) -> (SourceId, bool) {
        let id = self.state.desks[instrument.index()].source;
        let was_silent = self.show_life(at, id);
        let source = &mut self.state.sources[id.index()];
        source.told = at;
        source.newest = source.newest.max(time);
        source.watermark = source.watermark.max(source.newest - grace);
        let changes_all = std::mem::take(&mut source.in_gap) || was_silent;
        if changes_all {
            for desk in self.desks_of(id) {
                desk.bars.end_hole(time);
            }
        }
        let bars = &mut self.state.desks[instrument.index()].bars;
        if bars.in_hole() {
            bars.end_hole(time);
        }
        (id, changes_all)
    }

    /// A source showed life without a price: what was hushed is shown again. A hole ends with a price only, whose time
    /// tells how far it reached.
    pub(super) fn life(&mut self, at: Time, id: SourceId) {
        if id.index() < self.state.sources.len() && self.show_life(at, id) {
            self.after();
        }
    }

    /// Notes that a source lives; says whether it was thought dead.
    fn show_life(&mut self, at: Time, id: SourceId) -> bool {
        let stale = Span::from_secs(i64::from(self.settings.prices.source_stale_s));
        let source = &mut self.state.sources[id.index()];
        let silence = at - std::mem::replace(&mut source.heard, at);
        let was_silent = silence >= stale;
        if (was_silent || source.in_gap) && self.settings.catalog.sources[id.index()].heartbeats {
            for desk in self.desks_of(id) {
                desk.pulse.rouse();
                if was_silent {
                    desk.pulse.refresh(at);
                }
            }
        }
        was_silent
    }

    /// Something of a source was missed.
    pub(super) fn gap(&mut self, id: SourceId) {
        let Some(source) = self.state.sources.get_mut(id.index()) else {
            return;
        };
        source.in_gap = true;
        let from = source.watermark;
        self.desks_of(id).for_each(|desk| desk.bars.mark_hole(from));
        self.find_wake();
    }

    /// An instrument's prices come from another source from now on, or from the same one after a break.
    pub(super) fn switch(&mut self, at: Time, instrument: InstrumentId, to: SourceId) {
        let Settings {
            catalog, prices, ..
        } = &*self.settings;
        if to.index() >= catalog.sources.len() {
            return;
        }
        let desk = &mut self.state.desks[instrument.index()];
        let from = std::mem::replace(&mut desk.source, to);
        desk.bars
            .mark_hole(self.state.sources[from.index()].watermark);
        if from == to {
            return;
        }
        let stale = |pulse: &Pulse, source: SourceId| {
            let heard = self.state.sources[source.index()].heard;
            pulse.is_stale(at, &catalog.sources[source.index()], heard, prices)
        };
        if stale(&desk.pulse, from) && !stale(&desk.pulse, to) {
            desk.pulse.refresh(at);
        }
        desk.forget_usual_spread();
        desk.pulse.forget_hours();
        desk.pulse.rouse();
        let next_end = desk.bars.next_end();
        self.find_next_end(from);
        self.after_one(instrument, to, next_end);
    }
}

/// Sources that have not told anything yet.
pub(super) fn sources(settings: &Settings) -> Vec<SourceState> {
    let fresh = |source: &Source| SourceState {
        name: source.name.clone(),
        heard: Time::MIN,
        told: Time::MIN,
        newest: SourceTime::MIN,
        watermark: SourceTime::MIN,
        next_end: SourceTime::MAX,
        in_gap: false,
    };
    settings.catalog.sources.iter().map(fresh).collect()
}
