//! How many bytes a quote takes: its time, bid and ask, all but our stamp.

use crate::made::{quote, settings, time};
use feeds::tape::{Recorded, Spec};
use history::day::{About, Quote, Quotes, day_of, places};
use history::table::Reader;
use market::{Catalog, Price, Span, Symbol, Tick};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a quote may take.
const BYTES_MAX: f64 = 4.0;
/// The place of the column of stamps.
const STAMP: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Size {
    quotes: u64,
    /// Of the file but for the stamps.
    bytes: u64,
    stamps: u64,
}

impl Size {
    fn each(self) -> f64 {
        self.bytes as f64 / self.quotes as f64
    }

    fn plus(self, other: Self) -> Self {
        Self {
            quotes: self.quotes + other.quotes,
            bytes: self.bytes + other.bytes,
            stamps: self.stamps + other.stamps,
        }
    }
}

/// Seals ticks as one file.
fn seal(symbol: Symbol, digits: u8, ticks: &[Tick]) -> Size {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("day.parquet");
    let prices = ticks.iter().flat_map(|tick| [tick.bid, tick.ask]);
    let about = About {
        market: "live".to_owned(),
        symbol,
        day: day_of("2026-11-27").expect("a day"),
        digits: prices.fold(digits, places),
        simulated: false,
        always_open: false,
        heartbeats: false,
    };
    let mut file = Quotes::create(&path, &about).expect("create");
    for tick in ticks {
        let stamp = tick.received.unwrap_or_else(|| tick.time.as_stamp());
        let quote = Quote {
            time: tick.time,
            bid: tick.bid,
            ask: tick.ask,
            stamp,
            source: Some("oanda"),
            volume: tick.volume,
        };
        file.push(&quote).expect("push");
    }
    let written = file.seal(|_| ()).expect("seal");
    let stamps = Reader::open(&path).expect("open").bytes_of(STAMP);
    Size {
        quotes: written.rows,
        bytes: written.bytes - stamps,
        stamps,
    }
}

#[test]
fn a_walk_of_quotes_takes_less_than_four_bytes_each() {
    let noon = time("2026-11-27T12:00:00Z");
    let mut ticks = Vec::new();
    let first = quote(noon, 0, 0, 8);
    let point = Price::from_units(10_000);
    let (mut after, mut bid, mut state) = (0, first.bid, 1_u64);
    for _ in 0..50_000 {
        // Knuth's generator (The Art of Computer Programming, volume 2, 3.3.4, line 26).
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        after += 1_000_000 * (1 + (state >> 40) as i64 % 900);
        bid = bid + point.times((state >> 50) as i64 % 7 - 3);
        ticks.push(Tick {
            time: noon + Span::from_nanos(after),
            bid,
            ask: bid + point.times(8 + (state >> 60) as i64 % 4),
            ..first.clone()
        });
    }
    let size = seal(Symbol::new("EURUSD").expect("a symbol"), 5, &ticks);
    assert!(size.each() < 3.0, "{:.2} bytes", size.each());
}

#[test]
fn the_recorded_days_take_at_most_four_bytes_a_quote() {
    let Some(folder) = recorded() else {
        eprintln!(
            "skipped the size of recorded days: no recorded ticks in data/ticks of ORION_TEST_DATA"
        );
        return;
    };
    let catalog = catalog();
    let mut all = Size::default();
    for (name, paths) in days(&folder) {
        let specs: Vec<Spec> = paths.iter().map(Spec::new).collect();
        let tape = feeds::tape::open(&specs, &catalog).expect("a recording");
        let ticks = tape.map(|item| match item.expect("an item").event {
            Recorded::Tick(tick) => tick,
            Recorded::Bar(_) => panic!("{name} holds ticks"),
        });
        let ticks: Vec<Tick> = ticks.collect();
        let Some(first) = ticks.first() else {
            continue;
        };
        let instrument = catalog.instrument(first.instrument);
        let size = seal(instrument.symbol, instrument.digits, &ticks);
        println!(
            "{name}: {} quotes, {:.2} bytes each, {:.2} more for the stamp",
            size.quotes,
            size.each(),
            size.stamps as f64 / size.quotes as f64
        );
        all = all.plus(size);
    }
    println!("all: {} quotes, {:.2} bytes each", all.quotes, all.each());
    assert!(all.quotes > 0);
    assert!(all.each() <= BYTES_MAX, "{:.2} bytes", all.each());
}

/// The instruments of the recordings.
fn catalog() -> Catalog {
    settings().catalog
}

/// Each recording: a file, or a folder of files.
fn days(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut days = BTreeMap::new();
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if ["EURUSD", "XAUUSD", "USDJPY"]
            .iter()
            .any(|symbol| name.starts_with(symbol))
        {
            days.insert(name, vec![path]);
        }
    }
    days
}

fn recorded() -> Option<PathBuf> {
    let data = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = data.join("data/ticks");
    folder.is_dir().then_some(folder)
}
