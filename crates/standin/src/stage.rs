//! Where vendors with a WebSocket are played: a listener on loopback, its connections, what clients sent, and the ways in which
//! a connection can go wrong. What is said is the vendor's own (`kraken.rs`, `finnhub.rs`, `twelvedata.rs`).

use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// What a vendor does wrong, from now on, to connections and to subscriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// The handshake is answered with 401.
    WrongKey,
    /// The handshake is answered with 403.
    NotEntitled,
    /// The handshake is answered with 429.
    TooManyConnects,
    /// The handshake is answered with 503.
    Down,
    /// Subscriptions are answered with the vendor's words for "too many".
    RateLimit,
    /// Subscriptions are answered by nothing, and nothing is sent but heartbeats.
    Mute,
    /// The vendor says that it is being mended.
    Maintenance,
}

/// A vendor's own words.
pub(crate) trait Vendor: Send + Sync + 'static {
    /// Whether a key found in the address is good; vendors without keys take everyone.
    fn knows(&self, path_and_query: &str) -> bool;
    /// What is said first; most wait to be spoken to.
    fn greeting(&self, _: Fault) -> Vec<String> {
        Vec::new()
    }
    /// What is answered to a message; `subscribed` are the connection's symbols.
    fn answers(
        &self,
        message: &str,
        fault: Fault,
        subscribed: &mut BTreeSet<String>,
    ) -> Vec<String>;
    /// What is said when nothing else was, for a connection with these symbols.
    fn heartbeat(&self, subscribed: &BTreeSet<String>) -> Option<String>;
    /// Whether a new connection closes the one before it.
    fn is_one_connection(&self) -> bool;
}

/// Whether an address holds this key, as the parameter of this name.
pub(crate) fn has_key(path_and_query: &str, name: &str, key: &str) -> bool {
    let query = path_and_query.split_once('?').map(|(_, query)| query);
    let mut parts = query.into_iter().flat_map(|query| query.split('&'));
    parts.any(|part| part.split_once('=') == Some((name, key)))
}

/// What the tests make a connection do.
#[derive(Clone, Debug)]
enum Order {
    /// Sends a text to those who subscribed to a symbol.
    Quote {
        symbol: String,
        text: String,
    },
    Send(String),
    SendBytes(Vec<u8>),
    Close(u16, String),
    /// The TCP connection ends without a word.
    Cut,
    /// It stays open, and nothing is read or sent on it any more.
    HalfOpen,
}

/// A played vendor. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Counts every change of the state.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    fault: Fault,
    asked: Vec<String>,
    heard: Vec<String>,
    live: Vec<mpsc::UnboundedSender<Order>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.send_modify(|count| *count += 1);
    }
}

impl Stage {
    /// # Errors
    /// When no port of loopback can be had.
    pub(crate) async fn start(vendor: impl Vendor, beat_every: Duration) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(listen(
            listener,
            Arc::new(vendor),
            Arc::clone(&shared),
            beat_every,
        ));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.change(|state| state.fault = fault);
    }

    /// The addresses that were asked for, path and query, in order; refused ones too.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.shared.state().asked.clone()
    }

    /// What clients sent, in order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.shared.state().heard.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared
            .state()
            .live
            .iter()
            .filter(|live| !live.is_closed())
            .count()
    }

    /// Waits until clients have sent so many messages.
    pub(crate) async fn until_heard(&self, count: usize) {
        self.until(|state| state.heard.len() >= count).await;
    }

    /// Waits until so many handshakes were asked for.
    pub(crate) async fn until_asked(&self, count: usize) {
        self.until(|state| state.asked.len() >= count).await;
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) {
        let mut changed = self.shared.changed.subscribe();
        while !is_so(&self.shared.state()) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    pub(crate) fn quote(&self, symbol: &str, text: String) {
        self.order(&Order::Quote {
            symbol: symbol.to_owned(),
            text,
        });
    }
    pub(crate) fn send(&self, text: &str) {
        self.order(&Order::Send(text.to_owned()));
    }
    pub(crate) fn send_bytes(&self, bytes: &[u8]) {
        self.order(&Order::SendBytes(bytes.to_owned()));
    }
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.order(&Order::Close(code, reason.to_owned()));
    }
    pub(crate) fn cut(&self) {
        self.order(&Order::Cut);
    }
    pub(crate) fn half_open(&self) {
        self.order(&Order::HalfOpen);
    }

    fn order(&self, order: &Order) {
        self.shared
            .state()
            .live
            .retain(|live| live.send(order.clone()).is_ok());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    listener: TcpListener,
    vendor: Arc<impl Vendor>,
    shared: Arc<Shared>,
    beat_every: Duration,
) {
    // Connections end with this set, when the listener's task is aborted.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(
            stream,
            Arc::clone(&vendor),
            Arc::clone(&shared),
            beat_every,
        ));
    }
}

async fn serve(
    stream: TcpStream,
    vendor: Arc<impl Vendor>,
    shared: Arc<Shared>,
    beat_every: Duration,
) {
    let Ok(mut socket) = open(stream, vendor.as_ref(), &shared).await else {
        return;
    };
    let (live, mut orders) = mpsc::unbounded_channel();
    shared.change(|state| {
        if vendor.is_one_connection() {
            for older in state.live.drain(..) {
                // A client that is gone has closed its end.
                let _ = older.send(Order::Close(1000, String::new()));
            }
        }
        state.live.push(live);
    });
    let mut subscribed = BTreeSet::new();
    let greeting = vendor.greeting(shared.state().fault);
    if say(&mut socket, greeting).await.is_err() {
        return;
    }
    let mut beat_at = Instant::now() + beat_every;
    loop {
        let spoken = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    let fault = shared.state().fault;
                    let answers = vendor.answers(&text, fault, &mut subscribed);
                    let said = say(&mut socket, answers).await;
                    shared.change(|state| state.heard.push(text.to_string()));
                    said
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => Ok(()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            order = orders.recv() => match order {
                Some(order) => obey(&mut socket, order, &subscribed).await,
                None => return,
            },
            () = sleep_until(beat_at) => say(&mut socket, vendor.heartbeat(&subscribed)).await,
        };
        if spoken.is_err() {
            return;
        }
        beat_at = Instant::now() + beat_every;
    }
}

async fn open(
    stream: TcpStream,
    vendor: &impl Vendor,
    shared: &Shared,
) -> Result<WebSocketStream<TcpStream>, Error> {
    #[expect(clippy::result_large_err, reason = "tungstenite's own signature")]
    let admit = |request: &Request, response: Response| {
        let asked = request.uri().to_string();
        let is_known = vendor.knows(&asked);
        let mut fault = Fault::None;
        shared.change(|state| {
            fault = state.fault;
            state.asked.push(asked);
        });
        match fault {
            Fault::WrongKey => Err(refusal(StatusCode::UNAUTHORIZED)),
            Fault::NotEntitled => Err(refusal(StatusCode::FORBIDDEN)),
            Fault::TooManyConnects => Err(refusal(StatusCode::TOO_MANY_REQUESTS)),
            Fault::Down => Err(refusal(StatusCode::SERVICE_UNAVAILABLE)),
            Fault::None | Fault::RateLimit | Fault::Mute | Fault::Maintenance if !is_known => {
                Err(refusal(StatusCode::UNAUTHORIZED))
            }
            Fault::None | Fault::RateLimit | Fault::Mute | Fault::Maintenance => Ok(response),
        }
    };
    accept_hdr_async(stream, admit).await
}

fn refusal(status: StatusCode) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}

async fn obey(
    socket: &mut WebSocketStream<TcpStream>,
    order: Order,
    subscribed: &BTreeSet<String>,
) -> Result<(), Error> {
    match order {
        Order::Quote { symbol, text } if subscribed.contains(&symbol) => {
            socket.send(Message::text(text)).await
        }
        Order::Quote { .. } => Ok(()),
        Order::Send(text) => socket.send(Message::text(text)).await,
        Order::SendBytes(bytes) => socket.send(Message::Binary(Bytes::from(bytes))).await,
        Order::Close(code, reason) => {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            socket.close(Some(frame)).await?;
            Err(Error::ConnectionClosed)
        }
        Order::Cut => Err(Error::ConnectionClosed),
        Order::HalfOpen => std::future::pending().await,
    }
}

async fn say(
    socket: &mut WebSocketStream<TcpStream>,
    texts: impl IntoIterator<Item = String>,
) -> Result<(), Error> {
    for text in texts {
        socket.feed(Message::text(text)).await?;
    }
    socket.flush().await
}

/// As much of a vendor's REST as its client needs. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Rest {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Rest {
    /// # Errors
    /// When no port of loopback can be had.
    pub(crate) async fn start(router: axum::Router) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            // It ends with the handle, and has nobody to tell.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The controls that every vendor of a WebSocket has.
macro_rules! controls {
    ($vendor:ident) => {
        impl $vendor {
            /// Where it listens: scheme, host and port.
            #[must_use]
            pub fn address(&self) -> String {
                format!("ws://{}", self.stage.address)
            }
            /// What goes wrong from now on.
            pub fn fault(&self, fault: Fault) {
                self.stage.fault(fault);
            }
            /// Path and query of every handshake so far, refused ones too.
            #[must_use]
            pub fn asked(&self) -> Vec<String> {
                self.stage.asked()
            }
            /// What clients sent so far.
            #[must_use]
            pub fn heard(&self) -> Vec<String> {
                self.stage.heard()
            }
            /// Connections that are open.
            #[must_use]
            pub fn connections(&self) -> usize {
                self.stage.connections()
            }
            /// Waits until clients have sent so many messages in all.
            pub async fn until_heard(&self, count: usize) {
                self.stage.until_heard(count).await;
            }
            /// Waits until so many handshakes were asked for in all.
            pub async fn until_asked(&self, count: usize) {
                self.stage.until_asked(count).await;
            }
            /// Sends a text as it is to every connection.
            pub fn send(&self, text: &str) {
                self.stage.send(text);
            }
            /// Sends a binary frame to every connection.
            pub fn send_bytes(&self, bytes: &[u8]) {
                self.stage.send_bytes(bytes);
            }
            /// Closes every connection in order.
            pub fn close(&self, code: u16, reason: &str) {
                self.stage.close(code, reason);
            }
            /// Ends every connection without a word.
            pub fn cut(&self) {
                self.stage.cut();
            }
            /// Leaves every connection open, and neither reads nor sends on it any more.
            pub fn half_open(&self) {
                self.stage.half_open();
            }
        }
    };
}
pub(crate) use controls;
