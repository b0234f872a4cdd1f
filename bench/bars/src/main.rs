//! What a closed bar costs, and whether millions of them fill the memory.
//!
//! `bench-bars [BARS]` tells the engine about that many minutes [10,000,000] of a seeded walk. First of two symbols that
//! diverge now and then, which is timed: all detectors and setups on the minutes, of which the engine makes all longer
//! bars; then the same with the whole set of indicators on every bar of every timeframe. Then of one symbol: what the
//! engine's snapshot and the process hold after each tenth. Ends with an error if that grows after the first million.

mod walk;

use engine::indicator::{Candle, Indicators};
use engine::{Engine, Output, PriceRules, Rules, Settings};
use market::{
    Calendar, Catalog, Event, Instrument, Price, PriceKind, QuoteBar, Source, SourceId, Span,
    Symbol, Timeframe,
};
use std::process::ExitCode;
use std::sync::Arc;
use walk::Walk;

/// Bars that are made at a time, which is not timed.
const CHUNK: usize = 10_000;
/// After so many bars all that is bounded is full.
const FULL: usize = 1_000_000;
/// Much more than a snapshot or the memory breathes.
const GROWTH: f64 = 1.05;
/// What confidence is calibrated by fills up with the rarest setup, later than all else: of each outcome.
const BYTES_OF_AN_OUTCOME: usize = 117;
/// The target, detectors, setups and indicators together.
const TARGET_NS: f64 = 2_000.0;

fn main() -> ExitCode {
    let wanted = std::env::args()
        .nth(1)
        .map_or(10_000_000, |text| match text.parse() {
            Ok(bars) => bars,
            Err(_) => panic!("`{text}` is no number of bars"),
        });
    for (name, setup_tf, htf) in [
        ("setups on the minutes", Timeframe::M1, Timeframe::M15),
        ("setups on 5m", Timeframe::M5, Timeframe::H1),
    ] {
        let settings = settings(Rules {
            setup_tf,
            htf,
            ..Rules::default()
        });
        time(name, &settings, wanted);
    }
    if hold(wanted) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The indicators of one symbol, on each timeframe.
type Sets = [Indicators; Timeframe::ALL.len()];

fn time(name: &str, settings: &Settings, wanted: usize) {
    let bare = Told::new(settings, None).take(wanted);
    let sets = vec![std::array::from_fn(|_| Indicators::new()); 2];
    let whole = Told::new(settings, Some(sets)).take(wanted);
    let ns = |told: &Told| told.cpu * 1e9 / told.bars as f64;
    let closed = whole.closed as f64 / whole.bars as f64;
    println!(
        "{name}: {} minutes of two symbols, {closed:.2} bars closed with each, {} signals",
        whole.bars,
        bare.engine.counts().signals
    );
    println!(
        "  {:.0} ns of CPU time a minute, {:.0} a closed bar: detectors and setups",
        ns(&bare),
        ns(&bare) / closed
    );
    println!(
        "  {:.0} ns of CPU time a minute, {:.0} a closed bar: with all indicators on every timeframe (target {TARGET_NS})",
        ns(&whole),
        ns(&whole) / closed
    );
    println!("  (sum of the indicators {:.3})", whole.sum);
}

/// What an engine was told.
struct Told {
    engine: Engine,
    sets: Option<Vec<Sets>>,
    out: Vec<Output>,
    bars: usize,
    closed: usize,
    cpu: f64,
    sum: f64,
}

impl Told {
    fn new(settings: &Settings, sets: Option<Vec<Sets>>) -> Self {
        Self {
            engine: Engine::new(Arc::new(settings.clone())),
            sets,
            out: Vec::new(),
            bars: 0,
            closed: 0,
            cpu: 0.0,
            sum: 0.0,
        }
    }

    /// Takes the minutes of all symbols of the catalog.
    fn take(mut self, wanted: usize) -> Self {
        let settings = self.engine.settings().clone();
        let symbols = settings.catalog.instruments.len();
        let mut walk = Walk::new(symbols);
        while self.bars < wanted {
            let bars = walk.bars(CHUNK / symbols, &settings);
            self.tell(&bars);
        }
        self
    }

    fn tell(&mut self, bars: &[QuoteBar]) {
        let began = cpu_seconds();
        for bar in bars {
            let at = (bar.open_time + Span::from_minutes(1)).as_stamp();
            while let Some(wake) = self.engine.wake_at().filter(|wake| *wake < at) {
                self.engine.handle(wake, &Event::Wake, &mut self.out);
                self.indicate();
            }
            self.engine
                .handle(at, &Event::Bar(bar.clone()), &mut self.out);
            self.indicate();
            self.out.clear();
        }
        self.cpu += cpu_seconds() - began;
        self.bars += bars.len();
    }

    /// Hands what closed to its indicators.
    fn indicate(&mut self) {
        let Some(sets) = &mut self.sets else {
            return;
        };
        for closed in self.engine.just_closed() {
            let Some(candle) = Candle::of(&closed.bar.price) else {
                continue;
            };
            let set = &mut sets[closed.instrument.index()][closed.timeframe.index()];
            let values = set.update(&candle);
            self.sum += values.into_iter().flatten().sum::<f64>();
            self.closed += 1;
        }
    }
}

/// Tells minutes of one symbol and shows what is held; says whether it stays.
fn hold(wanted: usize) -> bool {
    // Without gates signals are many, so that what is remembered of them is full soon.
    let mut settings = settings(Rules {
        setup_tf: Timeframe::M1,
        htf: Timeframe::M15,
        killzone_gate: false,
        symbol_cooldown_s: 0,
        max_signals_per_day: 0,
        ..Rules::default()
    });
    settings.catalog.instruments.truncate(1);
    let mut walk = Walk::new(1);
    let mut told = Told::new(&settings, None);
    let mut held = Vec::new();
    println!("held, of one symbol:");
    for tenth in 1..=10 {
        while told.bars < wanted * tenth / 10 {
            told.tell(&walk.bars(CHUNK.min(wanted / 10).max(1), &settings));
        }
        let outcomes = told.engine.outcomes_kept();
        let snapshot = told.engine.snapshot().len() - outcomes * BYTES_OF_AN_OUTCOME;
        let (resident, peak) = resident_kib();
        println!(
            "  {:>10} bars: snapshot {snapshot} bytes and {outcomes} outcomes, resident {resident} KiB (peak {peak}), {} signals",
            told.bars,
            told.engine.counts().signals
        );
        if told.bars >= FULL {
            held.push((snapshot as f64, resident as f64));
        }
    }
    let stays = |first: &(f64, f64), last: &(f64, f64)| {
        last.0 <= first.0 * GROWTH && last.1 <= first.1 * GROWTH
    };
    let ends = held.first().zip(held.last());
    ends.is_none_or(|(first, last)| stays(first, last))
}

/// What this thread has spent on a core, as Linux counts it; elsewhere not a number.
fn cpu_seconds() -> f64 {
    let nanos = std::fs::read_to_string("/proc/self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or(f64::NAN, |nanos| nanos / 1e9)
}

/// What the process holds and has held at most, as Linux counts it; elsewhere nothing.
fn resident_kib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    (
        field("VmRSS:").unwrap_or_default(),
        field("VmHWM:").unwrap_or_default(),
    )
}

/// EURUSD and GBPUSD, whose bars come once a minute.
fn settings(rules: Rules) -> Settings {
    let price = |text: &str| Price::parse(text).expect("a price of ours");
    let instrument = |symbol: &str| Instrument {
        symbol: Symbol::new(symbol).expect("a symbol of ours"),
        digits: 5,
        tick_size: price("0.00001"),
        pip_size: price("0.0001"),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: price("0.0001"),
        source: SourceId(0),
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    };
    let source = Source {
        name: "bars".into(),
        heartbeats: false,
        simulated: false,
        always_open: false,
    };
    Settings {
        market: "bench".into(),
        catalog: Catalog {
            sources: vec![source],
            instruments: vec![instrument("EURUSD"), instrument("GBPUSD")],
        },
        rules,
        prices: PriceRules {
            repeat_ms: 60_000,
            ..PriceRules::default()
        },
        own_rules: engine::RuleBook::default(),
        account: engine::Account::default(),
        portfolio: engine::Limits::default(),
        news: engine::News::default(),
        features: engine::features::FeatureRules::default(),
    }
}
