//! A gateway on a free port of the loopback, and a client that speaks WebSocket by hand, so that tests see every byte.

#![allow(dead_code, reason = "each test file uses its own part of it")]
#![allow(clippy::unwrap_used, reason = "it serves tests")]

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use flate2::{Compress, Compression, FlushCompress};
use gateway::{Beginning, Clock, Config, Farewell, Gateway, Publication, Publisher, Stats, serve};
use market::{
    Calendar, Catalog, Direction, Epoch, Evidence, FeedState, Instrument, Killzone, Position,
    Price, PriceKind, PriceUpdate, Probability, Ratio, Signal, Source, SourceId, SourceTime,
    Status, Symbol, SymbolStatus, Target, Time, Timeframe, Uuid,
};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::Instant;

/// Nothing in a test takes this long, on any machine; what does has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const SUBSCRIBE: &str = r#"{"type":"subscribe","channels":["signals","prices"],"timestamp":"2026-11-23T14:05:00.000Z"}"#;

const RESTART: Farewell = Farewell {
    code: 1012,
    word: "restart",
    retry: Duration::from_millis(2500),
};

/// The milliseconds of the advice in the reason of a Close, which must be that of a restart.
pub(crate) fn restart_advice(code: Option<u16>, reason: &str) -> u64 {
    assert_eq!(code, Some(1012), "{reason}");
    let advice = reason.strip_prefix("restart retry=").unwrap();
    let advice = advice.parse().unwrap();
    assert!((1500..=3500).contains(&advice), "{reason}");
    advice
}

const SYMBOLS: [&str; 8] = [
    "EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500", "NQ",
];

pub(crate) fn config() -> Config {
    let now = Time::parse("2026-11-23T14:05:00Z").unwrap();
    Config::new(Clock::new(move || now))
}

pub(crate) struct Server {
    runtime: Runtime,
    gateway: Option<Gateway>,
    publisher: Publisher,
    pub(crate) stats: Arc<Stats>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Changes limits while clients stay.
    pub(crate) fn change(&self, change: impl FnOnce(&mut gateway::Limits)) {
        let dials = self.gateway.as_ref().expect("it runs").dials();
        let mut limits = gateway::Limits::clone(&dials.now());
        change(&mut limits);
        dials.set(limits);
    }
}

/// The names of the features there are.
pub(crate) const FEATURES: [&str; 2] = ["5m.rsi14", "spread_atr"];

/// The end of a past, in a market of these symbols.
fn beginning(past: &Publication) -> Beginning {
    let source = Source {
        name: "oanda".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    let instruments = SYMBOLS.map(|name| Instrument {
        symbol: Symbol::new(name).unwrap(),
        digits: 1,
        tick_size: Price::ZERO,
        pip_size: Price::ZERO,
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::ZERO,
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    });
    Beginning {
        catalog: Arc::new(Catalog {
            sources: vec![source],
            instruments: instruments.to_vec(),
        }),
        features: FEATURES.map(str::to_owned).into(),
        end: past.signals.last().map_or(position(0), |(at, _)| *at),
        past: past.clone(),
    }
}

pub(crate) fn position(seq: u64) -> Position {
    Position {
        epoch: Epoch(1),
        seq,
    }
}

/// Bytes of the answer at `/large`: more than any system holds for who does not read.
pub(crate) const LARGE: usize = 8 << 20;

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(config())
    }

    pub(crate) fn with(config: Config) -> Self {
        Self::recovered(&Publication::default(), config)
    }

    pub(crate) fn recovered(past: &Publication, config: Config) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), past, config)
    }

    pub(crate) fn on(listener: TcpListener, past: &Publication, config: Config) -> Self {
        let runtime = Runtime::new().unwrap();
        let router = Router::new()
            .route("/health", get(|| async { "OK" }))
            .route("/large", get(|| async { vec![b'x'; LARGE] }))
            .route("/peer", get(peer));
        let gateway = {
            let _within = runtime.enter();
            serve(listener, router, &beginning(past), config).unwrap()
        };
        Self {
            publisher: gateway.publisher(),
            stats: gateway.stats(),
            address: gateway.address(),
            gateway: Some(gateway),
            runtime,
        }
    }

    pub(crate) fn publish(&self, publication: Publication) {
        self.publisher.publish_blocking(publication).unwrap();
    }

    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::upgraded(TcpStream::connect(self.address).unwrap())
    }

    /// A client that may compress what it says.
    pub(crate) fn connect_deflating(&self) -> Client {
        let offer = "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let stream = TcpStream::connect(self.address).unwrap();
        Client::upgraded_by(stream, &REQUEST.replace("\r\n\r\n", offer))
    }

    /// A client that may not compress what it says, though it offered to.
    pub(crate) fn connect_deflating_in_vain(&self) -> Client {
        let offer = "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
        let mut client = Client::of(TcpStream::connect(self.address).unwrap());
        client.send(REQUEST.replace("\r\n\r\n", offer).as_bytes());
        let head = client.hear_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(!head.contains("permessage-deflate"), "{head}");
        client
    }

    /// A client that has heard its snapshot.
    pub(crate) fn subscribed(&self, snapshot: usize) -> Client {
        let mut client = self.connect();
        client.say(SUBSCRIBE);
        for _ in 0..snapshot {
            client.hear_text();
        }
        client
    }

    pub(crate) fn stop_accepting(&mut self) {
        let gateway = self.gateway.as_mut().expect("it is not drained");
        self.runtime.block_on(gateway.stop_accepting());
    }

    /// Begins to wait for who was accepted, and to close everybody then.
    pub(crate) fn drain_who_arrived(&mut self) -> tokio::task::JoinHandle<()> {
        let mut gateway = self.gateway.take().expect("it is drained once");
        self.runtime.spawn(async move {
            gateway.all_arrived().await;
            gateway.drain(RESTART).await;
        })
    }

    /// Begins to close everybody.
    pub(crate) fn drain(&mut self) -> tokio::task::JoinHandle<()> {
        let gateway = self.gateway.take().expect("it is drained once");
        self.runtime
            .spawn(async move { gateway.drain(RESTART).await })
    }

    /// Waits until nothing can be published any more.
    pub(crate) fn wait_stopped(&self) {
        let publisher = self.publisher();
        let stopped = self.runtime.spawn(async move { publisher.stopped().await });
        self.wait(stopped);
    }

    pub(crate) fn wait<T>(&self, task: tokio::task::JoinHandle<T>) -> T {
        let waited = async { tokio::time::timeout(PATIENCE, task).await };
        self.runtime.block_on(waited).unwrap().unwrap()
    }
}

/// Who asks, as the router is told.
async fn peer(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    peer.to_string()
}

/// Waits for something that happens on another thread.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: it did not happen");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Text(String),
    Ping,
    Pong(Vec<u8>),
    Close(Option<u16>, String),
    /// The end of the connection.
    End,
}

pub(crate) const REQUEST: &str = "GET /ws/signals HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

impl Client {
    pub(crate) fn of(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn upgraded(stream: TcpStream) -> Self {
        Self::upgraded_by(stream, REQUEST)
    }

    pub(crate) fn upgraded_by(stream: TcpStream, request: &str) -> Self {
        let mut client = Self::of(stream);
        client.upgrade_by(request);
        client
    }
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn upgrade(&mut self) {
        self.upgrade_by(REQUEST);
    }

    fn upgrade_by(&mut self, request: &str) {
        self.send(request.as_bytes());
        let head = self.hear_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(&frame(0x81, text.as_bytes()));
    }

    /// The head of an HTTP answer.
    pub(crate) fn hear_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => break,
            }
        }
        String::from_utf8(head).unwrap()
    }

    pub(crate) fn hear(&mut self) -> Heard {
        let mut start = [0; 2];
        if self.stream.read_exact(&mut start).is_err() {
            return Heard::End;
        }
        assert_eq!(start[1] & 0x80, 0, "a server does not mask");
        let length = match start[1] {
            126 => {
                let mut length = [0; 2];
                self.stream.read_exact(&mut length).unwrap();
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).unwrap();
        match start[0] {
            0x81 => Heard::Text(String::from_utf8(payload).unwrap()),
            0x89 => Heard::Ping,
            0x8A => Heard::Pong(payload),
            0x88 if payload.is_empty() => Heard::Close(None, String::new()),
            0x88 => Heard::Close(
                Some(u16::from_be_bytes([payload[0], payload[1]])),
                String::from_utf8(payload[2..].to_vec()).unwrap(),
            ),
            other => panic!("frame type {other:#x}"),
        }
    }

    pub(crate) fn hear_text(&mut self) -> String {
        let heard = self.hear();
        let Heard::Text(text) = heard else {
            panic!("{heard:?} instead of a message");
        };
        text
    }

    /// Reads on to the Close, answers it as clients do, and sees the end.
    pub(crate) fn hear_close(&mut self) -> (Option<u16>, String) {
        loop {
            if let Heard::Close(code, reason) = self.hear() {
                let payload = code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec());
                self.send(&frame(0x88, &payload));
                assert_eq!(self.hear(), Heard::End);
                return (code, reason);
            }
        }
    }
}

/// A client's frame; `first` is the byte of flags and opcode.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        middle => {
            frame.push(0x80 | 126);
            frame.extend((middle as u16).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let masked = payload.iter().zip(MASK.into_iter().cycle());
    frame.extend(masked.map(|(byte, mask)| byte ^ mask));
    frame
}

/// A message as a client compresses it.
pub(crate) fn deflated(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 100);
    let mut compress = Compress::new(Compression::default(), false);
    let flush = FlushCompress::Sync;
    compress.compress_vec(message, &mut bytes, flush).unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes
}

pub(crate) fn now() -> Time {
    Time::parse("2026-11-23T14:05:00Z").unwrap()
}

/// Signal `id`, which is also its position.
pub(crate) fn signal(id: u32, status: Status) -> Signal {
    let price = |text| Price::parse(text).unwrap();
    Signal {
        id: Uuid::from_u128(u128::from(id)),
        status,
        direction: Direction::Short,
        symbol: Symbol::new("XAUUSD").unwrap(),
        digits: 2,
        entry_time: SourceTime::parse("2026-11-23T14:04:59.5Z").unwrap(),
        entry: price("2650.5"),
        stop: price("2653"),
        targets: vec![Target {
            price: price("2640"),
            percent: 100,
            runner: true,
        }],
        reason: "MSS+FVG setup".to_owned(),
        confidence: Probability::new(0.65),
        rr_target: Ratio::from_hundredths(420),
        killzone: Killzone::NyAm,
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: now(),
        decide_by: Time::MAX,
        decided_at: (status != Status::Pending).then(now),
        cause: None,
        evidence: Evidence::default(),
    }
}

pub(crate) fn price(symbol: &str, number: i64) -> PriceUpdate {
    PriceUpdate {
        symbol: Symbol::new(symbol).unwrap(),
        digits: 1,
        price: Price::from_units((40_000 + number) * 1_000_000_000),
        bid: Price::ZERO,
        ask: Price::ZERO,
        time: SourceTime::from_millis(1_795_442_700_000 + number),
        change: Price::from_units(1_500_000_000),
        change_percent: Price::from_units(3_750_000),
        volume: None,
        source: SourceId(0),
        ticks: 1,
    }
}

pub(crate) fn status(symbol: &str, feed: FeedState) -> SymbolStatus {
    SymbolStatus {
        symbol: Symbol::new(symbol).unwrap(),
        feed,
        since: now(),
        source: Some("oanda".to_owned()),
        simulated: false,
    }
}

pub(crate) fn of_statuses(statuses: impl IntoIterator<Item = SymbolStatus>) -> Publication {
    Publication {
        statuses: statuses.into_iter().collect(),
        now: now(),
        ..Publication::default()
    }
}

pub(crate) fn told_price(symbol: &str, number: i64) -> String {
    wire::tell::price_update(&price(symbol, number)).unwrap()
}

pub(crate) fn told_signal(id: u32, status: Status) -> String {
    wire::tell::signal(&signal(id, status)).unwrap()
}

pub(crate) fn of_signals(signals: impl IntoIterator<Item = (u64, Signal)>) -> Publication {
    Publication {
        signals: signals
            .into_iter()
            .map(|(seq, signal)| (position(seq), signal))
            .collect(),
        now: now(),
        ..Publication::default()
    }
}

pub(crate) fn of_prices(prices: impl IntoIterator<Item = PriceUpdate>) -> Publication {
    Publication {
        prices: prices.into_iter().collect(),
        now: now(),
        ..Publication::default()
    }
}
