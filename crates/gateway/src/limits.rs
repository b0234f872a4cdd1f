//! How much a client may send.

use crate::moment::Moment;
use std::time::Duration;

/// A bucket of tokens: full at first, filled at a steady rate.
#[derive(Debug)]
pub(crate) struct Rate {
    tokens: f32,
    at: Moment,
}

impl Rate {
    pub(crate) fn new(burst: u16, now: Moment) -> Self {
        Self {
            tokens: f32::from(burst),
            at: now,
        }
    }

    /// Takes one token, if there is one.
    pub(crate) fn take(&mut self, per_s: u16, burst: u16, now: Moment) -> bool {
        let filled = (now - self.at).as_secs_f32() * f32::from(per_s);
        self.at = now;
        self.tokens = (self.tokens + filled).min(f32::from(burst));
        let has_one = self.tokens >= 1.0;
        if has_one {
            self.tokens -= 1.0;
        }
        has_one
    }
}

/// The times of the latest messages that were not understood. Takes no memory for clients that make no mistakes.
#[derive(Debug, Default)]
pub(crate) struct Errors(Vec<Moment>);

impl Errors {
    /// Notes one more; false when that is more than `max` within the span.
    pub(crate) fn note(&mut self, max: usize, within: Duration, now: Moment) -> bool {
        self.0.retain(|&at| now - at <= within);
        self.0.push(now);
        self.0.len() <= max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_steady_rate() {
        let start = Moment::now();
        let mut rate = Rate::new(20, start);
        let after = |ms| start + Duration::from_millis(ms);
        let taken = (0..30).filter(|_| rate.take(10, 20, start)).count();
        assert_eq!(taken, 20);
        assert!(!rate.take(10, 20, after(50)));
        assert!(rate.take(10, 20, after(110)));
        let taken = (0..30).filter(|_| rate.take(10, 20, after(60_000))).count();
        assert_eq!(taken, 20, "what is not used is not saved up");
    }

    #[test]
    fn errors_are_counted_within_a_sliding_span() {
        let start = Moment::now();
        let mut errors = Errors::default();
        let mut note = |secs| {
            errors.note(
                3,
                Duration::from_secs(60),
                start + Duration::from_secs(secs),
            )
        };
        assert!([0, 30, 50].into_iter().all(&mut note));
        assert!(note(61), "the first is out of the span");
        assert!(!note(89));
    }
}
