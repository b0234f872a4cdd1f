//! What the person who keeps ORION running looks at: health, readiness, metrics.

mod disk;
mod feeds;
mod look;
mod metrics;
mod models;
mod portfolio;
mod process;
mod sockets;
mod store;
mod tls;
mod verdicts;

pub(crate) use disk::Disk;

use crate::clock::Clock;
use crate::models::Seat;
use crate::operator::Outbox;
use crate::scribe::{Look, Store};
use ::feeds::health::{Coverage, Health, Phase};
use ::feeds::inbox::Outlet;
use ::feeds::quarantine::Reason;
use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::Engine;
use gateway::tls::Tls;
use gateway::{Latency, Stats};
use market::{Position, Signal, Span, Symbol, SymbolStatus, Time};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use serde_json::json;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use verdicts::Verdicts;

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
    sources: Mutex<Vec<Outlet>>,
    /// What the feed is called, where it has changed since the start.
    feed: Mutex<Option<String>>,
    /// The models, where any are wanted.
    models: OnceLock<Vec<Arc<Seat>>>,
    /// Where TLS is spoken.
    tls: OnceLock<Arc<Tls>>,
    /// The market's folder.
    folder: OnceLock<PathBuf>,
    /// How what lies in it is kept.
    store: OnceLock<Arc<Store>>,
    /// What the operator is told, where he is told anything.
    outbox: OnceLock<Outbox>,
    prices: Mutex<Vec<SymbolStatus>>,
    switches: AtomicU64,
    now: Mutex<Now>,
    samples: Mutex<VecDeque<Sample>>,
    quarantined: Mutex<Vec<(Symbol, Reason, u64)>>,
    /// Of the loop.
    batches: Latency,
    /// Of the journal alone.
    commits: Latency,
    /// From signals' births to their verdicts.
    verdicts: Verdicts,
}

impl Status {
    #[must_use]
    pub fn new(about: About, clock: Arc<Clock>) -> Self {
        Self {
            about,
            clock,
            stats: OnceLock::new(),
            sources: Mutex::default(),
            feed: Mutex::default(),
            models: OnceLock::new(),
            tls: OnceLock::new(),
            folder: OnceLock::new(),
            store: OnceLock::new(),
            outbox: OnceLock::new(),
            prices: Mutex::default(),
            switches: AtomicU64::new(0),
            now: Mutex::default(),
            samples: Mutex::default(),
            quarantined: Mutex::default(),
            batches: Latency::default(),
            commits: Latency::default(),
            verdicts: Verdicts::default(),
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

    /// The live sources have begun, or are others now.
    pub fn attach_sources(&self, sources: Vec<Outlet>) {
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = sources;
    }

    /// The feed is called otherwise now.
    pub(crate) fn rename_feed(&self, name: String) {
        *self.feed.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
    }

    /// What the feed is called.
    pub(crate) fn feed(&self) -> String {
        let renamed = self.feed.lock().unwrap_or_else(PoisonError::into_inner);
        renamed.clone().unwrap_or_else(|| self.about.feed.clone())
    }

    /// The models are loaded, or are off.
    pub fn attach_models(&self, models: Vec<Arc<Seat>>) {
        let _ = self.models.set(models);
    }

    /// TLS is spoken.
    pub fn attach_tls(&self, tls: Arc<Tls>) {
        let _ = self.tls.set(tls);
    }

    /// Where the market's data lie.
    pub(crate) fn attach_folder(&self, folder: &Path) {
        let _ = self.folder.set(folder.to_owned());
    }

    /// How tape and journal are kept.
    pub(crate) fn attach_store(&self, store: Arc<Store>) {
        let _ = self.store.set(store);
    }

    /// The operator is told what happens.
    pub(crate) fn attach_outbox(&self, outbox: Outbox) {
        let _ = self.outbox.set(outbox);
    }

    /// The disk of the market's folder; nothing where it cannot be looked at.
    pub(crate) fn disk(&self) -> Option<Disk> {
        self.folder.get().and_then(|folder| Disk::of(folder))
    }

    /// How the store is; nothing while it is being recovered.
    fn look_at_store(&self) -> Option<Look> {
        let store = self.store.get()?;
        self.now().ready.then(|| store.look())
    }

    fn models(&self) -> &[Arc<Seat>] {
        self.models.get().map_or(&[], Vec::as_slice)
    }

    /// How every symbol's prices stand, and how often one came from another source than before.
    pub fn prices(&self, statuses: Vec<SymbolStatus>, switches: u64) {
        *self.prices.lock().unwrap_or_else(PoisonError::into_inner) = statuses;
        self.switches.store(switches, Ordering::Relaxed);
    }

    pub(crate) fn sources(&self) -> Vec<Health> {
        let outlets = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        outlets.iter().map(Outlet::health).collect()
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

    /// What was kept, of which some are verdicts.
    pub(crate) fn decided(&self, signals: &[(Position, Signal)]) {
        self.verdicts.note(signals);
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

    pub(crate) fn health(&self) -> serde_json::Value {
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
                "name": self.feed(),
                "state": now.feed.as_str(),
                "last_event": now.at.map(|at| at.to_string()),
                "sources": self.sources().iter().map(|source| source_json(source, self.clock.now())).collect::<Vec<_>>(),
                "symbols": self.prices.lock().unwrap_or_else(PoisonError::into_inner).iter().map(symbol_json).collect::<Vec<_>>(),
            },
            "store": store::json(self.look_at_store(), position, self.clock.now()),
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

/// The routes of `admin.listen`.
pub fn admin_router(status: Arc<Status>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(ready))
        .route("/metrics", get(tell_metrics))
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
        return tell_metrics(state).await.into_response();
    }
    let told = "metrics are told to this machine only: for others set admin.listen to an address of their own\n";
    (StatusCode::FORBIDDEN, told).into_response()
}

async fn tell_metrics(State(status): State<Arc<Status>>) -> impl IntoResponse {
    let mut registry = Registry::with_prefix("orion");
    registry.register_collector(Box::new(metrics::Metrics(status)));
    let mut body = String::new();
    match text::encode(&mut body, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
