//! The three forms of an export hold the same rows, exactly, whoever reads them: Rust here, and pandas, polars and DuckDB by
//! `tables.py`.

use crate::export::{MARKET as JOURNAL, export, market};
use crate::made::{MARKET, begin, hard, history, live_settings, on_tape, quote, text, time};
use crate::support::tool;
use history::table::{Kind, Reader, Row, Unit};
use journal::charts::{Book, ChartName, KnownBar, path};
use market::{Bar, Event, Ohlc, Price, Span, Symbol, Time, Timeframe};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const FORMS: [&str; 3] = ["parquet", "csv", "json"];

/// A day on the tape that is not over, after one that has a file of its own and one that has not.
fn open_day(data: &Path) {
    let settings = live_settings();
    let mut tape = begin(&data.join(MARKET), &settings);
    let noon = time("2026-11-27T12:00:00Z");
    for number in 0..20 {
        let mut tick = quote(noon, number * 1_000_000_007, number, number + 11);
        let names = ["EURUSD", "XAUUSD"];
        let name = names[usize::from(number % 3 == 0)];
        tick.instrument = settings.catalog.find(name).expect("an instrument");
        let at = tick.time.as_stamp() + Span::from_nanos(3);
        tape.push(at, &Event::Tick(tick)).expect("push");
    }
    tape.sync().expect("sync");
}

/// Bars whose prices have half digits, and none.
fn book(data: &Path) {
    let mut book = Book::open(&path(&data.join(MARKET))).expect("open a book");
    let written = book.write(|batch| {
        for (symbol, units) in [("EURUSD", 1_085_125_000), ("XAUUSD", 2_500_000_000_000)] {
            for timeframe in [Timeframe::M5, Timeframe::H1] {
                let name = ChartName {
                    symbol: Symbol::new(symbol).expect("a symbol"),
                    timeframe,
                };
                for number in 0..30 {
                    let open_time = time("2026-11-27T00:00:00Z")
                        + Span::from_nanos(timeframe.span().nanos() * number);
                    let bar = Bar {
                        open_time,
                        end_time: open_time + timeframe.span(),
                        price: Ohlc::of(Price::from_units(units + number * 5_000)),
                        ticks: 7,
                        holed: number == 3,
                    };
                    let known = bar.end_time.as_stamp() + Span::from_nanos(number);
                    batch.bar(name, &KnownBar { bar, known }, None)?;
                }
            }
        }
        Ok(())
    });
    written.expect("write a book");
}

/// What a cell says: an exact number without zeros at its end, a time in nanoseconds, a text, or nothing.
fn said(kind: Kind, is_nested: bool, text: &str) -> Value {
    match kind {
        _ if text.is_empty() => Value::Null,
        Kind::Time(_) => json!(nanos(text)),
        Kind::Integer | Kind::Decimal(_) | Kind::Float => {
            let number = if text.contains('.') {
                text.trim_end_matches('0').trim_end_matches('.')
            } else {
                text
            };
            json!(number)
        }
        Kind::Flag => json!(text),
        Kind::Text if is_nested => json!(nested(text)),
        Kind::Text => json!(text),
    }
}

/// As Python writes it.
fn nested(text: &str) -> String {
    let value: Value = serde_json::from_str(text).expect("JSON");
    value
        .to_string()
        .replace("\":", "\": ")
        .replace(",\"", ", \"")
        .replace("},{", "}, {")
}

fn nanos(text: &str) -> i64 {
    let fraction = text.strip_suffix('Z').and_then(|text| text.split_once('.'));
    let (_, fraction) = fraction.expect("a time with its decimals");
    assert_eq!(fraction.len(), 9, "{text}");
    Time::parse(text).expect("a time").nanos()
}

fn in_parquet(path: &Path) -> Vec<Vec<Value>> {
    let mut reader = Reader::open(path).expect("a table");
    let columns = reader.columns().to_vec();
    let cell = |row: &Row<'_>, place: usize| {
        let column = &columns[place];
        let number = row.integer(place);
        let text = match column.kind {
            Kind::Text => row.text(place).map(str::to_owned),
            Kind::Flag => row.flag(place).map(|flag| flag.to_string()),
            Kind::Decimal(places) => number.map(|units| decimal(units, places)),
            Kind::Integer => number.map(|number| number.to_string()),
            Kind::Time(Unit::Nanos) => return number.map_or(Value::Null, |nanos| json!(nanos)),
            Kind::Time(_) | Kind::Float => panic!("{} is none of ours", column.name),
        };
        said(
            column.kind,
            column.name == "conditions",
            &text.unwrap_or_default(),
        )
    };
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("whole") {
        rows.push((0..columns.len()).map(|place| cell(&row, place)).collect());
    }
    rows
}

fn decimal(units: i64, places: u8) -> String {
    let price = Price::from_units(units * 10_i64.pow(9 - u32::from(places)));
    price.display(9).to_string()
}

fn in_csv(path: &Path, columns: &[(String, Kind)]) -> Vec<Vec<Value>> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV");
    let names = reader
        .headers()
        .expect("a header")
        .iter()
        .map(str::to_owned);
    assert!(names.eq(columns.iter().map(|(name, _)| name.clone())));
    let rows = reader.records().map(|row| {
        let row = row.expect("a row");
        let cells = row.iter().zip(columns);
        cells
            .map(|(text, (name, kind))| said(*kind, name == "conditions", text))
            .collect()
    });
    rows.collect()
}

fn in_json(path: &Path, columns: &[(String, Kind)]) -> Vec<Vec<Value>> {
    let text = std::fs::read_to_string(path).expect("a file");
    let rows = text.lines().map(|line| {
        let row: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).expect("an object");
        assert_eq!(row.len(), columns.len());
        let cells = columns.iter().map(|(name, kind)| {
            let raw = row[name].get();
            let text = match serde_json::from_str(raw).expect("JSON") {
                Value::Null => String::new(),
                Value::String(text) => text,
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    raw.to_owned()
                }
            };
            said(*kind, name == "conditions", &text)
        });
        cells.collect()
    });
    rows.collect()
}

/// Writes all forms, and gives their rows, which are the same in each.
fn same(data: &Path, words: &[&str]) -> (Vec<Vec<Value>>, Vec<PathBuf>) {
    let paths = FORMS.map(|form| data.join("out").join(format!("{}.{form}", words.join("-"))));
    for path in &paths {
        let told = export(data, words, path);
        assert!(told.status.success(), "{}", text(&told.stderr));
    }
    let reader = Reader::open(&paths[0]).expect("a table");
    let columns = reader
        .columns()
        .iter()
        .map(|column| (column.name.clone(), column.kind));
    let columns: Vec<(String, Kind)> = columns.collect();
    let rows = in_parquet(&paths[0]);
    assert_eq!(in_csv(&paths[1], &columns), rows, "{words:?}");
    assert_eq!(in_json(&paths[2], &columns), rows, "{words:?}");
    (rows, paths.to_vec())
}

fn read_by_python(paths: &[PathBuf], rows: &[Vec<Value>]) {
    let Some(python) = tool("ORION_TEST_PYTHON") else {
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sealing/tables.py");
    let output = Command::new(python).arg(script).args(paths).output();
    let output = output.expect("run Python");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for reader in ["pandas", "polars", "duckdb"] {
        for form in FORMS {
            let read = read[reader][form].as_array().expect("rows");
            assert_eq!(read.len(), rows.len(), "{reader} {form}");
            for (read, row) in read.iter().zip(rows) {
                assert_eq!(read, &json!(row), "{reader} {form}");
            }
        }
    }
}

#[tokio::test]
async fn every_form_has_the_same_rows_whoever_reads_it() {
    let data = tempfile::tempdir().expect("a folder");
    market(data.path()).await;
    hard(data.path());
    open_day(data.path());
    book(data.path());

    let (signals, paths) = same(data.path(), &["signals", JOURNAL]);
    assert!(signals.len() > 10);
    read_by_python(&paths, &signals);
    let (outcomes, paths) = same(data.path(), &["outcomes", JOURNAL]);
    assert!(outcomes.len() > 3);
    read_by_python(&paths, &outcomes);
    let (shadows, _) = same(data.path(), &["shadows", JOURNAL]);
    assert!(shadows.len() > 5);
    let (bars, paths) = same(data.path(), &["bars", MARKET]);
    assert_eq!(bars.len(), 2 * 2 * 30);
    read_by_python(&paths, &bars);
    let (some, _) = same(
        data.path(),
        &["bars", "--timeframes", "1h", "--symbols", "XAUUSD"],
    );
    assert_eq!(some.len(), 30);
    assert!(some.iter().all(|row| row[1] == "XAUUSD" && row[2] == "1h"));

    // Prices come from the tape, and then from the files of the days that are sealed: the same ones.
    let (prices, paths) = same(data.path(), &["prices", MARKET]);
    read_by_python(&paths, &prices);
    check_prices(data.path(), &prices);
    let sealed = history(data.path(), &["seal", MARKET]);
    assert!(sealed.status.success(), "{}", text(&sealed.stderr));
    for day in ["2026-11-25", "2026-11-26"] {
        let note = data.path().join(MARKET).join(format!("history/{day}.json"));
        assert!(note.is_file(), "{day} is not sealed");
    }
    let (after, _) = same(data.path(), &["prices", MARKET]);
    assert_eq!(after, prices);
    let words = [
        "prices",
        MARKET,
        "--from",
        "2026-11-26",
        "--symbols",
        "EURUSD",
    ];
    let (some, _) = same(data.path(), &words);
    let wanted = |row: &&Vec<Value>| {
        row[1] == "EURUSD" && row[5].as_i64() >= Some(time("2026-11-26T00:00:00Z").nanos())
    };
    let wanted: Vec<Vec<Value>> = prices.iter().filter(wanted).cloned().collect();
    assert!(!wanted.is_empty() && wanted.len() < prices.len());
    assert_eq!(some, wanted);
}

/// Every tick of the tape, in its order.
fn check_prices(data: &Path, rows: &[Vec<Value>]) {
    let mut expected = Vec::new();
    for symbol in ["EURUSD", "XAUUSD"] {
        for date in ["2026-11-25", "2026-11-26", "2026-11-27"] {
            for mut kept in on_tape(data, symbol, date) {
                if symbol == "XAUUSD" {
                    // The switch was of the other one.
                    kept.source = None;
                }
                let number = |units| json!(Price::from_units(units).to_string());
                let row = json!([
                    MARKET,
                    symbol,
                    kept.time,
                    number(kept.bid),
                    number(kept.ask),
                    kept.stamp,
                    kept.source,
                    kept.volume.map(number),
                ]);
                expected.push((kept.stamp, row));
            }
        }
    }
    expected.sort_by_key(|(stamp, _)| *stamp);
    let expected: Vec<Value> = expected.into_iter().map(|(_, row)| row).collect();
    assert!(expected.len() > 25, "{}", expected.len());
    assert_eq!(json!(rows), json!(expected));
}

/// What is written to a pipe is what a file would have; who closes it early is no fault.
#[tokio::test]
async fn a_pipe_gets_what_a_file_has() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    for form in FORMS {
        let file = data.path().join(format!("a.{form}"));
        let told = export(data.path(), &["prices"], &file);
        assert!(told.status.success(), "{}", text(&told.stderr));
        let words = ["prices", "--format", form];
        let piped = export(data.path(), &words, Path::new("-"));
        assert!(piped.status.success(), "{}", text(&piped.stderr));
        assert!(
            text(&piped.stderr).contains(" prices"),
            "{}",
            text(&piped.stderr)
        );
        assert_eq!(
            piped.stdout,
            std::fs::read(&file).expect("a file"),
            "{form}"
        );
    }
}
