//! What keeps a trigger from becoming a signal. Each refusal is counted and spends the setup: the same price a little
//! later, when the gate would be open, brings nothing.

use crate::desk::{rules, settings};
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER, later, triggered};
use crate::tape::{Show, driver, shown};
use engine::{Refusal, Rules, Settings};
use expect_test::{Expect, expect};

fn check(rules: Rules, tape: &str, refusal: Refusal, expected: Expect) {
    let driver = driver(
        Settings {
            rules,
            ..settings()
        },
        &format!("{LONG}{BACK}{tape}"),
    );
    expected.assert_eq(&shown(&driver, Show::Signals));
    for one in Refusal::ALL {
        let refused = driver.engine.counts().refused(one);
        assert_eq!(refused > 0, one == refusal, "{one}: {refused}");
    }
}

#[test]
fn a_market_that_is_closed() {
    // Saturday, Friday evening in a core window, and the very moment at which the week ends; and where all hours trade.
    let scene = format!("{LONG}{BACK}");
    let tape = |day: &str, hour: &str| {
        let trigger = format!("{hour} EURUSD 1.08525 1.08535");
        format!("{scene}day {day}\n{trigger}")
    };
    let patient = Rules {
        arm_max_bars: 1000,
        ..rules()
    };
    let mut settings = Settings {
        rules: patient,
        ..settings()
    };
    for (day, hour, opens) in [
        ("2026-07-11", "12:00:00", false),
        ("2026-07-11", "00:30:00", false),
        ("2026-07-10", "21:00:00", false),
        ("2026-07-10", "20:59:59", true),
    ] {
        settings.catalog.sources[0].always_open = false;
        let strict = driver(settings.clone(), &tape(day, hour));
        assert_eq!(
            strict.engine.counts().signals,
            u64::from(opens),
            "{day} {hour}"
        );
        let refused = strict.engine.counts().refused(Refusal::Closed);
        assert_eq!(refused, u64::from(!opens), "{day} {hour}");
        settings.catalog.sources[0].always_open = true;
        let open = driver(settings.clone(), &tape(day, hour));
        assert_eq!(open.engine.counts().signals, 1, "{day} {hour}");
    }
}

#[test]
fn the_killzone() {
    // 14:59:59 UTC is 10:59:59 in New York: the core window of FX has been over for an hour; 17:30 opens the next.
    let rules = Rules {
        killzone_gate: true,
        arm_max_bars: 1000,
        ..rules()
    };
    let tape = "
        14:59:59 EURUSD 1.08525 1.08535
        17:30:00 EURUSD 1.08525 1.08535";
    check(rules, tape, Refusal::Killzone, expect![[""]]);
}

#[test]
fn the_day_cap_until_the_next_day() {
    let rules = Rules {
        max_signals_per_day: 1,
        ..rules()
    };
    // The second scene is refused on the first day; the next day's first signal, a short, spends its cap.
    let next_day = format!("day 2026-07-07\n{}", triggered());
    let tape = format!("{TRIGGER}{}{next_day}", later(3, &triggered()));
    check(
        rules,
        &tape,
        Refusal::DailyCap,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:08:55.000 EURUSD long invalidated stale_feed
        10:41:45.000 EURUSD short pending 1.08510 stop 1.08617 targets 1.08403:30 1.08296:40 1.08189:30r rr 3.00 p 0.52 london at 10:41:45.000
        10:42:03.000 EURUSD short invalidated structure
    "#]],
    );
}

#[test]
fn the_cooldown_after_a_signal_that_is_no_longer_live() {
    // The second scene ends at 14:04:10, three hours after the first signal to the second. Its refusal does not begin
    // the time again: the third scene brings a short at 16:41:45.
    let rules = Rules {
        symbol_cooldown_s: 3 * 3600 + 1,
        ..rules()
    };
    let tape = format!(
        "{TRIGGER}{}{}",
        later(3, &triggered()),
        later(6, &triggered())
    );
    check(
        rules,
        &tape,
        Refusal::Cooldown,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:08:55.000 EURUSD long invalidated stale_feed
        16:41:45.000 EURUSD short pending 1.08510 stop 1.08617 targets 1.08403:30 1.08296:40 1.08189:30r rr 3.00 p 0.52 lunch at 16:41:45.000
        16:42:03.000 EURUSD short invalidated structure
    "#]],
    );
}

#[test]
fn the_cooldown_is_over_to_the_second() {
    let rules = Rules {
        symbol_cooldown_s: 3 * 3600,
        ..rules()
    };
    let tape = format!("{TRIGGER}{}", later(3, &triggered()));
    check(
        rules,
        &tape,
        Refusal::Cooldown,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:08:55.000 EURUSD long invalidated stale_feed
        14:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 14:04:10.000
    "#]],
    );
}

#[test]
fn a_running_signal_of_the_same_direction() {
    let tape = format!("{TRIGGER}{CONFIRM}{}", later(3, &triggered()));
    check(
        rules(),
        &tape,
        Refusal::Live,
        expect![[r#"
        11:04:10.000 EURUSD long pending 1.08530 stop 1.08411 targets 1.08629:30 1.08768:40 1.08887:30r rr 3.00 p 0.56 ny_am at 11:04:10.000
        11:06:03.000 EURUSD long confirmed
        13:41:45.000 EURUSD short pending 1.08510 stop 1.08617 targets 1.08403:30 1.08296:40 1.08189:30r rr 3.00 p 0.52 ny_am at 13:41:45.000
        13:42:03.000 EURUSD short invalidated structure
    "#]],
    );
}

#[test]
fn a_risk_below_the_least() {
    let rules = Rules {
        min_risk_atr: 2.0,
        ..rules()
    };
    check(rules, TRIGGER, Refusal::RiskTooSmall, expect![[""]]);
    let rules = Rules {
        min_risk_spreads: 12.0,
        ..self::rules()
    };
    check(rules, TRIGGER, Refusal::RiskTooSmall, expect![[""]]);
}

#[test]
fn a_risk_above_the_most() {
    let rules = Rules {
        max_risk_atr: 1.0,
        ..rules()
    };
    check(rules, TRIGGER, Refusal::RiskTooLarge, expect![[""]]);
}

#[test]
fn a_reward_below_the_least() {
    let rules = Rules {
        min_rr: 3.0,
        ..rules()
    };
    check(rules, TRIGGER, Refusal::RewardTooSmall, expect![[""]]);
}
