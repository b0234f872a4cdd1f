//! The sources that the server connects to or asks: the stand-ins of the vendors, and two that files describe.

use super::{Json, Kind, Quote, Tell, Vendor, only};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use standin::alphavantage::{self, AlphaVantage};
use standin::finnhub::Finnhub;
use standin::kraken::Kraken;
use standin::massive::{Massive, Script};
use standin::oanda::{Oanda, Options};
use standin::twelvedata::TwelveData;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// The key of all who want one; OANDA's is a token.
const KEY: &str = "KEY";

pub(super) async fn oanda() -> Vendor {
    let oanda = Oanda::start(Options::default()).await.expect("play OANDA");
    let at = oanda.url();
    let tell = move |quote: &Quote| {
        let Quote { time, bid, ask, .. } = quote;
        oanda.play(&[standin::oanda::Quote::new(
            "NAS100_USD",
            time.nanos(),
            bid,
            ask,
        )]);
    };
    let vendor = Vendor::new("oanda", "NAS100", (1, 250_000), Box::new(tell)).at(&at);
    let line = vendor.line.address();
    let sets = [
        format!("feed.oanda.rest_url=\"http://{line}\""),
        format!("feed.oanda.stream_url=\"http://{line}\""),
        "feed.oanda.backfill_hours=0".to_owned(),
    ];
    vendor
        .keyed("ORION_KEY_OANDA", "practice-token")
        .section("oanda", "NAS100_USD")
        .with(&sets)
}

pub(super) async fn massive() -> Vendor {
    let massive = Massive::start(Script::default())
        .await
        .expect("play Massive");
    let at = (massive.ws_url(), massive.rest_url());
    let tell =
        move |quote: &Quote| massive.quote("XAU/USD", &quote.bid, &quote.ask, quote.time.millis());
    let vendor = Vendor::new("massive", "XAUUSD", (2, 400_000), Box::new(tell));
    vendor
        .keyed("ORION_KEY_MASSIVE", KEY)
        .cluster("massive", "C:XAUUSD", at)
}

pub(super) async fn massive_indices() -> Vendor {
    let massive = Massive::start(Script::default())
        .await
        .expect("play Massive");
    let at = (massive.ws_url(), massive.rest_url());
    let tell = move |quote: &Quote| massive.value("I:SPX", &quote.bid, quote.time.millis());
    let vendor = Vendor::new("massive-indices", "SPX500", (2, 650_000), Box::new(tell));
    vendor
        .keyed("ORION_KEY_MASSIVE_INDICES", KEY)
        .cluster("massive_indices", "I:SPX", at)
}

impl Vendor {
    /// A cluster of Massive's. REST is not asked over the line.
    fn cluster(self, section: &str, theirs: &str, (ws, rest): (String, String)) -> Self {
        let line = self.line.address();
        let sets = [
            format!("feed.{section}.ws_url=\"ws://{line}\""),
            format!("feed.{section}.rest_url=\"{rest}\""),
            format!("feed.{section}.backfill_hours=0"),
        ];
        self.at(&ws).section(section, theirs).with(&sets)
    }
}

pub(super) async fn twelvedata() -> Vendor {
    let twelve = TwelveData::start(KEY).await.expect("play Twelve Data");
    let at = twelve.address();
    let tell =
        move |quote: &Quote| twelve.quote("USD/JPY", &quote.bid, &quote.ask, quote.time.millis());
    let vendor = Vendor::new("twelvedata", "USDJPY", (3, 150_000), Box::new(tell));
    vendor
        .keyed("ORION_KEY_TWELVEDATA", KEY)
        .shipped("USD/JPY", &at)
}

pub(super) async fn finnhub() -> Vendor {
    let finnhub = Finnhub::start(KEY).await.expect("play Finnhub");
    let at = finnhub.address();
    let tell =
        move |quote: &Quote| finnhub.trades("OANDA:US30_USD", &[(&quote.bid, quote.time.millis())]);
    let vendor = Vendor::new("finnhub", "US30", (1, 400_000), Box::new(tell));
    vendor
        .keyed("ORION_KEY_FINNHUB", KEY)
        .shipped("OANDA:US30_USD", &at)
}

pub(super) async fn kraken() -> Vendor {
    let (at, tell) = played_kraken("EUR/USD").await;
    let vendor = Vendor::new("kraken", "EURUSD", (5, 110_000), tell);
    vendor.shipped("EUR/USD", &at)
}

async fn played_kraken(pair: &'static str) -> (String, Tell) {
    let kraken = Kraken::start().await.expect("play Kraken");
    let at = kraken.address();
    let tell =
        move |quote: &Quote| kraken.quote(pair, &quote.bid, &quote.ask, &quote.time.to_string());
    (at, Box::new(tell))
}

impl Vendor {
    /// A source of JSON on a WebSocket.
    fn shipped(self, theirs: &str, at: &str) -> Self {
        let (name, line) = (self.name, self.line.address());
        let symbols = only(self.symbol, theirs).into_iter();
        let json = Json {
            symbols: symbols.map(|change| format!("{name}:{change}")).collect(),
            address: format!("{name}:ws://{line}"),
        };
        let json = Some(json);
        Self {
            json,
            ..self.at(at)
        }
    }

    /// A source that a file describes, whose text is made for the address of the line.
    fn file(self, data: &Path, text: impl FnOnce(SocketAddr) -> String) -> Self {
        let path = data.join(format!("{}.toml", self.name));
        std::fs::write(&path, text(self.line.address())).expect("write the description");
        let feed = path.display().to_string();
        Self { feed, ..self }
    }
}

/// A WebSocket like Kraken's, under a description of its own.
pub(super) async fn described(data: &Path) -> Vendor {
    let (at, tell) = played_kraken("GBP/USD").await;
    let text = |line| {
        format!(
            r#"
            title = "Described"
            kind = "websocket"
            address = "ws://{line}/v2"
            audience = "own"
            licence = "none"
            each_symbol = '"{{symbol}}"'
            heartbeat_s = 5
            [symbols]
            MES = {{ theirs = "GBP/USD", kind = "future" }}
            [subscribe]
            send = '{{"method":"subscribe","params":{{"channel":"ticker","symbol":[{{symbols}}]}}}}'
            [[message]]
            is = "confirmed"
            when = {{ method = "subscribe", success = true }}
            symbol = "result.symbol"
            [[message]]
            is = "prices"
            when = {{ channel = "ticker" }}
            each = "data"
            symbol = "symbol"
            bid = "bid"
            ask = "ask"
            time = "timestamp"
            [[message]]
            is = "life"
            when = {{ channel = "*" }}
            "#
        )
    };
    let vendor = Vendor::new("described", "MES", (2, 670_000), tell);
    vendor.file(data, text).at(&at)
}

/// Quotes that wait to be asked for.
type Waiting = Arc<Mutex<Vec<String>>>;

/// A vendor of HTTP: it answers with all quotes since it was asked last, or with the last one again.
pub(super) async fn polled(data: &Path) -> Vendor {
    let waiting = Waiting::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("its address").to_string();
    let router = Router::new()
        .route("/quotes", get(answer))
        .with_state(Arc::clone(&waiting));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let tell = move |quote: &Quote| {
        let (bid, ask, time) = (&quote.bid, &quote.ask, quote.time.millis());
        let quote = format!(r#"{{"symbol":"ES","bid":{bid},"ask":{ask},"time":{time}}}"#);
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(quote);
    };
    let text = |line| {
        format!(
            r#"
            title = "Polled"
            kind = "http"
            address = "http://{line}/quotes?symbols={{symbols}}"
            audience = "own"
            licence = "none"
            heartbeat_s = 1
            [symbols]
            ES = {{ theirs = "ES", kind = "future" }}
            [poll]
            every_s = 0.25
            [[message]]
            is = "prices"
            when = {{ quotes = "*" }}
            each = "quotes"
            symbol = "symbol"
            bid = "bid"
            ask = "ask"
            time = "time"
            "#
        )
    };
    let vendor = Vendor::new("polled", "ES", (2, 670_000), Box::new(tell));
    vendor.file(data, text).at(&at)
}

async fn answer(State(waiting): State<Waiting>) -> String {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = format!(r#"{{"quotes":[{}]}}"#, waiting.join(","));
    let told = waiting.len().saturating_sub(1);
    waiting.drain(..told);
    answer
}

/// Twenty-five calls a day are too few for a test: it has as many as it likes.
pub(super) async fn alphavantage() -> Vendor {
    let script = alphavantage::Script {
        calls_per_day: usize::MAX,
        ..alphavantage::Script::default()
    };
    let alpha = AlphaVantage::start(script)
        .await
        .expect("play Alpha Vantage");
    alpha.days("GBP/USD", &[("2026-07-14", "1.2990")]);
    let at = alpha.url();
    let tell = move |quote: &Quote| {
        let refreshed = quote.time.to_string().replace('T', " ");
        let refreshed = refreshed.split('.').next().unwrap_or_default();
        alpha.rate("GBP/USD", &quote.bid, (&quote.bid, &quote.ask), refreshed);
    };
    let vendor = Vendor::new("alphavantage", "GBPUSD", (5, 130_000), Box::new(tell)).at(&at);
    let line = vendor.line.address();
    let sets = [
        format!("feed.alphavantage.url=\"http://{line}/query\""),
        "feed.alphavantage.calls_per_day=1000000000".to_owned(),
        "feed.alphavantage.spacing_ms=250".to_owned(),
    ];
    let vendor = Vendor {
        kind: Kind::Sparing,
        ..vendor
    };
    vendor
        .keyed("ORION_KEY_ALPHAVANTAGE", KEY)
        .section("alphavantage", "GBP/USD")
        .with(&sets)
}
