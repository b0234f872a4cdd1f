//! A running server seals by itself.

use crate::made::{MARKET, file, hard, in_file, on_tape};
use orion::config::History;
use orion::seal::{Note, Watch, folder};

#[test]
fn days_are_sealed_beside_everything_else() {
    let data = tempfile::tempdir().expect("a folder");
    hard(data.path());
    let market = data.path().join(MARKET);
    let off = History {
        parquet: false,
        ..History::default()
    };
    drop(Watch::start(&market, &off));
    assert!(!folder(&market).exists());

    let watch = Watch::start(&market, &History::default());
    let day = history::day::day_of("2026-11-26").expect("a day");
    let deadline = std::time::Duration::from_secs(60);
    let waiting = timed(deadline, || Note::settled(&folder(&market), day).is_some());
    assert!(waiting, "the day was not sealed within a minute");
    drop(watch);
    for date in ["2026-11-25", "2026-11-26"] {
        let kept = in_file(&file(data.path(), "EURUSD", date));
        assert_eq!(kept, on_tape(data.path(), "EURUSD", date));
    }
}

/// Whether it came true in time.
fn timed(deadline: std::time::Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let (told, heard) = std::sync::mpsc::channel::<()>();
    let mut waited = std::time::Duration::ZERO;
    let step = std::time::Duration::from_millis(10);
    while waited < deadline {
        if is_true() {
            return true;
        }
        let _ = heard.recv_timeout(step);
        waited += step;
    }
    drop(told);
    false
}
