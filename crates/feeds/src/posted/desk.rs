//! The way from those who post to the engine: a queue with an end, an answer within two seconds, and a limit for each key.
//! What is answered with success has been stored before.

use super::answer::{self, Reply};
use super::refusal::Refusal;
use super::signal::{Posted, read};
use crate::bots::Settings;
use crate::clock::Clock;
use access::keys::{Key, Kind};
use axum::http::StatusCode;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use market::{Alert, Answer, Catalog, Time};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Alerts that wait for the engine; one more is turned away at once.
const WAITING_MAX: usize = 1024;
/// An answer that takes longer is not waited for: TradingView hangs up after 3 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// An alert on its way to the engine. Whoever takes it stores what comes of it, and then answers.
#[derive(Debug)]
pub struct Posting {
    pub alert: Alert,
    pub answer: oneshot::Sender<Result<Answer, Unavailable>>,
}

/// Why nothing came of an alert. It may be sent again: with the same id it is never taken twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    #[error("{WAITING_MAX} alerts are waiting already")]
    Full,
    #[error("ORION is ending")]
    Gone,
    #[error(
        "the disk of ORION's data folder fails, so that nothing can be kept at the moment; /health says why"
    )]
    Unkept,
    #[error("no answer came within {} s, and whether it was taken is not known", ANSWER_WITHIN.as_secs())]
    Slow,
}

/// What a key's limit counts; signals and prices are counted apart, so that prices keep no signal out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Signals,
    Prices,
}

/// Where posted signals are handed in. Copies share their limits.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

struct Shared {
    catalog: Arc<Catalog>,
    clock: Clock,
    engine: mpsc::Sender<Posting>,
    signals: Limiter,
    prices: Limiter,
    per_second: u32,
}

type Limiter = RateLimiter<String, HashMapStateStore<String>, Ticking, NoOpMiddleware<Nanos>>;

/// The one clock, as the limiter wants it.
#[derive(Clone)]
struct Ticking(Clock);

impl governor::clock::Clock for Ticking {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(u64::try_from(self.0.now().nanos()).unwrap_or(0))
    }
}

impl Desk {
    /// A desk, and where the engine's loop takes from.
    #[must_use]
    pub fn new(
        catalog: Arc<Catalog>,
        settings: &Settings,
        clock: Clock,
    ) -> (Self, mpsc::Receiver<Posting>) {
        let (engine, postings) = mpsc::channel(WAITING_MAX);
        let limiter = || limiter(settings, clock.clone());
        let shared = Shared {
            catalog,
            engine,
            signals: limiter(),
            prices: limiter(),
            per_second: settings.rate_per_s,
            clock: clock.clone(),
        };
        (Self(Arc::new(shared)), postings)
    }

    /// Hands an alert to the engine and waits for what comes of it.
    ///
    /// # Errors
    /// When the engine does not take it, or does not answer in time.
    pub async fn post(&self, alert: Alert) -> Result<Answer, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.engine.try_send(Posting { alert, answer });
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unavailable::Full,
            mpsc::error::TrySendError::Closed(_) => Unavailable::Gone,
        })?;
        match timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(Unavailable::Gone),
            Err(_) => Err(Unavailable::Slow),
        }
    }

    /// A bot's signal on a WebSocket, from its JSON to the message that answers it: one JSON object with
    /// `"type":"signal_result"`, and the same in it as over HTTP.
    pub async fn post_json(&self, sender: &Key, data: &[u8]) -> String {
        match self.take_json(sender, data).await {
            Ok(reply) => reply.message(),
            Err(refusal) => Reply::refused(&refusal).message_of(&refusal, self.now()),
        }
    }

    async fn take_json(&self, sender: &Key, data: &[u8]) -> Result<Reply, Refusal> {
        check_kind(sender, Kind::Bot)?;
        self.check_rate(sender, Route::Signals)?;
        let posted = read(data, sender, self.catalog(), self.now())?;
        self.take(posted).await
    }

    /// A signal that was read, from here to the answer.
    pub(crate) async fn take(&self, posted: Posted) -> Result<Reply, Refusal> {
        let result = self.post(posted.alert.clone()).await;
        answer::reply(&posted, result)
    }

    /// Counts a request of a key.
    pub(crate) fn check_rate(&self, key: &Key, route: Route) -> Result<(), Refusal> {
        let limiter = match route {
            Route::Signals => &self.0.signals,
            Route::Prices => &self.0.prices,
        };
        limiter.check_key(&key.name).map_err(|until| {
            let wait = until.wait_time_from(Ticking(self.0.clock.clone()).now());
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            let per_second = self.0.per_second;
            Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "too many requests under the key {}: {per_second} a second are taken",
                    key.name
                ),
            )
            .remedy(
                "wait as Retry-After says; feed.bots.rate_per_s and feed.bots.burst set the limit",
            )
            .retry_after(seconds.max(1))
        })
    }

    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Time {
        self.0.clock.now()
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Desk({} may wait)", self.0.engine.capacity())
    }
}

fn limiter(settings: &Settings, clock: Clock) -> Limiter {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(at_least_one(settings.rate_per_s))
        .allow_burst(at_least_one(settings.burst));
    RateLimiter::hashmap_with_clock(quota, Ticking(clock))
}

/// A key opens what it was made for.
pub(crate) fn check_kind(key: &Key, wanted: Kind) -> Result<(), Refusal> {
    if key.kind == wanted {
        return Ok(());
    }
    let remedy = match wanted {
        Kind::Bot => "make one with: orion key add NAME",
        Kind::TradingView => "make one with: orion key add NAME --for tradingview",
        Kind::MetaTrader => "make one with: orion key add NAME --for metatrader",
        Kind::Dashboard => "make one with: orion key add NAME --for dashboard",
    };
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        format!(
            "the key {} is one for {}, not for {wanted}",
            key.name, key.kind
        ),
    )
    .remedy(remedy))
}
