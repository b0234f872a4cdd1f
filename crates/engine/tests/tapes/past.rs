//! Bars of the past and closes of earlier days: they fill holes and tell what changes are counted from. Nothing is fired,
//! judged or shown by them.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, triggered};
use crate::tape::{Player, Show, play, shown};
use engine::Output;
use expect_test::{Expect, expect};
use market::{Event, Ohlc, Price, QuoteBar, SourceTime, Timeframe};

fn check(show: Show, tape: &str, expected: Expect) {
    expected.assert_eq(&play(settings(), show, tape));
}

/// The candles of a tape as past bars, told at `at`, one minute bar for each of its twenty ticks' minutes.
pub(crate) fn as_past(candles: &str, at: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        let [time, "candle", symbol, "5m", open, high, low, close] = words[..] else {
            return String::new();
        };
        let (hour, minute) = time.split_once(':').unwrap();
        let minute: u32 = minute.parse().unwrap();
        let end = |after: u32| {
            let minutes = hour.parse::<u32>().unwrap() * 60 + minute + after;
            format!("{}:{:02}", minutes / 60, minutes % 60)
        };
        // The way of a candle: open, the extreme against it, the other one, close.
        let (first, second) = if close.parse::<i32>().unwrap() >= open.parse::<i32>().unwrap() {
            (low, high)
        } else {
            (high, low)
        };
        let bar = |end: String, from: &str, to: &str| {
            let (top, bottom) = (from.parse::<i32>().unwrap(), to.parse::<i32>().unwrap());
            let (high, low) = (top.max(bottom), top.min(bottom));
            format!("{at} past {symbol} 1m {end} {from} {high} {low} {to}\n")
        };
        [
            bar(end(1), open, first),
            bar(end(3), first, second),
            bar(end(5), second, close),
        ]
        .concat()
    };
    candles.lines().map(line).collect()
}

#[test]
fn a_setup_may_be_armed_by_the_past() {
    let past = as_past(LONG, "11:00:00");
    let tape =
        format!("{past}{BACK}{TRIGGER}{CONFIRM}").replace("11:00:00 EURUSD", "11:00:01 EURUSD");
    check(
        Show::Signals,
        &tape,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn what_the_past_triggers_or_stops_is_spent() {
    let past = as_past(LONG, "11:10:00");
    let after = |bar: &str| {
        let tape = format!(
            "{past}{bar}
            11:10:10 EURUSD 1.08595 1.08605
            11:10:20 EURUSD 1.08525 1.08535"
        );
        play(settings(), Show::Signals, &tape)
    };
    // The gap's edge is 53 pips above 1.08.
    let untouched = after("11:10:00 past EURUSD 1m 11:01 60 61 53.01 58\n");
    assert!(untouched.contains("long pending"), "{untouched}");
    assert_eq!(after("11:10:00 past EURUSD 1m 11:01 60 61 53 58\n"), "");
    assert_eq!(after("11:10:00 past EURUSD 1m 11:01 60 61 30 58\n"), "");
}

#[test]
fn what_a_wide_quote_of_the_past_stops_is_spent() {
    let past = as_past(LONG, "11:10:00");
    let after = |bid_low: &str| {
        let mut player = Player::new(Driver::new(settings()));
        player.play(&past);
        // The mid stays above the gap, the bid goes to its low.
        let price = |text: &str| Price::parse(text).unwrap();
        let (bid, ask) = (Ohlc::of(price("1.08595")), Ohlc::of(price("1.08605")));
        let bar = QuoteBar {
            instrument: market::InstrumentId(0),
            timeframe: Timeframe::M1,
            open_time: SourceTime::parse("2026-07-06T11:00:00Z").unwrap(),
            bid: Ohlc {
                low: price(bid_low),
                ..bid
            },
            ask: Ohlc {
                low: price("1.09"),
                high: price("1.09"),
                ..ask
            },
            volume: None,
        };
        let at = player.driver.engine.now();
        player.driver.tell(at, Event::Past(bar));
        player.play(
            "11:10:10 EURUSD 1.08595 1.08605
            11:10:20 EURUSD 1.08525 1.08535",
        );
        shown(&player.driver, Show::Signals).contains("long pending")
    };
    assert!(after("1.08425"));
    assert!(!after("1.08400"));
}

#[test]
fn the_past_judges_and_confirms_nothing_and_shows_no_price() {
    // A gap after the trigger; the past minutes went through stop and target.
    let tape = "
        11:04:20 EURUSD 1.08515 1.08525
        11:04:30 gap live
        11:07:30 past EURUSD 1m 11:05 52 58 30 56
        11:07:30 past EURUSD 1m 11:06 56 99 52 57
        11:07:30 past EURUSD 1m 11:07 52 58 52 57
        11:07:31 wake";
    check(
        Show::Signals,
        &format!("{}{tape}", triggered()),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        "#]],
    );
    let mut player = Player::new(Driver::new(settings()));
    player.play("10:05:00 past EURUSD 1m 10:01 52 58 30 56");
    assert_eq!(player.driver.said, []);
    assert_eq!(player.driver.engine.heard(market::SourceId(0)), None);
    let (feed, _) = player
        .driver
        .engine
        .feed(player.driver.engine.now(), market::InstrumentId(0));
    assert_eq!(feed, market::FeedState::Silent);
}

#[test]
fn only_what_is_newer_is_taken() {
    let counts = |tape: &str| {
        let driver = crate::tape::driver(settings(), tape);
        let counts = driver.engine.counts();
        (counts.past, counts.past_known)
    };
    let past =
        "10:05:00 past EURUSD 1m 10:01 52 58 30 56\n10:05:00 past EURUSD 1m 10:02 56 58 50 51\n";
    assert_eq!(counts(past), (2, 0));
    assert_eq!(counts(&format!("{past}{past}")), (2, 2));
    // What has not ended at our clock, and what does not begin where bars begin.
    assert_eq!(counts("10:00:59 past EURUSD 1m 10:01 52 58 30 56"), (0, 1));
    assert_eq!(
        counts("10:05:00 past EURUSD 1m 10:01:30 52 58 30 56"),
        (0, 1)
    );
    // Live prices have come: what is later than the first of them, and what overlaps it.
    let live = "10:04:30 EURUSD 1.08500 1.08510\n";
    let late =
        |at: &str, end: &str| counts(&format!("{live}{at} past EURUSD 1m {end} 52 58 30 56"));
    assert_eq!(late("10:04:40", "10:04"), (1, 0));
    // The minute of that price has closed: bars come in order.
    assert_eq!(late("10:06:00", "10:04"), (0, 1));
    assert_eq!(late("10:05:01", "10:05"), (0, 1));
    assert_eq!(late("10:06:00", "10:06"), (0, 1));
}

/// Ticks of two minutes and the `first` of a third one, a gap, what the `past` tells of it, and the `last` lines.
fn mended(first: &str, past: &str, last: &str) -> String {
    format!(
        "10:00:00 EURUSD 1.08500 1.08510
        10:00:59 EURUSD 1.08510 1.08520
        10:01:59 EURUSD 1.08520 1.08530
        {first}
        10:02:20 gap live
        {past}
        {last}"
    )
}

#[test]
fn a_gap_that_the_past_covers_leaves_no_hole() {
    // A posted long that only a whole minute may confirm: 10:05 is whole when the past reaches to its beginning.
    let post = "10:05:00 post EURUSD long 1 stop=1.08300 targets=1.08900";
    let minutes = "
        10:05:00 past EURUSD 1m 10:03 52 53 51 52
        10:05:00 past EURUSD 1m 10:04 52 53 51 52
        10:05:00 past EURUSD 1m 10:05 52 53 51 52";
    let last = format!(
        "10:05:00 EURUSD 1.08520 1.08530\n{post}
        10:05:50 EURUSD 1.08540 1.08550
        10:06:04 wake"
    );
    let said = play(
        settings(),
        Show::Signals,
        &mended("10:02:10 EURUSD 1.08520 1.08530", minutes, &last),
    );
    assert!(said.ends_with("long confirmed\n"), "{said}");
    // What came in the first second of 10:05 is not known.
    let later = last
        .replace("10:05:00 EURUSD", "10:05:01 EURUSD")
        .replace("10:05:00 post", "10:05:01 post");
    let said = play(
        settings(),
        Show::Signals,
        &mended("10:02:10 EURUSD 1.08520 1.08530", minutes, &later),
    );
    assert!(!said.contains("confirmed"), "{said}");
}

#[test]
fn changes_are_counted_from_the_past() {
    // Two days: the last price before the roll of 21:00 is 60 pips above 1.08.
    let tape = "
        day 2026-07-06
        21:30:00 past EURUSD 1m 20:58 40 42 38 41
        21:30:00 past EURUSD 1m 21:00 52 62 52 60
        21:30:00 past EURUSD 1m 21:01 60 72 60 70
        21:30:01 EURUSD 1.08795 1.08805";
    check(
        Show::Prices,
        tape,
        expect![[r#"
        21:30:01.000 EURUSD 1.08800 0.00200 0.1842% x1 of 21:30:01.000
    "#]],
    );
}

#[test]
fn a_stated_close_is_what_changes_are_counted_from() {
    let fresh = |tape: &str| {
        let said = play(settings(), Show::Prices, tape);
        let last = said.lines().rfind(|line| !line.contains(" x0 ")).unwrap();
        last.split(' ').nth(3).unwrap().to_owned()
    };
    let live = "10:00:00 EURUSD 1.08500 1.08510\n";
    let next = "10:00:02 EURUSD 1.08500 1.08510\n";
    // Before the first tick, after it, and at any moment of the day it closes.
    let close = |price: &str, time: &str| format!("09:59 close EURUSD {price} @{time}\n");
    let after = |price: &str, time: &str| format!("10:00:01 close EURUSD {price} @{time}\n");
    assert_eq!(
        fresh(&format!("{}{live}", close("1.084", "2026-07-05T21:00:00"))),
        "0.00105"
    );
    assert_eq!(
        fresh(&format!(
            "{live}{}{next}",
            after("1.084", "2026-07-05T21:00:00")
        )),
        "0.00105"
    );
    assert_eq!(
        fresh(&format!(
            "{live}{}{next}",
            after("1.084", "2026-07-03T20:00:00")
        )),
        "0.00105"
    );
    // An older one comes later.
    assert_eq!(
        fresh(&format!(
            "{}{}{live}",
            close("1.084", "2026-07-05T21:00:00"),
            close("1.080", "2026-07-03T20:00:00")
        )),
        "0.00105"
    );
    // One of the day that runs counts from the next day on; one that is still to come never does.
    assert_eq!(
        fresh(&format!("{}{live}", close("1.084", "2026-07-06T09:00:00"))),
        "0.00000"
    );
    assert_eq!(
        fresh(&format!("{}{live}", close("1.084", "2026-07-06T21:00:00"))),
        "0.00000"
    );
    let early = after("1.0845", "2026-07-06T20:59:00");
    let roll = "21:00:02 EURUSD 1.08500 1.08510\n";
    assert_eq!(fresh(&format!("{live}{early}{roll}")), "0.00000");
    let tomorrow = "21:00:01 close EURUSD 1.0845 @21:00:00\n21:00:02 EURUSD 1.08500 1.08510\n";
    assert_eq!(fresh(&format!("{live}{tomorrow}")), "0.00055");
    // It outweighs the last quote before the roll, also when that came later.
    let official = "21:00:01 close EURUSD 1.0845 @20:00:00\n21:00:02 EURUSD 1.08500 1.08510\n";
    assert_eq!(
        fresh(&format!(
            "{live}20:30:00 EURUSD 1.08400 1.08410\n{official}"
        )),
        "0.00055"
    );
}

#[test]
fn the_reference_lasts_across_a_restart_of_days() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:02 restart
        day 2026-07-08
        10:00:00 start
        10:00:00 gap live
        10:00:01 past EURUSD 1m 20:30 50 50 50 50
        10:00:01 close EURUSD 1.08600 @2026-07-07T21:00:00
        10:00:02 EURUSD 1.08700 1.08710";
    let said = play(settings(), Show::Prices, tape);
    let last = said.lines().last().unwrap();
    expect!["10:00:02.000 EURUSD 1.08705 0.00105 0.0967% x1 of 10:00:02.000"].assert_eq(last);
}

#[test]
fn a_days_bars_before_the_first_tick_give_the_levels_and_nothing_else() {
    // A past bar of a whole day is no bar of a chart that is used; nothing breaks.
    let mut driver = Driver::new(settings());
    let side = Ohlc::of(Price::from_units(1_080_000_000));
    let bar = QuoteBar {
        instrument: market::InstrumentId(0),
        timeframe: Timeframe::D1,
        open_time: SourceTime::parse("2026-07-05T21:00:00Z").unwrap(),
        bid: side,
        ask: side,
        volume: None,
    };
    let at = SourceTime::parse("2026-07-07T00:00:00Z")
        .unwrap()
        .as_stamp();
    driver.tell(at, Event::Past(bar));
    assert_eq!(driver.engine.counts().past, 1);
    assert!(
        driver
            .said
            .iter()
            .all(|(_, said)| !matches!(said, Output::Price(_)))
    );
    assert_eq!(shown(&driver, Show::Signals), "");
}
