//! The live sources of a running server: what they tell, whose price of an instrument is taken, and how each of them is.

use crate::clock::Clock;
use crate::config::{AuthMode, Config, SourceName};
use crate::sources::{Audience, MadeOf, Need, Wanted};
use axum::Router;
use engine::Engine;
use feeds::health::{Health, Phase};
use feeds::inbox::{Inbox, Item, Outlet};
use feeds::metatrader::Bridge;
use feeds::ranking::{Kind, Ranking, Switched, Terms};
use feeds::supervise::Patience;
use feeds::symbols::Symbols;
use hub::Publication;
use market::{Catalog, Event, InstrumentId, SourceId, Span, Symbol, Tick, Time};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// The sources, running. Dropping them ends their connections.
#[derive(Debug)]
pub struct Live {
    inbox: Inbox,
    clock: feeds::clock::Clock,
    ranking: Ranking,
    /// In the catalog's order: best first.
    running: Vec<Running>,
    /// The number that the next source to begin is tried to be given.
    next: u8,
    /// The symbols of which a source may give prices for one's own use: nobody notes of whose prices a bar is made.
    own_use: BTreeSet<Symbol>,
    /// Own-use prices stay away from dashboards: they could be anybody's.
    hides: bool,
    switches: u64,
}

/// A source, running, or waiting for what it needs.
#[derive(Debug)]
struct Running {
    /// What it tells comes under this number, whatever its place in the catalog.
    number: SourceId,
    name: SourceName,
    symbols: Symbols,
    made_of: MadeOf,
    heartbeat: Option<Span>,
    audience: Audience,
    outlet: Outlet,
    /// The paths it is called on.
    router: Router,
    bridge: Option<Bridge>,
    tasks: JoinSet<()>,
}

/// What the sources bring beside prices: the paths on which some of them are called.
#[derive(Debug)]
pub struct Started {
    pub live: Live,
    pub router: Router,
}

impl Running {
    fn is(&self, wanted: &Wanted) -> bool {
        (&self.name, &self.symbols, &self.made_of)
            == (&wanted.name, &wanted.symbols, &wanted.made_of)
    }

    fn kind(&self) -> Kind {
        Kind {
            heartbeat: self.heartbeat,
        }
    }

    /// Ends it, and waits until it has let go of what another one may need.
    async fn end(mut self) {
        if let Some(bridge) = &self.bridge {
            bridge.stop();
        }
        self.tasks.shutdown().await;
    }
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
        let clock = {
            let clock = Arc::clone(clock);
            feeds::clock::Clock::new(move || clock.now())
        };
        let mut live = Self {
            ranking: Ranking::new(&[], catalog.instruments.len(), Terms::default()),
            inbox: Inbox::default(),
            clock,
            running: Vec::new(),
            next: 0,
            own_use: own_use(&wanted, &catalog),
            hides: hides_own_use(config),
            switches: 0,
        };
        for (place, source) in (0..).map(SourceId).zip(wanted) {
            let begun = live.begin(source, place, &catalog, engine);
            live.running.push(begun);
        }
        let kinds = live.running.iter().map(|source| (source.kind(), None));
        live.ranking.rearrange(&kinds.collect::<Vec<_>>());
        if let Some(engine) = engine {
            live.resume(engine);
        }
        let router = live.router();
        Started { live, router }
    }

    fn begin(
        &mut self,
        wanted: Wanted,
        place: SourceId,
        catalog: &Catalog,
        engine: Option<&Engine>,
    ) -> Running {
        let number = self.free_number();
        let seed = u64::from_ne_bytes(self.clock.now().nanos().to_ne_bytes());
        let outlet = self.inbox.outlet_as(
            number,
            &wanted.name.to_string(),
            catalog,
            &wanted.symbols,
            self.clock.clone(),
        );
        let mut running = Running {
            number,
            name: wanted.name,
            symbols: wanted.symbols,
            made_of: wanted.made_of,
            heartbeat: wanted.heartbeat,
            audience: wanted.audience,
            outlet: outlet.clone(),
            router: Router::new(),
            bridge: None,
            tasks: JoinSet::new(),
        };
        match wanted.run {
            Ok(run) => {
                let begun = run(outlet, Patience::default(), seed ^ u64::from(place.0));
                running.router = begun.router.unwrap_or_default();
                if let Some(bridge) = &begun.bridge {
                    resume_bridge(bridge, place, engine);
                }
                running.bridge = begun.bridge;
                running.tasks.spawn(begun.task);
            }
            Err(Need { reason, remedy }) => {
                tracing::error!(source = %running.name, reason, remedy, "the source cannot start");
                outlet.phase(Phase::Failed { reason, remedy });
            }
        }
        running
    }

    /// A number that no source has. What one that has ended may still tell comes under another for as long as can be.
    fn free_number(&mut self) -> SourceId {
        loop {
            let number = SourceId(self.next);
            self.next = self.next.wrapping_add(1);
            if self.running.iter().all(|source| source.number != number) {
                return number;
            }
        }
    }

    /// Whether other sources are wanted than these, or some with other settings or keys.
    #[must_use]
    pub fn differs(&self, wanted: &[Wanted]) -> bool {
        self.running.len() != wanted.len()
            || self.running.iter().zip(wanted).any(|(is, to)| !is.is(to))
    }

    /// Whether the same symbols stay away from dashboards when these sources are wanted.
    #[must_use]
    pub fn shows_the_same(&self, config: &Config, wanted: &[Wanted]) -> bool {
        let hides = hides_own_use(config);
        let own_use = own_use(wanted, &config.catalog());
        self.hides == hides && (!hides || self.own_use == own_use)
    }

    /// Goes on with these sources. One that has not changed goes on undisturbed, the others end or begin. `engine` knows the
    /// new catalog already. Gives back the places of those that began: whatever they told before, something was missed.
    pub async fn change(
        &mut self,
        config: &Config,
        wanted: Vec<Wanted>,
        engine: &Engine,
    ) -> Vec<SourceId> {
        let catalog = config.catalog();
        self.own_use = own_use(&wanted, &catalog);
        self.hides = hides_own_use(config);
        let places = (0..).map(SourceId);
        let mut before: Vec<_> = places.zip(std::mem::take(&mut self.running)).collect();
        let mut keep = |wanted: &Wanted| {
            let is = |(_, running): &mut (SourceId, Running)| running.is(wanted);
            before.extract_if(.., is).next()
        };
        let kept: Vec<_> = wanted.iter().map(&mut keep).collect();
        // First: whoever comes may need the port of whoever goes.
        for (_, gone) in before {
            tracing::info!(source = %gone.name, "the source ends, by its settings");
            gone.end().await;
        }
        let (mut kinds, mut begun) = (Vec::new(), Vec::new());
        for ((place, wanted), kept) in (0..).map(SourceId).zip(wanted).zip(kept) {
            let (was, running) = match kept {
                Some((was, running)) => (Some(was), running),
                None => {
                    tracing::info!(source = %wanted.name, "the source begins, by its settings");
                    begun.push(place);
                    (None, self.begin(wanted, place, &catalog, Some(engine)))
                }
            };
            kinds.push((running.kind(), was));
            self.running.push(running);
        }
        self.ranking.rearrange(&kinds);
        for id in instruments(engine) {
            if self.ranking.current(id) != Some(engine.source(id)) {
                self.ranking.release(id);
            }
        }
        begun
    }

    /// The paths on which sources are called.
    pub fn router(&self) -> Router {
        let routers = self.running.iter().map(|source| source.router.clone());
        routers.fold(Router::new(), Router::merge)
    }

    fn resume(&mut self, engine: &Engine) {
        for id in instruments(engine) {
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
        let bridges = self.running.iter().filter_map(|of| of.bridge.as_ref());
        bridges.for_each(Bridge::stop);
    }

    /// What the engine is to hear of it.
    pub fn events(&mut self, at: Time, item: Item, catalog: &Catalog, events: &mut Vec<Event>) {
        let mut running = self.running.iter();
        // Of a source that has ended there is nothing more to hear.
        let Some(place) = running.position(|source| source.number == item.source) else {
            return;
        };
        let item = Item {
            source: SourceId(place as u8),
            told: item.told,
        };
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
        self.running.iter().map(|of| of.outlet.health()).collect()
    }

    #[must_use]
    pub fn outlets(&self) -> Vec<Outlet> {
        self.running.iter().map(|of| of.outlet.clone()).collect()
    }

    /// Where posted prices go, if they are wanted.
    #[must_use]
    pub fn posted_prices(&self) -> Option<Outlet> {
        let mut running = self.running.iter();
        let bots = running.find(|source| source.name == SourceName::Bots)?;
        Some(bots.outlet.clone())
    }

    /// How often an instrument's source changed after the first one.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// Whether dashboards may see a price of this source.
    #[must_use]
    pub fn may_show(&self, source: SourceId) -> bool {
        let source = self.running.get(source.index());
        !self.hides || source.is_none_or(|source| source.audience != Audience::Own)
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

fn instruments(engine: &Engine) -> impl Iterator<Item = InstrumentId> + use<> {
    (0..engine.settings().catalog.instruments.len() as u16).map(InstrumentId)
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
