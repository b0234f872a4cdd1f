//! A source that runs, and what it tells.

use crate::sample::catalog;
use access::Secret;
use feeds::clock::Clock;
use feeds::inbox::{Inbox, Item, Outlet, Told};
use feeds::json::{Description, Json, shipped_text};
use feeds::supervise::{Connector as _, End, Patience, supervise};
use market::{InstrumentId, SourceId, Span, Tick, Time};
use std::future::Future;
use std::time::Duration;
use tokio::task::JoinHandle;

/// A Monday.
pub(crate) const NOW: &str = "2026-07-13T12:00:00.500Z";
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, what)
        .await
        .expect("it takes too long")
}

/// A shipped description with other numbers, so that no test waits for a vendor's minute.
pub(crate) fn shipped_with(name: &str, changes: &[(&str, &str)]) -> Description {
    let mut text = shipped_text(name).unwrap().to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from}");
        text = text.replace(from, to);
    }
    Description::parse(&text).unwrap()
}

pub(crate) fn id(symbol: &str) -> InstrumentId {
    catalog().find(symbol).unwrap()
}

/// A clock that goes on from [`NOW`].
pub(crate) fn ticking() -> Clock {
    let (now, start) = (Time::parse(NOW).unwrap(), tokio::time::Instant::now());
    Clock::new(move || now + Span::from_millis(start.elapsed().as_millis() as i64))
}

/// One source, not yet connected.
pub(crate) struct Source {
    pub(crate) json: Json,
    pub(crate) outlet: Outlet,
    pub(crate) inbox: Inbox,
}

impl Source {
    pub(crate) fn new(description: Description, address: &str, changes: &[&str]) -> Self {
        Self::at(NOW, description, address, changes)
    }

    pub(crate) fn at(now: &str, description: Description, address: &str, changes: &[&str]) -> Self {
        let now = Time::parse(now).unwrap();
        Self::with_clock(Clock::new(move || now), description, address, changes)
    }

    pub(crate) fn with_clock(
        clock: Clock,
        description: Description,
        address: &str,
        changes: &[&str],
    ) -> Self {
        let catalog = catalog();
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        let symbols = description.symbols(&catalog, &changes).unwrap();
        let inbox = Inbox::default();
        let outlet = inbox.outlet(SourceId(0), &catalog, &symbols, clock);
        let key = description.needs_key().then(|| Secret::new("good-key"));
        let json = Json::new(description, &catalog, key, symbols, Some(address));
        Self {
            json,
            outlet,
            inbox,
        }
    }

    /// Connects once, and says why it is over.
    pub(crate) async fn end(mut self) -> End {
        within(self.json.connect(&self.outlet)).await
    }

    /// Connects once beside the test.
    pub(crate) fn run(self) -> Running {
        let Self {
            mut json,
            outlet,
            inbox,
        } = self;
        let told = outlet.clone();
        let task = tokio::spawn(async move { json.connect(&told).await });
        Running {
            outlet,
            inbox,
            task,
        }
    }

    /// Stays connected beside the test.
    pub(crate) fn supervise(self) -> Running {
        let Self {
            json,
            outlet,
            inbox,
        } = self;
        let patience = Patience {
            connect_every: Duration::from_millis(1),
            first: Duration::from_millis(1),
            longest: Duration::from_millis(5),
            contested: LONG,
            ..Patience::default()
        };
        let told = outlet.clone();
        let task = tokio::spawn(async move {
            supervise(json, told, patience, 1).await;
            End::transient("it is given up")
        });
        Running {
            outlet,
            inbox,
            task,
        }
    }
}

/// A source that is connected.
pub(crate) struct Running {
    pub(crate) outlet: Outlet,
    pub(crate) inbox: Inbox,
    pub(crate) task: JoinHandle<End>,
}

impl Running {
    /// Waits for something told, and forgets what came before it.
    pub(crate) async fn until(&self, fits: impl Fn(&Told) -> bool) -> Told {
        within(async {
            let mut items: Vec<Item> = Vec::new();
            loop {
                self.inbox.take(&mut items, 1).await;
                if let Some(item) = items.pop()
                    && fits(&item.told)
                {
                    return item.told;
                }
            }
        })
        .await
    }

    pub(crate) async fn began(&self) {
        self.until(|told| *told == Told::Began).await;
    }

    pub(crate) async fn tick(&self) -> Tick {
        let told = self.until(|told| matches!(told, Told::Tick(_))).await;
        let Told::Tick(tick) = told else {
            unreachable!("until() returns what fits");
        };
        tick
    }

    pub(crate) async fn end(mut self) -> End {
        within(&mut self.task).await.unwrap()
    }

    /// The symbol, bid, ask and time of the next tick.
    pub(crate) async fn quote(&self) -> String {
        let tick = self.tick().await;
        let symbol = catalog().instrument(tick.instrument).symbol;
        format!("{symbol} {} {} {}", tick.bid, tick.ask, tick.time)
    }

    /// What is known of each symbol.
    pub(crate) fn coverage(&self) -> Vec<String> {
        let health = self.outlet.health();
        let line = |(id, symbol): (&InstrumentId, &feeds::health::SymbolHealth)| {
            let name = catalog().instrument(*id).symbol;
            format!("{name} {} {:?}", symbol.theirs, symbol.coverage)
        };
        health.symbols.iter().map(line).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
