//! The state does not grow with time: what is remembered is bounded, whatever happens.

use crate::desk::{rules, settings};
use crate::properties::Random;
use engine::calibration::OUTCOMES_MAX;
use engine::setup::SetupKind;
use engine::{Engine, PriceRules, Rules, Settings};
use market::{Event, InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Timeframe};
use std::sync::Arc;

const BARS: usize = 300_000;
/// What is remembered of a signal that is over, until so many newer ones are known.
const BYTES_OF_A_SIGNAL: u64 = 37;
const SIGNALS: u64 = 20_000;
/// What confidence is calibrated by: of each outcome, up to 2,000 of a setup.
const BYTES_OF_AN_OUTCOME: u64 = 117;
/// The forecasts that are judged, 500 of a setup, of which the rarest has all only late.
const BYTES_OF_FORECASTS: u64 = SetupKind::ALL.len() as u64 * 500 * 9;
const OUTCOMES: usize = SetupKind::ALL.len() * OUTCOMES_MAX;

/// Setups on the minutes and no gates: as much as can be happens.
fn busy() -> Settings {
    let mut settings = Settings {
        rules: Rules {
            setup_tf: Timeframe::M1,
            htf: Timeframe::M5,
            setups: SetupKind::ALL.to_vec(),
            ..rules()
        },
        prices: PriceRules {
            repeat_ms: 60_000,
            ..PriceRules::default()
        },
        ..settings()
    };
    settings.catalog.sources[0].always_open = true;
    settings
}

/// A minute of a walk in points that is drawn back to its middle.
fn minute(random: &mut Random, mid: &mut i64, open_time: SourceTime) -> QuoteBar {
    let price = |points: i64| Price::from_units(points * 10_000);
    let mut bar = Ohlc::of(price(*mid));
    for _ in 0..4 {
        *mid += random.below(41) as i64 - 20 + (108_500 - *mid) / 1_000;
        bar.add(price(*mid));
    }
    let side = |by: i64| Ohlc {
        open: bar.open + price(by),
        high: bar.high + price(by),
        low: bar.low + price(by),
        close: bar.close + price(by),
    };
    QuoteBar {
        instrument: InstrumentId(0),
        timeframe: Timeframe::M1,
        open_time,
        bid: side(-1),
        ask: side(1),
        volume: None,
    }
}

#[test]
fn a_snapshot_is_no_larger_after_years_of_minutes() {
    let mut engine = Engine::new(Arc::new(busy()));
    let (mut random, mut mid, mut out) = (Random(1), 108_500, Vec::new());
    let begin = SourceTime::parse("2026-01-05T00:00:00Z").unwrap();
    // The largest of the first third and of the rest, without what is remembered of signals and outcomes.
    let (mut early, mut late) = (0, 0);
    for place in 0..BARS {
        let open_time = begin + Span::from_minutes(place as i64);
        let bar = minute(&mut random, &mut mid, open_time);
        let at = (open_time + Timeframe::M1.span()).as_stamp();
        while let Some(wake) = engine.wake_at().filter(|wake| *wake < at) {
            engine.handle(wake, &Event::Wake, &mut out);
        }
        engine.handle(at, &Event::Bar(bar), &mut out);
        out.clear();
        if place % 1_000 == 999 {
            let signals = engine.counts().signals.min(SIGNALS);
            let size = engine.snapshot().len() as u64;
            let outcomes = engine.outcomes_kept();
            assert!(outcomes <= OUTCOMES, "{outcomes}");
            let known = signals * BYTES_OF_A_SIGNAL + outcomes as u64 * BYTES_OF_AN_OUTCOME;
            let rest = size.saturating_sub(known);
            let largest = if place < BARS / 3 {
                &mut early
            } else {
                &mut late
            };
            *largest = rest.max(*largest);
        }
    }
    let signals = engine.counts().signals;
    eprintln!("{BARS} minutes, {signals} signals: at most {early} bytes, then {late}");
    assert!(signals > SIGNALS, "{signals}");
    assert!(
        late * 10 <= early * 11 + BYTES_OF_FORECASTS * 10,
        "{early} bytes became {late}"
    );
}
