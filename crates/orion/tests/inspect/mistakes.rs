//! What cannot be read is told with file, line, value, reason and remedy, and what cannot be meant is refused.

use crate::{Folder, complaint, inspect, text};

const HEADER: &str = "time,open,high,low,close\n";

/// The complaint about a file, without its folder; `arguments` follow `--bars FILE`.
fn about(name: &str, content: &str, arguments: &[&str]) -> String {
    let folder = Folder::new();
    let file = folder.file(name, content);
    let told = complaint(&[&["--bars", &file, "--csv"][..], arguments].concat());
    told.replace(&format!("{}/", folder.path().display()), "")
}

fn check(rows: &str, arguments: &[&str], expected: &str) {
    let told = about("a.csv", &format!("{HEADER}{rows}"), arguments);
    assert_eq!(told, format!("error: {expected}\n"));
}

const EVENTS: [&str; 1] = ["--events"];
const LEVELS: [&str; 1] = ["--levels"];

#[test]
fn a_row_that_is_no_bar_ends_it_and_what_came_before_is_printed() {
    let reason = "it is not a plain decimal number such as 1.08505";
    let remedy = "write prices as plain decimals with a point, such as 1.08505";
    check(
        "t,1,2,0,1\nt,1,2,x,1\n",
        &EVENTS,
        &format!("a.csv:3: `x`: the low cannot be read: {reason}; {remedy}"),
    );
    check(
        "t,1,2,0,1\n\nt,1,2,0\n",
        &EVENTS,
        "a.csv:4: `t,1,2,0`: it has 4 fields, and the header 5; write every row with as many fields as the header",
    );
    check(
        "t,1,2,3,1\n",
        &EVENTS,
        "a.csv:2: `t,1,2,3,1`: its high 2 is below its low 3; put the row right: a bar's high is its highest price",
    );
    let folder = Folder::new();
    let rows = format!("{HEADER}2026-07-16 20:00,1,2,0,1\n2026-07-16 21:00,1,2,0,?\n");
    let file = folder.file("a.csv", &rows);
    for form in [&["--csv"][..], &[]] {
        let output = inspect(&[&["--bars", &file, "--levels"][..], form].concat());
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout).lines().count(), 2, "{form:?}");
    }
}

#[test]
fn a_time_that_is_asked_for_has_to_be_one() {
    let remedy = "write it as 2019-02-04T13:05:00Z, 2019.02.04 13:05 or 04.02.2019 13:05";
    check(
        "2026-07-16 20:00,1,2,0,1\nsoon,1,2,0,1\n",
        &LEVELS,
        &format!("a.csv:3: `soon`: it is no time; {remedy}"),
    );
    check(
        "7/8/2026 20:00,1,2,0,1\n",
        &LEVELS,
        &format!(
            "a.csv:2: `7/8/2026 20:00`: nothing says whether the day or the month comes first; {remedy}"
        ),
    );
    // One that is asked for where there is any.
    check(
        "2026-07-16 20:00,1,2,0,1\nsoon,1,2,0,1\n",
        &["--events", "--all"],
        &format!("a.csv:3: `soon`: it is no time; {remedy}"),
    );
    for again in ["2026-07-16 20:00", "2026-07-16 19:00"] {
        check(
            &format!("2026-07-16 20:00,1,2,0,1\n{again},1,2,0,1\n"),
            &LEVELS,
            &format!(
                "a.csv:3: `{again}`: its time is not after that of the bar before it (2026-07-16T20:00:00.000Z); sort the rows by \
                 time, and give each time once"
            ),
        );
    }
}

#[test]
fn bars_are_made_of_shorter_ones_only() {
    let hours = "2026-07-16 20:00,1,2,0,1\n2026-07-16 22:00,1,2,0,1\n2026-07-16 23:00,1,2,0,1\n";
    check(
        hours,
        &["--events", "--tf", "15m"],
        "a.csv: its bars are 1 h long, and 15m bars cannot be made of longer ones; give finer bars, or leave --tf out",
    );
    check(
        "2026-07-16 20:00,1,2,0,1\n2026-07-16 20:10,1,2,0,1\n2026-07-16 20:20,1,2,0,1\n",
        &["--events", "--tf", "15m"],
        "a.csv: `2026-07-16 20:10`: this bar of 10 min reaches beyond the 15m bar from 2026-07-16T20:00:00.000Z to \
         2026-07-16T20:15:00.000Z that it begins in; give bars that fit into it (4h and 1d begin at the roll of the trading day)",
    );
    let days = "2026-07-15,1,2,0,1\n2026-07-16,1,2,0,1\n";
    check(
        days,
        &LEVELS,
        "a.csv: `2026-07-15`: its bars are longer than 4h, and days of trading are made of shorter ones; give bars of at most 4h",
    );
    let told = about(
        "EURUSD_1h.csv",
        "Date,open,high,low,close\n2026.07.16 20:00,1,2,1,1\n2026.07.16 21:00,1,2,1,1\n",
        &["--events", "--tf", "15m"],
    );
    assert!(told.contains("its bars are 1 h long"), "{told}");
}

#[test]
fn a_file_that_is_nothing_is_told_with_what_it_might_be() {
    let told = about("notes.csv", "this is no recording\n", &EVENTS);
    assert!(
        told.contains("notes.csv: its header does not name time, open, high, low and close"),
        "{told}"
    );
    assert!(
        told.contains("no instrument's symbol is in its name"),
        "{told}"
    );
    let told = about(
        "EURUSD.csv",
        "time,bid,ask\n2026-07-16T12:00:00Z,1.10000,1.10010\n",
        &EVENTS,
    );
    assert_eq!(
        told,
        "error: EURUSD.csv: it holds ticks; say what bars to make of them, as --tf 1m\n"
    );
    let told = about("a.csv", "time,open,high,low,close,low\n", &EVENTS);
    assert_eq!(
        told,
        "error: a.csv: its header names `low` twice; rename one of the two\n"
    );
    let told = complaint(&["--bars", "nowhere.csv", "--events"]);
    assert!(told.contains("nowhere.csv"), "{told}");
}

#[test]
fn two_series_have_bars_of_one_length() {
    let folder = Folder::new();
    let hours = folder.file(
        "a.csv",
        &format!("{HEADER}2026-07-16 20:00,1,2,0,1\n2026-07-16 21:00,1,2,0,1\n"),
    );
    let quarters = folder.file(
        "b.csv",
        &format!("{HEADER}2026-07-16 20:00,1,2,0,1\n2026-07-16 20:15,1,2,0,1\n"),
    );
    let told = complaint(&["--smt", &hours, &quarters, "--csv"]);
    assert!(told.contains("has bars of 1 h and"), "{told}");
    assert!(
        told.contains("of 15 min; give two of the same length, or make them with --tf"),
        "{told}"
    );
}

#[test]
fn a_folder_of_several_symbols_needs_to_be_told_which() {
    let folder = Folder::new();
    let rows = "2026.07.16,19:00,1.08500,1.08600,1.08400,1.08500,10\n2026.07.16,19:15,1.08500,1.08700,1.08500,1.08600,10\n";
    folder.file("EURUSD15.csv", rows);
    folder.file("GBPUSD15.csv", rows);
    let path = folder.path().display().to_string();
    let told = complaint(&["--bars", &path, "--levels"]);
    assert!(
        told.contains("it holds EURUSD and GBPUSD; say which to look at, as --symbol EURUSD"),
        "{told}"
    );
    let told = complaint(&["--bars", &path, "--levels", "--symbol", "ABC"]);
    assert!(
        told.contains("--symbol ABC: there is no such instrument"),
        "{told}"
    );
    let output = inspect(&["--bars", &path, "--levels", "--csv", "--symbol", "GBPUSD"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout).lines().count(), 3);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_read() {
    for arguments in [
        &["--bars", "a.csv"][..],
        &["--events"],
        &["--smt", "a.csv"],
        &["--smt", "a.csv", "b.csv", "--events"],
        &["--bars", "a.csv", "--smt", "b.csv", "c.csv"],
        &["--bars", "a.csv", "--events", "--levels"],
        &["--bars", "a.csv", "--indicators", "--levels"],
        &["--bars", "a.csv", "--indicators", "--all"],
        &["--bars", "a.csv", "--levels", "--all"],
        &["--bars", "a.csv", "--events", "--inverse"],
        &["--bars", "a.csv", "--events", "--tf", "7m"],
        &[],
    ] {
        let output = inspect(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
