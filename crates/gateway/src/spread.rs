//! Spreading many over a span, so that those who came together do not act together. No chance is needed for it: the steps of
//! the golden ratio spread any run of numbers evenly.

use std::ops::Range;
use std::time::Duration;

/// The place of a number in the span; the same number has the same place.
pub(crate) fn within(span: Range<Duration>, number: u64) -> Duration {
    let step = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let part = step as f64 / f64::from(1 << 24);
    span.start + span.end.saturating_sub(span.start).mul_f64(part)
}

/// Each one's own span, up to this part of `mean` off it.
pub(crate) fn around(mean: Duration, part: f64, number: u64) -> Duration {
    within(mean.mul_f64(1.0 - part)..mean.mul_f64(1.0 + part), number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_numbers_is_spread_evenly() {
        let span = Duration::from_secs(16)..Duration::from_secs(24);
        for first in [0, 1, 123_456_789] {
            let numbers = first..first + 1000;
            let mut places: Vec<_> = numbers
                .map(|number| around(Duration::from_secs(20), 0.2, number))
                .collect();
            places.sort();
            assert!(places[0] >= span.start && places[999] <= span.end);
            let widest = places.windows(2).map(|two| two[1] - two[0]).max();
            assert!(widest < Some(Duration::from_millis(30)), "{widest:?}");
        }
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_its_beginning() {
        let at = Duration::from_secs(3);
        assert_eq!(within(at..Duration::from_secs(1), 7), at);
        assert_eq!(within(at..at, 7), at);
    }
}
