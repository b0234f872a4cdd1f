//! One source's life: connect, be live, end, wait, again. The connector knows the vendor; this knows patience.
//!
//! At most one connect per [`Patience::connect_every`], waits that double and are drawn anew each time ("full jitter": AWS
//! Architecture Blog, Exponential Backoff And Jitter), back to the first wait only after a healthy minute. What somebody
//! has to mend is told once and ends it.

use crate::health::Phase;
use crate::inbox::Outlet;
use market::Span;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Who speaks a vendor's protocol.
pub trait Connector: Send {
    /// One connection from the first byte to its end: tells phases, symbols and prices to the outlet, and returns why it
    /// is over. It keeps its own deadlines: a half-open connection ends here too.
    fn connect(&mut self, outlet: &Outlet) -> impl Future<Output = End> + Send;
}

/// Why a connection is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It may well work the next time.
    Transient { reason: String },
    /// The vendor wants to be left alone for so long.
    Later { reason: String, pause: Duration },
    /// Another instance uses the same key, and the two push each other out.
    Contested { reason: String, remedy: String },
    /// It will not work until somebody does something.
    Fatal { reason: String, remedy: String },
}

impl End {
    pub fn transient(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Transient { reason }
    }
    pub fn fatal(reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (reason, remedy) = (reason.into(), remedy.into());
        Self::Fatal { reason, remedy }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Least time between the beginnings of two connects [5 s].
    pub connect_every: Duration,
    /// The first wait after a loss [1 s], and the longest [60 s].
    pub first: Duration,
    pub longest: Duration,
    /// How long a connection must have been live for the waits to begin anew [60 s].
    pub healthy: Span,
    /// The wait when another instance uses the same key [5 min].
    pub contested: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect_every: Duration::from_secs(5),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            healthy: Span::from_secs(60),
            contested: Duration::from_secs(300),
        }
    }
}

/// Waits between connects.
#[derive(Clone, Debug)]
pub struct Backoff {
    patience: Patience,
    /// Losses since the last healthy time.
    losses: u32,
    random: u64,
}

impl Backoff {
    #[must_use]
    pub fn new(patience: Patience, seed: u64) -> Self {
        Self {
            patience,
            losses: 0,
            random: seed,
        }
    }

    /// The wait after a connection that was live for so long: anything from nothing to a step that doubles.
    pub fn next(&mut self, live: Span) -> Duration {
        if live >= self.patience.healthy {
            self.losses = 0;
        }
        let factor = 1_u32 << self.losses.min(16);
        let step = self.patience.first.saturating_mul(factor);
        self.losses += 1;
        step.min(self.patience.longest).mul_f64(self.draw())
    }

    /// A number in [0, 1), SplitMix64 (Steele, Lea and Flood, 2014).
    fn draw(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keeps one source connected until it fails for good.
pub async fn supervise(
    mut connector: impl Connector,
    outlet: Outlet,
    patience: Patience,
    seed: u64,
) {
    let name = outlet.name();
    let mut backoff = Backoff::new(patience, seed);
    loop {
        let began = Instant::now();
        outlet.phase(Phase::Connecting);
        let end = connector.connect(&outlet).await;
        let live = outlet.ended();
        let (reason, pause) = match end {
            End::Transient { reason } => (reason, backoff.next(live)),
            End::Later { reason, pause } => (reason, pause.max(backoff.next(live))),
            End::Contested { reason, remedy } => {
                tracing::error!(source = %name, reason, remedy, "another instance uses the same key");
                (reason, patience.contested)
            }
            End::Fatal { reason, remedy } => {
                tracing::error!(source = %name, reason, remedy, "the source is given up");
                outlet.phase(Phase::Failed { reason, remedy });
                return;
            }
        };
        let again = (began + patience.connect_every).max(Instant::now() + pause);
        let wait = again.saturating_duration_since(Instant::now());
        let until = outlet.now() + Span::from_millis(i64::try_from(wait.as_millis()).unwrap_or(0));
        tracing::warn!(source = %name, reason, live_s = live.millis() / 1000, again_in_ms = wait.as_millis(), "the connection is lost; dashboards see the next source, or the last prices until they are stale");
        outlet.phase(Phase::BackOff { until, reason });
        sleep_until(again).await;
    }
}

/// Ready after so long: a deadline that a connector starts anew with each thing it hears.
pub async fn silence(span: Duration) -> End {
    sleep(span).await;
    End::transient(format!("nothing came for {} s", span.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_are_jittered_and_begin_anew_only_after_a_healthy_minute() {
        let patience = Patience::default();
        let longest = |losses: u32| {
            let draws = (0..2000).map(|seed| {
                let mut backoff = Backoff::new(patience, seed);
                for _ in 0..losses {
                    backoff.next(Span::from_secs(59));
                }
                backoff.next(Span::ZERO).as_secs_f64()
            });
            let draws: Vec<f64> = draws.collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            (draws.iter().fold(0.0, |a: f64, b| a.max(*b)), mean)
        };
        for (losses, step) in [
            (0, 1.0),
            (1, 2.0),
            (3, 8.0),
            (5, 32.0),
            (6, 60.0),
            (40, 60.0),
        ] {
            let (most, mean) = longest(losses);
            assert!(most <= step && most > step * 0.99, "{losses}: {most}");
            assert!((mean / step - 0.5).abs() < 0.03, "{losses}: mean {mean}");
        }
        let mut backoff = Backoff::new(patience, 1);
        for _ in 0..9 {
            backoff.next(Span::ZERO);
        }
        assert!(backoff.next(Span::from_secs(60)) <= Duration::from_secs(1));
    }
}
