//! Several files as one stream: its order, and what happens to the others when one ends early.

use crate::files::{Folder, bi5_ticks, shown, tape};
use feeds::tape::Spec;
use std::fs;

fn times(text: &str) -> Vec<&str> {
    text.lines().map(|line| &line[11..30]).collect()
}

#[test]
fn files_are_merged_by_time_and_ties_keep_their_order() {
    let folder = Folder::new();
    let a = folder.file(
        "EURUSD_a.csv",
        "time,bid,ask\n2019-02-04T12:00:01Z,1.1,1.1001\n2019-02-04T12:00:03Z,1.1,1.1001\n",
    );
    let b = folder.file("GBPUSD_b.csv", "time,bid,ask\n2019-02-04T12:00:01Z,1.3,1.3001\n2019-02-04T12:00:02Z,1.3,1.3001\n2019-02-04T12:00:03Z,1.3,1.3001\n");
    let order = |specs: &[Spec]| {
        let shown = shown(&mut tape(specs));
        let parts = |line: &str| format!("{} {}", &line[17..19], &line[25..31]);
        shown.lines().map(parts).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        order(&[a.clone(), b.clone()]),
        "01 EURUSD, 01 GBPUSD, 02 GBPUSD, 03 EURUSD, 03 GBPUSD"
    );
    assert_eq!(
        order(&[b, a]),
        "01 GBPUSD, 01 EURUSD, 02 GBPUSD, 03 GBPUSD, 03 EURUSD"
    );
}

#[test]
fn a_bar_comes_when_it_is_known() {
    let folder = Folder::new();
    let bars = folder.file(
        "EURUSD_1h.csv",
        "time,open,high,low,close\n2019-02-04T12:00Z,1.1,1.1,1.1,1.1\n",
    );
    let ticks = folder.file(
        "EURUSD_t.csv",
        "time,bid,ask\n2019-02-04T12:30Z,1.1,1.1001\n2019-02-04T13:30Z,1.1,1.1001\n",
    );
    let shown = shown(&mut tape(&[ticks, bars]));
    let kinds: Vec<bool> = shown.lines().map(|line| line.contains(" 1h ")).collect();
    assert_eq!(kinds, [false, true, false]);
}

#[test]
fn a_folder_is_one_series_opened_file_by_file() {
    let folder = Folder::new();
    for (day, hour) in [("05", "00"), ("04", "23"), ("04", "13")] {
        let name = format!("EURUSD/2019/01/{day}/{hour}h_ticks.bi5");
        folder.file(
            &name,
            bi5_ticks(&[[0, 110_010, 110_000], [1000, 110_010, 110_000]]),
        );
    }
    // An hour without ticks is an empty file, and what is no data is left alone.
    fs::write(folder.path("EURUSD/2019/01/04/14h_ticks.bi5"), b"").unwrap();
    fs::write(folder.path("EURUSD/README.md"), b"about").unwrap();
    let mut all = tape(&[Spec::new(folder.path("EURUSD"))]);
    assert_eq!(all.files().len(), 4);
    // A file that is gone before its time comes shows that it was not held open, and the others go on.
    assert!(all.next().unwrap().is_ok());
    fs::remove_file(folder.path("EURUSD/2019/01/04/23h_ticks.bi5")).unwrap();
    let rest: Vec<_> = all.by_ref().collect();
    assert_eq!(rest.iter().filter(|item| item.is_ok()).count(), 3);
    let error = rest.iter().find_map(|item| item.as_ref().err()).unwrap();
    assert!(
        error
            .to_string()
            .contains("23h_ticks.bi5: it cannot be read"),
        "{error}"
    );
    assert_eq!(all.progress().bytes, all.progress().bytes_total);
}

#[test]
fn the_same_files_give_the_same_stream() {
    let folder = Folder::new();
    let mut lines = String::from("time,bid,ask\n");
    for second in 0..500 {
        let (minute, second) = (second / 60, second % 60);
        lines += &format!("2019-02-04T12:{minute:02}:{second:02}Z,1.1,1.1001\n");
    }
    let specs = [
        folder.file("EURUSD_a.csv.gz", &lines),
        folder.file("GBPUSD_b.csv", &lines),
    ];
    let first = shown(&mut tape(&specs));
    assert_eq!(first, shown(&mut tape(&specs)));
    assert_eq!(first.lines().count(), 1000);
    assert!(times(&first).is_sorted());
}

#[test]
fn a_day_without_ticks_is_an_empty_file_and_no_error() {
    let folder = Folder::new();
    let empty = folder.file("EURUSD_oanda.zip!20140502_eurusd_tick_quote.csv", "");
    let header = folder.file("EURUSD.csv", "time,bid,ask\n");
    let mut tape = tape(&[empty, header]);
    assert_eq!(
        tape.files()
            .iter()
            .filter(|file| file.first.is_none())
            .count(),
        2
    );
    assert!(
        tape.files()[0]
            .to_string()
            .ends_with("lean EURUSD ticks, zone utc, empty")
    );
    assert!(tape.next().is_none());
}
