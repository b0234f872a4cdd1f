//! OANDA v20, played: accounts, instruments, candles, prices and the price stream, after OANDA's documentation and its own
//! client v20-python; error texts as people have quoted them. Both Python clients, `v20` and `oandapyV20`, accept it.
//!
//! It runs on a thread of its own and ends when it is dropped. What it is given to play goes out at once: OANDA's limit of
//! four prices a second for each instrument is not applied.

mod answers;
mod text;

pub use text::{Candle, Quote};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use text::Stamp;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What this OANDA is like.
#[derive(Clone, Debug)]
pub struct Options {
    pub token: String,
    /// The accounts that the token reaches.
    pub accounts: Vec<String>,
    /// What each of them may trade.
    pub instruments: Vec<String>,
    /// Between two heartbeats [5 s].
    pub heartbeat: Duration,
    /// Most candles in one answer; OANDA gives at most 5,000, and fewer when it likes.
    pub candles_max: usize,
    /// A stream with more bytes waiting is cut: a slow consumer [64 MiB].
    pub waiting_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            token: "practice-token".to_owned(),
            accounts: names(&["101-001-1234567-001"]),
            instruments: names(&[
                "EUR_USD",
                "GBP_USD",
                "USD_JPY",
                "XAU_USD",
                "US30_USD",
                "NAS100_USD",
                "SPX500_USD",
            ]),
            heartbeat: Duration::from_secs(5),
            candles_max: 5000,
            waiting_max: 64 * 1024 * 1024,
        }
    }
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next requests are refused: 401 for a wrong or flickering token, 403, 429, 520 with a page of HTML, ...
    Refuse(Refuse),
    /// Connections stay open and nothing comes any more, not even heartbeats: a half-open connection.
    Stall,
    /// Ends a stall.
    Heal,
    /// Every stream breaks off in the middle.
    Cut,
    /// Every stream ends in good order.
    End,
    /// Lines go out in pieces of so many bytes, each a chunk of its own.
    Split(usize),
    /// This OANDA's clock is so many milliseconds ahead of the machine's; negative: behind.
    Skew(i64),
}

/// How requests are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    pub status: u16,
    pub page: Page,
    /// Seconds of a `Retry-After`.
    pub retry_after: Option<u32>,
    pub which: Which,
    pub times: usize,
}

impl Refuse {
    /// Refuses the next `times` requests of any kind with OANDA's JSON.
    #[must_use]
    pub fn next(times: usize, status: u16, message: &str) -> Self {
        Self {
            status,
            page: Page::Json(message.to_owned()),
            retry_after: None,
            which: Which::Any,
            times,
        }
    }
}

/// What stands in a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// `{"errorMessage": ...}`.
    Json(String),
    Html(String),
}

/// Which requests are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Any,
    Stream,
    Candles,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    pub path: String,
    pub query: BTreeMap<String, String>,
    /// What it was answered with.
    pub status: u16,
}

/// A running stand-in.
#[derive(Debug)]
pub struct Oanda {
    address: SocketAddr,
    state: Arc<State>,
    runtime: Option<Runtime>,
}

#[derive(Debug)]
struct State {
    options: Options,
    script: Mutex<Script>,
    /// Counts what happened, to wait for.
    happened: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Script {
    candles: BTreeMap<(String, String), Vec<Candle>>,
    /// The last price of each instrument: a snapshot.
    last: BTreeMap<String, Quote>,
    refusals: VecDeque<Refuse>,
    streams: Vec<Outgoing>,
    asked: Vec<Asked>,
    stalled: bool,
    split: Option<usize>,
    /// The time it is, where it was set; nanoseconds since 1970.
    clock: Option<i64>,
    skew_ms: i64,
}

/// One price stream, as seen from here.
#[derive(Debug)]
struct Outgoing {
    pieces: mpsc::UnboundedSender<Piece>,
    instruments: Vec<String>,
    stamp: Stamp,
    /// Bytes that wait to be sent.
    waiting: Arc<AtomicUsize>,
}

/// What a stream says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Snapshot,
    Nothing,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Cut,
}

/// Bytes of one chunk where lines are not split on purpose.
const CHUNK_BYTES: usize = 16 * 1024;

impl Oanda {
    /// Begins to listen on a free port of the loopback.
    ///
    /// # Errors
    /// When there is no such port or no thread for it.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let state = Arc::new(State {
            options,
            script: Mutex::default(),
            happened: watch::Sender::new(0),
        });
        let router = Router::new()
            .fallback(answers::answer)
            .with_state(Arc::clone(&state));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        });
        runtime.spawn(beat(Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            runtime: Some(runtime),
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For `rest_url` and `stream_url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends prices to every stream that asked for them, all at once, and keeps the last of each as its snapshot.
    pub fn play(&self, quotes: &[Quote]) {
        let mut script = self.state.script();
        for quote in quotes {
            script.last.insert(quote.instrument.clone(), quote.clone());
        }
        let limit = self.state.options.waiting_max;
        script.tell(limit, |stream| {
            let wanted = quotes.iter().filter(|quote| stream.wants(quote));
            wanted.map(|quote| quote.line(stream.stamp)).collect()
        });
    }

    /// Sends any text to every stream, followed by a line feed.
    pub fn say(&self, line: &str) {
        let limit = self.state.options.waiting_max;
        self.state.script().tell(limit, |_| format!("{line}\n"));
    }

    /// Sends a heartbeat to every stream, now.
    pub fn heartbeat(&self) {
        self.state.heartbeat();
    }

    /// The candles of an instrument, oldest first; `granularity` such as `M1` or `D`.
    pub fn set_candles(&self, instrument: &str, granularity: &str, candles: Vec<Candle>) {
        let key = (instrument.to_owned(), granularity.to_owned());
        self.state.script().candles.insert(key, candles);
    }

    /// Stops this OANDA's clock at a time: nanoseconds since 1970.
    pub fn set_clock(&self, nanos: i64) {
        self.state.script().clock = Some(nanos);
    }

    pub fn fault(&self, fault: Fault) {
        let mut script = self.state.script();
        match fault {
            Fault::Refuse(refuse) => script.refusals.push_back(refuse),
            Fault::Stall => script.stalled = true,
            Fault::Heal => script.stalled = false,
            Fault::Cut => {
                for stream in script.streams.drain(..) {
                    stream.cut();
                }
            }
            Fault::End => script.streams.clear(),
            Fault::Split(bytes) => script.split = Some(bytes.max(1)),
            Fault::Skew(skew_ms) => script.skew_ms = skew_ms,
        }
    }

    /// Everything it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state.script().asked.clone()
    }

    /// How many price streams were begun so far.
    #[must_use]
    pub fn begun(&self) -> usize {
        let asked = self.asked();
        let is_stream = |asked: &&Asked| asked.path.ends_with("/stream") && asked.status == 200;
        asked.iter().filter(is_stream).count()
    }

    /// Waits until so many price streams have begun.
    pub async fn until_begun(&self, streams: usize) {
        self.until(|oanda| oanda.begun() >= streams).await;
    }

    /// Waits until something is so; it is looked at after each request.
    pub async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let mut happened = self.state.happened.subscribe();
        while !is_so(self) {
            if happened.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Oanda {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl State {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heartbeat(&self) {
        let mut script = self.script();
        let now = script.now();
        script.tell(self.options.waiting_max, |stream| {
            text::heartbeat(now, stream.stamp)
        });
    }

    /// A new price stream; its body ends when it is taken off the list.
    fn begin(&self, instruments: Vec<String>, stamp: Stamp, first: First) -> Body {
        let (pieces, mut waiting_pieces) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let stream = Outgoing {
            pieces,
            instruments,
            stamp,
            waiting: Arc::clone(&waiting),
        };
        let mut script = self.script();
        if first == First::Snapshot && !script.stalled {
            let last = script.last.values().filter(|quote| stream.wants(quote));
            let lines: String = last.map(|quote| quote.line(stamp)).collect();
            stream.send(&lines, script.split);
        }
        script.streams.push(stream);
        Body::from_stream(stream::poll_fn(move |context| {
            waiting_pieces.poll_recv(context).map(|piece| match piece? {
                Piece::Bytes(bytes) => {
                    waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                    Some(Ok(bytes))
                }
                Piece::Cut => Some(Err(io::Error::from(io::ErrorKind::ConnectionReset))),
            })
        }))
    }
}

impl Script {
    /// Sends each stream its own text; those that nobody reads any more are dropped, those too far behind are cut.
    fn tell(&mut self, waiting_max: usize, text: impl Fn(&Outgoing) -> String) {
        if self.stalled {
            return;
        }
        let split = self.split;
        self.streams.retain(|stream| {
            stream.send(&text(stream), split);
            let is_slow = stream.waiting.load(Ordering::Relaxed) > waiting_max;
            if is_slow {
                stream.cut();
            }
            !is_slow && !stream.pieces.is_closed()
        });
    }

    fn now(&self) -> i64 {
        self.clock.unwrap_or_else(text::now) + self.skew_ms * 1_000_000
    }

    /// The refusal that is due to a request, if one is.
    fn refusal(&mut self, path: &str) -> Option<Refuse> {
        let is_meant = |refuse: &Refuse| match refuse.which {
            Which::Any => true,
            Which::Stream => path.ends_with("/stream"),
            Which::Candles => path.ends_with("/candles"),
        };
        let place = self.refusals.iter().position(is_meant)?;
        let refuse = self.refusals.get_mut(place)?;
        refuse.times = refuse.times.saturating_sub(1);
        if refuse.times == 0 {
            self.refusals.remove(place)
        } else {
            Some(refuse.clone())
        }
    }
}

impl Outgoing {
    fn wants(&self, quote: &Quote) -> bool {
        self.instruments.contains(&quote.instrument)
    }

    fn send(&self, text: &str, split: Option<usize>) {
        for piece in text.as_bytes().chunks(split.unwrap_or(CHUNK_BYTES)) {
            self.waiting.fetch_add(piece.len(), Ordering::Relaxed);
            // Nobody reads it any more when this fails; it is dropped with the next round.
            let _ = self
                .pieces
                .send(Piece::Bytes(Bytes::copy_from_slice(piece)));
        }
    }

    fn cut(&self) {
        let _ = self.pieces.send(Piece::Cut);
    }
}

async fn beat(state: Arc<State>) {
    let mut beats = interval(state.options.heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        state.heartbeat();
    }
}
