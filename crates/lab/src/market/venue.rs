//! What sets one simulated instrument apart from another: where its price lives, how far it moves, how wide and how busy
//! it is.

use super::random::number_of;
use market::{Catalog, InstrumentId, Price};

/// Spreads a usual one-minute bar spans. Real markets move less per spread; the least risk of a setup is five spreads, so
/// with less than this the one-minute setups of the simulated market would all be refused.
const SPREADS_PER_BAR: f64 = 6.5;
/// The least and the most a usual one-minute bar may span, as a part of the price.
const RANGE_OF_BARS: (f64, f64) = (5e-5, 1.5e-3);
/// And in ticks: with less, the geometry of a plan drowns in rounding.
const LEAST_TICKS_PER_BAR: f64 = 20.0;

/// One instrument's character, fixed for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Venue {
    pub id: InstrumentId,
    /// The random numbers of its path. Futures share the path of their index.
    pub path: u64,
    /// The price that the path is drawn back to, in price units.
    pub base: f64,
    /// Added to the path's price (a future's basis), in price units.
    pub basis: f64,
    /// The span of a usual one-minute bar, in price units.
    pub unit: f64,
    /// The price step, in price units and in units of 1e-9.
    pub tick: f64,
    pub tick_units: i64,
    /// The usual ask minus bid, in ticks.
    pub spread: f64,
    /// Mean milliseconds from tick to tick at the busiest hour.
    pub pause_ms: f64,
    /// Added to the path's tick times, so that those who share a path do not tick in the same millisecond.
    pub delay_ms: i64,
}

/// Symbol, path, base price of the path, basis, ticks per second at the busiest hour, delay.
const KNOWN: [(&str, &str, f64, f64, f64, i64); 11] = [
    ("EURUSD", "EURUSD", 1.085, 0.0, 2.0, 0),
    ("GBPUSD", "GBPUSD", 1.27, 0.0, 1.8, 0),
    ("USDJPY", "USDJPY", 150.0, 0.0, 1.8, 0),
    ("XAUUSD", "XAUUSD", 2650.0, 0.0, 2.4, 0),
    ("US30", "US30", 43_000.0, 0.0, 1.6, 0),
    ("NAS100", "NAS100", 20_500.0, 0.0, 2.2, 0),
    ("SPX500", "SPX500", 5_900.0, 0.0, 1.6, 0),
    ("NQ", "NAS100", 20_500.0, 38.25, 2.2, 11),
    ("MNQ", "NAS100", 20_500.0, 38.25, 2.2, 17),
    ("ES", "SPX500", 5_900.0, 9.75, 1.6, 11),
    ("MES", "SPX500", 5_900.0, 9.75, 1.6, 17),
];

/// What an instrument that nobody has described gets.
const UNKNOWN: (f64, f64) = (100.0, 1.0);

impl Venue {
    /// The name of the instrument whose path this one follows; mostly its own.
    pub(super) fn path_of(symbol: &str) -> &str {
        let known = KNOWN.iter().find(|row| row.0 == symbol);
        known.map_or(symbol, |row| row.1)
    }

    /// `rate`: ticks per second over all instruments, instead of the natural rhythm.
    pub(super) fn new(catalog: &Catalog, id: InstrumentId, rate: Option<f64>) -> Self {
        let instrument = catalog.instrument(id);
        let name = instrument.symbol.as_str();
        let known = KNOWN.iter().find(|row| row.0 == name);
        let (path, base, basis, busy, delay_ms) = match known {
            Some(&(_, path, base, basis, busy, delay_ms)) => (path, base, basis, busy, delay_ms),
            None => (name, UNKNOWN.0, 0.0, UNKNOWN.1, 0),
        };
        // Those who share a path share all that shapes it, so it is taken from the path's own instrument where there is one.
        let shape = catalog
            .find(path)
            .map_or(instrument, |leader| catalog.instrument(leader));
        let (low, high) = (base * RANGE_OF_BARS.0, base * RANGE_OF_BARS.1);
        let unit = (shape.spread_default.to_f64() * SPREADS_PER_BAR)
            .max(shape.tick_size.to_f64() * LEAST_TICKS_PER_BAR)
            .clamp(low, high);
        let tick_units = instrument.tick_size.units().max(1);
        let tick = Price::from_units(tick_units).to_f64();
        let count = catalog.instruments.len() as f64;
        Self {
            id,
            path: number_of(path),
            base,
            basis,
            unit,
            tick,
            tick_units,
            spread: instrument.spread_default.to_f64() / tick,
            pause_ms: rate.map_or(1000.0 / busy, |rate| 1000.0 * count / rate),
            delay_ms,
        }
    }
}
