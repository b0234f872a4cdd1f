//! How the feed of each shown symbol stands, as the `status` channel tells it: what has changed since it was last asked.

use engine::Engine;
use market::{FeedState, InstrumentId, SymbolStatus, Time};

/// What was last told.
#[derive(Clone, Debug, Default)]
pub struct Statuses(Vec<SymbolStatus>);

impl Statuses {
    /// What is new or has changed, in the catalog's order.
    pub fn changed(&mut self, engine: &Engine, now: Time) -> Vec<SymbolStatus> {
        let statuses = of(engine, now);
        let is_news = |(place, status): &(usize, &SymbolStatus)| {
            self.0.get(*place).is_none_or(|told| told != *status)
        };
        let news: Vec<_> = statuses.iter().enumerate().filter(is_news).collect();
        let news = news.into_iter().map(|(_, status)| status.clone()).collect();
        self.0 = statuses;
        news
    }
}

/// How every shown symbol stands now.
#[must_use]
pub fn of(engine: &Engine, now: Time) -> Vec<SymbolStatus> {
    let catalog = &engine.settings().catalog;
    let shown = (0_u16..)
        .zip(&catalog.instruments)
        .filter(|(_, instrument)| instrument.prices);
    let status = |(place, instrument): (u16, &market::Instrument)| {
        let id = InstrumentId(place);
        let (feed, since) = engine.feed(now, id);
        let source = &catalog.sources[engine.source(id).index()];
        SymbolStatus {
            symbol: instrument.symbol,
            feed,
            since,
            source: (feed != FeedState::Silent).then(|| source.name.clone()),
            simulated: source.simulated,
        }
    };
    shown.map(status).collect()
}
