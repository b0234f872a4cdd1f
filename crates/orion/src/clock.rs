//! The one place stamps come from while ORION serves a live market: system time read once, carried on by the monotonic
//! clock and slewed back to the system's, so that a step of the system clock neither shortens nor stretches a deadline.
//!
//! Under a tape there is no clock: the stamps are the tape's (`lab/replay.rs`).

use market::{Span, Time};
use std::sync::{Mutex, PoisonError};

/// The clock may run this much faster or slower to come back to the system's time: 500 parts in a million, as NTP slews.
const SLEW_PER_MILLION: i64 = 500;

/// Where time comes from; tests hand in their own.
pub trait Sources: Send {
    /// The system's time, which people and time servers set.
    fn system(&mut self) -> Time;
    /// Time that only goes on, also while the machine sleeps; its zero means nothing.
    fn monotonic(&mut self) -> Span;
}

/// This machine's clocks.
#[derive(Debug)]
pub struct Machine;

/// The wall clock, shared by the loop, the simulated feed and the health page.
pub struct Clock(Mutex<State>);

struct State {
    sources: Box<dyn Sources>,
    /// Our time at the last look, and the monotonic clock's.
    time: Time,
    looked: Span,
    /// The last stamp given.
    stamp: Time,
}

impl Clock {
    /// Begins at the system's time, but never before `after`, the last stamp of an earlier run.
    #[must_use]
    pub fn new(mut sources: impl Sources + 'static, after: Time) -> Self {
        let (time, looked) = (sources.system().max(after), sources.monotonic());
        Self(Mutex::new(State {
            sources: Box::new(sources),
            time,
            looked,
            stamp: after,
        }))
    }

    /// What time it is.
    pub fn now(&self) -> Time {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).look()
    }

    /// Goes on behind `after`, a stamp that another clock gave meanwhile.
    pub fn catch_up(&self, after: Time) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.time = state.look().max(after);
        state.stamp = state.stamp.max(after);
    }

    /// A stamp for an event: the time it is, but always after the stamp before.
    pub fn stamp(&self) -> Time {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.look();
        state.stamp = now.max(state.stamp + Span::from_nanos(1));
        state.stamp
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl State {
    fn look(&mut self) -> Time {
        let monotonic = self.sources.monotonic();
        let passed = (monotonic - self.looked).max(Span::ZERO);
        self.looked = monotonic;
        let on = self.time + passed;
        let apart = (self.sources.system() - on).nanos();
        let most = passed.nanos() / 1_000_000 * SLEW_PER_MILLION
            + passed.nanos() % 1_000_000 * SLEW_PER_MILLION / 1_000_000;
        self.time = on + Span::from_nanos(apart.clamp(-most, most));
        self.time
    }
}

impl Sources for Machine {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where system time is read"
    )]
    fn system(&mut self) -> Time {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Time::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    #[cfg(target_os = "linux")]
    fn monotonic(&mut self) -> Span {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Span::from_nanos(now.tv_sec * 1_000_000_000 + now.tv_nsec)
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the monotonic clock is read"
    )]
    fn monotonic(&mut self) -> Span {
        static BEGIN: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        Span::from_nanos(i64::try_from(BEGIN.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// System and monotonic time in milliseconds, moved by hand.
    #[derive(Clone, Default)]
    struct Hands(Arc<Mutex<(i64, i64)>>);

    impl Hands {
        fn pass(&self, millis: i64) {
            let mut hands = self.0.lock().unwrap();
            hands.0 += millis;
            hands.1 += millis;
        }
        fn step(&self, millis: i64) {
            self.0.lock().unwrap().0 += millis;
        }
    }

    impl Sources for Hands {
        fn system(&mut self) -> Time {
            Time::from_millis(self.0.lock().unwrap().0)
        }
        fn monotonic(&mut self) -> Span {
            Span::from_millis(self.0.lock().unwrap().1)
        }
    }

    #[test]
    fn stamps_rise_strictly_even_when_time_stands_still() {
        let clock = Clock::new(Hands::default(), Time::from_millis(5));
        let stamps = [clock.stamp(), clock.stamp(), clock.stamp()];
        assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
        assert!(stamps[0] > Time::from_millis(5));
    }

    #[test]
    fn stamps_go_on_behind_those_of_another_clock() {
        let hands = Hands::default();
        let clock = Clock::new(hands.clone(), Time::MIN);
        let other = Time::from_millis(70);
        clock.catch_up(other);
        assert!(clock.now() == other && clock.stamp() > other);
        clock.catch_up(Time::from_millis(30));
        hands.pass(1);
        assert!(clock.stamp() > other, "an older stamp changes nothing");
    }

    #[test]
    fn a_step_of_the_system_clock_is_slewed_away_and_moves_no_deadline() {
        for step in [3_600_000, -3_600_000] {
            let hands = Hands::default();
            hands.pass(10_000_000);
            let clock = Clock::new(hands.clone(), Time::MIN);
            let before = clock.now();
            hands.step(step);
            hands.pass(285_000);
            let passed = (clock.now() - before).millis();
            assert!(
                (passed - 285_000).abs() <= 143,
                "285 s took {passed} ms by our clock"
            );
            // After long enough the clocks agree again.
            for _ in 0..3_000 {
                hands.pass(3_600_000);
                clock.now();
            }
            assert_eq!(clock.now(), hands.clone().system());
        }
    }
}
