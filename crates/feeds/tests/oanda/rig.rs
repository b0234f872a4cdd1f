//! A stand-in, a connector that speaks with it, and the inbox it tells. Every wait has an end.

use crate::sample::catalog;
use access::Secret;
use feeds::clock::Clock;
use feeds::health::Health;
use feeds::inbox::{Inbox, Item, Outlet, Told};
use feeds::oanda::{Deadlines, OFFERS, Oanda, Settings};
use feeds::supervise::{Connector, End, Patience, supervise};
use feeds::symbols::Symbols;
use market::{Catalog, InstrumentId, PriceKind, SourceId, Tick, Time};
use standin::oanda::{self as played, Options, Quote};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Longer than anything here takes, however busy the machine is.
const WITHIN: Duration = Duration::from_secs(30);
pub(crate) const TOKEN: &str = "practice-token";
pub(crate) const ACCOUNT: &str = "101-001-1234567-001";

/// As little patience as works on a busy machine.
pub(crate) const HASTE: Patience = Patience {
    connect_every: Duration::from_millis(5),
    first: Duration::from_millis(5),
    longest: Duration::from_millis(20),
    healthy: market::Span::from_secs(60),
    contested: Duration::from_millis(20),
};

pub(crate) struct Rig {
    pub vendor: played::Oanda,
    pub catalog: Catalog,
    pub inbox: Inbox,
    pub outlet: Outlet,
    connector: Option<Oanda>,
    runs: JoinSet<()>,
    items: VecDeque<Told>,
}

/// The settings of a test: the stand-in's address and no past.
pub(crate) fn settings(vendor: &played::Oanda) -> Settings {
    Settings {
        rest_url: vendor.url(),
        stream_url: vendor.url(),
        backfill_hours: 0,
        ..Settings::default()
    }
}

pub(crate) fn at(text: &str) -> i64 {
    Time::parse(text).unwrap().nanos()
}

/// The time of most tests.
pub(crate) const NOW: &str = "2026-07-13T12:00:10Z";

impl Rig {
    pub(crate) async fn new(options: Options) -> Self {
        Self::with(options, TOKEN, NOW, |settings| settings).await
    }

    pub(crate) async fn with(
        options: Options,
        token: &str,
        now: &str,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Self {
        let vendor = played::Oanda::start(options).await.unwrap();
        vendor.set_clock(at(now));
        let mut catalog = catalog();
        for instrument in &mut catalog.instruments {
            if instrument.symbol.as_str() == "XAUUSD" {
                instrument.kind = PriceKind::Cash;
            }
        }
        let settings = change(settings(&vendor));
        assert_eq!(settings.check(), []);
        let symbols = Symbols::new(&catalog, OFFERS, &settings.symbols).unwrap();
        let inbox = Inbox::default();
        let now = Time::parse(now).unwrap();
        let clock = Clock::new(move || now);
        let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
        let connector = Oanda::new(settings, Secret::new(token), symbols);
        Self {
            vendor,
            catalog,
            inbox,
            outlet,
            connector: Some(connector),
            runs: JoinSet::new(),
            items: VecDeque::new(),
        }
    }

    pub(crate) fn deadlines(mut self, deadlines: Deadlines) -> Self {
        let connector = self.connector.take();
        self.connector = connector.map(|connector| connector.with_deadlines(deadlines));
        self
    }

    /// Keeps the source connected from now on, hastily.
    pub(crate) fn run(&mut self) {
        let connector = self.connector.take().expect("it runs once");
        let outlet = self.outlet.clone();
        self.runs.spawn(supervise(connector, outlet, HASTE, 7));
    }

    /// Runs until the source is given up.
    pub(crate) async fn run_out(&mut self) {
        self.run();
        timeout(WITHIN, self.runs.join_next()).await.unwrap();
    }

    /// One connection, to its end.
    pub(crate) async fn connect(&mut self) -> End {
        let connector = self.connector.as_mut().expect("it is not run");
        let end = connector.connect(&self.outlet);
        let end = timeout(WITHIN, end).await.unwrap();
        self.outlet.ended();
        end
    }

    /// One connection that lasts; its end comes with [`Rig::ended`].
    pub(crate) fn begin(&mut self) -> tokio::task::JoinHandle<(Oanda, End)> {
        let mut connector = self.connector.take().expect("it is not run");
        let outlet = self.outlet.clone();
        tokio::spawn(async move {
            let end = connector.connect(&outlet).await;
            outlet.ended();
            (connector, end)
        })
    }

    pub(crate) async fn ended(&mut self, run: tokio::task::JoinHandle<(Oanda, End)>) -> End {
        let (connector, end) = timeout(WITHIN, run).await.unwrap().unwrap();
        self.connector = Some(connector);
        end
    }

    pub(crate) async fn until_begun(&self, streams: usize) {
        let begun = self.vendor.until_begun(streams);
        timeout(WITHIN, begun).await.expect("a stream begins");
    }

    /// What is told next.
    pub(crate) async fn next(&mut self) -> Told {
        while self.items.is_empty() {
            let mut items = Vec::new();
            let take = self.inbox.take(&mut items, usize::MAX);
            timeout(WITHIN, take).await.expect("something is told");
            self.items
                .extend(items.into_iter().map(|Item { told, .. }| told));
        }
        self.items.pop_front().unwrap()
    }

    /// The next tick; what else is told before it is passed over.
    pub(crate) async fn tick(&mut self) -> Tick {
        loop {
            if let Told::Tick(tick) = self.next().await {
                return tick;
            }
        }
    }

    /// The next tick as `SYMBOL bid ask`.
    pub(crate) async fn shown(&mut self) -> String {
        let tick = self.tick().await;
        let symbol = self.catalog.instrument(tick.instrument).symbol;
        format!("{symbol} {} {}", tick.bid, tick.ask)
    }

    pub(crate) fn id(&self, symbol: &str) -> InstrumentId {
        self.catalog.find(symbol).unwrap()
    }

    pub(crate) fn health(&self) -> Health {
        self.outlet.health()
    }
}

/// A price, so many milliseconds after the time of the tests.
pub(crate) fn quote(instrument: &str, millis: i64, bid: &str, ask: &str) -> Quote {
    Quote::new(instrument, at(NOW) + millis * 1_000_000, bid, ask)
}

/// The reason of an end, and a letter for what it means.
pub(crate) fn show(end: &End) -> (char, String) {
    match end {
        End::Transient { reason } => ('t', reason.clone()),
        End::Later { reason, pause } => ('l', format!("{reason} ({} s)", pause.as_secs())),
        End::Contested { reason, .. } => ('c', reason.clone()),
        End::Fatal { reason, remedy } => ('f', format!("{reason}; {remedy}")),
    }
}
