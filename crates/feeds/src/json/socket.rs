//! One connection to a described WebSocket source: welcome, login, subscriptions by name, prices, pings, and its own deadlines.
//! A task of its own only reads; what it read waits in a bounded queue, and a full queue holds the vendor back.

use super::Json;
use super::decode::Found;
use super::form::Is;
use super::tell::{Do, Teller};
use super::template::Into;
use crate::health::Phase;
use crate::inbox::Outlet;
use crate::net::{self, Socket};
use crate::supervise::End;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use market::InstrumentId;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

/// Frames that may wait between reading and parsing.
const WAITING_MAX: usize = 1024;
/// Frames that are taken at once.
const BATCH: usize = 256;
/// Later than anything.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the reader read.
#[derive(Debug)]
enum Frame {
    Text(Utf8Bytes),
    Unreadable(Bytes),
    /// A ping or pong of the protocol.
    Sign,
    Closed(String),
}

/// How a connection went.
pub(super) struct Outcome {
    pub(super) end: End,
    /// How long it was live, if it was, and whether the vendor closed it.
    pub(super) live: Option<Duration>,
    pub(super) closed_by_vendor: bool,
}

/// Connects and stays until the connection is over.
pub(super) async fn run(json: &Json, outlet: &Outlet) -> Outcome {
    let headers = json.headers();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let socket = match net::websocket(&json.address(), &headers).await {
        Ok(socket) => socket,
        Err(end) => {
            return Outcome {
                end: json.cut_end(end),
                live: None,
                closed_by_vendor: false,
            };
        }
    };
    let (sink, stream) = socket.split();
    let (frames, queue) = mpsc::channel(WAITING_MAX);
    // The reader ends with this set, whichever way this function is left.
    let mut reader = JoinSet::new();
    reader.spawn(read(stream, frames));
    let mut session = Session::new(json, outlet, sink);
    let end = session.run(queue).await;
    Outcome {
        end: json.cut_end(end),
        live: session.live_since.map(|since| since.elapsed()),
        closed_by_vendor: session.closed_by_vendor,
    }
}

async fn read(mut stream: SplitStream<Socket>, frames: mpsc::Sender<Frame>) {
    while let Some(read) = stream.next().await {
        let frame = match read {
            Ok(Message::Text(text)) => Frame::Text(text),
            // Some vendors send JSON as binary.
            Ok(Message::Binary(bytes)) => {
                Utf8Bytes::try_from(bytes.clone()).map_or(Frame::Unreadable(bytes), Frame::Text)
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => Frame::Sign,
            Ok(Message::Close(close)) => Frame::Closed(closed(close)),
            Err(error) => Frame::Closed(format!("the connection broke: {error}")),
        };
        let is_last = matches!(frame, Frame::Closed(_));
        if frames.send(frame).await.is_err() || is_last {
            return;
        }
    }
}

fn closed(close: Option<CloseFrame>) -> String {
    match close {
        Some(close) => format!(
            "the source closed the connection: {} {}",
            close.code, close.reason
        ),
        None => "the source closed the connection without a reason".to_owned(),
    }
}

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Welcome,
    Login,
    Subscribed,
}

struct Session<'a> {
    json: &'a Json,
    teller: Teller<'a>,
    outlet: &'a Outlet,
    sink: SplitSink<Socket, Message>,
    stage: Stage,
    found: Vec<Found>,
    /// Until when the vendor must have answered; until when it must have shown life; when to ping; when to ask again.
    answer_at: Instant,
    silence_at: Instant,
    ping_at: Instant,
    retry_at: Instant,
    live_since: Option<Instant>,
    closed_by_vendor: bool,
}

impl<'a> Session<'a> {
    fn new(json: &'a Json, outlet: &'a Outlet, sink: SplitSink<Socket, Message>) -> Self {
        let never = Instant::now() + NEVER;
        Self {
            json,
            teller: Teller::new(json, outlet),
            outlet,
            sink,
            stage: Stage::Welcome,
            found: Vec::new(),
            answer_at: never,
            silence_at: after(json.description.form.silence_s),
            ping_at: never,
            retry_at: never,
            live_since: None,
            closed_by_vendor: false,
        }
    }

    async fn run(&mut self, queue: mpsc::Receiver<Frame>) -> End {
        match self.converse(queue).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn converse(
        &mut self,
        mut queue: mpsc::Receiver<Frame>,
    ) -> Result<std::convert::Infallible, End> {
        self.open().await?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                count = queue.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        self.closed_by_vendor = true;
                        return Err(End::transient("the connection is gone"));
                    }
                    for frame in batch.drain(..) {
                        self.frame(frame).await?;
                    }
                }
                () = sleep_until(self.silence_at) => {
                    let seconds = self.json.description.form.silence_s;
                    return Err(End::transient(format!("nothing came for {seconds} s")));
                }
                () = sleep_until(self.answer_at) => self.unanswered()?,
                () = sleep_until(self.ping_at) => self.ping().await?,
                () = sleep_until(self.retry_at) => self.ask_again().await?,
            }
        }
    }

    /// The first step: wait where the vendor says welcome, else go on at once.
    async fn open(&mut self) -> Result<(), End> {
        if let Some(ping) = &self.json.description.form.ping {
            self.ping_at = after(ping.every_s);
        }
        if self.json.expects(Is::Welcome) {
            self.answer_at = self.answer_deadline();
            return Ok(());
        }
        self.log_in().await
    }

    async fn log_in(&mut self) -> Result<(), End> {
        let Some(login) = &self.json.description.form.login else {
            return self.subscribe_all().await;
        };
        self.outlet.phase(Phase::Authenticating);
        self.send(self.json.fill(&login.send, &[], Into::Json))
            .await?;
        if !self.json.expects(Is::Authenticated) {
            return self.subscribe_all().await;
        }
        self.stage = Stage::Login;
        self.answer_at = self.answer_deadline();
        Ok(())
    }

    async fn subscribe_all(&mut self) -> Result<(), End> {
        self.stage = Stage::Subscribed;
        self.outlet.phase(Phase::Subscribing);
        let all: Vec<_> = self.json.symbols.iter().map(|(id, _)| id).collect();
        self.subscribe(&all).await
    }

    async fn subscribe(&mut self, ids: &[InstrumentId]) -> Result<(), End> {
        let form = &self.json.description.form;
        if let Some(subscribe) = &form.subscribe {
            for text in self.json.texts(&subscribe.send, ids, Into::Json) {
                self.send(text).await?;
            }
        }
        self.answer_at = Instant::now() + NEVER;
        if self.json.expects(Is::Confirmed) {
            self.teller.waiting.extend(ids);
            self.answer_at = self.answer_deadline();
        }
        if form.retry_refused_s > 0.0 {
            self.retry_at = after(form.retry_refused_s);
        }
        Ok(())
    }

    async fn frame(&mut self, frame: Frame) -> Result<(), End> {
        match frame {
            Frame::Text(text) => return self.text(&text).await,
            Frame::Unreadable(bytes) => self.outlet.malformed(None, &bytes, "it is no text"),
            Frame::Sign => self.heard(),
            Frame::Closed(reason) => {
                self.closed_by_vendor = true;
                return Err(End::Transient { reason });
            }
        }
        Ok(())
    }

    async fn text(&mut self, text: &str) -> Result<(), End> {
        let mut found = std::mem::take(&mut self.found);
        self.json.decoder.decode(text, None, &mut found);
        // Rubbish is no sign of life.
        if found
            .iter()
            .any(|found| !matches!(found, Found::Malformed { .. }))
        {
            self.silence_at = after(self.json.description.form.silence_s);
        }
        if found
            .iter()
            .any(|found| matches!(found, Found::Life { .. } | Found::Unknown))
        {
            self.begin_without_confirmation();
        }
        for found in found.drain(..) {
            match self.teller.tell(found, text) {
                Do::Nothing => {}
                Do::Begin if self.stage == Stage::Welcome => self.log_in().await?,
                Do::Subscribe if self.stage == Stage::Login => self.subscribe_all().await?,
                Do::Begin | Do::Subscribe => {}
                Do::Answer(answer) => self.send(answer).await?,
                Do::Finish(end) => return Err(end),
            }
        }
        if self.teller.is_live && self.live_since.is_none() {
            self.live_since = Some(Instant::now());
        }
        self.found = found;
        Ok(())
    }

    fn heard(&mut self) {
        self.silence_at = after(self.json.description.form.silence_s);
        self.outlet.life();
    }

    /// A vendor that confirms nothing is live with its first sign of life after the subscriptions.
    fn begin_without_confirmation(&mut self) {
        if self.stage == Stage::Subscribed
            && !self.json.expects(Is::Confirmed)
            && !self.teller.is_all_refused()
        {
            self.teller.began();
        }
    }

    fn unanswered(&mut self) -> Result<(), End> {
        let seconds = self.json.description.form.answer_within_s;
        let what = match self.stage {
            Stage::Welcome => "no welcome",
            Stage::Login => "no answer to the login",
            Stage::Subscribed if !self.teller.is_live && self.teller.refused.is_empty() => {
                "no answer to the subscriptions"
            }
            Stage::Subscribed => {
                for id in std::mem::take(&mut self.teller.waiting) {
                    self.teller
                        .refuse(id, format!("no answer within {seconds} s"));
                }
                self.answer_at = Instant::now() + NEVER;
                return Ok(());
            }
        };
        Err(End::transient(format!("{what} within {seconds} s")))
    }

    async fn ping(&mut self) -> Result<(), End> {
        let Some(ping) = &self.json.description.form.ping else {
            return Ok(());
        };
        self.ping_at = after(ping.every_s);
        match &ping.send {
            Some(send) => self.send(self.json.fill(send, &[], Into::Json)).await,
            None => self.send_message(Message::Ping(Bytes::new())).await,
        }
    }

    /// Some vendors refuse a good symbol for a while (finnhubio/Finnhub-API#472): it is asked for again, slowly.
    async fn ask_again(&mut self) -> Result<(), End> {
        self.retry_at = after(self.json.description.form.retry_refused_s);
        let refused: Vec<_> = self.teller.refused.iter().copied().collect();
        if refused.is_empty() {
            return Ok(());
        }
        self.subscribe(&refused).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        self.send_message(Message::text(text)).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        let within = span(self.json.description.form.answer_within_s);
        match timeout(within, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(End::transient(format!("cannot send: {error}"))),
            Err(_) => Err(End::transient("the source takes nothing any more")),
        }
    }

    fn answer_deadline(&self) -> Instant {
        after(self.json.description.form.answer_within_s)
    }
}

pub(super) fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(NEVER)
}

fn after(seconds: f64) -> Instant {
    Instant::now() + span(seconds)
}
