//! A stand-in, a source that uses it, and words to speak of what was told.

pub(crate) use access::Secret;
pub(crate) use feeds::clock::Clock;
pub(crate) use feeds::health::{Coverage, Phase};
pub(crate) use feeds::inbox::{Inbox, Item, Outlet, Told};
pub(crate) use feeds::massive::decode::{Element, decode};
pub(crate) use feeds::massive::{Cluster, Deadlines, Massive, Settings};
pub(crate) use feeds::quarantine::Reason;
pub(crate) use feeds::supervise::{Connector, End, Patience, supervise};
pub(crate) use feeds::symbols::Symbols;
pub(crate) use futures_util::SinkExt;
pub(crate) use market::{
    Catalog, InstrumentId, Price, PriceKind, QuoteBar, SourceId, Span, Tick, Time,
};
pub(crate) use standin::massive::{Asked, Bar, Massive as Standin, NextPage, Script};
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicI64, Ordering};
pub(crate) use std::time::Duration;
pub(crate) use tokio::task::JoinHandle;
pub(crate) use tokio::time::timeout;
pub(crate) use tokio_tungstenite::tungstenite::Message;

/// 2026-07-13T12:00:00Z, a Monday: the one moment of these tests.
pub(crate) const NOW_MS: i64 = 1_783_944_000_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
/// The Friday before, 17:00 in New York.
pub(crate) const FRIDAY_CLOSE_MS: i64 = 1_783_717_200_000;
pub(crate) const KEY: &str = "KEY-5f2a";

/// Long enough for a busy machine, short enough to wait for.
pub(crate) const DEADLINES: Deadlines = Deadlines {
    answer: Duration::from_secs(1),
    ping: Duration::from_millis(50),
    silence: Duration::from_secs(1),
    retry: Duration::from_millis(5),
    limited: Duration::from_millis(5),
};

pub(crate) fn script() -> Script {
    let key = KEY.to_owned();
    Script {
        key,
        ..Script::default()
    }
}

/// A stand-in, and a source that is to use it.
pub(crate) struct Scene {
    pub(crate) standin: Standin,
    pub(crate) catalog: Catalog,
    pub(crate) inbox: Inbox,
    pub(crate) outlet: Outlet,
    /// What time it is, in milliseconds.
    pub(crate) now: Arc<AtomicI64>,
    /// All that was told, but signs of life.
    pub(crate) told: Vec<Told>,
    pub(crate) source: Option<Massive>,
}

impl Scene {
    pub(crate) async fn new(cluster: Cluster, script: Script) -> Self {
        Self::with(cluster, script, |_| ()).await
    }

    pub(crate) async fn with(
        cluster: Cluster,
        script: Script,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let standin = Standin::start(script).await.unwrap();
        let mut settings = Settings {
            ws_url: standin.ws_url(),
            rest_url: standin.rest_url(),
            backfill_hours: 0,
            calls_per_minute: 0,
            ..Settings::default()
        };
        change(&mut settings);
        let catalog = cash_catalog();
        let symbols = Symbols::new(&catalog, cluster.offers(), &settings.symbols).unwrap();
        let inbox = Inbox::default();
        let now = Arc::new(AtomicI64::new(NOW_MS));
        let shown = Arc::clone(&now);
        let clock = Clock::new(move || Time::from_millis(shown.load(Ordering::Relaxed)));
        let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
        let key = Secret::new(KEY);
        let source = Massive::new(settings, key, &symbols, &catalog, cluster);
        Self {
            standin,
            inbox,
            outlet,
            now,
            told: Vec::new(),
            source: Some(source.with_deadlines(DEADLINES)),
            catalog,
        }
    }

    /// Connects once.
    pub(crate) fn connect(&mut self) -> JoinHandle<End> {
        let (mut source, outlet) = (self.source.take().unwrap(), self.outlet.clone());
        tokio::spawn(async move { source.connect(&outlet).await })
    }

    pub(crate) async fn end(&mut self) -> End {
        timeout(Duration::from_secs(20), self.connect())
            .await
            .unwrap()
            .unwrap()
    }

    /// Waits until what was told satisfies `enough`.
    pub(crate) async fn until(&mut self, enough: impl Fn(&[Told]) -> bool) {
        while !enough(&self.told) {
            let mut items: Vec<Item> = Vec::new();
            let more = self.inbox.take(&mut items, 1000);
            timeout(Duration::from_secs(20), more)
                .await
                .expect("more is told");
            let told = items.into_iter().map(|item| item.told);
            self.told.extend(told.filter(|told| *told != Told::Life));
        }
    }

    pub(crate) async fn ticks(&mut self, count: usize) -> Vec<Tick> {
        self.until(|told| ticks(told).len() >= count).await;
        ticks(&self.told)
    }

    pub(crate) async fn bars(&mut self) -> Vec<QuoteBar> {
        self.until(|told| told.iter().any(|told| matches!(told, Told::Past(_))))
            .await;
        past(&self.told)
    }

    pub(crate) async fn subscribed(&self, topic: &str) {
        let waiting = self.standin.subscribed(topic);
        timeout(Duration::from_secs(20), waiting)
            .await
            .expect("it subscribes");
    }

    pub(crate) fn id(&self, symbol: &str) -> InstrumentId {
        self.catalog.find(symbol).unwrap()
    }

    pub(crate) fn coverage(&self, symbol: &str) -> Coverage {
        self.outlet.health().symbols[&self.id(symbol)]
            .coverage
            .clone()
    }
}

/// Everything in it is a cash price, so that the indices are taken.
pub(crate) fn cash_catalog() -> Catalog {
    let mut catalog = crate::sample::catalog();
    for instrument in &mut catalog.instruments {
        instrument.kind = PriceKind::Cash;
    }
    catalog
}

pub(crate) fn ticks(told: &[Told]) -> Vec<Tick> {
    let tick = |told: &Told| match told {
        Told::Tick(tick) => Some(tick.clone()),
        Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
    };
    told.iter().filter_map(tick).collect()
}

pub(crate) fn past(told: &[Told]) -> Vec<QuoteBar> {
    let bars = |told: &Told| match told {
        Told::Past(bars) => bars.clone(),
        Told::Life | Told::Began | Told::Ended | Told::Tick(_) | Told::PreviousClose(_) => {
            Vec::new()
        }
    };
    told.iter().flat_map(bars).collect()
}

/// Previous closes as symbol, price and time.
pub(crate) fn closes(scene: &Scene) -> Vec<(String, String, String)> {
    let close = |told: &Told| match told {
        Told::PreviousClose(close) => {
            let symbol = scene.catalog.instrument(close.instrument).symbol;
            Some((
                symbol.to_string(),
                close.price.to_string(),
                close.time.to_string(),
            ))
        }
        Told::Life | Told::Began | Told::Ended | Told::Tick(_) | Told::Past(_) => None,
    };
    scene.told.iter().filter_map(close).collect()
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

pub(crate) fn said(standin: &Standin) -> Vec<String> {
    let said = |asked| match asked {
        Asked::Said(text) => Some(text),
        Asked::Opened(_) | Asked::Called { .. } => None,
    };
    standin.asked().into_iter().filter_map(said).collect()
}

pub(crate) fn called(standin: &Standin) -> Vec<String> {
    let called = |asked| match asked {
        Asked::Called { path, key } => {
            assert!(
                key && !path.contains(KEY),
                "the key is in the header only: {path}"
            );
            Some(path)
        }
        Asked::Opened(_) | Asked::Said(_) => None,
    };
    standin.asked().into_iter().filter_map(called).collect()
}

pub(crate) fn reason(end: &End) -> &str {
    let (End::Transient { reason }
    | End::Later { reason, .. }
    | End::Contested { reason, .. }
    | End::Fatal { reason, .. }) = end;
    assert!(!reason.contains(KEY), "{reason}");
    reason
}

pub(crate) fn is_transient(end: &End, part: &str) {
    assert!(matches!(end, End::Transient { .. }), "{end:?}");
    assert!(reason(end).contains(part), "{end:?}");
}

pub(crate) fn is_fatal(end: &End, part: &str) {
    assert!(matches!(end, End::Fatal { .. }), "{end:?}");
    assert!(reason(end).contains(part), "{end:?}");
}
