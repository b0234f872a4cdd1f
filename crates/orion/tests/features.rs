//! `orion features export`: what was known at a moment and never what came later, the same bytes every time, for the tools
//! that people train models with.

mod support;

use history::table::{Kind, Reader};
use journal::Record;
use market::{OutcomeKind, Span, Status};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::recording::{self, RULES};
use support::{Server, serve, tool};

/// A table as it is read: each row by its columns, floats by their bits.
type Rows = Vec<BTreeMap<String, Value>>;

/// What a signal's row says of its birth.
const BIRTH: [&str; 7] = [
    "id",
    "symbol",
    "timeframe",
    "time",
    "setup",
    "source",
    "direction",
];
/// And of its life.
const LIFE: [&str; 8] = [
    "status",
    "cause",
    "hit",
    "realised",
    "odds",
    "confidence",
    "resolved_at",
    "ended_at",
];

fn rows(path: &Path) -> Rows {
    let mut reader = Reader::open(path).expect("a table");
    let columns = reader.columns().to_vec();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("a whole table") {
        let cell = |(place, kind): (usize, Kind)| match kind {
            Kind::Float => json!(row.float(place).map(f64::to_bits)),
            Kind::Flag => json!(row.flag(place)),
            Kind::Text => json!(row.text(place)),
            Kind::Integer | Kind::Decimal(_) | Kind::Time(_) => json!(row.integer(place)),
        };
        let cells = columns.iter().enumerate();
        let cells = cells.map(|(place, column)| (column.name.clone(), cell((place, column.kind))));
        rows.push(cells.collect());
    }
    rows
}

fn export(arguments: &[&str], out: &Path) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["features", "export", "--out"])
        .arg(out)
        .args(arguments)
        .output()
        .expect("run orion");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        assert_eq!(output.status.code(), Some(1));
        Err(text(output.stderr))
    }
}

/// The features of recorded files under rules that make many signals.
fn exported(files: &[PathBuf], options: &[&str], out: &Path) -> Rows {
    let mut arguments: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    for rule in RULES {
        arguments.extend(["--set".to_owned(), rule.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    export(&[&arguments, options].concat(), out).unwrap_or_else(|why| panic!("{why}"));
    rows(out)
}

/// The same recordings with something done to what comes at or after a time; a line that becomes nothing is left out.
fn changed(
    files: &[PathBuf],
    folder: &Path,
    since: &str,
    change: impl Fn(&str, usize) -> Option<String>,
) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a folder");
    let file = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).expect("a recording");
        let lines = text.lines().enumerate().filter_map(|(number, line)| {
            if number > 0 && line >= since {
                change(line, number)
            } else {
                Some(line.to_owned())
            }
        });
        let lines: Vec<String> = lines.collect();
        let path = folder.join(file.file_name().expect("a name"));
        std::fs::write(&path, lines.join("\n") + "\n").expect("write a recording");
        path
    };
    files.iter().map(file).collect()
}

/// Another market from here on: prices wander off by up to a five-thousandth.
fn scrambled(line: &str, number: usize) -> Option<String> {
    let parts: Vec<&str> = line.split(',').collect();
    let [time, bid, ask] = parts[..] else {
        panic!("{line}")
    };
    let factor = 1.0 + ((number * 7919 % 401) as f64 - 200.0) * 1e-6;
    let moved = |price: &str| {
        let digits = price.split_once('.').map_or(0, |(_, rest)| rest.len());
        let price: f64 = price.parse().expect("a price");
        format!("{:.digits$}", price * factor)
    };
    Some(format!("{time},{},{}", moved(bid), moved(ask)))
}

/// What was known at a signal's birth.
fn birth(row: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut row = row.clone();
    row.retain(|name, _| name == "confidence" || !LIFE.contains(&name.as_str()));
    row
}

#[test]
fn a_row_holds_nothing_of_what_comes_later() {
    const CUT: &str = "2026-03-04T15:30:00";
    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let files = recording::make(folder.path(), Span::from_hours(6));
    let part = changed(&files, &place("part"), CUT, |_, _| None);
    let other = changed(&files, &place("other"), CUT, scrambled);
    let out = |name: &str| place(&format!("{name}.parquet"));

    let whole = exported(&files, &[], &out("whole"));
    exported(&files, &[], &out("again"));
    let bytes = |name: &str| std::fs::read(out(name)).expect("a table");
    assert_eq!(bytes("whole"), bytes("again"), "the same bytes every time");
    assert!(whole.len() > 20, "{} signals", whole.len());
    assert!(whole.iter().any(|row| row["hit"] == json!(true)));
    assert!(whole.iter().any(|row| row["hit"] == json!(false)));
    let mut names: Vec<&str> = whole[0].keys().map(String::as_str).collect();
    names.retain(|name| !BIRTH.contains(name) && !LIFE.contains(name));
    assert!(names.len() > 40, "{names:?}");

    let first = exported(&part, &[], &out("part"));
    assert!(
        (5..whole.len() - 5).contains(&first.len()),
        "{}",
        first.len()
    );
    let births = |rows: &[BTreeMap<String, Value>]| rows.iter().map(birth).collect::<Vec<_>>();
    assert_eq!(births(&first), births(&whole[..first.len()]));
    // A setup may be triggered by the last tick before the cut, so as many are the same.
    let scrambled = exported(&other, &[], &out("other"));
    assert_eq!(births(&scrambled)[..first.len()], births(&first));
    assert_ne!(births(&scrambled), births(&whole), "another market");

    let per_bar = [
        "--per",
        "bar",
        "--names",
        "1m.rsi14,5m.trend,1h.return1_atr,1m.gap_up_atr@2,spread_atr",
    ];
    let whole = exported(&files, &per_bar, &out("bars"));
    let first = exported(&part, &per_bar, &out("bars_part"));
    assert!(whole.len() > 900, "{} bars", whole.len());
    assert_eq!(first, whole[..first.len()]);
    let other = exported(&other, &per_bar, &out("bars_other"));
    assert_eq!(first, other[..first.len()]);
}

#[test]
fn a_servers_signals_are_exported_as_it_decided_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(serve(&data, &["--seed", "5"]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let journal = recording::journal(&data.join("sim-5"));
    let mut decided: BTreeMap<String, Value> = BTreeMap::new();
    let mut order = Vec::new();
    for record in &journal {
        match record {
            Record::Signal(signal) => {
                let id = signal.id.to_string();
                if signal.status == Status::Pending {
                    order.push(id.clone());
                }
                let cause = signal.cause.map(market::Cause::as_str);
                let row = json!({
                    "status": signal.status.as_str(), "cause": cause, "hit": null, "realised": null,
                    "confidence": signal.confidence.to_f64().to_bits(),
                });
                decided.insert(id, row);
            }
            Record::Outcome(outcome) => {
                let row = decided
                    .get_mut(&outcome.id.to_string())
                    .expect("its signal");
                let is_target = matches!(outcome.kind, OutcomeKind::Target(_));
                let is_end = matches!(outcome.kind, OutcomeKind::Stop | OutcomeKind::Timeout);
                if row["hit"].is_null() && (is_target || is_end) {
                    row["hit"] = json!(is_target);
                }
                if let Some(realised) = outcome.realised {
                    row["realised"] = json!(realised.to_f64().to_bits());
                }
            }
        }
    }
    let out = folder.path().join("train.parquet");
    let data = data.display().to_string();
    let said = export(&["--data", &data, "--names", "1m.rsi14,signal_rr"], &out)
        .unwrap_or_else(|why| panic!("{why}"));
    assert!(
        said.starts_with(&format!("{} signals, ", order.len())),
        "{said}"
    );
    let rows = rows(&out);
    let ids: Vec<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids, order);
    assert!(rows.len() > 50, "{}", rows.len());
    for row in &rows {
        let known = &decided[row["id"].as_str().expect("a text")];
        for (name, value) in known.as_object().expect("an object") {
            assert_eq!(&row[name], value, "{name} of {row:?}");
        }
    }
    // Under other rules it is decided anew.
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, "[feed.sim.rules]\nmin_risk_atr = 3.5\n").expect("write");
    let rules = rules.display().to_string();
    let anew = export(&["--data", &data, "--rules", &rules], &out);
    let fewer = anew.unwrap_or_else(|why| panic!("{why}"));
    assert!(self::rows(&out).len() < order.len(), "{fewer}");
}

#[test]
fn what_cannot_be_exported_is_told_with_its_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("EURUSD.csv");
    let ticks = "time,bid,ask\n2026-03-04T23:59:30Z,1.08500,1.08510\n";
    std::fs::write(&file, ticks).expect("write");
    let (file, out) = (
        file.display().to_string(),
        folder.path().join("out.parquet"),
    );
    let check = |arguments: &[&str], expected: &str| {
        let refused = export(&[&[&*file], arguments].concat(), &out).expect_err(expected);
        assert!(refused.contains(expected), "{refused}");
        assert!(!out.exists(), "{expected}");
    };
    check(
        &["--names", "5m.rsi41"],
        "`5m.rsi41` is no feature; the nearest one is `5m.rsi14`",
    );
    check(
        &["--names", "5m.rsi14, 5m.rsi14"],
        "`5m.rsi14` is there twice; name it once",
    );
    check(
        &["--names", "signal_rr", "--per", "bar"],
        "`signal_rr` is known of a signal only",
    );
    check(
        &["--set", "features.names=[\"1h.trned\"]"],
        "the nearest one is `1h.trend`",
    );
    check(&["--set", "features.names=[\"signal_rr\"]"], "leave it out");
    let none = folder.path().join("none").display().to_string();
    let refused = export(&[&none], &out).expect_err("there is none");
    assert!(refused.contains(&none), "{refused}");
    // A market in which nothing happens has a table of its own.
    let said = export(&[&file], &out).unwrap_or_else(|why| panic!("{why}"));
    assert!(said.starts_with("0 signals"), "{said}");
    assert_eq!(rows(&out).len(), 0);
}

/// What a library reads of the table: its columns, and each column's values; floats by their bits, NaN as a word, times in
/// microseconds.
const PROGRAM: &str = r#"
import json, math, struct, sys
import duckdb, pandas, polars
path = sys.argv[1]
def plain(value):
    if value is None or value is pandas.NA or value is pandas.NaT: return None
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.unpack("<Q", struct.pack("<d", value))[0]
    if hasattr(value, "timestamp"):
        if value.tzinfo is None: return "a time without a zone"
        return round(value.timestamp() * 1_000_000)
    return value.item() if hasattr(value, "item") else value
def of_pandas():
    frame = pandas.read_parquet(path, dtype_backend="pyarrow")
    table = __import__("pyarrow.parquet").parquet.read_table(path)
    assert list(frame.columns) == table.column_names
    return {name: [plain(v) for v in table.column(name).to_pylist()] for name in table.column_names}
def of_polars():
    frame = polars.read_parquet(path)
    return {name: [plain(v) for v in frame[name].to_list()] for name in frame.columns}
def of_duckdb():
    duckdb.sql("SET TimeZone = 'UTC'")
    result = duckdb.sql(f"SELECT * FROM '{path}'")
    rows = result.fetchall()
    return {name: [plain(row[place]) for row in rows] for place, name in enumerate(result.columns)}
print(json.dumps([of_pandas(), of_polars(), of_duckdb()]))
"#;

#[test]
fn pandas_polars_and_duckdb_read_exactly_these_numbers() {
    let Some(python) = tool("ORION_TEST_PYTHON") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("train.parquet");
    let files = recording::make(folder.path(), Span::from_hours(2));
    exported(&files, &[], &out);
    let output = Command::new(python)
        .args(["-c", PROGRAM])
        .arg(&out)
        .output()
        .expect("start Python");
    let complaint = String::from_utf8_lossy(&output.stderr);
    if complaint.contains("ModuleNotFoundError") && std::env::var_os("CI").is_none() {
        eprintln!("skipped: pandas, polars or duckdb is missing (./check installs them)");
        return;
    }
    assert!(output.status.success(), "{complaint}");
    let read: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut reader = Reader::open(&out).expect("a table");
    let columns = reader.columns().to_vec();
    let mut ours: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    while let Some(row) = reader.next_row().expect("a whole table") {
        for (place, column) in columns.iter().enumerate() {
            let float = |value: f64| {
                if value.is_nan() {
                    json!("nan")
                } else {
                    json!(value.to_bits())
                }
            };
            let cell = match column.kind {
                Kind::Float => json!(row.float(place).map(float)),
                Kind::Flag => json!(row.flag(place)),
                Kind::Text => json!(row.text(place)),
                Kind::Integer | Kind::Decimal(_) | Kind::Time(_) => json!(row.integer(place)),
            };
            ours.entry(&column.name).or_default().push(cell);
        }
    }
    assert!(ours["id"].len() > 3, "{} signals", ours["id"].len());
    assert!(ours.values().flatten().any(|value| value == "nan"));
    for (library, theirs) in ["pandas", "polars", "duckdb"].iter().zip(&read) {
        let theirs = theirs.as_object().expect("columns");
        assert_eq!(theirs.len(), ours.len(), "{library}");
        for (name, values) in &ours {
            let read = theirs[*name].as_array().expect("a column");
            assert_eq!(read, values, "{library} {name}");
        }
    }
}
