//! A folder in which a document's commands can be run: a running server's data, and recordings of the names it uses.

use super::support::{Server, key, serve};
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Seconds that a command may take; the longest does one second's work.
const PATIENCE: &str = "120";

/// One server for all documents.
pub(super) struct Sandbox {
    folder: TempDir,
    pub(super) server: Server,
    key: String,
}

/// How a command ended, and what it said.
pub(super) struct Ended {
    pub(super) success: bool,
    pub(super) told: String,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("orion-data");
        let server = Server::start(serve(&data, &[]))
            .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
        let key = key(&data, "reader-of-docs", "bot");
        Self {
            folder,
            server,
            key,
        }
    }

    /// Another folder with the same server's data, these recordings, and settings that change little.
    pub(super) fn enter(&self, recordings: &[&str]) -> TempDir {
        let place = TempDir::new().expect("a folder");
        std::os::unix::fs::symlink(
            self.folder.path().join("orion-data"),
            place.path().join("orion-data"),
        )
        .expect("a link");
        for name in ["my.toml", "orion.toml"] {
            std::fs::write(place.path().join(name), "[rules]\nmin_rr = 1.4\n")
                .expect("write settings");
        }
        for name in recordings {
            record(&place.path().join(name), name);
        }
        place
    }

    /// Runs a line in a folder, as a shell does. The server's address and a key of it stand where documents have their own.
    pub(super) fn run(&self, line: &str, place: &Path) -> Ended {
        let line = line
            .replace("127.0.0.1:8080", &self.server.address)
            .replace("Bearer KEY", &format!("Bearer {}", self.key))
            .replace("curl ", "curl --silent --show-error --fail-with-body ");
        let program = Path::new(env!("CARGO_BIN_EXE_orion"));
        let beside = program.parent().expect("a folder of programs");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(
            [beside.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&others)),
        )
        .expect("a path");
        let output = Command::new("timeout")
            .args([PATIENCE, "sh", "-ec", &line])
            .env("PATH", path)
            .current_dir(place)
            .stdin(Stdio::null())
            .output()
            .expect("run a shell");
        let told = [output.stdout, output.stderr].concat();
        Ended {
            success: output.status.success(),
            told: String::from_utf8_lossy(&told).into_owned(),
        }
    }
}

/// A recording of the kind that its name promises: `EURUSD_1h.zip`, `XAUUSD_tick_1.zip`, `NAS100_1h.csv`.
fn record(path: &Path, name: &str) {
    let (symbol, rest) = name.split_once('_').expect("a symbol and what it is");
    let text = match () {
        () if rest.starts_with("1h") => bars(symbol, "2015-01-05T00:00:00Z", 3600),
        () if rest.starts_with("15m") => bars(symbol, "2015-01-05T00:00:00Z", 900),
        () if rest.starts_with("1m") => bars(symbol, "2015-01-05T00:00:00Z", 60),
        () => ticks(symbol),
    };
    let end = path.extension().and_then(|end| end.to_str());
    if end == Some("csv") {
        std::fs::write(path, text).expect("write a recording");
        return;
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let inside = name.replace(".zip", ".csv");
    zip.start_file(inside, zip::write::SimpleFileOptions::default())
        .expect("begin a file");
    zip.write_all(text.as_bytes()).expect("write a file");
    std::fs::write(path, zip.finish().expect("end a zip").into_inner()).expect("write a zip");
}

/// Where a symbol's prices begin, and how far one step goes.
fn scale(symbol: &str) -> (f64, f64) {
    match symbol {
        "XAUUSD" => (1_300.0, 0.3),
        "NAS100" | "SPX500" => (4_200.0, 1.0),
        _ => (1.1, 0.0002),
    }
}

/// A walk that goes nowhere: whole steps, made of a known sequence (Knuth's MMIX generator).
fn walk(symbol: &str) -> impl Iterator<Item = f64> {
    let (start, step) = scale(symbol);
    let mut state: u64 = symbol.bytes().map(u64::from).sum();
    let mut at = 0_i32;
    std::iter::from_fn(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        at += i32::try_from(state >> 61).expect("three bits") - 3;
        at -= at.signum() * i32::from(at.abs() > 40);
        Some(start + f64::from(at) * step)
    })
}

fn bars(symbol: &str, first: &str, seconds: i64) -> String {
    let mut text = "time,open,high,low,close\n".to_owned();
    let mut prices = walk(symbol);
    let first = market::SourceTime::parse(first).expect("a time");
    for place in 0..1500 {
        let four: Vec<f64> = prices.by_ref().take(4).collect();
        let high = four.iter().copied().fold(f64::MIN, f64::max);
        let low = four.iter().copied().fold(f64::MAX, f64::min);
        let time = first + market::Span::from_secs(place * seconds);
        writeln!(
            text,
            "{time},{:.5},{high:.5},{low:.5},{:.5}",
            four[0], four[3]
        )
        .expect("write to a text");
    }
    text
}

fn ticks(symbol: &str) -> String {
    let mut text = "time,bid,ask\n".to_owned();
    let first = market::SourceTime::parse("2014-05-02T12:00:00Z").expect("a time");
    let (_, step) = scale(symbol);
    for (place, bid) in (0..20_000).zip(walk(symbol)) {
        let time = first + market::Span::from_secs(place);
        writeln!(text, "{time},{bid:.5},{:.5}", bid + step / 4.0).expect("write to a text");
    }
    text
}
