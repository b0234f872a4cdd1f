//! A client over restarts: a plain one, as the public dashboard, which begins with a snapshot each time; or one that resumes
//! by its position.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PRICE: &str = r#"{"type":"price_update""#;
/// Clients that connect at the same time: more would be slower than the server waits for a request.
const CONNECTING_MAX: usize = 64;

/// Nothing here may hang a run for ever.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Resuming,
}

/// What all clients of a test share.
pub(crate) struct Crowd {
    address: String,
    turns: Semaphore,
    /// How often one has subscribed.
    subscribed: AtomicUsize,
    /// The signal whose end all wait for, once it is known.
    pub(crate) last: OnceLock<String>,
}

/// What one client saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The statuses of each signal, in their order and without repeats.
    signals: BTreeMap<String, Vec<String>>,
    /// Where it began to hear events, and the events it heard.
    pub(crate) begun: Option<u64>,
    pub(crate) events: Vec<u64>,
    epoch: String,
    last_price: Option<Instant>,
    pub(crate) longest_gap: Duration,
    pub(crate) closes: usize,
    /// Ends without the server's Close: it does not wait for ever for who is too slow to answer it.
    pub(crate) cuts: usize,
}

impl Crowd {
    pub(crate) fn new(address: &str) -> Arc<Self> {
        Arc::new(Self {
            address: address.to_owned(),
            turns: Semaphore::new(CONNECTING_MAX),
            subscribed: AtomicUsize::new(0),
            last: OnceLock::new(),
        })
    }

    /// Waits until they have subscribed so often, all together.
    pub(crate) fn wait_for(&self, subscribed: usize) {
        let begun = Instant::now();
        while self.subscribed.load(Ordering::SeqCst) < subscribed {
            assert!(
                begun.elapsed() < PATIENCE,
                "{:?} of {subscribed}",
                self.subscribed
            );
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Comes back whenever it is told to, until it has heard of the end of the last signal.
    pub(crate) async fn follow(self: Arc<Self>, kind: Kind) -> Seen {
        let mut seen = Seen::default();
        loop {
            let Some(mut socket) = self.subscribe(kind, &seen).await else {
                seen.cuts += 1;
                continue;
            };
            self.subscribed.fetch_add(1, Ordering::SeqCst);
            if self.listen(&mut socket, kind, &mut seen).await {
                return seen;
            }
        }
    }

    /// Nobody is refused; but the one that lets in may be about to close everybody.
    async fn subscribe(&self, kind: Kind, seen: &Seen) -> Option<Socket> {
        let _turn = self.turns.acquire().await.expect("a turn");
        let url = format!("ws://{}/ws/signals", self.address);
        let (mut socket, _) = connect_async(url).await.expect("nobody is refused");
        let subscribe = Message::text(seen.subscribe(kind).to_string());
        socket.send(subscribe).await.ok()?;
        Some(socket)
    }

    /// Hears until the connection ends; says whether the end of the last signal was heard.
    async fn listen(&self, socket: &mut Socket, kind: Kind, seen: &mut Seen) -> bool {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    // Most are prices, and 2,000 clients read them here.
                    if text.as_str().starts_with(PRICE) {
                        seen.take_price();
                    } else {
                        seen.take(kind, &serde_json::from_str(text.as_str()).expect("JSON"));
                    }
                    if self.last.get().is_some_and(|last| seen.has_end_of(last)) {
                        return true;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    assert_eq!(frame.map(|frame| frame.code), Some(CloseCode::Restart));
                    seen.closes += 1;
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed)) => return false,
                Some(Err(Error::Io(_))) => {
                    seen.cuts += 1;
                    return false;
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }
}

impl Seen {
    fn subscribe(&self, kind: Kind) -> Value {
        let mut subscribe = json!({"type": "subscribe", "channels": ["signals", "prices"]});
        if kind == Kind::Resuming {
            subscribe["v"] = json!(1);
            subscribe["snapshot"] = json!({"signals": 0, "prices": true});
            if let Some(seq) = self.position() {
                subscribe["since"] = json!({"epoch": self.epoch, "seq": seq});
            }
        }
        subscribe
    }

    /// The highest position heard of.
    fn position(&self) -> Option<u64> {
        self.events.last().copied().or(self.begun)
    }

    pub(crate) fn has_end_of(&self, id: &str) -> bool {
        let told = self.signals.get(id).and_then(|told| told.last());
        told.is_some_and(|status| status == "invalidated")
    }

    fn take_price(&mut self) {
        let now = Instant::now();
        let gap = self.last_price.map_or(Duration::ZERO, |last| now - last);
        self.longest_gap = self.longest_gap.max(gap);
        self.last_price = Some(now);
    }

    fn take(&mut self, kind: Kind, message: &Value) {
        match message["type"].as_str().expect("a type") {
            "subscribed" => self.take_position(message),
            "signal" => {
                if kind == Kind::Resuming {
                    self.take_event(message);
                }
                self.take_signal(&message["payload"]);
            }
            _ => {}
        }
    }

    fn take_position(&mut self, subscribed: &Value) {
        if self.begun.is_some() {
            assert_eq!(subscribed["recovered"], true, "{subscribed}");
            assert_eq!(subscribed["epoch"], self.epoch.as_str(), "{subscribed}");
            return;
        }
        self.begun = subscribed["seq"].as_u64();
        subscribed["epoch"]
            .as_str()
            .expect("an epoch")
            .clone_into(&mut self.epoch);
    }

    /// Each event comes once, in order, and none before it was missed.
    fn take_event(&mut self, event: &Value) {
        let (seq, position) = (event["seq"].as_u64(), self.position());
        assert!(seq > position, "it heard {position:?} before {event}");
        assert!(
            event["prev"].as_u64() <= position,
            "it misses something: {position:?} before {event}"
        );
        self.events.extend(seq);
    }

    fn take_signal(&mut self, payload: &Value) {
        let text = |key: &str| payload[key].as_str().expect("a text").to_owned();
        let (id, status) = (text("id"), text("status"));
        let told = self.signals.entry(id.clone()).or_default();
        if told.last() == Some(&status) {
            return;
        }
        let goes_on = told.last().is_none_or(|last| last == "pending");
        assert!(goes_on, "{id} went from {told:?} to {status}");
        told.push(status);
    }
}
