//! How tape and journal are kept, as health and metrics say it.

use super::metrics::{counter, gauge};
use crate::scribe::{Look, State};
use market::{Span, Time};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Value, json};
use std::fmt;

pub(super) fn json(look: Option<Look>, position: Option<Value>, now: Time) -> Value {
    let Some(look) = look else {
        return json!({"state": "recovering", "position": position});
    };
    let since = look.since.map(|since| {
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        (now - Span::from_millis(millis)).to_string()
    });
    json!({
        "state": look.state.as_str(),
        "position": position,
        "since": since,
        "reason": look.reason,
        "remedy": look.remedy,
        "waiting": {"events": look.waiting, "seconds": look.waits.as_secs_f64()},
    })
}

pub(super) fn encode(look: Option<&Look>, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "1 while what is decided is kept, 0 while it cannot be or is still being recovered";
    let is_kept = look.is_some_and(|look| matches!(look.state, State::Ok | State::Slow));
    gauge(encoder, "journal_ready", help, f64::from(u8::from(is_kept)))?;
    let help = "How the disk takes what is to be kept";
    let mut states = encoder.encode_descriptor("journal_state", help, None, MetricType::Gauge)?;
    for state in State::ALL {
        let is_so = look.is_some_and(|look| look.state == state);
        let labels = [("state", state.as_str())];
        ConstGauge::new(f64::from(u8::from(is_so))).encode(states.encode_family(&labels)?)?;
    }
    let (waiting, waits, failures) = look.map_or((0, 0.0, 0), |look| {
        (look.waiting, look.waits.as_secs_f64(), look.failures)
    });
    let help = "Events that are not on the disk yet";
    gauge(encoder, "journal_waiting_events", help, waiting as f64)?;
    let help = "How long the oldest has waited that was handed over to be kept";
    gauge(encoder, "journal_waiting_seconds", help, waits)?;
    let help = "Times the disk did not do what it was asked for";
    counter(encoder, "journal_failures", help, failures)
}
