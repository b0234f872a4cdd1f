//! A price's way: from just before its tick enters the loop's queue to the clients' hands.

use crate::figures::{self, Cpu, Waits};
use crate::server::Server;
use anyhow::{Context as _, Result};
use bench_clients::Heard;
use market::{Event, InstrumentId, Price, SourceTime, Span, Tick};
use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long the last prices are waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// Ticks a second of one symbol under load.
const RATE: u32 = 50;

/// When ticks come.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// One symbol, each 200 ms.
    Rest,
    /// All symbols, each 50 times a second, at random moments.
    Apart,
    /// All symbols, 50 times a second, all at the same moment.
    Together,
}

/// Sends ticks at this pace for so long and prints what the clients saw.
pub fn run(name: &str, server: &mut Server, pace: Pace, lasts: Duration) -> Result<()> {
    let mut market = Market::new(server);
    let (cpu, began) = (Cpu::begin(), Instant::now());
    let mut sent = BTreeMap::new();
    let mut due = began;
    while due - began < lasts {
        sleep(due.saturating_duration_since(Instant::now()));
        for place in market.next(pace) {
            let (key, tick) = market.tick(place);
            let now = Instant::now();
            server
                .events
                .try_send(Event::Tick(tick))
                .context("hand a tick to the server")?;
            sent.insert(key, now);
        }
        due += market.gap(pace);
    }
    let count = sent.len();
    let waits = matched(server, sent)?;
    figures::line(name, waits, count);
    cpu.tell(count);
    Ok(())
}

/// The waits of all prices that were sent and heard.
fn matched(server: &mut Server, mut sent: BTreeMap<Key, Instant>) -> Result<Waits> {
    let mut waits = Waits::default();
    while !sent.is_empty() {
        let Some(heard) = server.crowd.next(PATIENCE)? else {
            break;
        };
        // A price that is told again was heard before.
        if let Some(sent) = sent.remove(&key_of(&heard)?) {
            waits.add(sent, heard.first, heard.last);
        }
    }
    Ok(waits)
}

/// Symbol and time as clients see them: no two ticks here have the same.
type Key = (String, String);

fn key_of(heard: &Heard) -> Result<Key> {
    let message: serde_json::Value = serde_json::from_str(&heard.text).context("read a message")?;
    let text = |name: &str| {
        message["payload"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    Ok((text("symbol"), text("timestamp")))
}

/// Where the symbols that give signals stand.
struct Market {
    symbols: Vec<Symbol>,
    random: u64,
}

struct Symbol {
    id: InstrumentId,
    name: String,
    tick_size: Price,
    /// The bid, in ticks.
    bid: i64,
    time: SourceTime,
}

impl Market {
    fn new(server: &Server) -> Self {
        let instruments = server.config.catalog().instruments;
        let symbols = (0..).map(InstrumentId).zip(instruments);
        let symbols = symbols.filter(|(_, instrument)| instrument.signals);
        let symbol = |(id, instrument): (_, market::Instrument)| Symbol {
            id,
            name: instrument.symbol.to_string(),
            tick_size: instrument.tick_size,
            bid: 100_000,
            time: SourceTime::MIN,
        };
        Self {
            symbols: symbols.map(symbol).collect(),
            random: 0x2545_f491_4f6c_dd1d,
        }
    }

    /// The symbols that tick now.
    fn next(&mut self, pace: Pace) -> std::ops::Range<usize> {
        let count = self.symbols.len();
        match pace {
            Pace::Rest => 0..1,
            Pace::Apart => {
                let place = self.draw() as usize % count;
                place..place + 1
            }
            Pace::Together => 0..count,
        }
    }

    /// The time to the next tick.
    fn gap(&mut self, pace: Pace) -> Duration {
        match pace {
            Pace::Rest => Duration::from_millis(200),
            Pace::Together => Duration::from_secs(1) / RATE,
            Pace::Apart => {
                // Independent arrivals: gaps are exponential.
                let uniform = (self.draw() % 1_000_000 + 1) as f64 / 1e6;
                let mean = 1.0 / (f64::from(RATE) * self.symbols.len() as f64);
                Duration::from_secs_f64(-uniform.ln() * mean)
            }
        }
    }

    fn tick(&mut self, place: usize) -> (Key, Tick) {
        let step = (self.draw() % 5) as i64 - 2;
        let symbol = &mut self.symbols[place];
        symbol.bid += step;
        symbol.time = now().max(symbol.time + Span::from_millis(1));
        let tick = Tick {
            instrument: symbol.id,
            bid: symbol.tick_size.times(symbol.bid),
            ask: symbol.tick_size.times(symbol.bid + 2),
            volume: None,
            time: symbol.time,
            received: None,
        };
        ((symbol.name.clone(), symbol.time.to_string()), tick)
    }

    /// Marsaglia's xorshift64, its low bits left out.
    fn draw(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 16
    }
}

/// The system's time in whole milliseconds, as sources write it.
fn now() -> SourceTime {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    SourceTime::from_millis(i64::try_from(since.as_millis()).unwrap_or(0))
}
