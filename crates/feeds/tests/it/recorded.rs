//! Real recorded files, where they are: in `$ORION_TEST_DATA/data`, or in `shared/data` beside the repository. Each rule
//! they prove has a hand-made case in the other files here, which always runs.

use crate::files::tape;
use crate::sample::catalog;
use feeds::quarantine::Reason;
use feeds::tape::{Columns, Recorded, Spec, Zone};
use market::{InstrumentId, Ohlc, QuoteBar, SourceTime, Span, Symbol, Tick, Timeframe};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of the recorded data; none, and a line that says so, where there is no such data.
fn data(test: &str, name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join("data").join(name);
    if !path.exists() {
        eprintln!("skipped: {test}: no recorded data at {}", path.display());
        return None;
    }
    Some(path)
}

fn ticks(path: PathBuf) -> Vec<Tick> {
    let items = tape(&[Spec::new(path)]).map(|item| match item.unwrap().event {
        Recorded::Tick(tick) => tick,
        Recorded::Bar(bar) => panic!("a bar among ticks: {bar:?}"),
    });
    items.collect()
}

fn bars(spec: Spec) -> Vec<QuoteBar> {
    let items = tape(&[spec]).map(|item| match item.unwrap().event {
        Recorded::Bar(bar) => bar,
        Recorded::Tick(tick) => panic!("a tick among bars: {tick:?}"),
    });
    items.collect()
}

/// Counts, crossed quotes and pairs within a millisecond as they were measured by other means.
#[test]
fn ticks_are_as_many_as_were_measured() {
    for (name, total, crossed, pairs) in [
        ("EURUSD_tick_oanda_20140502.zip", 49_341, 0, 277),
        ("EURUSD_tick_oanda_20140508.zip", 87_833, 0, 1_562),
        ("EURUSD_tick_fxcm_20140502.zip", 96_406, 12_061, 0),
        ("XAUUSD_tick_oanda_20140505.zip", 186_204, 0, 9_441),
        ("XAUUSD_tick_oanda_20140507.zip", 219_809, 0, 9_790),
        ("EURUSD_dukascopy_bi5_20190204", 136_741, 0, 0),
        ("EURUSD_tick_histdata-ascii_20200101.csv.gz", 9_500, 0, 0),
        ("USDJPY_tick_truefx_2013-01.csv.gz", 1_000, 0, 0),
    ] {
        let Some(path) = data("ticks are as many", &format!("ticks/{name}")) else {
            return;
        };
        let mut tape = tape(&[Spec::new(path)]);
        let times: Vec<i64> = tape
            .by_ref()
            .map(|item| item.unwrap().time.millis())
            .collect();
        let same = times.windows(2).filter(|pair| pair[0] == pair[1]).count();
        let rejected: u64 = tape.counts().iter().map(|(_, _, count)| count).sum();
        assert_eq!(times.len() as u64 + rejected, total, "{name}");
        assert_eq!(tape.counts().total(Reason::Crossed), crossed, "{name}");
        assert_eq!(rejected, crossed, "{name}: {:?}", tape.counts());
        assert!(times.is_sorted(), "{name}");
        if pairs > 0 {
            assert_eq!(same, pairs, "{name}");
        }
    }
}

/// Newlines are one fewer per file, 321,551 and 917,870: no file's last line has one, and it is a tick all the same.
#[test]
fn whole_weeks_are_merged_in_order() {
    let days = |symbol: &str, days: &[u8]| -> Option<Vec<Spec>> {
        let path = |day: &u8| {
            data(
                "whole weeks",
                &format!("ticks/{symbol}_tick_oanda_2014050{day}.zip"),
            )
        };
        days.iter().map(|day| path(day).map(Spec::new)).collect()
    };
    let (Some(euro), Some(gold)) = (
        days("EURUSD", &[1, 2, 4, 5, 6, 7, 8, 9]),
        days("XAUUSD", &[4, 5, 6, 7, 8, 9]),
    ) else {
        return;
    };
    let mut tape = tape(&[gold, euro].concat());
    let (mut last, mut backwards) = (SourceTime::MIN, 0);
    for item in tape.by_ref() {
        let time = item.unwrap().time;
        backwards += u32::from(time < last);
        last = time;
    }
    let passed = |symbol: &str| tape.counts().passed(catalog().find(symbol).unwrap());
    assert_eq!(
        (passed("XAUUSD"), passed("EURUSD"), backwards),
        (917_876, 321_559, 0)
    );
    assert_eq!(tape.progress().bytes, tape.progress().bytes_total);
}

/// On the first Friday of May 2014 the payrolls came at 08:30 in New York. One source writes UTC, the other UTC-5.
#[test]
fn payrolls_are_the_busiest_minute_of_either_source() {
    for name in [
        "EURUSD_tick_oanda_20140502.zip",
        "EURUSD_tick_fxcm_20140502.zip",
    ] {
        let Some(path) = data("payrolls", &format!("ticks/{name}")) else {
            return;
        };
        let mut minutes: BTreeMap<SourceTime, u32> = BTreeMap::new();
        for tick in ticks(path) {
            *minutes
                .entry(tick.time.floor(Span::from_minutes(1)))
                .or_default() += 1;
        }
        let busiest = minutes.iter().max_by_key(|(_, count)| **count).unwrap();
        assert_eq!(busiest.0.to_string(), "2014-05-02T12:30:00.000Z", "{name}");
    }
}

/// Ticks and bars of the same source were recorded apart: bars made from the one must be the other, both sides of it.
#[test]
fn minutes_made_from_ticks_are_the_recorded_minutes() {
    for (symbol, days) in [
        ("EURUSD", &[1, 2, 4, 5, 6, 7, 8, 9][..]),
        ("XAUUSD", &[4, 5, 6, 7, 8, 9]),
    ] {
        for day in days {
            let file = |kind: &str| {
                data(
                    "minutes from ticks",
                    &format!("{kind}_oanda_2014050{day}.zip"),
                )
            };
            let ticks_file = file(&format!("ticks/{symbol}_tick"));
            let (Some(tick_file), Some(bar_file)) =
                (ticks_file, file(&format!("bars/{symbol}_1m")))
            else {
                return;
            };
            let recorded: Vec<_> = bars(Spec::new(bar_file))
                .into_iter()
                .map(|bar| (bar.open_time, bar.bid, bar.ask))
                .collect();
            assert_eq!(
                minutes(&ticks(tick_file)),
                recorded,
                "{symbol} 2014-05-0{day}"
            );
        }
    }
}

fn minutes(ticks: &[Tick]) -> Vec<(SourceTime, Ohlc, Ohlc)> {
    let mut minutes: Vec<(SourceTime, Ohlc, Ohlc)> = Vec::new();
    for tick in ticks {
        let open = tick.time.floor(Span::from_minutes(1));
        match minutes.last_mut() {
            Some((minute, bid, ask)) if *minute == open => {
                bid.add(tick.bid);
                ask.add(tick.ask);
            }
            _ => minutes.push((open, Ohlc::of(tick.bid), Ohlc::of(tick.ask))),
        }
    }
    minutes
}

/// What the settings must say of files whose names do not.
fn bar_spec(path: PathBuf, name: &str) -> Spec {
    let mut spec = Spec::new(path);
    if name.starts_with("SPX_") {
        spec.symbol = Symbol::new("SPX500").ok();
    }
    if name == "SPX_1m_cash_2019-11.csv.gz" {
        spec.zone = Some(Zone::NewYork);
    }
    let scale = match name.split_once("_1h_mt_points") {
        Some(("GBPUSD", _)) => Some(100_000),
        Some(_) => Some(1000),
        None => None,
    };
    spec.columns = scale.map(|scale| Columns {
        price_scale: Some(scale),
        ..Columns::default()
    });
    spec
}

/// Name, bars (lines counted by other means), of which turned away, end of the first and of the last one. The crossed
/// ones are of a future's quotes, the jumps the Monday of March 2020 after a hole in the file; Dukascopy's candles are
/// fewer than its records since the weekend's say that nothing happened.
const BARS: [(&str, u64, u64, &str, &str); 21] = [
    (
        "6EH4_1m_cme_2024-01.csv.gz",
        29_996,
        0,
        "2024-01-01T23:02",
        "2024-02-01T00:00",
    ),
    (
        "ES_1m_cme_20131006_quote.zip",
        155,
        2,
        "2013-10-06T19:01",
        "2013-10-07T00:00",
    ),
    (
        "ES_1m_cme_20131007_trade.zip",
        1_344,
        0,
        "2013-10-07T00:01",
        "2013-10-08T00:00",
    ),
    (
        "EURUSD_15m_mt5_2022-10_2023-10.csv.gz",
        24_424,
        0,
        "2022-10-09T21:15",
        "2023-10-02T04:00",
    ),
    (
        "EURUSD_1d_bid_dukascopy_2018.bi5",
        313,
        0,
        "2018-01-02T00:00",
        "2019-01-01T00:00",
    ),
    (
        "EURUSD_1d_oanda_2007-2018.zip",
        3_738,
        0,
        "2007-01-02T00:00",
        "2019-01-01T00:00",
    ),
    (
        "EURUSD_1h_bid_dukascopy_201901.bi5",
        530,
        0,
        "2019-01-01T23:00",
        "2019-02-01T00:00",
    ),
    (
        "EURUSD_1h_oanda_2007-2018.zip",
        74_439,
        0,
        "2007-01-01T22:00",
        "2018-12-31T22:00",
    ),
    (
        "EURUSD_1m_bid_dukascopy_20190204.bi5",
        1_440,
        0,
        "2019-02-04T00:01",
        "2019-02-05T00:00",
    ),
    (
        "GBPUSD_1h_mt_points_2012-2022.csv.gz",
        57_600,
        0,
        "2012-11-16T04:00",
        "2022-03-04T22:00",
    ),
    (
        "GBPUSD_1m_bid_fxcm_2012-02.csv.gz",
        30_117,
        0,
        "2012-02-01T00:01",
        "2012-03-01T00:01",
    ),
    (
        "GBPUSD_4h_2007-2023.csv.gz",
        25_847,
        0,
        "2007-09-04T00:00",
        "2023-09-11T12:00",
    ),
    (
        "NAS100_1h_dukascopy_2013-2023.csv.gz",
        53_527,
        1,
        "2013-05-22T16:00",
        "2023-09-11T10:00",
    ),
    (
        "SPX500_1h_dukascopy_2013-2023.csv.gz",
        53_257,
        1,
        "2013-05-23T01:00",
        "2023-09-11T10:00",
    ),
    (
        "SPX_1m_cash_2019-11.csv.gz",
        1_563,
        0,
        "2019-11-05T14:31",
        "2019-11-08T21:00",
    ),
    (
        "SPX_1m_cash_20210104.zip",
        411,
        0,
        "2021-01-04T14:31",
        "2021-01-04T21:21",
    ),
    (
        "US30_1h_dukascopy_2013-2023.csv.gz",
        54_118,
        1,
        "2013-05-23T01:00",
        "2023-09-11T10:00",
    ),
    (
        "USDJPY_1h_mt_points_2012-2022.csv.gz",
        57_600,
        0,
        "2012-11-16T11:00",
        "2022-03-04T22:00",
    ),
    (
        "USDJPY_4h_2007-2023.csv.gz",
        25_866,
        0,
        "2007-08-14T16:00",
        "2023-09-11T12:00",
    ),
    (
        "XAUUSD_1d_oanda_2006-2019.zip",
        3_949,
        0,
        "2006-03-21T00:00",
        "2019-02-26T00:00",
    ),
    (
        "XAUUSD_1h_oanda_2006-2019.zip",
        76_499,
        0,
        "2006-03-20T01:00",
        "2019-02-26T00:00",
    ),
];

#[test]
fn bars_are_as_many_as_were_counted() {
    for (name, total, turned_away, first, last) in BARS {
        let Some(path) = data("bars are as many", &format!("bars/{name}")) else {
            return;
        };
        let mut tape = tape(&[bar_spec(path, name)]);
        let times: Vec<SourceTime> = tape.by_ref().map(|item| item.unwrap().time).collect();
        let rejected: u64 = tape.counts().iter().map(|(_, _, count)| count).sum();
        assert_eq!(
            (times.len() as u64 + rejected, rejected),
            (total, turned_away),
            "{name}: {:?}",
            tape.counts()
        );
        let minute = |time: Option<&SourceTime>| time.map(|time| time.to_string()[..16].to_owned());
        assert_eq!(minute(times.first()).as_deref(), Some(first), "{name}");
        assert_eq!(minute(times.last()).as_deref(), Some(last), "{name}");
    }
}

#[test]
fn every_bar_file_opens_and_almost_all_of_it_passes() {
    let Some(folder) = data("every bar file", "bars") else {
        return;
    };
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut tape = tape(&[bar_spec(path, &name)]);
        let passed = tape
            .by_ref()
            .inspect(|item| assert!(item.is_ok(), "{name}"))
            .count() as u64;
        let rejected: u64 = tape.counts().iter().map(|(_, _, count)| count).sum();
        assert!(
            passed > 100 && rejected * 50 < passed,
            "{name}: {passed} {rejected}"
        );
        files += 1;
    }
    assert_eq!(files, 50);
}

/// Where bids and asks are two files they make one series of bars with real spreads.
#[test]
fn bids_and_asks_are_joined() {
    let file = |side: &str| {
        data(
            "bids and asks",
            &format!("bars/GBPUSD_1m_{side}_fxcm_2012-02.csv.gz"),
        )
    };
    let (Some(bid), Some(ask)) = (file("bid"), file("ask")) else {
        return;
    };
    let mut tape = tape(&[Spec::new(bid), Spec::new(ask)]);
    let spreads: Vec<i64> = tape
        .by_ref()
        .map(|item| match item.unwrap().event {
            Recorded::Bar(bar) => (bar.ask.close - bar.bid.close).units() / 10_000,
            Recorded::Tick(tick) => panic!("a tick among bars: {tick:?}"),
        })
        .collect();
    // As many as the two files' lines cross at an open, high, low or close, counted by other means.
    assert_eq!(tape.counts().total(Reason::Crossed), 1_203);
    assert_eq!(spreads.len(), 30_117 - 1_203);
    let mean = spreads.iter().sum::<i64>() / spreads.len() as i64;
    assert!((5..30).contains(&mean), "{mean} points");
}

/// A MetaTrader file's zone is not written in it. Made into 4h bars after conversion it must lie on an independent UTC
/// series, in winter, in summer, and in the weeks of March when New York has changed and Europe has not.
#[test]
fn metatrader_bars_lie_on_an_independent_utc_series() {
    let file = |name: &str| data("metatrader zone", &format!("bars/{name}"));
    let (Some(hours), Some(fours)) = (
        file("GBPUSD_1h_mt_points_2012-2022.csv.gz"),
        file("GBPUSD_4h_2007-2023.csv.gz"),
    ) else {
        return;
    };
    let utc: BTreeMap<SourceTime, QuoteBar> = bars(Spec::new(fours))
        .into_iter()
        .map(|bar| (bar.open_time, bar))
        .collect();
    for zone in [Zone::EetEu, Zone::EetUs] {
        let mut spec = bar_spec(hours.clone(), "GBPUSD_1h_mt_points_2012-2022.csv.gz");
        spec.zone = Some(zone);
        let errors = errors_by_season(&bars(spec), &utc);
        for season in [Season::Winter, Season::Summer, Season::BetweenChanges] {
            let fits = errors[&season] < 60_000;
            let expected = zone == Zone::EetEu || season != Season::BetweenChanges;
            assert_eq!(
                fits, expected,
                "{zone} {season:?}: median {} units",
                errors[&season]
            );
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Season {
    Winter,
    Summer,
    BetweenChanges,
}

/// The median difference of highs and lows from the other series, in units of 1e-9.
fn errors_by_season(
    hours: &[QuoteBar],
    fours: &BTreeMap<SourceTime, QuoteBar>,
) -> BTreeMap<Season, i64> {
    let mut made: BTreeMap<SourceTime, Ohlc> = BTreeMap::new();
    for bar in hours {
        let open = bar.open_time.floor(Timeframe::H4.span());
        made.entry(open)
            .and_modify(|ohlc| ohlc.append(&bar.bid))
            .or_insert(bar.bid);
    }
    let mut errors: BTreeMap<Season, Vec<i64>> = BTreeMap::new();
    for (open, ours) in made {
        let Some((theirs, season)) = fours.get(&open).zip(season(open)) else {
            continue;
        };
        // One series is of bids and the other of mids: what is compared is the bar's range.
        let (range, other) = (ours.high - ours.low, theirs.bid.high - theirs.bid.low);
        errors
            .entry(season)
            .or_default()
            .push((range - other).abs().units());
    }
    let median = |mut all: Vec<i64>| {
        all.sort_unstable();
        all[all.len() / 2]
    };
    errors
        .into_iter()
        .map(|(season, all)| (season, median(all)))
        .collect()
}

/// By the date alone: months that are surely one or the other, and 15 to 24 March.
fn season(time: SourceTime) -> Option<Season> {
    let text = time.to_string();
    match (&text[5..7], &text[8..10]) {
        ("12" | "01" | "02", _) => Some(Season::Winter),
        ("05" | "06" | "07" | "08" | "09", _) => Some(Season::Summer),
        ("03", day) if ("15"..="24").contains(&day) => Some(Season::BetweenChanges),
        _ => None,
    }
}

#[test]
fn another_contract_can_be_chosen() {
    let Some(path) = data("contracts", "bars/ES_1m_cme_20131007_quote.zip") else {
        return;
    };
    let mut spec = Spec::new(path);
    let entry = |spec: &Spec| {
        tape(std::slice::from_ref(spec)).files()[0]
            .entry
            .clone()
            .unwrap()
    };
    assert_eq!(entry(&spec), "20131007_es_minute_quote_201312.csv");
    spec.expiry = Some("201403".to_owned());
    assert_eq!(entry(&spec), "20131007_es_minute_quote_201403.csv");
    let future = InstrumentId(7);
    assert!(bars(spec).iter().all(|bar| bar.instrument == future));
}
