//! What is printed of small files made by hand, of every kind.

use crate::{Folder, inspect, printed, text};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

/// Bars of one time each, in rows `time,open,high,low,close`.
fn bars(rows: &[&str]) -> String {
    format!("time,open,high,low,close\n{}\n", rows.join("\n"))
}

const EVENTS: &str = "bar,kind,dir,level,top,bottom,ext,ref,ref2,mss,src,swept,held";

// A gap upwards from 10 to 21, touched and filled.
const GAP: [&str; 4] = [
    "t0,6,10,5,9",
    "t1,9,20,9,20",
    "t2,22,30,21,29",
    "t3,22,30,10,29",
];

#[test]
fn events_know_nothing_of_times_and_are_the_same_in_every_wrapping() {
    let folder = Folder::new();
    let expected = format!(
        "{EVENTS}\n2,fvg,1,,21,10,,1,,,,,\n3,fvg_touch,1,,21,10,,2,,,,,\n3,fvg_fill,1,,21,10,,2,,,,,\n"
    );
    let plain = bars(&GAP);
    let tabs = plain
        .replace(',', "\t")
        .replace("time", "Time")
        .replace("close", "Close");
    let quoted = plain.replace("t1", "\"1 May 2026, 10:00\"");
    for (name, text) in [("a.csv", &plain), ("b.csv", &tabs), ("c.csv", &quoted)] {
        let file = folder.file(name, text);
        assert_eq!(printed(&["--bars", &file, "--events", "--csv"]), expected);
    }
}

#[test]
fn everything_has_the_middles_of_gaps_and_says_when_there_are_no_days() {
    let folder = Folder::new();
    let file = folder.file("a.csv", &bars(&GAP));
    let output = inspect(&["--bars", &file, "--events", "--all", "--csv"]);
    assert_eq!(
        text(&output.stdout),
        format!(
            "{EVENTS}\n2,fvg,1,,21,10,,1,,,,,\n3,fvg_touch,1,,21,10,,2,,,,,\n3,fvg_half,1,,21,10,,2,,,,,\n\
             3,fvg_fill,1,,21,10,,2,,,,,\n"
        )
    );
    assert_eq!(
        text(&output.stderr),
        format!(
            "{file}: its times are no moments, so there are no pools of days, weeks and sessions\n"
        )
    );
}

#[test]
fn indicators_copy_what_was_given_and_are_empty_until_they_are_warm() {
    let folder = Folder::new();
    let rows = ["a,1.50,2.0,1,1.5000000000001"; 20];
    let file = folder.file("a.csv", &bars(&rows));
    let printed = printed(&["--bars", &file, "--indicators", "--csv"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 21);
    let (warming, last): (Vec<&str>, Vec<&str>) = (
        lines[19].split(',').collect(),
        lines[20].split(',').collect(),
    );
    assert_eq!(warming.len(), 24);
    assert_eq!((warming[6], warming[10].is_empty()), ("", false));
    assert_eq!(
        last[..6],
        ["19", "a", "1.50", "2.0", "1", "1.5000000000001"]
    );
    // More digits than a price keeps count.
    let average: f64 = last[6].parse().expect("an average");
    assert!((average - 1.500_000_000_000_1).abs() < 4e-14, "{average}");
}

/// Hours of 16 and 17 July 2026 in UTC; New York is four hours behind, so the day rolls at 21:00.
const DAYS: [&str; 4] = [
    "2026-07-16 19:00,100,110.50,90,100",
    "2026-07-16 20:00,100,108.000,80.25,100",
    "2026-07-16 21:00,100,105,95,100",
    "2026-07-16 22:00,100,111,95,101",
];

#[test]
fn everything_has_the_pools_of_days_where_times_tell_them() {
    let folder = Folder::new();
    let file = folder.file("a.csv", &bars(&DAYS));
    let all = printed(&["--bars", &file, "--events", "--all", "--csv"]);
    let day = "3,sweep,-1,110.5,,,111,2,,,day,,";
    assert!(all.lines().any(|line| line == day), "{all}");
    let session = "3,sweep,-1,110.5,,,111,2,,,pm,,";
    assert!(all.lines().any(|line| line == session), "{all}");
    let reference = printed(&["--bars", &file, "--events", "--csv"]);
    assert_eq!(reference, format!("{EVENTS}\n"));
}

#[test]
fn everything_has_the_major_scale() {
    let folder = Folder::new();
    let rows: Vec<String> = (0..50_i64)
        .map(|place| {
            let top = 100 - (place - 25).abs();
            format!("t,{0},{top},{1},{0}", top - 1, top - 2)
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let file = folder.file("a.csv", &bars(&rows));
    let all = printed(&["--bars", &file, "--events", "--all", "--csv"]);
    let major = "45,major_swing,1,100,,,,25,,,,,";
    assert!(all.lines().any(|line| line == major), "{all}");
    assert!(
        all.lines().any(|line| line == "30,swing,1,100,,,,25,,,,,"),
        "{all}"
    );
}

#[test]
fn rules_may_be_others() {
    let folder = Folder::new();
    let rows = ["t,1,2,0,1", "t,1,3,0,1", "t,1,2,0,1"];
    let file = folder.file("a.csv", &bars(&rows));
    let sets = [
        "--set",
        "rules.swing_left=1",
        "--set",
        "rules.swing_right=1",
        "--set",
        "rules.smt_win=1",
    ];
    let arguments = [&["--bars", &file, "--events", "--csv"][..], &sets].concat();
    assert_eq!(
        printed(&arguments),
        format!("{EVENTS}\n2,swing,1,3,,,,1,,,,,\n")
    );
}

#[test]
fn levels_are_those_of_the_day_and_week_before_and_every_digit_and_time_is_copied() {
    let folder = Folder::new();
    let expected = |times: &[&str]| {
        format!(
            "bar,time,high,low,pdh,pdl,pwh,pwl\n\
             0,{},110.5,90,,,,\n1,{},108,80.25,,,,\n2,{},105,95,110.5,80.25,,\n3,{},111,95,110.5,80.25,,\n",
            times[0], times[1], times[2], times[3]
        )
    };
    for times in [
        [
            "2026-07-16 19:00",
            "2026-07-16 20:00",
            "2026-07-16 21:00",
            "2026-07-16 22:00",
        ],
        [
            "2026-07-16T19:00:00Z",
            "2026-07-16T20:00:00+00:00",
            "2026-07-16T23:00:00+02:00",
            "2026-07-16T22:00:00.000Z",
        ],
        [
            "2026.07.16 19:00:00",
            "2026.07.16 20:00",
            "2026.07.16 21:00",
            "2026.07.16 22:00",
        ],
        [
            "16.07.2026 19:00:00.000",
            "16.07.2026 20:00",
            "16.07.2026 21:00",
            "16.07.2026 22:00",
        ],
    ] {
        let rows: Vec<String> = DAYS
            .iter()
            .zip(times)
            .map(|(row, time)| format!("{time}{}", &row[16..]))
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let file = folder.file("a.csv", &bars(&rows));
        assert_eq!(
            printed(&["--bars", &file, "--levels", "--csv"]),
            expected(&times)
        );
    }
    // The days of a future roll an hour later.
    let named = folder.file("NQ_1h.csv", &bars(&DAYS));
    let future = printed(&["--bars", &named, "--levels", "--csv"]);
    let file = folder.file("a.csv", &bars(&DAYS));
    let told = printed(&["--bars", &file, "--levels", "--csv", "--symbol", "NQ"]);
    assert_eq!(told, future);
    assert!(
        future.ends_with(
            "\n2,2026-07-16 21:00,105,95,,,,\n3,2026-07-16 22:00,111,95,110.5,80.25,,\n"
        ),
        "{future}"
    );
}

#[test]
fn longer_bars_are_made_by_the_clock_and_by_trading_days() {
    let folder = Folder::new();
    let rows = [
        "2026-07-16 20:00,1,5,1,2",
        "2026-07-16 20:15,2,9,2,3",
        "2026-07-16 20:45,3,4,0,4",
        "2026-07-16 21:00,4,4,4,4",
    ];
    let file = folder.file("a.csv", &bars(&rows));
    let levels =
        |timeframe: &str| printed(&["--bars", &file, "--tf", timeframe, "--levels", "--csv"]);
    let header = "bar,time,high,low,pdh,pdl,pwh,pwl\n";
    assert_eq!(
        levels("1h"),
        format!(
            "{header}0,2026-07-16T20:00:00.000Z,9,0,,,,\n1,2026-07-16T21:00:00.000Z,4,4,9,0,,\n"
        )
    );
    // The four hours before the roll, and those after it.
    assert_eq!(
        levels("4h"),
        format!(
            "{header}0,2026-07-16T17:00:00.000Z,9,0,,,,\n1,2026-07-16T21:00:00.000Z,4,4,9,0,,\n"
        )
    );
    assert_eq!(levels("15m").lines().count(), 5);
}

/// Two swing lows at bars 3 and 9: those of the first fall, those of the second rise.
const SWEPT: [i64; 12] = [50, 46, 43, 40, 44, 47, 48, 46, 42, 36, 40, 43];
const HELD: [i64; 12] = [90, 86, 83, 80, 84, 87, 88, 87, 86, 85, 86, 88];
const SMALL: [&str; 8] = [
    "--set",
    "rules.swing_left=2",
    "--set",
    "rules.swing_right=2",
    "--set",
    "rules.atr_period=2",
    "--set",
    "rules.smt_win=1",
];

fn hours(prices: &[i64]) -> Vec<String> {
    let row = |(hour, price): (usize, &i64)| {
        format!(
            "2026-07-16 {hour:02}:00,{price},{},{},{price}",
            price + 1,
            price - 1
        )
    };
    prices.iter().enumerate().map(row).collect()
}

fn file_of(folder: &Folder, name: &str, rows: &[String]) -> String {
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    folder.file(name, &bars(&rows))
}

#[test]
fn divergences_are_told_of_the_bars_that_both_have() {
    let folder = Folder::new();
    let swept = file_of(&folder, "US30_1h.csv", &hours(&SWEPT));
    let mut rows = hours(&HELD);
    let held = file_of(&folder, "SPX500_1h.csv", &rows);
    let smt = |first: &str, second: &str| {
        let arguments = [&["--smt", first, second, "--csv"][..], &SMALL].concat();
        let output = inspect(&arguments);
        (text(&output.stdout), text(&output.stderr))
    };
    let (printed, told) = smt(&swept, &held);
    let expected = format!("{EVENTS}\n11,smt,1,35,,,,9,3,,,US30,SPX500\n");
    assert_eq!(printed, expected);
    assert_eq!(
        told,
        "12 bars are in both, 0 were left out of US30 and 0 of SPX500\n"
    );
    assert_eq!(smt(&held, &swept).0, expected);
    // A bar that only one of them has never enters: all after it are one earlier.
    rows.remove(6);
    for row in &mut rows {
        *row = row.replace("2026-07-16 ", "16.07.2026 ");
    }
    let held = file_of(&folder, "SPX500_1h.csv", &rows);
    let (printed, told) = smt(&swept, &held);
    assert_eq!(
        printed,
        format!("{EVENTS}\n10,smt,1,35,,,,8,3,,,US30,SPX500\n")
    );
    assert_eq!(
        told,
        "11 bars are in both, 1 were left out of US30 and 0 of SPX500\n"
    );
}

#[test]
fn the_second_of_an_inverse_pair_is_told_in_real_prices() {
    let folder = Folder::new();
    let swept = file_of(&folder, "one.csv", &hours(&SWEPT));
    let held = file_of(&folder, "other.csv", &hours(&HELD.map(|price| 200 - price)));
    let arguments = [&["--smt", &swept, &held, "--inverse", "--csv"][..], &SMALL].concat();
    assert_eq!(
        printed(&arguments),
        format!("{EVENTS}\n11,smt,-1,35,,,,9,3,,,one,other\n")
    );
}

#[test]
fn recordings_that_play_as_markets_are_inspected_too() {
    let folder = Folder::new();
    // MetaTrader writes bids: they are taken as they are.
    let rows = "2026.07.16,19:00,1.08500,1.08600,1.08400,1.08500,10\n\
                2026.07.16,19:15,1.08500,1.08700,1.08500,1.08600,10\n";
    let file = folder.file("EURUSD15.csv", rows);
    let levels = |arguments: &[&str]| {
        let given = [&["--bars", &file, "--levels", "--csv"][..], arguments];
        printed(&given.concat())
    };
    let header = "bar,time,high,low,pdh,pdl,pwh,pwl\n";
    assert_eq!(
        levels(&["--set", "feed.tape.zone=utc"]),
        format!(
            "{header}0,2026-07-16T19:00:00.000Z,1.086,1.084,,,,\n1,2026-07-16T19:15:00.000Z,1.087,1.085,,,,\n"
        )
    );
    assert_eq!(
        levels(&["--tf", "1h"]),
        format!("{header}0,2026-07-16T16:00:00.000Z,1.087,1.084,,,,\n")
    );
}

#[test]
fn bids_and_asks_in_two_files_are_joined_and_a_side_that_is_told_is_taken_for_it() {
    let folder = Folder::new();
    let rows = |price: &str| {
        format!(
            "timestamp,open,high,low,close\n2026-07-16T19:00:00Z,{price},{price},{price},{price}\n"
        )
    };
    let bids = folder.file("EURUSD_1m_bid.csv", &rows("1.08500"));
    folder.file("EURUSD_1m_ask.csv", &rows("1.08520"));
    let levels = |path: &str, arguments: &[&str]| {
        let given = [&["--bars", path, "--levels", "--csv"][..], arguments];
        let printed = printed(&given.concat());
        printed.lines().nth(1).unwrap_or_default().to_owned()
    };
    let time = "2026-07-16T19:00:00.000Z";
    let joined = levels(&folder.path().display().to_string(), &[]);
    assert_eq!(joined, format!("0,{time},1.0851,1.0851,,,,"));
    assert_eq!(levels(&bids, &[]), format!("0,{time},1.085,1.085,,,,"));
    let told = levels(&bids, &["--set", "feed.tape.side=bid"]);
    assert!(
        told != levels(&bids, &[]) && told.starts_with(&format!("0,{time},1.085")),
        "{told}"
    );
}

#[test]
fn ticks_are_made_into_bars_first() {
    let folder = Folder::new();
    let ticks = "time,bid,ask\n\
                 2026-07-16T12:00:00.000Z,1.08500,1.08510\n\
                 2026-07-16T12:00:30.000Z,1.08540,1.08550\n\
                 2026-07-16T12:00:40.000Z,1.08560,1.08550\n\
                 2026-07-16T12:01:10.000Z,1.08520,1.08530\n";
    let file = folder.file("EURUSD.csv", ticks);
    let output = inspect(&["--bars", &file, "--tf", "1m", "--levels", "--csv"]);
    assert_eq!(
        text(&output.stdout),
        "bar,time,high,low,pdh,pdl,pwh,pwl\n\
         0,2026-07-16T12:00:00.000Z,1.08545,1.08505,,,,\n1,2026-07-16T12:01:00.000Z,1.08525,1.08525,,,,\n"
    );
    let told = text(&output.stderr);
    assert!(
        told.contains("EURUSD.csv: 1 of EURUSD were left out: crossed"),
        "{told}"
    );
}

#[test]
fn people_are_shown_a_table() {
    let folder = Folder::new();
    let file = folder.file("a.csv", &bars(&DAYS));
    assert_eq!(
        printed(&["--bars", &file, "--levels"]),
        "bar              time   high    low    pdh    pdl  pwh  pwl\n\
         \u{20} 0  2026-07-16 19:00  110.5     90\n\
         \u{20} 1  2026-07-16 20:00    108  80.25\n\
         \u{20} 2  2026-07-16 21:00    105     95  110.5  80.25\n\
         \u{20} 3  2026-07-16 22:00    111     95  110.5  80.25\n"
    );
}

#[test]
fn whoever_has_seen_enough_ends_it_quietly() {
    let folder = Folder::new();
    let mut rows = String::from("time,open,high,low,close\n");
    for place in 0..200_000 {
        let base = 100 + (place * 7919 % 101);
        rows.push_str(&format!(
            "t{place},{base},{},{},{base}\n",
            base + 1,
            base - 1
        ));
    }
    let file = folder.file("a.csv", &rows);
    let mut orion = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["inspect", "--bars", &file, "--events", "--csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run orion");
    let mut out = BufReader::new(orion.stdout.take().expect("its output"));
    let mut line = String::new();
    out.read_line(&mut line).expect("a line");
    assert_eq!(line.trim_end(), EVENTS);
    drop(out);
    let output = orion.wait_with_output().expect("its end");
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}
