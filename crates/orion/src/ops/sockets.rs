//! What the gateway counts, as metrics.

use gateway::{Counter, Counts, Latency, Refused, Stats};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt::Error;

/// One count of a shard, or of the door.
pub(super) type Of = fn(&Counts) -> &Counter;

const GAUGES: [(&str, &str, Of); 2] = [
    ("connections", "Open WebSocket connections", |of| {
        &of.connections
    }),
    (
        "connections_parked",
        "Connections that are held because there is no room, until they are told to come later",
        |of| &of.parked,
    ),
];

const COUNTERS: [(&str, &str, Of); 13] = [
    ("connections_opened", "WebSocket connections so far", |of| {
        &of.connections_total
    }),
    (
        "connections_put_off",
        "Connections for which there was no room and that were told to come later",
        |of| &of.parked_total,
    ),
    (
        "upgrades_refused",
        "Requests for a WebSocket that were answered with an HTTP error",
        |of| &of.upgrades_refused,
    ),
    (
        "accepts_failed",
        "Times that a connection could not be accepted, as without file descriptors",
        |of| &of.accepts_failed,
    ),
    ("messages_received", "Messages of clients", |of| {
        &of.messages_received
    }),
    (
        "message_errors",
        "Messages of clients that were not understood, or not obeyed",
        |of| &of.errors,
    ),
    (
        "socket_signals_posted",
        "Signals that bots posted over the socket",
        |of| &of.signals_posted,
    ),
    (
        "socket_auth_failed",
        "Tokens on the socket that nobody knows",
        |of| &of.auth_failed,
    ),
    ("bytes_sent", "Bytes sent to clients", |of| &of.bytes_sent),
    (
        "prices_folded",
        "Prices that slow clients did not get",
        |of| &of.prices_folded,
    ),
    (
        "clients_stalled",
        "Times that a client's socket took no more bytes while some were due",
        |of| &of.stalled,
    ),
    (
        "clients_broken",
        "Clients that were cut by a fault of ORION's own",
        |of| &of.broken,
    ),
    (
        "publications_refused",
        "Signals, outcomes and prices that could not be published by a fault of ORION's own",
        |of| &of.publications_refused,
    ),
];

pub(super) const MESSAGES: [(&str, Of); 6] = [
    ("signal", |of| &of.signals_sent),
    ("price_update", |of| &of.prices_sent),
    ("status", |of| &of.statuses_sent),
    ("bar", |of| &of.bars_sent),
    ("features", |of| &of.features_sent),
    ("answer", |of| &of.answers_sent),
];

pub(super) fn encode(stats: &Stats, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    for (name, help, of) in GAUGES {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(stats.total(of) as f64).encode(metric)?;
    }
    for (name, help, of) in COUNTERS {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(stats.total(of)).encode(metric)?;
    }
    let messages = MESSAGES.map(|(kind, of)| (kind.to_owned(), stats.total(of)));
    let help = "Messages sent to clients by type";
    encode_family("messages", help, "type", messages, encoder)?;
    let refused = Refused::ALL.map(|why| (why.as_str().to_owned(), stats.refused(why)));
    let help = "Connections that did not become a WebSocket by cause";
    encode_family("connections_refused", help, "cause", refused, encoder)?;
    let closes = stats.closes().into_iter();
    let closes = closes.map(|(code, count)| (code.to_string(), count));
    let help = "Ended connections by close code";
    encode_family("closes", help, "code", closes, encoder)?;
    encode_shards(stats, encoder)
}

fn encode_family(
    name: &str,
    help: &str,
    label: &str,
    values: impl IntoIterator<Item = (String, u64)>,
    encoder: &mut DescriptorEncoder,
) -> Result<(), Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (value, count) in values {
        let labels = [(label, value.as_str())];
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// What tells one thread of clients from another.
fn encode_shards(stats: &Stats, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let help = "Open WebSocket connections of each thread of clients";
    let mut family =
        encoder.encode_descriptor("shard_connections", help, None, MetricType::Gauge)?;
    for (number, counts) in stats.shards().enumerate() {
        let labels = [("shard", number)];
        ConstGauge::new(counts.connections.get() as f64).encode(family.encode_family(&labels)?)?;
    }
    let help = "From a publication to when the sockets of all clients of the thread had taken it, but for those that were full";
    let mut family =
        encoder.encode_descriptor("publish_to_sent_seconds", help, None, MetricType::Histogram)?;
    for (number, counts) in stats.shards().enumerate() {
        let labels = [("shard", number)];
        encode_latency(&counts.publish_to_sent, &mut family.encode_family(&labels)?)?;
    }
    Ok(())
}

pub(super) fn encode_latency(
    latency: &Latency,
    encoder: &mut prometheus_client::encoding::MetricEncoder<'_>,
) -> Result<(), Error> {
    let (seconds, buckets) = (latency.seconds(), latency.buckets());
    let count = buckets.iter().map(|(_, count)| count).sum();
    encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
}
