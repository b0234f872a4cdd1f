//! The journal as tables: every signal with its life, every step, as the records say.

use crate::made::{settings, simulated, text};
use engine::Settings;
use history::table::Reader;
use journal::{Journal as _, Local, Looking, Record};
use market::{
    Epoch, Event, Outcome, OutcomeKind, Position, Price, Signal, Span, Status, Time, Uuid,
};
use orion::machine::Machine;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

pub(crate) const MARKET: &str = "sim-5";

/// A market's journal after some hours of the simulated market.
pub(crate) async fn market(data: &Path) -> Vec<Record> {
    let dir = data.join(MARKET);
    std::fs::create_dir_all(&dir).expect("a folder");
    let journal = Local::open(&dir, || Epoch(7)).expect("open the journal");
    let settings = Settings {
        market: MARKET.to_owned(),
        ..settings()
    };
    let mut machine = Machine::open(&dir, Arc::new(settings), journal)
        .await
        .expect("open the machine");
    for (count, tick) in (1..).zip(simulated("2026-03-02T12:00:00Z", Span::from_hours(6))) {
        let at = machine.engine().now().max(tick.time.as_stamp()) + Span::from_nanos(1);
        machine.tell(at, &Event::Tick(tick));
        if count % 512 == 0 {
            machine.commit().await.expect("commit");
        }
    }
    machine.commit().await.expect("commit");
    drop(machine);
    let journal = Looking::open(&dir).expect("open").expect("a journal");
    let first = Position {
        seq: 0,
        ..journal.end()
    };
    let read = journal.read(first, usize::MAX).await.expect("read");
    read.into_iter().map(|(_, record)| record).collect()
}

/// Runs `orion export`.
pub(crate) fn export(data: &Path, words: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
    command.arg("export").args(words).arg("--data").arg(data);
    command.arg("--out").arg(out).output().expect("run orion")
}

/// The rows of a CSV by the names of its columns.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).expect("a CSV");
    let rows = reader.deserialize();
    rows.map(|row| row.expect("a row")).collect()
}

#[tokio::test]
async fn tables_say_what_the_journal_says() {
    let data = tempfile::tempdir().expect("a folder");
    let records = market(data.path()).await;
    let out = data.path().join("out");
    let csv = out.join("signals.csv");
    let told = export(data.path(), &["signals"], &csv);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let rows_of_signals = rows(&csv);
    check_signals(&rows_of_signals, &records);

    let csv = out.join("outcomes.csv");
    assert!(
        export(data.path(), &["outcomes", MARKET], &csv)
            .status
            .success()
    );
    check_outcomes(&rows(&csv), &records);

    let csv = out.join("shadows.csv");
    assert!(export(data.path(), &["shadows"], &csv).status.success());
    check_shadows(&rows(&csv), data.path(), &rows_of_signals).await;

    // The other form has the same.
    let parquet = out.join("signals.parquet");
    assert!(export(data.path(), &["signals"], &parquet).status.success());
    let mut reader = Reader::open(&parquet).expect("a table");
    let place = |name: &str| {
        let mut columns = reader.columns().iter();
        columns
            .position(|column| column.name == name)
            .expect("a column")
    };
    let [id, entry, status, hit] = ["id", "entry", "status", "targets_hit"].map(place);
    assert_eq!(reader.rows(), rows_of_signals.len() as u64);
    for expected in &rows_of_signals {
        let row = reader.next_row().expect("whole").expect("a row");
        assert_eq!(row.text(id), Some(&*expected["id"]));
        assert_eq!(row.text(status), Some(&*expected["status"]));
        assert_eq!(
            row.integer(hit).map(|hit| hit.to_string()).as_ref(),
            Some(&expected["targets_hit"])
        );
        let price = Price::parse(&expected["entry"]).expect("a price");
        assert_eq!(row.integer(entry), Some(price.units()), "nine decimals");
    }
    assert!(reader.next_row().expect("whole").is_none());
    let names = std::fs::read_dir(&out).expect("a folder").count();
    assert_eq!(names, 4, "nothing is left beside them");
}

/// Six decimals of what is measured, or nothing.
fn millionths(measure: Option<market::Measure>) -> String {
    measure.map_or_else(String::new, |measure| {
        let number = measure.millionths();
        let sign = if number < 0 { "-" } else { "" };
        let whole = number.unsigned_abs();
        format!("{sign}{}.{:06}", whole / 1_000_000, whole % 1_000_000)
    })
}

fn check_end(row: &BTreeMap<String, String>, end: Option<&market::Ended>) {
    let cell = |name: &str| row[name].as_str();
    let Some(end) = end else {
        for name in [
            "fill",
            "spread",
            "mfe",
            "mae",
            "cost",
            "held_ms",
            "ambiguous",
        ] {
            assert_eq!(cell(name), "", "{name}");
        }
        return;
    };
    assert_eq!(cell("hit"), end.hit.to_string());
    assert_eq!(cell("mfe"), millionths(Some(end.best)));
    let worst = market::Measure::from_millionths(-end.worst.millionths());
    assert_eq!(cell("mae"), millionths(Some(worst)));
    assert_eq!(cell("cost"), millionths(end.cost));
    assert_eq!(cell("held_ms"), end.held.millis().to_string());
    assert_eq!(cell("ambiguous"), end.ambiguous.to_string());
    assert_eq!((cell("by_bars"), cell("coarse")), ("", "false"));
    let number = |name: &str| cell(name).parse::<f64>().expect("a number");
    assert!((number("fill") - end.fill.to_f64()).abs() < 1e-9);
    assert!((number("spread") - end.spread.to_f64()).abs() < 1e-9);
}

async fn check_shadows(
    rows: &[BTreeMap<String, String>],
    data: &Path,
    signals: &[BTreeMap<String, String>],
) {
    let journal = Looking::open(&data.join(MARKET))
        .expect("open")
        .expect("a journal");
    let kept = journal.shadows(0, usize::MAX).await.expect("read");
    assert!(kept.len() > 5, "{} shadows", kept.len());
    assert_eq!(rows.len(), kept.len());
    for (row, (place, shadow)) in rows.iter().zip(&kept) {
        assert_eq!(row["place"], place.to_string());
        assert_eq!(row["id"], shadow.id.to_string());
        assert_eq!(row["cause"], shadow.cause.as_str());
        assert_eq!(row["kind"], shadow.kind.to_string());
        let hit = shadow.hit().map_or_else(String::new, |hit| hit.to_string());
        assert_eq!(row["hit"], hit);
        let realised = shadow
            .realised
            .map_or_else(String::new, |one| one.to_string());
        assert_eq!(row["realised"], realised);
        check_end(row, shadow.end.as_ref());
        let of = signals
            .iter()
            .find(|signal| signal["id"] == row["id"])
            .expect("its signal");
        for name in [
            "symbol",
            "setup",
            "direction",
            "killzone",
            "entry",
            "stop",
            "cause",
        ] {
            assert_eq!(row[name], of[name], "{name}");
        }
    }
    assert!(rows.iter().any(|row| !row["mfe"].is_empty()));
}

fn check_signals(rows: &[BTreeMap<String, String>], records: &[Record]) {
    let signals = |status: Status| {
        let signals = records.iter().filter_map(move |record| match record {
            Record::Signal(signal) if signal.status == status => Some(signal),
            Record::Signal(_) | Record::Outcome(_) => None,
        });
        signals.collect::<Vec<&Signal>>()
    };
    let born = signals(Status::Pending);
    assert!(born.len() > 10, "{} signals", born.len());
    let ids: Vec<String> = born.iter().map(|signal| signal.id.to_string()).collect();
    let told: Vec<String> = rows.iter().map(|row| row["id"].clone()).collect();
    assert_eq!(told, ids, "each once, oldest first");
    for status in [Status::Confirmed, Status::Invalidated] {
        let expected: BTreeSet<String> = signals(status)
            .iter()
            .map(|signal| signal.id.to_string())
            .collect();
        let with = rows.iter().filter(|row| row["status"] == status.as_str());
        let with: BTreeSet<String> = with.map(|row| row["id"].clone()).collect();
        assert_eq!(with, expected);
    }
    for (row, signal) in rows.iter().zip(&born) {
        check_signal(row, signal, &outcomes_of(records, signal.id));
    }
}

fn outcomes_of(records: &[Record], id: Uuid) -> Vec<Outcome> {
    let outcomes = records.iter().filter_map(|record| match record {
        Record::Outcome(outcome) if outcome.id == id => Some(outcome.clone()),
        Record::Signal(_) | Record::Outcome(_) => None,
    });
    outcomes.collect()
}

fn check_signal(row: &BTreeMap<String, String>, signal: &Signal, outcomes: &[Outcome]) {
    let number = |name: &str| row[name].parse::<f64>().expect("a number");
    check_end(row, outcomes.iter().find_map(|one| one.end.as_ref()));
    assert_eq!((&*row["model"], &*row["of_training"]), ("", "false"));
    assert_eq!(row["market"], MARKET);
    assert_eq!(row["symbol"], signal.symbol.as_str());
    assert_eq!(row["reason"], signal.reason);
    assert_eq!(row["simulated"], signal.simulated.to_string());
    assert_eq!(Time::parse(&row["created_at"]), Ok(signal.created_at));
    let digits = signal.digits;
    assert_eq!(row["stop"], signal.stop.display(digits).to_string());
    assert_eq!(row["entry"], signal.entry.display(digits).to_string());
    assert!((number("confidence") - signal.confidence.to_f64()).abs() < 1e-9);
    assert_eq!(row["rr_target"], signal.rr_target.to_string());
    for (place, target) in signal.targets.iter().enumerate() {
        let name = format!("target_{}", place + 1);
        assert!((number(&name) - target.price.to_f64()).abs() < 1e-9);
        assert_eq!(row[&format!("{name}_percent")], target.percent.to_string());
    }
    let conditions: serde_json::Value = serde_json::from_str(&row["conditions"]).expect("JSON");
    let conditions = conditions.as_array().expect("a list");
    assert_eq!(conditions.len(), signal.evidence.conditions.len());

    let farthest = outcomes.iter().filter_map(|outcome| match outcome.kind {
        OutcomeKind::Target(place) => Some(place),
        OutcomeKind::Stop | OutcomeKind::StopMoved | OutcomeKind::Timeout | OutcomeKind::Closed => {
            None
        }
    });
    assert_eq!(row["targets_hit"], farthest.max().unwrap_or(0).to_string());
    match outcomes.iter().find(|outcome| outcome.last) {
        None => assert_eq!((&*row["ended"], &*row["realised"]), ("", "")),
        Some(last) => {
            assert_eq!(row["ended"], last.kind.to_string());
            assert_eq!(Time::parse(&row["ended_at"]), Ok(last.at));
            let realised = last
                .realised
                .map_or(String::new(), |ratio| ratio.to_string());
            assert_eq!(row["realised"], realised);
        }
    }
}

fn check_outcomes(rows: &[BTreeMap<String, String>], records: &[Record]) {
    let outcomes = (1..).zip(records).filter_map(|(seq, record)| match record {
        Record::Outcome(outcome) => Some((seq, outcome)),
        Record::Signal(_) => None,
    });
    let outcomes: Vec<(u64, &Outcome)> = outcomes.collect();
    assert!(outcomes.len() > 3, "{} outcomes", outcomes.len());
    assert_eq!(rows.len(), outcomes.len());
    for (row, (seq, outcome)) in rows.iter().zip(outcomes) {
        assert_eq!(row["seq"], seq.to_string());
        assert_eq!(row["id"], outcome.id.to_string());
        assert_eq!(row["kind"], outcome.kind.to_string());
        assert_eq!(row["r"], outcome.r.to_string());
        assert_eq!(row["last"], outcome.last.to_string());
    }
}

#[tokio::test]
async fn a_period_has_its_begin_and_not_its_end() {
    let data = tempfile::tempdir().expect("a folder");
    let records = market(data.path()).await;
    let born = records.iter().filter_map(|record| match record {
        Record::Signal(signal) if signal.status == Status::Pending => Some(signal.created_at),
        Record::Signal(_) | Record::Outcome(_) => None,
    });
    let mut born: Vec<Time> = born.collect();
    born.sort();
    let exact = |time: Time| {
        let second = time.to_string();
        let second = second.split('.').next().expect("seconds").to_owned();
        format!("{second}.{:09}Z", time.nanos().rem_euclid(1_000_000_000))
    };
    let (from, to) = (born[3], born[born.len() - 2]);
    let csv = data.path().join("some.csv");
    let words = ["signals", "--from", &exact(from), "--to", &exact(to)];
    assert!(export(data.path(), &words, &csv).status.success());
    let expected = born.iter().filter(|at| (from..to).contains(at)).count();
    assert!(expected > 0);
    assert_eq!(rows(&csv).len(), expected);
}

#[test]
fn what_cannot_be_exported_says_why() {
    let data = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(data.path().join("record/tape")).expect("a folder");
    for (words, out, reason) in [
        (
            &["signals"][..],
            "a.xlsx",
            "end the name in .parquet, .csv or .json",
        ),
        (&["signals"], "a.csv", "has a journal"),
        (&["bars"], "a.csv", "has a chart book"),
        (
            &["signals", "--format", "json"],
            "a.csv",
            "is named as CSV, and JSON is asked for",
        ),
        (&["prices", "--symbols", "EUR/USD"], "a.csv", "--symbols: "),
        (
            &["prices", "--timeframes", "1h"],
            "a.csv",
            "is about bars alone",
        ),
        (
            &["signals", "--from", "soon"],
            "a.csv",
            "--from soon is no time",
        ),
        (
            &["outcomes", "--from", "2026-11-02", "--to", "2026-11-02"],
            "a.csv",
            "is not before --to",
        ),
        (&["signals", "live"], "a.csv", "there is no market live"),
    ] {
        let out = data.path().join(out);
        let told = export(data.path(), words, &out);
        assert_eq!(told.status.code(), Some(1));
        let errors = text(&told.stderr);
        assert!(errors.contains(reason), "{errors}");
        assert!(!out.exists());
    }
    let left = std::fs::read_dir(data.path()).expect("a folder").count();
    assert_eq!(left, 1, "nothing half-written is left");
}
