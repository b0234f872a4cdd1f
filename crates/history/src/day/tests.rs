//! Any day comes back tick by tick, and only a whole one.

use super::*;
use market::{InstrumentId, Ohlc, QuoteBar, SourceTime, Timeframe, Volume};
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Owned {
    time: i64,
    bid: i64,
    ask: i64,
    stamp: i64,
    source: Option<&'static str>,
    volume: Option<i64>,
}

impl Owned {
    fn quote(&self) -> Quote<'_> {
        Quote {
            time: SourceTime::from_nanos(self.time),
            bid: Price::from_units(self.bid),
            ask: Price::from_units(self.ask),
            stamp: Time::from_nanos(self.stamp),
            source: self.source,
            volume: self.volume.map(Volume),
        }
    }
}

fn about(digits: u8) -> About {
    About {
        market: "live".to_owned(),
        symbol: Symbol::new("EURUSD").unwrap(),
        day: day_of("2026-11-27").unwrap(),
        digits,
        simulated: false,
        always_open: false,
        heartbeats: true,
    }
}

fn seal(path: &Path, digits: u8, quotes: &[Owned]) -> Written {
    let mut file = Quotes::create(path, &about(digits)).unwrap();
    for quote in quotes {
        file.push(&quote.quote()).unwrap();
    }
    file.seal(|_| ()).unwrap()
}

fn read(path: &Path) -> Result<Vec<Owned>, Error> {
    let mut file = QuotesRead::open(path)?;
    let mut quotes = Vec::new();
    while let Some(quote) = file.next_quote()? {
        quotes.push(Owned {
            time: quote.time.nanos(),
            bid: quote.bid.units(),
            ask: quote.ask.units(),
            stamp: quote.stamp.nanos(),
            source: quote
                .source
                .map(|name| if name == "oanda" { "oanda" } else { "fxcm" }),
            volume: quote.volume.map(|volume| volume.0),
        });
    }
    Ok(quotes)
}

/// Equal times, a crossed quote, a gap of hours, a time finer than a millisecond, a change of source.
fn hard() -> Vec<Owned> {
    let quote = |time: i64, bid: i64, ask: i64| Owned {
        time: 1_795_737_600_000_000_000 + time,
        bid: 1_085_000_000 + bid * 10_000,
        ask: 1_085_000_000 + ask * 10_000,
        stamp: 1_795_737_600_000_000_123 + time,
        source: Some("oanda"),
        volume: None,
    };
    vec![
        quote(0, 0, 10),
        quote(0, 0, 10),
        quote(1_000_000, 12, 10),
        quote(14_400_000_000_001, -500, -480),
        Owned {
            source: Some("fxcm"),
            volume: Some(2_500_000_000),
            ..quote(14_400_000_000_000, -500, -480)
        },
        Owned {
            source: None,
            ..quote(14_400_001_000_000, 1, 2)
        },
    ]
}

#[test]
fn a_day_comes_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("EURUSD/2026-11-27.parquet");
    let written = seal(&path, 5, &hard());
    assert_eq!(written.rows, 6);
    assert_eq!(read(&path).unwrap(), hard());
    assert_eq!(QuotesRead::open(&path).unwrap().about(), &about(5));
    let mut digester = Digester::default();
    hard()
        .iter()
        .for_each(|quote| digester.quote(&quote.quote()));
    let digest = QuotesRead::open(&path).unwrap().digest().unwrap();
    assert_eq!(digest, digester.digest());
}

#[test]
fn every_part_of_a_quote_is_in_its_digest() {
    let digest = |quote: &Owned| {
        let mut digester = Digester::default();
        digester.quote(&quote.quote());
        digester.digest()
    };
    let first = &hard()[0];
    let others = [
        Owned {
            time: first.time + 1,
            ..first.clone()
        },
        Owned {
            bid: first.bid + 1,
            ..first.clone()
        },
        Owned {
            ask: first.ask + 1,
            ..first.clone()
        },
        Owned {
            stamp: first.stamp + 1,
            ..first.clone()
        },
        Owned {
            source: None,
            ..first.clone()
        },
        Owned {
            volume: Some(0),
            ..first.clone()
        },
    ];
    for other in others {
        assert_ne!(digest(first), digest(&other), "{other:?}");
    }
}

#[test]
fn a_day_that_is_not_whole_is_none() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("2026-11-27.parquet");
    seal(&path, 5, &hard());
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            matches!(read(&path), Err(Error::Damaged { .. })),
            "{length}"
        );
    }
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        if let Ok(quotes) = read(&path) {
            assert_eq!(quotes, hard(), "{place}");
            assert_eq!(
                QuotesRead::open(&path).unwrap().about(),
                &about(5),
                "{place}"
            );
        }
    }
}

#[test]
fn another_table_is_no_day() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("table.parquet");
    let columns = [crate::table::Column::integer("time")];
    let table = crate::table::Writer::create(&path, &columns, &[]).unwrap();
    table.finish().unwrap();
    let error = QuotesRead::open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("is no file of a day's quotes that this ORION reads"),
        "{error}"
    );
    seal(&path, 5, &hard());
    let error = BarsRead::open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("is no file of a day's bars that this ORION reads"),
        "{error}"
    );
}

/// What a crash left half-written, at whatever byte, neither counts nor hinders.
#[test]
fn a_draft_of_any_length_is_overwritten() {
    let dir = TempDir::new().unwrap();
    let (path, draft) = (
        dir.path().join("a.parquet"),
        dir.path().join("a.parquet.part"),
    );
    seal(&path, 5, &hard());
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    for length in (0..whole.len())
        .step_by(97)
        .chain([whole.len() - 1, whole.len()])
    {
        fs::write(&draft, &whole[..length]).unwrap();
        seal(&path, 5, &hard());
        assert_eq!(read(&path).unwrap(), hard());
        assert!(!draft.exists());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn bars_come_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("2026-11-27.bars.parquet");
    let ohlc = |open: i64| Ohlc {
        open: Price::from_units(open * 10_000),
        high: Price::from_units((open + 9) * 10_000),
        low: Price::from_units((open - 7) * 10_000),
        close: Price::from_units((open + 3) * 10_000),
    };
    let bar = |timeframe, minute: i64, volume| QuoteBar {
        instrument: InstrumentId(0),
        timeframe,
        open_time: SourceTime::from_secs(minute * 60),
        bid: ohlc(108_500 + minute),
        ask: ohlc(108_510 + minute),
        volume,
    };
    let bars = [
        bar(Timeframe::M1, 5, None),
        bar(Timeframe::H1, 60, Some(Volume(7_000_000_001))),
        bar(Timeframe::D1, 0, Some(Volume(0))),
    ];
    let told = |place: usize| Told {
        bar: &bars[place],
        stamp: Time::from_nanos(77 + place as i64),
        past: place != 1,
        source: (place == 0).then_some("oanda"),
    };
    let mut file = Bars::create(&path, &about(5)).unwrap();
    for place in 0..bars.len() {
        file.push(&told(place)).unwrap();
    }
    assert_eq!(file.seal(|_| ()).unwrap().rows, 3);
    let mut file = BarsRead::open(&path).unwrap();
    for place in 0..bars.len() {
        assert_eq!(file.next_bar().unwrap(), Some(told(place)));
    }
    assert_eq!(file.next_bar().unwrap(), None);
}

#[test]
fn days_and_places_are_read_as_they_are_written() {
    for (text, day) in [
        ("1970-01-01", 0),
        ("2026-11-28", 20_785),
        ("1969-12-31", -1),
    ] {
        assert_eq!((date(day).as_str(), day_of(text)), (text, Some(day)));
    }
    assert_eq!(day_of("2026-13-01"), None);
    let price = |text| Price::parse(text).unwrap();
    assert_eq!(places(5, price("1.0851")), 5);
    assert_eq!(places(5, price("1.085123")), 6);
    assert_eq!(places(2, price("1.000000001")), 9);
    assert_eq!(places(2, price("-0.5")), 2);
}

/// Quotes of a day: times that go back, repeat and leap, prices that cross, any fineness.
fn any_quotes() -> impl Strategy<Value = Vec<Owned>> {
    let source = prop::sample::select(vec![None, Some("oanda"), Some("fxcm")]);
    let quote = (
        prop_oneof![
            Just(0),
            -5_000_000_i64..5_000_000_000,
            Just(40_000_000_000_000)
        ],
        -300_i64..300,
        -20_i64..60,
        1_i64..1_000_000,
        source,
        prop::option::of(0_i64..i64::MAX),
    );
    (prop::collection::vec(quote, 0..80), 0_u32..3).prop_map(|(quotes, finer)| {
        let (mut time, mut bid, mut stamp) = (1_795_737_600_000_000_000, 108_500, 0);
        let unit = 10_000 / 10_i64.pow(finer);
        let next = quotes
            .into_iter()
            .map(|(step, moved, spread, passed, source, volume)| {
                time += step;
                bid += moved;
                stamp += passed;
                let stamp = 1_795_737_600_000_000_000 + stamp;
                let (bid, ask) = (bid * unit, (bid + spread) * unit);
                Owned {
                    time,
                    bid,
                    ask,
                    stamp,
                    source,
                    volume,
                }
            });
        next.collect()
    })
}

proptest! {
    #[test]
    fn any_day_comes_back(quotes in any_quotes()) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("day.parquet");
        let prices = quotes.iter().flat_map(|quote| [quote.bid, quote.ask]);
        let digits = prices.fold(5, |digits, price| places(digits, Price::from_units(price)));
        prop_assert!(digits <= 7);
        seal(&path, digits, &quotes);
        prop_assert_eq!(read(&path).unwrap(), quotes);
    }
}
