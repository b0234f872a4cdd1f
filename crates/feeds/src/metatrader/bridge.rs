//! Where advisors call: authenticates, reads, tells, and acknowledges when the loop has taken it.
//!
//! What an acknowledgement means: the loop has the tick, and the tape has it within a moment. So a lost connection, a lost
//! answer or a restart of the server costs no tick and doubles none, when the server ends with [`Bridge::stop`] and begins
//! with [`Bridge::resume`]. A process that is killed doubles none either, and loses what it had acknowledged and not yet
//! written to the tape.

use super::answer::Answer;
use super::decode::{self, Hello, Line, TickLine};
use super::desk::Desk;
use super::remember::Remembered;
use super::session::Advisor;
use super::{Settings, lines};
use crate::health::Phase;
use crate::inbox::Outlet;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use market::{Catalog, Tick};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// Tells the name of a token, if it is one that advisors may use.
pub type Keys = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Largest batch: about eight thousand ticks.
pub(super) const BODY_BYTES: usize = 1024 * 1024;
/// Ticks told between two looks at how far behind the loop is.
const CHUNK: usize = 500;
/// How long an advisor waits for the loop before it is told to come again.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);
/// How often is looked whether all advisors have fallen silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The place where advisors call. Copies share their state.
#[derive(Clone)]
pub struct Bridge(Arc<Inner>);

struct Inner {
    outlet: Outlet,
    keys: Keys,
    listen: Option<SocketAddr>,
    desk: Mutex<Desk>,
    remembered: Mutex<Remembered>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bridge {
    /// `outlet` is made with [`super::symbols`]; `remembered` is the file that holds what advisors were told, in a folder that
    /// exists.
    ///
    /// # Errors
    /// When a setting does not hold, as [`Settings::check`] and [`super::symbols`] say.
    pub fn new(
        settings: &Settings,
        catalog: &Catalog,
        outlet: Outlet,
        keys: Keys,
        remembered: &Path,
    ) -> Result<Self, String> {
        if let Some((key, reason)) = settings.check().into_iter().next() {
            return Err(format!("{key}: {reason}"));
        }
        outlet.phase(Phase::Waiting);
        Ok(Self(Arc::new(Inner {
            desk: Mutex::new(Desk::new(settings, catalog)?),
            listen: settings.listen.parse().ok(),
            remembered: Mutex::new(Remembered::load(remembered)),
            outlet,
            keys,
        })))
    }

    /// `POST /feeds/metatrader`, for the binary's own listener.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/feeds/metatrader", post(receive))
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .with_state(self.clone())
    }

    /// Watches for silence, and serves advisors that use a socket. Ends only when it cannot listen.
    ///
    /// # Errors
    /// When the address of `listen` is not to be had.
    pub async fn run(&self) -> io::Result<()> {
        let watch = self.watch();
        let Some(address) = self.0.listen else {
            watch.await;
            return Ok(());
        };
        let listener = TcpListener::bind(address).await?;
        tokio::join!(watch, self.serve_sockets(listener));
        Ok(())
    }

    /// Serves advisors that use a socket.
    pub async fn serve_sockets(&self, listener: TcpListener) {
        lines::serve(self.clone(), listener).await;
    }

    async fn watch(&self) {
        let mut every = interval(LOOK_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.look();
        }
    }

    /// Tells when the last advisor has fallen silent.
    pub fn look(&self) {
        let outlet = &self.0.outlet;
        if !lock(&self.0.desk).is_live(outlet.now()) {
            outlet.ended();
            outlet.phase(Phase::Waiting);
        }
    }

    /// Before advisors call: the newest tick of an instrument that the tape holds from here. What is sent again and is not
    /// newer is left out, even where the end of the process came between taping a tick and noting its number.
    pub fn resume(&self, taped: Tick) {
        lock(&self.0.desk).resume(taped);
    }

    /// After the last answer, when the loop has taken what was left: notes what was told.
    pub fn stop(&self) {
        let now = self.0.outlet.now();
        let last = lock(&self.0.desk).all_last();
        let mut remembered = lock(&self.0.remembered);
        for (session, last) in last {
            remembered.keep(&session, last, now);
        }
    }

    /// How each advisor is, for health and `orion feed test`.
    #[must_use]
    pub fn advisors(&self) -> Vec<Advisor> {
        lock(&self.0.desk).advisors()
    }

    /// The name of a token.
    pub(super) fn key(&self, token: &str) -> Option<String> {
        (self.0.keys)(token)
    }

    /// Takes one batch. Whoever waits for the answer may give up at any moment: what was told by then is known as told.
    pub(super) async fn talk(&self, key: &str, session: Option<&str>, batch: &[u8]) -> Answer {
        let outlet = &self.0.outlet;
        let Batch {
            session,
            greeted,
            ticks,
        } = match self.read(key, session, batch) {
            Ok(batch) => batch,
            Err(answer) => return *answer,
        };
        let now = outlet.now();
        for from in (0..ticks.len()).step_by(CHUNK) {
            outlet.room().await;
            lock(&self.0.desk).take(&session, &ticks[from..], CHUNK, now, outlet);
        }
        let last = lock(&self.0.desk).last(&session);
        if timeout(TAKEN_WITHIN, outlet.taken()).await.is_err() {
            let reason = "the server is behind and has not taken the ticks yet: send them again";
            return Answer::not_taken(StatusCode::SERVICE_UNAVAILABLE, reason);
        }
        if let Some(last) = last {
            lock(&self.0.remembered).keep(&session, last, now);
        }
        self.answer(&session, last, greeted)
    }

    /// Reads a batch, and tells what is no tick.
    fn read<'a>(
        &self,
        key: &str,
        session: Option<&str>,
        batch: &'a [u8],
    ) -> Result<Batch<'a>, Box<Answer>> {
        let outlet = &self.0.outlet;
        let (mut hello, mut beat, mut ticks) = (None, None, Vec::new());
        for (text, line) in decode::lines(batch) {
            match line {
                Ok(Line::Hello(line)) => hello = Some(line),
                Ok(Line::Beat(line)) => beat = Some(line),
                Ok(Line::Tick(line)) => ticks.push(line),
                Err(malformed) => outlet.malformed(None, text, &malformed.to_string()),
            }
        }
        let named = hello
            .as_deref()
            .map(|hello: &Hello| hello.session.as_str())
            .or_else(|| beat.as_ref().map(|beat| beat.session.as_str()))
            .filter(|name| !name.is_empty());
        let Some(session) = named.or(session).map(str::to_owned) else {
            let reason = "no line of the batch is a hello or hb with the advisor's session";
            return Err(Box::new(Answer::not_taken(StatusCode::BAD_REQUEST, reason)));
        };
        let acked = lock(&self.0.remembered).acked(&session);
        let mut desk = lock(&self.0.desk);
        if let Some(hello) = &hello {
            let hello = Hello {
                session: session.clone(),
                ..hello.as_ref().clone()
            };
            desk.hello(&hello, key, acked, outlet);
        }
        if !desk.knows(&session) {
            return Err(Box::new(Answer::say_hello()));
        }
        if let Some(beat) = &beat {
            desk.beat(&session, beat, outlet.now());
        }
        let live = desk.is_live(outlet.now());
        drop(desk);
        if live {
            outlet.began();
            outlet.life();
        }
        let greeted = hello.is_some();
        Ok(Batch {
            session,
            greeted,
            ticks,
        })
    }

    fn answer(&self, session: &str, last: Option<u64>, greeted: bool) -> Answer {
        let desk = lock(&self.0.desk);
        let mut answer = Answer::taken(last);
        let (refused, all) = desk.refused(session);
        answer.refused = refused;
        if all {
            answer.status = StatusCode::CONFLICT.as_u16();
            answer.error = Some("all symbols are already sent by another advisor".to_owned());
        }
        if greeted {
            answer.take = Some(desk.wanted(session));
        }
        answer
    }
}

/// A batch as it was read.
struct Batch<'a> {
    session: String,
    greeted: bool,
    ticks: Vec<TickLine<'a>>,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bridge({:?})", self.0.outlet)
    }
}

async fn receive(
    State(bridge): State<Bridge>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim);
    let Some(key) = token.and_then(|token| bridge.key(token)) else {
        return wrong_token(token.is_some());
    };
    match body {
        Ok(body) => bridge.talk(&key, None, &body).await,
        Err(rejection) => Answer::not_taken(rejection.status(), rejection.body_text()),
    }
}

pub(super) fn wrong_token(given: bool) -> Answer {
    let reason = if given {
        "this token is not known: make one with `orion key add terminal --for metatrader` and paste it into the advisor's Token"
    } else {
        "no token was given: paste one made with `orion key add terminal --for metatrader` into the advisor's Token"
    };
    tracing::warn!(given, "an advisor has no valid token");
    Answer::not_taken(StatusCode::UNAUTHORIZED, reason)
}
