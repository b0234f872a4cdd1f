//! No setup can look ahead: on a walk without drift, in steps of one tick and without spread, the first target trades before
//! the stop exactly as often as the distance to both says. An edge on noise would be a bug. signals.md, section 12, proof 8.
//!
//! Signals that were not confirmed keep to it as well, from their verdict on. `ORION_TEST_SLOW=1` walks four times as far.

use crate::instruments::{catalog, rules};
use crate::odds::Score;
use crate::trader::Trader;
use engine::Rules;
use engine::setup::SetupKind;
use market::{InstrumentId, Price, Shadow, SourceTime, Span, Status, Tick, Timeframe};

const STEP: Span = Span::from_secs(6);

/// Steele, Lea, Flood: splitmix64.
struct Coin(u64);

impl Coin {
    fn up(&mut self) -> bool {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 0
    }
}

/// Trades one setup on so many hours of a walk, and follows to its first outcome what was confirmed in them, and what was not.
/// Swings are small, so that there are many signals.
fn score(setup: SetupKind, hours: i64) -> (Score, Score) {
    // The second one is there for what needs two.
    let instruments = if setup == SetupKind::Smt { 2 } else { 1 };
    let catalog = catalog(instruments);
    let rules = Rules {
        setups: vec![setup],
        htf: Timeframe::M5,
        swing_left: 1,
        swing_right: 1,
        major_left: 10,
        major_right: 10,
        outcome_horizon_h: 0,
        ..rules()
    };
    let mut trader = Trader::under(&catalog, rules);
    let begin = SourceTime::parse("2026-01-05T00:00:00Z").unwrap();
    let end = begin + Span::from_hours(hours);
    let (mut coin, mut time) = (Coin(setup as u64), begin);
    let start = Price::parse("1.10000").unwrap();
    let mut prices = vec![start; instruments];
    while time < end || trader.is_waiting(end.as_stamp()) {
        let together = coin.up();
        for (place, price) in prices.iter_mut().enumerate() {
            // Each steps as the other does, or as it likes, once in four times.
            let own = instruments > 1 && coin.up() && coin.up();
            let up = if own { coin.up() } else { together };
            let tick_size = catalog.instruments[place].tick_size;
            *price = *price + tick_size.times(if up { 1 } else { -1 });
            trader.tick(Tick {
                instrument: InstrumentId(place as u16),
                bid: *price,
                ask: *price,
                volume: None,
                time,
                received: None,
            });
        }
        time = time + STEP;
    }
    let mut score = Score::default();
    for life in trader.lives() {
        let decided = life.signal.decided_at;
        let in_time = decided.is_some_and(|decided| decided < end.as_stamp());
        if life.signal.status == Status::Confirmed && in_time {
            score.add(life.odds(), life.hit.expect("it was followed to its end"));
        }
    }
    eprintln!("{setup:?}: {:.2} sigmas, {score:?}", score.sigmas());
    let mut others = Score::default();
    for shadow in trader.shadows() {
        // Those that are still followed are late to end, not late to be opened: which they are is no news of how.
        let (Some(odds), Some(hit)) = (shadow.odds, shadow.hit()) else {
            continue;
        };
        if opened_before(shadow, end) {
            others.add(odds.to_f64(), hit);
        }
    }
    eprintln!("  not confirmed: {:.2} sigmas, {others:?}", others.sigmas());
    (score, others)
}

/// Whether a shadow was opened before a moment.
fn opened_before(shadow: &Shadow, moment: SourceTime) -> bool {
    let held = shadow.end.as_ref().map_or(Span::ZERO, |end| end.held);
    shadow.at - held < moment.as_stamp()
}

fn check(setup: SetupKind, hours: i64) {
    let far = if std::env::var_os("ORION_TEST_SLOW").is_some() {
        4
    } else {
        1
    };
    let (score, others) = score(setup, hours * far);
    assert!(score.signals >= 5000, "{score:?}");
    assert!(score.sigmas().abs() <= 3.0, "{:.2}", score.sigmas());
    assert!(others.signals >= 1000, "{others:?}");
    assert!(others.sigmas().abs() <= 3.0, "{:.2}", others.sigmas());
}

#[test]
fn mss_fvg_has_no_edge_on_noise() {
    check(SetupKind::MssFvg, 13_500);
}

#[test]
fn block_retest_has_no_edge_on_noise() {
    check(SetupKind::BlockRetest, 18_000);
}

#[test]
fn liquidity_sweep_has_no_edge_on_noise() {
    check(SetupKind::LiquiditySweep, 9_000);
}

#[test]
fn bos_retest_has_no_edge_on_noise() {
    check(SetupKind::BosRetest, 9_000);
}

#[test]
fn premium_discount_has_no_edge_on_noise() {
    check(SetupKind::PremiumDiscount, 29_000);
}

#[test]
fn smt_has_no_edge_on_noise() {
    check(SetupKind::Smt, 4_000);
}
