//! Tapes of known content, and what must be in their files.

use engine::Settings;
use history::day::QuotesRead;
use journal::tape::{Tape, TapeItem, TapeReader, TapeWriter};
use lab::market::SimMarket;
use market::{
    Event, Ohlc, Price, QuoteBar, Source, SourceId, SourceTime, Span, Tick, Time, Timeframe, Volume,
};
use orion::config::{self, Layers};
use orion::machine::write_settings;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) const MARKET: &str = "record";

/// A quote as a file must have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) time: i64,
    pub(crate) bid: i64,
    pub(crate) ask: i64,
    pub(crate) stamp: i64,
    pub(crate) source: Option<String>,
    pub(crate) volume: Option<i64>,
}

pub(crate) fn settings() -> Settings {
    let loaded = config::load(&Layers::default()).expect("the defaults");
    let mut settings = loaded.config.engine_settings();
    MARKET.clone_into(&mut settings.market);
    settings
}

/// The same with two sources, as a server with live ones has them.
pub(crate) fn live_settings() -> Settings {
    let mut settings = settings();
    settings.catalog.sources = ["oanda", "fxcm"]
        .map(|name| Source {
            name: name.to_owned(),
            simulated: false,
            always_open: false,
            ..settings.catalog.sources[0].clone()
        })
        .to_vec();
    settings
}

pub(crate) fn time(text: &str) -> SourceTime {
    SourceTime::parse(text).expect("a time")
}

pub(crate) fn begin(market: &Path, settings: &Settings) -> TapeWriter {
    let tape = Tape::open(&market.join("tape")).expect("open the tape");
    tape.begin(&write_settings(settings).expect("settings"))
        .expect("begin")
}

/// A tick of the simulated market at its own time.
pub(crate) fn simulated(from: &str, length: Span) -> impl Iterator<Item = Tick> {
    let from = time(from);
    let sim = SimMarket::new(5, from, &settings().catalog, None);
    sim.ticks_from(from)
        .take_while(move |tick| tick.time < from + length)
}

/// Puts the simulated market of a time on a tape.
pub(crate) fn play(tape: &mut TapeWriter, from: &str, length: Span) {
    for (count, tick) in (1..).zip(simulated(from, length)) {
        let at = tick.time.as_stamp() + Span::from_nanos(1 + count % 7);
        let at = at.max(Time::from_nanos(LAST.with(std::cell::Cell::get)));
        LAST.with(|last| last.set(at.nanos()));
        tape.push(at, &Event::Tick(tick)).expect("push");
    }
    tape.sync().expect("sync");
}

thread_local! {
    /// The stamp of the tick that was put on a tape last: stamps never go back.
    static LAST: std::cell::Cell<i64> = const { std::cell::Cell::new(i64::MIN) };
}

/// A quote of EURUSD, in points from 1.08500, a time in nanoseconds from the day's noon.
pub(crate) fn quote(noon: SourceTime, after: i64, bid: i64, ask: i64) -> Tick {
    Tick {
        instrument: settings().catalog.find("EURUSD").expect("an instrument"),
        bid: Price::from_units(1_085_000_000 + bid * 10_000),
        ask: Price::from_units(1_085_000_000 + ask * 10_000),
        volume: None,
        time: noon + Span::from_nanos(after),
        received: None,
    }
}

/// Two hard days of live sources and one tick of a third: a change of source, a source's time finer than a millisecond,
/// equal times, a crossed quote, a price of six decimals, a volume, bars of the past; the second day goes on with the
/// source of the first.
pub(crate) fn hard(data: &Path) {
    let market = data.join(MARKET);
    let settings = live_settings();
    let noon = time("2026-11-25T12:00:00Z");
    let mut tape = begin(&market, &settings);
    let mut stamp = noon.as_stamp();
    let mut push = |tape: &mut TapeWriter, event: Event| {
        stamp = stamp + Span::from_nanos(1_000_003);
        if let Event::Tick(tick) = &event {
            stamp = stamp.max(tick.time.as_stamp() + Span::from_millis(17));
        }
        tape.push(stamp, &event).expect("push");
    };
    let eurusd = settings.catalog.find("EURUSD").expect("an instrument");
    push(&mut tape, Event::Start);
    push(&mut tape, Event::Switch(eurusd, SourceId(0)));
    let finer = Tick {
        bid: Price::from_units(1_085_012_000 - 1_000),
        ..quote(noon, 2_000_000_000, 0, 11)
    };
    let sized = Tick {
        volume: Some(Volume(1_500_000_001)),
        ..quote(noon, 3_000_000_200, 4, 14)
    };
    for tick in [
        quote(noon, 0, 0, 10),
        quote(noon, 0, 0, 10),
        quote(noon, 1_000_000, 12, 10),
        finer,
        sized,
    ] {
        push(&mut tape, Event::Tick(tick));
    }
    for hour in 0..3 {
        push(&mut tape, Event::Past(bar(noon, hour)));
    }
    push(&mut tape, Event::Switch(eurusd, SourceId(1)));
    push(
        &mut tape,
        Event::Tick(quote(noon, 9_000_000_000_000, -500, -480)),
    );
    tape.sync().expect("sync");
    drop(tape);
    let next = time("2026-11-26T00:00:00Z");
    let mut tape = begin(&market, &settings);
    push(&mut tape, Event::Tick(quote(next, 0, 7, 17)));
    push(&mut tape, Event::Tick(quote(next, 5_000_000, 8, 18)));
    tape.sync().expect("sync");
    drop(tape);
    let mut tape = begin(&market, &settings);
    push(
        &mut tape,
        Event::Tick(quote(time("2026-11-27T01:00:00Z"), 0, 7, 17)),
    );
    tape.sync().expect("sync");
}

pub(crate) fn bar(noon: SourceTime, hour: i64) -> QuoteBar {
    let price = |points: i64| Price::from_units(1_085_000_000 + points * 10_000);
    let ohlc = |open: i64| Ohlc {
        open: price(open),
        high: price(open + 9),
        low: price(open - 7),
        close: price(open + 3),
    };
    QuoteBar {
        instrument: settings().catalog.find("EURUSD").expect("an instrument"),
        timeframe: Timeframe::H1,
        open_time: noon - Span::from_hours(5 - hour),
        bid: ohlc(hour),
        ask: ohlc(hour + 10),
        volume: (hour == 1).then_some(Volume(7_000_000_000)),
    }
}

/// Every tick of a tape of one symbol on a day, as its file must have it; told once more by the test itself.
pub(crate) fn on_tape(data: &Path, symbol: &str, date: &str) -> Vec<Kept> {
    let tape = TapeReader::open(&data.join(MARKET).join("tape"), None).expect("open the tape");
    let id = settings().catalog.find(symbol).expect("an instrument");
    let mut names = Vec::new();
    let mut source: Option<String> = None;
    let mut kept = Vec::new();
    for item in tape {
        match item.expect("a whole tape") {
            TapeItem::Settings(settings) => {
                let settings = orion::machine::read_settings(&settings).expect("settings");
                let sources = settings.catalog.sources.into_iter();
                names = sources.map(|source| source.name).collect();
            }
            TapeItem::Event(_, Event::Switch(_, to)) => source = Some(names[to.index()].clone()),
            TapeItem::Event(at, Event::Tick(tick))
                if tick.instrument == id && at.to_string().starts_with(date) =>
            {
                let only = (names.len() == 1).then(|| names[0].clone());
                kept.push(Kept {
                    time: tick.time.nanos(),
                    bid: tick.bid.units(),
                    ask: tick.ask.units(),
                    stamp: at.nanos(),
                    source: source.clone().or(only),
                    volume: tick.volume.map(|volume| volume.0),
                });
            }
            TapeItem::Event(..) => {}
        }
    }
    kept
}

pub(crate) fn file(data: &Path, symbol: &str, date: &str) -> PathBuf {
    let history = data.join(MARKET).join("history");
    history.join(symbol).join(format!("{date}.parquet"))
}

/// What a file has.
pub(crate) fn in_file(path: &Path) -> Vec<Kept> {
    let mut file = QuotesRead::open(path).expect("a sealed day");
    let mut kept = Vec::new();
    while let Some(quote) = file.next_quote().expect("a whole file") {
        kept.push(Kept {
            time: quote.time.nanos(),
            bid: quote.bid.units(),
            ask: quote.ask.units(),
            stamp: quote.stamp.nanos(),
            source: quote.source.map(str::to_owned),
            volume: quote.volume.map(|volume| volume.0),
        });
    }
    kept
}

/// Runs `orion history` with these words on a data folder.
pub(crate) fn history(data: &Path, words: &[&str]) -> Output {
    command(data, words).output().expect("run orion")
}

pub(crate) fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.arg("history").args(words).arg("--data").arg(data);
    command
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
