//! Signs of life, changes of source, and how the feed of a symbol stands.

use crate::desk::settings;
use crate::driver::Driver;
use crate::scene::{CONFIRM, triggered};
use crate::tape::{Player, Show, clock, play};
use engine::{Output, Settings};
use expect_test::{Expect, expect};
use market::{InstrumentId, SourceId};

fn check(show: Show, tape: &str, expected: Expect) {
    expected.assert_eq(&play(settings(), show, tape));
}

#[test]
fn signs_of_life_keep_a_quiet_price_on_show() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:20 life live
        10:00:45 life live
        10:01:16 wake";
    let said = play(settings(), Show::Prices, tape);
    // Every five seconds until 30 s after the last sign of life.
    assert_eq!(said.lines().count(), 15, "{said}");
    assert!(said.lines().last().unwrap().starts_with("10:01:10.000"));
}

#[test]
fn a_sign_of_life_brings_a_hushed_price_back() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:50 wake
        10:00:52 life live
        10:00:58 wake";
    let said = play(settings(), Show::Prices, tape);
    let after: Vec<&str> = said.lines().skip(6).collect();
    expect![[r#"
        10:00:52.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:57.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000"#]]
    .assert_eq(&after.join("\n"));
}

#[test]
fn a_sign_of_life_closes_no_bar_and_does_not_keep_one_open() {
    // The minute 11:05 confirms at 11:06:03 by our clock, whatever is heard meanwhile.
    let lives: String = (0..9)
        .map(|second| format!("11:05:5{second}.5 life live\n"))
        .collect();
    let tape = CONFIRM.replace(
        "11:06:04",
        &format!("{lives}11:06:02.5 life live\n11:06:04"),
    );
    check(
        Show::Signals,
        &format!("{}{tape}", triggered()),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:06:03.000 EURUSD long confirmed
        "#]],
    );
}

#[test]
fn at_the_deadline_a_sign_of_life_tells_quiet_from_dead() {
    let end = |line: &str| {
        let tape = format!("{}\n{line}\n11:09:10 wake", triggered());
        let said = play(settings(), Show::Signals, &tape);
        said.lines().last().unwrap().to_owned()
    };
    assert_eq!(
        end("11:08:25 life live"),
        "11:08:55.000 EURUSD long invalidated stale_feed"
    );
    assert_eq!(
        end("11:08:25.001 life live"),
        "11:08:55.000 EURUSD long invalidated timeout"
    );
    assert_eq!(
        end("11:08:50 life quiet"),
        "11:08:55.000 EURUSD long invalidated stale_feed"
    );
}

#[test]
fn a_switch_is_a_hole_and_signals_stay() {
    // Ticks that follow are those of the other source. The minute of the switch confirms nothing.
    let switched = CONFIRM.replace("11:05:50", "11:05:30 switch EURUSD quiet\n 11:05:50");
    check(
        Show::Signals,
        &format!("{}{switched}", triggered()),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        "#]],
    );
    // Also when the other source has been heard just before.
    let switched = switched.replace(
        "11:05:30 switch",
        "11:05:29 GBPUSD 1.28500 1.28510\n11:05:30 switch",
    );
    let later = format!(
        "{switched}
        11:06:50 EURUSD 1.08565 1.08575
        11:07:10 EURUSD 1.08565 1.08575"
    );
    check(
        Show::Signals,
        &format!("{}{later}", triggered()),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:07:03.000 EURUSD long confirmed
        "#]],
    );
}

#[test]
fn a_switch_to_the_same_source_is_a_hole_too() {
    let switched = CONFIRM.replace("11:05:50", "11:05:30 switch EURUSD live\n 11:05:50");
    let said = play(
        settings(),
        Show::Signals,
        &format!("{}{switched}", triggered()),
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn after_a_switch_the_other_source_counts() {
    let mut player = Player::new(Driver::new(settings()));
    player.play("10:00:00 EURUSD 1.08500 1.08510\n10:00:01 switch EURUSD quiet");
    let eurusd = InstrumentId(0);
    assert_eq!(player.driver.engine.source(eurusd), SourceId(1));
    player.play("10:00:02 EURUSD 1.08501 1.08511\n10:02:00 wake");
    let heard = |source| player.driver.engine.heard(SourceId(source)).unwrap();
    assert_eq!(clock(heard(0).as_source()), "10:00:00.000");
    assert_eq!(clock(heard(1).as_source()), "10:00:02.000");
    // The other source shows no life between ticks: ten minutes of silence are not stale.
    let said = crate::tape::shown(&player.driver, Show::Prices);
    assert!(
        said.lines().last().unwrap().starts_with("10:01:57"),
        "{said}"
    );
    player.driver.restart();
    assert_eq!(player.driver.engine.source(eurusd), SourceId(1));
}

#[test]
fn a_source_that_does_not_exist_changes_nothing() {
    let mut player = Player::new(Driver::new(settings()));
    player.play("10:00:00 EURUSD 1.08500 1.08510");
    let before = player.driver.engine.snapshot();
    let at = player.driver.engine.now();
    for event in [
        market::Event::Switch(InstrumentId(0), SourceId(9)),
        market::Event::Life(SourceId(9)),
        market::Event::Gap(SourceId(9)),
    ] {
        player.driver.handle(at, event);
    }
    assert_eq!(player.driver.engine.snapshot(), before);
}

#[test]
fn what_the_new_source_says_of_earlier_times_is_not_shown() {
    let tape = "
        10:00:10 EURUSD 1.08500 1.08510
        10:00:11 switch EURUSD quiet
        10:00:12 EURUSD 1.08600 1.08610 @10:00:09
        10:00:13 EURUSD 1.08601 1.08611 @10:00:10
        10:00:14 wake";
    check(
        Show::Prices,
        tape,
        expect![[r#"
        10:00:10.000 EURUSD 1.08505 0.00000 0.0000% x1 of 10:00:10.000
        10:00:13.000 EURUSD 1.08606 0.00101 0.0931% x1 of 10:00:10.000
    "#]],
    );
}

#[test]
fn settings_keep_the_source_in_use_by_its_name() {
    let mut player = Player::new(Driver::new(settings()));
    player.play("10:00:00 EURUSD 1.08500 1.08510\n10:00:01 switch EURUSD quiet");
    let turned = |change: fn(&mut Settings)| {
        let mut other = settings();
        change(&mut other);
        let mut driver = player.driver.clone();
        driver.adopt(other.clone());
        let source = driver.engine.source(InstrumentId(0));
        other.catalog.sources[source.index()].name.clone()
    };
    let reverse = |settings: &mut Settings| {
        settings.catalog.sources.reverse();
        for instrument in &mut settings.catalog.instruments {
            instrument.source = SourceId(1 - instrument.source.0);
        }
    };
    assert_eq!(turned(reverse), "quiet");
    assert_eq!(turned(|settings| settings.market = "other".into()), "quiet");
    // It is gone: back to what the catalog names.
    let gone = |settings: &mut Settings| {
        settings.catalog.sources[1].name = "new".into();
    };
    assert_eq!(turned(gone), "live");
    // The catalog names another one than before.
    let renamed = |settings: &mut Settings| {
        settings.catalog.sources.push(market::Source {
            name: "third".into(),
            ..settings.catalog.sources[0].clone()
        });
        settings.catalog.instruments[0].source = SourceId(2);
    };
    assert_eq!(turned(renamed), "third");
}

#[test]
fn a_price_that_is_shown_again_under_other_settings_is_still_its_sources() {
    let mut player = Player::new(Driver::new(settings()));
    player.play("10:00:00 EURUSD 1.08500 1.08510");
    let shown = |driver: &Driver| {
        let mut prices = driver.engine.prices();
        let price = prices.next()?;
        let sources = &driver.engine.settings().catalog.sources;
        Some(sources[price.source.index()].name.clone())
    };
    let again = |driver: &Driver| {
        let said = driver.said.len();
        let mut player = Player::new(driver.clone());
        player.play("10:00:06 wake");
        let said = player.driver.said[said..].iter();
        let sources = said.filter_map(|(_, output)| {
            let Output::Price(price) = output else {
                return None;
            };
            Some(price.source)
        });
        sources.collect::<Vec<_>>()
    };
    assert_eq!(again(&player.driver), [SourceId(0)]);
    // Another place: the name stays.
    let mut other = settings();
    other.catalog.sources.reverse();
    for instrument in &mut other.catalog.instruments {
        instrument.source = SourceId(1 - instrument.source.0);
    }
    player.driver.adopt(other.clone());
    assert_eq!(shown(&player.driver).as_deref(), Some("live"));
    assert_eq!(again(&player.driver), [SourceId(1)]);
    // It is gone: its price is nobody else's, and another one comes.
    other.catalog.sources.truncate(1);
    other.catalog.sources[0].name = "new".into();
    for instrument in &mut other.catalog.instruments {
        instrument.source = SourceId(0);
    }
    player.driver.adopt(other.clone());
    assert_eq!(shown(&player.driver), None);
    other.market = "other".into();
    player.driver.adopt(other);
    assert_eq!(shown(&player.driver), None);
    assert_eq!(again(&player.driver), []);
    player.play("10:00:07 life new");
    assert_eq!(shown(&player.driver), None);
    player.play("10:00:08 EURUSD 1.08500 1.08510");
    assert_eq!(shown(&player.driver).as_deref(), Some("new"));
}

/// Each line of the tape, and how a feed stands after it.
fn states(symbol: u16, settings: Settings, tape: &str) -> String {
    let mut player = Player::new(Driver::new(settings));
    let mut shown = String::new();
    for line in tape.lines().map(str::trim).filter(|line| !line.is_empty()) {
        player.play(line);
        if line.starts_with("day") {
            continue;
        }
        let engine = &player.driver.engine;
        let (feed, since) = engine.feed(engine.now(), InstrumentId(symbol));
        shown += &format!("{line}: {feed} since {}\n", clock(since.as_source()));
    }
    shown
}

#[test]
fn a_feed_is_silent_live_stale_and_live_again() {
    let tape = "
        09:59:00 start
        10:00:00 EURUSD 1.08500 1.08510
        10:00:29.999 wake
        10:00:30 wake
        10:00:40 XAUUSD 1300.10 1300.40
        10:01:00 life live
        10:01:20 gap live
        10:01:30 wake
        10:01:40 EURUSD 1.08500 1.08510
        10:01:50 EURUSD 1.08500 1.08510";
    expect![[r#"
        09:59:00 start: silent since 09:59:00.000
        10:00:00 EURUSD 1.08500 1.08510: live since 10:00:00.000
        10:00:29.999 wake: live since 10:00:00.000
        10:00:30 wake: stale since 10:00:30.000
        10:00:40 XAUUSD 1300.10 1300.40: live since 10:00:40.000
        10:01:00 life live: live since 10:00:40.000
        10:01:20 gap live: live since 10:00:40.000
        10:01:30 wake: stale since 10:01:30.000
        10:01:40 EURUSD 1.08500 1.08510: live since 10:01:40.000
        10:01:50 EURUSD 1.08500 1.08510: live since 10:01:40.000
    "#]]
    .assert_eq(&states(0, settings(), tape));
}

#[test]
fn a_symbol_of_a_source_without_heartbeats_is_stale_by_itself() {
    let tape = "
        10:00:00 GBPUSD 1.28500 1.28510
        10:09:59 life quiet
        10:10:00 life quiet
        10:11:00 GBPUSD 1.28500 1.28510";
    expect![[r#"
        10:00:00 GBPUSD 1.28500 1.28510: live since 10:00:00.000
        10:09:59 life quiet: live since 10:00:00.000
        10:10:00 life quiet: stale since 10:10:00.000
        10:11:00 GBPUSD 1.28500 1.28510: live since 10:11:00.000
    "#]]
    .assert_eq(&states(2, settings(), tape));
}

#[test]
fn the_weekend_is_closed_and_not_stale() {
    let tape = "
        day 2026-07-10
        20:59:50 EURUSD 1.08500 1.08510
        21:00:00 wake
        day 2026-07-12
        20:59:59 wake
        21:00:10 wake
        21:00:20 EURUSD 1.08500 1.08510";
    expect![[r#"
        20:59:50 EURUSD 1.08500 1.08510: live since 20:59:50.000
        21:00:00 wake: closed since 21:00:00.000
        20:59:59 wake: closed since 21:00:00.000
        21:00:10 wake: stale since 21:00:00.000
        21:00:20 EURUSD 1.08500 1.08510: live since 21:00:20.000
    "#]]
    .assert_eq(&states(0, settings(), tape));
    let tape = "
        day 2026-07-06
        20:59:50 XAUUSD 1300.10 1300.40
        21:00:20 life live
        22:00:10 life live
        22:00:45 wake";
    expect![[r#"
        20:59:50 XAUUSD 1300.10 1300.40: live since 20:59:50.000
        21:00:20 life live: closed since 21:00:00.000
        22:00:10 life live: live since 22:00:10.000
        22:00:45 wake: stale since 22:00:40.000
    "#]]
    .assert_eq(&states(1, settings(), tape));
}

#[test]
fn at_the_very_moment_it_is_stale_a_sign_of_life_makes_it_live_again() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:30 life live";
    expect![[r#"
        10:00:00 EURUSD 1.08500 1.08510: live since 10:00:00.000
        10:00:30 life live: live since 10:00:30.000
    "#]]
    .assert_eq(&states(0, settings(), tape));
}

#[test]
fn a_takeover_of_a_dead_source_brings_the_symbol_back_at_once() {
    let dead = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:40 GBPUSD 1.28500 1.28510";
    let tape = format!("{dead}\n10:00:50 switch EURUSD quiet\n10:00:51 wake");
    expect![[r#"
        10:00:00 EURUSD 1.08500 1.08510: live since 10:00:00.000
        10:00:40 GBPUSD 1.28500 1.28510: stale since 10:00:30.000
        10:00:50 switch EURUSD quiet: live since 10:00:50.000
        10:00:51 wake: live since 10:00:50.000
    "#]]
    .assert_eq(&states(0, settings(), &tape));
    let said = play(settings(), Show::Prices, &format!("{tape}\n10:00:57 wake"));
    let shown: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("EURUSD"))
        .skip(6)
        .collect();
    expect![[r#"
        10:00:50.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000
        10:00:55.000 EURUSD 1.08505 0.00000 0.0000% x0 of 10:00:00.000"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn after_a_switch_bars_close_by_the_new_sources_time() {
    // The minute 11:05 is open at the switch; another symbol of the new source then says that it is over. The long
    // would be contradicted by that minute's close below its zone.
    let tape = "
        11:05:10 EURUSD 1.08484 1.08494
        11:05:20 GBPUSD 1.28500 1.28510
        11:05:30 switch EURUSD quiet
        11:06:01.6 GBPUSD 1.28500 1.28510";
    let said = play(settings(), Show::Signals, &format!("{}{tape}", triggered()));
    assert!(
        said.ends_with("11:06:01.600 EURUSD long invalidated structure\n"),
        "{said}"
    );
}

#[test]
fn a_bar_that_closes_before_the_new_source_told_a_price_confirms_nothing() {
    // Until then the minute 11:05 is that of `CONFIRM`.
    let tape = "
        11:04:20 EURUSD 1.08515 1.08525
        11:05:10 EURUSD 1.08515 1.08525
        11:05:50 EURUSD 1.08555 1.08565
        11:05:51 GBPUSD 1.28500 1.28510
        11:05:55 switch EURUSD quiet
        11:06:01.6 GBPUSD 1.28500 1.28510
        11:06:10 wake";
    let said = play(settings(), Show::Signals, &format!("{}{tape}", triggered()));
    assert_eq!(said.lines().count(), 1, "{said}");
    let without = tape.replace("11:05:55 switch EURUSD quiet", "");
    let said = play(
        settings(),
        Show::Signals,
        &format!("{}{without}", triggered()),
    );
    assert!(
        said.ends_with("11:06:03.000 EURUSD long confirmed\n"),
        "{said}"
    );
}

#[test]
fn what_lives_through_a_break_is_live_since_the_opening() {
    let mut patient = settings();
    patient.prices.source_stale_s = 3600;
    let tape = "
        20:59:50 XAUUSD 1300.10 1300.40
        21:30:00 life live
        22:00:05 life live";
    expect![[r#"
        20:59:50 XAUUSD 1300.10 1300.40: live since 20:59:50.000
        21:30:00 life live: closed since 21:00:00.000
        22:00:05 life live: live since 22:00:00.000
    "#]]
    .assert_eq(&states(1, patient, tape));
}

#[test]
fn a_takeover_in_time_leaves_it_live() {
    let tape = "
        10:00:00 EURUSD 1.08500 1.08510
        10:00:05 switch EURUSD quiet
        10:00:05.1 EURUSD 1.08500 1.08510
        10:00:50 wake
        10:00:51 switch EURUSD live
        10:00:52 life live";
    expect![[r#"
        10:00:00 EURUSD 1.08500 1.08510: live since 10:00:00.000
        10:00:05 switch EURUSD quiet: live since 10:00:00.000
        10:00:05.1 EURUSD 1.08500 1.08510: live since 10:00:00.000
        10:00:50 wake: live since 10:00:00.000
        10:00:51 switch EURUSD live: stale since 10:00:30.000
        10:00:52 life live: live since 10:00:52.000
    "#]]
    .assert_eq(&states(0, settings(), tape));
}
