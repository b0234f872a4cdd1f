//! Charts of a real server: what they say of the past is the same however the server was ended.

use super::support::{Server, serve};
use super::{ask, start};
use market::{SourceTime, Span};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn list(value: &Value) -> &Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

fn number(value: &Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// Questions about moments of the last hours before the newest 1h bar was known.
fn questions(newest: i64) -> Vec<String> {
    let moments = (0..12).map(|step| newest - step * 1_700_001);
    let symbols = ["EURUSD", "XAUUSD", "GBPUSD"].into_iter().cycle();
    let timeframes = ["1m", "5m", "15m", "1h"].into_iter().cycle();
    moments
        .zip(symbols)
        .zip(timeframes)
        .map(|((at, symbol), timeframe)| {
            format!("/chart?symbol={symbol}&timeframe={timeframe}&at={at}&bars=200")
        })
        .collect()
}

/// The answer; a book that is being written is waited for.
fn told(server: &Server, question: &str) -> Value {
    let mut last = Value::Null;
    for _ in 0..30 {
        let (status, body) = ask(server, question, "");
        match status {
            503 => last = body,
            200 => return body,
            other => panic!("{question}: {other} {body}"),
        }
    }
    panic!("{question}: the book was not made: {last}")
}

fn answers(server: &Server, questions: &[String]) -> Vec<String> {
    let answers = questions.iter().map(|question| told(server, question));
    answers.map(|answer| answer.to_string()).collect()
}

#[test]
fn charts_of_the_past_outlive_a_kill_a_clean_end_and_the_loss_of_their_book() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let newest = told(&server, "/candles?symbol=EURUSD&timeframe=1h&limit=1");
    let questions = questions(number(&newest["bars"][0][6]));
    let expected = answers(&server, &questions);
    assert!(
        expected
            .iter()
            .any(|answer| answer.contains("\"signals\":[{"))
    );
    assert!(
        expected
            .iter()
            .all(|answer| answer.contains("\"simulated\":true"))
    );

    server.kill();
    let server = start(folder.path(), &[]);
    assert_eq!(answers(&server, &questions), expected, "after a kill");

    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let server = start(folder.path(), &[]);
    assert_eq!(answers(&server, &questions), expected, "after a clean end");

    server.terminate();
    assert_eq!(server.wait(), Some(0));
    lose(&folder.path().join("sim-5"));
    let server = start(folder.path(), &[]);
    assert_eq!(
        answers(&server, &questions),
        expected,
        "after the book was lost"
    );
}

fn lose(market: &Path) {
    for name in ["charts.sqlite", "charts.sqlite-wal", "charts.sqlite-shm"] {
        let path = market.join(name);
        if path.exists() {
            std::fs::remove_file(path).expect("remove the book");
        }
    }
    let book = market.join("charts.sqlite");
    std::fs::write(book, "no book of anybody's at all".repeat(99)).expect("damage the book");
}

#[test]
fn candles_go_back_page_by_page_and_what_is_asked_wrongly_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let page = told(&server, "/candles?symbol=EURUSD&timeframe=5m&limit=100");
    assert_eq!(
        (&page["market"], &page["simulated"]),
        (&"sim-5".into(), &true.into())
    );
    assert_eq!(page["earlier"], true);
    let bars = list(&page["bars"]);
    assert_eq!(bars.len(), 100);
    let opened = |bar: &Value| number(&bar[0]);
    assert!(
        bars.windows(2)
            .all(|pair| opened(&pair[0]) < opened(&pair[1]))
    );
    for bar in bars {
        let [open, high, low, close] =
            [1, 2, 3, 4].map(|place| bar[place].as_f64().expect("a price"));
        assert!(low <= open.min(close) && open.max(close) <= high, "{bar}");
        assert!(
            number(&bar[6]) >= opened(bar) + 300_000,
            "known before its end: {bar}"
        );
    }
    if !page["forming"].is_null() {
        assert!(opened(&page["forming"]) > opened(&bars[99]), "{page}");
    }
    let before = opened(&bars[0]);
    let earlier = told(
        &server,
        &format!("/candles?symbol=EURUSD&timeframe=5m&limit=2000&before={before}"),
    );
    let older = list(&earlier["bars"]);
    assert!(older.len() > 50 && opened(&older[older.len() - 1]) < before);
    assert_eq!(
        (&earlier["earlier"], &earlier["forming"]),
        (&false.into(), &Value::Null)
    );

    let chart = told(&server, "/chart?symbol=EURUSD&timeframe=5m");
    let marks = list(&chart["marks"]);
    let at = number(&list(&chart["bars"]).last().expect("bars")[6]);
    for kind in ["swing", "break", "gap", "block", "sweep", "pool_session"] {
        assert!(marks.iter().any(|mark| mark["kind"] == kind), "no {kind}");
    }
    assert!(marks.iter().all(|mark| number(&mark["known"]) <= at));
    assert!(!list(&chart["killzones"]).is_empty());

    // Before anything was known there is nothing.
    let nothing = told(&server, "/chart?symbol=EURUSD&timeframe=5m&at=2999");
    for name in ["bars", "marks", "signals", "killzones"] {
        assert_eq!(nothing[name], serde_json::json!([]), "{name}");
    }

    for (path, status, words) in [
        ("/chart?symbol=NOSUCH&timeframe=5m", 404, "EURUSD"),
        ("/chart?symbol=EURUSD", 400, "timeframe"),
        ("/chart?symbol=EURUSD&timeframe=7m", 400, "15m"),
        (
            "/chart?symbol=EURUSD&timeframe=5m&at=2200-01-01T00:00:00Z",
            400,
            "leave `at` out",
        ),
        (
            "/chart?symbol=EURUSD&timeframe=5m&at=9999-01-01T00:00:00Z",
            400,
            "`at`",
        ),
        ("/chart?symbol=EURUSD&timeframe=5m&bars=1501", 400, "1500"),
        ("/chart?symbol=EURUSD&timeframe=5m&limit=5", 400, "bars"),
        ("/candles?symbol=EURUSD&timeframe=5m&limit=0", 400, "2000"),
    ] {
        let (found, body) = ask(&server, path, "");
        assert_eq!(found, status, "{path}: {body}");
        assert!(body.to_string().contains(words), "{path}: {body}");
    }
}

/// A recording of one tick every five minutes, and when the last one came.
fn sparse_days(folder: &Path, hours: i64) -> (PathBuf, i64) {
    let begin = SourceTime::parse("2026-03-02T00:00:00Z").expect("a time");
    let mut ticks = (0..hours * 12).map(|number| begin + Span::from_minutes(5 * number));
    let mut text = "time,bid,ask\n".to_owned();
    for (tick, digit) in ticks.clone().zip((0..10).cycle()) {
        writeln!(text, "{tick},1.0853{digit},1.0854{digit}").expect("write to a text");
    }
    let file = folder.join("EURUSD.csv");
    std::fs::write(&file, text).expect("write a recording");
    (file, ticks.next_back().expect("ticks").millis())
}

#[test]
fn bars_and_marks_that_are_older_than_is_kept_go() {
    const HOUR: i64 = 3_600_000;
    let folder = tempfile::tempdir().expect("a folder");
    let (file, end) = sparse_days(folder.path(), 84);
    for (days, is_whole) in [("400", true), ("1", false)] {
        let data = folder.path().join(days);
        let feed = format!("tape:{}", file.display());
        let keep = format!("charts.keep_days={days}");
        let arguments = ["--feed", &feed, "--speed", "max", "--set", &keep];
        let server =
            Server::start(serve(&data, &arguments)).unwrap_or_else(|ended| panic!("{ended:?}"));
        assert!(server.logs("played to its end"), "the tape was not played");
        // Room is made once a day, so that up to two days are there where one is kept.
        for (timeframe, limit) in [("5m", 2000), ("1h", 100)] {
            let page = told(
                &server,
                &format!("/candles?symbol=EURUSD&timeframe={timeframe}&limit={limit}"),
            );
            let bars = list(&page["bars"]);
            let age = |bar: &Value| end - number(&bar[0]);
            assert_eq!(page["earlier"], false, "{page}");
            assert!(age(&bars[bars.len() - 1]) <= 2 * HOUR, "{page}");
            assert_eq!(age(&bars[0]) > 49 * HOUR, is_whole, "{days}: {}", bars[0]);
            assert!(age(&bars[0]) > 23 * HOUR, "{days}: {}", bars[0]);
        }
        let chart = told(&server, "/chart?symbol=EURUSD&timeframe=5m&bars=1500");
        let begins = |mark: &Value| end - number(&mark["lies"]["from"]);
        let marks = list(&chart["marks"]);
        assert!(!marks.is_empty());
        assert_eq!(marks.iter().any(|mark| begins(mark) > 49 * HOUR), is_whole);
    }
}
