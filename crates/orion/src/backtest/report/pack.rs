//! Bars in few letters: each number is what differs from the bar before, in base 32, as source maps write theirs. Ten letters a
//! bar instead of fifty, so that a page with thousands of charts stays small.

use lab::backtest::report::Candle;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of each bar: what its step of time differs from the one before (seconds; of the first its time), its open less the close
/// before it, its high above and its low below open and close, its close less its open. Prices in tenths of the last digit,
/// since the middle of two quotes has half digits.
pub(super) fn bars(candles: &[Candle], digits: u8) -> String {
    let units = (0..=digits).fold(1.0, |units, _| units * 10.0);
    let scaled = |price: f64| (price * units).round() as i64;
    let mut packed = String::new();
    let (mut time, mut step, mut close) = (0, 0, 0);
    for (place, candle) in candles.iter().enumerate() {
        let Candle(at, ..) = *candle;
        let [open, high, low, closed] = [candle.1, candle.2, candle.3, candle.4].map(scaled);
        number(at - time - step, &mut packed);
        step = if place == 0 { 0 } else { at - time };
        time = at;
        number(open - close, &mut packed);
        number(high - open.max(closed), &mut packed);
        number(open.min(closed) - low, &mut packed);
        number(closed - open, &mut packed);
        close = closed;
    }
    packed
}

/// The lowest digit first; the upper half of the alphabet says that more follow. The lowest bit is the sign.
fn number(value: i64, packed: &mut String) {
    let mut rest = (value.unsigned_abs() << 1) | u64::from(value < 0);
    loop {
        let digit = (rest % 32) as usize;
        rest /= 32;
        let more = if rest > 0 { 32 } else { 0 };
        packed.push(char::from(ALPHABET[digit + more]));
        if rest == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reader of `script.js`, once more.
    fn unpack(packed: &str, digits: u8) -> Vec<Candle> {
        let mut numbers = Vec::new();
        let (mut value, mut weight) = (0_i64, 1_i64);
        for letter in packed.bytes() {
            let digit = ALPHABET.iter().position(|one| *one == letter).unwrap() as i64;
            value += digit % 32 * weight;
            weight *= 32;
            if digit < 32 {
                let sign = if value % 2 == 1 { -1 } else { 1 };
                numbers.push(sign * (value / 2));
                (value, weight) = (0, 1);
            }
        }
        let unit = 10_f64.powi(-i32::from(digits) - 1);
        let (mut time, mut step, mut close) = (0, 0, 0);
        let mut candles = Vec::new();
        for (place, part) in numbers.chunks(5).enumerate() {
            let &[more, open, above, below, body] = part else {
                panic!("{part:?}")
            };
            step += more;
            time += step;
            if place == 0 {
                step = 0;
            }
            let open = close + open;
            close = open + body;
            let price = |value: i64| value as f64 * unit;
            let (high, low) = (open.max(close) + above, open.min(close) - below);
            candles.push(Candle(
                time,
                price(open),
                price(high),
                price(low),
                price(close),
            ));
        }
        candles
    }

    #[test]
    fn numbers_are_those_of_source_maps() {
        // The examples of the source map specification and its implementations.
        for (value, expected) in [
            (0, "A"),
            (1, "C"),
            (-1, "D"),
            (15, "e"),
            (16, "gB"),
            (-16, "hB"),
            (123, "2H"),
        ] {
            let mut packed = String::new();
            number(value, &mut packed);
            assert_eq!(packed, expected);
        }
    }

    #[test]
    fn bars_come_back_as_they_were() {
        let bars = [
            Candle(1_398_988_800, 1.386_58, 1.387, 1.3861, 1.386_605),
            Candle(1_398_989_100, 1.386_6, 1.3866, 1.3866, 1.3866),
            Candle(1_399_161_900, 1.39, 1.400_01, 1.2, 1.2),
            Candle(1_399_162_200, 1.2, 1.2, 1.2, 1.2),
        ];
        let found = unpack(&super::bars(&bars, 5), 5);
        assert_eq!(found.len(), bars.len());
        for (found, bar) in found.iter().zip(&bars) {
            assert_eq!(found.0, bar.0);
            for (one, other) in [
                (found.1, bar.1),
                (found.2, bar.2),
                (found.3, bar.3),
                (found.4, bar.4),
            ] {
                assert!((one - other).abs() < 1e-9, "{found:?} for {bar:?}");
            }
        }
        assert_eq!(super::bars(&[], 5), "");
    }

    #[test]
    fn a_usual_bar_takes_some_ten_letters() {
        let bar = |place: i64| {
            Candle(
                1_398_988_800 + place * 300,
                1.386_58,
                1.386_71,
                1.386_44,
                1.386_63,
            )
        };
        let bars: Vec<Candle> = (0..100).map(bar).collect();
        let letters = super::bars(&bars, 5).len();
        assert!(letters < 1100, "{letters}");
    }
}
