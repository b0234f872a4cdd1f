//! Millions of latencies in a few kilobytes: buckets that are 1/32 of their value wide.

const STEPS: u64 = 32;
/// Up to 2^40 ns, which are 18 minutes.
const BUCKETS: usize = 36 * STEPS as usize;

#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BUCKETS],
            count: 0,
            max: 0,
        }
    }
}

impl Histogram {
    pub fn add(&mut self, value: u64) {
        self.counts[bucket_of(value)] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// So many of a thousand values are at most this, give or take a bucket.
    pub fn permille(&self, permille: u64) -> Option<u64> {
        let wanted = (self.count * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(top_of(bucket).min(self.max))
    }
}

fn bucket_of(value: u64) -> usize {
    let doublings = (value / STEPS).checked_ilog2().map_or(0, |log| log + 1);
    let step = value >> doublings.saturating_sub(1);
    let bucket = if doublings == 0 {
        value
    } else {
        u64::from(doublings) * STEPS + step - STEPS
    };
    (bucket as usize).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn top_of(bucket: usize) -> u64 {
    let (doublings, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    match doublings.checked_sub(1) {
        None => step,
        Some(shift) => ((STEPS + step + 1) << shift) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_its_bucket() {
        let mut before = 0;
        for value in (0..100_000).chain([1 << 30, (1 << 39) - 1]) {
            let bucket = bucket_of(value);
            assert!(bucket >= before, "{value}");
            let bottom = bucket.checked_sub(1).map_or(0, |below| top_of(below) + 1);
            assert!((bottom..=top_of(bucket)).contains(&value), "{value}");
            assert!(top_of(bucket) - bottom <= value / STEPS, "{value}");
            before = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn permilles_are_near_the_truth() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.permille(500), histogram.max()), (None, None));
        for value in 1..=10_000 {
            histogram.add(value);
        }
        for (permille, truth) in [(500, 5_000), (990, 9_900), (1000, 10_000)] {
            let found = histogram.permille(permille).unwrap();
            assert!((truth..=truth + truth / 32).contains(&found), "{found}");
        }
        assert_eq!(histogram.max(), Some(10_000));
    }
}
