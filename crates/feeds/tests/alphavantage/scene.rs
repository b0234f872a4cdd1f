//! A stand-in, a source that uses it, and words to speak of what was told.

pub(crate) use access::Secret;
pub(crate) use feeds::alphavantage::{AlphaVantage, OFFERS, Settings};
pub(crate) use feeds::clock::Clock;
pub(crate) use feeds::health::{Coverage, Phase};
pub(crate) use feeds::inbox::{Inbox, Item, Outlet, Told};
pub(crate) use feeds::supervise::{Connector, End};
pub(crate) use feeds::symbols::Symbols;
pub(crate) use market::{Catalog, InstrumentId, Price, PriceKind, SourceId, Tick, Time};
pub(crate) use standin::alphavantage::{AlphaVantage as Standin, Canned, Script};
pub(crate) use std::time::Duration;
pub(crate) use tokio::task::JoinHandle;
pub(crate) use tokio::time::timeout;

/// 2026-07-13T12:00:00Z, a Monday, 08:00 in New York: the one moment of these tests.
const NOW_MS: i64 = 1_783_944_000_000;
pub(crate) const KEY: &str = "KEY";
const WITHIN: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    pub(crate) standin: Standin,
    pub(crate) outlet: Outlet,
    /// All that was told, but signs of life.
    pub(crate) told: Vec<Told>,
    catalog: Catalog,
    symbols: Symbols,
    settings: Settings,
    folder: tempfile::TempDir,
    inbox: Inbox,
}

impl Scene {
    pub(crate) async fn new(script: Script) -> Self {
        // So many calls that quotes follow each other at once.
        let many = |settings: &mut Settings| settings.calls_per_day = 1_000_000_000;
        let scene = Self::with(script, many).await;
        scene
            .standin
            .set(|script| script.calls_per_day = usize::MAX);
        scene
    }

    /// Two pairs, gold and an index, with a close and a quote each but for the index.
    pub(crate) async fn with(script: Script, change: impl FnOnce(&mut Settings)) -> Self {
        let standin = Standin::start(script).await.unwrap();
        standin.days(
            "EUR/USD",
            &[("2026-07-13", "1.1420"), ("2026-07-10", "1.1388")],
        );
        standin.days(
            "USD/JPY",
            &[("2026-07-10", "147.50"), ("2026-07-09", "146.0")],
        );
        standin.days("GOLD", &[("2026-07-10", "3600.5")]);
        standin.days("NDX", &[("2026-07-10", "22000.5")]);
        standin.rate(
            "EUR/USD",
            "1.1428",
            ("1.1427", "1.1429"),
            "2026-07-13 11:59:00",
        );
        standin.rate("USD/JPY", "148.199", ("-", "-"), "2026-07-13 11:58:00");
        standin.spot("GOLD", "3650.3", "2026-07-13 11:57:00");
        let mut settings = Settings {
            url: standin.url(),
            symbols: ["GBPUSD=", "US30=", "SPX500="].map(str::to_owned).to_vec(),
            spacing_ms: 1,
            ..Settings::default()
        };
        change(&mut settings);
        let catalog = cash_catalog();
        let symbols = Symbols::new(&catalog, OFFERS, &settings.symbols).unwrap();
        let inbox = Inbox::default();
        let clock = Clock::new(|| Time::from_millis(NOW_MS));
        let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
        Self {
            standin,
            outlet,
            told: Vec::new(),
            catalog,
            symbols,
            settings,
            folder: tempfile::tempdir().unwrap(),
            inbox,
        }
    }

    /// A process begins anew with the same folder.
    pub(crate) fn restart(&mut self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings);
        let clock = Clock::new(|| Time::from_millis(NOW_MS));
        self.inbox = Inbox::default();
        self.outlet = self
            .inbox
            .outlet(SourceId(0), &self.catalog, &self.symbols, clock);
    }

    fn source(&self) -> AlphaVantage {
        let state = self.folder.path().join("alphavantage.json");
        let key = Secret::new(KEY);
        AlphaVantage::new(
            self.settings.clone(),
            key,
            &self.symbols,
            &self.catalog,
            state,
        )
    }

    pub(crate) fn connect(&self) -> JoinHandle<End> {
        let (mut source, outlet) = (self.source(), self.outlet.clone());
        tokio::spawn(async move { source.connect(&outlet).await })
    }

    pub(crate) async fn end(&self) -> End {
        timeout(WITHIN, self.connect()).await.unwrap().unwrap()
    }

    pub(crate) async fn until(&mut self, enough: impl Fn(&[Told]) -> bool) {
        while !enough(&self.told) {
            let mut items: Vec<Item> = Vec::new();
            let more = self.inbox.take(&mut items, 1000);
            timeout(WITHIN, more).await.expect("more is told");
            let told = items.into_iter().map(|item| item.told);
            self.told.extend(told.filter(|told| *told != Told::Life));
        }
    }

    pub(crate) async fn ticks(&mut self, count: usize) -> Vec<Tick> {
        self.until(|told| ticks(told).len() >= count).await;
        ticks(&self.told)
    }

    pub(crate) async fn called(&self, times: usize) {
        timeout(WITHIN, self.standin.called(times))
            .await
            .expect("it calls");
    }

    /// Symbol, price and end of each previous close.
    pub(crate) fn closes(&self) -> Vec<(String, String, String)> {
        let close = |told: &Told| match told {
            Told::PreviousClose(close) => {
                let symbol = self.symbol(close.instrument);
                Some((symbol, close.price.to_string(), close.time.to_string()))
            }
            Told::Life | Told::Began | Told::Ended | Told::Tick(_) | Told::Past(_) => None,
        };
        self.told.iter().filter_map(close).collect()
    }

    pub(crate) fn symbol(&self, id: InstrumentId) -> String {
        self.catalog.instrument(id).symbol.to_string()
    }

    pub(crate) fn coverage(&self, symbol: &str) -> Coverage {
        let id = self.catalog.find(symbol).unwrap();
        self.outlet.health().symbols[&id].coverage.clone()
    }

    /// The functions that were called, in order.
    pub(crate) fn functions(&self) -> Vec<String> {
        let asked = self.standin.asked().into_iter();
        asked
            .map(|mut asked| asked.remove("function").unwrap())
            .collect()
    }
}

fn cash_catalog() -> Catalog {
    let mut catalog = crate::sample::catalog();
    for instrument in &mut catalog.instruments {
        instrument.kind = PriceKind::Cash;
    }
    catalog
}

fn ticks(told: &[Told]) -> Vec<Tick> {
    let tick = |told: &Told| match told {
        Told::Tick(tick) => Some(tick.clone()),
        Told::Life | Told::Began | Told::Ended | Told::Past(_) | Told::PreviousClose(_) => None,
    };
    told.iter().filter_map(tick).collect()
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}
