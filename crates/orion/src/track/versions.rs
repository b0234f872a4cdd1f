//! The versions of what confidence was calibrated by, as the journal keeps them.

use crate::history::table;
use engine::setup::SetupKind;
use market::{Calibration, Time};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Columns of numbers.
const RIGHT: [usize; 5] = [1, 4, 5, 6, 7];

/// The newest of each of ORION's own setups, by its name; their parameters are for [`print_json`], and senders for the operator:
/// what they are called is nobody else's business.
pub(super) fn newest(calibrations: &[Calibration]) -> Value {
    let named = calibrations.iter().filter(is_own).map(|one| (&one.of, one));
    let newest: BTreeMap<_, _> = named.collect();
    let told = newest
        .into_iter()
        .map(|(of, one)| (of.clone(), Value::Object(told(one))));
    Value::Object(told.collect())
}

/// When rules or calibrations changed, oldest first. What senders are called is nobody else's business.
pub(super) fn changes(rules: &[(String, Time)], calibrations: &[Calibration]) -> Value {
    let rules = rules.iter().map(|(name, at)| {
        let told = json!({"at": at.to_string(), "kind": "rules", "of": null, "version": name});
        (*at, told)
    });
    let calibrations = calibrations.iter().filter(is_own).map(|one| {
        let at = one.at.to_string();
        let told = json!({"at": at, "kind": "calibration", "of": one.of, "version": one.version});
        (one.at, told)
    });
    let mut all: Vec<(Time, Value)> = rules.chain(calibrations).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, told)| told).collect()
}

fn is_own(one: &&Calibration) -> bool {
    SetupKind::ALL.iter().any(|own| own.as_str() == one.of)
}

/// All of a market, one JSON object a line, with what each computes with.
pub(super) fn print_json(
    market: &str,
    calibrations: &[Calibration],
    out: &mut impl Write,
) -> io::Result<()> {
    for one in calibrations {
        let numbers = one.parameters.iter();
        let numbers = numbers.map(|(name, value)| (name.clone(), json!(value)));
        let mut line = told(one);
        line.extend([
            ("market".to_owned(), json!(market)),
            ("of".to_owned(), json!(one.of)),
            ("parameters".to_owned(), Value::Object(numbers.collect())),
        ]);
        writeln!(out, "{}", Value::Object(line))?;
    }
    Ok(())
}

/// All of a market, for a terminal.
pub(super) fn print(
    market: &str,
    calibrations: &[Calibration],
    out: &mut impl Write,
) -> io::Result<()> {
    if calibrations.is_empty() {
        return writeln!(out, "{market}: nothing has been calibrated yet\n");
    }
    writeln!(out, "{market}: what confidence was calibrated by")?;
    let names = [
        "of",
        "version",
        "fitted",
        "by",
        "n",
        "hits",
        "Brier before",
        "after",
    ];
    let rows = calibrations.iter().map(|one| {
        vec![
            one.of.clone(),
            one.version.to_string(),
            one.at.to_string(),
            one.basis.as_str().to_owned(),
            one.n.to_string(),
            one.hits.to_string(),
            format!("{:.4}", one.brier_before.to_f64()),
            format!("{:.4}", one.brier_after.to_f64()),
        ]
    });
    let head = names.map(str::to_owned).to_vec();
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    for line in table(&rows, &RIGHT) {
        writeln!(out, "{line}")?;
    }
    writeln!(out)
}

fn told(one: &Calibration) -> Map<String, Value> {
    let told = [
        ("version", json!(one.version)),
        ("at", json!(one.at.to_string())),
        ("basis", json!(one.basis.as_str())),
        ("from", json!(one.from.to_string())),
        ("until", json!(one.until.to_string())),
        ("n", json!(one.n)),
        ("hits", json!(one.hits)),
        ("brier_before", json!(one.brier_before.to_f64())),
        ("brier_after", json!(one.brier_after.to_f64())),
    ];
    told.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
