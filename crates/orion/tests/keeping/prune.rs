//! Retention of a market's tape: what goes, and that a start never misses it.

use crate::made::{copy, open, records, segments, start, tell, time};
use crate::support::recording::Kept;
use crate::support::{Server, recording::command};
use market::Span;
use orion::config::History;
use std::path::Path;

/// The tightest limits there are.
const ALL: History = History {
    keep_days: 1,
    max_bytes: 1,
};

/// Three days, an hour on each, with a save at each end.
async fn three_days(dir: &Path) {
    let mut machine = open(dir).await;
    for day in ["2026-03-02", "2026-03-03", "2026-03-04"] {
        let noon = time(&format!("{day}T12:00:00Z"));
        start(&mut machine, noon).await;
        tell(&mut machine, noon, Span::from_hours(1)).await;
        machine.save().expect("save");
    }
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

/// A recorded market of three days is played to its end. Letting go of its days is killed before the first file and
/// between two others: what is kept goes on as if nothing had happened.
#[test]
fn a_kill_between_removals_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("EURUSD.csv");
    std::fs::write(&file, days()).expect("write");
    let data = folder.path().join("data");
    let play = |crash: Option<&str>| {
        let mut played = command(&data, std::slice::from_ref(&file), "max");
        played.args(["--set", "history.max_bytes=1"]);
        if let Some(crash) = crash {
            played.env("ORION_TEST_CRASH", crash);
        }
        match Server::start(played) {
            Ok(server) => {
                if server.logs("played to its end") {
                    server.terminate();
                }
                server.wait()
            }
            Err((code, _)) => code,
        }
    };
    let market = data.join("EURUSD");
    assert_eq!(play(None), Some(0));
    let before = Kept::read(&data).journal;
    // The start, which has no time of its own on a recording, and three days. One snapshot is not enough to let go.
    assert_eq!(segments(&market), [1, 2, 3, 4]);
    // The second run's snapshot makes room, but for the last day.
    assert_eq!(play(Some("prune:1")), None);
    assert_eq!(segments(&market), [1, 2, 3, 4, 5]);
    // From then on it is the start that goes on letting go.
    assert_eq!(play(Some("prune:2")), None);
    assert_eq!(segments(&market), [2, 3, 4, 5, 6]);
    assert_eq!(play(Some("prune:2")), None);
    assert_eq!(segments(&market), [3, 4, 5, 6, 7]);
    assert_eq!(play(None), Some(0));
    assert_eq!(segments(&market), [4, 5, 6, 7, 8]);
    assert!(Kept::read(&data).journal == before);
}

/// A tick a minute on three days in a row.
fn days() -> String {
    let mut text = "time,bid,ask\n".to_owned();
    let mut at = time("2026-03-02T12:00:00Z");
    while at < time("2026-03-04T12:00:00Z") {
        text += &format!("{at},1.08500,1.08510\n");
        at = at + Span::from_minutes(1);
    }
    text
}
