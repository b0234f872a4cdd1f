//! Rows of features: made once, of what is known by then, and without any weight for what is decided.

use crate::driver::Told;
use crate::properties::{Random, fast, legs};
use engine::features::{Feature, FeatureRow, FeatureRules, Occasion, signal_facts, usual};
use engine::{Engine, Output, Settings};
use market::{Event, InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Tick, Time, Timeframe};
use std::sync::Arc;

/// The usual features, others of the charts that `fast` finds setups on, and what signals say of themselves.
fn names() -> Vec<Feature> {
    let more = [
        "1m.rsi14",
        "1m.return12_atr@3",
        "1m.trend",
        "1m.gap_up_atr",
        "1m.block_down_atr",
        "1m.pool_above_atr",
        "1m.range_place",
        "1m.since_choch_up",
        "5m.close_to_ema20_atr@1",
        "spread_to_usual",
    ];
    let more = more.iter().map(|name| name.parse().unwrap());
    usual()
        .into_iter()
        .chain(more)
        .chain(signal_facts())
        .collect()
}

fn settings() -> Settings {
    Settings {
        features: FeatureRules { names: names() },
        ..fast()
    }
}

/// Rows and what is said, each with its stamp.
type Turned = (Vec<(Time, FeatureRow)>, Vec<(Time, Output)>);

/// What an engine makes of a tape.
fn turn(mut engine: Engine, told: &[Told]) -> Turned {
    let (mut rows, mut said, mut out) = (Vec::new(), Vec::new(), Vec::new());
    for Told { at, event, .. } in told {
        engine.handle(*at, event, &mut out);
        rows.extend(engine.just_read().iter().map(|row| (*at, row.clone())));
        said.extend(out.drain(..).map(|output| (*at, output)));
    }
    (rows, said)
}

fn of(settings: Settings, told: &[Told]) -> Vec<(Time, FeatureRow)> {
    turn(Engine::new(Arc::new(settings)), told).0
}

fn count(rows: &[(Time, FeatureRow)], signals: bool) -> usize {
    let is_signal = |row: &FeatureRow| matches!(row.occasion, Occasion::Signal(_));
    rows.iter()
        .filter(|(_, row)| is_signal(row) == signals)
        .count()
}

#[test]
fn a_row_for_each_bar_and_each_signal_and_nothing_decided_by_it() {
    let told = legs(1).told;
    let (rows, said) = turn(Engine::new(Arc::new(settings())), &told);
    let (none, without) = turn(Engine::new(Arc::new(fast())), &told);
    assert_eq!(said, without, "features decide nothing");
    assert_eq!(none, [], "nobody wants any");
    let born = said.iter().filter(|(_, output)| {
        matches!(output, Output::Signal(signal) if signal.status == market::Status::Pending)
    });
    let (born, signals) = (born.count(), count(&rows, true));
    assert!(born > 3, "{born}");
    assert_eq!(signals, born);
    assert!(count(&rows, false) > 500, "{}", count(&rows, false));
    for (_, row) in &rows {
        assert_eq!(row.values.values().len(), names().len());
        assert_eq!(row.timeframe, Timeframe::M1);
        let values = names().into_iter().zip(row.values.values());
        for (name, value) in values.filter(|(name, _)| name.is_of_signals()) {
            let is_signal = matches!(row.occasion, Occasion::Signal(_));
            assert_eq!(value.is_finite(), is_signal, "{name} {value}");
        }
    }
    let known = |value: &&f64| value.is_finite();
    let last = &rows.last().unwrap().1;
    assert!(
        last.values.values().iter().filter(known).count() > 40,
        "{last:?}"
    );
}

#[test]
fn what_comes_later_changes_no_row() {
    let told = legs(2).told;
    let whole = of(settings(), &told);
    let mut random = Random(5);
    for _ in 0..12 {
        let cut = random.below(told.len() as u64) as usize;
        let rows = of(settings(), &told[..cut]);
        assert_eq!(
            rows,
            whole[..rows.len()],
            "the rows of a part, cut at {cut}"
        );
        assert!(
            whole
                .get(rows.len())
                .is_none_or(|(at, _)| *at >= told[cut].at)
        );
        let mut other = told.clone();
        for later in &mut other[cut..] {
            later.event = scrambled(&later.event, &mut random);
        }
        let scrambled = of(settings(), &other);
        let before = |rows: &[(Time, FeatureRow)]| {
            let until = told[cut].at;
            let rows = rows.iter().filter(|(at, _)| *at < until);
            rows.cloned().collect::<Vec<_>>()
        };
        assert_eq!(before(&scrambled), before(&whole), "scrambled at {cut}");
    }
}

/// The same at another price.
fn scrambled(event: &Event, random: &mut Random) -> Event {
    let Event::Tick(tick) = event else {
        return event.clone();
    };
    let shift = Price::from_units((random.below(600) as i64 - 300) * 10_000);
    Event::Tick(Tick {
        bid: tick.bid + shift,
        ask: tick.ask + shift,
        ..*tick
    })
}

#[test]
fn prices_times_1024_give_the_same_rows() {
    let mut large = settings();
    for instrument in &mut large.catalog.instruments {
        for price in [
            &mut instrument.tick_size,
            &mut instrument.pip_size,
            &mut instrument.spread_default,
        ] {
            *price = price.times(1024);
        }
    }
    let (mut signals, mut bars) = (0, 0);
    for seed in 0..4 {
        let told = legs(seed).told;
        let times = |told: &Told| Told {
            event: match &told.event {
                Event::Tick(tick) => Event::Tick(Tick {
                    bid: tick.bid.times(1024),
                    ask: tick.ask.times(1024),
                    ..*tick
                }),
                other @ (Event::Bar(_)
                | Event::Past(_)
                | Event::PreviousClose(_)
                | Event::Gap(_)
                | Event::Life(_)
                | Event::Switch(..)
                | Event::Alert(_)
                | Event::Start
                | Event::Stop
                | Event::Wake) => other.clone(),
            },
            ..told.clone()
        };
        let scaled: Vec<Told> = told.iter().map(times).collect();
        let (small, large) = (of(settings(), &told), of(large.clone(), &scaled));
        for (one, other) in small.iter().zip(&large) {
            assert_eq!(one, other, "seed {seed}");
        }
        assert_eq!(small.len(), large.len());
        signals += count(&small, true);
        bars += count(&small, false);
    }
    assert!(
        signals > 20 && bars > 1500,
        "{signals} signals, {bars} bars"
    );
}

#[test]
fn a_restart_changes_no_row() {
    let told = legs(3).told;
    let whole = of(settings(), &told);
    let mut random = Random(9);
    let mut engine = Engine::new(Arc::new(settings()));
    let (mut rows, mut restarts) = (Vec::new(), 0);
    for Told { at, event, .. } in &told {
        engine.handle(*at, event, &mut Vec::new());
        rows.extend(engine.just_read().iter().map(|row| (*at, row.clone())));
        if random.below(200) == 0 {
            let snapshot = engine.snapshot();
            engine = Engine::restore(engine.settings().clone(), &snapshot).unwrap();
            assert_eq!(engine.just_read(), [], "rows are no state");
            restarts += 1;
        }
    }
    assert!(restarts > 10, "{restarts}");
    assert_eq!(rows, whole);
}

#[test]
fn features_can_be_turned_on_and_off_while_it_runs() {
    let told = legs(4).told;
    let whole = of(settings(), &told);
    let (third, mut engine) = (told.len() / 3, Engine::new(Arc::new(fast())));
    let mut rows = Vec::new();
    for (place, Told { at, event, .. }) in told.iter().enumerate() {
        let other = match place {
            place if place == third => Some(settings()),
            place if place == 2 * third => Some(fast()),
            _ => None,
        };
        if let Some(other) = other {
            engine.adopt(Arc::new(other), &mut Vec::new());
        }
        engine.handle(*at, event, &mut Vec::new());
        rows.extend(engine.just_read().iter().map(|row| (*at, row.clone())));
    }
    assert!(rows.len() > 100, "{}", rows.len());
    let until = told[2 * third].at;
    let since = rows[0].0;
    let mut expected = whole.iter().filter(|(at, _)| *at >= since && *at < until);
    let trend = names()
        .iter()
        .position(|name| name.to_string() == "1m.trend");
    let rsi = names()
        .iter()
        .position(|name| name.to_string() == "1m.rsi14");
    for (place, row) in rows.iter().enumerate() {
        let known = expected.next().unwrap();
        let value = |row: &FeatureRow, place: Option<usize>| row.values.values()[place.unwrap()];
        assert_eq!(
            value(&row.1, trend),
            value(&known.1, trend),
            "the chart was there"
        );
        let is_warm = value(&row.1, rsi).is_finite();
        assert_eq!(is_warm, place_of_bar(&rows[..=place], row) > 14, "{place}");
    }
    assert_eq!(expected.next(), None);
}

/// How many bars of its instrument have closed with rows.
fn place_of_bar(rows: &[(Time, FeatureRow)], row: &(Time, FeatureRow)) -> usize {
    let bars = rows.iter().filter(|(_, other)| {
        other.instrument == row.1.instrument && other.occasion == Occasion::Bar
    });
    bars.count()
}

#[test]
fn bars_of_the_past_warm_features_and_have_no_rows() {
    let mut settings = settings();
    settings.rules.setup_tf = Timeframe::M5;
    settings.rules.htf = Timeframe::H1;
    let mut engine = Engine::new(Arc::new(settings));
    let start = SourceTime::parse("2026-07-06T00:00:00Z").unwrap();
    let mut random = Random(3);
    let mut mid = 108_500_i64;
    let mut minute = |number: i64| {
        mid += random.below(21) as i64 - 10;
        let price = |points: i64| Price::from_units((mid + points) * 10_000);
        let side = |away: i64| Ohlc {
            open: price(away),
            high: price(away + 5),
            low: price(away - 5),
            close: price(away + 2),
        };
        QuoteBar {
            instrument: InstrumentId(0),
            timeframe: Timeframe::M1,
            open_time: start + Span::from_minutes(number),
            bid: side(-1),
            ask: side(1),
            volume: None,
        }
    };
    let end = (start + Span::from_hours(10)).as_stamp();
    for number in 0..600 {
        engine.handle(end, &Event::Past(minute(number)), &mut Vec::new());
        assert_eq!(engine.just_read(), []);
    }
    let mut rows = Vec::new();
    for number in 600..605 {
        let bar = minute(number);
        let at = (bar.open_time + Span::from_minutes(1)).as_stamp();
        engine.handle(at, &Event::Bar(bar), &mut Vec::new());
        rows.extend(engine.just_read().to_vec());
    }
    let [row] = &rows[..] else {
        panic!("one bar of five minutes: {rows:?}")
    };
    let rsi = names()
        .iter()
        .position(|name| name.to_string() == "5m.rsi14");
    assert!(row.values.values()[rsi.unwrap()].is_finite());
    assert_eq!(row.time, start + Span::from_minutes(605));
}

#[test]
fn a_posted_signal_has_a_row_of_its_birth_and_a_declined_one_has_none() {
    let settings = Settings {
        features: FeatureRules {
            names: signal_facts(),
        },
        ..crate::desk::settings()
    };
    let rows = |alert: &str| {
        let tape = format!("10:00:00 EURUSD 1.08500 1.08510\n10:00:10 post EURUSD {alert}");
        let driver = crate::tape::driver(settings.clone(), &tape);
        driver.engine.just_read().to_vec()
    };
    // Its claim to be of before is not believed: what is read is what is known now.
    let [row] = &rows("long 1 stop=1.08300 targets=1.08700,1.08915 at=09:58")[..] else {
        panic!("one row")
    };
    assert_eq!(row.occasion, Occasion::Signal(market::Uuid::from_u128(1)));
    assert_eq!(row.time.to_string(), "2026-07-06T10:00:10.000Z");
    let value = |name: &str| {
        let place = signal_facts()
            .iter()
            .position(|fact| fact.to_string() == name);
        row.values.values()[place.unwrap()]
    };
    // From 1.08505 to 1.08300 the risk is 0.00205; no chart is warm.
    assert_eq!(value("signal_direction"), 1.0);
    assert!((value("signal_rr") - 2.0).abs() < 1e-9);
    assert!((value("signal_first_r") - 195.0 / 205.0).abs() < 1e-9);
    assert!((value("signal_spread_r") - 10.0 / 205.0).abs() < 1e-9);
    assert!(value("signal_risk_atr").is_nan());
    assert_eq!(rows("long 1 stop=1.09300"), []);
}
