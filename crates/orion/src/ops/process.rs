//! What the system says of this process, and which program it is.

use super::metrics::{counter, gauge};
use crate::capacity::Used;
use crate::logs;
use market::Time;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;

pub(super) fn encode(started: Time, encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "1, for the program that runs";
    let mut build =
        encoder.encode_descriptor("process_build_info", help, None, MetricType::Gauge)?;
    let labels = [("version", env!("CARGO_PKG_VERSION"))];
    ConstGauge::new(1_i64).encode(build.encode_family(&labels)?)?;
    let started = started.nanos() as f64 / 1e9;
    let help = "When the process began to serve, in seconds since 1970";
    gauge(encoder, "process_start_time_seconds", help, started)?;
    let used = Used::look();
    // What the system does not say is not told as 0.
    for (name, help, value) in [
        (
            "process_resident_memory_bytes",
            "Memory that is resident",
            used.resident,
        ),
        ("process_threads", "Threads", used.threads),
        (
            "process_open_fds",
            "Open file descriptors",
            used.descriptors,
        ),
        (
            "process_max_fds",
            "File descriptors that may be open",
            used.descriptors_max,
        ),
    ] {
        if let Some(value) = value {
            gauge(encoder, name, help, value as f64)?;
        }
    }
    let help = "Lines of the log that standard error has never seen, since nobody read it";
    counter(
        encoder,
        "process_log_lines_left_out",
        help,
        logs::left_out(),
    )?;
    let spent = spent().unwrap_or_default();
    let help = "Time on processors, of the program and of the system for it";
    let metric =
        encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
    ConstCounter::new(spent).encode(metric)
}

/// Seconds on processors.
#[cfg(unix)]
fn spent() -> Option<f64> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn spent() -> Option<f64> {
    None
}
