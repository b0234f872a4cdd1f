//! Random numbers, and prices made of legs that often end just beyond an earlier extreme.

use market::{InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Tick, Timeframe};
use std::collections::VecDeque;

/// Steele, Lea, Flood: splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
    /// Whether something happens that happens once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// How far a price may go from where it began, in ticks.
const REACH: i64 = 8_000;

/// One instrument's price, in ticks.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    id: InstrumentId,
    tick_size: Price,
    base: i64,
    random: Random,
    pub(crate) mid: i64,
    /// Half of the ask minus the bid.
    half: i64,
    from: i64,
    target: i64,
    step: i64,
    steps: i64,
    extremes: VecDeque<i64>,
}

impl Walk {
    pub(crate) fn new(id: InstrumentId, tick_size: Price, base: i64, seed: u64) -> Self {
        Self {
            id,
            tick_size,
            base,
            random: Random(seed),
            mid: base,
            half: 1,
            from: base,
            target: base,
            step: 0,
            steps: 0,
            extremes: VecDeque::from([base]),
        }
    }

    pub(crate) fn tick(&mut self, time: SourceTime) -> Tick {
        let mid = self.next();
        Tick {
            instrument: self.id,
            bid: self.price(mid - self.half),
            ask: self.price(mid + self.half),
            volume: None,
            time,
            received: None,
        }
    }

    /// The minute that opens then, as four steps make it.
    pub(crate) fn bar(&mut self, open_time: SourceTime) -> QuoteBar {
        let mut mid = Ohlc::of(self.price(self.mid));
        for _ in 0..4 {
            let next = self.next();
            mid.add(self.price(next));
        }
        let side = |by: Price| Ohlc {
            open: mid.open + by,
            high: mid.high + by,
            low: mid.low + by,
            close: mid.close + by,
        };
        let half = self.price(self.half);
        QuoteBar {
            instrument: self.id,
            timeframe: Timeframe::M1,
            open_time,
            bid: side(-half),
            ask: side(half),
            volume: None,
        }
    }

    pub(crate) fn price(&self, ticks: i64) -> Price {
        self.tick_size.times(ticks)
    }

    fn next(&mut self) -> i64 {
        if self.step == self.steps {
            self.turn();
        }
        self.step += 1;
        let way = (self.target - self.from) * self.step / self.steps;
        self.mid = self.from + way + self.random.between(-2, 2);
        self.mid
    }

    /// Begins the next leg, the other way. Now and then the spread changes with it.
    fn turn(&mut self) {
        let sign = if self.target >= self.from { -1 } else { 1 };
        let old = self.extremes[self.random.below(self.extremes.len() as u64) as usize];
        self.extremes.push_back(self.mid);
        if self.extremes.len() > 6 {
            self.extremes.pop_front();
        }
        let target = if self.random.one_in(3) {
            old + sign * self.random.between(0, 11)
        } else {
            self.mid + sign * self.random.between(20, 180)
        };
        self.target = target.clamp(self.base - REACH, self.base + REACH);
        (self.from, self.step) = (self.mid, 0);
        self.steps = self.random.between(3, 22);
        self.half = if self.random.one_in(50) { 8 } else { 1 };
    }
}
