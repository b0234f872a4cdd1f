//! How long something took, each time: counted by fixed bounds, so that many machines' figures can be added up.

use crate::stats::Counter;
use std::time::Duration;

/// Anyone may read it at any time; whoever counts pays for two additions.
#[derive(Debug, Default)]
pub struct Latency {
    counts: [Counter; BOUNDS.len() + 1],
    nanos: Counter,
}

/// In microseconds, from what a flush takes at rest to what a person would notice.
const BOUNDS: [u32; 13] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000,
];

impl Latency {
    pub fn note(&self, took: Duration) {
        let micros = took.as_micros();
        let place = BOUNDS.partition_point(|bound| u128::from(*bound) < micros);
        self.counts[place].add(1);
        self.nanos
            .add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// All times together.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.nanos.get() as f64 / 1e9
    }

    /// How many lay between each bound, in seconds, and the one before it; what lay above all of them has no bound.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.into_iter().map(|micros| f64::from(micros) / 1e6);
        let counts = self.counts.iter().map(Counter::get);
        bounds.chain([f64::INFINITY]).zip(counts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_by_their_bounds() {
        let latency = Latency::default();
        for micros in [0, 100, 101, 1_000_000, 1_000_001, 90_000_000] {
            latency.note(Duration::from_micros(micros));
        }
        let buckets = latency.buckets();
        assert_eq!(buckets[0], (0.0001, 2));
        assert_eq!(buckets[1], (0.00025, 1));
        assert_eq!(buckets[12], (1.0, 1));
        assert_eq!(buckets[13], (f64::INFINITY, 2));
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 6);
        assert!((latency.seconds() - 92.000_202).abs() < 1e-9);
    }
}
