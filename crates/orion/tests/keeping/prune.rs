//! Retention of a market's tape: what goes, and that a start never misses it.

use crate::made::{copy, open, records, segments, start, tell, time};
use market::Span;
use orion::config::History;
use std::path::Path;
use std::process::Command;

/// The tightest limits there are.
const ALL: History = History {
    keep_days: 1,
    max_bytes: 1,
    parquet: false,
};

/// Days of March 2026, an hour on each, with a save at each end.
async fn days(dir: &Path, days: &[&str]) {
    let mut machine = open(dir).await;
    for day in days {
        let noon = time(&format!("2026-03-{day}T12:00:00Z"));
        start(&mut machine, noon).await;
        tell(&mut machine, noon, Span::from_hours(1)).await;
        machine.save().await.expect("save");
    }
}

async fn three_days(dir: &Path) {
    days(dir, &["02", "03", "04"]).await;
}

#[tokio::test]
async fn every_snapshot_can_be_gone_on_from_after_old_days_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, pruned) = (folder.path().join("whole"), folder.path().join("pruned"));
    three_days(&whole).await;
    copy(&whole, &pruned);
    let machine = open(&pruned).await;
    // A segment a day, and one for this start.
    assert_eq!(segments(&pruned), [1, 2, 3, 4]);
    let removed = machine.prune(&ALL).expect("prune");
    // The older snapshot lies on the second day.
    assert_eq!((removed.days, removed.segments), (1, 1));
    assert_eq!(segments(&pruned), [2, 3, 4]);
    assert_eq!(machine.prune(&ALL).expect("prune").segments, 0);
    drop(machine);

    let newest = folder.path().join("pruned/snapshots/00000003.snapshot");
    std::fs::remove_file(newest).expect("the newest snapshot");
    let later = time("2026-03-04T13:00:01Z");
    for dir in [&whole, &pruned] {
        let mut machine = open(dir).await;
        start(&mut machine, later).await;
        tell(&mut machine, later, Span::from_hours(1)).await;
    }
    let kept = records(&whole).await;
    assert!(kept.len() > 40, "{} records", kept.len());
    assert_eq!(kept, records(&pruned).await);
}

#[tokio::test]
async fn without_a_snapshot_or_a_limit_nothing_goes() {
    let folder = tempfile::tempdir().expect("a folder");
    three_days(folder.path()).await;
    let machine = open(folder.path()).await;
    let none = History {
        parquet: false,
        keep_days: 0,
        max_bytes: 0,
    };
    assert_eq!(machine.prune(&none).expect("prune").segments, 0);
    assert_eq!(
        machine.prune(&History::default()).expect("prune").segments,
        0
    );
    std::fs::remove_dir_all(folder.path().join("snapshots")).expect("the snapshots");
    assert_eq!(machine.prune(&ALL).expect("prune").segments, 0);
    assert_eq!(segments(folder.path()), [1, 2, 3, 4]);
}

#[tokio::test]
async fn one_snapshot_is_not_enough_to_let_go() {
    let folder = tempfile::tempdir().expect("a folder");
    three_days(folder.path()).await;
    let older = folder.path().join("snapshots/00000002.snapshot");
    std::fs::write(older, "damaged").expect("write");
    let machine = open(folder.path()).await;
    assert_eq!(machine.prune(&ALL).expect("prune").segments, 0);
}

/// Set for the child: the market's folder.
const CHILD: &str = "ORION_TEST_CHILD";

/// Letting go of three days is killed before the first, the second and the third file: what is kept goes on as if nothing
/// had happened.
#[tokio::test]
async fn a_kill_between_removals_loses_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let removed = open(Path::new(&dir)).await.prune(&ALL);
        panic!("it was to be killed: {removed:?}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    days(&whole, &["02", "03", "04", "05", "06"]).await;
    let later = time("2026-03-06T13:00:01Z");
    for fatal in 1..=3 {
        let dir = folder.path().join(fatal.to_string());
        copy(&whole, &dir);
        kill_at(&format!("prune:{fatal}"), &dir);
        assert_eq!(segments(&dir), (fatal..=6).collect::<Vec<_>>());
        let mut machine = open(&dir).await;
        machine.prune(&ALL).expect("prune");
        assert_eq!(segments(&dir)[0], 4);
        start(&mut machine, later).await;
        tell(&mut machine, later, Span::from_minutes(20)).await;
    }
    let mut machine = open(&whole).await;
    start(&mut machine, later).await;
    tell(&mut machine, later, Span::from_minutes(20)).await;
    let kept = records(&whole).await;
    assert!(kept.len() > 40, "{} records", kept.len());
    for fatal in ["1", "2", "3"] {
        assert_eq!(records(&folder.path().join(fatal)).await, kept);
    }
}

/// Runs the test that calls this as a child, which ends itself at the point.
fn kill_at(point: &str, dir: &Path) {
    let child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "prune::a_kill_between_removals_loses_nothing"])
        .env(CHILD, dir)
        .env("ORION_TEST_CRASH", point)
        .output()
        .expect("run the child");
    let told = String::from_utf8_lossy(&child.stdout);
    assert_eq!(child.status.code(), None, "{told}");
}
