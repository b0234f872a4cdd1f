//! Limits and time-outs of the sockets. They follow real time, whatever time the market has.

use crate::bars;
use market::Span;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a client may send, and how long it may take; config/orion.toml says what each limit does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Threads that clients are dealt to; absent: as many as there are processors.
    pub shards: Option<usize>,
    pub request_timeout_s: u64,
    pub request_bytes: usize,
    pub requests_max: usize,
    pub connections_per_address: usize,
    pub connections_per_key: usize,
    /// Clients at the same time; absent: as many as memory and file descriptors bear.
    pub connections_max: Option<usize>,
    pub parked_max: usize,
    pub park_min_s: u64,
    pub park_max_s: u64,
    pub ping_interval_s: u64,
    pub silence_timeout_s: u64,
    pub stall_timeout_s: u64,
    pub close_timeout_ms: u64,
    pub drain_max_s: u64,
    pub compression: bool,
    pub message_bytes: usize,
    pub message_fragments: u16,
    pub messages_per_s: u16,
    pub messages_burst: u16,
    pub answers_max: usize,
    pub errors_max: usize,
    pub errors_window_s: u64,
    pub signals_behind_events: usize,
    pub prices_behind_ms: u32,
    pub prices_behind_messages: usize,
    pub snapshot_signals: usize,
    pub snapshot_decided_minutes: u32,
    pub recovery_events: u64,
    pub heartbeat_s: u64,
    pub subscriptions_max: usize,
    pub classes_max: usize,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            shards: None,
            request_timeout_s: 5,
            request_bytes: 16 * 1024,
            requests_max: 64,
            connections_per_address: 256,
            connections_per_key: 64,
            connections_max: None,
            parked_max: 1024,
            park_min_s: 5,
            park_max_s: 30,
            ping_interval_s: 20,
            silence_timeout_s: 45,
            stall_timeout_s: 10,
            close_timeout_ms: 2000,
            drain_max_s: 30,
            compression: true,
            message_bytes: 16 * 1024,
            message_fragments: 1024,
            messages_per_s: 10,
            messages_burst: 20,
            answers_max: 60,
            errors_max: 20,
            errors_window_s: 60,
            signals_behind_events: 1024,
            prices_behind_ms: 2000,
            prices_behind_messages: 4096,
            snapshot_signals: 50,
            snapshot_decided_minutes: 15,
            recovery_events: 10_000,
            heartbeat_s: 15,
            subscriptions_max: 64,
            classes_max: 64,
        }
    }
}

impl Gateway {
    /// As the gateway takes them. `prices` says how often prices are published, `clock` is what clients are told as the
    /// server's time; `probe` is called at the named points of a message's way out.
    #[must_use]
    pub fn to_gateway(
        &self,
        prices: &engine::PriceRules,
        clock: gateway::Clock,
        probe: fn(&'static str),
    ) -> gateway::Config {
        let defaults = gateway::Config::new(clock);
        gateway::Config {
            shards: self.shards.unwrap_or(defaults.shards),
            hub: self.to_hub(prices),
            heartbeat_every: Duration::from_secs(self.heartbeat_s),
            compression: self.compression,
            message_bytes: self.message_bytes,
            message_fragments: self.message_fragments,
            messages_per_s: self.messages_per_s,
            messages_burst: self.messages_burst,
            errors: self.errors_max,
            errors_within: Duration::from_secs(self.errors_window_s),
            request_bytes: self.request_bytes,
            request_within: Duration::from_secs(self.request_timeout_s),
            handshakes: self.requests_max,
            connections_per_address: self.connections_per_address,
            connections_per_key: self.connections_per_key,
            connections: self.connections_max.unwrap_or(defaults.connections),
            parked: self.parked_max,
            parked_for: Duration::from_secs(self.park_min_s)..Duration::from_secs(self.park_max_s),
            ping_every: Duration::from_secs(self.ping_interval_s),
            silent_for: Duration::from_secs(self.silence_timeout_s),
            stalled_for: Duration::from_secs(self.stall_timeout_s),
            close_within: Duration::from_millis(self.close_timeout_ms),
            drain_longest: Duration::from_secs(self.drain_max_s),
            probe,
            ..defaults
        }
    }

    fn to_hub(&self, prices: &engine::PriceRules) -> hub::Limits {
        hub::Limits {
            price_interval: Span::from_millis(prices.min_interval_ms.into()),
            recovery: usize::try_from(self.recovery_events).unwrap_or(usize::MAX),
            subscriptions: self.subscriptions_max,
            classes: self.classes_max,
            signal_log: self.signals_behind_events,
            price_span: Span::from_millis(self.prices_behind_ms.into()),
            price_log: self.prices_behind_messages,
            decided_for: Span::from_minutes(self.snapshot_decided_minutes.into()),
            snapshot_signals: self.snapshot_signals,
            answers: self.answers_max,
            bars: bars::KEPT,
            ..hub::Limits::default()
        }
    }

    /// The longest time between two pings to a client: each has an interval of its own, up to a fifth off.
    pub(super) const fn longest_ping_s(&self) -> u64 {
        self.ping_interval_s.saturating_mul(6).div_ceil(5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(_: &'static str) {}

    #[test]
    fn the_defaults_are_those_of_the_gateway() {
        let clock = || gateway::Clock::new(|| market::Time::from_secs(1));
        let defaults = gateway::Config {
            probe,
            ..gateway::Config::new(clock())
        };
        let prices = engine::PriceRules::default();
        let ours = Gateway::default().to_gateway(&prices, clock(), probe);
        assert_eq!(format!("{ours:#?}"), format!("{defaults:#?}"));
    }

    #[test]
    fn each_setting_reaches_its_limit() {
        // Every number once, so that two that are swapped show.
        let settings = Gateway {
            shards: Some(25),
            request_timeout_s: 1,
            request_bytes: 2,
            requests_max: 3,
            ping_interval_s: 4,
            silence_timeout_s: 5,
            stall_timeout_s: 6,
            close_timeout_ms: 7,
            compression: false,
            message_bytes: 8,
            message_fragments: 9,
            messages_per_s: 10,
            messages_burst: 11,
            answers_max: 12,
            errors_max: 13,
            errors_window_s: 14,
            signals_behind_events: 15,
            prices_behind_ms: 16,
            prices_behind_messages: 17,
            snapshot_signals: 18,
            snapshot_decided_minutes: 19,
            recovery_events: 20,
            heartbeat_s: 21,
            subscriptions_max: 22,
            classes_max: 23,
            connections_per_address: 25,
            connections_per_key: 26,
            drain_max_s: 27,
            connections_max: Some(28),
            parked_max: 29,
            park_min_s: 30,
            park_max_s: 31,
        };
        let prices = engine::PriceRules {
            min_interval_ms: 24,
            ..engine::PriceRules::default()
        };
        let clock = gateway::Clock::new(|| market::Time::from_secs(1));
        let config = settings.to_gateway(&prices, clock, probe);
        let seconds = Duration::from_secs;
        assert_eq!(
            (
                config.request_within,
                config.request_bytes,
                config.handshakes
            ),
            (seconds(1), 2, 3)
        );
        assert_eq!(
            (config.connections_per_address, config.connections_per_key),
            (25, 26)
        );
        assert_eq!(
            (config.ping_every, config.silent_for, config.stalled_for),
            (seconds(4), seconds(5), seconds(6))
        );
        assert_eq!(
            (
                config.close_within,
                config.compression,
                config.message_bytes
            ),
            (Duration::from_millis(7), false, 8)
        );
        assert_eq!(
            (
                config.message_fragments,
                config.messages_per_s,
                config.messages_burst
            ),
            (9, 10, 11)
        );
        assert_eq!(
            (config.hub.answers, config.errors, config.errors_within),
            (12, 13, seconds(14))
        );
        assert_eq!(config.heartbeat_every, seconds(21));
        assert_eq!(config.drain_longest, seconds(27));
        assert_eq!((config.connections, config.parked), (28, 29));
        assert_eq!(config.parked_for, seconds(30)..seconds(31));
        assert_eq!(config.shards, 25);
        let hub = config.hub;
        assert_eq!((hub.recovery, hub.subscriptions, hub.classes), (20, 22, 23));
        assert_eq!(hub.price_interval, Span::from_millis(24));
        assert_eq!(
            (hub.signal_log, hub.price_span, hub.price_log),
            (15, Span::from_millis(16), 17)
        );
        assert_eq!(
            (hub.snapshot_signals, hub.decided_for),
            (18, Span::from_minutes(19))
        );
    }
}
