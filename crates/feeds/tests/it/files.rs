//! Files made by the tests, in each of the wrappings that vendors use, and what a tape makes of them as text.

use crate::sample::catalog;
use feeds::tape::{Error, Item, Recorded, Spec, Tape, open};
use flate2::Compression;
use flate2::write::GzEncoder;
use market::{Ohlc, QuoteBar, Tick};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder that is gone at the end of the test.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders above it, wrapped as the end of its name says. `name!entry` is an entry of a zip.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Spec {
        let (name, entry) = name.split_once('!').unwrap_or((name, "data.csv"));
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content = content.as_ref();
        let bytes = match name.rsplit('.').next() {
            Some("zip") => zipped(&[(entry, content)]),
            Some("gz") => gzipped(content),
            Some("bi5") => lzma(content),
            _ => content.to_vec(),
        };
        fs::write(&path, bytes).unwrap();
        Spec::new(path)
    }
}

pub(crate) fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub(crate) fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn lzma(content: &[u8]) -> Vec<u8> {
    let (mut input, mut packed) = (content, Vec::new());
    lzma_rs::lzma_compress(&mut input, &mut packed).unwrap();
    packed
}

/// Dukascopy's tick records: milliseconds, ask, bid.
pub(crate) fn bi5_ticks(ticks: &[[u32; 3]]) -> Vec<u8> {
    let record = |&[ms, ask, bid]: &[u32; 3]| [ms, ask, bid, 0x3f80_0000, 0x3f80_0000];
    ticks
        .iter()
        .flat_map(record)
        .flat_map(u32::to_be_bytes)
        .collect()
}

/// Dukascopy's candle records: seconds, open, close, low, high, and whether anything was traded.
pub(crate) fn bi5_candles(candles: &[([u32; 5], f32)]) -> Vec<u8> {
    let record = |(fields, volume): &([u32; 5], f32)| {
        let mut bytes: Vec<u8> = fields
            .iter()
            .flat_map(|field| field.to_be_bytes())
            .collect();
        bytes.extend(volume.to_be_bytes());
        bytes
    };
    candles.iter().flat_map(record).collect()
}

pub(crate) fn tape(specs: &[Spec]) -> Tape {
    open(specs, &catalog()).unwrap()
}

/// One line per item, ticks as `time symbol bid ask`, bars as `end symbol timeframe open, bid and ask as o h l c`.
pub(crate) fn shown(tape: &mut Tape) -> String {
    let mut text = String::new();
    for item in tape {
        match item {
            Ok(item) => writeln!(text, "{}", line(&item)).unwrap(),
            Err(Error::Damaged { .. }) => writeln!(text, "damaged").unwrap(),
            Err(error) => writeln!(text, "{error}").unwrap(),
        }
    }
    text
}

fn line(item: &Item) -> String {
    let symbol = |id| catalog().instrument(id).symbol;
    match &item.event {
        Recorded::Tick(tick) => {
            let Tick { bid, ask, .. } = tick;
            let volume = volume(tick.volume);
            format!(
                "{} {} {bid} {ask}{volume}",
                item.time,
                symbol(tick.instrument)
            )
        }
        Recorded::Bar(bar) => {
            let QuoteBar {
                timeframe,
                open_time,
                ..
            } = bar;
            let (bid, ask) = (ohlc(&bar.bid), ohlc(&bar.ask));
            let volume = volume(bar.volume);
            let symbol = symbol(bar.instrument);
            format!(
                "{} {symbol} {timeframe} {open_time} {bid} | {ask}{volume}",
                item.time
            )
        }
    }
}

fn volume(volume: Option<market::Volume>) -> String {
    volume.map_or(String::new(), |volume| {
        format!(" v{}", volume.0 / 1_000_000_000)
    })
}

fn ohlc(ohlc: &Ohlc) -> String {
    format!("{} {} {} {}", ohlc.open, ohlc.high, ohlc.low, ohlc.close)
}
