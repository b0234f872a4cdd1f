//! What compression of what is published together saves and costs: a tick of seven prices, a snapshot of fifty signals, and
//! one of each alone, for plain and for extended clients: `cargo run --release --manifest-path bench/Cargo.toml -p bench-deflate [ROUNDS]` (default 2,000, at
//! least 1). The messages are what `wire` writes of a seeded walk.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

use hub::deflate::Deflater;
use hub::frame;
use market::{
    Backing, Condition, Direction, Epoch, Evidence, Killzone, Position, Price, PriceKind,
    PriceUpdate, Probability, Ratio, Signal, SourceId, SourceTime, Status, Symbol, Target, Time,
    Timeframe, Uuid,
};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};
use wire::tell::{EventBody, Origin, PriceBody};

/// Symbol, digits, and about what it costs, in units of its last digit.
const SYMBOLS: [(&str, u8, i64); 7] = [
    ("EURUSD", 5, 108_532),
    ("GBPUSD", 5, 127_411),
    ("USDJPY", 3, 151_234),
    ("XAUUSD", 2, 265_051),
    ("US30", 1, 440_125),
    ("NAS100", 1, 209_313),
    ("SPX500", 1, 59_982),
];
const NOW_MS: i64 = 1_795_874_833_000;
const NOW: Time = Time::from_millis(NOW_MS);
/// Different groups of each kind, so that none is learned by heart.
const GROUPS: usize = 50;

type Error = Box<dyn std::error::Error>;
type Message = fn(&mut Walk, usize) -> Result<String, Error>;

fn main() -> Result<(), Error> {
    let rounds = match std::env::args().nth(1) {
        Some(text) => text.parse::<NonZeroUsize>()?.get(),
        None => 2000,
    };
    let mut walk = Walk(0x2545_f491_4f6c_dd1d);
    println!(
        "{:<22} {:>8} {:>8} {:>7} {:>8}",
        "", "plain", "deflated", "ratio", "us"
    );
    let kinds: [(&str, usize, Message); 6] = [
        ("7 prices, plain", 7, plain_price),
        ("7 prices, extended", 7, extended_price),
        ("50 signals, plain", 50, plain_signal),
        ("50 signals, extended", 50, extended_signal),
        ("one price, plain", 1, plain_price),
        ("one signal, extended", 1, extended_signal),
    ];
    for (name, size, message) in kinds {
        let group = |_| (0..size).map(|number| message(&mut walk, number)).collect();
        let groups: Vec<Vec<String>> = (0..GROUPS).map(group).collect::<Result<_, _>>()?;
        show(name, &groups, rounds);
    }
    Ok(())
}

/// The time is that of the fastest run of each group: what it takes when nothing else runs.
fn show(name: &str, groups: &[Vec<String>], rounds: usize) {
    let mut deflater = Deflater::default();
    let plain: usize = groups
        .iter()
        .flatten()
        .map(|text| frame::text(text).len())
        .sum();
    let deflated: usize = groups.iter().map(|group| deflater.group(group).len()).sum();
    let fastest = |group: &Vec<String>| {
        let runs = (0..rounds.div_ceil(GROUPS)).map(|_| run(&mut deflater, group));
        runs.min().unwrap_or_default()
    };
    let took: Duration = groups.iter().map(fastest).sum();
    println!(
        "{name:<22} {:>8} {:>8} {:>6.2}x {:>8.1}",
        plain / GROUPS,
        deflated / GROUPS,
        plain as f64 / deflated as f64,
        took.as_secs_f64() * 1e6 / GROUPS as f64
    );
}

fn run(deflater: &mut Deflater, group: &[String]) -> Duration {
    let began = Instant::now();
    std::hint::black_box(deflater.group(group));
    began.elapsed()
}

/// Marsaglia's xorshift64, its low bits left out.
struct Walk(u64);

impl Walk {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as i64 % bound
    }
}

fn units(digits: u8, count: i64) -> Price {
    Price::from_units(count * 10_i64.pow(9 - u32::from(digits)))
}

fn plain_price(walk: &mut Walk, number: usize) -> Result<String, Error> {
    Ok(PriceBody::new(&price(walk, number)?)?.plain())
}

fn extended_price(walk: &mut Walk, number: usize) -> Result<String, Error> {
    let update = price(walk, number)?;
    let origin = Origin {
        source: "oanda",
        kind: PriceKind::Cfd,
        simulated: false,
    };
    Ok(PriceBody::new(&update)?.extended(&update, update.ticks, origin, NOW))
}

fn plain_signal(walk: &mut Walk, _: usize) -> Result<String, Error> {
    Ok(EventBody::signal(&signal(walk)?)?.plain())
}

/// As it is in a snapshot.
fn extended_signal(walk: &mut Walk, number: usize) -> Result<String, Error> {
    let position = Position {
        epoch: Epoch(1_234_567),
        seq: 1800 + 2 * number as u64,
    };
    Ok(EventBody::signal(&signal(walk)?)?.shown(position, NOW))
}

fn price(walk: &mut Walk, number: usize) -> Result<PriceUpdate, Error> {
    let (symbol, digits, about) = SYMBOLS[number % SYMBOLS.len()];
    let (price, change) = (
        about + walk.below(about / 500),
        walk.below(about / 100) - about / 200,
    );
    Ok(PriceUpdate {
        symbol: Symbol::new(symbol)?,
        digits,
        price: units(digits, price),
        bid: units(digits, price - 1),
        ask: units(digits, price + 1),
        time: SourceTime::from_millis(NOW_MS + walk.below(1000)),
        change: units(digits, change),
        change_percent: units(4, change * 1_000_000 / about),
        volume: None,
        ticks: 1 + walk.below(9) as u32,
        source: SourceId(0),
    })
}

fn signal(walk: &mut Walk) -> Result<Signal, Error> {
    let (symbol, digits, about) = SYMBOLS[walk.below(7) as usize];
    let (entry, risk) = (
        about + walk.below(about / 100),
        1 + about / 1000 + walk.below(about / 1000),
    );
    let status = [Status::Pending, Status::Confirmed, Status::Invalidated];
    let target = |times: i64, percent, runner| Target {
        price: units(digits, entry + times * risk),
        percent,
        runner,
    };
    let half = |walk: &mut Walk| u128::from(walk.0) << 64 | walk.below(i64::MAX) as u128;
    Ok(Signal {
        id: Uuid::from_u128(half(walk)),
        status: status[walk.below(3) as usize],
        direction: Direction::Long,
        symbol: Symbol::new(symbol)?,
        digits,
        entry_time: SourceTime::from_millis(NOW_MS - walk.below(28_800_000)),
        entry: units(digits, entry),
        stop: units(digits, entry - risk),
        targets: vec![
            target(1, 30, false),
            target(2, 40, false),
            target(3, 30, true),
        ],
        reason: "MSS+FVG setup (SIMULATED)".to_owned(),
        confidence: Probability::new(0.58),
        rr_target: Ratio::from_hundredths(300 + walk.below(300) as i32),
        killzone: Killzone::ALL[walk.below(5) as usize],
        setup: "mss_fvg".to_owned(),
        timeframe: Timeframe::M5,
        simulated: true,
        created_at: NOW,
        decide_by: Time::MAX,
        decided_at: None,
        cause: None,
        evidence: evidence(walk),
    })
}

/// As the engine writes it: the values differ, the names and limits do not.
fn evidence(walk: &mut Walk) -> Evidence {
    let mut value = |most: i64| walk.below(most * 1_000_000) as f64 / 1e6;
    let risk = value(4);
    Evidence {
        source: "sim".to_owned(),
        price_kind: Some(PriceKind::Cfd),
        conditions: vec![
            Condition::at_most("bars_since_sweep", value(30).floor(), 30.0),
            Condition::holds("mss"),
            Condition::at_least("leg_fvg_atr", 0.15 + value(1), 0.15),
            Condition::at_least("risk_atr", risk, 0.3),
            Condition::at_most("risk_atr", risk, 4.0),
            Condition::at_least("risk_spreads", 5.0 + value(20), 5.0),
            Condition::at_least("rr_weighted", 2.0, 1.5),
        ],
        rr_weighted: Some(Ratio::from_hundredths(200)),
        backing: Some(Backing {
            resolved: 212,
            hits: 129,
            interval: Some((Probability::new(0.5414), Probability::new(0.6717))),
            ..Backing::default()
        }),
        config_hash: "6f1c8a5e2b7d9043".to_owned(),
        size: None,
        odds: None,
        source_confidence: None,
        risk_gate: None,
    }
}
