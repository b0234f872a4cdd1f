//! What the gateway counts, as metrics.

use super::metrics::gauge;
use crate::api;
use gateway::{Counter, Counts, Latency, Refused, Stats};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt::Error;

/// One count of a shard, or of the door.
pub(super) type Of = fn(&Counts) -> &Counter;

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
        "connections_upgrades_refused",
        "Requests for a WebSocket that were answered with an HTTP error",
        |of| &of.upgrades_refused,
    ),
    (
        "connections_accepts_failed",
        "Times that a connection could not be accepted, as without file descriptors",
        |of| &of.accepts_failed,
    ),
    (
        "connections_auth_failed",
        "Tokens on the socket that nobody knows",
        |of| &of.auth_failed,
    ),
    (
        "connections_broken",
        "Clients that were cut by a fault of ORION's own",
        |of| &of.broken,
    ),
    ("messages_received", "Messages of clients", |of| {
        &of.messages_received
    }),
    (
        "messages_received_bytes",
        "Bytes of those, inflated",
        |of| &of.bytes_received,
    ),
    (
        "messages_not_understood",
        "Messages of clients that were not understood, or not obeyed",
        |of| &of.errors,
    ),
    (
        "messages_posted",
        "Signals that bots posted over the socket",
        |of| &of.signals_posted,
    ),
    (
        "messages_prices_conflated",
        "Prices that slow clients did not get, since a later one was there",
        |of| &of.prices_folded,
    ),
    (
        "messages_stalled",
        "Times that a client's socket took no more bytes while some were due",
        |of| &of.stalled,
    ),
    (
        "messages_publications_refused",
        "Signals, outcomes and prices that could not be published by a fault of ORION's own",
        |of| &of.publications_refused,
    ),
];

/// The close code of a client that reads too slowly.
pub(super) const SLOW: u16 = 4409;

pub(super) const MESSAGES: [(&str, Of); 6] = [
    ("signal", |of| &of.signals_sent),
    ("price_update", |of| &of.prices_sent),
    ("status", |of| &of.statuses_sent),
    ("bar", |of| &of.bars_sent),
    ("features", |of| &of.features_sent),
    ("answer", |of| &of.answers_sent),
];

const BYTES: [(&str, Of); 6] = [
    ("signal", |of| &of.signal_bytes),
    ("price_update", |of| &of.price_bytes),
    ("status", |of| &of.status_bytes),
    ("bar", |of| &of.bar_bytes),
    ("features", |of| &of.feature_bytes),
    ("own", |of| &of.own_bytes),
];

pub(super) fn encode(stats: &Stats, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    encode_connections(stats, encoder)?;
    for (name, help, of) in COUNTERS {
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(stats.total(of)).encode(metric)?;
    }
    let help = "Long answers of the API that are held until their readers have taken them";
    let name = "connections_unread_answers_bytes";
    gauge(encoder, name, help, api::held_unread() as f64)?;
    let messages = MESSAGES.map(|(kind, of)| (kind.to_owned(), stats.total(of)));
    let help = "Messages sent to clients by type";
    encode_family("messages_sent", help, "type", messages, encoder)?;
    let bytes = BYTES.map(|(kind, of)| (kind.to_owned(), stats.total(of)));
    let help = "Bytes sent to clients by type; own: answers, snapshots and replays, made for one client alone";
    encode_family("messages_sent_bytes", help, "type", bytes, encoder)?;
    let refused = Refused::ALL.map(|why| (why.as_str().to_owned(), stats.refused(why)));
    let help = "Connections that did not become a WebSocket by cause";
    encode_family("connections_refused", help, "cause", refused, encoder)?;
    let closes = stats.closes();
    let slow = closes.get(&SLOW).copied().unwrap_or(0);
    let help = "Ended connections by close code; other: codes that clients made up";
    encode_family("connections_closed", help, "code", by_code(closes), encoder)?;
    let metric = encoder.encode_descriptor(
        "connections_closed_slow",
        "Clients that were closed because they read too slowly",
        None,
        MetricType::Counter,
    )?;
    ConstCounter::new(slow).encode(metric)?;
    encode_shards(stats, encoder)
}

/// Clients may close with thousands of codes: those that mean nothing here are one.
fn by_code(closes: BTreeMap<u16, u64>) -> BTreeMap<String, u64> {
    let mut told = BTreeMap::new();
    for (code, count) in closes {
        let name = match code {
            1000..=1015 | 4400..=4429 => code.to_string(),
            _ => "other".to_owned(),
        };
        *told.entry(name).or_default() += count;
    }
    told
}

/// Who is connected now: open to those who were let in, parked to those who wait for being told to come later.
fn encode_connections(stats: &Stats, encoder: &mut DescriptorEncoder) -> Result<(), Error> {
    let open = stats.total(|of| &of.connections);
    let extended = stats.total(|of| &of.extended).min(open);
    let help = "Connections now, by the protocol that is spoken and by whether there was room";
    let mut family = encoder.encode_descriptor("connections", help, None, MetricType::Gauge)?;
    for (kind, state, count) in [
        ("plain", "open", open - extended),
        ("extended", "open", extended),
        ("none", "parked", stats.total(|of| &of.parked)),
    ] {
        let labels = [("kind", kind), ("state", state)];
        ConstGauge::new(count as f64).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
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
        encoder.encode_descriptor("connections_by_thread", help, None, MetricType::Gauge)?;
    for (number, counts) in stats.shards().enumerate() {
        let labels = [("shard", number)];
        ConstGauge::new(counts.connections.get() as f64).encode(family.encode_family(&labels)?)?;
    }
    let help = "From a publication to when the sockets of all clients of the thread had taken it, but for those that were full";
    let mut family = encoder.encode_descriptor(
        "latency_delivery_seconds",
        help,
        None,
        MetricType::Histogram,
    )?;
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
