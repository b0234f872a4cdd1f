//! The live sources of a running server: what they tell, whose price of an instrument is taken, and how each of them is.

use crate::clock::Clock;
use crate::config::{AuthMode, Config, SourceName};
use crate::sources::{Audience, Wanted};
use axum::Router;
use engine::Engine;
use feeds::health::{Health, Phase};
use feeds::inbox::{Inbox, Item, Outlet};
use feeds::metatrader::Bridge;
use feeds::ranking::{Kind, Ranking, Switched, Terms};
use feeds::supervise::Patience;
use hub::Publication;
use market::{Catalog, Event, InstrumentId, SourceId, Symbol, Tick, Time};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The sources, running. Dropping them ends their connections.
#[derive(Debug)]
pub struct Live {
    inbox: Inbox,
    ranking: Ranking,
    outlets: Vec<Outlet>,
    audiences: Vec<Audience>,
    /// The symbols of which a source may give prices for one's own use: nobody notes of whose prices a bar is made.
    own_use: BTreeSet<Symbol>,
    /// Own-use prices stay away from dashboards: they could be anybody's.
    hides: bool,
    switches: u64,
    bridges: Vec<Bridge>,
    _tasks: JoinSet<()>,
}

/// What the sources bring beside prices: the paths on which some of them are called.
#[derive(Debug)]
pub struct Started {
    pub live: Live,
    pub router: Router,
}

impl Live {
    /// Starts every source that can be, each with patience of its own. What cannot start is told once, here and in its
    /// health. It goes on where `engine` is: with the sources whose prices that took last.
    #[must_use]
    pub fn start(
        config: &Config,
        wanted: Vec<Wanted>,
        clock: &Arc<Clock>,
        engine: Option<&Engine>,
    ) -> Started {
        let catalog = config.catalog();
        let inbox = Inbox::default();
        let seed = u64::from_ne_bytes(clock.now().nanos().to_ne_bytes());
        let feed_clock = {
            let clock = Arc::clone(clock);
            feeds::clock::Clock::new(move || clock.now())
        };
        let kinds: Vec<_> = wanted
            .iter()
            .map(|source| Kind {
                heartbeat: source.heartbeat,
            })
            .collect();
        let mut live = Self {
            ranking: Ranking::new(&kinds, catalog.instruments.len(), Terms::default()),
            inbox,
            outlets: Vec::new(),
            audiences: wanted.iter().map(|source| source.audience).collect(),
            own_use: own_use(&wanted, &catalog),
            hides: hides_own_use(config),
            switches: 0,
            bridges: Vec::new(),
            _tasks: JoinSet::new(),
        };
        let mut router = Router::new();
        for (place, source) in (0_u8..).zip(wanted) {
            let id = SourceId(place);
            let outlet = live
                .inbox
                .outlet(id, &catalog, &source.symbols, feed_clock.clone());
            live.outlets.push(outlet.clone());
            match source.run {
                Ok(run) => {
                    let begun = run(outlet, Patience::default(), seed ^ u64::from(place));
                    if let Some(routes) = begun.router {
                        router = router.merge(routes);
                    }
                    if let Some(bridge) = begun.bridge {
                        resume_bridge(&bridge, id, engine);
                        live.bridges.push(bridge);
                    }
                    live._tasks.spawn(begun.task);
                }
                Err(need) => {
                    tracing::error!(source = %source.name, reason = need.reason, remedy = need.remedy, "the source cannot start");
                    let (reason, remedy) = (need.reason, need.remedy);
                    outlet.phase(Phase::Failed { reason, remedy });
                }
            }
        }
        if let Some(engine) = engine {
            live.resume(engine);
        }
        Started { live, router }
    }

    fn resume(&mut self, engine: &Engine) {
        let instruments = engine.settings().catalog.instruments.len() as u16;
        for id in (0..instruments).map(InstrumentId) {
            if engine.heard(engine.source(id)).is_some() {
                self.ranking.resume(id, engine.source(id));
            }
        }
    }

    /// Waits for what sources tell.
    pub async fn take(&self, items: &mut Vec<Item>, max: usize) {
        self.inbox.take(items, max).await;
    }

    /// What is there now, without waiting; says whether it was anything.
    pub fn take_rest(&self, items: &mut Vec<Item>) -> bool {
        self.inbox.try_take(items, usize::MAX) > 0
    }

    /// The end in good order: all that was told is kept.
    pub fn stop(&self) {
        self.bridges.iter().for_each(Bridge::stop);
    }

    /// What the engine is to hear of it.
    pub fn events(&mut self, at: Time, item: Item, catalog: &Catalog, events: &mut Vec<Event>) {
        if let Some(switched) = self.ranking.take(at, item, events) {
            self.switches += u64::from(switched.from.is_some());
            self.log(&switched, catalog);
        }
    }

    fn log(&self, switched: &Switched, catalog: &Catalog) {
        let name = |id: SourceId| catalog.sources[id.index()].name.as_str();
        let symbol = catalog.instrument(switched.instrument).symbol;
        let to = name(switched.to);
        match switched.from {
            None => tracing::info!(%symbol, source = to, "prices flow"),
            Some(from) if from < switched.to => {
                tracing::warn!(%symbol, from = name(from), to, "another source took over; dashboards see its prices");
            }
            Some(from) => {
                tracing::info!(%symbol, from = name(from), to, "the better source is back");
            }
        }
    }

    /// How every source is, best first.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        self.outlets.iter().map(Outlet::health).collect()
    }

    #[must_use]
    pub fn outlets(&self) -> Vec<Outlet> {
        self.outlets.clone()
    }

    /// Where posted prices go, if they are wanted.
    #[must_use]
    pub fn posted_prices(&self) -> Option<Outlet> {
        let bots = SourceName::Bots.to_string();
        let mut outlets = self.outlets.iter();
        outlets.find(|outlet| outlet.name() == bots).cloned()
    }

    /// How often an instrument's source changed after the first one.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// Whether dashboards may see a price of this source.
    #[must_use]
    pub fn may_show(&self, source: SourceId) -> bool {
        let audience = self.audiences.get(source.index());
        !self.hides || audience != Some(&Audience::Own)
    }

    /// Whether bars of a symbol may be shown to whoever reaches this server.
    pub(crate) fn shows(&self, symbol: Symbol) -> bool {
        !(self.hides && self.own_use.contains(&symbol))
    }

    /// Takes out the prices that dashboards may not see, and the bars that may be made of such.
    pub fn hide(&self, publication: &mut Publication, engine: &Engine) {
        if !self.hides {
            return;
        }
        let catalog = &engine.settings().catalog;
        publication.prices.retain(|price| {
            let id = catalog.find(price.symbol.as_str());
            id.is_none_or(|id| self.may_show(engine.source(id)))
        });
        let own_use = &self.own_use;
        publication
            .bars
            .retain(|bar| !own_use.contains(&bar.symbol));
    }
}

fn own_use(wanted: &[Wanted], catalog: &Catalog) -> BTreeSet<Symbol> {
    let own = wanted.iter().filter(|of| of.audience == Audience::Own);
    let instruments = own.flat_map(|of| of.symbols.iter());
    instruments
        .map(|(id, _)| catalog.instrument(id).symbol)
        .collect()
}

/// What advisors sent and the last run kept is not taken again.
fn resume_bridge(bridge: &Bridge, source: SourceId, engine: Option<&Engine>) {
    let Some(engine) = engine else {
        return;
    };
    let catalog = &engine.settings().catalog;
    for price in engine.prices() {
        if let Some(instrument) = catalog.find(price.symbol.as_str())
            && engine.source(instrument) == source
        {
            bridge.resume(Tick {
                instrument,
                bid: price.bid,
                ask: price.ask,
                volume: price.volume,
                time: price.time,
                received: None,
            });
        }
    }
}

/// Whether prices that are for the operator's own use must be kept from dashboards: anybody can reach an address that is
/// not of this machine or a private network, and not everybody has to say who he is.
#[must_use]
pub fn hides_own_use(config: &Config) -> bool {
    !config.feed.may_show_to_others
        && config.auth.mode != AuthMode::Required
        && is_public(config.server.listen.ip())
}

/// Whether others than this machine and its private network can reach an address.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_public() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("192.168.1.7", false),
            ("10.0.0.1", false),
            ("::1", false),
            ("fd00::1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("203.0.113.9", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }
}
