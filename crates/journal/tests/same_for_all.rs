//! What every journal promises: the same cases over every implementation, then what only the local one can do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use journal::{Error, Journal, Local, Looking, Memory, Pages, Record};
use market::{
    Basis, Calibration, Cause, Epoch, Outcome, OutcomeKind, Position, Price, Probability, Ratio,
    Shadow, Symbol, Time, Uuid,
};
use std::path::Path;
use tempfile::TempDir;

const EPOCH: Epoch = Epoch(0xfeed_face_cafe_beef);

#[tokio::test]
async fn memory_keeps_the_promises() {
    keeps_the_promises(|| Memory::new(EPOCH)).await;
}

#[tokio::test]
async fn local_keeps_the_promises() {
    let folders = TempDir::new().unwrap();
    let mut count = 0;
    keeps_the_promises(|| {
        count += 1;
        open(&folders.path().join(count.to_string()))
    })
    .await;
}

async fn keeps_the_promises<J: Journal + Sync>(mut make: impl FnMut() -> J) {
    begins_before_the_first_record(make()).await;
    keeps_order_and_counts_densely(make()).await;
    refuses_an_append_anywhere_but_at_its_end(make()).await;
    takes_an_empty_batch_as_a_question(make()).await;
    takes_a_big_batch_whole(make()).await;
    reads_in_pages(make()).await;
    gives_each_record_once_page_by_page(make()).await;
    refuses_positions_that_are_not_its_own(make()).await;
    keeps_each_version_of_a_calibration_once(make()).await;
    keeps_shadows_apart(make()).await;
}

async fn keeps_each_version_of_a_calibration_once(mut journal: impl Journal) {
    assert_eq!(journal.calibrations().await.unwrap(), []);
    journal.append(at(0), records(1..=2)).await.unwrap();
    let first = vec![calibration("smt", 1, 10), calibration("mss_fvg", 1, 10)];
    journal.keep(first.clone()).await.unwrap();
    journal.keep(Vec::new()).await.unwrap();
    // The tape is told again, with one more; and another engine counts from 1 again.
    let again = vec![
        calibration("smt", 1, 10),
        calibration("smt", 2, 20),
        calibration("smt", 1, 30),
    ];
    journal.keep(again.clone()).await.unwrap();
    let all = [&first[..], &again[1..]].concat();
    assert_eq!(journal.calibrations().await.unwrap(), all);
    // They move no position.
    assert_eq!(journal.end(), at(2));
    assert_eq!(journal.append(at(2), records(3..=3)).await.unwrap(), at(3));
}

async fn begins_before_the_first_record(journal: impl Journal) {
    assert_eq!(journal.end(), at(0));
    assert_eq!(journal.read(at(0), 10).await.unwrap(), []);
}

async fn keeps_order_and_counts_densely(mut journal: impl Journal) {
    assert_eq!(journal.append(at(0), records(1..=3)).await.unwrap(), at(3));
    assert_eq!(journal.append(at(3), records(4..=4)).await.unwrap(), at(4));
    assert_eq!(journal.append(at(4), records(5..=9)).await.unwrap(), at(9));
    assert_eq!(journal.end(), at(9));
    assert_eq!(journal.read(at(0), 100).await.unwrap(), numbered(1..=9));
}

async fn refuses_an_append_anywhere_but_at_its_end(mut journal: impl Journal) {
    journal.append(at(0), records(1..=2)).await.unwrap();
    let elsewhere = Position {
        epoch: Epoch(1),
        seq: 2,
    };
    for wrong in [at(0), at(1), at(3), at(u64::MAX), elsewhere] {
        let error = journal.append(wrong, records(7..=8)).await.unwrap_err();
        let Error::Fenced { expected, found } = error else {
            panic!("{error}");
        };
        assert_eq!((expected, found), (wrong, at(2)));
    }
    assert_eq!(journal.end(), at(2));
    assert_eq!(journal.append(at(2), records(3..=3)).await.unwrap(), at(3));
    assert_eq!(journal.read(at(0), 100).await.unwrap(), numbered(1..=3));
}

async fn takes_an_empty_batch_as_a_question(mut journal: impl Journal) {
    assert_eq!(journal.append(at(0), Vec::new()).await.unwrap(), at(0));
    journal.append(at(0), records(1..=1)).await.unwrap();
    assert_eq!(journal.append(at(1), Vec::new()).await.unwrap(), at(1));
    let error = journal.append(at(0), Vec::new()).await.unwrap_err();
    assert!(matches!(error, Error::Fenced { .. }), "{error}");
}

async fn takes_a_big_batch_whole(mut journal: impl Journal) {
    let end = journal.append(at(0), records(1..=5000)).await.unwrap();
    assert_eq!(end, at(5000));
    assert_eq!(
        journal.read(at(4999), 9).await.unwrap(),
        numbered(5000..=5000)
    );
}

async fn reads_in_pages(mut journal: impl Journal) {
    journal.append(at(0), records(1..=25)).await.unwrap();
    let (mut after, mut seen, mut pages) = (at(0), Vec::new(), Vec::new());
    loop {
        let page = journal.read(after, 10).await.unwrap();
        let Some(&(last, _)) = page.last() else { break };
        pages.push(page.len());
        seen.extend(page);
        after = last;
    }
    assert_eq!(pages, [10, 10, 5]);
    assert_eq!(seen, numbered(1..=25));
    assert_eq!(journal.read(at(3), 0).await.unwrap(), []);
    assert_eq!(journal.read(at(3), usize::MAX).await.unwrap().len(), 22);
}

async fn gives_each_record_once_page_by_page(mut journal: impl Journal) {
    let mut pages = Pages::of(&journal);
    assert_eq!(pages.next(&journal).await.unwrap(), None);
    journal.append(at(0), records(1..=5000)).await.unwrap();
    let (mut read, mut count) = (Vec::new(), 0);
    while let Some(page) = pages.next(&journal).await.unwrap() {
        read.extend(page);
        count += 1;
        assert_eq!(pages.position(), read.last().unwrap().0);
    }
    assert_eq!(read, numbered(1..=5000));
    assert_eq!(count, 2);
    // It goes on where the end was.
    journal
        .append(at(5000), records(5001..=5001))
        .await
        .unwrap();
    assert_eq!(
        pages.next(&journal).await.unwrap(),
        Some(numbered(5001..=5001))
    );
    let mut from = Pages::after(at(4999));
    let rest = from.next(&journal).await.unwrap();
    assert_eq!(rest, Some(numbered(5000..=5001)));
}

async fn refuses_positions_that_are_not_its_own(mut journal: impl Journal) {
    journal.append(at(0), records(1..=2)).await.unwrap();
    assert_eq!(journal.read(at(2), 5).await.unwrap(), []);
    let elsewhere = Position {
        epoch: Epoch(1),
        seq: 0,
    };
    for wrong in [at(3), at(u64::MAX), elsewhere] {
        let error = journal.read(wrong, 5).await.unwrap_err();
        assert!(matches!(error, Error::Fenced { .. }), "{error}");
    }
}

async fn keeps_shadows_apart(mut journal: impl Journal) {
    let [one, two, three] = [shadow(1), shadow(2), shadow(3)];
    let none = Vec::new;
    let end = journal.append_with(at(0), records(1..=2), vec![one.clone()]);
    assert_eq!(end.await.unwrap(), at(2));
    // No position moves, and of one signal there is one: told again, even otherwise, it stays as it was.
    let mut other = one.clone();
    other.coarse = !other.coarse;
    let again = journal.append_with(at(2), none(), vec![other, two.clone()]);
    assert_eq!(again.await.unwrap(), at(2));
    let fenced = journal.append_with(at(1), none(), vec![three.clone()]);
    assert!(matches!(fenced.await, Err(Error::Fenced { .. })));
    let end = journal.append(at(2), records(3..=3)).await.unwrap();
    assert_eq!(journal.read(at(0), 9).await.unwrap(), numbered(1..=3));
    journal
        .append_with(end, none(), vec![three.clone()])
        .await
        .unwrap();
    let all = [(1, one), (2, two), (3, three)];
    assert_eq!(journal.shadows(0, 9).await.unwrap(), all);
    assert_eq!(journal.shadows(1, 1).await.unwrap(), all[1..2]);
    assert_eq!(journal.shadows(3, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_journal_without_shadows_is_read_and_gets_them() {
    let dir = TempDir::new().unwrap();
    let mut journal = open(dir.path());
    journal.append(at(0), records(1..=3)).await.unwrap();
    drop(journal);
    // As an older version has left it.
    let file = rusqlite::Connection::open(dir.path().join("journal.sqlite")).unwrap();
    file.execute_batch("DROP TABLE calibration; DROP TABLE shadow; PRAGMA user_version = 1")
        .unwrap();
    drop(file);

    let mut looking = Looking::open(dir.path()).unwrap().unwrap();
    assert_eq!(looking.end(), at(3));
    assert_eq!(looking.shadows(0, 9).await.unwrap(), []);
    assert_eq!(looking.calibrations().await.unwrap(), []);
    let mut journal = open(dir.path());
    let told = journal.append_with(at(3), Vec::new(), vec![shadow(1)]);
    assert_eq!(told.await.unwrap(), at(3));
    looking.refresh().unwrap();
    assert_eq!(looking.shadows(0, 9).await.unwrap(), [(1, shadow(1))]);
    journal.keep(vec![calibration("smt", 1, 1)]).await.unwrap();
    assert_eq!(looking.calibrations().await.unwrap().len(), 1);
    assert_eq!(journal.read(at(0), 9).await.unwrap(), numbered(1..=3));
}

#[tokio::test]
async fn local_is_there_again_when_it_is_opened_again() {
    let dir = TempDir::new().unwrap();
    let mut journal = open(dir.path());
    journal.append(at(0), records(1..=3)).await.unwrap();
    drop(journal);

    let mut journal = Local::open(dir.path(), || panic!("the epoch is given only once")).unwrap();
    assert_eq!(journal.end(), at(3));
    journal.append(at(3), records(4..=4)).await.unwrap();
    drop(journal);
    assert_eq!(
        open(dir.path()).read(at(0), 9).await.unwrap(),
        numbered(1..=4)
    );
}

#[tokio::test]
async fn local_gives_a_folder_to_one_server_at_a_time() {
    let dir = TempDir::new().unwrap();
    let first = open(dir.path());
    let error = Local::open(dir.path(), || EPOCH).unwrap_err();
    let shown = error.to_string();
    let Error::Locked { dir: named, holder } = error else {
        panic!("{shown}");
    };
    assert_eq!(named, dir.path());
    assert_eq!(holder, format!("process {}", std::process::id()));
    assert!(shown.contains("end that process"), "{shown}");
    drop(first);
    open(dir.path());
}

#[tokio::test]
async fn local_notices_another_writer() {
    let dir = TempDir::new().unwrap();
    let mut journal = open(dir.path());
    journal.append(at(0), records(1..=1)).await.unwrap();
    raw(
        dir.path(),
        "INSERT INTO record SELECT 2, body, NULL FROM record",
    );
    let error = journal.append(at(1), records(2..=2)).await.unwrap_err();
    let Error::Fenced { expected, found } = error else {
        panic!("{error}");
    };
    assert_eq!((expected, found), (at(1), at(2)));
}

#[tokio::test]
async fn local_finishes_an_append_that_nobody_waits_for() {
    let dir = TempDir::new().unwrap();
    let mut journal = open(dir.path());
    {
        let mut append = Box::pin(journal.append(at(0), records(1..=2)));
        let once = std::future::poll_fn(|context| {
            // One poll hands the batch over; then the future is dropped.
            let _pending = append.as_mut().poll(context);
            std::task::Poll::Ready(())
        });
        once.await;
    }
    // The writer answers in order, so this read comes after the append.
    assert_eq!(journal.read(at(0), 9).await.unwrap(), numbered(1..=2));
    assert_eq!(journal.end(), at(2));
}

#[tokio::test]
async fn local_refuses_what_it_cannot_trust() {
    let hole = "DELETE FROM record WHERE seq = 2";
    check_refused(hole, "has no record 2 where one must be; restore").await;
    let first = "DELETE FROM record WHERE seq = 1";
    check_refused(first, "has no record 1 where one must be; restore").await;
    let version = "PRAGMA user_version = 9";
    check_refused(version, "has format version 9 and this ORION reads up to 2").await;
    let foreign = "PRAGMA application_id = 7";
    check_refused(foreign, "is no journal of ORION; move that file away").await;
    let epoch = "UPDATE log SET epoch = 'x'";
    check_refused(epoch, "has the epoch `x`, which is no number; restore").await;
}

async fn check_refused(sql: &str, reason: &str) {
    let dir = TempDir::new().unwrap();
    open(dir.path())
        .append(at(0), records(1..=3))
        .await
        .unwrap();
    raw(dir.path(), sql);
    let shown = Local::open(dir.path(), || EPOCH).unwrap_err().to_string();
    assert!(shown.contains(reason), "after {sql}: {shown}");
}

#[test]
fn local_refuses_a_file_that_is_no_database() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("journal.sqlite"), "a shopping list").unwrap();
    let error = Local::open(dir.path(), || EPOCH).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn local_names_a_record_that_it_cannot_read() {
    let dir = TempDir::new().unwrap();
    open(dir.path())
        .append(at(0), records(1..=3))
        .await
        .unwrap();
    raw(dir.path(), "UPDATE record SET body = '{' WHERE seq = 2");
    let journal = open(dir.path());
    assert_eq!(journal.read(at(0), 1).await.unwrap(), numbered(1..=1));
    let error = journal.read(at(0), 2).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }));
    assert!(error.to_string().starts_with("record 2 of "), "{error}");
}

#[tokio::test]
async fn local_never_counts_over_a_hole() {
    let dir = TempDir::new().unwrap();
    let mut journal = open(dir.path());
    journal.append(at(0), records(1..=3)).await.unwrap();
    raw(dir.path(), "DELETE FROM record WHERE seq = 2");
    let error = journal.read(at(0), 9).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has no record 2 where one must be"),
        "{error}"
    );
}

fn open(dir: &Path) -> Local {
    Local::open(dir, || EPOCH).unwrap()
}

/// Does something to the file that only another program would.
fn raw(dir: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(dir.join("journal.sqlite")).unwrap();
    connection.execute_batch(sql).unwrap();
}

fn at(seq: u64) -> Position {
    Position { epoch: EPOCH, seq }
}

fn records(numbers: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    numbers.map(record).collect()
}

fn numbered(numbers: std::ops::RangeInclusive<u64>) -> Vec<(Position, Record)> {
    numbers.map(|seq| (at(seq), record(seq))).collect()
}

/// A record that tells its number.
fn record(number: u64) -> Record {
    Record::Outcome(Outcome {
        id: Uuid::from_u128(u128::from(number)),
        symbol: Symbol::new("EURUSD").unwrap(),
        digits: 5,
        kind: OutcomeKind::Target(1),
        price: Price::from_units(number as i64),
        r: Ratio::from_hundredths(100),
        at: Time::from_secs(number as i64),
        last: false,
        realised: None,
        end: None,
    })
}

fn calibration(of: &str, version: u32, at_s: i64) -> Calibration {
    Calibration {
        of: of.to_owned(),
        version,
        at: Time::from_secs(at_s),
        basis: Basis::Beta,
        from: Time::from_secs(1),
        until: Time::from_secs(2),
        n: 200,
        hits: 120,
        brier_before: Probability::from_steps(2400),
        brier_after: Probability::from_steps(2300),
        parameters: vec![("a".to_owned(), 0.1), ("b".to_owned(), 1.0 / 3.0)],
    }
}

fn shadow(number: u128) -> Shadow {
    Shadow {
        id: Uuid::from_u128(number),
        cause: Cause::Missed,
        at: Time::from_secs(number as i64),
        kind: OutcomeKind::Target(1),
        odds: None,
        bars: None,
        coarse: false,
        realised: None,
        end: None,
    }
}
