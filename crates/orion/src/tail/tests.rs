//! The board and the table of it, from messages as a server writes them.

use super::board::{Board, Do, Link, News};
use super::style::Colour;
use super::view::{self, Size};
use expect_test::{Expect, expect};
use std::time::Duration;
use tokio::time::Instant;

struct Told {
    board: Board,
    now: Instant,
}

impl Told {
    fn new() -> Self {
        Self {
            board: Board::new("ws://host/ws/signals"),
            now: Instant::now(),
        }
    }

    /// A board that has subscribed at this place.
    fn at(seq: u64) -> Self {
        let mut told = Self::new();
        assert_eq!(told.hear(&subscribed(seq, ""), ""), Do::Nothing);
        told
    }

    /// Takes a message, whose news are these words, separated by |.
    fn hear(&mut self, message: &str, words: &str) -> Do {
        let mut news = Vec::new();
        let next = self.board.take(message, self.now, &mut news).unwrap();
        let told: Vec<String> = news.iter().map(word).collect();
        let words: Vec<&str> = words.split('|').filter(|word| !word.is_empty()).collect();
        assert_eq!(told.len(), words.len(), "{message}: {told:?}");
        for (told, word) in told.iter().zip(words) {
            assert!(told.contains(word), "{message}: {told:?}");
        }
        next
    }

    fn place(&self) -> u64 {
        self.board.place.as_ref().unwrap().seq
    }

    fn check(&self, (columns, rows): (usize, usize), expected: &Expect) {
        let lines = view::lines(&self.board, Size { columns, rows }, self.now);
        assert!(lines.len() <= rows, "{} of {rows}", lines.len());
        let shown = lines.iter().map(|line| line.show(columns, Colour::None));
        let shown: Vec<String> = shown.map(|line| line.trim_end().to_owned()).collect();
        assert!(shown.iter().all(|line| line.chars().count() <= columns));
        expected.assert_eq(&(shown.join("\n") + "\n"));
    }
}

fn word(news: &News) -> String {
    match news {
        News::Signal(payload, _) => format!("{} {}", payload.id, payload.status),
        News::Outcome { payload, .. } => format!("{} {}", payload.id, payload.event),
        News::Gap(text) | News::Resumed(text) | News::Remark(text) => text.clone(),
    }
}

fn subscribed(seq: u64, more: &str) -> String {
    format!(
        r#"{{"type":"subscribed","channels":["signals"],"epoch":"k3f9","seq":{seq},{more}"simulated":true,"heartbeat_ms":15000}}"#
    )
}

fn payload(id: &str, status: &str) -> String {
    format!(
        r#""payload":{{"id":"{id}","status":"{status}","direction":"long","symbol":"EURUSD","entry_time":"2026-11-23T14:05:00.000Z","entry_price":1.08530,"stop_loss":1.08450,"take_profits":[1.08610,1.08770],"tp_modes":["TP1 30%","Runner 70%"],"reason":"MSS+FVG setup (SIMULATED)","confidence":0.65,"rr_target":3.00,"killzone":"ny_am"}},"ext":{{"setup":"mss_fvg","tf":"5m","simulated":true,"decide_by":"2026-11-23T14:09:45.000Z","confidence":{{"n":212,"hits":129}}}}"#
    )
}

fn signal(seq: u64, prev: u64, id: &str, status: &str) -> String {
    format!(
        r#"{{"type":"signal","seq":{seq},"prev":{prev},"epoch":"k3f9","ts":"2026-11-23T14:05:00.000Z",{}}}"#,
        payload(id, status)
    )
}

fn shown(seq: u64, id: &str, status: &str) -> String {
    format!(
        r#"{{"type":"signal","seq":{seq},"epoch":"k3f9","ts":"2026-11-23T14:05:00.000Z","snapshot":true,{}}}"#,
        payload(id, status)
    )
}

fn outcome(seq: u64, prev: u64, id: &str, event: &str, ext: &str) -> String {
    format!(
        r#"{{"type":"outcome","seq":{seq},"prev":{prev},"epoch":"k3f9","ts":"2026-11-23T14:06:00.000Z","payload":{{"id":"{id}","event":"{event}","price":1.08530,"r":0.00,"at":"2026-11-23T14:06:00.000Z"}},"ext":{{{ext}}}}}"#
    )
}

fn price(text: &str) -> String {
    format!(
        r#"{{"type":"price_update","ts":"2026-11-23T14:06:00.500Z","n":1,"payload":{{"symbol":"EURUSD","price":{text},"timestamp":"2026-11-23T14:06:00.000Z","change":-0.00120,"change_percent":-0.1107}},"ext":{{"bid":1.08569,"ask":1.08571,"source":"sim","price_kind":"cash","simulated":true}}}}"#
    )
}

fn heartbeat(seq: u64) -> String {
    format!(r#"{{"type":"heartbeat","epoch":"k3f9","seq":{seq},"ts":"2026-11-23T14:07:00.000Z"}}"#)
}

#[test]
fn each_event_is_told_once() {
    let mut told = Told::at(7);
    assert_eq!(
        told.hear(&signal(9, 7, "a", "pending"), "a pending"),
        Do::Nothing
    );
    assert_eq!(told.hear(&signal(9, 7, "a", "pending"), ""), Do::Forget);
    assert_eq!(
        told.hear(&signal(10, 9, "a", "confirmed"), "a confirmed"),
        Do::Nothing
    );
    assert_eq!(told.hear(&signal(9, 7, "a", "pending"), ""), Do::Forget);
    assert_eq!(
        told.hear(&outcome(11, 10, "a", "tp1", ""), "a tp1"),
        Do::Nothing
    );
    assert_eq!(told.hear(&heartbeat(11), ""), Do::Nothing);
    assert_eq!(told.place(), 11);
    assert!(told.board.gap.is_none());
}

#[test]
fn a_hole_is_told_once_and_what_is_missing_is_asked_for() {
    let mut told = Told::at(7);
    assert_eq!(told.hear(&signal(12, 9, "b", "pending"), "GAP"), Do::Resume);
    // What comes before the answer comes again after it.
    assert_eq!(told.hear(&signal(13, 12, "c", "pending"), ""), Do::Forget);
    assert_eq!(told.hear(&heartbeat(13), ""), Do::Nothing);
    assert_eq!(told.place(), 7);
    let answer = subscribed(13, r#""recovered":true,"replayed":3,"#);
    assert_eq!(
        told.hear(&answer, "resumed: nothing is missing, 3"),
        Do::Nothing
    );
    told.hear(&signal(9, 7, "a", "pending"), "a pending");
    told.hear(&signal(12, 9, "b", "pending"), "b pending");
    told.hear(&signal(13, 12, "c", "pending"), "c pending");
    assert_eq!(told.place(), 13);
}

#[test]
fn a_heartbeat_from_further_on_is_a_gap_too() {
    let mut told = Told::at(7);
    assert_eq!(
        told.hear(&heartbeat(8), "GAP: the server is at k3f9.8"),
        Do::Resume
    );
    assert_eq!(told.hear(&heartbeat(8), ""), Do::Nothing);
}

#[test]
fn what_cannot_be_had_any_more_is_a_gap_and_the_snapshot_stands() {
    let mut told = Told::at(7);
    told.hear(&signal(8, 7, "a", "pending"), "a pending");
    told.hear(&signal(9, 8, "b", "pending"), "b pending");
    told.board.begin();
    let answer = subscribed(20_000, r#""recovered":false,"shown":2,"#);
    told.hear(&answer, "GAP: what came after k3f9.9 up to k3f9.20000");
    assert_eq!(
        told.hear(&shown(9, "b", "pending"), ""),
        Do::Forget,
        "known already"
    );
    assert_eq!(told.place(), 9, "not before all of it has come");
    told.hear(&shown(19_000, "c", "confirmed"), "c confirmed");
    assert_eq!(told.place(), 20_000);
    let ids: Vec<&String> = told.board.signals.keys().collect();
    assert_eq!(ids, ["b", "c"], "of a nobody knows any more");
}

#[test]
fn a_place_counts_once_all_before_it_has_come() {
    let mut told = Told::new();
    told.hear(&subscribed(50, r#""shown":2,"#), "");
    told.hear(&shown(30, "a", "pending"), "a pending");
    assert!(
        told.board.place.is_none(),
        "a connection that ends here begins anew"
    );
    told.hear(&shown(40, "b", "pending"), "b pending");
    assert_eq!(told.place(), 50);
}

#[test]
fn a_server_that_does_not_let_us_read_is_given_up() {
    let error = |code: &str| {
        format!(r#"{{"type":"error","code":"{code}","message":"why","retryable":false}}"#)
    };
    let mut told = Told::new();
    assert_eq!(
        told.hear(&error("auth_required"), ""),
        Do::GiveUp("auth_required: why".to_owned())
    );
    assert_eq!(
        told.hear(&error("forbidden"), "forbidden: why"),
        Do::Nothing
    );
}

/// What a snapshot does not say is asked for once, and heard in any order.
#[test]
fn what_happened_before_we_came_is_learnt() {
    let mut told = Told::new();
    told.hear(&subscribed(50, r#""shown":2,"#), "");
    told.hear(&shown(30, "a", "confirmed"), "a confirmed");
    assert!(told.board.take_unsure().is_empty(), "it is still coming");
    told.hear(&shown(40, "b", "pending"), "b pending");
    assert_eq!(told.board.take_unsure(), ["a"]);
    assert!(told.board.take_unsure().is_empty());
    // Meanwhile the stop moves again.
    let moved = outcome(51, 50, "a", "stop_moved", "").replace("1.08530,\"r\"", "1.08600,\"r\"");
    told.hear(&moved, "a stop_moved");
    let event = |seq: u64, cause: &str| {
        format!(
            r#"{{"seq":{seq},"at":"2026-11-23T14:05:30.000Z","kind":"outcome","cause":"{cause}","price":1.08530,"r":0.00,"last":false}}"#
        )
    };
    let events = [event(33, "tp1"), event(34, "stop_moved")].join(",");
    let birth = r#"{"seq":29,"at":"2026-11-23T14:05:00.000Z","kind":"pending","cause":null,"confidence":0.65}"#;
    let life = format!(r#"{{"id":"a","events":[{birth},{events}],"outcome":null}}"#);
    let life = super::lives::read("a".to_owned(), &life).unwrap();
    told.board.learn(life);
    let row = &told.board.signals["a"];
    assert_eq!((row.hit, row.stop.text.as_str()), (1, "1.08600"));

    let end = r#"{"seq":60,"at":"2026-11-23T14:09:30.000Z","kind":"outcome","cause":"stop","price":1.08600,"r":0.88,"last":true}"#;
    let life = format!(
        r#"{{"id":"a","events":[{end}],"outcome":{{"ext":{{"last":true,"realised_r":0.92}}}}}}"#
    );
    told.board
        .learn(super::lives::read("a".to_owned(), &life).unwrap());
    assert_eq!(told.board.signals["a"].end.as_deref(), Some("stop 0.92R"));
}

/// One signal that runs, one that waits and one that is over.
fn full() -> Told {
    let mut told = Told::at(7);
    told.hear(r#"{"type":"status","payload":{"symbol":"EURUSD","feed":"live","since":"2026-11-23T14:05:31.250Z","source":"sim","simulated":true}}"#, "");
    told.hear(&signal(8, 7, "a", "confirmed"), "a confirmed");
    told.hear(&outcome(9, 8, "a", "tp1", ""), "a tp1");
    told.hear(&outcome(10, 9, "a", "stop_moved", ""), "a stop_moved");
    told.hear(&signal(11, 10, "b", "confirmed"), "b confirmed");
    let end = r#""last":true,"realised_r":-1.02"#;
    told.hear(&outcome(12, 11, "b", "stop", end), "b stop");
    told.hear(&signal(13, 12, "c", "pending"), "c pending");
    told.hear(&price("1.08570"), "");
    // The server's clock is at 14:06:02.5 now.
    told.now += Duration::from_secs(2);
    told
}

#[test]
fn a_wide_table_says_what_runs_how_far_it_is_and_how_long_a_verdict_takes() {
    full().check((110, 14), &expect![[r#"
        ORION SIMULATED live k3f9.13 ws://host/ws/signals
        SYMBOL           PRICE      CHANGE              SPREAD    AGE  FEED
        EURUSD         1.08570    -0.00120   -0.11%    0.00002   2.5s  live

        SIGNALS  1 running, 1 pending
        running         EURUSD long  +0.50R  stop 1.08530 is 0.50R away, tp2 1.08770 2.50R 65% of 212  MSS+FVG setup ~
        pending 3:42    EURUSD long  entry 1.08530 stop 1.08450 tp1 1.08610 65% of 212  MSS+FVG setup (SIMULATED)
        stop -1.02R     EURUSD long  entry 1.08530 stop 1.08450 tp1 1.08610 65% of 212  MSS+FVG setup (SIMULATED)
        q ends it
    "#]]);
}

#[test]
fn a_narrow_table_says_the_same_in_forty_columns() {
    let mut told = full();
    told.check(
        (40, 16),
        &expect![[r#"
        ORION SIMULATED live k3f9.13 ws://host/~
        SYMBOL         PRICE   CHANGE    AGE
        EURUSD       1.08570   -0.11%   2.5s

        SIGNALS  1 running, 1 pending
        running         EURUSD long  65% of 212
          +0.50R stop 0.50R tp2 2.50R
        pending 3:42    EURUSD long  65% of 212
          1.08530 st 1.08450 tp1 1.08610
        stop -1.02R     EURUSD long  65% of 212
          1.08530 st 1.08450 tp1 1.08610
        q ends it
    "#]],
    );
    told.board.link = Link::Lost {
        why: "the server closed the connection".to_owned(),
        again_at: told.now + Duration::from_secs(4),
    };
    told.check(
        (40, 6),
        &expect![[r#"
        ORION SIMULATED NOT LIVE k3f9.13 ws://h~
        again in 4 s: the server closed the con~
        2 more lines

        7 more lines
        q ends it
    "#]],
    );
    for rows in 0..20 {
        let lines = view::lines(&told.board, Size { columns: 1, rows }, told.now);
        assert!(lines.len() <= rows);
    }
}
