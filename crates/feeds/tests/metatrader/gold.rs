//! The recorded gold day through the advisor: what comes out is what the tape holds. The hand-made day in `once.rs` proves
//! the same rules where there is no recorded data.

use crate::once::{options, quote};
use crate::place::{Place, catalog, id, standing};
use crate::terminal::{Advisor, Market, Terminal};
use feeds::metatrader::Settings;
use feeds::tape::{Recorded, Spec, open};
use market::{Ohlc, SourceTime, Span, Tick};
use std::path::PathBuf;

/// 186,204 ticks of 5 May 2014 in UTC, of which 9,441 share a millisecond with the one before. The broker's clock was three
/// hours ahead that day.
#[test]
fn the_gold_day_is_the_tapes() {
    let Some(program) = Advisor::Mt5.program("the gold day") else {
        return;
    };
    let Some(path) = data("XAUUSD_tick_oanda_20140505.zip") else {
        return;
    };
    let tape = tape(path);
    assert_eq!(tape.len(), 186_204);
    let settings = Settings {
        server_tz: "eet_eu".to_owned(),
        ..Settings::default()
    };
    let place = Place::start(settings, standing());
    let market = market(&tape);
    let said = Terminal::start(program, &market, &options(&place, &["step=997"])).finish();
    assert!(
        said.last().unwrap().ends_with("waiting=0 lost=0"),
        "{said:?}"
    );
    let told = place.tape.ticks();
    let expected: Vec<Tick> = tape.iter().map(in_millis).collect();
    assert_eq!(told.len(), expected.len());
    let differs = told
        .iter()
        .zip(&expected)
        .find(|(a, b)| quote(a) != quote(b));
    assert_eq!(differs, None);
    assert_eq!(
        minutes(&told),
        minutes(&tape),
        "the bars are those of the tape"
    );
}

fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("data/ticks").join(name);
    if !path.exists() {
        eprintln!(
            "skipped: the gold day: no recorded data at {}",
            path.display()
        );
        return None;
    }
    Some(path)
}

fn tape(path: PathBuf) -> Vec<Tick> {
    let items = open(&[Spec::new(path)], &catalog()).unwrap();
    let tick = |item: Result<feeds::tape::Item, _>| match item.unwrap().event {
        Recorded::Tick(tick) => tick,
        Recorded::Bar(bar) => panic!("a bar among ticks: {bar:?}"),
    };
    items.map(tick).collect()
}

/// MetaTrader's times are whole milliseconds; the recorded ones are finer.
fn in_millis(tick: &Tick) -> Tick {
    Tick {
        time: SourceTime::from_millis(tick.time.millis()),
        ..tick.clone()
    }
}

/// The day as a broker's terminal has it: three hours ahead, with three decimals.
fn market(tape: &[Tick]) -> Market {
    let local = |tick: &Tick| (tick.time + Span::from_hours(3)).millis();
    let mut market = Market::default();
    market.symbol(
        "GOLD",
        3,
        "XAU",
        "USD",
        (local(&tape[0]) - 3_600_000, "1300.000"),
    );
    for tick in tape {
        let shown = |price: market::Price| price.display(3).to_string();
        market.tick("GOLD", local(tick), &shown(tick.bid), &shown(tick.ask));
    }
    market
}

fn minutes(ticks: &[Tick]) -> Vec<(SourceTime, Ohlc, Ohlc)> {
    assert!(ticks.iter().all(|tick| tick.instrument == id("XAUUSD")));
    let mut minutes: Vec<(SourceTime, Ohlc, Ohlc)> = Vec::new();
    for tick in ticks {
        let open = tick.time.floor(Span::from_minutes(1));
        match minutes.last_mut() {
            Some((minute, bid, ask)) if *minute == open => {
                bid.add(tick.bid);
                ask.add(tick.ask);
            }
            _ => minutes.push((open, Ohlc::of(tick.bid), Ohlc::of(tick.ask))),
        }
    }
    minutes
}
