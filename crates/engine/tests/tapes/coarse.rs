//! A replay of bars that are too long to confirm anything in time: the close of the bar that touches an entry decides.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::LONG;
use crate::tape::{Player, Show, shown};
use engine::setup::SetupKind;
use engine::{Output, Rules, Settings};
use expect_test::{Expect, expect};
use market::{
    Cause, Event, InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Status, Timeframe, Uuid,
};
use std::collections::BTreeMap;

/// Setups of the bars that are told.
fn coarse(timeframe: Timeframe) -> Settings {
    let mut settings = settings();
    settings.catalog.sources[0].heartbeats = false;
    settings.rules.setup_tf = timeframe;
    settings
}

/// Prices of consecutive bars in pips; the scene's come first, the last of them ends at 12:00.
pub(crate) fn bars(timeframe: Timeframe, more: &[&str]) -> String {
    let scene = LONG.lines().filter_map(|line| {
        let candle = line.split('#').next()?.split_once("5m ")?.1;
        Some(candle.trim().to_owned())
    });
    let prices: Vec<String> = scene
        .chain(more.iter().map(|bar| (*bar).to_owned()))
        .collect();
    let span = timeframe.span();
    let first = SourceTime::parse("2026-07-06T12:00:00Z").unwrap() - times(span, 11);
    let line = |(place, prices): (usize, &String)| {
        let end = first + times(span, place as i64);
        let time = end.to_string();
        format!("{} bar EURUSD {timeframe} {prices}\n", &time[11..19])
    };
    prices.iter().enumerate().map(line).collect()
}

fn times(span: Span, count: i64) -> Span {
    Span::from_nanos(span.nanos() * count)
}

fn play(settings: Settings, tape: &str) -> Driver {
    let mut player = Player::new(Driver::new(settings));
    player.play(tape);
    player.driver
}

/// The scene in bars of an hour, and what comes then.
fn check(more: &[&str], expected: Expect) {
    let driver = play(coarse(Timeframe::H1), &bars(Timeframe::H1, more));
    expected.assert_eq(&shown(&driver, Show::Signals));
}

#[test]
fn the_bar_that_touches_the_entry_confirms_at_its_close() {
    check(
        &["61 61 52 56", "56 61 55 60", "60 80 59 78"],
        expect![[r#"
            13:00:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 13:00:00.000
            13:00:00.000 EURUSD long confirmed
            15:00:00.000 EURUSD target 1 1.08629 0.83R
            15:00:00.000 EURUSD stop moved 1.08540 0.08R
            15:00:00.000 EURUSD target 2 1.08768 2.00R
        "#]],
    );
}

#[test]
fn the_stop_comes_first_if_both_lie_in_one_bar() {
    check(
        &["61 61 40 56"],
        expect![[r#"
        13:00:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 13:00:00.000
        13:00:00.000 EURUSD long invalidated stop
    "#]],
    );
}

#[test]
fn a_bar_that_opens_beyond_the_stop_sends_nothing() {
    check(&["40 61 38 56", "56 61 52 56"], expect![[r#""#]]);
}

#[test]
fn a_trigger_without_an_entry_runs_out_of_time() {
    // The mid touches the gap, and the ask does not.
    check(
        &["61 61 53 56"],
        expect![[r#"
        13:00:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 13:00:00.000
        13:00:00.000 EURUSD long invalidated timeout
    "#]],
    );
}

#[test]
fn a_close_beyond_the_first_target_comes_too_late() {
    check(
        &["61 66 52 64"],
        expect![[r#"
        13:00:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 13:00:00.000
        13:00:00.000 EURUSD long invalidated missed
    "#]],
    );
}

#[test]
fn the_touching_bar_hits_nothing() {
    // Its high lies beyond the first target, and nobody knows whether that came before the entry.
    check(
        &["61 70 52 56", "56 57 55 56"],
        expect![[r#"
        13:00:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 13:00:00.000
        13:00:00.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn quarters_of_an_hour_are_judged_likewise() {
    let timeframe = Timeframe::M15;
    let driver = play(coarse(timeframe), &bars(timeframe, &["61 61 52 56"]));
    expect![[r#"
        12:15:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 12:15:00.000
        12:15:00.000 EURUSD long confirmed
    "#]].assert_eq(&shown(&driver, Show::Signals));
}

#[test]
fn what_a_close_triggers_is_confirmed_by_it() {
    let mut settings = coarse(Timeframe::H1);
    settings.rules.setups = vec![SetupKind::LiquiditySweep];
    (settings.rules.major_left, settings.rules.major_right) = (1, 1);
    let driver = play(settings, &bars(Timeframe::H1, &[]));
    expect![[r#"
        08:00:00.000 EURUSD long pending 1.08490 stop 1.08433 targets 1.08547:30 1.08599:40 1.08661:30r rr 3.00 p 0.53 london at 08:00:00.000
        08:00:00.000 EURUSD long confirmed
        10:00:00.000 EURUSD stop 1.08433 -1.00R last, -1.09R in all
    "#]].assert_eq(&shown(&driver, Show::Signals));
}

#[test]
fn setups_of_longer_bars_are_judged_by_the_shorter_ones() {
    // Armed by bars of an hour, touched by one of a quarter.
    let mut tape = bars(Timeframe::H1, &[]);
    let hour = |line: &str| {
        let (time, prices) = line.split_once(" bar EURUSD 1h ").unwrap();
        let end = SourceTime::parse(&format!("2026-07-06T{time}Z")).unwrap();
        let quarter = |place: i64| {
            let end = (end - Span::from_minutes(15 * (3 - place))).to_string();
            format!("{} bar EURUSD 15m {prices}\n", &end[11..19])
        };
        (0..4).map(quarter).collect::<String>()
    };
    tape = tape.lines().map(hour).collect();
    tape.push_str("12:15:00 bar EURUSD 15m 61 61 52 56\n12:30:00 bar EURUSD 15m 56 90 40 60");
    let driver = play(coarse(Timeframe::H1), &tape);
    expect![[r#"
        12:15:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 12:15:00.000
        12:15:00.000 EURUSD long confirmed
        12:30:00.000 EURUSD stop 1.08411 -1.00R last, -1.29R in all
    "#]].assert_eq(&shown(&driver, Show::Signals));
}

#[test]
fn minutes_are_judged_as_ever() {
    let timeframe = Timeframe::M1;
    let driver = play(
        coarse(timeframe),
        &bars(timeframe, &["61 61 52 53", "53 57 52 56"]),
    );
    expect![[r#"
        12:01:00.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 12:01:00.000
        12:02:00.000 EURUSD long confirmed
    "#]].assert_eq(&shown(&driver, Show::Signals));
}

/// A market without memory, in bars.
fn wander(timeframe: Timeframe, seed: u64, count: i64) -> Vec<QuoteBar> {
    let start = SourceTime::parse("2026-01-05T00:00:00Z").unwrap();
    let (mut state, mut mid) = (seed, 1_085_000_i64);
    let mut draw = move |most: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((state >> 33) % most) as i64
    };
    let mut bar = |place: i64| {
        let close = mid + draw(801) - 400;
        let (high, low) = (mid.max(close) + draw(250), mid.min(close) - draw(250));
        let side = |by: i64| Ohlc {
            open: Price::from_units((mid + by) * 1000),
            high: Price::from_units((high + by) * 1000),
            low: Price::from_units((low + by) * 1000),
            close: Price::from_units((close + by) * 1000),
        };
        let bar = QuoteBar {
            instrument: InstrumentId(0),
            timeframe,
            open_time: start + times(timeframe.span(), place),
            bid: side(-5),
            ask: side(5),
            volume: None,
        };
        mid = close;
        bar
    };
    (0..count).map(&mut bar).collect()
}

#[test]
fn each_signal_has_one_verdict_at_the_close_that_brought_it() {
    let mut causes: BTreeMap<Option<&str>, u32> = BTreeMap::new();
    for (timeframe, seed) in [(Timeframe::M15, 1), (Timeframe::H1, 2), (Timeframe::M5, 3)] {
        let mut settings = coarse(timeframe);
        settings.rules = Rules {
            setups: SetupKind::ALL.to_vec(),
            ..settings.rules
        };
        let mut driver = Driver::new(settings);
        for bar in wander(timeframe, seed, 4000) {
            let end = bar.open_time + timeframe.span();
            driver.tell(end.as_stamp(), Event::Bar(bar));
            assert_eq!(driver.engine.open_signals().0, 0, "nothing stays pending");
        }
        let mut open: BTreeMap<Uuid, _> = BTreeMap::new();
        for (at, output) in &driver.said {
            let Output::Signal(signal) = output else {
                continue;
            };
            if signal.status == Status::Pending {
                assert_eq!(open.insert(signal.id, *at), None, "born once");
                continue;
            }
            assert_eq!(open.remove(&signal.id), Some(*at), "one verdict, at once");
            *causes.entry(signal.cause.map(Cause::as_str)).or_default() += 1;
        }
        assert!(open.is_empty());
    }
    for cause in [None, Some("stop"), Some("timeout")] {
        assert!(
            causes.get(&cause).is_some_and(|count| *count > 0),
            "{causes:?}"
        );
    }
    assert!(causes[&None] > 100, "{causes:?}");
}
