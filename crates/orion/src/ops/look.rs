//! How the server does, for `/api/v1/operations`: the parts of the answer, each as JSON.

use super::sockets::{MESSAGES, Of, SLOW};
use super::{Status, source_json, symbol_json};
use gateway::{Latency, Refused};
use serde_json::{Map, Value, json};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Of how many it is told below what they stay.
const PARTS: [(&str, f64); 3] = [("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99)];

impl Status {
    pub(crate) fn look(&self) -> Vec<(&'static str, Value)> {
        let now = self.now();
        let at = self.clock.now();
        let sources = self.sources();
        let sources: Vec<_> = sources.iter().map(|one| source_json(one, at)).collect();
        let symbols = self.symbols();
        let position = now
            .position
            .map(|place| json!({"epoch": place.epoch.to_string(), "seq": place.seq}));
        let quarantined = self
            .quarantined
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let quarantined: u64 = quarantined.iter().map(|(_, _, count)| count).sum();
        vec![
            ("connections", self.connections()),
            ("messages", self.messages()),
            ("delivery", self.delivery()),
            ("slow", self.slow()),
            ("sources", Value::Array(sources)),
            ("symbols", symbols.iter().map(symbol_json).collect()),
            (
                "engine",
                json!({
                    "ticks": now.ticks,
                    "ticks_per_s": self.rate(|sample| sample.ticks),
                    "late": now.late,
                    "quarantined": quarantined,
                    "switches": self.switches.load(Ordering::Relaxed),
                    "signals": now.signals,
                    "batch": quantiles([&self.batches]),
                }),
            ),
            (
                "journal",
                json!({"position": position, "commit": quantiles([&self.commits])}),
            ),
            (
                "models",
                self.models().iter().map(super::models::json).collect(),
            ),
        ]
    }

    /// Those that are open, and what became of all there were.
    fn connections(&self) -> Value {
        let stats = self.stats();
        let total = |of: Of| stats.total(of);
        let refused = Refused::ALL.map(|why| (why.as_str().to_owned(), json!(stats.refused(why))));
        let closes = stats.closes().into_iter();
        let closes: Map<_, _> = closes
            .map(|(code, count)| (code.to_string(), json!(count)))
            .collect();
        let shards: Vec<u64> = stats.shards().map(|of| of.connections.get()).collect();
        json!({
            "open": total(|of| &of.connections),
            "parked": total(|of| &of.parked),
            "opened": total(|of| &of.connections_total),
            "put_off": total(|of| &of.parked_total),
            "upgrades_refused": total(|of| &of.upgrades_refused),
            "auth_failed": total(|of| &of.auth_failed),
            "refused": Map::from_iter(refused),
            "closes": closes,
            "by_thread": shards,
        })
    }

    fn messages(&self) -> Value {
        let stats = self.stats();
        let sent: Map<_, _> = MESSAGES
            .iter()
            .map(|(kind, of)| ((*kind).to_owned(), json!(stats.total(of))))
            .collect();
        json!({
            "sent": sent,
            "received": stats.total(|of| &of.messages_received),
            "errors": stats.total(|of| &of.errors),
            "bytes_sent": stats.total(|of| &of.bytes_sent),
            "per_s": self.rate(|sample| sample.messages),
            "bytes_per_s": self.rate(|sample| sample.bytes),
            "signals_per_s": self.rate(|sample| sample.signals),
            "prices_per_s": self.rate(|sample| sample.prices),
        })
    }

    /// From a publication to when every socket had taken it, over all threads of clients.
    fn delivery(&self) -> Value {
        let stats = self.stats();
        quantiles(stats.shards().map(|of| &of.publish_to_sent))
    }

    fn slow(&self) -> Value {
        let stats = self.stats();
        let total = |of: Of| stats.total(of);
        json!({
            "prices_folded": total(|of| &of.prices_folded),
            "stalled": total(|of| &of.stalled),
            "closed": stats.closes().get(&SLOW).copied().unwrap_or(0),
        })
    }
}

/// Below which bound so many of the times lay: of times that lay above all bounds none is told.
fn quantiles<'a>(all: impl IntoIterator<Item = &'a Latency>) -> Value {
    let (mut seconds, mut buckets): (f64, Vec<(f64, u64)>) = (0.0, Vec::new());
    for latency in all {
        seconds += latency.seconds();
        let more = latency.buckets();
        if buckets.is_empty() {
            buckets = more;
        } else {
            for (bucket, (_, count)) in buckets.iter_mut().zip(more) {
                bucket.1 += count;
            }
        }
    }
    let count: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut told = Map::from_iter([
        ("n".to_owned(), json!(count)),
        (
            "mean_ms".to_owned(),
            json!((count > 0).then(|| rounded(seconds * 1000.0 / count as f64))),
        ),
    ]);
    for (name, part) in PARTS {
        told.insert(name.to_owned(), json!(below(&buckets, count, part)));
    }
    Value::Object(told)
}

/// In milliseconds.
fn below(buckets: &[(f64, u64)], count: u64, part: f64) -> Option<f64> {
    let wanted = (count as f64 * part).ceil() as u64;
    let mut seen = 0;
    let bound = buckets.iter().find(|(_, more)| {
        seen += more;
        seen >= wanted
    });
    bound
        .filter(|(bound, _)| count > 0 && bound.is_finite())
        .map(|(bound, _)| rounded(bound * 1000.0))
}

/// To microseconds.
fn rounded(millis: f64) -> f64 {
    (millis * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn quantiles_are_the_bounds_below_which_so_many_lie() {
        let latency = Latency::default();
        assert_eq!(
            quantiles([&latency]),
            json!({"n": 0, "mean_ms": null, "p50_ms": null, "p90_ms": null, "p99_ms": null})
        );
        for micros in [90, 90, 90, 90, 90, 90, 90, 400, 400, 2_000_000] {
            latency.note(Duration::from_micros(micros));
        }
        let told = quantiles([&latency]);
        assert_eq!((&told["n"], &told["p50_ms"]), (&json!(10), &json!(0.1)));
        assert_eq!(
            (&told["p90_ms"], &told["p99_ms"]),
            (&json!(0.5), &json!(null))
        );
        let both = quantiles([&latency, &latency]);
        assert_eq!((&both["n"], &both["p90_ms"]), (&json!(20), &json!(0.5)));
    }
}
