//! How many ticks a second go through the whole engine on one core: all symbols and setups on, woken as a server would
//! wake it, from a decoded tape in memory.
//!
//! `bench-engine [TICKS]` pushes about that many [30,000,000]. The tape is the recorded gold week of `ORION_TEST_DATA`
//! (default: a folder `shared` beside the checkout), repeated with its dates moved on by whole weeks; where it is absent,
//! a seeded walk of as many ticks. It runs twice: as it is, and dealt out to all symbols in turn. Then the indicators, which
//! the engine leaves to charts, take bars of ten ticks each.

mod tape;

use engine::calibration::{Calibrator, FEATURES, OUTCOMES_MAX, Raw, Resolved, Terms};
use engine::indicator::{Candle, Indicators};
use engine::{Engine, Output, PriceRules, Rules, Settings};
use market::{
    Calendar, Catalog, Event, Instrument, InstrumentId, Ohlc, Price, PriceKind, Source, SourceId,
};
use market::{Span, Symbol, Tick, Time};
use std::sync::Arc;

fn main() {
    let wanted = std::env::args()
        .nth(1)
        .map_or(30_000_000, |text| match text.parse() {
            Ok(ticks) => ticks,
            Err(_) => panic!("`{text}` is no number of ticks"),
        });
    let settings = Arc::new(settings());
    let gold = settings
        .catalog
        .find("XAUUSD")
        .expect("gold is in the catalog");
    let (name, mut ticks) = tape::week(gold);
    println!("tape: {name}, {} ticks", ticks.len());
    let bars = bars(&ticks);
    run("gold alone", &settings, &ticks, wanted);
    deal(&mut ticks, &settings.catalog);
    run("dealt out to all symbols", &settings, &ticks, wanted);
    indicate(&bars, wanted / 10);
    calibrate(OUTCOMES_MAX, 200);
    calibrate(200, 1000);
}

/// What a fit of the confidence of a setup costs: the score of all features, crosswise, and all calibrations.
fn calibrate(outcomes: usize, fits: u32) {
    let mut seed = 1_u64;
    let mut next = || {
        seed = (seed * 1_103_515_245 + 12_345) % (1 << 31);
        seed as f64 / f64::from(1_u32 << 31)
    };
    let mut calibrator = Calibrator::default();
    for _ in 0..outcomes {
        let features: [f64; FEATURES] = std::array::from_fn(|_| next());
        let hit = next() < 0.2 + 0.6 * features[0];
        calibrator.resolve(Resolved {
            created: Time::MIN,
            resolved: Time::from_secs(0),
            raw: Raw::Features(Box::new(features)),
            hit,
            forecast: Some(0.5),
        });
    }
    let terms = Terms::of(&Rules::default());
    let (mut slowest, began) = (0.0_f64, Clock::now());
    for _ in 0..fits {
        let mut fresh = calibrator.clone();
        let one = Clock::now();
        let fitted = fresh.refresh("bench", Time::from_secs(1_000_000), terms);
        slowest = slowest.max(one.elapsed().1);
        assert!(fitted.is_some(), "there is something to learn");
    }
    let (_, all) = began.elapsed();
    let us = |cpu: f64| cpu * 1e6;
    println!(
        "calibration of {outcomes} outcomes: {:.0} us a fit, {:.0} us the slowest of {fits}, of CPU time",
        us(all / f64::from(fits)),
        us(slowest)
    );
}

/// Ten bids each.
fn bars(ticks: &[Tick]) -> Vec<Candle> {
    let bar = |ticks: &[Tick]| {
        let mut bar = Ohlc::of(ticks.first()?.bid);
        for tick in ticks {
            bar.add(tick.bid);
        }
        Candle::of(&bar)
    };
    ticks.chunks(10).filter_map(bar).collect()
}

/// How much the whole set of indicators costs, closed bars and the forming one.
fn indicate(bars: &[Candle], wanted: usize) {
    let mut indicators = Indicators::new();
    let (mut sum, began) = (0.0, Clock::now());
    for bar in bars.iter().cycle().take(wanted) {
        let values = indicators.update(bar);
        sum += values.into_iter().flatten().sum::<f64>();
    }
    let (_, closed) = began.elapsed();
    let began = Clock::now();
    for bar in bars.iter().cycle().take(wanted) {
        let values = indicators.peek(bar);
        sum += values.into_iter().flatten().sum::<f64>();
    }
    let (_, forming) = began.elapsed();
    let ns = |cpu: f64| cpu * 1e9 / wanted as f64;
    println!("indicators: {wanted} bars, each with all 18 values (sum {sum:.3})");
    println!(
        "  {:.1} ns/bar closed, {:.1} ns/bar forming, of CPU time",
        ns(closed),
        ns(forming)
    );
}

/// Gives the ticks to the symbols in turn, each at a price as it is usual for it.
fn deal(ticks: &mut [Tick], catalog: &Catalog) {
    for (place, tick) in ticks.iter_mut().enumerate() {
        let id = InstrumentId((place % catalog.instruments.len()) as u16);
        // Gold's ticks are cents; so they become ticks of the symbol.
        let cents = |price: Price| price.units() / 10_000_000;
        let step = catalog.instrument(id).tick_size;
        tick.instrument = id;
        (tick.bid, tick.ask) = (step.times(cents(tick.bid)), step.times(cents(tick.ask)));
    }
}

fn run(name: &str, settings: &Arc<Settings>, ticks: &[Tick], wanted: usize) {
    let mut engine = Engine::new(settings.clone());
    let mut out = Vec::new();
    let mut told = Told::default();
    let began = Clock::now();
    let weeks = wanted.div_ceil(ticks.len());
    for (week, part) in
        (0..weeks).map(|week| (week, &ticks[..ticks.len().min(wanted - week * ticks.len())]))
    {
        let moved = Span::from_hours(7 * 24 * week as i64);
        for tick in part {
            let event = Event::Tick(Tick {
                time: tick.time + moved,
                ..tick.clone()
            });
            let at = (tick.time + moved).as_stamp();
            while let Some(wake) = engine.wake_at().filter(|wake| *wake < at) {
                engine.handle(wake, &Event::Wake, &mut out);
                told.wakes += 1;
            }
            engine.handle(at, &event, &mut out);
            told.count(&mut out);
        }
    }
    let (wall, cpu) = began.elapsed();
    let Told {
        wakes,
        prices,
        signals,
        outcomes,
    } = told;
    let ns = cpu * 1e9 / wanted as f64;
    println!("{name}: {wanted} ticks and {wakes} wakes in {wall:.2} s, {cpu:.2} s of them CPU");
    println!(
        "  {ns:.1} ns/tick, {:.2} million ticks/s of CPU time",
        1e3 / ns
    );
    println!(
        "  {prices} prices, {signals} signal events, {outcomes} outcomes, {:?}",
        engine.counts()
    );
}

#[derive(Default)]
struct Told {
    wakes: u64,
    prices: u64,
    signals: u64,
    outcomes: u64,
}

impl Told {
    fn count(&mut self, out: &mut Vec<Output>) {
        for output in out.drain(..) {
            match output {
                Output::Price(_) => self.prices += 1,
                Output::Signal(_) => self.signals += 1,
                Output::Outcome(_) => self.outcomes += 1,
                Output::Shadow(_)
                | Output::Calibration(_)
                | Output::Answer(_)
                | Output::Question(_) => {}
            }
        }
    }
}

/// Wall and CPU time.
struct Clock {
    wall: std::time::Instant,
    cpu: f64,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    fn now() -> Self {
        Self {
            wall: std::time::Instant::now(),
            cpu: cpu_seconds(),
        }
    }
    fn elapsed(&self) -> (f64, f64) {
        (self.wall.elapsed().as_secs_f64(), cpu_seconds() - self.cpu)
    }
}

/// What this thread has spent on a core, as Linux counts it; elsewhere not a number.
fn cpu_seconds() -> f64 {
    let nanos = std::fs::read_to_string("/proc/self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or(f64::NAN, |nanos| nanos / 1e9)
}

/// The eleven symbols of ORION's own catalog on one live source.
fn settings() -> Settings {
    let source = Source {
        name: "tape".into(),
        heartbeats: true,
        simulated: false,
        always_open: false,
    };
    let rows = [
        (
            "EURUSD",
            5,
            "0.00001",
            "0.0001",
            Calendar::Fx,
            PriceKind::Cfd,
            true,
        ),
        (
            "GBPUSD",
            5,
            "0.00001",
            "0.0001",
            Calendar::Fx,
            PriceKind::Cfd,
            true,
        ),
        (
            "USDJPY",
            3,
            "0.001",
            "0.01",
            Calendar::Fx,
            PriceKind::Cfd,
            true,
        ),
        (
            "XAUUSD",
            2,
            "0.01",
            "0.1",
            Calendar::Metal,
            PriceKind::Cfd,
            true,
        ),
        ("US30", 1, "0.1", "1", Calendar::Index, PriceKind::Cfd, true),
        (
            "NAS100",
            1,
            "0.1",
            "1",
            Calendar::Index,
            PriceKind::Cfd,
            true,
        ),
        (
            "SPX500",
            1,
            "0.1",
            "1",
            Calendar::Index,
            PriceKind::Cfd,
            true,
        ),
        (
            "NQ",
            2,
            "0.25",
            "1",
            Calendar::Future,
            PriceKind::Future,
            false,
        ),
        (
            "MNQ",
            2,
            "0.25",
            "1",
            Calendar::Future,
            PriceKind::Future,
            false,
        ),
        (
            "ES",
            2,
            "0.25",
            "1",
            Calendar::Future,
            PriceKind::Future,
            false,
        ),
        (
            "MES",
            2,
            "0.25",
            "1",
            Calendar::Future,
            PriceKind::Future,
            false,
        ),
    ];
    let price = |text: &str| Price::parse(text).expect("a price of ours");
    let instruments = rows.map(
        |(symbol, digits, tick_size, pip_size, calendar, kind, signals)| Instrument {
            symbol: Symbol::new(symbol).expect("a symbol of ours"),
            digits,
            tick_size: price(tick_size),
            pip_size: price(pip_size),
            kind,
            calendar,
            spread_default: price(pip_size),
            source: SourceId(0),
            signals,
            prices: true,
            contract: None,
            slippage_pips: None,
        },
    );
    let catalog = Catalog {
        sources: vec![source],
        instruments: instruments.into(),
    };
    Settings {
        market: "bench".into(),
        catalog,
        rules: Rules::default(),
        own_rules: engine::RuleBook::default(),
        prices: PriceRules::default(),
        account: engine::Account::default(),
        portfolio: engine::Limits::default(),
        news: engine::News::default(),
        features: engine::features::FeatureRules::default(),
        models: engine::ModelRules::default(),
    }
}
