//! The public dashboard as a pure model: what its page does with what a server sends, at times that are handed in.
//!
//! Measured with the real page in a browser, oddities included; a server has to live with all of them.

use market::{Span, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Cards it holds.
const CARDS_MAX: usize = 50;
/// It gives up when so many attempts are counted.
const ATTEMPTS_MAX: u32 = 10;
/// A pending signal is shown as invalidated this long after its message came, whatever the server says later.
const PATIENCE: Span = Span::from_minutes(5);
/// The only symbols its ticker shows; a wrong price of one of them takes the page down.
const TICKER: [&str; 4] = ["NQ", "MNQ", "ES", "MES"];
/// Close code of a connection that was cut, and of one that never was.
pub(crate) const CUT: u16 = 1006;
/// The close code after which it never comes back.
const NORMAL: u16 = 1000;

/// A socket of the page, by the order in which it made them.
pub(crate) type Socket = u32;

/// What the browser tells the page.
#[derive(Debug)]
pub(crate) enum Heard {
    Opened(Socket),
    /// Refused, or any HTTP answer but 101.
    Failed,
    Message(String),
    Closed(Socket, u16),
}

/// What the page tells the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Connect(Socket),
    Send(Socket, String),
}

#[derive(Debug)]
enum Timer {
    Connect,
    Expire(String),
}

/// A moment, and a number that tells timers of one moment apart.
type TimerKey = (Time, u64);

#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) id: String,
    pub(crate) status: String,
    /// The payload as it came, whole.
    pub(crate) signal: Value,
}

/// The page, from its load on.
#[derive(Debug, Default)]
pub(crate) struct Page {
    attempts: u32,
    timers: BTreeMap<TimerKey, Timer>,
    timers_made: u64,
    /// Where each signal's last five minutes end.
    expiries: BTreeMap<String, TimerKey>,
    sockets_made: Socket,
    open: BTreeSet<Socket>,
    confirmed: BTreeSet<String>,

    /// Newest on top.
    pub(crate) cards: Vec<Card>,
    /// The latest price by symbol.
    pub(crate) prices: BTreeMap<String, Value>,
    /// Signals announced with a sound, in order.
    pub(crate) announced: Vec<String>,
    /// Signals the page gave up on by its own clock.
    pub(crate) expired: Vec<String>,
    /// Attempts that failed so far.
    pub(crate) failures: usize,
    /// It shows invented signals and prices, and calls that connected.
    pub(crate) is_demo: bool,
    /// It shows nothing any more until it is loaded again.
    pub(crate) is_blank: bool,
    /// What a person would see or read in the console that is wrong.
    pub(crate) complaints: Vec<String>,
}

impl Page {
    pub(crate) fn load(out: &mut Vec<Act>) -> Self {
        let mut page = Self::default();
        page.connect(out);
        page
    }

    /// When its next timer is due.
    pub(crate) fn due(&self) -> Option<Time> {
        self.timers.keys().next().map(|(due, _)| *due)
    }

    /// Runs the timers that are due.
    pub(crate) fn pass(&mut self, now: Time, out: &mut Vec<Act>) {
        while let Some(timer) = self
            .timers
            .first_entry()
            .filter(|timer| timer.key().0 <= now)
        {
            match timer.remove() {
                Timer::Connect => {
                    self.attempts += 1;
                    self.connect(out);
                }
                Timer::Expire(id) => self.expire(&id),
            }
        }
    }

    pub(crate) fn hear(&mut self, now: Time, heard: &Heard, out: &mut Vec<Act>) {
        match heard {
            Heard::Opened(socket) => self.opened(*socket, now, out),
            Heard::Failed => {
                self.failures += 1;
                // Two events, and each of them plans: this is how its sockets double.
                self.retry(now);
                self.retry(now);
            }
            Heard::Closed(socket, code) => {
                self.open.remove(socket);
                if *code != NORMAL {
                    self.retry(now);
                }
            }
            Heard::Message(text) => self.message(now, text),
        }
    }

    /// Sockets that are open.
    pub(crate) fn sockets(&self) -> usize {
        self.open.len()
    }

    fn connect(&mut self, out: &mut Vec<Act>) {
        self.sockets_made += 1;
        out.push(Act::Connect(self.sockets_made));
    }

    fn opened(&mut self, socket: Socket, now: Time, out: &mut Vec<Act>) {
        self.open.insert(socket);
        self.attempts = 0;
        // It speaks on the socket it made last, not on the one that opened. While that one is still connecting this is an
        // exception in the page, and nothing is sent.
        let last = self.sockets_made;
        if self.open.contains(&last) {
            out.push(Act::Send(last, subscribe(now)));
        }
    }

    fn retry(&mut self, now: Time) {
        if self.attempts >= ATTEMPTS_MAX {
            self.is_demo = true;
            self.cards.clear();
            return;
        }
        let wait = Span::from_secs(1 << self.attempts);
        self.plan(now + wait, Timer::Connect);
    }

    fn plan(&mut self, at: Time, timer: Timer) -> TimerKey {
        self.timers_made += 1;
        let key = (at, self.timers_made);
        self.timers.insert(key, timer);
        key
    }

    fn message(&mut self, now: Time, text: &str) {
        let Ok(message) = serde_json::from_str::<Value>(text) else {
            return self.complain("a message is not JSON", text);
        };
        let payload = &message["payload"];
        match message["type"].as_str() {
            Some("signal") if payload["id"].is_null() => {
                self.complain("a signal without an id is dropped", text)
            }
            Some("signal") => self.signal(now, payload),
            Some("price_update") if payload["symbol"].is_null() => {
                self.complain("a price of no symbol is dropped", text)
            }
            Some("price_update") => self.price(payload),
            // Whatever else there is, it ignores.
            _ => {}
        }
    }

    fn signal(&mut self, now: Time, signal: &Value) {
        self.look_at(signal);
        let text = |key: &str| {
            signal[key]
                .as_str()
                .map_or_else(|| signal[key].to_string(), str::to_owned)
        };
        let (id, status) = (text("id"), text("status"));
        let card = Card {
            id: id.clone(),
            status: status.clone(),
            signal: signal.clone(),
        };
        match self.cards.iter_mut().find(|card| card.id == id) {
            Some(known) => *known = card,
            None => self.cards.insert(0, card),
        }
        self.cards.truncate(CARDS_MAX);
        if status == "pending" {
            // Timers of earlier messages run on: sending pending again does not give it more time.
            let key = self.plan(now + PATIENCE, Timer::Expire(id.clone()));
            self.expiries.insert(id, key);
        } else if let Some(key) = self.expiries.remove(&id) {
            self.timers.remove(&key);
        }
        self.announce();
    }

    fn expire(&mut self, id: &str) {
        let pending = |card: &&mut Card| card.id == id && card.status == "pending";
        if let Some(card) = self.cards.iter_mut().find(pending) {
            "invalidated".clone_into(&mut card.status);
            self.expired.push(id.to_owned());
        }
        self.announce();
    }

    /// Announces what is confirmed now and was not in the list before this change.
    fn announce(&mut self) {
        let confirmed = self.cards.iter().filter(|card| card.status == "confirmed");
        let confirmed: BTreeSet<String> = confirmed.map(|card| card.id.clone()).collect();
        self.announced
            .extend(confirmed.difference(&self.confirmed).cloned());
        self.confirmed = confirmed;
    }

    fn price(&mut self, price: &Value) {
        let symbol = price["symbol"].as_str().unwrap_or_default().to_owned();
        if TICKER.contains(&symbol.as_str()) && !price["price"].is_number() {
            self.blank("a price of the ticker is no number", price);
        }
        self.prices.insert(symbol, price.clone());
    }

    /// What a card would look like.
    fn look_at(&mut self, signal: &Value) {
        let levels = ["entry_price", "stop_loss"].map(|key| &signal[key]);
        let targets = signal["take_profits"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let is_wrong_price = levels.iter().any(|price| price.is_string())
            || targets.iter().any(|price| !price.is_number());
        if signal["direction"].is_null() || signal["killzone"].is_null() || is_wrong_price {
            self.blank("a signal that the page cannot draw", signal);
        }
        let is = |key: &str, right: fn(&Value) -> bool| right(&signal[key]);
        let rules = [
            (
                "no column for this status",
                is("status", |status| {
                    ["pending", "confirmed", "invalidated"]
                        .iter()
                        .any(|known| status == known)
                }),
            ),
            (
                "Invalid Date",
                is("entry_time", |time| {
                    time.as_str().is_some_and(|time| Time::parse(time).is_ok())
                }),
            ),
            (
                "a confidence that is not 0 to 100 %",
                is("confidence", |part| {
                    part.as_f64()
                        .is_some_and(|part| (0.0..=1.0).contains(&part))
                }),
            ),
            (":1 without a number", is("rr_target", Value::is_number)),
            ("a stray 0 in place of targets", !targets.is_empty()),
            ("made-up labels of targets", is("tp_modes", Value::is_array)),
            ("no levels", levels.iter().all(|price| price.is_number())),
        ];
        for (complaint, _) in rules.into_iter().filter(|(_, right)| !right) {
            self.complain(complaint, &signal.to_string());
        }
    }

    fn blank(&mut self, why: &str, payload: &Value) {
        self.is_blank = true;
        self.complain(why, &payload.to_string());
    }

    fn complain(&mut self, what: &str, text: &str) {
        self.complaints.push(format!("{what}: {text}"));
    }
}

/// The one frame it ever sends.
fn subscribe(now: Time) -> String {
    format!(r#"{{"type":"subscribe","channels":["signals","prices"],"timestamp":"{now}"}}"#)
}
