//! What holds of every indicator, with any period: a forming bar changes nothing, a restart changes no bit, a replay of some
//! bars gives the state again, nothing drifts over a million bars, and a market that stands still is no division by zero.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use engine::indicator::{
    Adx, Bands, Bollinger, Candle, CandleAtr, Cci, DirectionalMovement, Ema, Indicators, Macd,
    MacdLines, Rsi, Sma, Stochastic, StochasticLines, Wilder, Williams,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Every indicator, with periods to choose.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Every {
    sma: Sma,
    ema: Ema,
    wilder: Wilder,
    rsi: Rsi,
    atr: CandleAtr,
    macd: Macd,
    bollinger: Bollinger,
    adx: Adx,
    stochastic: Stochastic,
    cci: Cci,
    williams: Williams,
}

type Values = Vec<Option<f64>>;

/// Values of [`Every`] in price units; they come first.
const IN_PRICE: usize = 10;

impl Every {
    fn new(period: u32, other: u32) -> Self {
        let (n, other) = (bars(period), bars(other));
        Self {
            sma: Sma::new(n),
            ema: Ema::new(n),
            wilder: Wilder::new(n),
            rsi: Rsi::new(n),
            atr: CandleAtr::new(n),
            macd: Macd::new(n, other, n),
            bollinger: Bollinger::new(n, 2.0),
            adx: Adx::new(n),
            stochastic: Stochastic::new(n, other, n),
            cci: Cci::new(n),
            williams: Williams::new(n),
        }
    }
    fn update(&mut self, bar: &Candle) -> Values {
        let averages = [
            self.sma.update(bar.close()),
            self.ema.update(bar.close()),
            self.wilder.update(bar.close()),
            self.atr.update(bar),
        ];
        let (macd, bands) = (self.macd.update(bar), self.bollinger.update(bar));
        let (movement, lines) = (self.adx.update(bar), self.stochastic.update(bar));
        let single = [
            self.rsi.update(bar),
            self.williams.update(bar),
            self.cci.update(bar),
        ];
        list(averages, macd, bands, movement, lines, single)
    }
    fn peek(&self, bar: &Candle) -> Values {
        let averages = [
            self.sma.peek(bar.close()),
            self.ema.peek(bar.close()),
            self.wilder.peek(bar.close()),
            self.atr.peek(bar),
        ];
        let (macd, bands) = (self.macd.peek(bar), self.bollinger.peek(bar));
        let (movement, lines) = (self.adx.peek(bar), self.stochastic.peek(bar));
        let single = [
            self.rsi.peek(bar),
            self.williams.peek(bar),
            self.cci.peek(bar),
        ];
        list(averages, macd, bands, movement, lines, single)
    }
}

fn list(
    averages: [Option<f64>; 4],
    macd: Option<MacdLines>,
    bands: Option<Bands>,
    movement: Option<DirectionalMovement>,
    lines: Option<StochasticLines>,
    single: [Option<f64>; 3],
) -> Values {
    let mut values = averages.to_vec();
    values.extend([
        macd.map(|at| at.line),
        macd.map(|at| at.signal),
        macd.map(|at| at.histogram),
        bands.map(|at| at.upper),
        bands.map(|at| at.middle),
        bands.map(|at| at.lower),
    ]);
    assert_eq!(values.len(), IN_PRICE);
    values.extend([
        movement.map(|at| at.plus_di),
        movement.map(|at| at.minus_di),
        movement.and_then(|at| at.adx),
        lines.map(|at| at.k),
        lines.map(|at| at.d),
    ]);
    values.extend(single);
    values
}

fn bars(period: u32) -> NonZeroU32 {
    NonZeroU32::new(period).unwrap()
}

/// The very bits, so that 0 and -0 differ and nothing hides in a comparison.
fn bits(values: &[Option<f64>]) -> Vec<Option<u64>> {
    values.iter().map(|value| value.map(f64::to_bits)).collect()
}

fn stored<T: Serialize>(state: &T) -> Vec<u8> {
    postcard::to_stdvec(state).unwrap()
}

fn restored<T: Serialize + serde::de::DeserializeOwned>(state: &T) -> T {
    postcard::from_bytes(&stored(state)).unwrap()
}

/// A seeded walk in ticks: mostly small steps, now and then a jump, and stretches in which nothing moves.
struct Walk {
    seed: u64,
    tick: f64,
    /// In ticks.
    close: i64,
    still: u64,
}

impl Walk {
    fn new(seed: u64, price: f64, tick: f64) -> Self {
        let close = (price / tick) as i64;
        Self {
            seed,
            tick,
            close,
            still: 0,
        }
    }

    fn below(&mut self, most: u64) -> i64 {
        // Steele, Lea, Flood: splitmix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % most) as i64
    }

    fn price(&self, ticks: i64) -> f64 {
        ticks as f64 * self.tick
    }
}

impl Iterator for Walk {
    type Item = Candle;
    fn next(&mut self) -> Option<Candle> {
        if self.still > 0 {
            self.still -= 1;
            let close = self.price(self.close);
            return Candle::new(close, close, close);
        }
        let open = self.close;
        let step = match self.below(500) {
            0 => self.below(2001) - 1000,
            _ => self.below(41) - 20,
        };
        if self.below(300) == 0 {
            self.still = self.below(90) as u64;
        }
        self.close += step;
        let high = open.max(self.close) + self.below(15);
        let low = open.min(self.close) - self.below(15);
        Candle::new(self.price(high), self.price(low), self.price(self.close))
    }
}

fn walk(seed: u64, count: usize) -> Vec<Candle> {
    Walk::new(seed, 1.1, 1e-5).take(count).collect()
}

fn check_close(ours: &[Option<f64>], theirs: &[Option<f64>], in_price: usize, price: f64) {
    assert_eq!(ours.len(), theirs.len());
    for (column, (our, their)) in ours.iter().zip(theirs).enumerate() {
        let (our, their) = (our.unwrap(), their.unwrap());
        let allowed = if column < in_price {
            1e-9 * price.max(1.0)
        } else {
            // A market that stands still makes what was left out weigh more: the ranges that it is divided by shrink.
            1e-5
        };
        assert!(
            (our - their).abs() <= allowed,
            "value {column}: {our} {their}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        // The same cases on every run.
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_forming_bar_changes_nothing_and_gives_what_it_will_give(
        period in 1_u32..40,
        other in 1_u32..40,
        seed in any::<u64>(),
    ) {
        let mut every = Every::new(period, other);
        let mut set = Indicators::new();
        let forming = walk(!seed, 300);
        for (bar, forming) in walk(seed, 300).iter().zip(&forming) {
            let before = (stored(&every), stored(&set));
            let _ = (every.peek(forming), set.peek(forming));
            let (peeked, peeked_set) = (every.peek(bar), set.peek(bar));
            prop_assert_eq!(before, (stored(&every), stored(&set)));
            prop_assert_eq!(bits(&peeked), bits(&every.update(bar)));
            prop_assert_eq!(bits(&peeked_set), bits(&set.update(bar)));
        }
    }

    #[test]
    fn a_restart_changes_no_bit(
        period in 1_u32..40,
        other in 1_u32..40,
        seed in any::<u64>(),
        restart in 0_usize..300,
    ) {
        let (mut every, mut set) = (Every::new(period, other), Indicators::new());
        let (mut again, mut set_again) = (every.clone(), set.clone());
        for (place, bar) in walk(seed, 400).iter().enumerate() {
            if place == restart {
                (again, set_again) = (restored(&again), restored(&set_again));
            }
            prop_assert_eq!(bits(&every.update(bar)), bits(&again.update(bar)));
            prop_assert_eq!(bits(&set.update(bar)), bits(&set_again.update(bar)));
        }
        prop_assert_eq!(stored(&every), stored(&again));
        prop_assert_eq!(stored(&set), stored(&set_again));
    }

    #[test]
    fn the_first_values_come_where_the_definitions_say(period in 1_u32..40, other in 1_u32..40, seed in any::<u64>()) {
        let (n, m) = (period, other);
        let macd = n.max(m) + n - 2;
        let stochastic = n + m + n - 3;
        let mut expected = vec![n - 1, n - 1, n - 1, n, macd, macd, macd, n - 1, n - 1, n - 1];
        expected.extend([n, n, 2 * n - 1, stochastic, stochastic, n, n - 1, n - 1]);
        let mut every = Every::new(n, m);
        for (place, bar) in walk(seed, 150).iter().enumerate() {
            let there: Vec<bool> = every.update(bar).iter().map(Option::is_some).collect();
            let due: Vec<bool> = expected.iter().map(|&first| place >= first as usize).collect();
            prop_assert_eq!(there, due, "bar {}", place);
        }
    }

    #[test]
    fn a_replay_of_some_bars_gives_the_state_again(
        period in 1_u32..40,
        other in 1_u32..40,
        seed in any::<u64>(),
        length in 0_usize..2000,
    ) {
        let warm_up = (25 * period.max(other) as usize).max(500);
        let series = walk(seed, length + warm_up + 50);
        let (mut whole, mut replayed) = (Every::new(period, other), Every::new(period, other));
        for (place, bar) in series.iter().enumerate() {
            let ours = whole.update(bar);
            if place < length {
                continue;
            }
            let theirs = replayed.update(bar);
            if place >= length + warm_up - 1 {
                check_close(&ours, &theirs, IN_PRICE, bar.close());
            }
        }
    }

    /// 1024 is a power of two, so not even the last bit differs.
    #[test]
    fn prices_times_1024_give_the_same(period in 1_u32..40, other in 1_u32..40, seed in any::<u64>()) {
        let (mut every, mut scaled) = (Every::new(period, other), Every::new(period, other));
        for bar in walk(seed, 300) {
            let times = |x: f64| 1024.0 * x;
            let large = Candle::new(times(bar.high()), times(bar.low()), times(bar.close())).unwrap();
            let mut expected = every.update(&bar);
            for value in &mut expected[..IN_PRICE] {
                *value = value.map(times);
            }
            prop_assert_eq!(bits(&scaled.update(&large)), bits(&expected));
        }
    }

    #[test]
    fn what_is_no_number_is_left_out(period in 1_u32..10, seed in any::<u64>(), at in 0_usize..50) {
        let n = bars(period);
        let (mut sma, mut ema, mut wilder) = (Sma::new(n), Ema::new(n), Wilder::new(n));
        for bar in &walk(seed, at) {
            sma.update(bar.close());
            ema.update(bar.close());
            wilder.update(bar.close());
        }
        let before = (stored(&sma), stored(&ema), stored(&wilder));
        for x in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
            prop_assert_eq!([sma.peek(x), ema.peek(x), wilder.peek(x)], [None; 3]);
            prop_assert_eq!([sma.update(x), ema.update(x), wilder.update(x)], [None; 3]);
        }
        prop_assert_eq!(before, (stored(&sma), stored(&ema), stored(&wilder)));
    }
}

/// Where nothing moves, averages are the price, ranges and widths are 0, and so is everything that divides by them.
fn check_still(values: &[Option<f64>], price: f64) {
    for (name, value) in Indicators::COLUMNS.iter().zip(values) {
        let value = value.unwrap();
        match *name {
            "sma20" | "bb_upper" | "bb_mid" | "bb_lower" => assert_eq!(value, price, "{name}"),
            // Their seeds are sums that round.
            "ema20" | "ema50" => assert!((value / price - 1.0).abs() < 1e-14, "{name} {value}"),
            "macd" | "macd_signal" | "macd_hist" => {
                assert!((value / price).abs() < 1e-14, "{name} {value}");
            }
            _ => assert_eq!(value, 0.0, "{name}"),
        }
    }
}

#[test]
fn a_market_that_never_moved_is_no_division_by_zero() {
    for price in [100.0, 1.1, 1.0 / 3.0, 0.000_012_34, 39_987.3, -37.63] {
        let bar = Candle::new(price, price, price).unwrap();
        let mut set = Indicators::new();
        let values: Vec<_> = (0..3000).map(|_| set.update(&bar)).collect();
        assert!(values[48].contains(&None) && !values[49].contains(&None));
        for values in &values[49..] {
            check_still(values, price);
        }
    }
}

/// What looks back over some bars only has forgotten the moves before.
#[test]
fn a_market_that_stands_still_after_it_moved_is_no_division_by_zero() {
    for (price, tick) in [(1.1, 1e-5), (40_000.0, 0.1)] {
        let mut set = Indicators::new();
        let mut moving: Vec<_> = Walk::new(7, price, tick).take(3000).collect();
        let still = moving[2999].close();
        moving.extend([Candle::new(still, still, still).unwrap(); 20]);
        let last = moving.iter().map(|bar| set.update(bar)).last().unwrap();
        for (name, value) in Indicators::COLUMNS.iter().zip(last) {
            match *name {
                "sma20" | "bb_upper" | "bb_mid" | "bb_lower" => {
                    assert_eq!(value, Some(still), "{name}");
                }
                "stoch_k" | "stoch_d" | "cci20" | "willr14" => {
                    assert_eq!(value, Some(0.0), "{name}");
                }
                _ => assert!(value.is_some(), "{name}"),
            }
        }
    }
}

#[test]
fn memory_does_not_grow_with_history() {
    let (mut every, mut most) = (Every::new(37, 11), [0; 2]);
    for (place, bar) in Walk::new(3, 1.1, 1e-5).take(50_000).enumerate() {
        every.update(&bar);
        let part = match place {
            500..1000 => 0,
            49_000.. => 1,
            _ => continue,
        };
        most[part] = stored(&every).len().max(most[part]);
    }
    assert_eq!(most[0], most[1]);
}

/// The values that look back over some bars only, each worked out from those bars alone as its definition says.
fn plain(series: &[Candle]) -> Vec<(&'static str, f64)> {
    let last = |n: usize| &series[series.len() - n..];
    let mean = |xs: &[f64]| xs.iter().sum::<f64>() / xs.len() as f64;
    let closes: Vec<f64> = last(20).iter().map(Candle::close).collect();
    let middle = mean(&closes);
    let squares: Vec<f64> = closes.iter().map(|x| (x - middle) * (x - middle)).collect();
    let width = 2.0 * mean(&squares).sqrt();
    let typical: Vec<f64> = last(20).iter().map(Candle::typical).collect();
    let usual = mean(&typical);
    let distances: Vec<f64> = typical.iter().map(|x| (x - usual).abs()).collect();
    let still = typical.iter().all(|x| *x == typical[0]);
    let cci = if still {
        0.0
    } else {
        (typical[19] - usual) / (0.015 * mean(&distances))
    };
    // Where the close stood in the fourteen bars up to `back` bars ago.
    let place = |back: usize| {
        let fourteen = &series[series.len() - back - 14..series.len() - back];
        let high = fourteen.iter().map(Candle::high).fold(f64::MIN, f64::max);
        let low = fourteen.iter().map(Candle::low).fold(f64::MAX, f64::min);
        let close = fourteen[13].close();
        if high == low {
            (0.0, 0.0)
        } else {
            (
                100.0 * (close - low) / (high - low),
                -100.0 * (high - close) / (high - low),
            )
        }
    };
    let slow_k = |back: usize| mean(&[place(back).0, place(back + 1).0, place(back + 2).0]);
    vec![
        ("sma20", middle),
        ("bb_upper", middle + width),
        ("bb_mid", middle),
        ("bb_lower", middle - width),
        ("stoch_k", slow_k(0)),
        ("stoch_d", mean(&[slow_k(0), slow_k(1), slow_k(2)])),
        ("cci20", cci),
        ("willr14", place(0).1),
    ]
}

/// As the definitions allow against a reference.
fn tolerance(name: &str, price: f64) -> f64 {
    match name {
        "cci20" => 1e-6,
        "rsi14" | "adx14" | "plus_di14" | "minus_di14" | "stoch_k" | "stoch_d" | "willr14" => 1e-7,
        _ => 1e-11 * price.abs().max(1.0),
    }
}

/// A million bars: at some of them the values are worked out anew, from the last bars alone, or, where the past is never
/// quite forgotten, by a replay of as many bars as are enough.
fn check_long_run(price: f64, tick: f64) {
    const WARM_UP: usize = 25 * 50;
    let series: Vec<_> = Walk::new(1, price, tick).take(1_000_000).collect();
    let mut random = Walk::new(2, price, tick);
    let mut next = WARM_UP;
    let (mut set, mut compared, mut still) = (Indicators::new(), 0, 0);
    for (place, bar) in series.iter().enumerate() {
        let ours = set.update(bar);
        if place < next {
            continue;
        }
        next = place + 1 + random.below(2000) as usize;
        let before = &series[place + 1 - WARM_UP..=place];
        let mut replay = Indicators::new();
        let theirs = before.iter().map(|bar| replay.update(bar)).last().unwrap();
        let worked_out = plain(before);
        let closes = &before[WARM_UP - 20..];
        still += usize::from(closes.iter().all(|of| of.close() == bar.close()));
        for (column, name) in Indicators::COLUMNS.iter().enumerate() {
            let plain = worked_out.iter().find(|(of, _)| of == name);
            let (expected, allowed) = match plain {
                Some((_, value)) => (*value, tolerance(name, bar.close())),
                None => (theirs[column].unwrap(), 1e-9 * bar.close().abs().max(1.0)),
            };
            let our = ours[column].unwrap();
            assert!(
                (our - expected).abs() <= allowed,
                "bar {place}, {name}: {our} {expected}"
            );
            compared += 1;
        }
    }
    assert!(compared > 900 * Indicators::COLUMNS.len(), "{compared}");
    // Some of them in a market that stood still after it had moved.
    assert!(still > 20, "{still}");
}

#[test]
fn nothing_drifts_over_a_million_bars_of_a_currency() {
    check_long_run(1.1, 1e-5);
}

#[test]
fn nothing_drifts_over_a_million_bars_of_an_index() {
    check_long_run(40_000.0, 0.1);
}
