//! Where prices come from, as metrics.

use super::metrics::{counter, gauge};
use super::{Now, Status};
use ::feeds::health::{Health, Phase};
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// What one source's metric is of its health.
type OfSource<T> = fn(&Health) -> T;

pub(super) fn encode(status: &Status, now: &Now, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "1 while the feed is live";
    gauge(encoder, "feed_live", help, now.feed.live())?;
    let help = "Times an instrument's prices came from another source than before";
    let switches = status.switches.load(Ordering::Relaxed);
    counter(encoder, "feed_source_switches", help, switches)?;
    symbols(status, encoder)?;
    quarantined(status, encoder)?;
    let sources = status.sources();
    states(&sources, encoder)?;
    of_sources(status, &sources, encoder)
}

/// How many symbols' prices stand so.
fn symbols(status: &Status, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "Symbols by how their prices stand";
    let mut family = encoder.encode_descriptor("feed_symbols", help, None, MetricType::Gauge)?;
    let symbols = status.symbols();
    for state in ["live", "stale", "closed", "silent"] {
        let such = symbols.iter().filter(|one| one.feed.as_str() == state);
        let count = such.count() as f64;
        ConstGauge::new(count).encode(family.encode_family(&[("state", state)])?)?;
    }
    Ok(())
}

fn quarantined(status: &Status, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "Ticks and bars that cannot be a market's, by symbol and reason";
    let mut family =
        encoder.encode_descriptor("feed_quarantined", help, None, MetricType::Counter)?;
    let counts = status.quarantined.lock();
    for (symbol, reason, count) in counts.unwrap_or_else(PoisonError::into_inner).iter() {
        let labels = [("symbol", symbol.as_str()), ("reason", reason.as_str())];
        ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Each source's state, 1 for the one it is in.
fn states(sources: &[Health], encoder: &mut DescriptorEncoder) -> fmt::Result {
    const STATES: [&str; 8] = [
        "starting",
        "waiting",
        "connecting",
        "authenticating",
        "subscribing",
        "live",
        "back_off",
        "failed",
    ];
    let help = "1 for the state that the source is in";
    let mut family =
        encoder.encode_descriptor("feed_source_state", help, None, MetricType::Gauge)?;
    for source in sources {
        for state in STATES {
            let is = f64::from(u8::from(source.phase.as_str() == state));
            let labels = [("source", source.name.as_str()), ("state", state)];
            ConstGauge::new(is).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn of_sources(status: &Status, sources: &[Health], encoder: &mut DescriptorEncoder) -> fmt::Result {
    let gauges: [(&str, &str, OfSource<f64>); 2] = [
        (
            "feed_source_live",
            "1 while the source tells prices",
            |source| f64::from(u8::from(source.phase == Phase::Live)),
        ),
        (
            "feed_source_lag_seconds",
            "Receipt minus the source's time of its last tick",
            |source| source.lag.map_or(0.0, |lag| lag.nanos() as f64 / 1e9),
        ),
    ];
    for (name, help, of) in gauges {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for source in sources {
            let labels = [("source", source.name.as_str())];
            ConstGauge::new(of(source)).encode(family.encode_family(&labels)?)?;
        }
    }
    let help = "Since the source said anything; nothing before its first word";
    let mut family =
        encoder.encode_descriptor("feed_source_silent_seconds", help, None, MetricType::Gauge)?;
    let now = status.clock.now();
    for source in sources {
        if let Some(heard) = source.heard {
            let silent = (now - heard).nanos() as f64 / 1e9;
            let labels = [("source", source.name.as_str())];
            ConstGauge::new(silent).encode(family.encode_family(&labels)?)?;
        }
    }
    counts(sources, encoder)
}

fn counts(sources: &[Health], encoder: &mut DescriptorEncoder) -> fmt::Result {
    let counters: [(&str, &str, OfSource<u64>); 5] = [
        ("feed_source_connects", "Connections begun", |source| {
            source.connects
        }),
        ("feed_source_ticks", "Ticks let through", |source| {
            source.ticks
        }),
        (
            "feed_source_ticks_merged",
            "Ticks that took another's place because the loop was behind",
            |source| source.conflated,
        ),
        (
            "feed_source_ticks_quarantined",
            "Ticks that cannot be a market's",
            |source| source.quarantine.iter().map(|(_, _, count)| count).sum(),
        ),
        (
            "feed_source_unreadable",
            "Messages that could not be read",
            |source| source.malformed,
        ),
    ];
    for (name, help, of) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for source in sources {
            let labels = [("source", source.name.as_str())];
            ConstCounter::new(of(source)).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}
