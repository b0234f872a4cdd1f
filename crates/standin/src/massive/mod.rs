//! Massive (formerly Polygon), played: both WebSocket clusters and the REST calls that ORION uses, on loopback.
//!
//! What it says is word for word what Massive's documents and clients show; the official Python client is content with it.
//! Prices flow when a test says so ([`Massive::quote`], [`Massive::value`], [`Massive::frame`]); what Massive does to its
//! clients otherwise is switched on with [`Massive::set`].

mod rest;
mod socket;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// What the key may do, and what goes wrong. Everything may change while it runs.
#[derive(Clone, Debug)]
pub struct Script {
    /// The only key that is taken.
    pub key: String,
    /// Subscriptions that are refused with a bare `not authorized`: the plan does not include them.
    pub not_authorized: BTreeSet<String>,
    /// Subscriptions that are not answered at all: the cluster does not publish them.
    pub unanswered: BTreeSet<String>,
    /// New connections are accepted and not greeted.
    pub mute: bool,
    /// WebSocket handshakes are answered with this HTTP status.
    pub refuse_upgrade: Option<u16>,
    /// Milliseconds that the clock is ahead; quotes and values are stamped with it.
    pub skew_ms: i64,
    /// Frames that may wait for a client that does not read; then it is cut off.
    pub buffer: usize,
    /// HTTP statuses that the next REST calls are answered with, in order.
    pub rest_statuses: VecDeque<u16>,
    /// REST calls that are answered in any minute, if the plan limits them; the others get a 429.
    pub calls_per_minute: Option<usize>,
    /// REST calls are redirected to this address.
    pub redirect: Option<String>,
    /// Bars per page, at most.
    pub page: usize,
    /// Where the next page is said to be.
    pub next_page: NextPage,
}

/// How pages are chained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// As it should be.
    Right,
    /// On this other host.
    Elsewhere(String),
    /// Where the page itself is.
    Circle,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            key: "KEY".to_owned(),
            not_authorized: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            mute: false,
            refuse_upgrade: None,
            skew_ms: 0,
            buffer: 65_536,
            rest_statuses: VecDeque::new(),
            calls_per_minute: None,
            redirect: None,
            page: 50_000,
            next_page: NextPage::Right,
        }
    }
}

/// A bar that REST tells; prices are JSON numbers, as text.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Its opening, in milliseconds since 1970.
    pub t: i64,
    pub open: String,
    pub high: String,
    pub low: String,
    pub close: String,
}

impl Bar {
    /// A bar that stood still.
    #[must_use]
    pub fn at(t: i64, price: &str) -> Self {
        Self {
            t,
            open: price.to_owned(),
            high: price.to_owned(),
            low: price.to_owned(),
            close: price.to_owned(),
        }
    }
}

/// Something that the stand-in was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A WebSocket was opened on this cluster (`forex`).
    Opened(String),
    /// A text on a WebSocket.
    Said(String),
    /// A REST call: path and query, and whether it brought the right key in its header.
    Called { path: String, key: bool },
}

/// The stand-in; dropping it stops it.
#[derive(Debug)]
pub struct Massive {
    ws: SocketAddr,
    rest: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    connections: BTreeMap<u64, Connection>,
    next: u64,
    asked: Vec<Asked>,
    /// By REST ticker, oldest first.
    minutes: BTreeMap<String, Vec<Bar>>,
    days: BTreeMap<String, Bar>,
    /// `EUR/USD` to the JSON of its last quote.
    last_quotes: BTreeMap<String, String>,
    /// The JSON of each entry of the snapshot of indices.
    snapshots: BTreeMap<String, String>,
    calls: VecDeque<Instant>,
}

/// One client on a WebSocket.
#[derive(Debug)]
struct Connection {
    cluster: String,
    authenticated: bool,
    topics: BTreeSet<String>,
    out: mpsc::Sender<Out>,
    cut: Arc<Notify>,
}

/// What is done to a client.
#[derive(Debug)]
enum Out {
    Text(String),
    /// A last word, then a close frame.
    Evict(String),
    /// Nothing is read, written or answered from now on, and the connection stays open.
    Stall,
}

impl Massive {
    /// Starts it on two free ports of loopback.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(script: Script) -> std::io::Result<Self> {
        let (ws, rest) = (
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
        );
        let state = State {
            script,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        let (ws_at, rest_at) = (ws.local_addr()?, rest.local_addr()?);
        tasks.spawn(socket::serve(ws, Arc::clone(&shared)));
        tasks.spawn(rest::serve(rest, Arc::clone(&shared)));
        Ok(Self {
            ws: ws_at,
            rest: rest_at,
            shared,
            _tasks: tasks,
        })
    }

    /// The setting `ws_url`.
    #[must_use]
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.ws)
    }

    /// The setting `rest_url`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.rest)
    }

    /// Changes what the key may do and what goes wrong.
    pub fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.shared.state().script);
    }

    /// A quote of a pair (`EUR/USD`) for whom it may concern; prices are JSON numbers, `t` is in milliseconds.
    pub fn quote(&self, pair: &str, bid: &str, ask: &str, t: i64) {
        let t = t + self.shared.state().script.skew_ms;
        let event = format!(r#"{{"ev":"C","p":"{pair}","x":48,"a":{ask},"b":{bid},"t":{t}}}"#);
        self.publish("forex", &["C."], pair, &event);
    }

    /// A value of an index (`I:SPX`); `t` is in milliseconds.
    pub fn value(&self, ticker: &str, value: &str, t: i64) {
        let t = t + self.shared.state().script.skew_ms;
        let event = format!(r#"{{"ev":"V","val":{value},"T":"{ticker}","t":{t}}}"#);
        self.publish("indices", &["V."], ticker, &event);
    }

    fn publish(&self, cluster: &str, channels: &[&str], name: &str, event: &str) {
        let wanted = |topics: &BTreeSet<String>| {
            channels.iter().any(|channel| {
                topics.contains(&format!("{channel}{name}"))
                    || topics.contains(&format!("{channel}*"))
            })
        };
        let state = self.shared.state();
        let hears = |c: &&Connection| c.cluster == cluster && wanted(&c.topics);
        for connection in state.connections.values().filter(hears) {
            connection.send(Out::Text(format!("[{event}]")));
        }
    }

    /// Any text to every client of a cluster that has shown its key.
    pub fn frame(&self, cluster: &str, text: &str) {
        self.each(cluster, |connection| {
            connection.send(Out::Text(text.to_owned()))
        });
    }

    /// Cuts every connection of a cluster without a close frame, as happens nightly.
    pub fn cut(&self, cluster: &str) {
        self.each(cluster, |connection| connection.cut.notify_one());
    }

    /// From now on the connections of a cluster are half-open: nothing is said on them and nothing is answered.
    pub fn stall(&self, cluster: &str) {
        self.each(cluster, |connection| connection.send(Out::Stall));
    }

    /// Pushes a cluster's connections out, as when the same key connects elsewhere.
    pub fn evict(&self, cluster: &str) {
        self.each(cluster, |connection| connection.evict());
    }

    fn each(&self, cluster: &str, act: impl Fn(&Connection)) {
        let state = self.shared.state();
        let ours = |c: &&Connection| c.cluster == cluster && c.authenticated;
        state.connections.values().filter(ours).for_each(act);
    }

    /// Closed minutes of a ticker (`C:EURUSD`), oldest first.
    pub fn minutes(&self, ticker: &str, bars: Vec<Bar>) {
        self.shared.state().minutes.insert(ticker.to_owned(), bars);
    }

    /// The bar of the day before.
    pub fn day(&self, ticker: &str, bar: Bar) {
        self.shared.state().days.insert(ticker.to_owned(), bar);
    }

    /// The last quote of a pair (`EUR/USD`).
    pub fn last_quote(&self, pair: &str, bid: &str, ask: &str, t: i64) {
        let last = format!(r#"{{"ask":{ask},"bid":{bid},"exchange":48,"timestamp":{t}}}"#);
        let mut state = self.shared.state();
        state.last_quotes.insert(pair.to_owned(), last);
    }

    /// The value of an index in the snapshot; its time is in nanoseconds.
    pub fn snapshot(&self, ticker: &str, value: &str, last_updated: i64) {
        let entry = format!(
            r#"{{"value":{value},"name":"{ticker}","ticker":"{ticker}","type":"indices","market_status":"open","last_updated":{last_updated}}}"#
        );
        let mut state = self.shared.state();
        state.snapshots.insert(ticker.to_owned(), entry);
    }

    /// An error of one ticker inside the snapshot: `NOT_ENTITLED`, `NOT_FOUND`.
    pub fn snapshot_error(&self, ticker: &str, error: &str) {
        let entry = format!(r#"{{"ticker":"{ticker}","error":"{error}","message":"{error}."}}"#);
        let mut state = self.shared.state();
        state.snapshots.insert(ticker.to_owned(), entry);
    }

    /// All that it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// Waits until what it was asked satisfies `enough`.
    pub async fn until(&self, enough: impl Fn(&[Asked]) -> bool) {
        self.shared.until(|state| enough(&state.asked)).await;
    }

    /// Waits until a client is subscribed to a topic (`C.EUR/USD`).
    pub async fn subscribed(&self, topic: &str) {
        let has = |state: &State| state.connections.values().any(|c| c.topics.contains(topic));
        self.shared.until(has).await;
    }

    /// Waits until no client is connected to a cluster.
    pub async fn deserted(&self, cluster: &str) {
        let empty = |state: &State| state.connections.values().all(|c| c.cluster != cluster);
        self.shared.until(empty).await;
    }
}

impl Connection {
    /// A client whose buffer is full is killed.
    fn send(&self, out: Out) {
        if self.out.try_send(out).is_err() {
            self.cut.notify_one();
        }
    }

    fn evict(&self) {
        let message = "Maximum number of websocket connections exceeded.";
        self.send(Out::Evict(status("max_connections", message)));
    }
}

fn status(status: &str, message: &str) -> String {
    format!(r#"[{{"ev":"status","status":"{status}","message":"{message}"}}]"#)
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, asked: Asked) {
        self.state().asked.push(asked);
        self.changed.notify_waiters();
    }

    async fn until(&self, enough: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if enough(&self.state()) {
                return;
            }
            changed.await;
        }
    }
}
