//! Signals, prices and outcomes for tests, and a socket that is a list of bytes.

use crate::{Beginning, ClientId, Hub, Limits, Publication, Refused, Sent};
use flate2::{Decompress, FlushDecompress};
use market::{
    Bar, BarUpdate, Calendar, Catalog, Direction, Epoch, Evidence, FeatureUpdate, FeedState,
    Instrument, Killzone, Ohlc, Outcome, OutcomeKind, Position, Price, PriceKind, PriceUpdate,
    Probability, Ratio, Signal, Source, SourceId, SourceTime, Span, Status, Symbol, SymbolStatus,
    Target, Time, Timeframe, Uuid,
};
use serde_json::Value;
use std::sync::Arc;

pub(crate) const SYMBOLS: [&str; 3] = ["EURUSD", "XAUUSD", "US30"];

/// A hub of these symbols, whose stream has not begun.
pub(crate) fn hub(limits: Limits) -> Hub {
    let (hub, refused) = recovered(limits, Publication::default(), at(0));
    assert_eq!(refused, []);
    hub
}

/// A hub of these symbols, with a past.
pub(crate) fn recovered(limits: Limits, past: Publication, end: Position) -> (Hub, Vec<Refused>) {
    let source = Source {
        name: "oanda".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    let instruments = SYMBOLS.map(|name| Instrument {
        symbol: Symbol::new(name).unwrap(),
        digits: 0,
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
    let catalog = Catalog {
        sources: vec![source],
        instruments: instruments.to_vec(),
    };
    let beginning = Beginning {
        catalog: Arc::new(catalog),
        features: FEATURES.map(str::to_owned).into(),
        past,
        end,
    };
    Hub::begin(limits, &beginning)
}

pub(crate) fn at(seq: u64) -> Position {
    Position {
        epoch: Epoch(7),
        seq,
    }
}

pub(crate) fn signal(id: u32, status: Status, changed_at: Time) -> Signal {
    let price = |text| Price::parse(text).unwrap();
    Signal {
        id: Uuid::from_u128(u128::from(id)),
        status,
        direction: Direction::Long,
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        entry_time: SourceTime::from_secs(0),
        entry: price("1.0853"),
        stop: price("1.0845"),
        targets: vec![Target {
            price: price("1.0861"),
            percent: 100,
            runner: false,
        }],
        reason: "MSS+FVG setup".to_owned(),
        confidence: Probability::new(0.65),
        rr_target: Ratio::from_hundredths(100),
        killzone: Killzone::London,
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: false,
        created_at: changed_at,
        decide_by: Time::MAX,
        decided_at: (status != Status::Pending).then_some(changed_at),
        cause: None,
        evidence: Evidence::default(),
    }
}

/// A price that tells its own number.
pub(crate) fn price(symbol: &str, number: u64, time: SourceTime) -> PriceUpdate {
    PriceUpdate {
        symbol: Symbol::new(symbol).unwrap(),
        digits: 0,
        price: Price::from_units((number as i64 + 1) * 1_000_000_000),
        bid: Price::ZERO,
        ask: Price::ZERO,
        time,
        change: Price::ZERO,
        change_percent: Price::ZERO,
        volume: None,
        source: SourceId(0),
        ticks: 1,
    }
}

/// A status that tells its own number.
pub(crate) fn status(symbol: &str, number: u64) -> SymbolStatus {
    let states = [
        FeedState::Silent,
        FeedState::Live,
        FeedState::Stale,
        FeedState::Closed,
    ];
    SymbolStatus {
        symbol: Symbol::new(symbol).unwrap(),
        feed: states[number as usize % 4],
        since: Time::from_millis(number as i64),
        source: (number > 0).then(|| "oanda".to_owned()),
        simulated: false,
    }
}

/// The bar of an interval, by its number, as far as it has come.
pub(crate) fn bar(
    symbol: &str,
    timeframe: Timeframe,
    number: i64,
    ticks: u32,
    closed: bool,
) -> Arc<BarUpdate> {
    let open_time = SourceTime::from_nanos(number * timeframe.span().nanos());
    let price = Ohlc::of(Price::from_units(1_000_000_000));
    Arc::new(BarUpdate {
        symbol: Symbol::new(symbol).unwrap(),
        digits: 0,
        timeframe,
        bar: Bar {
            open_time,
            end_time: open_time + Span::from_nanos(timeframe.span().nanos()),
            price,
            ticks,
            holed: false,
        },
        closed,
    })
}

pub(crate) fn of_bars(bars: impl IntoIterator<Item = Arc<BarUpdate>>, now: Time) -> Publication {
    Publication {
        bars: bars.into_iter().collect(),
        now,
        ..Publication::default()
    }
}

/// The names of the features there are.
pub(crate) const FEATURES: [&str; 2] = ["5m.rsi14", "5m.return1_atr"];

pub(crate) fn features(symbol: &str, values: [f64; 2]) -> FeatureUpdate {
    FeatureUpdate {
        symbol: Symbol::new(symbol).unwrap(),
        timeframe: Timeframe::M5,
        time: SourceTime::from_secs(300),
        values: values.to_vec().into(),
    }
}

pub(crate) fn of_features(features: Vec<FeatureUpdate>, now: Time) -> Publication {
    Publication {
        features,
        now,
        ..Publication::default()
    }
}

pub(crate) fn last_outcome(id: u32) -> Outcome {
    Outcome {
        id: Uuid::from_u128(u128::from(id)),
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        kind: OutcomeKind::Stop,
        price: Price::ZERO,
        r: Ratio::default(),
        at: Time::MIN,
        last: true,
        realised: None,
        end: None,
    }
}

pub(crate) fn of_signals(signals: Vec<(Position, Signal)>, now: Time) -> Publication {
    Publication {
        signals,
        now,
        ..Publication::default()
    }
}

pub(crate) fn of_prices(prices: Vec<PriceUpdate>, now: Time) -> Publication {
    Publication {
        prices,
        now,
        ..Publication::default()
    }
}

pub(crate) fn of_statuses(statuses: Vec<SymbolStatus>, now: Time) -> Publication {
    Publication {
        statuses,
        now,
        ..Publication::default()
    }
}

/// What a client understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Signal(u32, Status),
    Price(String, u64),
    Status(String, u64),
    /// A minute's number, its ticks, and whether it is closed.
    Bar(String, i64, u64, bool),
    /// The values as they are written.
    Features(String, String),
    Pong(Vec<u8>),
    Close,
}

/// The bytes a client was sent.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    pub(crate) bytes: Vec<u8>,
}

impl Socket {
    /// Takes at most `room` bytes of what is due; returns how many, and what the hub made of it.
    pub(crate) fn take(&mut self, hub: &mut Hub, id: ClientId, room: usize) -> (usize, Sent) {
        let before = self.bytes.len();
        for slice in hub.pending(id).expect("it keeps up").iter() {
            let room = room - (self.bytes.len() - before);
            self.bytes.extend(&slice[..slice.len().min(room)]);
        }
        let taken = self.bytes.len() - before;
        (taken, hub.advance(id, taken))
    }

    pub(crate) fn take_all(&mut self, hub: &mut Hub, id: ClientId) {
        while hub.is_due(id) {
            let (taken, _) = self.take(hub, id, usize::MAX);
            assert!(taken > 0, "what is due has bytes");
        }
    }

    /// Every whole message so far; the bytes must end with one.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let (mut heard, mut reader) = (Vec::new(), Reader::default());
        let mut rest = &self.bytes[..];
        while let [opcode, ..] = *rest {
            let payload = payload(&mut rest);
            heard.push(match opcode {
                0x81 => understood(payload),
                0xC1 => understood(reader.inflate(payload).as_bytes()),
                0x8A => Heard::Pong(payload.to_vec()),
                0x88 => Heard::Close,
                other => panic!("frame type {other:#x}"),
            });
        }
        heard
    }
}

/// A client that keeps its window over everything it was ever sent, as most do.
#[derive(Debug)]
pub(crate) struct Reader(Decompress);

impl Default for Reader {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Reader {
    /// One that keeps only two to the power of `bits` bytes.
    pub(crate) fn with_window(bits: u8) -> Self {
        Self(Decompress::new_with_window_bits(false, bits))
    }

    /// The messages of whole frames, each of which says whether it is compressed.
    pub(crate) fn read(&mut self, mut frames: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        while let [first, ..] = *frames {
            let payload = payload(&mut frames);
            messages.push(match first {
                0x81 => String::from_utf8(payload.to_vec()).unwrap(),
                0xC1 => self.inflate(payload),
                other => panic!("frame type {other:#x}"),
            });
        }
        messages
    }

    pub(crate) fn inflate(&mut self, payload: &[u8]) -> String {
        let mut input = &[payload, &[0x00, 0x00, 0xFF, 0xFF]].concat()[..];
        let mut message = Vec::new();
        while !input.is_empty() || message.len() == message.capacity() {
            message.reserve(1000);
            let before = self.0.total_in();
            let flush = FlushDecompress::Sync;
            let result = self.0.decompress_vec(input, &mut message, flush);
            result.expect("a client can read it");
            input = &input[(self.0.total_in() - before) as usize..];
        }
        String::from_utf8(message).unwrap()
    }
}

/// Takes the next frame away, and returns what it carries.
pub(crate) fn payload<'a>(frames: &mut &'a [u8]) -> &'a [u8] {
    let long = |range: std::ops::Range<usize>| {
        frames[range]
            .iter()
            .fold(0, |length, &byte| length << 8 | usize::from(byte))
    };
    let (header, length) = match frames[1] {
        126 => (4, long(2..4)),
        127 => (10, long(2..10)),
        short => (2, usize::from(short)),
    };
    let (frame, rest) = frames.split_at(header + length);
    *frames = rest;
    &frame[header..]
}

fn understood(payload: &[u8]) -> Heard {
    let message: Value = serde_json::from_slice(payload).expect("a message is JSON");
    let body = &message["payload"];
    match message["type"].as_str() {
        Some("signal") => {
            let id: Uuid = body["id"].as_str().unwrap().parse().unwrap();
            let status = match body["status"].as_str().unwrap() {
                "pending" => Status::Pending,
                "confirmed" => Status::Confirmed,
                _ => Status::Invalidated,
            };
            Heard::Signal(id.as_u128() as u32, status)
        }
        Some("price_update") => Heard::Price(
            body["symbol"].as_str().unwrap().to_owned(),
            body["price"].as_u64().unwrap() - 1,
        ),
        Some("status") => Heard::Status(
            body["symbol"].as_str().unwrap().to_owned(),
            Time::parse(body["since"].as_str().unwrap())
                .unwrap()
                .millis() as u64,
        ),
        Some("features") => Heard::Features(
            body["symbol"].as_str().unwrap().to_owned(),
            body["values"].to_string(),
        ),
        Some("bar") => {
            let open_time = SourceTime::parse(body["open_time"].as_str().unwrap()).unwrap();
            Heard::Bar(
                body["symbol"].as_str().unwrap().to_owned(),
                open_time.nanos() / Span::from_minutes(1).nanos(),
                body["ticks"].as_u64().unwrap(),
                body["closed"].as_bool().unwrap(),
            )
        }
        other => panic!("type {other:?}"),
    }
}
