//! The very columns and rows of the reference outputs. Those over recorded prices are looked for in `ORION_TEST_DATA`
//! (default: a folder `shared` beside the checkout) and skipped by name where they are absent; the rules they prove have
//! small cases in `files.rs` that always run.

use crate::{Folder, printed, synthetic};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn shared(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = folder.join(file);
    if path.is_file() {
        return Some(path);
    }
    eprintln!(
        "skipped: {file}: no {} (set ORION_TEST_DATA)",
        path.display()
    );
    None
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("read the reference")
}

fn events(bars: &Path) -> String {
    printed(&["--bars", &bars.display().to_string(), "--events", "--csv"])
}

/// Line by line: the reference ends its lines as Windows does.
fn check_same(ours: &str, theirs: &str) {
    for (place, (our, their)) in ours.lines().zip(theirs.lines()).enumerate() {
        assert_eq!(our, their, "line {}", place + 1);
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

#[test]
fn events_of_the_synthetic_series() {
    let ours = events(&synthetic("synthetic.indicators.csv"));
    check_same(&ours, &read(&synthetic("synthetic.events.csv")));
}

#[test]
fn events_of_recorded_eurusd() {
    if let (Some(bars), Some(theirs)) = (
        shared("reference/eurusd_15m.indicators.csv"),
        shared("reference/eurusd_15m.events.csv"),
    ) {
        check_same(&events(&bars), &read(&theirs));
    }
}

/// The file that the reference was made of, as its terminal exported it.
#[test]
fn events_of_eurusd_as_it_was_exported() {
    let (Some(export), Some(theirs)) = (
        shared("data/bars/EURUSD_15m_mt5_2022-10_2023-10.csv.gz"),
        shared("reference/eurusd_15m.events.csv"),
    ) else {
        return;
    };
    let ours = events(&export);
    let (ours, theirs): (Vec<&str>, String) = (ours.lines().collect(), read(&theirs));
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(ours[..theirs.len()], theirs[..]);
}

/// The columns of the bars as they are, the values within the tolerances of the definitions: 1e-11 of the price, 1e-7 of what
/// runs from 0 to 100, 1e-6 for CCI; and the same first bar of each.
fn check_indicators(bars: &Path) {
    let theirs = read(bars);
    let ours = printed(&[
        "--bars",
        &bars.display().to_string(),
        "--indicators",
        "--csv",
    ]);
    assert_eq!(ours.lines().next(), theirs.lines().next());
    let header: Vec<&str> = theirs
        .lines()
        .next()
        .unwrap_or_default()
        .split(',')
        .collect();
    for (our, their) in ours.lines().zip(theirs.lines()).skip(1) {
        let (our, their): (Vec<&str>, Vec<&str>) =
            (our.split(',').collect(), their.split(',').collect());
        assert_eq!(our[..6], their[..6]);
        let close: f64 = their[5].parse().expect("a close");
        for (place, name) in header.iter().enumerate().skip(6) {
            let tolerance = match *name {
                "cci20" => 1e-6,
                "rsi14" | "adx14" | "plus_di14" | "minus_di14" | "stoch_k" | "stoch_d"
                | "willr14" => 1e-7,
                _ => 1e-11 * close.abs().max(1.0),
            };
            let near = match (our[place].parse::<f64>(), their[place].parse::<f64>()) {
                (Ok(our), Ok(their)) => (our - their).abs() <= tolerance,
                _ => our[place] == their[place],
            };
            assert!(
                near,
                "bar {} {name}: {} {}",
                our[0], our[place], their[place]
            );
        }
    }
    assert_eq!(ours.lines().count(), theirs.lines().count());
}

#[test]
fn indicators_of_the_synthetic_series() {
    check_indicators(&synthetic("synthetic.indicators.csv"));
}

#[test]
fn indicators_of_recorded_eurusd() {
    if let Some(bars) = shared("reference/eurusd_15m.indicators.csv") {
        check_indicators(&bars);
    }
}

/// Columns of a CSV file by their names, as another CSV.
fn columns(text: &str, names: &[(&str, &str)]) -> String {
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let at: Vec<usize> = names
        .iter()
        .map(|(name, _)| {
            let found = header.iter().position(|column| column == name);
            found.unwrap_or_else(|| panic!("no column {name}"))
        })
        .collect();
    let head: Vec<&str> = names.iter().map(|(_, theirs)| *theirs).collect();
    let rows = lines.map(|row| {
        let fields: Vec<&str> = at.iter().map(|place| row[*place]).collect();
        fields.join(",")
    });
    let mut all = vec![head.join(",")];
    all.extend(rows);
    all.join("\n") + "\n"
}

#[test]
fn divergences_of_recorded_indices() {
    let (Some(bars), Some(theirs)) = (
        shared("reference/nas100_spx500_1h.bars.csv"),
        shared("reference/nas100_spx500_1h.smt.csv"),
    ) else {
        return;
    };
    let folder = Folder::new();
    let side = |name: &str, side: &str| {
        let named = |column: &str| format!("{side}_{column}");
        let names = ["open", "high", "low", "close"].map(named);
        let columns_of = [
            ("time", "time"),
            (&names[0], "open"),
            (&names[1], "high"),
            (&names[2], "low"),
            (&names[3], "close"),
        ];
        folder.file(name, &columns(&read(&bars), &columns_of))
    };
    let (first, second) = (side("NAS100_1h.csv", "a"), side("SPX500_1h.csv", "b"));
    let theirs = read(&theirs);
    check_same(&printed(&["--smt", &first, &second, "--csv"]), &theirs);
    // Which of the two is named first does not matter: rows are sorted by the name of what was swept.
    check_same(&printed(&["--smt", &second, &first, "--csv"]), &theirs);
}

#[test]
fn levels_of_recorded_nas100() {
    let Some(theirs) = shared("reference/nas100_1h.prevlevels.csv") else {
        return;
    };
    let theirs = read(&theirs);
    let folder = Folder::new();
    let bars = columns(
        &theirs,
        &[
            ("time", "time"),
            ("low", "open"),
            ("high", "high"),
            ("low", "low"),
            ("high", "close"),
        ],
    );
    let file = folder.file("nas100.csv", &bars);
    check_same(&printed(&["--bars", &file, "--levels", "--csv"]), &theirs);
}

/// Gaps as smartmoneyconcepts tells them: it knows a gap one bar early, and its `mitigated` is the bar of the touch.
fn check_smclib(bars: &Path, theirs: &str) {
    let ours = events(bars);
    let rows = |text: &str| -> Vec<Vec<String>> {
        let fields = |line: &str| line.split(',').map(str::to_owned).collect();
        text.lines().skip(1).map(fields).collect()
    };
    let number = |text: &str| text.parse::<f64>().expect("a number");
    // What became of the gap that was born at a bar: its row, its touch and its end.
    let (mut born, mut touched) = (BTreeMap::new(), BTreeMap::new());
    for row in rows(&ours) {
        match row[1].as_str() {
            "fvg" => {
                let edges = (row[2].clone(), number(&row[4]), number(&row[5]));
                born.insert(number(&row[0]) as u64, edges);
            }
            "fvg_touch" => {
                touched.insert(number(&row[7]) as u64, number(&row[0]) as u64);
            }
            _ => {}
        }
    }
    let mut compared = 0;
    for row in rows(theirs).iter().filter(|row| !row[3].is_empty()) {
        let bar = number(&row[0]) as u64 + 1;
        let edges = (row[3].clone(), number(&row[4]), number(&row[5]));
        let ours = born
            .remove(&bar)
            .unwrap_or_else(|| panic!("bar {bar}: only theirs"));
        // Eight digits are all that the library keeps.
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-7 * other.abs();
        assert!(
            ours.0 == edges.0 && near(ours.1, edges.1) && near(ours.2, edges.2),
            "bar {bar}: {ours:?} {edges:?}"
        );
        let mitigated = row[6].parse::<f64>().ok().map_or(0, |bar| bar as u64);
        match touched.get(&bar) {
            Some(touch) => assert_eq!(*touch, mitigated, "bar {bar}"),
            // Never, or after it was forgotten.
            None => assert!(mitigated == 0 || mitigated > bar + 500, "bar {bar}"),
        }
        compared += 1;
    }
    assert!(born.is_empty(), "only ours: {born:?}");
    assert!(compared > 50, "{compared}");
}

#[test]
fn gaps_are_those_of_another_library() {
    if let (Some(bars), Some(theirs)) = (
        shared("reference/eurusd_15m.indicators.csv"),
        shared("reference/eurusd_15m.smclib.csv"),
    ) {
        check_smclib(&bars, &read(&theirs));
    }
    if let Some(theirs) = shared("reference/synthetic.smclib.csv") {
        check_smclib(&synthetic("synthetic.indicators.csv"), &read(&theirs));
    }
}
