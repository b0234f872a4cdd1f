//! A long run: dashboards stay, some go and others come, and memory, descriptors and threads are looked at all the while. Flat
//! means that the last quarter is not above the second one: the first is the warming up.

use super::crowd::{Count, Crowd};
use super::figures::mib;
use super::say;
use super::server::{Server, Taken};
use crate::cli;
use anyhow::Result;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Each second one of so many goes and another one comes.
const CHURN: u32 = 360;
/// How much more of anything is no growth: a part, and what its grain is.
const GROWTH: f64 = 0.05;
const GRAIN_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
const GRAIN_COUNT: f64 = 8.0;
/// It tells how it stands so often.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// What was taken, and when: seconds from the start.
type Sample = (f64, Taken);

/// What a long run saw.
pub(super) struct Report {
    clients: u32,
    came: u64,
    heard: Count,
    samples: Vec<Sample>,
}

/// Keeps the dashboards for the span.
pub(super) async fn run(options: &cli::Bench, span: Duration, server: &Server) -> Result<Report> {
    say(&format!(
        "{} dashboards for {} s",
        options.clients,
        span.as_secs()
    ))?;
    let mut crowd = Crowd::new(&server.address);
    crowd.subscribe();
    crowd.come(options.clients).await?;
    let begun = Instant::now();
    let mut report = Report {
        clients: options.clients,
        came: u64::from(options.clients),
        heard: Count::default(),
        samples: Vec::new(),
    };
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = begun;
    while begun.elapsed() < span {
        seconds.tick().await;
        let anew = options.clients.div_ceil(CHURN);
        crowd.go(anew);
        crowd.come(anew).await?;
        report.came += u64::from(anew);
        let taken = server.taken()?;
        report.samples.push((begun.elapsed().as_secs_f64(), taken));
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            say(&line(begun.elapsed(), taken, crowd.count()))?;
        }
    }
    report.heard = crowd.count();
    Ok(report)
}

fn line(elapsed: Duration, taken: Taken, heard: Count) -> String {
    format!(
        "{} s: {:.1} MiB, {} descriptors, {} threads, {} deliveries, {} connections lost",
        elapsed.as_secs(),
        mib(taken.resident),
        taken.descriptors,
        taken.threads,
        heard.messages,
        heard.lost
    )
}

impl Report {
    /// Nothing grew, nobody was lost, and something was heard.
    pub(super) fn is_flat(&self) -> bool {
        let kept = self.heard.lost == 0 && self.heard.messages > 0;
        kept && self.rows().iter().all(Row::is_flat)
    }

    fn rows(&self) -> [Row; 3] {
        let row = |name, grain, of: fn(&Taken) -> u64| Row::new(name, grain, &self.samples, of);
        [
            row("memory", GRAIN_BYTES, |taken| taken.resident),
            row("descriptors", GRAIN_COUNT, |taken| taken.descriptors),
            row("threads", GRAIN_COUNT, |taken| taken.threads),
        ]
    }

    pub(super) fn text(&self) -> String {
        let seconds = self.samples.last().map_or(0.0, |(at, _)| *at);
        let mut text = format!(
            "{} dashboards for {seconds:.0} s: {} came in all, {} deliveries, {} connections lost\n",
            self.clients, self.came, self.heard.messages, self.heard.lost
        );
        for row in self.rows() {
            let (scale, unit) = if row.name == "memory" {
                (f64::from(1 << 20), " MiB")
            } else {
                (1.0, "")
            };
            // Writing to a text does not fail.
            let _ = writeln!(
                text,
                "  {:<12} second quarter {:.1}{unit}, last {:.1}{unit}, slope {:+.2}{unit}/h: {}",
                row.name,
                row.second / scale,
                row.last / scale,
                row.slope / scale,
                if row.is_flat() { "flat" } else { "GROWS" },
            );
        }
        text
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let rows = self.rows().map(|row| {
            json!({
                "name": row.name,
                "second_quarter": row.second,
                "last_quarter": row.last,
                "slope_per_hour": row.slope,
                "flat": row.is_flat(),
            })
        });
        json!({
            "clients": self.clients,
            "seconds": self.samples.last().map(|(at, _)| *at),
            "came": self.came,
            "deliveries": self.heard.messages,
            "lost": self.heard.lost,
            "rows": rows,
            "flat": self.is_flat(),
        })
    }
}

/// How one thing went: means of two quarters, and the slope from the second quarter on, an hour.
struct Row {
    name: &'static str,
    grain: f64,
    second: f64,
    last: f64,
    slope: f64,
}

impl Row {
    #[expect(clippy::cast_precision_loss, reason = "figures to be read")]
    fn new(name: &'static str, grain: f64, samples: &[Sample], of: fn(&Taken) -> u64) -> Self {
        let values = samples.iter().map(|(at, taken)| (*at, of(taken) as f64));
        let values: Vec<(f64, f64)> = values.collect();
        let quarter = values.len() / 4;
        Self {
            name,
            grain,
            second: mean(&values[quarter..(quarter * 2).max(1).min(values.len())]),
            last: mean(&values[values.len() - quarter.max(1).min(values.len())..]),
            slope: slope(&values[quarter..]) * 3600.0,
        }
    }

    fn is_flat(&self) -> bool {
        self.last <= self.second * (1.0 + GROWTH) || self.last <= self.second + self.grain
    }
}

#[expect(clippy::cast_precision_loss, reason = "a run has few samples")]
fn mean(values: &[(f64, f64)]) -> f64 {
    values.iter().map(|(_, value)| value).sum::<f64>() / values.len().max(1) as f64
}

/// By least squares, a second.
#[expect(clippy::cast_precision_loss, reason = "a run has few samples")]
fn slope(values: &[(f64, f64)]) -> f64 {
    let middle = values.iter().map(|(at, _)| at).sum::<f64>() / values.len().max(1) as f64;
    let spread: f64 = values
        .iter()
        .map(|(at, _)| (at - middle) * (at - middle))
        .sum();
    let rise: f64 = values.iter().map(|(at, value)| (at - middle) * value).sum();
    if spread > 0.0 { rise / spread } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(taken: impl Fn(u64) -> Taken, lost: u64) -> Report {
        Report {
            clients: 2000,
            came: 2000,
            heard: Count {
                messages: 1,
                bytes: 1,
                lost,
            },
            samples: (0..3600u32)
                .map(|second| (f64::from(second), taken(second.into())))
                .collect(),
        }
    }

    fn still() -> Taken {
        Taken {
            cpu: Duration::ZERO,
            resident: 100 << 20,
            threads: 9,
            descriptors: 2100,
        }
    }

    #[test]
    fn what_stays_is_flat_and_what_warms_up_too() {
        assert!(report(|_| still(), 0).is_flat());
        let warm = |second: u64| Taken {
            resident: (60 + second.min(600) / 15) << 20,
            ..still()
        };
        assert!(report(warm, 0).is_flat());
    }

    #[test]
    fn what_grows_is_found() {
        let memory = report(
            |second| Taken {
                resident: (100 << 20) + second * 8192,
                ..still()
            },
            0,
        );
        assert!(!memory.is_flat());
        // 8 KiB a second are 28.125 MiB an hour.
        assert!(
            memory.text().contains("slope +28.12 MiB/h: GROWS"),
            "{}",
            memory.text()
        );
        assert!(
            !report(
                |second| Taken {
                    descriptors: 2100 + second / 10,
                    ..still()
                },
                0
            )
            .is_flat()
        );
        assert!(
            !report(
                |second| Taken {
                    threads: 9 + second / 60,
                    ..still()
                },
                0
            )
            .is_flat()
        );
        assert!(!report(|_| still(), 1).is_flat(), "who was lost counts");
    }

    #[test]
    fn the_slope_is_that_of_least_squares() {
        // numpy.polyfit([0, 1, 2, 3], [1, 3, 2, 5], 1) = [1.1, 1.1]
        let values = [(0.0, 1.0), (1.0, 3.0), (2.0, 2.0), (3.0, 5.0)];
        assert!((slope(&values) - 1.1).abs() < 1e-12);
    }
}
