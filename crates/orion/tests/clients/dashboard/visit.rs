//! A modelled page on real sockets and on a real clock, or on a tape's.

use super::model::{Act, CUT, Heard, Page, Socket};
use crate::support::Seen;
use futures_util::{SinkExt as _, StreamExt as _};
use market::{Span, Time};
use orion::clock::{self, Clock};
use orion::feed::duration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// Longest wait for what is asked for, unless told otherwise: nothing here may hang a run for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the page's clock is.
enum PageClock {
    Wall(Clock),
    /// The newest time of a price.
    Tape(Time),
}

/// A message and when it came.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Time,
    pub(crate) message: Value,
}

/// A loaded page; its sockets end with it.
pub(crate) struct Visit {
    address: String,
    page: Page,
    clock: PageClock,
    sockets: JoinSet<()>,
    speak: BTreeMap<Socket, UnboundedSender<String>>,
    tell: UnboundedSender<Heard>,
    told: UnboundedReceiver<Heard>,
    seen: Seen,
    /// Every message so far.
    pub(crate) heard: Vec<Arrival>,
    /// The codes of connections that ended.
    pub(crate) codes: Vec<u16>,
    /// Longest wait for what is asked for.
    pub(crate) patience: Duration,
}

impl Visit {
    pub(crate) fn load(address: &str) -> Self {
        Self::with(
            address,
            PageClock::Wall(Clock::new(clock::Machine, Time::MIN)),
        )
    }

    /// A page whose five minutes are those of the tape that the server plays.
    pub(crate) fn load_on_tape_time(address: &str) -> Self {
        Self::with(address, PageClock::Tape(Time::MIN))
    }

    fn with(address: &str, clock: PageClock) -> Self {
        let (tell, told) = unbounded_channel();
        let mut acts = Vec::new();
        let mut visit = Self {
            address: address.to_owned(),
            page: Page::load(&mut acts),
            clock,
            sockets: JoinSet::new(),
            speak: BTreeMap::new(),
            tell,
            told,
            seen: Seen::default(),
            heard: Vec::new(),
            codes: Vec::new(),
            patience: PATIENCE,
        };
        visit.carry_out(acts);
        visit
    }

    pub(crate) fn page(&self) -> &Page {
        &self.page
    }

    pub(crate) fn now(&self) -> Time {
        match &self.clock {
            PageClock::Wall(clock) => clock.now(),
            PageClock::Tape(time) => *time,
        }
    }

    /// Goes on until the page is as is waited for.
    pub(crate) async fn until(&mut self, what: &str, mut done: impl FnMut(&Page) -> bool) {
        let patience = self.patience;
        let waiting = async {
            while !done(&self.page) {
                self.step().await;
            }
        };
        let came = timeout(patience, waiting).await.is_ok();
        assert!(
            came,
            "{what} did not come; failed attempts: {}, codes: {:?}",
            self.page.failures, self.codes
        );
    }

    /// Goes on until a message after the first `past` ones is as is waited for.
    pub(crate) async fn until_heard(
        &mut self,
        what: &str,
        past: usize,
        mut is_it: impl FnMut(&Value) -> bool,
    ) {
        let (mut looked, patience) = (past, self.patience);
        let waiting = async {
            loop {
                if self.heard[looked..]
                    .iter()
                    .any(|heard| is_it(&heard.message))
                {
                    return;
                }
                looked = self.heard.len();
                self.step().await;
            }
        };
        let came = timeout(patience, waiting).await.is_ok();
        assert!(
            came,
            "{what} did not come; {} messages did",
            self.heard.len()
        );
    }

    /// Goes on for so long.
    pub(crate) async fn listen(&mut self, time: Span) {
        let listening = async {
            loop {
                self.step().await;
            }
        };
        let _: Result<(), _> = timeout(duration(time), listening).await;
    }

    /// Nothing of what came would look wrong, and the page never had to judge a signal by itself.
    pub(crate) fn check_health(&self) {
        assert!(!self.page.is_blank && !self.page.is_demo);
        assert_eq!(self.page.complaints, [""; 0]);
        assert_eq!(
            self.page.expired, [""; 0],
            "signals without a verdict within five minutes"
        );
    }

    /// One thing that the page hears, or the next of its timers.
    async fn step(&mut self) {
        let due = self
            .page
            .due()
            .filter(|_| matches!(self.clock, PageClock::Wall(_)));
        let wait = due.map_or(PATIENCE, |due| duration(due - self.now()));
        let mut acts = Vec::new();
        if let Ok(Some(heard)) = timeout(wait, self.told.recv()).await {
            self.note(&heard);
            let now = self.now();
            self.page.hear(now, &heard, &mut acts);
        }
        let now = self.now();
        self.page.pass(now, &mut acts);
        self.carry_out(acts);
    }

    fn note(&mut self, heard: &Heard) {
        match heard {
            Heard::Message(text) => {
                let message: Value = serde_json::from_str(text).expect("JSON");
                self.seen.take(&message);
                if let PageClock::Tape(time) = &mut self.clock
                    && message["type"] == "price_update"
                {
                    let shown = message["payload"]["timestamp"].as_str().expect("a time");
                    *time = (*time).max(Time::parse(shown).expect("a time"));
                }
                self.heard.push(Arrival {
                    at: self.now(),
                    message,
                });
            }
            Heard::Closed(_, code) => self.codes.push(*code),
            Heard::Opened(_) | Heard::Failed => {}
        }
    }

    fn carry_out(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Connect(socket) => {
                    let (speak, said) = unbounded_channel();
                    self.speak.insert(socket, speak);
                    self.sockets.spawn(connection(
                        self.address.clone(),
                        socket,
                        said,
                        self.tell.clone(),
                    ));
                }
                Act::Send(socket, text) => {
                    let _ = self.speak[&socket].send(text);
                }
            }
        }
    }
}

/// A browser's WebSocket: says what the page says, and tells the page all it hears until the connection is over.
async fn connection(
    address: String,
    socket: Socket,
    mut said: UnboundedReceiver<String>,
    tell: UnboundedSender<Heard>,
) {
    let connected = tokio_tungstenite::connect_async(format!("ws://{address}/ws/signals")).await;
    let Ok((mut stream, _)) = connected else {
        let _ = tell.send(Heard::Failed);
        return;
    };
    let _ = tell.send(Heard::Opened(socket));
    let mut code = CUT;
    loop {
        tokio::select! {
            Some(text) = said.recv() => {
                if stream.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            read = stream.next() => match read {
                Some(Ok(Message::Text(text))) => {
                    let _ = tell.send(Heard::Message(text.to_string()));
                }
                // No code in it is 1005.
                Some(Ok(Message::Close(frame))) => code = frame.map_or(1005, |frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break,
            },
        }
    }
    let _ = tell.send(Heard::Closed(socket, code));
}
