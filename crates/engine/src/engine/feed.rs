//! How the feed of an instrument stands, and since when: worked out when it is asked for, from what the desk and its source
//! remember and from the market's hours.

use super::Engine;
use crate::session;
use market::{FeedState, InstrumentId, Time};

impl Engine {
    /// How the feed of an instrument stands at `at`, which is not before [`Engine::now`], and since when. What has never
    /// told a price is silent since the process began.
    #[must_use]
    pub fn feed(&self, at: Time, id: InstrumentId) -> (FeedState, Time) {
        let desk = &self.state.desks[id.index()];
        let Some(now) = desk.pulse.market_time(at) else {
            return (FeedState::Silent, self.state.started);
        };
        let instrument = self.settings.catalog.instrument(id);
        let source = &self.settings.catalog.sources[desk.source.index()];
        // When the market last opened or closed, by our clock; never, where it is always open.
        let turned = session::last_turn(instrument, source, now);
        let turned = turned.map_or(Time::MIN, |turned| at - (now - turned));
        if !session::is_open(instrument, source, now) {
            return (FeedState::Closed, turned);
        }
        let heard = self.state.sources[desk.source.index()].heard;
        let stale_at = desk.pulse.stale_at(source, heard, &self.settings.prices);
        if stale_at <= at {
            (FeedState::Stale, stale_at.max(turned))
        } else {
            (FeedState::Live, desk.pulse.fresh_since().max(turned))
        }
    }
}
