//! The protocol: what is said when, and what each answer means. No input or output, and no clock but the outlet's.
//!
//! The server greets, takes the key, then subscriptions. A refused subscription is answered with a bare `not authorized`
//! that names nothing, and one to what the cluster does not publish is not answered at all; so one at a time is in flight.

use super::decode::{Bad, Element, decode};
use super::quiet::Quiet;
use super::ticker::Ticker;
use super::{Cluster, KEY_VARIABLES};
use crate::health::{Coverage, Phase};
use crate::inbox::Outlet;
use crate::supervise::End;
use access::Secret;
use market::{Price, SourceTime, Tick};

/// One connection's conversation.
pub(super) struct Talk<'a> {
    cluster: Cluster,
    tickers: &'a [Ticker],
    key: &'a Secret,
    outlet: &'a Outlet,
    stage: Stage,
    /// By ticker.
    asked: Vec<Asked>,
    quiet: Vec<Quiet>,
    outbox: Vec<String>,
    /// Counts the steps forward; each has its own deadline.
    steps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server is to speak first.
    Greeting,
    /// The key is being looked at.
    Key,
    /// The subscription of this ticker is in flight.
    Subscribing(usize),
    /// Every subscription was answered, or was given up.
    Settled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Waiting,
    Confirmed,
    Refused,
    Unanswered,
}

impl<'a> Talk<'a> {
    pub(super) fn new(
        cluster: Cluster,
        tickers: &'a [Ticker],
        key: &'a Secret,
        outlet: &'a Outlet,
    ) -> Self {
        Self {
            cluster,
            tickers,
            key,
            outlet,
            stage: Stage::Greeting,
            asked: vec![Asked::Waiting; tickers.len()],
            quiet: vec![Quiet::new(outlet.now()); tickers.len()],
            outbox: Vec::new(),
            steps: 0,
        }
    }

    /// What is to be sent, in order. The key is among it.
    pub(super) fn take_outbox(&mut self) -> Vec<String> {
        std::mem::take(&mut self.outbox)
    }

    /// The number of the step that an answer is awaited for, if one is.
    pub(super) fn awaits(&self) -> Option<u32> {
        (self.stage != Stage::Settled).then_some(self.steps)
    }

    /// Whether prices flow, or may.
    pub(super) fn is_live(&self) -> bool {
        self.asked.contains(&Asked::Confirmed)
    }

    /// A frame came.
    pub(super) fn hear(&mut self, frame: &str) -> Option<End> {
        let mut end = None;
        decode(frame, |element| {
            if end.is_none() {
                end = self.element(element);
            }
        });
        end
    }

    /// Something came that holds no text: an answer to a ping.
    pub(super) fn life(&self) {
        self.outlet.life();
    }

    fn element(&mut self, element: Result<Element<'_>, Bad<'_>>) -> Option<End> {
        match element {
            Ok(Element::Quote {
                pair,
                bid,
                ask,
                time,
            }) => self.price(&pair, |_| (bid, ask), time),
            Ok(Element::Value {
                ticker,
                value,
                time,
            }) => self.price(&ticker, |ticker| ticker.around(value), time),
            Ok(Element::Status { status, message }) => {
                self.outlet.life();
                self.status(&status, &message)
            }
            Ok(Element::Other) => {
                self.outlet.life();
                None
            }
            Err(bad) => {
                let place = bad.ticker.as_deref().and_then(|name| self.place(name));
                let id = place.map(|place| self.tickers[place].id);
                self.outlet
                    .malformed(id, bad.text.as_bytes(), &self.key.cut_from(&bad.why));
                None
            }
        }
    }

    fn place(&self, data: &str) -> Option<usize> {
        let mut tickers = self.tickers.iter();
        tickers.position(|ticker| ticker.names.data == data)
    }

    fn price(
        &mut self,
        name: &str,
        sides: impl Fn(&Ticker) -> (Price, Price),
        time: SourceTime,
    ) -> Option<End> {
        let Some(place) = self.place(name) else {
            self.outlet.life();
            return None;
        };
        // What is sent is subscribed to, whether the confirmation came or not.
        let end = self.answered(place, Asked::Confirmed);
        let ticker = &self.tickers[place];
        let (bid, ask) = sides(ticker);
        let now = self.outlet.now();
        let tick = Tick {
            instrument: ticker.id,
            bid,
            ask,
            volume: None,
            time,
            received: Some(now),
        };
        self.quiet[place].broken(now);
        if let Err(reason) = self.outlet.tick(tick) {
            tracing::trace!(topic = ticker.names.topic, %reason, "a price was turned away");
        }
        end
    }

    fn status(&mut self, status: &str, message: &str) -> Option<End> {
        let message = self.key.cut_from(message);
        match status {
            "connected" if self.stage == Stage::Greeting => {
                self.say_key();
                None
            }
            "auth_success" if self.stage == Stage::Key => {
                self.outlet.phase(Phase::Subscribing);
                self.subscribe_next()
            }
            "success" => {
                let topic = message.trim().strip_prefix("subscribed to:")?.trim();
                let place = self.place_of_topic(topic)?;
                self.answered(place, Asked::Confirmed)
            }
            "error" => self.refused(&message),
            "auth_failed" => Some(End::fatal(
                format!("Massive does not take the key: {message}"),
                format!("check {}", KEY_VARIABLES[0]),
            )),
            "max_connections" => Some(contested(&message)),
            "slow_consumer" => Some(End::transient(format!(
                "Massive cut us off as too slow: {message}"
            ))),
            "auth_timeout" | "force_disconnect" => {
                Some(End::transient(format!("Massive ended it: {message}")))
            }
            // Among them `connected` and `auth_success` out of turn.
            _ => {
                tracing::info!(source = %self.outlet.name(), status, message, "Massive says");
                None
            }
        }
    }

    /// `EUR-USD` and `EUR/USD` are the same to Massive.
    fn place_of_topic(&self, topic: &str) -> Option<usize> {
        let topic = topic.replace('-', "/");
        let mut tickers = self.tickers.iter();
        tickers.position(|ticker| ticker.names.topic == topic)
    }

    fn say_key(&mut self) {
        self.outlet.phase(Phase::Authenticating);
        self.stage = Stage::Key;
        self.say("auth", self.key.reveal());
    }

    fn say(&mut self, action: &str, params: &str) {
        self.steps += 1;
        let message = serde_json::json!({"action": action, "params": params});
        self.outbox.push(message.to_string());
    }

    /// An error names nothing: it is about what is in flight.
    fn refused(&mut self, message: &str) -> Option<End> {
        match self.stage {
            Stage::Subscribing(place) => {
                let why = format!("{message}: the plan of this key does not include it");
                self.tell_refused(place, why);
                self.answered(place, Asked::Refused)
            }
            Stage::Greeting | Stage::Key => Some(End::fatal(
                format!("Massive refuses the connection: {message}"),
                self.plan(),
            )),
            Stage::Settled => {
                tracing::warn!(source = %self.outlet.name(), message, "Massive tells an error");
                None
            }
        }
    }

    fn plan(&self) -> &'static str {
        match self.cluster {
            Cluster::Forex => {
                "WebSockets are on paid plans only: the key needs Currencies with real-time data"
            }
            Cluster::Indices => {
                "WebSockets are on paid plans only: the key needs Indices with real-time data"
            }
        }
    }

    fn tell_refused(&self, place: usize, why: String) {
        let ticker = &self.tickers[place];
        tracing::warn!(source = %self.outlet.name(), topic = ticker.names.topic, why, "not subscribed");
        self.outlet.coverage(ticker.id, Coverage::Refused(why));
    }

    fn answered(&mut self, place: usize, answer: Asked) -> Option<End> {
        if answer == Asked::Confirmed && self.asked[place] != Asked::Confirmed {
            self.outlet
                .coverage(self.tickers[place].id, Coverage::Confirmed);
            self.outlet.began();
            self.quiet[place] = Quiet::new(self.outlet.now());
        }
        if self.asked[place] != Asked::Confirmed {
            self.asked[place] = answer;
        }
        match self.stage {
            Stage::Subscribing(in_flight) if in_flight == place => self.subscribe_next(),
            Stage::Subscribing(_) | Stage::Greeting | Stage::Key | Stage::Settled => None,
        }
    }

    fn subscribe_next(&mut self) -> Option<End> {
        let waiting = self.asked.iter().position(|asked| *asked == Asked::Waiting);
        if let Some(place) = waiting {
            self.stage = Stage::Subscribing(place);
            let topic = &self.tickers[place].names.topic;
            self.say("subscribe", topic);
            return None;
        }
        self.stage = Stage::Settled;
        (!self.is_live()).then(|| self.nothing())
    }

    /// No symbol at all was confirmed.
    fn nothing(&self) -> End {
        if self.asked.contains(&Asked::Unanswered) {
            return End::transient("Massive answered no subscription");
        }
        End::fatal("Massive refuses every symbol", self.plan())
    }

    /// No answer came in time to what [`Talk::awaits`] one.
    pub(super) fn late(&mut self) -> Option<End> {
        match self.stage {
            Stage::Greeting => Some(End::transient("Massive did not greet")),
            Stage::Key => Some(End::transient("Massive did not answer to the key")),
            Stage::Subscribing(place) => {
                let path = self.cluster.path();
                let why = format!("no answer: the {path} cluster does not publish it");
                self.tell_refused(place, why);
                self.answered(place, Asked::Unanswered)
            }
            Stage::Settled => None,
        }
    }

    /// The connection is gone; vendors repeat keys in the strangest places.
    pub(super) fn lost(&self, why: &str) -> End {
        let why = self.key.cut_from(why);
        End::transient(format!("the connection was lost: {why}"))
    }

    /// Says a word about confirmed symbols of which nothing comes; to be called every minute.
    pub(super) fn watch(&mut self) {
        let now = self.outlet.now();
        for place in 0..self.tickers.len() {
            let confirmed = self.asked[place] == Asked::Confirmed;
            if confirmed && self.quiet[place].is_odd(self.cluster, now) {
                let topic = &self.tickers[place].names.topic;
                tracing::warn!(source = %self.outlet.name(), topic, "confirmed, and nothing comes though its market is open: Massive confirms misspelt tickers too; check its name at Massive");
            }
        }
    }
}

fn contested(message: &str) -> End {
    End::Contested {
        reason: format!("another connection uses this key and pushed ours out: {message}"),
        remedy: "Massive takes one connection per key and market: stop the other program, or use a key of its own".to_owned(),
    }
}
