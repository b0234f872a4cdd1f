//! Detectors and indicators against independent outputs: every event, every value, every column, in order.
//!
//! `data/synthetic.*` is made by hand (flat, straight, ties, gaps). The files over recorded prices are looked for in
//! `ORION_TEST_DATA` (default: a folder `shared` beside the checkout) and skipped by name where they are absent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod shared;

use engine::Rules;
use engine::indicator::{Candle, Indicators};
use engine::structure::{Chart, Finding, Levels, Pool, PoolKind};
use market::{Bar, Direction, Ohlc, Price, SourceTime, Span};

/// A file of the reference outputs.
fn reference(file: &str) -> Option<String> {
    let path = shared::shared(&format!("reference/{file}"))?;
    std::fs::read_to_string(path).ok()
}

/// Rows of a CSV file as named columns.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().skip(1).map(|line| line.split(',').collect())
}

fn columns(text: &str, names: &[&str]) -> Vec<usize> {
    let header: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    names
        .iter()
        .map(|name| header.iter().position(|column| column == name).unwrap())
        .collect()
}

fn bars(text: &str) -> Vec<Bar> {
    let at = columns(text, &["open", "high", "low", "close"]);
    let bar = |(place, row): (usize, Vec<&str>)| {
        let price = |column: usize| Price::parse(row[at[column]]).unwrap();
        let price = Ohlc {
            open: price(0),
            high: price(1),
            low: price(2),
            close: price(3),
        };
        let open_time = SourceTime::from_secs(place as i64 * 900);
        Bar {
            open_time,
            end_time: open_time + Span::from_minutes(15),
            price,
            ticks: 1,
            holed: false,
        }
    };
    rows(text).enumerate().map(bar).collect()
}

fn check_events(indicators: &str, events: &str) {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    let mut ours = Vec::new();
    for bar in bars(indicators) {
        let mut findings = Vec::new();
        let t = chart.close(&bar, &rules, &mut findings);
        ours.extend(findings.iter().filter_map(|finding| show(t, finding)));
    }
    let theirs: Vec<String> = events.lines().skip(1).map(normal).collect();
    for (place, (our, their)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(our, their, "event {place}");
    }
    assert_eq!(ours.len(), theirs.len());
}

/// A reference row with its prices written as we write them.
fn normal(line: &str) -> String {
    let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
    for field in &mut fields[3..7] {
        if !field.is_empty() {
            *field = Price::parse(field).unwrap().to_string();
        }
    }
    fields.join(",")
}

fn show(bar: u64, finding: &Finding) -> Option<String> {
    let sign = |direction: &Direction| direction.sign();
    let zone = |kind: &str, direction, top, bottom, reference| {
        format!(
            "{bar},{kind},{},,{top},{bottom},,{reference},,,,,",
            sign(direction)
        )
    };
    let pool = |kind: &str, direction, pool: &Pool, extreme| {
        let source = match pool.kind {
            PoolKind::Swing => "swing",
            PoolKind::Equal => "equal",
            PoolKind::Major
            | PoolKind::PreviousDay
            | PoolKind::PreviousWeek
            | PoolKind::Session(_) => return None,
        };
        Some(format!(
            "{bar},{kind},{},{},,,{extreme},{},,,{source},,",
            sign(direction),
            pool.level,
            pool.bar
        ))
    };
    Some(match finding {
        Finding::Swing {
            side,
            level,
            bar: at,
        } => format!("{bar},swing,{},{level},,,,{at},,,,,", sign(side)),
        Finding::MajorSwing { .. } => return None,
        Finding::Equal {
            side,
            level,
            bar: at,
            earlier,
        } => {
            format!("{bar},equal,{},{level},,,,{at},{earlier},,,,", sign(side))
        }
        Finding::Break(found) => {
            let kind = if found.choch { "choch" } else { "bos" };
            let (direction, mss) = (sign(&found.direction), u8::from(found.is_shift()));
            format!(
                "{bar},{kind},{direction},{},,,,{},,{mss},,,",
                found.level, found.swing
            )
        }
        Finding::Block(block) => zone("ob", &block.direction, block.top, block.bottom, block.bar),
        Finding::BlockTouched(block) => zone(
            "ob_touch",
            &block.direction,
            block.top,
            block.bottom,
            block.born,
        ),
        Finding::BlockBroken(block) => zone(
            "ob_break",
            &block.direction,
            block.top,
            block.bottom,
            block.born,
        ),
        Finding::Gap(gap) => zone("fvg", &gap.direction, gap.top, gap.bottom, gap.born - 1),
        Finding::GapTouched(gap) => {
            zone("fvg_touch", &gap.direction, gap.top, gap.bottom, gap.born)
        }
        Finding::GapFilled(gap) => zone("fvg_fill", &gap.direction, gap.top, gap.bottom, gap.born),
        Finding::GapInverted(gap) => {
            zone("fvg_invert", &gap.direction, gap.top, gap.bottom, gap.born)
        }
        Finding::Sweep {
            direction,
            pool: of,
            extreme,
        } => return pool("sweep", direction, of, extreme),
        Finding::Run {
            direction,
            pool: of,
            extreme,
        } => return pool("run", direction, of, extreme),
    })
}

fn check_atr(indicators: &str) {
    let atr14 = columns(indicators, &["atr14"])[0];
    let mut atr = engine::indicator::Atr::new(14);
    for (place, (bar, row)) in bars(indicators).iter().zip(rows(indicators)).enumerate() {
        let (ours, theirs) = (atr.update(&bar.price), row[atr14].parse::<f64>().ok());
        match (ours, theirs) {
            (None, None) => {}
            (Some(ours), Some(theirs)) => {
                let tolerance = 1e-11 * bar.price.close.to_f64().max(1.0);
                assert!(
                    (ours - theirs).abs() <= tolerance,
                    "bar {place}: {ours} {theirs}"
                );
            }
            (ours, theirs) => panic!("bar {place}: {ours:?} {theirs:?}"),
        }
    }
}

/// Every value of every column, and none where the reference has none. Returns how many values there were.
fn check_indicators(text: &str) -> usize {
    let prices = columns(text, &["high", "low", "close"]);
    let names = columns(text, &Indicators::COLUMNS);
    let mut indicators = Indicators::new();
    let mut compared = 0;
    for (place, (row, bar)) in rows(text).zip(bars(text)).enumerate() {
        let [high, low, close] = [0, 1, 2].map(|at| row[prices[at]].parse().unwrap());
        let candle = Candle::new(high, low, close).unwrap();
        assert_eq!(Candle::of(&bar.price), Some(candle), "bar {place}");
        let ours = indicators.update(&candle);
        for (column, (ours, at)) in ours.into_iter().zip(&names).enumerate() {
            let name = Indicators::COLUMNS[column];
            match (ours, row[*at].parse::<f64>().ok()) {
                (None, None) => {}
                (Some(ours), Some(theirs)) => {
                    compared += 1;
                    assert!(
                        (ours - theirs).abs() <= tolerance(name, close),
                        "bar {place}, {name}: {ours} {theirs}"
                    );
                }
                (ours, theirs) => panic!("bar {place}, {name}: {ours:?} {theirs:?}"),
            }
        }
    }
    compared
}

/// As the definitions allow: the files hold twelve digits.
fn tolerance(name: &str, price: f64) -> f64 {
    match name {
        "cci20" => 1e-6,
        "rsi14" | "adx14" | "plus_di14" | "minus_di14" | "stoch_k" | "stoch_d" | "willr14" => 1e-7,
        _ => 1e-11 * price.max(1.0),
    }
}

#[test]
fn events_of_the_synthetic_series_are_those_of_the_reference() {
    check_events(
        include_str!("data/synthetic.indicators.csv"),
        include_str!("data/synthetic.events.csv"),
    );
}

#[test]
fn events_of_recorded_eurusd_are_those_of_the_reference() {
    if let (Some(bars), Some(events)) = (
        reference("eurusd_15m.indicators.csv"),
        reference("eurusd_15m.events.csv"),
    ) {
        check_events(&bars, &events);
    }
}

#[test]
fn average_true_range_is_that_of_talib() {
    check_atr(include_str!("data/synthetic.indicators.csv"));
    if let Some(bars) = reference("eurusd_15m.indicators.csv") {
        check_atr(&bars);
    }
}

#[test]
fn indicators_of_the_synthetic_series_are_those_of_talib() {
    let text = include_str!("data/synthetic.indicators.csv");
    let header = text.lines().next().unwrap();
    let of_bars = "bar,time,open,high,low,close,";
    assert_eq!(
        header,
        format!("{of_bars}{}", Indicators::COLUMNS.join(","))
    );
    assert_eq!(check_indicators(text), 7_528);
}

#[test]
fn indicators_of_recorded_eurusd_are_those_of_talib() {
    if let Some(text) = reference("eurusd_15m.indicators.csv") {
        assert_eq!(check_indicators(&text), 44_608);
    }
}

#[test]
fn previous_day_and_week_are_those_of_the_reference() {
    let Some(text) = reference("nas100_1h.prevlevels.csv") else {
        return;
    };
    let mut levels = Levels::new(17);
    for (t, row) in rows(&text).enumerate() {
        let price = |column: usize| Price::parse(row[column]).ok();
        let (high, low) = (price(2).unwrap(), price(3).unwrap());
        let open_time = SourceTime::parse(&format!("{}Z", row[1].replace(' ', "T"))).unwrap();
        let price_of_bar = Ohlc {
            open: low,
            high,
            low,
            close: high,
        };
        let end_time = open_time + Span::from_hours(1);
        levels.update(
            t as u64,
            &Bar {
                open_time,
                end_time,
                price: price_of_bar,
                ticks: 1,
                holed: false,
            },
        );
        assert_eq!(levels.previous_day(), price(4).zip(price(5)), "row {t}");
        assert_eq!(levels.previous_week(), price(6).zip(price(7)), "row {t}");
    }
}
