//! The status as metrics. Each name begins with its area: connections, messages, latency, journal, feed, engine, signals, outbox,
//! tls, process. Labels have few values, none of which a client chooses: symbols are those of the settings, close codes those of
//! ORION's own and one for the rest.

use super::verdicts::Verdicts;
use super::{FeedState, Now, Status, feeds, models, portfolio, process, sockets, store, tls};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::fs;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Metrics(pub(super) Arc<Status>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (status, now) = (&self.0, self.0.now());
        let encoder = &mut encoder;
        sockets::encode(&status.stats(), encoder)?;
        rates(status, encoder)?;
        let help =
            "From events that are taken to when what follows from them is kept and published";
        latency(encoder, "latency_batch_seconds", help, &status.batches)?;
        journal(status, &now, encoder)?;
        feeds::encode(status, &now, encoder)?;
        engine(status, &now, encoder)?;
        signals(&now, &status.verdicts, encoder)?;
        if let Some(outbox) = status.outbox.get() {
            outbox.encode(encoder)?;
        }
        tls::encode(status.tls.get().map(Arc::as_ref), encoder)?;
        process::encode(status.about.started, encoder)
    }
}

pub(super) fn gauge(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: f64,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}

pub(super) fn counter(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: u64,
) -> fmt::Result {
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(metric)
}

fn latency(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    took: &gateway::Latency,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    sockets::encode_latency(took, &mut family)
}

/// Means of the last seconds, for who looks without Prometheus.
fn rates(status: &Status, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "Messages sent to clients by type, mean of the last seconds";
    let mut rates =
        encoder.encode_descriptor("messages_per_second", help, None, MetricType::Gauge)?;
    let by_type = [
        ("signal", status.rate(|sample| sample.signals)),
        ("price_update", status.rate(|sample| sample.prices)),
    ];
    for (kind, value) in by_type {
        ConstGauge::new(value).encode(rates.encode_family(&[("type", kind)])?)?;
    }
    let help = "Bytes sent to clients, mean of the last seconds";
    let value = status.rate(|sample| sample.bytes);
    gauge(encoder, "messages_bytes_per_second", help, value)
}

fn journal(status: &Status, now: &Now, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "From records that are decided to when they are on the disk";
    latency(encoder, "journal_commit_seconds", help, &status.commits)?;
    let help = "Position of the last record";
    let seq = now.position.map_or(0, |position| position.seq);
    gauge(encoder, "journal_seq", help, seq as f64)?;
    store::encode(status.look_at_store().as_ref(), encoder)?;
    let Some(folder) = status.folder.get() else {
        return Ok(());
    };
    let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    let size = size("journal.sqlite") + size("journal.sqlite-wal");
    gauge(
        encoder,
        "journal_size_bytes",
        "The journal on the disk",
        size as f64,
    )?;
    if let Some(disk) = status.disk() {
        let help = "The disk of the data folder";
        gauge(encoder, "journal_disk_size_bytes", help, disk.size as f64)?;
        let help = "What may still be written to the disk of the data folder";
        gauge(encoder, "journal_disk_free_bytes", help, disk.free as f64)?;
    }
    Ok(())
}

fn engine(status: &Status, now: &Now, encoder: &mut DescriptorEncoder) -> fmt::Result {
    counter(encoder, "engine_ticks", "Ticks the engine took", now.ticks)?;
    let help = "Ticks that came after their bar was closed";
    counter(encoder, "engine_ticks_late", help, now.late)?;
    let help = "Ticks the engine took, mean of the last seconds";
    let rate = status.rate(|sample| sample.ticks);
    gauge(encoder, "engine_ticks_per_second", help, rate)?;
    let help = "Triggers that became no signal by gate";
    let mut refused =
        encoder.encode_descriptor("engine_triggers_refused", help, None, MetricType::Counter)?;
    for (gate, value) in &now.refused {
        ConstCounter::new(*value).encode(refused.encode_family(&[("gate", *gate)])?)?;
    }
    portfolio::encode(now.portfolio.as_ref(), &now.gated, encoder)?;
    models::encode(status.models(), encoder)
}

fn signals(now: &Now, verdicts: &Verdicts, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "Signals that wait for their verdict";
    gauge(encoder, "signals_pending", help, now.pending as f64)?;
    let help = "Confirmed signals whose outcome is open";
    gauge(encoder, "signals_running", help, now.running as f64)?;
    counter(encoder, "signals_born", "Signals born", now.signals)?;
    verdicts.encode(encoder)?;
    let help = "Confirmed signals whose first target or stop is decided";
    counter(encoder, "signals_resolved", help, now.resolved)?;
    let help = "Of those, the first target came first";
    counter(encoder, "signals_hit", help, now.hits)
}

impl FeedState {
    /// As a number: 1 while it is live.
    pub(super) fn live(self) -> f64 {
        f64::from(u8::from(self == Self::Live))
    }
}
