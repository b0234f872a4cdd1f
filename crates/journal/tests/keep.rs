//! Old days of the tape go, and nothing else: not what a start needs, not half of a day, not a piece out of the middle.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use journal::tape::{Keep, Place, Removed, Settings, Tape, TapeItem, TapeReader, keep, segments};
use market::{Event, Time};
use proptest::prelude::*;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

const DAY: i64 = 86_400;
/// Set for the child: how many removals it lives through, and the folder, one a line.
const ORDER: &str = "ORION_TEST_DIE";

#[test]
fn days_go_when_they_have_been_over_for_so_long() {
    // Two segments on day 10, one on days 11 to 14.
    let dir = tape_of(&[10, 10, 11, 12, 13, 14]);
    let noon = |day: i64| Time::from_secs(day * DAY + DAY / 2);
    assert_eq!(
        days_kept(&dir, 2, noon(12)),
        (0, [10, 10, 11, 12, 13, 14].to_vec())
    );
    assert_eq!(days_kept(&dir, 2, noon(13)), (1, [11, 12, 13, 14].to_vec()));
    assert_eq!(
        days_kept(&dir, 0, noon(999)),
        (0, [11, 12, 13, 14].to_vec())
    );
    // The last segment stays however old it is.
    assert_eq!(days_kept(&dir, 2, noon(999)), (3, [14].to_vec()));
}

#[test]
fn what_went_is_told() {
    let dir = tape_of(&[10, 10, 11, 12]);
    let bytes: Vec<u64> = sizes(&dir);
    let removed = run(&dir, &limits(1, 0), Time::from_secs(13 * DAY));
    let expected = Removed {
        days: 2,
        segments: 3,
        bytes: bytes[..3].iter().sum(),
        before: Some(Time::from_secs(12 * DAY)),
    };
    assert_eq!(removed, expected);
    let nothing = run(&dir, &limits(1, 0), Time::from_secs(13 * DAY));
    assert_eq!(nothing, Removed::default());
    assert_eq!(
        run(&TempDir::new().unwrap(), &limits(1, 1), Time::MAX),
        Removed::default()
    );
}

#[test]
fn the_oldest_whole_days_go_while_there_are_too_many_bytes() {
    let dir = tape_of(&[10, 10, 11, 12, 13]);
    let each = sizes(&dir)[0];
    let now = Time::from_secs(13 * DAY);
    let kept = |bytes| {
        run(&dir, &limits(0, bytes), now);
        days(&dir)
    };
    assert_eq!(kept(5 * each), [10, 10, 11, 12, 13]);
    // One segment too many; its day goes whole.
    assert_eq!(kept(5 * each - 1), [11, 12, 13]);
    assert_eq!(kept(2 * each), [12, 13]);
    assert_eq!(kept(1), [13]);
    assert_eq!(kept(0), [13]);
}

#[test]
fn nothing_goes_that_a_start_would_read() {
    for (protected, first) in [(1, 1), (2, 1), (3, 3), (4, 4), (5, 5), (6, 5)] {
        let dir = tape_of(&[10, 10, 11, 12, 13]);
        let limits = Keep {
            not_after: Place {
                segment: protected,
                offset: 0,
            },
            ..limits(1, 1)
        };
        run(&dir, &limits, Time::from_secs(99 * DAY));
        assert_eq!(numbers(&dir)[0], first, "from segment {protected} on");
    }
}

#[test]
fn segments_without_events_and_damaged_ones_go_with_what_is_behind_them() {
    let dir = TempDir::new().unwrap();
    for day in [None, Some(10), None, Some(11), Some(12)] {
        segment(dir.path(), day);
    }
    let path = segments(dir.path()).unwrap()[3].path.clone();
    std::fs::write(path, b"ORIONTAP").unwrap();
    run(&dir, &limits(1, 0), Time::from_secs(12 * DAY));
    // Day 10 with the empty one before it; then an empty and a damaged one wait for day 12.
    assert_eq!(numbers(&dir), [3, 4, 5]);
    segment(dir.path(), Some(13));
    run(&dir, &limits(1, 0), Time::from_secs(14 * DAY));
    assert_eq!(numbers(&dir), [6]);
}

#[test]
fn a_tape_whose_beginning_is_gone_is_read_and_gone_on_with() {
    let dir = tape_of(&[10, 11, 12]);
    let tape = Tape::open(dir.path()).unwrap();
    let end = tape.end();
    run(&dir, &limits(1, 0), Time::from_secs(13 * DAY));
    assert_eq!(days(&dir), [12]);
    assert_eq!(tape.end(), end);
    drop(tape);
    segment(dir.path(), Some(13));
    assert_eq!(numbers(&dir), [3, 4]);
    let from = TapeReader::open(dir.path(), Some(end)).unwrap();
    assert_eq!(stamps(from), [13 * DAY]);
    // What is gone cannot be asked for.
    let gone = Place {
        segment: 2,
        offset: 0,
    };
    let error = TapeReader::open(dir.path(), Some(gone)).unwrap_err();
    assert!(error.to_string().contains("00000002.tape"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever the tape, the limits and the moment: what is left is the end of what was there, of whole days, and what
    /// must stay has stayed; a second time removes nothing.
    #[test]
    fn what_is_left_is_the_end(
        steps in prop::collection::vec(0_i64..3, 1..9), keep_days in 0_u32..4, keep_bytes in 0_u64..4, protect in 1_u64..9,
        later in 0_i64..4,
    ) {
        let mut day = 100;
        let all: Vec<i64> = steps.iter().map(|step| { day += step; day }).collect();
        let dir = tape_of(&all);
        let each = sizes(&dir)[0];
        let limits = Keep {
            days: keep_days,
            bytes: keep_bytes * each,
            not_after: Place { segment: protect, offset: 7 },
        };
        let now = Time::from_secs((day + later) * DAY);
        let removed = run(&dir, &limits, now);
        let left = days(&dir);
        prop_assert!(all.ends_with(&left) && !left.is_empty());
        let gone = all.len() - left.len();
        prop_assert_eq!(removed.segments as usize, gone);
        prop_assert!(gone == 0 || (all[gone - 1] < left[0] && (gone as u64) < protect));
        prop_assert_eq!(run(&dir, &limits, now), Removed::default());
    }
}

/// Ends itself before one removal after the other; what is left can always be gone on with.
#[test]
fn a_process_that_dies_between_removals_leaves_no_hole() {
    if let Ok(order) = std::env::var(ORDER) {
        return die_as_told(&order);
    }
    for lived in 0..4 {
        let dir = tape_of(&[10, 10, 11, 11, 12]);
        let order = format!("{lived}\n{}", dir.path().display());
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_process_that_dies_between_removals_leaves_no_hole",
                "--nocapture",
            ])
            .env(ORDER, order)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&child.stderr);
        assert!(told.ends_with("dying as told\n"), "{told}");
        let left = numbers(&dir);
        assert_eq!(left, (lived + 1..=5).collect::<Vec<_>>());
        // The next time removes the rest of the day.
        run(&dir, &limits(1, 0), Time::from_secs(13 * DAY));
        assert_eq!(days(&dir), [12]);
        segment(dir.path(), Some(13));
    }
}

static LIVES: AtomicU32 = AtomicU32::new(0);

fn die_as_told(order: &str) {
    let (lived, dir) = order.split_once('\n').unwrap();
    LIVES.store(lived.parse().unwrap(), Ordering::SeqCst);
    let probe = |point: &'static str| {
        assert_eq!(point, "prune");
        let before = LIVES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        if before.is_err() {
            eprintln!("dying as told");
            std::process::abort();
        }
    };
    keep(
        Path::new(dir),
        &limits(1, 0),
        Time::from_secs(13 * DAY),
        probe,
    )
    .unwrap();
}

/// Limits that protect nothing but the last segment.
fn limits(days: u32, bytes: u64) -> Keep {
    Keep {
        days,
        bytes,
        not_after: Place {
            segment: u64::MAX,
            offset: 0,
        },
    }
}

fn run(dir: &TempDir, limits: &Keep, now: Time) -> Removed {
    keep(dir.path(), limits, now, |_| {}).unwrap()
}

/// How many days went, and the day of each segment that is left.
fn days_kept(dir: &TempDir, keep_days: u32, now: Time) -> (u64, Vec<i64>) {
    (run(dir, &limits(keep_days, 0), now).days, days(dir))
}

/// A tape with a segment of one event on each of these days, which are counted from 1970.
fn tape_of(days: &[i64]) -> TempDir {
    let dir = TempDir::new().unwrap();
    days.iter().for_each(|day| segment(dir.path(), Some(*day)));
    dir
}

fn segment(dir: &Path, day: Option<i64>) {
    let settings = Settings {
        text: "any".to_owned(),
        market: "test".to_owned(),
    };
    let mut writer = Tape::open(dir).unwrap().begin(&settings).unwrap();
    if let Some(day) = day {
        writer
            .push(Time::from_secs(day * DAY), &Event::Wake)
            .unwrap();
    }
    writer.sync().unwrap();
}

fn stamps(reader: TapeReader) -> Vec<i64> {
    let stamp = |item| match item {
        Ok(TapeItem::Event(at, _)) => Some(at.nanos() / 1_000_000_000),
        Ok(TapeItem::Settings(_)) => None,
        Err(error) => panic!("{error}"),
    };
    reader.filter_map(stamp).collect()
}

fn days(dir: &TempDir) -> Vec<i64> {
    let all = stamps(TapeReader::open(dir.path(), None).unwrap());
    all.into_iter().map(|stamp| stamp / DAY).collect()
}

fn numbers(dir: &TempDir) -> Vec<u64> {
    let all = segments(dir.path()).unwrap();
    all.into_iter().map(|segment| segment.number).collect()
}

fn sizes(dir: &TempDir) -> Vec<u64> {
    let all = segments(dir.path()).unwrap();
    all.into_iter().map(|segment| segment.bytes).collect()
}
