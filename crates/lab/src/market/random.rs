//! The market's own randomness: a seeded stream of numbers that is the same on every machine and in every release.
//!
//! SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014; constants of Vigna's public
//! domain version). Normal numbers are sums of uniform ones (Irwin-Hall), made with `+ - *` alone: the `ln` and `cos` of
//! the usual recipes differ between platforms.

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream that belongs to these numbers and to no others.
    pub(crate) fn of(parts: [u64; 3]) -> Self {
        let [first, second, third] = parts;
        let state = scramble(first.wrapping_add(GOLDEN)) ^ second;
        Self(scramble(scramble(state.wrapping_add(GOLDEN)) ^ third))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        scramble(self.0)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number in [low, high].
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        low + (self.uniform() * (high - low + 1) as f64) as i64
    }

    /// Mean 0, variance 1, within ±3.47: the sum of four uniform numbers, for the thousands of small steps whose own sum
    /// is what counts.
    pub(crate) fn step(&mut self) -> f64 {
        (sum_of_quarters(self.bits()) - 2.0) * SQRT_3
    }

    /// Mean 0, variance 1, within ±6 and so near to normal that a single one may stand for a whole stretch of time: the
    /// sum of twelve uniform numbers.
    pub(crate) fn normal(&mut self) -> f64 {
        let sum: f64 = (0..3).map(|_| sum_of_quarters(self.bits())).sum();
        sum - 6.0
    }
}

/// The sum of four numbers, uniform in (0, 1), one from each 16 bits; its mean is exactly 2.
fn sum_of_quarters(bits: u64) -> f64 {
    let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    (sum as f64 + 2.0) / 65_536.0
}

/// The output function of SplitMix64: every bit of the input changes half of the bits of the answer.
fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// FNV-1a: a name's number, the same in every build.
pub(crate) fn number_of(name: &str) -> u64 {
    name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_splitmix64() {
        // The first numbers of the reference implementation for seed 1234567.
        let mut random = Random(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn both_normal_numbers_have_mean_0_and_variance_1() {
        let mut random = Random::of([1, 2, 3]);
        let n = 400_000;
        let mut check = |draw: fn(&mut Random) -> f64| {
            let drawn: Vec<f64> = (0..n).map(|_| draw(&mut random)).collect();
            let mean = drawn.iter().sum::<f64>() / f64::from(n);
            let variance = drawn.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
            assert!(mean.abs() < 0.006, "mean {mean}");
            assert!((variance - 1.0).abs() < 0.01, "variance {variance}");
            drawn
        };
        check(Random::step);
        let normal = check(Random::normal);
        let beyond = |limit: f64| {
            normal.iter().filter(|x| x.abs() > limit).count() as f64 / normal.len() as f64
        };
        assert!((beyond(1.0) - 0.3173).abs() < 0.005);
        assert!((beyond(2.0) - 0.0455).abs() < 0.002);
    }

    #[test]
    fn streams_of_different_numbers_differ() {
        let first = |parts| Random::of(parts).bits();
        let mut seen: Vec<u64> = (0..10_u64)
            .flat_map(|a| (0..10).flat_map(move |b| (0..10).map(move |c| first([a, b, c]))))
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
    }

    #[test]
    fn whole_numbers_reach_both_ends() {
        let mut random = Random::of([7, 7, 7]);
        let drawn: Vec<i64> = (0..200).map(|_| random.whole(-1, 1)).collect();
        assert_eq!(drawn.iter().min(), Some(&-1));
        assert_eq!(drawn.iter().max(), Some(&1));
    }
}
