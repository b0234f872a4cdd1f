//! Settings that change between two processes, and snapshots that do not fit.

use crate::desk::{rules, settings};
use crate::driver::Driver;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, triggered};
use crate::tape::{Player, Show, shown};
use engine::{Engine, Rules, Settings};
use expect_test::{Expect, expect};
use market::{SourceId, Timeframe};
use proptest::prelude::*;
use std::sync::Arc;

/// Plays `before`, goes on under other settings, plays `after`, and shows what was said after the pending signal.
fn check(before: &str, change: impl FnOnce(&mut Settings), after: &str, expected: Expect) {
    let mut player = Player::new(Driver::new(settings()));
    player.play(before);
    let mut other = settings();
    change(&mut other);
    player.driver.adopt(other);
    player.play(after);
    expected.assert_eq(&shown(&player.driver, Show::Signals));
}

#[test]
fn a_symbol_keeps_its_state_at_another_place() {
    let reorder = |settings: &mut Settings| {
        settings.catalog.instruments.reverse();
        settings.catalog.sources.reverse();
        for instrument in &mut settings.catalog.instruments {
            instrument.source = SourceId(1 - instrument.source.0);
        }
    };
    check(
        &format!("{LONG}{BACK}"),
        reorder,
        &format!("{TRIGGER}{CONFIRM}"),
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:06:03.000 EURUSD long confirmed
        "#]],
    );
    check(
        &triggered(),
        reorder,
        CONFIRM,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
    "#]],
    );
}

#[test]
fn what_is_open_on_a_symbol_that_is_gone_ends() {
    let remove = |settings: &mut Settings| {
        settings.catalog.instruments.remove(0);
    };
    check(
        &triggered(),
        remove,
        "11:10 wake",
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:04:10.000 EURUSD long invalidated restart
    "#]],
    );
    check(
        &format!("{}{CONFIRM}", triggered()),
        remove,
        "11:10 wake",
        expect![[r#"
            11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
            11:06:03.000 EURUSD long confirmed
            11:06:04.000 EURUSD closed 1.08555 0.21R last, -0.08R in all
        "#]],
    );
}

#[test]
fn another_source_of_the_same_market_is_a_hole() {
    let turn = |settings: &mut Settings| settings.catalog.instruments[0].source = SourceId(1);
    check(
        &triggered(),
        turn,
        CONFIRM,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
    "#]],
    );
    // The minute in which it changed confirms nothing.
    let (before, after) = CONFIRM.split_at(CONFIRM.find("11:05:50").unwrap());
    check(
        &format!("{}{before}", triggered()),
        turn,
        after,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
    "#]],
    );
}

#[test]
fn a_simulated_source_is_another_market() {
    let simulate = |settings: &mut Settings| settings.catalog.sources[0].simulated = true;
    check(
        &triggered(),
        simulate,
        CONFIRM,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:04:10.000 EURUSD long invalidated restart
    "#]],
    );
    check(
        &format!("{LONG}{BACK}"),
        simulate,
        &format!("{TRIGGER}{CONFIRM}"),
        expect![[""]],
    );
}

#[test]
fn setups_without_their_chart_are_forgotten() {
    let other_rules = [
        Rules {
            setup_tf: Timeframe::M15,
            ..rules()
        },
        Rules {
            swing_left: 2,
            ..rules()
        },
        Rules {
            atr_period: 14,
            ..rules()
        },
    ];
    for rules in other_rules {
        let change = |settings: &mut Settings| settings.rules = rules;
        check(
            &format!("{LONG}{BACK}"),
            change,
            &format!("{TRIGGER}{CONFIRM}{LATER}"),
            expect![[""]],
        );
    }
    let off = |settings: &mut Settings| settings.catalog.instruments[0].signals = false;
    check(
        &format!("{LONG}{BACK}"),
        off,
        &format!("{TRIGGER}{CONFIRM}"),
        expect![[""]],
    );
}

/// Two more bars of the longest chart.
const LATER: &str = "
    11:20:00 EURUSD 1.08555 1.08565
    11:40:00 EURUSD 1.08555 1.08565
    12:00:00 EURUSD 1.08555 1.08565
";

#[test]
fn the_same_settings_change_nothing() {
    let mut player = Player::new(Driver::new(settings()));
    player.play(&triggered());
    let before = player.driver.engine.snapshot();
    player.driver.adopt(settings());
    assert_eq!(player.driver.engine.snapshot(), before);
}

#[test]
fn a_snapshot_of_other_symbols_or_sources_is_refused() {
    let snapshot = Engine::new(Arc::new(settings())).snapshot();
    let refuses = |change: fn(&mut Settings)| {
        let mut other = settings();
        change(&mut other);
        Engine::restore(Arc::new(other), &snapshot).is_err()
    };
    assert!(!refuses(|_| ()));
    assert!(refuses(|settings| settings.catalog.instruments.swap(0, 1)));
    assert!(refuses(
        |settings| settings.catalog.sources[0].name = "other".into()
    ));
    assert!(refuses(|settings| settings.catalog.instruments.truncate(2)));
}

proptest! {
    #[test]
    fn a_damaged_snapshot_is_refused_or_read_and_never_panics(
        cut in 0_usize..4000,
        place in 0_usize..4000,
        byte in any::<u8>(),
    ) {
        let settings = Arc::new(settings());
        let mut bytes = Engine::new(settings.clone()).snapshot();
        prop_assert!(Engine::restore(settings.clone(), &bytes[..cut % bytes.len()]).is_err());
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = Engine::restore(settings, &bytes);
    }
}
