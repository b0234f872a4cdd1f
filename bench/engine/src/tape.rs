//! The tape: a recorded week where there is one, a seeded walk where there is none.

use market::{InstrumentId, Price, SourceTime, Span, Tick};
use std::io::Read;
use std::path::PathBuf;

/// The recorded gold week, or a walk like it.
pub(crate) fn week(instrument: InstrumentId) -> (&'static str, Vec<Tick>) {
    let folder = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let days = ["04", "05", "06", "07", "08", "09"].iter().map(|day| {
        let file = folder.join(format!("data/ticks/XAUUSD_tick_oanda_201405{day}.zip"));
        let midnight = SourceTime::parse(&format!("2014-05-{day}T00:00:00Z")).ok()?;
        lean(&file, midnight, instrument)
    });
    match days.collect::<Option<Vec<_>>>() {
        Some(days) => ("the gold week of 2014-05-04", days.concat()),
        None => (
            "a seeded walk (set ORION_TEST_DATA for the recorded week)",
            walk(instrument),
        ),
    }
}

/// Lean's lines `milliseconds of the day,bid,ask`.
fn lean(file: &PathBuf, midnight: SourceTime, instrument: InstrumentId) -> Option<Vec<Tick>> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(file).ok()?).ok()?;
    let mut text = String::new();
    archive.by_index(0).ok()?.read_to_string(&mut text).ok()?;
    let tick = |line: &str| {
        let mut fields = line.trim().split(',');
        // A thousandth of a second as a price in units of 1e-9 is a picosecond.
        let picos = Price::parse(fields.next()?).ok()?.units();
        let time = midnight + Span::from_nanos(picos / 1000);
        let bid = Price::parse(fields.next()?).ok()?;
        let ask = Price::parse(fields.next()?).ok()?;
        Some(Tick {
            instrument,
            bid,
            ask,
            volume: None,
            time,
            received: None,
        })
    };
    text.lines().map(tick).collect()
}

/// 900,000 ticks in one week.
fn walk(instrument: InstrumentId) -> Vec<Tick> {
    let mut time = SourceTime::from_secs(1_399_240_800);
    let mut state = 1_u64;
    let mut cents = 130_000_i64;
    let mut next = |most: u64| {
        // Steele, Lea, Flood: splitmix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    };
    let tick = |_| {
        time = time + Span::from_nanos(next(950_000_000) as i64);
        cents += next(21) as i64 - 10;
        let price = |cents: i64| Price::from_units(cents * 10_000_000);
        Tick {
            instrument,
            bid: price(cents - 15),
            ask: price(cents + 15),
            volume: None,
            time,
            received: None,
        }
    };
    (0..900_000).map(tick).collect()
}
