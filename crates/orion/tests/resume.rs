//! Resuming, judged from outside: clients whose connections are cut and a server that is killed, again and again, while
//! signals are born and decided. What each client has heard in the end is the journal, each event once and in order.
//!
//! `ORION_TEST_ENDS=1000 cargo test --release -p orion --test resume` ends a thousand connections and servers.

mod support;

use journal::Record;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use support::{Client, Server, key, serve_at, waits};
use tokio::time::Instant;

const CLIENTS: u64 = 4;
/// One end in so many is the server's.
const KILLED: usize = 10;
/// Nothing here may hang a run for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what others do.
const PAUSE: Duration = Duration::from_millis(1);

/// What an event says, apart from its place.
type Said = (String, String);

/// What everybody here knows.
struct World {
    address: String,
    /// Connections that were cut, and servers that were killed.
    ends: AtomicUsize,
    wanted: usize,
    posted: AtomicUsize,
    is_over: AtomicBool,
    /// The last signal, once it is known.
    last: OnceLock<String>,
}

/// What one client has heard.
#[derive(Default)]
struct Heard {
    epoch: Option<String>,
    /// Where it began.
    begun: u64,
    events: BTreeMap<u64, Said>,
    resumed: usize,
}

impl World {
    fn new(wanted: usize) -> Self {
        // A free port that stays the same over restarts.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self {
            address: free.local_addr().expect("an address").to_string(),
            ends: AtomicUsize::new(0),
            wanted,
            posted: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            last: OnceLock::new(),
        }
    }

    fn has_enough(&self) -> bool {
        self.ends.load(Ordering::SeqCst) >= self.wanted
    }

    fn start(&self, data: &Path) -> Server {
        let many = [
            "--set",
            "rules.posted_max_per_day=1000000",
            "--set",
            "feed.bots.rate_per_s=100",
        ];
        Server::start(serve_at(&self.address, data, &many))
            .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
    }

    /// Kills the server while signals are posted, and starts it again, until there were enough ends.
    fn kill_again_and_again(&self, data: &Path, mut server: Server) -> Server {
        for (kills, posts) in (1..).zip(waits(3, 20)) {
            let until = self.posted.load(Ordering::SeqCst) + posts;
            let is_due = || self.ends.load(Ordering::SeqCst) >= kills * KILLED - 1;
            wait(|| self.has_enough() || self.posted.load(Ordering::SeqCst) >= until && is_due());
            if self.has_enough() {
                break;
            }
            server.kill();
            self.ends.fetch_add(1, Ordering::SeqCst);
            server = self.start(data);
        }
        server
    }

    /// Posts signals with such names and takes them back, until all is over; the last of them.
    fn post(&self, token: &str, name: &str) -> String {
        let authorization = format!("Bearer {token}");
        for number in 0.. {
            let mut signal = json!({
                "id": format!("{name}_{number}"), "symbol": "EURUSD", "direction": "long", "reason": "a bot's idea",
                "confidence": 85, "timestamp": "2026-01-01T00:00:00.000Z", "status": "pending",
            });
            self.post_until_taken(&authorization, &signal);
            signal["status"] = json!("invalidated");
            let id = self.post_until_taken(&authorization, &signal);
            self.posted.fetch_add(1, Ordering::SeqCst);
            if self.is_over.load(Ordering::SeqCst) {
                return id;
            }
        }
        unreachable!("numbers do not end")
    }

    /// Whatever was cut is posted again, with the same words: it is taken once.
    fn post_until_taken(&self, authorization: &str, signal: &Value) -> String {
        let headers = [("Authorization", authorization)];
        let body = signal.to_string();
        let mut id = None;
        wait(
            || match support::post(&self.address, "/api/signals", &headers, &body) {
                Ok((200, answer)) => {
                    id = answer["id"].as_str().map(str::to_owned);
                    true
                }
                Ok((429 | 503 | 504, _)) => false,
                // On a slow machine several lives may end before their first price.
                Ok((422, answer)) if is_stale(&answer) => false,
                Ok((status, answer)) => panic!("{status}: {answer}"),
                Err(error) if error.kind() == ErrorKind::TimedOut => panic!("{error}"),
                Err(_) => false,
            },
        );
        id.expect("an id")
    }

    /// Hears events, cuts its own connection now and then, and resumes; until it has heard the end of the last signal.
    fn follow(&self, seed: u64) -> Heard {
        let mut heard = Heard::default();
        let mut lives = waits(seed, 12);
        loop {
            let mut client = None;
            wait(|| {
                client = Client::connect(&self.address).ok();
                client.is_some()
            });
            let mut client = client.expect("a client");
            client.say(&heard.subscribe());
            let events = lives.next().expect("they do not end");
            if self.listen(&mut client, events, &mut heard) {
                return heard;
            }
        }
    }

    /// Says whether the end of the last signal was heard.
    fn listen(&self, client: &mut Client, events: usize, heard: &mut Heard) -> bool {
        let until = heard.events.len() + events;
        while let Some(message) = client.next() {
            heard.take(&message);
            let last = self.last.get();
            if last.is_some_and(|last| heard.has_end_of(last)) {
                return true;
            }
            if heard.events.len() >= until && !self.has_enough() {
                self.ends.fetch_add(1, Ordering::SeqCst);
                return false;
            }
        }
        false
    }
}

impl Heard {
    fn subscribe(&self) -> Value {
        let mut subscribe = json!({
            "type": "subscribe", "v": 1, "channels": ["signals", "outcomes"], "snapshot": {"signals": 0},
        });
        if let Some(epoch) = &self.epoch {
            subscribe["since"] = json!({"epoch": epoch, "seq": self.place()});
        }
        subscribe
    }

    fn place(&self) -> u64 {
        self.events
            .last_key_value()
            .map_or(self.begun, |(seq, _)| *seq)
    }

    fn has_end_of(&self, id: &str) -> bool {
        let ends = |(of, what): &Said| of == id && what == "invalidated";
        self.events.values().rev().any(ends)
    }

    fn take(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("subscribed") => self.take_subscribed(message),
            Some("signal" | "outcome") => self.take_event(message),
            _ => {}
        }
    }

    fn take_subscribed(&mut self, message: &Value) {
        let epoch = message["epoch"].as_str().expect("an epoch");
        if self.epoch.is_none() {
            self.begun = message["seq"].as_u64().expect("a place");
            self.epoch = Some(epoch.to_owned());
            return;
        }
        assert_eq!(self.epoch.as_deref(), Some(epoch), "it is one stream");
        let place = self.place();
        assert_eq!(message["recovered"], true, "from {place}: {message}");
        self.resumed += 1;
    }

    fn take_event(&mut self, message: &Value) {
        let (seq, prev) = (message["seq"].as_u64(), message["prev"].as_u64());
        let place = self.place();
        let seq = seq.expect("a place");
        assert!(seq > place, "it was at {place}, and heard {message}");
        assert!(
            prev.expect("the one before") <= place,
            "{place} is not the one before {message}"
        );
        let body = &message["payload"];
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let what = text("status") + &text("event");
        self.events.insert(seq, (text("id"), what));
    }
}

fn is_stale(refused: &Value) -> bool {
    let error = refused["error"].as_str();
    error.is_some_and(|error| error.contains("is stale"))
}

/// Waits for something that others do.
fn wait(mut is_done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_done() {
        assert!(begun.elapsed() < PATIENCE, "it did not happen");
        thread::park_timeout(PAUSE);
    }
}

/// What the journal has, by its places.
fn kept(market: &Path) -> BTreeMap<u64, Said> {
    let said = |record| match record {
        Record::Signal(signal) => (signal.id.to_string(), signal.status.as_str().to_owned()),
        Record::Outcome(outcome) => (outcome.id.to_string(), outcome.kind.to_string()),
    };
    let records = support::recording::journal(market);
    (1..).zip(records.into_iter().map(said)).collect()
}

#[test]
fn who_resumes_hears_the_journal_each_event_once() {
    let asked = std::env::var("ORION_TEST_ENDS").ok();
    let slow = std::env::var_os("ORION_TEST_SLOW").is_some();
    let wanted = match asked {
        Some(ends) => ends.parse().expect("ORION_TEST_ENDS is a number"),
        None if slow => 200,
        None => 40,
    };
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let token = key(data, "mybot", "bots");
    let world = World::new(wanted);
    let server = world.start(data);
    let heard: Vec<Heard> = thread::scope(|scope| {
        let world = &world;
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|seed| scope.spawn(move || world.follow(seed)))
            .collect();
        let poster = scope.spawn(|| world.post(&token, "sig"));
        let server = world.kill_again_and_again(data, server);
        world.is_over.store(true, Ordering::SeqCst);
        let last = poster.join().expect("the poster");
        world.last.set(last).expect("set once");
        // A client that was about to wait hears of one more.
        world.post(&token, "more");
        let heard = clients
            .into_iter()
            .map(|client| client.join().expect("a client"));
        let heard = heard.collect();
        server.terminate();
        assert_eq!(server.wait(), Some(0));
        heard
    });
    let kept = kept(&data.join("sim-1"));
    let ends = world.ends.load(Ordering::SeqCst);
    let resumed: usize = heard.iter().map(|heard| heard.resumed).sum();
    eprintln!(
        "{ends} ends, {resumed} times resumed, {} events kept",
        kept.len()
    );
    assert!(resumed > wanted / 2, "there was hardly anything to see");
    for (number, heard) in heard.iter().enumerate() {
        let behind: BTreeMap<_, _> = kept
            .range(heard.begun + 1..=heard.place())
            .map(|(seq, said)| (*seq, said.clone()))
            .collect();
        assert_eq!(heard.events, behind, "client {number}");
    }
}
