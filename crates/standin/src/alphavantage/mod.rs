//! Alpha Vantage, played: its one endpoint, with the functions that ORION uses, on loopback. Errors come as it sends them,
//! with HTTP 200 and a sentence, whatever `datatype` was asked for.

mod answers;

use axum::Router;
use axum::extract::{Query, State as Of};
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// What the key may do, and what goes wrong.
#[derive(Clone, Debug)]
pub struct Script {
    /// The only key that is taken.
    pub key: String,
    /// Calls that are answered until [`AlphaVantage::new_day`].
    pub calls_per_day: usize,
    /// Functions that are not in the plan.
    pub premium: BTreeSet<String>,
    /// What the next calls are answered with instead, in order.
    pub next: VecDeque<Canned>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            key: "KEY".to_owned(),
            calls_per_day: 25,
            premium: BTreeSet::new(),
            next: VecDeque::new(),
        }
    }
}

/// An answer that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canned {
    /// `Information`: the sentence of the free plan, said when calls come too fast and when the day's are used up.
    Sparingly,
    /// `Information`: the day's calls are used up; it repeats the key.
    DayUsed,
    /// `Note`: the old sentence on calls per minute and day.
    Note,
    /// `Information`: not in the plan.
    Premium,
    /// `Information`: the demonstration's key.
    Demo,
    /// `Error Message`: the parameters are wrong.
    Invalid,
    /// `{}`.
    Empty,
    /// HTTP 503 with a plain word.
    Unavailable,
    /// Any text with HTTP 200.
    Text(String),
}

/// A day of a series; prices as text.
#[derive(Clone, Debug)]
pub struct Day {
    /// Such as `2026-07-13`.
    pub date: String,
    pub close: String,
}

#[derive(Clone, Debug)]
struct Rate {
    rate: String,
    bid: String,
    ask: String,
    refreshed: String,
}

/// The stand-in; dropping it stops it.
#[derive(Debug)]
pub struct AlphaVantage {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    used: usize,
    asked: Vec<BTreeMap<String, String>>,
    /// By `EUR/USD`.
    rates: BTreeMap<String, Rate>,
    /// By `GOLD`: price and time.
    spots: BTreeMap<String, (String, String)>,
    /// By `EUR/USD`, `GOLD`, `NDX`; newest first, as Alpha Vantage sends them.
    days: BTreeMap<String, Vec<Day>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AlphaVantage {
    /// Starts it on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(script: Script) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = State {
            script,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let mut task = JoinSet::new();
        task.spawn(async move {
            // It ends with this task.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            shared,
            _task: task,
        })
    }

    /// The setting `url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/query", self.address)
    }

    /// Changes what the key may do and what goes wrong.
    pub fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.state().script);
    }

    /// The count of calls begins anew.
    pub fn new_day(&self) {
        self.shared.state().used = 0;
    }

    /// The rate of a pair (`EUR/USD`); bid and ask may be `-`, and `refreshed` is UTC as `2026-07-13 12:00:00`.
    pub fn rate(&self, pair: &str, rate: &str, (bid, ask): (&str, &str), refreshed: &str) {
        let rate = Rate {
            rate: rate.to_owned(),
            bid: bid.to_owned(),
            ask: ask.to_owned(),
            refreshed: refreshed.to_owned(),
        };
        self.shared.state().rates.insert(pair.to_owned(), rate);
    }

    /// The spot price of a metal (`GOLD`), and its time in any form.
    pub fn spot(&self, metal: &str, price: &str, time: &str) {
        let spot = (price.to_owned(), time.to_owned());
        self.shared.state().spots.insert(metal.to_owned(), spot);
    }

    /// Daily closes of a pair, a metal or an index, newest first, as date and close.
    pub fn days(&self, name: &str, days: &[(&str, &str)]) {
        let day = |(date, close): &(&str, &str)| Day {
            date: (*date).to_owned(),
            close: (*close).to_owned(),
        };
        let days = days.iter().map(day).collect();
        self.shared.state().days.insert(name.to_owned(), days);
    }

    /// The parameters of every call so far.
    #[must_use]
    pub fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.state().asked.clone()
    }

    /// Waits until it was called so often.
    pub async fn called(&self, times: usize) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.shared.state().asked.len() >= times {
                return;
            }
            changed.await;
        }
    }
}

/// Every call has a connection of its own, so that none is under way on an old one when the line is shut.
async fn answer(
    Of(shared): Of<Arc<Shared>>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> impl IntoResponse {
    let response = {
        let mut state = shared.state();
        state.asked.push(asked.clone());
        respond(&mut state, &asked)
    };
    shared.changed.notify_waiters();
    ([(CONNECTION, "close")], response)
}

fn respond(state: &mut State, asked: &BTreeMap<String, String>) -> Response {
    let function = asked.get("function").map_or("", String::as_str);
    if let Some(canned) = state.script.next.pop_front() {
        return canned_answer(&canned, &state.script.key, function);
    }
    if asked.get("apikey") != Some(&state.script.key) {
        return answers::sentence("Error Message", answers::BAD_KEY).into_response();
    }
    if state.used >= state.script.calls_per_day {
        return canned_answer(&Canned::DayUsed, &state.script.key, function);
    }
    state.used += 1;
    if state.script.premium.contains(function) {
        return canned_answer(&Canned::Premium, &state.script.key, function);
    }
    match answers::data(state, function, asked) {
        Some(body) => body.into_response(),
        None => canned_answer(&Canned::Invalid, &state.script.key, function),
    }
}

fn canned_answer(canned: &Canned, key: &str, function: &str) -> Response {
    let body = match canned {
        Canned::Sparingly => answers::sentence("Information", answers::SPARINGLY),
        Canned::DayUsed => answers::sentence("Information", &answers::day_used(key)),
        Canned::Note => answers::sentence("Note", answers::NOTE),
        Canned::Premium => answers::sentence("Information", answers::PREMIUM),
        Canned::Demo => answers::sentence("Information", answers::DEMO),
        Canned::Invalid => answers::sentence("Error Message", &answers::invalid(function)),
        Canned::Empty => "{}".to_owned(),
        Canned::Unavailable => {
            return (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").into_response();
        }
        Canned::Text(text) => text.clone(),
    };
    body.into_response()
}
