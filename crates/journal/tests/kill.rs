//! A process that dies at a named point of an append: what was acknowledged is there, nothing is half there, nothing twice.
//!
//! Each test runs itself again as a child process, which appends batches of three and aborts at the named point of the
//! given append.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "the child tells its parent what was acknowledged"
)]

use journal::{Journal, Local, Record};
use market::{Epoch, Outcome, OutcomeKind, Position, Price, Ratio, Symbol, Time, Uuid};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// Set for the child: the point and the number of the append at which to die, and the folder, one a line.
const ORDER: &str = "ORION_TEST_DIE";
const EPOCH: Epoch = Epoch(7);
const BATCH: u64 = 3;

#[test]
fn nothing_is_kept_of_a_batch_that_died_when_it_was_entered() {
    check(
        "nothing_is_kept_of_a_batch_that_died_when_it_was_entered",
        "append",
        0,
    );
}

#[test]
fn nothing_is_kept_of_a_batch_that_died_between_insert_and_commit() {
    check(
        "nothing_is_kept_of_a_batch_that_died_between_insert_and_commit",
        "commit",
        0,
    );
}

#[test]
fn all_is_kept_of_a_batch_that_died_between_commit_and_answer() {
    check(
        "all_is_kept_of_a_batch_that_died_between_commit_and_answer",
        "committed",
        1,
    );
}

/// Dies at `point` of the first append, then of the second and so on, in the same folder. `kept` says how many batches
/// stay of the one that died.
fn check(test: &str, point: &str, kept: u64) {
    if let Ok(order) = std::env::var(ORDER) {
        return die_as_told(&order);
    }
    let dir = TempDir::new().unwrap();
    let mut expected = 0;
    for fatal in 1..=4 {
        let acknowledged = run_child(test, point, fatal, dir.path());
        assert_eq!(acknowledged, expected + BATCH * u64::from(fatal - 1));
        expected = acknowledged + BATCH * kept;
        assert_eq!(stored(dir.path()), (1..=expected).collect::<Vec<_>>());
    }
}

/// The `seq` that the child saw acknowledged last, before it died by its own hand.
fn run_child(test: &str, point: &str, fatal: u32, dir: &Path) -> u64 {
    let order = format!("{point}\n{fatal}\n{}", dir.display());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ORDER, order)
        .output()
        .unwrap();
    let output = String::from_utf8(child.stdout).unwrap();
    let errors = String::from_utf8_lossy(&child.stderr);
    assert!(errors.ends_with("dying as told\n"), "{output}{errors}");
    let mut lines = output.lines().rev();
    let last = lines.find_map(|line| line.strip_prefix("acknowledged "));
    last.expect("the child says where it begins")
        .parse()
        .unwrap()
}

/// What the records in the folder say their numbers are, in order.
fn stored(dir: &Path) -> Vec<u64> {
    let journal = Local::open(dir, || panic!("the child has made the journal")).unwrap();
    let first = Position {
        epoch: EPOCH,
        seq: 0,
    };
    let records = block_on(journal.read(first, usize::MAX)).unwrap();
    assert_eq!(records.len() as u64, journal.end().seq);
    records
        .into_iter()
        .map(|(position, record)| {
            assert_eq!(record, self::record(position.seq));
            position.seq
        })
        .collect()
}

static FATAL_POINT: OnceLock<String> = OnceLock::new();
static VISITS_LEFT: AtomicU32 = AtomicU32::new(0);

fn probe(point: &'static str) {
    if FATAL_POINT.get().is_some_and(|fatal| fatal == point)
        && VISITS_LEFT.fetch_sub(1, Ordering::SeqCst) == 1
    {
        eprintln!("dying as told");
        std::process::abort();
    }
}

/// The child: appends until its probe ends it.
fn die_as_told(order: &str) {
    let [point, fatal, dir] = order.splitn(3, '\n').collect::<Vec<_>>()[..] else {
        panic!("the order has three lines: {order}");
    };
    FATAL_POINT.set(point.to_owned()).unwrap();
    VISITS_LEFT.store(fatal.parse().unwrap(), Ordering::SeqCst);
    let mut journal = Local::open_probed(Path::new(dir), || EPOCH, probe).unwrap();
    let mut end = journal.end();
    println!();
    loop {
        println!("acknowledged {}", end.seq);
        let batch = (end.seq + 1..=end.seq + BATCH).map(record).collect();
        end = block_on(journal.append(end, batch)).unwrap();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn record(number: u64) -> Record {
    Record::Outcome(Outcome {
        id: Uuid::from_u128(u128::from(number)),
        symbol: Symbol::new("XAUUSD").unwrap(),
        digits: 2,
        kind: OutcomeKind::Stop,
        price: Price::from_units(number as i64),
        r: Ratio::from_hundredths(-100),
        at: Time::from_secs(number as i64),
        last: true,
        realised: None,
        end: None,
    })
}
