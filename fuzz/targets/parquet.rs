//! Tables as Parquet files, which the sealed days of a market are: what is damaged or somebody else's is told, never a panic.
//! The first byte chooses between the bytes as they are and a good file with these bytes laid over a part of it.
#![no_main]

use history::table::{Cell, Column, Reader, Unit, Writer};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

static GOOD: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();

/// A small table with a column of each kind.
fn good() -> (PathBuf, Vec<u8>) {
    let dir = std::env::temp_dir().join(format!("orion-fuzz-parquet-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a folder");
    let path = dir.join("good.parquet");
    let columns = [
        Column::time("time", Unit::Millis),
        Column::integer("time_ns"),
        Column::decimal("bid", 5),
        Column::text("source").optional(),
        Column::flag("past"),
        Column::float("value").optional(),
    ];
    let about = [("orion.kind", "quotes".to_owned())];
    let mut writer = Writer::create(&path, &columns, &about).expect("a new file");
    for row in 0..40_i64 {
        let cells = [
            Cell::Nanos(1_000_000 * (1_772_000_000_000 + 250 * row)),
            Cell::Integer(row % 3),
            Cell::Units(108_500 + row % 7),
            if row % 5 == 0 {
                Cell::None
            } else {
                Cell::Text("oanda")
            },
            Cell::Flag(row % 2 == 0),
            if row % 4 == 0 {
                Cell::None
            } else {
                Cell::Float(0.5 * row as f64)
            },
        ];
        writer.row(&cells).expect("a row");
    }
    writer.finish().expect("a whole file");
    let bytes = fs::read(&path).expect("the file");
    (dir, bytes)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [which, high, low, rest @ ..] = data else {
        return;
    };
    let (dir, good) = GOOD.get_or_init(good);
    let bytes = if which % 4 == 0 {
        rest.to_vec()
    } else {
        // Most of what a reader believes stands at the end.
        let place = usize::from(u16::from_be_bytes([*high, *low])) % good.len();
        let mut bytes = good.clone();
        for (place, byte) in (place..good.len()).zip(rest) {
            bytes[place] ^= byte;
        }
        if which % 4 == 3 {
            bytes.truncate(place + rest.len());
        }
        bytes
    };
    let path = dir.join("read.parquet");
    fs::write(&path, bytes).expect("write");
    let Ok(mut reader) = Reader::open(&path) else {
        return;
    };
    let columns = reader.columns().to_vec();
    while let Ok(Some(row)) = reader.next_row() {
        for place in 0..columns.len() {
            let _ = (row.integer(place), row.float(place));
            let _ = (row.flag(place), row.text(place).map(str::len));
        }
    }
    if let Ok(reader) = Reader::open(&path) {
        let _ = reader.verify();
    }
});
