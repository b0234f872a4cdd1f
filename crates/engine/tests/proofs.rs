//! No detector looks ahead, and none depends on where a series is cut, which side is up, or how large prices are: over a
//! made-up walk always, and over recorded bars of every symbol where they are at hand (`ORION_TEST_DATA`, default: a folder
//! `shared` beside the checkout; skipped by name where they are absent). Bugs that are planted on purpose are all found.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod shared;

use engine::Rules;
use engine::structure::{BarIndex, Chart, Finding};
use feeds::tape::{Recorded, Spec};
use flate2::read::GzDecoder;
use market::{
    Bar, Calendar, Catalog, Direction, Instrument, Ohlc, Price, PriceKind, Source, SourceId,
    SourceTime, Span, Symbol,
};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

/// Cuts of each series, and the bars that are taken of it.
const CUTS: usize = 200;
const BARS_MAX: usize = 5_000;

/// What became known at a bar's close, without the words: prices are turned and scaled with the market.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fact {
    bar: BarIndex,
    kind: &'static str,
    direction: i64,
    prices: Vec<i64>,
    /// Bars that it points back to.
    references: Vec<BarIndex>,
}

/// Everything that a chart says of a series, and how it stands after each bar.
fn facts(bars: &[Bar]) -> Vec<Fact> {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    bars.iter()
        .flat_map(|bar| close(&mut chart, bar, &rules))
        .collect()
}

fn close(chart: &mut Chart, bar: &Bar, rules: &Rules) -> Vec<Fact> {
    let mut findings = Vec::new();
    let t = chart.close(bar, rules, &mut findings);
    let mut facts: Vec<Fact> = findings.iter().map(|finding| fact(t, finding)).collect();
    facts.extend(states(t, chart, bar));
    facts
}

fn fact(bar: BarIndex, finding: &Finding) -> Fact {
    let of = |kind, direction: Direction, prices: &[Price], references: &[BarIndex]| Fact {
        bar,
        kind,
        direction: direction.sign(),
        prices: prices.iter().map(|price| price.units()).collect(),
        references: references.to_vec(),
    };
    match finding {
        Finding::Swing { side, level, bar } => of("swing", *side, &[*level], &[*bar]),
        Finding::MajorSwing { side, level, bar } => of("major_swing", *side, &[*level], &[*bar]),
        Finding::Equal {
            side,
            level,
            bar,
            earlier,
        } => of("equal", *side, &[*level], &[*bar, *earlier]),
        Finding::Break(found) => {
            let kind = if found.choch { "choch" } else { "bos" };
            let displaced = BarIndex::from(found.displaced);
            let references = [found.swing, found.leg.block, displaced];
            of(
                kind,
                found.direction,
                &[found.level, found.leg.extreme],
                &references,
            )
        }
        Finding::Block(zone) => of("ob", zone.direction, &[zone.top, zone.bottom], &[zone.bar]),
        Finding::BlockTouched(zone) => of(
            "ob_touch",
            zone.direction,
            &[zone.top, zone.bottom],
            &[zone.bar],
        ),
        Finding::BlockBroken(zone) => of(
            "ob_break",
            zone.direction,
            &[zone.top, zone.bottom],
            &[zone.bar],
        ),
        Finding::Gap(gap) => of(
            "fvg",
            gap.direction,
            &[gap.top, gap.bottom],
            &[gap.born - 1],
        ),
        Finding::GapTouched(gap) => of(
            "fvg_touch",
            gap.direction,
            &[gap.top, gap.bottom],
            &[gap.born],
        ),
        Finding::GapFilled(gap) => of(
            "fvg_fill",
            gap.direction,
            &[gap.top, gap.bottom],
            &[gap.born],
        ),
        Finding::GapInverted(gap) => of(
            "fvg_invert",
            gap.direction,
            &[gap.top, gap.bottom],
            &[gap.born],
        ),
        Finding::Sweep {
            direction,
            pool,
            extreme,
        } => of("sweep", *direction, &[pool.level, *extreme], &[pool.bar]),
        Finding::Run {
            direction,
            pool,
            extreme,
        } => of("run", *direction, &[pool.level, *extreme], &[pool.bar]),
    }
}

/// The trend, the dealing range and the previous day's levels, as they stand after a bar.
fn states(bar: BarIndex, chart: &Chart, at: &Bar) -> Vec<Fact> {
    let of = |kind, direction, prices| Fact {
        bar,
        kind,
        direction,
        prices,
        references: Vec::new(),
    };
    let mut states = Vec::new();
    states.extend(
        chart
            .trend()
            .map(|trend| of("trend", trend.sign(), Vec::new())),
    );
    if let Some((high, low)) = chart.range().ends() {
        let ote = [Direction::Long, Direction::Short].map(|direction| {
            let is_ote = chart
                .range()
                .is_ote(direction, at.price.close, &Rules::default());
            i64::from(is_ote) * direction.sign()
        });
        states.push(of(
            "range",
            ote.iter().sum(),
            vec![high.units(), low.units()],
        ));
    }
    if let Some((high, low)) = chart.levels().previous_day() {
        states.push(of("day", 0, vec![high.units(), low.units()]));
    }
    states
}

/// What a series without look-ahead says of its first bars: nothing of it may depend on those that follow.
fn before(facts: &[Fact], cut: usize) -> Vec<Fact> {
    let known = facts.iter().filter(|fact| fact.bar < cut as BarIndex);
    known.cloned().collect()
}

/// The cut after which a detector tells another past than it told, if there is one.
fn looks_ahead(
    bars: &[Bar],
    cuts: &[usize],
    detect: impl Fn(&[Bar]) -> Vec<Fact>,
) -> Option<usize> {
    let whole = detect(bars);
    let mut sorted = cuts.iter().copied();
    sorted.find(|cut| {
        let past = before(&whole, *cut);
        let noise = noise(bars, *cut);
        detect(&bars[..*cut]) != past || before(&detect(&noise), *cut) != past
    })
}

/// The series with another future: a day of it turned upside down.
fn noise(bars: &[Bar], cut: usize) -> Vec<Bar> {
    let end = (cut + 60).min(bars.len());
    let pivot = bars[cut.min(bars.len() - 1)].price.open;
    let turned = bars[cut..end].iter().map(|bar| Bar {
        price: mirrored(&bar.price, pivot + pivot),
        ..*bar
    });
    bars[..cut].iter().copied().chain(turned).collect()
}

fn mirrored(price: &Ohlc, twice: Price) -> Ohlc {
    Ohlc {
        open: twice - price.open,
        high: twice - price.low,
        low: twice - price.high,
        close: twice - price.close,
    }
}

/// Steele, Lea, Flood: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}

fn cuts(bars: &[Bar], count: usize) -> Vec<usize> {
    let mut random = Random(bars.len() as u64);
    (0..count)
        .map(|_| random.below(bars.len() as u64) as usize)
        .collect()
}

fn bar(place: usize, price: Ohlc) -> Bar {
    let open_time = SourceTime::from_secs(place as i64 * 900);
    Bar {
        open_time,
        end_time: open_time + Span::from_minutes(15),
        price,
        ticks: 1,
        holed: false,
    }
}

/// A walk of whole points in which everything happens that detectors look for.
fn walk() -> Vec<Bar> {
    let (mut random, mut last) = (Random(5), 10_000_i64);
    let price = |points: i64| Price::from_units(points * 10_000);
    let candle = |place| {
        let open = last + random.below(9) as i64 - 4;
        let close = open + random.below(81) as i64 - 40;
        let (up, down) = (random.below(12) as i64, random.below(12) as i64);
        last = close;
        bar(
            place,
            Ohlc {
                open: price(open),
                high: price(open.max(close) + up),
                low: price(open.min(close) - down),
                close: price(close),
            },
        )
    };
    (0..2_500).map(candle).collect()
}

/// All proofs over one series.
fn prove(bars: &[Bar]) {
    let cuts = cuts(bars, CUTS);
    assert_eq!(looks_ahead(bars, &cuts, facts), None);
    let whole = facts(bars);
    whole.iter().for_each(assert_is_late);
    for cut in &cuts[..20] {
        assert_eq!(restarted(bars, *cut), whole, "a restart at {cut}");
    }
    assert_eq!(turned(bars), sorted(whole.clone()), "in a mirror");
    assert_eq!(scaled(bars), whole, "1024 times as large");
}

/// Nothing is known before it can be.
fn assert_is_late(fact: &Fact) {
    let Fact {
        bar, references, ..
    } = fact;
    let rules = Rules::default();
    let right = |count: u32| BarIndex::from(count);
    let is_late = match (fact.kind, &references[..]) {
        ("swing" | "equal", [at, ..]) => *bar == at + right(rules.swing_right),
        ("major_swing", [at]) => *bar == at + right(rules.major_right),
        ("fvg", [middle]) => *bar == middle + 1,
        ("bos" | "choch", [swing, block, _]) => bar > swing && bar > block,
        ("trend" | "range" | "day", []) => true,
        (_, [at]) => bar > at,
        (_, _) => false,
    };
    assert!(is_late, "{fact:?}");
}

fn restarted(bars: &[Bar], cut: usize) -> Vec<Fact> {
    let rules = Rules::default();
    let mut chart = Chart::new(&rules, 17);
    let mut facts = Vec::new();
    for (place, bar) in bars.iter().enumerate() {
        if place == cut {
            let bytes = postcard::to_stdvec(&chart).unwrap();
            chart = postcard::from_bytes(&bytes).unwrap();
        }
        facts.extend(close(&mut chart, bar, &rules));
    }
    facts
}

/// What is seen in a mirror, turned back: as sets, since highs are tested before lows.
fn turned(bars: &[Bar]) -> Vec<Fact> {
    let mirror = |bar: &Bar| Bar {
        price: mirrored(&bar.price, Price::ZERO),
        ..*bar
    };
    let bars: Vec<Bar> = bars.iter().map(mirror).collect();
    let back = |fact: Fact| {
        let mut prices: Vec<i64> = fact.prices.iter().map(|price| -price).collect();
        if ["ob", "fvg", "range", "day"]
            .iter()
            .any(|kind| fact.kind.starts_with(kind))
        {
            prices.reverse();
        }
        Fact {
            direction: -fact.direction,
            prices,
            ..fact
        }
    };
    sorted(facts(&bars).into_iter().map(back).collect())
}

fn sorted(mut facts: Vec<Fact>) -> Vec<Fact> {
    facts.sort();
    facts
}

fn scaled(bars: &[Bar]) -> Vec<Fact> {
    let times = |price: Price| price.times(1024);
    let larger = |bar: &Bar| Bar {
        price: Ohlc {
            open: times(bar.price.open),
            high: times(bar.price.high),
            low: times(bar.price.low),
            close: times(bar.price.close),
        },
        ..*bar
    };
    let bars: Vec<Bar> = bars.iter().map(larger).collect();
    let smaller = |fact: Fact| Fact {
        prices: fact.prices.iter().map(|price| price / 1024).collect(),
        ..fact
    };
    facts(&bars).into_iter().map(smaller).collect()
}

#[test]
fn a_made_up_walk_is_seen_without_looking_ahead() {
    prove(&walk());
}

/// What every detector says, for the bugs that are planted.
const KINDS: [&str; 17] = [
    "swing",
    "major_swing",
    "equal",
    "bos",
    "choch",
    "ob",
    "ob_touch",
    "ob_break",
    "fvg",
    "fvg_touch",
    "fvg_fill",
    "fvg_invert",
    "sweep",
    "run",
    "trend",
    "range",
    "day",
];

#[test]
fn what_is_told_a_bar_early_is_found_in_every_detector() {
    let bars = walk();
    let cuts = cuts(&bars, CUTS);
    let seen: BTreeSet<&str> = facts(&bars).iter().map(|fact| fact.kind).collect();
    assert_eq!(seen, BTreeSet::from(KINDS));
    for kind in KINDS {
        // Known at a bar's close, told at the bar before, as if the bar had been foreseen.
        let early = |bars: &[Bar]| {
            let mut facts = facts(bars);
            let told = facts
                .iter_mut()
                .filter(|fact| fact.kind == kind && fact.bar > 0);
            told.for_each(|fact| fact.bar -= 1);
            facts
        };
        let every: Vec<usize> = (0..bars.len()).step_by(7).chain(cuts.clone()).collect();
        assert!(looks_ahead(&bars, &every, early).is_some(), "{kind}");
    }
}

#[test]
fn what_is_drawn_where_it_lies_is_found() {
    // As a well-known library does: swings at their own bar, gaps at their middle.
    let bars = walk();
    let cuts = cuts(&bars, CUTS);
    for kind in ["swing", "equal", "major_swing", "fvg"] {
        let drawn = |bars: &[Bar]| {
            let mut facts = facts(bars);
            for fact in facts.iter_mut().filter(|fact| fact.kind == kind) {
                fact.bar = fact.references[0];
            }
            facts
        };
        assert!(looks_ahead(&bars, &cuts, drawn).is_some(), "{kind}");
    }
}

#[test]
fn a_tolerance_of_the_whole_series_is_found() {
    // As that library does with equal highs: a part of the range that the whole series will have.
    let bars = walk();
    let drawn = |bars: &[Bar]| {
        let highs = bars.iter().map(|bar| bar.price.high.units());
        let range = highs.max().unwrap_or(0)
            - bars
                .iter()
                .map(|bar| bar.price.low.units())
                .min()
                .unwrap_or(0);
        let swings = facts(bars).into_iter().filter(|fact| fact.kind == "swing");
        let swings: Vec<Fact> = swings.collect();
        let near = |pair: &[Fact]| (pair[0].prices[0] - pair[1].prices[0]).abs() * 100 <= range;
        swings
            .windows(2)
            .filter(|pair| near(pair))
            .map(|pair| pair[1].clone())
            .collect()
    };
    assert!(looks_ahead(&bars, &cuts(&bars, CUTS), drawn).is_some());
}

// Recorded series.

fn check_recorded(files: &[&str]) {
    for file in files {
        let Some(path) = shared::shared(&format!("data/bars/{file}")) else {
            continue;
        };
        let mut bars = if file.ends_with(".gz") {
            table(&path)
        } else {
            recorded(&path)
        };
        assert!(bars.len() > 1_000, "{file}: {} bars", bars.len());
        bars.drain(..bars.len().saturating_sub(BARS_MAX));
        prove(&bars);
    }
}

/// Rows of a packed table whose header names the prices; times do not matter to what is proved.
fn table(path: &Path) -> Vec<Bar> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let header = text.lines().next().unwrap().to_lowercase();
    let separator = if header.contains('\t') { '\t' } else { ',' };
    let names: Vec<&str> = header.split(separator).collect();
    let places = ["open", "high", "low", "close"]
        .map(|name| names.iter().position(|one| *one == name).unwrap());
    let rows = text.lines().skip(1).enumerate();
    let candle = |(place, line): (usize, &str)| {
        let words: Vec<&str> = line.split(separator).collect();
        let [open, high, low, close] = places.map(|place| {
            // Some are written as floats print: nine digits are enough.
            let value: f64 = words[place].trim().parse().unwrap();
            Price::from_f64(value).unwrap()
        });
        bar(
            place,
            Ohlc {
                open,
                high,
                low,
                close,
            },
        )
    };
    rows.map(candle).collect()
}

/// The mids of recorded bars of bid and ask.
fn recorded(path: &Path) -> Vec<Bar> {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let symbol = name.split('_').next().unwrap();
    let tape = feeds::tape::open(&[Spec::new(path.to_owned())], &catalog(symbol)).unwrap();
    let candle = |(place, item): (usize, feeds::tape::Item)| match item.event {
        Recorded::Bar(quote) => {
            let mid = |of: fn(&Ohlc) -> Price| of(&quote.bid).mid(of(&quote.ask));
            bar(
                place,
                Ohlc {
                    open: mid(|side| side.open),
                    high: mid(|side| side.high),
                    low: mid(|side| side.low),
                    close: mid(|side| side.close),
                },
            )
        }
        Recorded::Tick(tick) => panic!("a tick in {name}: {tick:?}"),
    };
    tape.map(|item| item.unwrap())
        .enumerate()
        .map(candle)
        .collect()
}

fn catalog(symbol: &str) -> Catalog {
    let instrument = Instrument {
        symbol: Symbol::new(symbol).unwrap(),
        digits: 5,
        tick_size: Price::parse("0.00001").unwrap(),
        pip_size: Price::parse("0.0001").unwrap(),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::parse("0.0001").unwrap(),
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    };
    let source = Source {
        name: "tape".to_owned(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    Catalog {
        sources: vec![source],
        instruments: vec![instrument],
    }
}

#[test]
fn recorded_currencies_are_seen_without_looking_ahead() {
    check_recorded(&[
        "EURUSD_15m_mt5_2022-10_2023-10.csv.gz",
        "EURUSD_1h_oanda_2007-2018.zip",
        "GBPUSD_1m_bid_fxcm_2012-02.csv.gz",
        "GBPUSD_1h_mt_points_2012-2022.csv.gz",
        "GBPUSD_4h_2007-2023.csv.gz",
        "USDJPY_1h_mt_points_2012-2022.csv.gz",
        "USDJPY_4h_2007-2023.csv.gz",
        "6EH4_1m_cme_2024-01.csv.gz",
    ]);
}

#[test]
fn recorded_gold_and_indices_are_seen_without_looking_ahead() {
    check_recorded(&[
        "XAUUSD_1h_oanda_2006-2019.zip",
        "XAUUSD_1d_oanda_2006-2019.zip",
        "US30_1h_dukascopy_2013-2023.csv.gz",
        "NAS100_1h_dukascopy_2013-2023.csv.gz",
        "SPX500_1h_dukascopy_2013-2023.csv.gz",
        "SPX_1m_cash_2019-11.csv.gz",
    ]);
}
