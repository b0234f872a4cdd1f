//! How fast the tape is written and read, how many bytes a tick takes, and how long it takes until a tick is synced and
//! until a record is in the journal:
//! `cargo run --release --manifest-path bench/tape/Cargo.toml [TICKS]` (default 5,000,000, at least 1).
//!
//! Two random walks of eleven instruments: `live`, with stamps in nanoseconds and times of receipt, and `recorded`, where
//! the source's time in milliseconds is all there is.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

use journal::tape::{Settings, Tape, TapeItem, TapeReader, TapeWriter};
use journal::{Error, Journal as _, Local, Record};
use market::{
    Epoch, Event, InstrumentId, Outcome, OutcomeKind, Price, Ratio, SourceTime, Symbol, Tick, Time,
    Uuid,
};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many events the loop hands over before a write.
const BATCH: usize = 64;
const SYNCS: usize = 500;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Live,
    Recorded,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = match std::env::args().nth(1) {
        Some(text) => text.parse::<NonZeroUsize>()?.get(),
        None => 5_000_000,
    };
    for (name, kind) in [("live", Kind::Live), ("recorded", Kind::Recorded)] {
        let dir = tempfile::tempdir()?;
        let events = walk(kind, count);
        let (bytes, took) = write(dir.path(), &events)?;
        let each = bytes as f64 / count as f64;
        println!(
            "{name:>8}: write {}, {each:.2} bytes a tick",
            rate(count, took)
        );
        let took = read(dir.path(), count)?;
        println!("{name:>8}: read  {}", rate(count, took));
    }
    let (rounds, dir) = (SYNCS.min(count), tempfile::tempdir()?);
    let took = syncs(&dir.path().join("tape"), &walk(Kind::Live, rounds))?;
    println!("    sync: {} of one tick each", percentiles(took));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let took = runtime.block_on(appends(dir.path(), rounds))?;
    println!("  append: {} of one record each", percentiles(took));
    Ok(())
}

fn begin(dir: &Path) -> Result<TapeWriter, Error> {
    Tape::open(dir)?.begin(&Settings {
        text: "bench".to_owned(),
        market: "sim".to_owned(),
    })
}

/// Bytes on disk, and the time until all are synced.
fn write(
    dir: &Path,
    events: &[(Time, Event)],
) -> Result<(u64, Duration), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let mut writer = begin(dir)?;
    for batch in events.chunks(BATCH) {
        for (at, event) in batch {
            writer.push(*at, event)?;
        }
        writer.write()?;
    }
    writer.sync()?;
    let took = begun.elapsed();
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok((bytes, took))
}

/// The shortest of three readings, from the system's page cache.
fn read(dir: &Path, count: usize) -> Result<Duration, Error> {
    let mut shortest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let (mut events, mut sum) = (0, 0_i64);
        for item in TapeReader::open(dir, None)? {
            if let TapeItem::Event(at, Event::Tick(tick)) = item? {
                events += 1;
                sum = sum.wrapping_add(at.nanos() ^ tick.bid.units());
            }
        }
        std::hint::black_box(sum);
        assert_eq!(events, count, "every tick comes back");
        shortest = shortest.min(begun.elapsed());
    }
    Ok(shortest)
}

fn syncs(dir: &Path, events: &[(Time, Event)]) -> Result<Vec<Duration>, Error> {
    let mut writer = begin(dir)?;
    let mut took = Vec::new();
    for (at, event) in events {
        writer.push(*at, event)?;
        let begun = Instant::now();
        writer.sync()?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

async fn appends(dir: &Path, count: usize) -> Result<Vec<Duration>, Error> {
    let mut journal = Local::open(dir, || Epoch(1))?;
    let mut took = Vec::new();
    for number in 0..count {
        let (end, batch) = (journal.end(), vec![record(number)]);
        let begun = Instant::now();
        journal.append(end, batch).await?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

fn record(number: usize) -> Record {
    Record::Outcome(Outcome {
        id: Uuid::from_u128(number as u128),
        symbol: Symbol::new("EURUSD").expect("it is a symbol"),
        digits: 5,
        kind: OutcomeKind::Stop,
        price: Price::from_units(1_085_050_000),
        r: Ratio::from_hundredths(-100),
        at: Time::from_nanos(1_795_420_800_000_000_000),
        last: true,
        realised: None,
        end: None,
    })
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort();
    let at = |percent| took[(took.len() - 1) * percent / 100];
    format!("p50 {:.1?}, p99 {:.1?}", at(50), at(99))
}

fn rate(count: usize, took: Duration) -> String {
    format!("{:.1} M ticks/s", count as f64 / took.as_secs_f64() / 1e6)
}

/// Eleven instruments, each a walk in steps of its digits, about 50 ticks a second together.
fn walk(kind: Kind, count: usize) -> Vec<(Time, Event)> {
    let steps = [
        10_000,
        10_000,
        1_000_000,
        10_000_000,
        100_000_000,
        100_000_000,
    ];
    let mut prices = [108_500_i64, 131_250, 156_432, 412_050, 391_200, 214_500].repeat(2);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = |below: u64| {
        // Marsaglia's xorshift64.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below) as i64
    };
    let mut at = 1_795_420_800_000_000_000_i64;
    let mut next = || {
        let place = draw(11) as usize;
        prices[place] += draw(21) - 10;
        let step = steps[place % steps.len()];
        at += 1 + draw(40_000_000);
        let (source, received) = match kind {
            Kind::Live => {
                let received = at - 20_000 - draw(400_000);
                (
                    received - draw(90_000_000),
                    Some(Time::from_nanos(received)),
                )
            }
            Kind::Recorded => {
                at = at / 1_000_000 * 1_000_000;
                (at, None)
            }
        };
        let tick = Tick {
            instrument: InstrumentId(place as u16),
            bid: Price::from_units(prices[place] * step),
            ask: Price::from_units((prices[place] + 5 + draw(10)) * step),
            volume: None,
            time: SourceTime::from_nanos(source / 1_000_000 * 1_000_000),
            received,
        };
        (Time::from_nanos(at), Event::Tick(tick))
    };
    (0..count).map(|_| next()).collect()
}
