//! Starts that the tape cannot explain: the journal is taken at its word, or the start is refused.

use crate::made::{self, journal, open, open_with, records, segments, settings, start, tell, time};
use crate::support::{Server, serve};
use engine::Settings;
use journal::tape::{self, Tape, TapeItem, TapeReader};
use journal::{Journal as _, Local, Record};
use market::{Cause, Evidence, OutcomeKind, Signal, Span, Status, Time, Uuid};
use orion::machine::Machine;
use std::collections::BTreeMap;
use std::path::Path;

/// The simulated market on two days, until a signal is pending and another runs; no snapshot, no clean end.
async fn with_open_signals(dir: &Path) {
    let mut machine = open(dir).await;
    for day in ["2026-03-02", "2026-03-03"] {
        let noon = time(&format!("{day}T12:00:00Z"));
        start(&mut machine, noon).await;
        tell(&mut machine, noon, Span::from_hours(1)).await;
    }
    let mut from = time("2026-03-03T13:00:00Z");
    while !is_open(&machine) {
        tell(&mut machine, from, Span::from_secs(10)).await;
        from = from + Span::from_secs(10);
    }
    machine.write_tape().await.expect("write");
}

fn is_open(machine: &Machine<Local>) -> bool {
    let (pending, running) = machine.engine().open_signals();
    pending > 0 && running > 0
}

/// The last of each signal, as the records say.
fn ends(records: &[Record]) -> BTreeMap<Uuid, Record> {
    let id = |record: &Record| match record {
        Record::Signal(signal) => signal.id,
        Record::Outcome(outcome) => outcome.id,
    };
    records
        .iter()
        .map(|record| (id(record), record.clone()))
        .collect()
}

/// Signals without an end.
fn left_open(records: &[Record]) -> usize {
    let open = |record: &&Record| match record {
        Record::Signal(signal) => signal.status != Status::Invalidated,
        Record::Outcome(outcome) => !outcome.last,
    };
    ends(records).values().filter(open).count()
}

/// Panics when a signal has two lives, or one that goes back.
fn check_lives(records: &[Record]) {
    let mut known: BTreeMap<Uuid, Status> = BTreeMap::new();
    for record in records {
        if let Record::Signal(Signal { id, status, .. }) = record {
            let before = known.insert(*id, *status);
            let born = before.is_none() && *status == Status::Pending;
            let decided = before == Some(Status::Pending) && *status != Status::Pending;
            assert!(born || decided, "{id}: {before:?} and then {status}");
        }
    }
}

fn forget_the_first_day(dir: &Path) {
    std::fs::remove_file(dir.join("tape/00000001.tape")).expect("the first segment");
}

#[tokio::test]
async fn a_lost_beginning_ends_what_is_open_and_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    with_open_signals(dir).await;
    forget_the_first_day(dir);
    let before = records(dir).await;
    let open_before = left_open(&before);
    assert!(open_before >= 2, "{open_before} open");

    let mut machine = open(dir).await;
    let after = records(dir).await;
    assert!(after.starts_with(&before), "what was told stays told");
    assert_eq!(after.len(), before.len() + open_before);
    assert_eq!(left_open(&after), 0);
    check_lives(&after);
    let newest = machine.engine().now();
    for record in &after[before.len()..] {
        match record {
            Record::Signal(signal) => {
                let decided = (signal.status, signal.cause, signal.decided_at);
                let restart = Some(Cause::Restart);
                assert_eq!(decided, (Status::Invalidated, restart, Some(newest)));
            }
            Record::Outcome(outcome) => {
                let over = (outcome.kind, outcome.at, outcome.last);
                assert_eq!(over, (OutcomeKind::Closed, newest, true));
                let known = last_quote(dir, outcome.symbol.as_str());
                assert!(known.contains(&outcome.price), "{outcome:?} {known:?}");
            }
        }
    }
    // Time goes on; new signals come, and none of before comes again.
    let later = time("2026-03-03T23:30:00Z");
    start(&mut machine, later).await;
    // Over midnight, where a segment begins that is no new beginning.
    tell(&mut machine, later, Span::from_hours(1)).await;
    machine.write_tape().await.expect("write");
    drop(machine);
    let grown = records(dir).await;
    assert!(grown.len() > after.len() + 10, "{} records", grown.len());
    check_lives(&grown);
    let ids = ends(&after);
    let born_again = ends(&grown[after.len()..]);
    assert!(born_again.keys().all(|id| !ids.contains_key(id)));

    // It is a start as any other from here on, also without the snapshot.
    std::fs::remove_dir_all(dir.join("snapshots")).expect("the snapshots");
    let machine = open(dir).await;
    assert_eq!(machine.end().seq, grown.len() as u64);
    assert!(machine.engine().counts().ticks > 0);
}

/// The last bid and ask of a symbol on the tape.
fn last_quote(dir: &Path, symbol: &str) -> [market::Price; 2] {
    let id = settings().catalog.find(symbol).expect("an instrument");
    let mut last = None;
    for item in TapeReader::open(&dir.join("tape"), None).expect("open the tape") {
        if let TapeItem::Event(_, market::Event::Tick(tick)) = item.expect("a whole tape")
            && tick.instrument == id
        {
            last = Some([tick.bid, tick.ask]);
        }
    }
    last.expect("a tick")
}

#[tokio::test]
async fn a_tape_that_is_gone_altogether_is_begun_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    with_open_signals(dir).await;
    std::fs::remove_dir_all(dir.join("tape")).expect("the tape");
    let before = records(dir).await;
    let machine = open(dir).await;
    assert_eq!(left_open(&records(dir).await), 0);
    let newest = before.iter().map(|record| match record {
        Record::Signal(signal) => signal.changed_at(),
        Record::Outcome(outcome) => outcome.at,
    });
    assert_eq!(Some(machine.engine().now()), newest.max());
    drop(machine);
    let ended = records(dir).await.len();
    drop(open(dir).await);
    assert_eq!(records(dir).await.len(), ended);
}

#[tokio::test]
async fn the_decisions_of_another_version_stand() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    with_open_signals(dir).await;
    let made_up = contradict(dir).await;
    // The same version must give the same: something is damaged.
    let error = refused(dir, settings()).await;
    assert!(error.contains("that its tape does not explain"), "{error}");
    let kept = records(dir).await;

    rewrite(dir, |text| without_line(text, "engine = "));
    drop(open(dir).await);
    let after = records(dir).await;
    assert!(after.starts_with(&kept));
    check_lives(&after);
    assert_eq!(left_open(&after), 0);
    let Some(Record::Signal(ended)) = ends(&after).remove(&made_up) else {
        panic!("the signal is kept")
    };
    assert_eq!(ended.cause, Some(Cause::Restart));
}

#[tokio::test]
async fn another_version_that_decides_the_same_goes_on_with_all_it_knows() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    with_open_signals(dir).await;
    let before = records(dir).await;
    rewrite(dir, |text| without_line(text, "engine = "));
    let machine = open(dir).await;
    assert_eq!(records(dir).await, before);
    assert!(is_open(&machine), "its signals are still open");
}

#[tokio::test]
async fn a_recording_is_refused_since_it_can_be_played_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    let mut recorded = settings();
    recorded.catalog.sources[0].name = "tape:x".to_owned();
    drop(open_with(dir, recorded.clone()).await.expect("a new one"));
    contradict(dir).await;
    rewrite(dir, |text| without_line(text, "engine = "));
    let error = refused(dir, recorded).await;
    assert!(error.contains("give another folder with --data"), "{error}");
}

#[tokio::test]
async fn a_journal_older_than_the_new_beginning_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    drop(open(dir).await);
    rewrite(dir, |text| format!("begun_after = 9\n{text}"));
    let error = refused(dir, settings()).await;
    assert!(
        error.contains("ends at record 0 and its tape was begun anew after record 9"),
        "{error}"
    );
}

/// Killed at each step of beginning anew, a server begins it again and ends each signal once.
#[tokio::test]
async fn a_kill_while_it_begins_anew_ends_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = folder.path().join("made");
    with_open_signals(&made).await;
    forget_the_first_day(&made);
    let open_before = left_open(&records(&made).await);
    for point in ["anew:1", "anew:2", "anew:3"] {
        let data = folder.path().join(point.replace(':', "-"));
        let dir = data.join("sim-1");
        made::copy(&made, &dir);
        let mut killed = serve(&data, &[]);
        killed.env("ORION_TEST_CRASH", point);
        let Err((code, log)) = Server::start(killed) else {
            panic!("it was to be killed at {point}")
        };
        assert_eq!(code, None, "killed at {point}: {log}");
        let server = Server::start(serve(&data, &[])).unwrap_or_else(|(_, log)| panic!("{log}"));
        server.terminate();
        assert_eq!(server.wait(), Some(0));
        let kept = records(&dir).await;
        check_lives(&kept);
        let restarts = kept.iter().filter(|record| match record {
            Record::Signal(signal) => signal.cause == Some(Cause::Restart),
            Record::Outcome(outcome) => outcome.kind == OutcomeKind::Closed && outcome.last,
        });
        assert!(restarts.count() >= open_before, "{point}");
        assert!(segments(&dir).len() > 1);
    }
}

/// Appends a signal that no tape decided; its id.
async fn contradict(dir: &Path) -> Uuid {
    let mut journal = journal(dir);
    let id = Uuid::from_u128(99);
    let at = Time::from_secs(1_772_500_000);
    let signal = Signal {
        id,
        status: Status::Pending,
        direction: market::Direction::Long,
        symbol: market::Symbol::new("EURUSD").expect("a symbol"),
        digits: 5,
        entry_time: at.as_source(),
        entry: market::Price::from_units(1_085_000_000),
        stop: market::Price::from_units(1_084_000_000),
        targets: Vec::new(),
        reason: "made up".to_owned(),
        confidence: market::Probability::new(0.5),
        rr_target: market::Ratio::default(),
        killzone: market::Killzone::London,
        setup: "none".to_owned(),
        timeframe: market::Timeframe::M1,
        simulated: true,
        created_at: at,
        decide_by: at + Span::from_secs(285),
        decided_at: None,
        cause: None,
        evidence: Evidence::default(),
    };
    let end = journal.end();
    let batch = vec![Record::Signal(signal)];
    journal.append(end, batch).await.expect("append");
    id
}

async fn refused(dir: &Path, settings: Settings) -> String {
    let error = open_with(dir, settings).await.expect_err("a refusal");
    format!("{error:#}")
}

/// Writes the tape anew with other texts at its heads.
fn rewrite(dir: &Path, head: impl Fn(&str) -> String) {
    let (tape, old) = (dir.join("tape"), dir.join("old"));
    std::fs::rename(&tape, &old).expect("move the tape");
    for segment in tape::segments(&old).expect("list the tape") {
        let mut writer = None;
        for item in TapeReader::open_files([segment.path]) {
            match item.expect("a whole tape") {
                TapeItem::Settings(kept) => {
                    let text = head(&kept.text);
                    let settings = tape::Settings { text, ..kept };
                    let opened = Tape::open(&tape).expect("open the tape");
                    writer = Some(opened.begin(&settings).expect("begin"));
                }
                TapeItem::Event(at, event) => {
                    let writer = writer.as_mut().expect("settings come first");
                    writer.push(at, &event).expect("push");
                }
            }
        }
        writer.expect("a head").sync().expect("sync");
    }
    std::fs::remove_dir_all(old).expect("the old tape");
}

fn without_line(text: &str, begin: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(begin));
    lines.collect::<Vec<_>>().join("\n")
}
