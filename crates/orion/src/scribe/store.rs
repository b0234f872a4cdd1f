//! How the store is: whether what is decided can be kept, and how much waits for it. The loop and the thread that writes say it,
//! health and metrics show it.

use journal::Error;
use std::error::Error as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What takes longer makes a disk a slow one.
const SLOW: Duration = Duration::from_secs(2);
/// What takes so long may take for ever.
const STUCK: Duration = Duration::from_secs(5);
/// So long after the last slow step it counts as slow: it would flutter.
const SLOW_FOR: Duration = Duration::from_secs(10);

/// What is told of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ok,
    /// What is decided is kept and shown late.
    Slow,
    /// Nothing can be kept. What is decided waits for it.
    Failing,
    /// The same for so long that nothing more can wait: nothing is decided until it can be kept, and then the engine goes on
    /// from what is on the disk.
    Stopped,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Ok, Self::Slow, Self::Failing, Self::Stopped];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Stopped => "stopped",
        }
    }
}

/// How a store is at a moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) state: State,
    /// How long it has been so; nothing while it is well.
    pub(crate) since: Option<Duration>,
    /// Why, and what to do about it.
    pub(crate) reason: Option<String>,
    pub(crate) remedy: Option<&'static str>,
    /// Events that are not on the disk, and for how long the oldest has waited.
    pub(crate) waiting: usize,
    pub(crate) waits: Duration,
    pub(crate) failures: u64,
}

/// Shared by the loop, the thread that writes, and those who ask.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// What fails is tried again.
    tries_again: bool,
    /// Since when the disk has not answered.
    asked: Option<Instant>,
    failing: Option<Failing>,
    slow: Option<Slow>,
    stopped: Option<Instant>,
    waiting: usize,
    oldest: Option<Instant>,
    failures: u64,
}

#[derive(Clone, Debug)]
struct Failing {
    since: Instant,
    reason: String,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    since: Instant,
    /// The end of the last slow step.
    last: Instant,
    took: Duration,
}

impl Store {
    /// Whether what fails is tried again until it comes to pass. At the start and at the end it is not.
    pub(crate) fn try_again(&self, again: bool) {
        self.lock().tries_again = again;
    }

    pub(super) fn tries_again(&self) -> bool {
        self.lock().tries_again
    }

    /// The disk is asked for something.
    pub(super) fn ask(&self) -> Instant {
        let now = Instant::now();
        self.lock().asked = Some(now);
        now
    }

    /// It has done it.
    pub(super) fn answered(&self, asked: Instant) {
        let mut inner = self.lock();
        inner.asked = None;
        inner.took(asked);
        if let Some(failing) = inner.failing.take() {
            tracing::info!(
                seconds = failing.since.elapsed().as_secs(),
                "the disk of the data folder is well again"
            );
        }
    }

    /// It has not.
    pub(super) fn failed(&self, asked: Instant, error: &Error) {
        let mut inner = self.lock();
        inner.asked = None;
        inner.took(asked);
        inner.fail(words(error));
    }

    /// The store cannot be opened again.
    pub(crate) fn cannot_open(&self, error: &anyhow::Error) {
        self.lock().fail(format!("{error:#}"));
    }

    /// So much waits for the disk, since then.
    pub(crate) fn wait(&self, events: usize, oldest: Option<Instant>) {
        let mut inner = self.lock();
        (inner.waiting, inner.oldest) = (events, oldest);
    }

    /// Nothing more is handed over.
    pub(crate) fn stop(&self) {
        let mut inner = self.lock();
        (inner.waiting, inner.oldest) = (0, None);
        inner.stopped = Some(Instant::now());
    }

    /// It was opened anew.
    pub(crate) fn begin(&self) {
        let mut inner = self.lock();
        (inner.stopped, inner.failing, inner.asked) = (None, None, None);
    }

    /// Whether what is handed over now would only wait.
    pub(crate) fn is_failing(&self) -> bool {
        let inner = self.lock();
        inner.failing.is_some() || inner.stopped.is_some()
    }

    /// The same, or the disk has taken long for what it was asked last.
    pub(crate) fn is_overdue(&self) -> bool {
        let asked = self.lock().asked;
        self.is_failing() || asked.is_some_and(|asked| asked.elapsed() >= SLOW)
    }

    /// The same, or so long that it may never be done.
    pub(crate) fn is_stuck(&self) -> bool {
        let asked = self.lock().asked;
        self.is_failing() || asked.is_some_and(|asked| asked.elapsed() >= STUCK)
    }

    pub(crate) fn look(&self) -> Look {
        self.lock().look(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn took(&mut self, asked: Instant) {
        let now = Instant::now();
        let took = now - asked;
        if took < SLOW {
            return;
        }
        let before = self.slow.filter(|slow| now - slow.last < SLOW_FOR + took);
        let since = before.map_or(asked, |slow| slow.since);
        if before.is_none() {
            tracing::warn!(
                milliseconds = took.as_millis(),
                "the disk of the data folder is slow: what is to be stored waits for it"
            );
        }
        self.slow = Some(Slow {
            since,
            last: now,
            took,
        });
    }

    fn fail(&mut self, reason: String) {
        self.failures += 1;
        let failing = self.failing.get_or_insert_with(|| {
            tracing::error!(reason, "the disk of the data folder fails: it is tried again each second; what is to be stored waits, all else goes on");
            Failing {
                since: Instant::now(),
                reason: String::new(),
            }
        });
        failing.reason = reason;
    }

    fn look(&self, now: Instant) -> Look {
        let (state, since, reason) = self.judge(now);
        let remedy = match state {
            State::Ok => None,
            State::Slow => Some(
                "look at what else writes to that disk, and see `orion doctor`; it goes on by itself",
            ),
            State::Failing | State::Stopped => {
                Some("make room, mount it writable or mend the disk: the server goes on by itself")
            }
        };
        Look {
            state,
            since: since.map(|since| now - since),
            reason,
            remedy,
            waiting: self.waiting,
            waits: self.oldest.map_or(Duration::ZERO, |oldest| now - oldest),
            failures: self.failures,
        }
    }

    fn judge(&self, now: Instant) -> (State, Option<Instant>, Option<String>) {
        let reason = self.failing.as_ref().map(|failing| failing.reason.clone());
        let why = |since: Instant| {
            let seconds = (now - since).as_secs_f64();
            format!("the disk has not answered for {seconds:.1} s")
        };
        if let Some(since) = self.stopped {
            let full = || "more waited for the disk than there is room for".to_owned();
            let reason = reason.or_else(|| self.asked.map(why));
            return (
                State::Stopped,
                Some(since),
                Some(reason.unwrap_or_else(full)),
            );
        }
        if let Some(failing) = &self.failing {
            return (State::Failing, Some(failing.since), reason);
        }
        let asked = self.asked.filter(|asked| now - *asked >= SLOW);
        let slow = self.slow.filter(|slow| now - slow.last < SLOW_FOR);
        match (asked, slow) {
            (Some(asked), slow) => {
                let since = slow.map_or(asked, |slow| slow.since);
                (State::Slow, Some(since), Some(why(asked)))
            }
            (None, Some(slow)) => {
                let seconds = slow.took.as_secs_f64();
                let reason = format!("the disk took {seconds:.1} s for one step");
                (State::Slow, Some(slow.since), Some(reason))
            }
            (None, None) => (State::Ok, None, None),
        }
    }
}

/// An error with its causes.
fn words(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let told = next.to_string();
        if !words.ends_with(&told) {
            words = format!("{words}: {told}");
        }
        cause = next.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn full() -> Error {
        Error::Io {
            what: "write tape".to_owned(),
            source: io::ErrorKind::StorageFull.into(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_lasts_is_told_while_it_lasts_and_a_while_after() {
        let store = Store::default();
        let pass = tokio::time::advance;
        let asked = store.ask();
        pass(Duration::from_millis(1_900)).await;
        assert_eq!(store.look().state, State::Ok);
        pass(Duration::from_millis(3_100)).await;
        let look = store.look();
        assert_eq!(look.state, State::Slow);
        assert_eq!(look.since, Some(Duration::from_secs(5)));
        assert!(store.is_stuck() && !store.is_failing());
        store.answered(asked);
        assert!(!store.is_stuck());
        pass(Duration::from_secs(9)).await;
        store.answered(store.ask());
        let look = store.look();
        assert_eq!(look.state, State::Slow);
        assert_eq!(
            look.reason.as_deref(),
            Some("the disk took 5.0 s for one step")
        );
        pass(Duration::from_secs(1)).await;
        assert_eq!(store.look().state, State::Ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_with_its_reason_until_it_is_over() {
        let store = Store::default();
        store.failed(store.ask(), &full());
        tokio::time::advance(Duration::from_secs(3)).await;
        store.failed(store.ask(), &full());
        let look = store.look();
        assert_eq!((look.state, look.failures), (State::Failing, 2));
        assert_eq!(look.since, Some(Duration::from_secs(3)));
        let reason = look.reason.unwrap();
        assert!(reason.starts_with("cannot write tape: "), "{reason}");
        store.answered(store.ask());
        let look = store.look();
        assert_eq!((look.state, look.reason), (State::Ok, None));
    }

    #[tokio::test(start_paused = true)]
    async fn stopped_it_is_until_it_was_opened_anew() {
        let store = Store::default();
        store.wait(9, Some(Instant::now()));
        store.failed(store.ask(), &full());
        store.stop();
        store.cannot_open(&anyhow::anyhow!("no room"));
        let look = store.look();
        assert_eq!((look.state, look.waiting), (State::Stopped, 0));
        assert_eq!(look.reason.as_deref(), Some("no room"));
        store.begin();
        assert_eq!(store.look().state, State::Ok);
    }
}
