//! How the certificate does, for `/health` and `/metrics`.

use gateway::tls::Tls;
use market::Time;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::json;
use std::fmt;

pub(super) fn json(tls: &Tls, now: Time) -> serde_json::Value {
    let (shown, failures) = (tls.shown(), tls.failures());
    let state = match &shown {
        None => "waiting",
        Some(shown) if shown.expires <= now => "expired",
        Some(_) => "ok",
    };
    json!({
        "state": state,
        "names": shown.as_ref().map(|shown| &shown.names),
        "expires": shown.as_ref().map(|shown| shown.expires.to_string()),
        "failures": failures.count,
        "reason": failures.reason,
    })
}

pub(super) fn encode(tls: Option<&Tls>, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let Some(tls) = tls else {
        return Ok(());
    };
    if let Some(shown) = tls.shown() {
        let help = "When the certificate that is shown expires, in seconds since 1970";
        let name = "tls_certificate_expiry_timestamp_seconds";
        let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(shown.expires.nanos() as f64 / 1e9).encode(gauge)?;
    }
    let help = "1 while there is a certificate to show";
    let gauge = encoder.encode_descriptor("tls_certificate", help, None, MetricType::Gauge)?;
    ConstGauge::new(i64::from(tls.shown().is_some())).encode(gauge)?;
    let help = "Certificates that could not be ordered, or whose files could not be used";
    let counter = encoder.encode_descriptor("tls_failures", help, None, MetricType::Counter)?;
    ConstCounter::new(tls.failures().count).encode(counter)
}
