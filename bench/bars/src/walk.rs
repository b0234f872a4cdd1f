//! Minutes of a seeded walk: two symbols that mostly go together, by the hours of currencies, without end.

use engine::{Settings, session};
use market::{InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Timeframe};

/// Steps of a minute.
const STEPS: u32 = 12;
const MINUTE: Span = Span::from_minutes(1);

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

/// The walk so far. Prices are in points of 0.00001.
pub(crate) struct Walk {
    random: Random,
    mids: Vec<i64>,
    minute: SourceTime,
    /// Whether the market is open in the quarter of an hour that the next minute lies in.
    open: bool,
}

impl Walk {
    /// From the first Monday of 1990 on; so many symbols of the settings' catalog, from its first.
    pub(crate) fn new(symbols: usize) -> Self {
        Self {
            random: Random(1),
            mids: vec![108_500; symbols],
            minute: SourceTime::from_secs(631_152_000),
            open: true,
        }
    }

    /// The next bars, so many of each symbol, those of one minute one after the other.
    pub(crate) fn bars(&mut self, count: usize, settings: &Settings) -> Vec<QuoteBar> {
        let mut bars = Vec::with_capacity(count * self.mids.len());
        for _ in 0..count {
            self.find_open(settings);
            let sizes = self.sizes();
            for place in 0..self.mids.len() {
                bars.push(self.bar(place, &sizes));
            }
            self.minute = self.minute + MINUTE;
        }
        bars
    }

    /// Moves on to the next minute in which the market is open.
    fn find_open(&mut self, settings: &Settings) {
        let quarter = Span::from_minutes(15);
        while self.minute == self.minute.floor(quarter) {
            let (instrument, source) = (
                &settings.catalog.instruments[0],
                &settings.catalog.sources[0],
            );
            self.open = session::is_open(instrument, source, self.minute);
            if self.open {
                return;
            }
            self.minute = self.minute + quarter;
        }
    }

    /// How far all go together in each step. Some minutes are ten times as lively as others.
    fn sizes(&mut self) -> [i64; STEPS as usize] {
        let most = if self.random.below(12) == 0 { 41 } else { 9 };
        [(); STEPS as usize].map(|()| self.random.below(most) as i64 - most as i64 / 2)
    }

    fn bar(&mut self, place: usize, sizes: &[i64]) -> QuoteBar {
        let price = |points: i64| Price::from_units(points * 10_000);
        let mid = &mut self.mids[place];
        let mut bar = Ohlc::of(price(*mid));
        for size in sizes {
            *mid += size + self.random.below(5) as i64 - 2;
            // Not for ever away.
            *mid += (108_500 - *mid) / 4_096;
            bar.add(price(*mid));
        }
        let side = |by: i64| Ohlc {
            open: bar.open + price(by),
            high: bar.high + price(by),
            low: bar.low + price(by),
            close: bar.close + price(by),
        };
        QuoteBar {
            instrument: InstrumentId(place as u16),
            timeframe: Timeframe::M1,
            open_time: self.minute,
            bid: side(-1),
            ask: side(1),
            volume: None,
        }
    }
}
