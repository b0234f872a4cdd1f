//! How fast recorded files become ticks and bars, and live sources' texts ticks (`live.rs`): for each format and wrapping, items per second and the CPU time of one
//! item, from the opened file to the item that passed the gate.
//!
//! `cargo run --release --manifest-path bench/Cargo.toml -p bench-decode [ITEMS [FILE...]]` makes files of so many items
//! [1,000,000] in a temporary folder and reads each three times (the best is shown), or reads the given files instead.

mod live;

use feeds::tape::{Spec, Tape, open};
use market::{Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Symbol};
use rustix::time::{ClockId, clock_gettime};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

const RUNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let items: usize = arguments
        .next()
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let given: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let folder = tempfile::tempdir()?;
    let is_whole = given.is_empty();
    let specs = if is_whole {
        written(folder.path(), items)?
    } else {
        given.into_iter().map(Spec::new).collect()
    };
    println!(
        "{:<44} {:>9} {:>12} {:>9} {:>9}",
        "file", "items", "items/s", "ns/item", "MB/s"
    );
    for spec in specs {
        let best = (0..RUNS)
            .map(|_| measured(&spec))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .min_by(|a, b| a.nanos.total_cmp(&b.nanos))
            .ok_or("no run")?;
        show(&spec.path, &best);
    }
    if is_whole {
        live::run(items, RUNS)?;
    }
    Ok(())
}

struct Run {
    items: u64,
    bytes: u64,
    /// CPU time of the whole process, opening included.
    nanos: f64,
}

fn measured(spec: &Spec) -> Result<Run, Box<dyn Error>> {
    let before = cpu_nanos();
    let mut tape: Tape = open(std::slice::from_ref(spec), &catalog())?;
    for item in tape.by_ref() {
        item?;
    }
    let nanos = cpu_nanos() - before;
    let progress = tape.progress();
    Ok(Run {
        items: progress.items,
        bytes: progress.bytes,
        nanos,
    })
}

fn show(path: &Path, run: &Run) {
    let each = run.nanos / run.items as f64;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "{name:<44} {:>9} {:>12.0} {each:>9.1} {:>9.0}",
        run.items,
        1e9 / each,
        run.bytes as f64 * 1e3 / run.nanos
    );
}

fn cpu_nanos() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// A walk of prices that is the same each time: so many ticks over one day.
struct Walk {
    state: u64,
    points: u32,
}

impl Walk {
    fn new() -> Self {
        Self {
            state: 0x9e37_79b9_7f4a_7c15,
            points: 138_694,
        }
    }

    /// The next bid, in points of 1e-5.
    fn next(&mut self) -> u32 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.points = self
            .points
            .wrapping_add((self.state >> 62) as u32)
            .wrapping_sub(1)
            .clamp(100_000, 180_000);
        self.points
    }
}

fn decimal(points: u32) -> String {
    format!("{}.{:05}", points / 100_000, points % 100_000)
}

/// Writes every format's file of `items` ticks or bars.
fn written(folder: &Path, items: usize) -> Result<Vec<Spec>, Box<dyn Error>> {
    let lean = text(
        items,
        |line, n, bid, ask| write!(line, "{n},{bid},{ask}"),
        "",
    );
    let histdata = text(
        items,
        |line, n, bid, ask| write!(line, "20140502 {},{bid},{ask},0", clock(n, "")),
        "",
    );
    let header = "time,bid,ask\n";
    let csv = text(
        items,
        |line, n, bid, ask| write!(line, "2014-05-02 {}+00:00,{bid},{ask}", clock(n, ":")),
        header,
    );
    let header = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n";
    let metatrader = text(
        items,
        |line, n, bid, ask| write!(line, "2014.05.02\t{}\t{bid}\t{ask}\t\t\t6", clock(n, ":")),
        header,
    );
    let bars = bars(items.min(1440 * 365));
    let entry = "20140502_eurusd_tick_quote.csv";
    let mut specs = Vec::new();
    let mut put = |name: &str, bytes: Vec<u8>| -> std::io::Result<()> {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        specs.push(Spec::new(path));
        Ok(())
    };
    put("EURUSD_20140502_oanda_quote.csv", lean.clone())?;
    put("EURUSD_20140502_oanda_quote.csv.gz", gzipped(&lean)?)?;
    put("EURUSD_tick_oanda_20140502.zip", zipped(entry, &lean)?)?;
    put("EURUSD_oanda_minute_quote.csv", bars)?;
    put("EURUSD_20140502_00h_ticks.bi5", lzma(&records(items))?)?;
    put("DAT_ASCII_EURUSD_T_201405.csv", histdata)?;
    put("EURUSD_metatrader.csv", metatrader)?;
    put("EURUSD_plain.csv", csv)?;
    Ok(specs)
}

/// One line per tick after a header, each millisecond a tick.
fn text(
    items: usize,
    line: impl Fn(&mut String, u32, &str, &str) -> std::fmt::Result,
    header: &str,
) -> Vec<u8> {
    let (mut walk, mut text) = (Walk::new(), header.to_owned());
    for n in 0..items as u32 % 86_400_000 {
        let bid = walk.next();
        // Writing to a `String` cannot fail.
        let _ = line(&mut text, n, &decimal(bid), &decimal(bid + 11));
        text.push('\n');
    }
    text.into_bytes()
}

/// `HH:MM:SS.mmm`, or `HHMMSSmmm` without a separator.
fn clock(millis: u32, separator: &str) -> String {
    let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
    let (second, milli) = (millis / 1000 % 60, millis % 1000);
    let point = if separator.is_empty() { "" } else { "." };
    format!("{hour:02}{separator}{minute:02}{separator}{second:02}{point}{milli:03}")
}

/// Lean's hour files have dates: minutes of a year in that form.
fn bars(items: usize) -> Vec<u8> {
    let (mut walk, mut text) = (Walk::new(), String::new());
    for n in 0..items {
        let (day, minute) = (n / 1440, n % 1440);
        let (month, day) = (day / 28 % 12 + 1, day % 28 + 1);
        let bid = walk.next();
        let [o, h, l] = [bid, bid + 4, bid - 4].map(decimal);
        let [ao, ah, al] = [bid + 11, bid + 15, bid + 7].map(decimal);
        let year = 2014 + n / (1440 * 28 * 12);
        let _ = writeln!(
            text,
            "{year}{month:02}{day:02} {:02}:{:02},{o},{h},{l},{o},0,{ao},{ah},{al},{ao},0",
            minute / 60,
            minute % 60
        );
    }
    text.into_bytes()
}

fn records(items: usize) -> Vec<u8> {
    let mut walk = Walk::new();
    let record = |n: usize| {
        let bid = walk.next();
        [n as u32, bid + 11, bid, 0x3f80_0000, 0x3f80_0000].map(u32::to_be_bytes)
    };
    (0..items).flat_map(record).flatten().collect()
}

fn gzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes)?;
    gzip.finish()
}

fn zipped(entry: &str, bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(entry, zip::write::SimpleFileOptions::default())?;
    zip.write_all(bytes)?;
    Ok(zip.finish()?.into_inner())
}

fn lzma(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let (mut input, mut packed) = (bytes, Vec::new());
    lzma_rs::lzma_compress(&mut input, &mut packed)?;
    Ok(packed)
}

fn catalog() -> Catalog {
    let instrument = |symbol: &str, digits: u8| {
        let step = Price::from_units(10_i64.pow(9 - u32::from(digits)));
        Ok(Instrument {
            symbol: Symbol::new(symbol)?,
            digits,
            tick_size: step,
            pip_size: step,
            kind: if digits == 1 {
                PriceKind::Cfd
            } else {
                PriceKind::Cash
            },
            calendar: Calendar::Fx,
            spread_default: step.times(10),
            source: SourceId(0),
            signals: true,
            prices: true,
            contract: None,
            slippage_pips: None,
        })
    };
    let instruments = [
        ("EURUSD", 5),
        ("GBPUSD", 5),
        ("USDJPY", 3),
        ("XAUUSD", 2),
        ("US30", 1),
        ("NAS100", 1),
        ("SPX500", 1),
    ];
    let instruments: Result<Vec<Instrument>, market::SymbolError> = instruments
        .into_iter()
        .map(|(symbol, digits)| instrument(symbol, digits))
        .collect();
    Catalog {
        sources: vec![Source {
            name: "tape:bench".to_owned(),
            heartbeats: false,
            simulated: false,
            always_open: false,
        }],
        instruments: instruments.unwrap_or_default(),
    }
}
