//! How the portfolio of all signals stands, for health and metrics.

use engine::{RiskState, Standing};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::json;
use std::fmt;

pub(super) fn json(standing: &Standing) -> serde_json::Value {
    json!({
        "state": standing.state.as_str(),
        "live": standing.live,
        "open_risk_percent": rounded(standing.open_risk_percent),
        "day_loss_percent": rounded(standing.day_loss_percent),
        "drawdown_percent": rounded(standing.drawdown_percent),
    })
}

/// To three decimals, and never a negative zero.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0 + 0.0
}

pub(super) fn encode(
    standing: Option<&Standing>,
    gated: &[(&'static str, u64)],
    encoder: &mut DescriptorEncoder,
) -> fmt::Result {
    let help = "Signals that a limit of the portfolio spoke against by limit";
    let mut family = encoder.encode_descriptor("signals_gated", help, None, MetricType::Counter)?;
    for (gate, count) in gated {
        ConstCounter::new(*count).encode(family.encode_family(&[("gate", *gate)])?)?;
    }
    let Some(standing) = standing else {
        return Ok(());
    };
    let help = "1 for the state that the portfolio is in: whether new signals may be traded";
    let mut family =
        encoder.encode_descriptor("engine_risk_state", help, None, MetricType::Gauge)?;
    for state in RiskState::ALL {
        let is = f64::from(u8::from(state == standing.state));
        ConstGauge::new(is).encode(family.encode_family(&[("state", state.as_str())])?)?;
    }
    let mut gauge = |name: &str, help: &str, value: f64| {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    };
    gauge(
        "engine_open_risk_percent",
        "What the stops of all live signals would cost, of the equity",
        standing.open_risk_percent,
    )?;
    gauge(
        "engine_day_loss_percent",
        "What the trading day has lost, of the equity at its beginning",
        standing.day_loss_percent,
    )?;
    gauge(
        "engine_drawdown_percent",
        "What is lost from the highest equity",
        standing.drawdown_percent,
    )
}
