//! Any table comes back as it was; what is not whole does not.

use super::*;
use crate::Error;
use market::Price;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn columns() -> Vec<Column> {
    vec![
        Column::time("time", Unit::Nanos),
        Column::decimal("price", 5),
        Column::integer("count").optional(),
        Column::float("score").optional(),
        Column::flag("open").optional(),
        Column::text("source").optional(),
    ]
}

type Sample = (
    i64,
    i64,
    Option<i64>,
    Option<f64>,
    Option<bool>,
    Option<String>,
);

fn write(path: &Path, samples: &[Sample]) -> Written {
    let about = [("orion.symbol", "EURUSD".to_owned())];
    let mut table = Writer::create(path, &columns(), &about).unwrap();
    for (time, price, count, score, open, source) in samples {
        let cells = [
            Cell::Nanos(*time),
            Cell::Units(*price),
            count.map_or(Cell::None, Cell::Integer),
            score.map_or(Cell::None, Cell::Float),
            open.map_or(Cell::None, Cell::Flag),
            source.as_deref().map_or(Cell::None, Cell::Text),
        ];
        table.row(&cells).unwrap();
    }
    table.finish().unwrap()
}

fn read(path: &Path) -> Result<Vec<Sample>, Error> {
    let mut reader = Reader::open(path)?;
    let mut samples = Vec::new();
    while let Some(row) = reader.next_row()? {
        samples.push((
            row.integer(0).unwrap(),
            row.integer(1).unwrap(),
            row.integer(2),
            row.float(3),
            row.flag(4),
            row.text(5).map(str::to_owned),
        ));
    }
    Ok(samples)
}

fn some_samples() -> Vec<Sample> {
    (0..40_i64)
        .map(|number| {
            let word = (number % 3 > 0).then(|| format!("source {}", number % 5));
            let score = (number % 4 > 0).then(|| number as f64 / 7.0);
            (
                number * 1_000,
                108_500 + number % 7,
                (number % 2 > 0).then_some(-number),
                score,
                Some(number % 3 > 0),
                word,
            )
        })
        .collect()
}

#[test]
fn a_table_comes_back_with_what_was_told_of_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("new folder").join("table.parquet");
    let written = write(&path, &some_samples());
    assert_eq!(read(&path).unwrap(), some_samples());
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.columns(), columns());
    assert_eq!(reader.about("orion.symbol"), Some("EURUSD"));
    assert_eq!(reader.about("orion.rows"), None, "it is not the caller's");
    assert_eq!((reader.rows(), written.rows), (40, 40));
    assert_eq!(reader.checksum(), written.checksum);
    assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());
    assert_eq!(names(&path), ["table.parquet"]);
    reader.verify().unwrap();
}

#[test]
fn more_rows_than_a_group_has() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    let columns = [Column::integer("number")];
    let mut table = Writer::create(&path, &columns, &[]).unwrap();
    let count = 3 * (1 << 17) + 5;
    for number in 0..count {
        table.row(&[Cell::Integer(number * number)]).unwrap();
    }
    assert_eq!(table.finish().unwrap().rows, count as u64);
    let mut reader = Reader::open(&path).unwrap();
    for number in 0..count {
        let row = reader.next_row().unwrap().unwrap();
        assert_eq!(row.integer(0), Some(number * number));
        assert_eq!((row.float(0), row.integer(1)), (None, None));
    }
    assert!(reader.next_row().unwrap().is_none());
}

#[test]
fn an_empty_table_is_one() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    write(&path, &[]);
    assert_eq!(read(&path).unwrap(), []);
}

#[test]
fn what_is_not_finished_leaves_nothing_behind_and_harms_nothing() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    write(&path, &some_samples());
    let mut table = Writer::create(&path, &columns(), &[]).unwrap();
    assert_eq!(names(&path), ["table.parquet", "table.parquet.part"]);
    let empty = [Cell::None; 4];
    let cells = [&[Cell::Nanos(1), Cell::Units(1)], &empty[..]].concat();
    table.row(&cells).unwrap();
    drop(table);
    assert_eq!(names(&path), ["table.parquet"]);
    assert_eq!(read(&path).unwrap(), some_samples());
}

#[test]
fn a_file_that_is_not_whole_is_never_taken_for_one() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    write(&path, &some_samples());
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{length}: {error}");
    }
    // A changed byte is noticed, or it changed nothing that is read: padding, or the name of who wrote it.
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        if let Ok(samples) = read(&path) {
            assert_eq!(samples, some_samples(), "{place}");
        }
    }
}

#[test]
fn a_price_or_a_time_is_never_rounded() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    let columns = [Column::decimal("bid", 5), Column::time("at", Unit::Millis)];
    let mut table = Writer::create(&path, &columns, &[]).unwrap();
    let whole = Price::parse("1.08512").unwrap();
    let finer = Price::parse("1.085123").unwrap();
    table
        .row(&[Cell::Price(whole), Cell::Nanos(-7_000_000)])
        .unwrap();
    let error = table.row(&[Cell::Price(finer), Cell::Nanos(0)]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "column bid cannot hold 1.085123 exactly: it keeps 5 places"
    );
    let mut table = Writer::create(&path, &columns, &[]).unwrap();
    let error = table.row(&[Cell::Price(whole), Cell::Nanos(1_000_001)]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "column at cannot hold 1000001 ns exactly: it keeps millis"
    );
    assert_eq!(Unit::of(5_000_000), Unit::Millis);
    assert_eq!(Unit::of(5_001_000), Unit::Micros);
    assert_eq!(Unit::of(-1), Unit::Nanos);
}

#[test]
#[should_panic(expected = "column price holds Decimal(5), and never Float")]
fn a_cell_of_another_kind_is_the_callers_slip() {
    let _ = columns()[1].raw(Cell::Float(1.0));
}

proptest! {
    #[test]
    fn any_table_comes_back(
        samples in prop::collection::vec(
            (any::<i64>(), any::<i64>(), any::<Option<i64>>(),
             prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::INFINITE),
             any::<Option<bool>>(), any::<Option<String>>()),
            0..60,
        ),
    ) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("table.parquet");
        write(&path, &samples);
        prop_assert_eq!(read(&path).unwrap(), samples);
    }
}

/// The files beside `path`.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
