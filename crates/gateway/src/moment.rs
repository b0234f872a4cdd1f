//! A moment of real time in half the memory that the standard library gives it: each session holds several.

use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::time::Instant;

/// Nanoseconds since the first moment of this process, and one: so that none at all takes no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZeroU64);

/// Nothing here asks for a moment before this one.
static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Moment {
    pub(crate) fn now() -> Self {
        Self::of(Instant::now())
    }

    pub(crate) fn of(instant: Instant) -> Self {
        let first = *FIRST;
        Self(NonZeroU64::MIN) + instant.saturating_duration_since(first)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// How long it lies behind another one; nothing where it lies before it.
impl Sub for Moment {
    type Output = Duration;
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_far_apart_as_the_instants_they_are_of() {
        let instant = Instant::now();
        let span = Duration::new(3 * 365 * 24 * 3600, 123_456_789);
        let (one, other) = (Moment::of(instant), Moment::of(instant + span));
        assert_eq!(other - one, span);
        assert_eq!(one - other, Duration::ZERO, "it lies before");
        assert_eq!(one + span, other);
        assert!(one < other);
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }

    #[test]
    fn no_span_is_too_long() {
        let now = Moment::now();
        assert!(now + Duration::MAX > now + Duration::from_secs(1 << 33));
    }
}
