//! Every live source there is, played: each tells one symbol of its own over a line that can be cut, stalled and healed, as
//! fast as it is asked to.

mod called;
mod connected;

use crate::support::key;
use crate::world::{Market, currencies_are_open, machine_time};
use market::SourceTime;
use standin::line::Line;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::interval;

/// The symbols that there are without settings.
const SYMBOLS: [&str; 11] = [
    "EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500", "NQ", "MNQ", "ES", "MES",
];
/// Ticks a second of a source that is left alone.
const CALM: u64 = 10;
/// Ticks a second of a flood.
pub(crate) const FLOOD: u64 = 1000;

/// A source that is played.
pub(crate) struct Vendor {
    /// Its name in `--feed`, and in health.
    pub(crate) feed: String,
    pub(crate) name: &'static str,
    pub(crate) symbol: &'static str,
    pub(crate) kind: Kind,
    /// What the server must be told to find it, and what stands in lists that all sources of JSON share.
    pub(crate) sets: Vec<String>,
    pub(crate) json: Option<Json>,
    pub(crate) key: Option<(&'static str, &'static str)>,
    pub(crate) line: Line,
    scale: Scale,
    tell: Tell,
    /// Ticks a second, and how many it has told.
    pace: AtomicU64,
    told: AtomicU64,
}

/// Its part of `feed.json`.
pub(crate) struct Json {
    pub(crate) symbols: Vec<String>,
    pub(crate) address: String,
}

/// Tells the server a quote, or keeps it until the server asks.
type Tell = Box<dyn Fn(&Quote) + Send + Sync>;

/// Who begins, and what may be asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The server connects.
    Connected,
    /// The server asks, and so seldom that there is no flood; a call that is lost is not made again for minutes.
    Sparing,
    /// The server is called.
    Called,
}

/// How prices of a symbol look.
#[derive(Clone, Copy)]
struct Scale {
    digits: usize,
    /// In steps of the last digit.
    base: u64,
}

/// One quote, unlike those of the four thousand before it.
pub(crate) struct Quote {
    /// Counts from 1.
    number: u64,
    time: SourceTime,
    bid: String,
    ask: String,
}

impl Vendor {
    /// A calm one with a whole line, not yet known to the server.
    fn new(name: &'static str, symbol: &'static str, scale: (usize, u64), tell: Tell) -> Self {
        let (digits, base) = scale;
        Self {
            feed: name.to_owned(),
            name,
            symbol,
            kind: Kind::Connected,
            sets: Vec::new(),
            json: None,
            key: None,
            line: Line::start().expect("a line"),
            scale: Scale { digits, base },
            tell,
            pace: AtomicU64::new(CALM),
            told: AtomicU64::new(0),
        }
    }

    /// With further settings.
    fn with(mut self, sets: &[String]) -> Self {
        self.sets.extend_from_slice(sets);
        self
    }

    /// With a key, in this variable of the environment.
    fn keyed(self, variable: &'static str, key: &'static str) -> Self {
        let key = Some((variable, key));
        Self { key, ..self }
    }

    /// The line leads to a vendor's address; a scheme and a path are left out.
    fn at(self, url: &str) -> Self {
        let address = url
            .split("://")
            .last()
            .and_then(|rest| rest.split('/').next());
        let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
        self.line.lead(address.expect("an address"));
        self
    }

    /// A section of the settings takes this symbol alone.
    fn section(self, section: &str, theirs: &str) -> Self {
        let symbols = only(self.symbol, theirs);
        self.with(&[format!("feed.{section}.symbols={symbols:?}")])
    }

    pub(crate) fn calm(&self) {
        self.pace.store(CALM, Ordering::Relaxed);
    }

    pub(crate) fn flood(&self) {
        let pace = match self.kind {
            Kind::Connected | Kind::Called => FLOOD,
            Kind::Sparing => CALM,
        };
        self.pace.store(pace, Ordering::Relaxed);
    }

    /// No more ticks.
    pub(crate) fn end(&self) {
        self.pace.store(0, Ordering::Relaxed);
    }

    /// Cuts it; one that calls is not answered any more, and is cut when it waits for that ([`Vendor::cut_off`]).
    pub(crate) fn cut(&self) {
        match self.kind {
            Kind::Connected => self.line.cut(),
            Kind::Sparing => self.line.shut(),
            Kind::Called => self.line.mute(),
        }
    }

    /// After [`Vendor::cut`].
    pub(crate) fn cut_off(&self) {
        if self.kind == Kind::Called {
            self.line.cut();
        }
    }

    fn quote(&self, time: SourceTime) {
        let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
        let Scale { digits, base } = self.scale;
        let price = |steps: u64| {
            let (steps, unit) = (base + steps, 10_u64.pow(digits as u32));
            format!("{}.{:0digits$}", steps / unit, steps % unit)
        };
        let steps = number % 4000;
        let (bid, ask) = (price(steps), price(steps + 10));
        (self.tell)(&Quote {
            number,
            time,
            bid,
            ask,
        });
    }
}

/// All of them, best first. `data` is the server's folder, where those who call have their keys and files are described.
pub(crate) async fn all(data: &Path) -> Vec<Arc<Vendor>> {
    let mut vendors = vec![
        called::metatrader(key(data, "terminal", "metatrader")),
        connected::oanda().await,
        connected::massive().await,
        connected::massive_indices().await,
        connected::twelvedata().await,
        connected::finnhub().await,
        connected::kraken().await,
        connected::polled(data).await,
        called::bots(key(data, "mybot", "bots")),
    ];
    if currencies_are_open(machine_time()) {
        vendors.push(connected::alphavantage().await);
    } else {
        eprintln!(
            "skipped: alphavantage asks for no quotes while the market is closed, by this machine's clock"
        );
    }
    vendors.into_iter().map(Arc::new).collect()
}

/// The one that nothing ever happens to: a WebSocket that a file describes.
pub(crate) async fn neighbour(data: &Path) -> Arc<Vendor> {
    Arc::new(connected::described(data).await)
}

/// Plays one market to all, each at its own pace. A moment that was late is made up for.
pub(crate) async fn play(vendors: Vec<Arc<Vendor>>, market: Market) {
    let mut millis = interval(Duration::from_millis(1));
    let mut owed = vec![0; vendors.len()];
    loop {
        millis.tick().await;
        for (vendor, owed) in vendors.iter().zip(&mut owed) {
            *owed += vendor.pace.load(Ordering::Relaxed);
            while *owed >= 1000 {
                *owed -= 1000;
                vendor.quote(market.now());
            }
        }
    }
}

/// One symbol of a source under its name there, and none of the others.
fn only(symbol: &str, theirs: &str) -> Vec<String> {
    let theirs = |name: &&str| if *name == symbol { theirs } else { "" };
    let change = |name: &&str| format!("{name}={}", theirs(name));
    SYMBOLS.iter().map(change).collect()
}
