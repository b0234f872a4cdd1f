//! How the models do, for `/health` and `/metrics`.

use super::sockets;
use crate::models::Seat;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::json;
use std::fmt;
use std::sync::Arc;

pub(super) fn json(seat: &Arc<Seat>) -> serde_json::Value {
    let (answered, silent) = seat.counts();
    let off = seat.off();
    json!({
        "name": seat.name,
        "version": seat.version,
        "role": seat.role,
        "state": if off.is_some() { "off" } else { "on" },
        "reason": off,
        "answered": answered,
        "silent": silent,
    })
}

pub(super) fn encode(seats: &[Arc<Seat>], encoder: &mut DescriptorEncoder) -> fmt::Result {
    if seats.is_empty() {
        return Ok(());
    }
    let help = "1 while the model is asked, 0 when it is switched off or could not be loaded";
    let mut family = encoder.encode_descriptor("engine_model_on", help, None, MetricType::Gauge)?;
    for seat in seats {
        let is_on = f64::from(u8::from(seat.off().is_none()));
        ConstGauge::new(is_on).encode(family.encode_family(&[("model", seat.name.as_str())])?)?;
    }
    let help = "Questions to models by whether an answer came";
    let mut family =
        encoder.encode_descriptor("engine_model_questions", help, None, MetricType::Counter)?;
    for seat in seats {
        let (answered, silent) = seat.counts();
        for (result, count) in [("answered", answered), ("silent", silent)] {
            let labels = [("model", seat.name.as_str()), ("result", result)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "From a question to its answer, or to why there is none";
    let mut family =
        encoder.encode_descriptor("engine_model_seconds", help, None, MetricType::Histogram)?;
    for seat in seats {
        let labels = [("model", seat.name.as_str())];
        let mut of_model = family.encode_family(&labels)?;
        sockets::encode_latency(seat.took(), &mut of_model)?;
    }
    Ok(())
}
