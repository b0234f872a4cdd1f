//! What the person who keeps ORION running looks at: health, readiness, metrics.

mod look;
mod models;
mod portfolio;
mod sockets;
mod tls;

use crate::clock::Clock;
use crate::models::Seat;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::Engine;
use feeds::health::{Coverage, Health, Phase};
use feeds::inbox::Outlet;
use feeds::quarantine::Reason;
use gateway::tls::Tls;
use gateway::{Latency, Stats};
use market::{Position, Span, Symbol, SymbolStatus, Time};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use serde_json::json;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Rates are means over this many seconds.
const RATE_SECONDS: usize = 10;

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct About {
    pub market: String,
    /// `sim`, or the files that are played.
    pub feed: String,
    pub simulated: bool,
    pub started: Time,
}

/// Where the feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeedState {
    #[default]
    Starting,
    Live,
    /// Nothing has come for too long.
    Stale,
    /// A tape has been played to its end.
    Ended,
}

impl FeedState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Ended => "ended",
        }
    }
}

/// What the loop last told.
#[derive(Clone, Debug, Default)]
struct Now {
    ready: bool,
    feed: FeedState,
    /// The stamp of the last event; the tape's time where a tape is played.
    at: Option<Time>,
    position: Option<Position>,
    ticks: u64,
    late: u64,
    signals: u64,
    resolved: u64,
    hits: u64,
    pending: usize,
    running: usize,
    refused: Vec<(&'static str, u64)>,
    gated: Vec<(&'static str, u64)>,
    portfolio: Option<engine::Standing>,
}

/// How the server stands, for whoever asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) feed: FeedState,
    pub(crate) position: Option<Position>,
    pub(crate) pending: usize,
    pub(crate) running: usize,
}

/// A look at what is counted, once a second.
#[derive(Clone, Debug, Default)]
struct Sample {
    ticks: u64,
    signals: u64,
    prices: u64,
    /// All that clients were sent.
    messages: u64,
    bytes: u64,
}

/// The state of the server as it is told outside.
#[derive(Debug)]
pub struct Status {
    about: About,
    clock: Arc<Clock>,
    /// Of the gateway, once it is open.
    stats: OnceLock<Arc<Stats>>,
    /// The live sources, where there are any.
    sources: OnceLock<Vec<Outlet>>,
    /// The models, where any are wanted.
    models: OnceLock<Vec<Arc<Seat>>>,
    /// Where TLS is spoken.
    tls: OnceLock<Arc<Tls>>,
    prices: Mutex<Vec<SymbolStatus>>,
    switches: AtomicU64,
    now: Mutex<Now>,
    samples: Mutex<VecDeque<Sample>>,
    quarantined: Mutex<Vec<(Symbol, Reason, u64)>>,
    /// Of the loop.
    batches: Latency,
    /// Of the journal alone.
    commits: Latency,
}

impl Status {
    #[must_use]
    pub fn new(about: About, clock: Arc<Clock>) -> Self {
        Self {
            about,
            clock,
            stats: OnceLock::new(),
            sources: OnceLock::new(),
            models: OnceLock::new(),
            tls: OnceLock::new(),
            prices: Mutex::default(),
            switches: AtomicU64::new(0),
            now: Mutex::default(),
            samples: Mutex::default(),
            quarantined: Mutex::default(),
            batches: Latency::default(),
            commits: Latency::default(),
        }
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// The stamp of the last event.
    pub(crate) fn last_event(&self) -> Option<Time> {
        self.now().at
    }

    /// What clients ask: the feed's state, where the journal stands, and how many signals wait and run.
    pub(crate) fn standing(&self) -> Standing {
        let now = self.now();
        Standing {
            feed: now.feed,
            position: now.position,
            pending: now.pending,
            running: now.running,
        }
    }

    /// How every symbol's prices stood a moment ago.
    pub(crate) fn symbols(&self) -> Vec<SymbolStatus> {
        self.prices
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The gateway is open: what it counts belongs to the status.
    pub fn attach(&self, stats: Arc<Stats>) {
        let _ = self.stats.set(stats);
    }

    /// The live sources have begun.
    pub fn attach_sources(&self, sources: Vec<Outlet>) {
        let _ = self.sources.set(sources);
    }

    /// The models are loaded, or are off.
    pub fn attach_models(&self, models: Vec<Arc<Seat>>) {
        let _ = self.models.set(models);
    }

    /// TLS is spoken.
    pub fn attach_tls(&self, tls: Arc<Tls>) {
        let _ = self.tls.set(tls);
    }

    fn models(&self) -> &[Arc<Seat>] {
        self.models.get().map_or(&[], Vec::as_slice)
    }

    /// How every symbol's prices stand, and how often one came from another source than before.
    pub fn prices(&self, statuses: Vec<SymbolStatus>, switches: u64) {
        *self.prices.lock().unwrap_or_else(PoisonError::into_inner) = statuses;
        self.switches.store(switches, Ordering::Relaxed);
    }

    fn sources(&self) -> Vec<Health> {
        let outlets = self.sources.get().into_iter().flatten();
        outlets.map(Outlet::health).collect()
    }

    /// What the feed turned away so far.
    pub fn quarantine(&self, counts: Vec<(Symbol, Reason, u64)>) {
        *self
            .quarantined
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = counts;
    }

    /// How long the loop took from events to what follows from them.
    pub fn batch_took(&self, took: Duration) {
        self.batches.note(took);
    }

    /// How long the journal took to keep what was decided.
    pub(crate) fn commit_took(&self, took: Duration) {
        self.commits.note(took);
    }

    fn stats(&self) -> Arc<Stats> {
        self.stats.get().cloned().unwrap_or_default()
    }

    /// Told by the loop after each step.
    pub fn update(&self, engine: &Engine, position: Position, feed: FeedState) {
        let counts = engine.counts();
        let (pending, running) = engine.open_signals();
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Now {
            ready: true,
            feed,
            at: Some(engine.now()),
            position: Some(position),
            ticks: counts.ticks,
            late: counts.late,
            signals: counts.signals,
            resolved: counts.resolved,
            hits: counts.hits,
            pending,
            running,
            refused: engine::Refusal::ALL
                .map(|refusal| (refusal.as_str(), counts.refused(refusal)))
                .to_vec(),
            gated: engine::Gate::ALL
                .map(|gate| (gate.as_str(), counts.gated(gate)))
                .to_vec(),
            portfolio: Some(engine.standing()),
        };
    }

    /// Takes a sample for the rates; called once a second.
    pub fn sample(&self) {
        let ticks = self.now().ticks;
        let stats = self.stats();
        let (signals, prices) = (
            stats.total(|of| &of.signals_sent),
            stats.total(|of| &of.prices_sent),
        );
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() > RATE_SECONDS {
            samples.pop_front();
        }
        samples.push_back(Sample {
            ticks,
            signals,
            prices,
            messages: sockets::MESSAGES
                .iter()
                .map(|(_, of)| stats.total(of))
                .sum(),
            bytes: stats.total(|of| &of.bytes_sent),
        });
    }

    /// Per second, over the last samples.
    fn rate(&self, of: impl Fn(&Sample) -> u64) -> f64 {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        match (samples.front(), samples.back()) {
            (Some(first), Some(last)) if samples.len() > 1 => {
                of(last).saturating_sub(of(first)) as f64 / (samples.len() - 1) as f64
            }
            _ => 0.0,
        }
    }

    fn now(&self) -> Now {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn health(&self) -> serde_json::Value {
        let now = self.now();
        let position = now
            .position
            .map(|position| json!({"epoch": position.epoch.to_string(), "seq": position.seq}));
        json!({
            "status": "OK",
            "timestamp": self.clock.now().to_string(),
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.about.started.to_string(),
            "uptime_s": (self.clock.now() - self.about.started).nanos() / Span::from_secs(1).nanos(),
            "market": self.about.market,
            "simulated": self.about.simulated,
            "feed": {
                "name": self.about.feed,
                "state": now.feed.as_str(),
                "last_event": now.at.map(|at| at.to_string()),
                "sources": self.sources().iter().map(|source| source_json(source, self.clock.now())).collect::<Vec<_>>(),
                "symbols": self.prices.lock().unwrap_or_else(PoisonError::into_inner).iter().map(symbol_json).collect::<Vec<_>>(),
            },
            "store": {"state": if now.ready { "ok" } else { "recovering" }, "position": position},
            "signals": {"pending": now.pending, "running": now.running},
            "models": self.models().iter().map(models::json).collect::<Vec<_>>(),
            "tls": self.tls.get().map(|tls| tls::json(tls, self.clock.now())),
            "portfolio": now.portfolio.as_ref().map(portfolio::json),
            "connections": self.stats().total(|of| &of.connections),
        })
    }
}

fn symbol_json(status: &SymbolStatus) -> serde_json::Value {
    json!({
        "symbol": status.symbol.as_str(),
        "feed": status.feed.as_str(),
        "since": status.since.to_string(),
        "source": status.source,
        "simulated": status.simulated,
    })
}

/// A source as `/health` shows it: what it does, since when, why, and what flows.
fn source_json(source: &Health, now: Time) -> serde_json::Value {
    let (reason, remedy) = match &source.phase {
        Phase::BackOff { reason, .. } => (Some(reason), None),
        Phase::Failed { reason, remedy } => (Some(reason), Some(remedy)),
        Phase::Starting
        | Phase::Waiting
        | Phase::Connecting
        | Phase::Authenticating
        | Phase::Subscribing
        | Phase::Live => (None, None),
    };
    let symbols = source.symbols.values().map(|symbol| {
        let refused = match &symbol.coverage {
            Coverage::Refused(why) => Some(why),
            Coverage::Asked | Coverage::Confirmed => None,
        };
        json!({"name": symbol.theirs, "ticks": symbol.ticks, "refused": refused})
    });
    json!({
        "name": source.name,
        "state": source.phase.as_str(),
        "since": source.since.to_string(),
        "reason": reason,
        "remedy": remedy,
        "heard_ms_ago": source.heard.map(|heard| (now - heard).millis()),
        "lag_ms": source.lag.map(Span::millis),
        "connects": source.connects,
        "ticks": source.ticks,
        "merged": source.conflated,
        "unreadable": source.malformed,
        "symbols": symbols.collect::<Vec<_>>(),
    })
}

/// Who sees the metrics where dashboards connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Who asks from this machine, for himself.
    ThisMachine,
    /// Nobody: they are served elsewhere.
    Nobody,
}

/// The routes beside the socket.
pub fn router(status: Arc<Status>, metrics: Audience) -> Router {
    let routes = Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(ready));
    let routes = match metrics {
        Audience::ThisMachine => routes.route("/metrics", get(own_metrics)),
        Audience::Nobody => routes,
    };
    routes.with_state(status)
}

/// The routes of `server.admin`.
pub fn admin_router(status: Arc<Status>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(status)
}

async fn health(State(status): State<Arc<Status>>) -> impl IntoResponse {
    axum::Json(status.health())
}

async fn ready(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let ready = status.now().ready;
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, axum::Json(json!({"ready": ready})))
}

/// How busy a server is concerns only who keeps it. A proxy on this machine speaks for others.
async fn own_metrics(
    state: State<Arc<Status>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    let is_own = peer.ip().to_canonical().is_loopback();
    if is_own && !PROXIED.iter().any(|name| headers.contains_key(*name)) {
        return metrics(state).await.into_response();
    }
    let told = "metrics are told to this machine only: for others set server.admin to an address of their own\n";
    (StatusCode::FORBIDDEN, told).into_response()
}

async fn metrics(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let mut registry = Registry::with_prefix("orion");
    registry.register_collector(Box::new(Metrics(status)));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The status as metrics.
#[derive(Debug)]
struct Metrics(Arc<Status>);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let (status, now) = (&self.0, self.0.now());
        let stats = status.stats();
        let mut gauge = |name: &str, help: &str, value: f64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        gauge(
            "signals_pending",
            "Signals that wait for their verdict",
            now.pending as f64,
        )?;
        gauge(
            "signals_running",
            "Confirmed signals whose outcome is open",
            now.running as f64,
        )?;
        gauge(
            "ticks_per_second",
            "Ticks the engine took, mean of the last seconds",
            status.rate(|sample| sample.ticks),
        )?;
        gauge(
            "journal_seq",
            "Position of the last record",
            now.position.map_or(0, |position| position.seq) as f64,
        )?;
        gauge(
            "feed_live",
            "1 while the feed is live",
            f64::from(u8::from(now.feed == FeedState::Live)),
        )?;
        let mut rates = encoder.encode_descriptor(
            "messages_per_second",
            "Messages sent to clients by type, mean of the last seconds",
            None,
            MetricType::Gauge,
        )?;
        let by_type = [
            ("signal", status.rate(|sample| sample.signals)),
            ("price_update", status.rate(|sample| sample.prices)),
        ];
        for (kind, value) in by_type {
            ConstGauge::new(value).encode(rates.encode_family(&[("type", kind)])?)?;
        }
        let mut refused = encoder.encode_descriptor(
            "triggers_refused",
            "Triggers that became no signal by gate",
            None,
            MetricType::Counter,
        )?;
        for (gate, value) in now.refused {
            ConstCounter::new(value).encode(refused.encode_family(&[("gate", gate)])?)?;
        }
        portfolio::encode(now.portfolio.as_ref(), &now.gated, &mut encoder)?;
        models::encode(status.models(), &mut encoder)?;
        tls::encode(status.tls.get().map(Arc::as_ref), &mut encoder)?;
        let help = "Ticks and bars that cannot be a market's, by symbol and reason";
        let mut quarantined =
            encoder.encode_descriptor("quarantined", help, None, MetricType::Counter)?;
        for (symbol, reason, count) in status
            .quarantined
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let labels = [("symbol", symbol.as_str()), ("reason", reason.as_str())];
            ConstCounter::new(*count).encode(quarantined.encode_family(&labels)?)?;
        }
        encode_sources(&status.sources(), &mut encoder)?;
        let mut counter = |name: &str, help: &str, value: u64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)
        };
        counter("ticks", "Ticks the engine took", now.ticks)?;
        counter(
            "source_switches",
            "Times an instrument's prices came from another source than before",
            status.switches.load(Ordering::Relaxed),
        )?;
        counter(
            "ticks_late",
            "Ticks that came after their bar was closed",
            now.late,
        )?;
        counter("signals", "Signals born", now.signals)?;
        counter(
            "outcomes_resolved",
            "Confirmed signals whose first target or stop is decided",
            now.resolved,
        )?;
        counter(
            "outcomes_hit",
            "Of those, the first target came first",
            now.hits,
        )?;
        sockets::encode(&stats, &mut encoder)?;
        let help =
            "From events that are taken to when what follows from them is kept and published";
        let mut family =
            encoder.encode_descriptor("batch_seconds", help, None, MetricType::Histogram)?;
        sockets::encode_latency(&status.batches, &mut family)
    }
}

/// What one source's metric is of its health.
type OfSource<T> = fn(&Health) -> T;

fn encode_sources(
    sources: &[Health],
    encoder: &mut DescriptorEncoder,
) -> Result<(), std::fmt::Error> {
    let gauges: [(&str, &str, OfSource<f64>); 2] = [
        ("source_live", "1 while the source tells prices", |source| {
            f64::from(u8::from(source.phase == Phase::Live))
        }),
        (
            "source_lag_seconds",
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
    let counters: [(&str, &str, OfSource<u64>); 5] = [
        ("source_connects", "Connections begun", |source| {
            source.connects
        }),
        ("source_ticks", "Ticks let through", |source| source.ticks),
        (
            "source_ticks_merged",
            "Ticks that took another's place because the loop was behind",
            |source| source.conflated,
        ),
        (
            "source_ticks_quarantined",
            "Ticks that cannot be a market's",
            |source| source.quarantine.iter().map(|(_, _, count)| count).sum(),
        ),
        (
            "source_unreadable",
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
