//! Stores that older versions wrote, and one that a newer version would have written: `tests/stores/README.md`.

use crate::backup::{ONE, made, orion, post, restore, told};
use crate::support::{Server, key, serve};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONFIG: &str = "\
# One instrument with few ticks, and charts with few marks: a store must be small.
[[instrument]]
symbol = \"EURUSD\"

[feed.sim]
rate = 0.01

[rules]
swing_left = 15
swing_right = 10
fvg_min_atr = 0.7
";
/// Zstandard's best for what is committed.
const LEVEL: i32 = 19;

fn stores() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores")
}

fn serve_store(store: &Path, data: &Path) -> Command {
    let mut command = serve(data, &["--config"]);
    command.arg(store.join("orion.toml"));
    command
}

/// What a journal says, by the binary of now.
fn signals(data: &Path) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.args(["signals", "list", "--csv", "--limit", "500", "--data"]);
    let output = command.arg(data).output().expect("run orion");
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Makes the store of this version, where that is asked for.
fn make(store: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir_all(store).expect("a folder");
    fs::create_dir(&data).expect("a folder");
    fs::write(store.join("orion.toml"), CONFIG).expect("write");
    let token = key(&data, "mybot", "bots");
    let server = Server::start(serve_store(store, &data));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    for number in 0..3 {
        post(&server.address, &token, number, "pending");
        post(&server.address, &token, number, "invalidated");
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    fs::write(store.join("signals.csv"), signals(&data)).expect("write");
    let out = fs::File::create(store.join("data.tar.zst")).expect("a file");
    let packing = zstd::Encoder::new(out, LEVEL).expect("pack");
    let mut tar = tar::Builder::new(packing);
    tar.append_dir_all("data", &data).expect("pack");
    tar.into_inner()
        .and_then(zstd::Encoder::finish)
        .expect("pack");
}

#[test]
fn every_version_s_store_is_opened_and_says_the_same_signals() {
    if std::env::var_os("UPDATE_STORES").is_some() {
        make(&stores().join(env!("CARGO_PKG_VERSION")));
    }
    let mut count = 0;
    for entry in fs::read_dir(stores()).expect("a folder") {
        let store = entry.expect("an entry").path();
        if store.is_dir() {
            check(&store);
            count += 1;
        }
    }
    assert!(count > 0, "there is no store");
    let own = stores().join(env!("CARGO_PKG_VERSION"));
    assert!(own.is_dir(), "this version has no store: {}", own.display());
}

fn check(store: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = fs::File::open(store.join("data.tar.zst")).expect("a store");
    assert!(packed.metadata().expect("its size").len() <= 200_000);
    let unpacked = zstd::Decoder::new(packed).expect("Zstandard");
    tar::Archive::new(unpacked)
        .unpack(folder.path())
        .expect("unpack");
    let data = folder.path().join("data");
    for name in [
        "journal.sqlite",
        "charts.sqlite",
        "tape",
        "snapshots",
        "bars",
    ] {
        assert!(data.join("sim-1").join(name).exists(), "it has no {name}");
    }
    let recorded = fs::read_to_string(store.join("signals.csv")).expect("what it said");
    let recorded = items(&recorded);
    assert!(recorded.len() > 5, "{} signals", recorded.len());
    assert_eq!(items(&signals(&data)), recorded, "the journal as it is");
    let keys = orion(&["key", "list", "--data"], &[&data]);
    assert!(told(&keys).contains("mybot"), "{}", told(&keys));

    let server = Server::start(serve_store(store, &data));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    let now = items(&signals(&data));
    for old in &recorded {
        let same = now.iter().find(|item| item["id"] == old["id"]);
        let same = same.unwrap_or_else(|| panic!("{old:?} is gone"));
        let fixed = [
            "symbol",
            "direction",
            "setup",
            "entry_price",
            "stop_loss",
            "take_profits",
        ];
        for name in fixed.into_iter().chain(["born", "confidence", "simulated"]) {
            assert_eq!(same[name], old[name], "{name}");
        }
        // What was pending is decided by now.
        if old["status"] != "pending" {
            assert_eq!(same["status"], old["status"]);
            assert_eq!(same["reason"], old["reason"]);
            assert_eq!(same["decided"], old["decided"]);
        }
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let output = orion(&["verify", "--data"], &[&data]);
    assert!(output.status.success(), "{}", told(&output));
    let output = orion(&["export", "bars", "--data"], &[&data]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).lines().count() > 100,
        "the chart book is empty"
    );
}

/// The signals by the names of their columns.
fn items(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize();
    rows.map(|row| row.expect("a row")).collect()
}

/// The version of a SQLite file's tables: https://sqlite.org/fileformat2.html#user_version
const USER_VERSION: usize = 60;
/// Where tapes, snapshots and saved bars have theirs.
const VERSION: usize = 8;

/// The same file as a newer ORION would have written it.
fn newer(path: &Path, place: usize) {
    let mut bytes = fs::read(path).expect("a file");
    let version = match place {
        USER_VERSION => 99_u32.to_be_bytes(),
        _ => 99_u32.to_le_bytes(),
    };
    bytes[place..place + 4].copy_from_slice(&version);
    fs::write(path, bytes).expect("write");
}

fn only(folder: &Path, end: &str) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    paths.sort();
    paths.pop().expect("a file")
}

#[test]
fn what_a_newer_version_wrote_is_refused_with_the_remedy_and_not_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = made(folder.path());
    let kept = folder.path().join("kept");
    crate::backup::backup(&data, &kept);
    let again = |number: usize| {
        let data = folder.path().join(format!("data-{number}"));
        let output = restore(&kept, &data);
        assert!(output.status.success(), "{}", told(&output));
        let market = data.join("sim-1");
        (data, market)
    };

    // Without journal and tape there is nothing to go on with.
    for (number, name) in ["journal.sqlite", "tape"].into_iter().enumerate() {
        let (data, market) = again(number);
        let (path, place) = match name {
            "tape" => (only(&market.join(name), ".tape"), VERSION),
            name => (market.join(name), USER_VERSION),
        };
        newer(&path, place);
        let before = fs::read(&path).expect("a file");
        let Err((code, log)) = Server::start(serve(&data, &["--config", ONE])) else {
            panic!("{name} of a newer version was taken");
        };
        assert_eq!(code, Some(1), "{log}");
        for words in ["has format version 99", "reads up to 2", "or a newer one"] {
            assert!(log.contains(words), "{name}: {words}: {log}");
        }
        assert!(
            fs::read(&path).expect("a file") == before,
            "{name} was changed"
        );
    }

    // What is made of these is made again, and says so.
    let (data, market) = again(2);
    let book = market.join("charts.sqlite");
    newer(&book, USER_VERSION);
    let before = fs::read(&book).expect("a file");
    newer(&only(&market.join("snapshots"), ".snapshot"), VERSION);
    let output = orion(&["export", "bars", "--data"], &[&data]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("has format version 99"),
        "{}",
        told(&output)
    );
    let server = crate::backup::start(&data);
    server.terminate();
    let mut log = Vec::new();
    while let Some(line) = server.log_after("") {
        log.push(line);
    }
    assert_eq!(server.wait(), Some(0));
    let log = log.join("\n");
    for words in [
        "it has format version 99",
        "a newer ORION wrote the chart book",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let aside = market.join("charts.sqlite.newer");
    assert!(fs::read(&aside).expect("it is aside") == before);
}
