//! pandas, polars and DuckDB read a sealed day as it is: `readers.py` prints what each of them sees, exactly.

use crate::made::{Kept, file, hard, history, on_tape, text};
use crate::support::tool;
use std::process::Command;

#[test]
fn pandas_polars_and_duckdb_read_our_numbers() {
    let Some(python) = tool("ORION_TEST_PYTHON") else {
        return;
    };
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let sealed = history(data.path(), &["seal"]);
    assert!(sealed.status.success(), "{}", text(&sealed.stderr));
    let path = file(data.path(), "EURUSD", "2026-11-25");
    let output = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/sealing/readers.py"
        ))
        .arg(&path)
        .output()
        .expect("run Python");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected: Vec<serde_json::Value> = on_tape(data.path(), "EURUSD", "2026-11-25")
        .iter()
        .map(row)
        .collect();
    assert_eq!(expected.len(), 6);
    for reader in ["pandas", "polars", "duckdb"] {
        assert_eq!(read[reader], serde_json::json!(expected), "{reader}");
    }
}

/// A quote as the script prints it: the file keeps six decimals, since one price needs them.
fn row(kept: &Kept) -> serde_json::Value {
    let price = |units: i64| {
        format!(
            "{}.{:06}",
            units / 1_000_000_000,
            units % 1_000_000_000 / 1_000
        )
    };
    let volume = kept
        .volume
        .map(|units| format!("{}.{:09}", units / 1_000_000_000, units % 1_000_000_000));
    serde_json::json!([
        kept.time,
        price(kept.bid),
        price(kept.ask),
        kept.stamp,
        kept.source,
        volume
    ])
}
