//! How long signals waited for their verdicts.

use market::{Position, Signal, Status};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use std::fmt;

/// In seconds, up to the latest moment at which a signal is decided.
const BOUNDS: [f64; 9] = [1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 240.0, 285.0];

#[derive(Debug)]
pub(super) struct Verdicts {
    confirmed: Histogram,
    invalidated: Histogram,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            confirmed: Histogram::new(BOUNDS),
            invalidated: Histogram::new(BOUNDS),
        }
    }
}

impl Verdicts {
    pub(super) fn note(&self, signals: &[(Position, Signal)]) {
        for (_, signal) in signals {
            let waited = signal.decided_at.map(|at| at - signal.created_at);
            let seconds = waited.map_or(0.0, |span| span.nanos() as f64 / 1e9);
            match signal.status {
                Status::Pending => {}
                Status::Confirmed => self.confirmed.observe(seconds),
                Status::Invalidated => self.invalidated.observe(seconds),
            }
        }
    }

    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let help = "From a signal's birth to its verdict";
        let mut family = encoder.encode_descriptor(
            "signals_verdict_seconds",
            help,
            None,
            MetricType::Histogram,
        )?;
        for (verdict, waited) in [
            ("confirmed", &self.confirmed),
            ("invalidated", &self.invalidated),
        ] {
            waited.encode(family.encode_family(&[("verdict", verdict)])?)?;
        }
        Ok(())
    }
}
