//! The same ticks, from a tape and through the stream, make the same bars of a minute.
//!
//! The recorded days are found in `$ORION_TEST_DATA/data`, or in `shared/data` beside the repository; where they are not,
//! the hand-made ticks prove the rule. The stand-in plays them without OANDA's limit of four prices a second.

use crate::rig::{Rig, TOKEN};
use feeds::tape::{Recorded, Spec};
use market::{InstrumentId, Ohlc, Price, SourceTime, Span, Tick};
use standin::oanda::{Fault, Options, Quote};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A minute's mid and how many ticks made it.
type Minutes = BTreeMap<(InstrumentId, SourceTime), (Ohlc, u32)>;

fn add(minutes: &mut Minutes, tick: &Tick) {
    let minute = tick.time.floor(Span::from_minutes(1));
    let (bar, ticks) = minutes
        .entry((tick.instrument, minute))
        .or_insert((Ohlc::of(tick.mid()), 0));
    bar.add(tick.mid());
    *ticks += 1;
}

/// So many ticks are on their way at once: fewer than the inbox takes before it merges.
const AT_ONCE: usize = 4000;

/// Plays ticks of gold, and holds what comes out against them: tick by tick, and as bars.
async fn check(ticks: &[Tick], now: &str, fault: Option<Fault>) -> Minutes {
    let mut rig = Rig::with(Options::default(), TOKEN, now, |settings| settings).await;
    if let Some(fault) = fault {
        rig.vendor.fault(fault);
    }
    rig.run();
    rig.until_begun(1).await;
    let (mut expected, mut minutes) = (Minutes::new(), Minutes::new());
    for ticks in ticks.chunks(AT_ONCE) {
        let quotes: Vec<Quote> = ticks.iter().map(quote).collect();
        rig.vendor.play(&quotes);
        for tick in ticks {
            let told = rig.tick().await;
            assert_eq!(
                (told.time, told.bid, told.ask),
                (tick.time, tick.bid, tick.ask)
            );
            add(&mut minutes, &told);
            add(&mut expected, tick);
        }
    }
    let health = rig.health();
    assert_eq!(health.ticks as usize, ticks.len());
    assert_eq!((health.conflated, health.malformed), (0, 0));
    assert_eq!(minutes, expected);
    minutes
}

fn quote(tick: &Tick) -> Quote {
    let (bid, ask) = (tick.bid.to_string(), tick.ask.to_string());
    Quote::new("XAU_USD", tick.time.nanos(), &bid, &ask)
}

#[tokio::test]
async fn made_up_ticks_make_the_bars_that_they_are() {
    let tick = |(time, bid, ask): (&str, &str, &str)| Tick {
        instrument: InstrumentId(3),
        bid: Price::parse(bid).unwrap(),
        ask: Price::parse(ask).unwrap(),
        volume: None,
        time: SourceTime::parse(&format!("2026-07-13T{time}Z")).unwrap(),
        received: None,
    };
    let ticks = [
        ("11:59:59.999", "4123.95", "4124.31"),
        ("12:00:00.000", "4123.9", "4124.3"),
        ("12:00:00.000", "4123.9", "4124.3"),
        ("12:00:00.250", "4120.001", "4121"),
        ("12:00:59.999999999", "4130", "4130.0"),
        ("12:01:00", "4125.5", "4125.7"),
    ]
    .map(tick);
    for fault in [None, Some(Fault::Split(11))] {
        let minutes = check(&ticks, "2026-07-13T12:01:30Z", fault).await;
        let shown: Vec<String> = minutes
            .iter()
            .map(|((_, time), (bar, ticks))| {
                let Ohlc {
                    open,
                    high,
                    low,
                    close,
                } = bar;
                format!(
                    "{} {open} {high} {low} {close} x{ticks}",
                    &time.to_string()[11..16]
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "11:59 4124.13 4124.13 4124.13 4124.13 x1",
                "12:00 4124.1 4130 4120.5005 4130 x4",
                "12:01 4125.6 4125.6 4125.6 4125.6 x1"
            ]
        );
    }
}

/// Sunday is short and quiet, Monday has 186,204 ticks.
#[tokio::test]
async fn recorded_gold_days_make_the_bars_of_the_tape() {
    let root = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    for day in ["20140504", "20140505"] {
        let path = root.join(format!("data/ticks/XAUUSD_tick_oanda_{day}.zip"));
        if !path.exists() {
            eprintln!("skipped: recorded gold days: no {}", path.display());
            return;
        }
        let tape = feeds::tape::open(&[Spec::new(path)], &crate::sample::catalog()).unwrap();
        let ticks: Vec<Tick> = tape
            .map(|item| match item.unwrap().event {
                Recorded::Tick(tick) => tick,
                Recorded::Bar(bar) => panic!("a bar among ticks: {bar:?}"),
            })
            .collect();
        let minutes = check(&ticks, "2014-05-07T00:00:00Z", None).await;
        assert!(minutes.len() > 50, "{day}: {} minutes", minutes.len());
    }
}
