//! OANDA and Kraken, played, with one market that both tell of; and what the tests of all sources ask a server and a client.

use crate::support::{Client, Server, serve_at};
use market::{SourceTime, Span};
use orion::config::Config;
use serde_json::Value;
use standin::kraken::Kraken;
use standin::oanda::{Oanda, Options, Quote};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

/// Nothing here may hang a run for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// A Wednesday at noon: the market is open whatever day the test runs on.
const NOON: &str = "2026-07-15T12:00:00.000Z";

/// The vendors and the market they tell of.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) oanda: Arc<Oanda>,
    pub(crate) kraken: Arc<Kraken>,
    player: JoinHandle<()>,
}

/// The time of a market, which goes on as fast as any other.
#[derive(Clone, Copy)]
pub(crate) struct Market {
    /// Its time when it began.
    base: SourceTime,
    began: Instant,
}

impl Market {
    /// Begins at noon of an open day.
    pub(crate) fn at_noon() -> Self {
        Self::at(SourceTime::parse(NOON).expect("a time"))
    }

    fn at(base: SourceTime) -> Self {
        let began = Instant::now();
        Self { base, began }
    }

    pub(crate) fn now(&self) -> SourceTime {
        let passed = i64::try_from(self.began.elapsed().as_nanos()).expect("a short test");
        self.base + Span::from_nanos(passed)
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Market::at_noon())
    }

    pub(crate) fn at(base: SourceTime) -> Self {
        Self::with(Market::at(base))
    }

    fn with(market: Market) -> Self {
        let runtime = runtime();
        let (oanda, kraken) = runtime.block_on(async {
            let options = Options {
                heartbeat: Duration::from_millis(500),
                ..Options::default()
            };
            let oanda = Oanda::start(options).await.expect("play OANDA");
            let kraken = Kraken::start().await.expect("play Kraken");
            (Arc::new(oanda), Arc::new(kraken))
        });
        let player = runtime.spawn(play(Arc::clone(&oanda), Arc::clone(&kraken), market));
        Self {
            runtime,
            oanda,
            kraken,
            player,
        }
    }

    /// OANDA first, for the euro alone; Kraken for the euro and the pound.
    pub(crate) fn serve(&self, data: &Path) -> Server {
        self.serve_with(data, "127.0.0.1:0", &[])
    }

    pub(crate) fn serve_with(&self, data: &Path, address: &str, more: &[&str]) -> Server {
        let url = self.oanda.url();
        let sets = [
            format!("feed.oanda.rest_url=\"{url}\""),
            format!("feed.oanda.stream_url=\"{url}\""),
            "feed.oanda.backfill_hours=0".to_owned(),
            "feed.oanda.symbols=[\"GBPUSD=\",\"USDJPY=\",\"XAUUSD=\",\"US30=\",\"NAS100=\",\"SPX500=\"]".to_owned(),
            format!("feed.json.address=[\"kraken:{}\"]", self.kraken.address()),
        ];
        let mut arguments = vec!["--feed", "oanda,kraken"];
        for set in sets.iter().map(String::as_str).chain(more.iter().copied()) {
            arguments.extend(["--set", set]);
        }
        let mut command = serve_at(address, data, &arguments);
        command.env("ORION_KEY_OANDA", Options::default().token);
        Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.player.abort();
    }
}

/// Plays one market to both vendors. The price rises by a step with every tick, so that no two are alike.
async fn play(oanda: Arc<Oanda>, kraken: Arc<Kraken>, market: Market) {
    let mut every = interval(Duration::from_millis(100));
    for number in 0_u64.. {
        every.tick().await;
        let time = market.now();
        let price = |base: u64, spread: u64| format!("1.{:05}", base + number % 4000 + spread);
        let (bid, ask) = (price(10_000, 0), price(10_000, 10));
        oanda.play(&[Quote::new("EUR_USD", time.nanos(), &bid, &ask)]);
        let stamp = time.to_string();
        kraken.quote("EUR/USD", &bid, &ask, &stamp);
        kraken.quote("GBP/USD", &price(30_000, 0), &price(30_000, 10), &stamp);
    }
}

/// Whether the currencies' market is open at this machine's time, which some sources go by.
pub(crate) fn currencies_are_open(now: SourceTime) -> bool {
    let catalog = Config::default().catalog();
    let real = market::Source {
        simulated: false,
        always_open: false,
        ..catalog.sources[0].clone()
    };
    engine::session::is_open(&catalog.instruments[0], &real, now)
}

/// This machine's time.
pub(crate) fn machine_time() -> SourceTime {
    orion::clock::Sources::system(&mut orion::clock::Machine).as_source()
}

/// Reads on until a message is as wanted.
pub(crate) fn until(client: &mut Client, what: &str, wanted: impl Fn(&Value) -> bool) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "never came: {what}");
        let message = client.next();
        let message = message.unwrap_or_else(|| panic!("never came: {what}"));
        if wanted(&message) {
            return;
        }
    }
}

pub(crate) fn until_source(client: &mut Client, symbol: &str, source: &str) {
    until(client, &format!("{symbol} from {source}"), |message| {
        let payload = &message["payload"];
        message["type"] == "status"
            && payload["symbol"] == symbol
            && payload["source"] == source
            && payload["feed"] == "live"
    });
}

pub(crate) fn until_pounds(client: &mut Client, count: usize) {
    for _ in 0..count {
        until(client, "a price of GBPUSD", |message| {
            message["type"] == "price_update" && message["payload"]["symbol"] == "GBPUSD"
        });
    }
}

/// Reads on, price by price, until `/health` says of a source what is wanted.
pub(crate) fn until_health(
    client: &mut Client,
    server: &Server,
    source: &str,
    wanted: impl Fn(&Value) -> bool,
) {
    let began = Instant::now();
    loop {
        let said = health(server, source);
        if wanted(&said) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "it never came to that: {said}");
        until_pounds(client, 1);
    }
}

/// What `/health` says of every source.
pub(crate) fn sources(server: &Server) -> Vec<Value> {
    let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    let sources = health["feed"]["sources"].as_array();
    sources.expect("sources").clone()
}

pub(crate) fn health(server: &Server, source: &str) -> Value {
    let sources = sources(server);
    let found = sources.iter().find(|one| one["name"] == source);
    found
        .unwrap_or_else(|| panic!("{sources:?} has no {source}"))
        .clone()
}
