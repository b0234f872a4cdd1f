//! Restarts in a row under load: nobody is refused, nothing of a signal is lost, prices hardly pause.
//!
//! `ORION_TEST_CLIENTS=2000 cargo test --release -p orion --test handover restarts -- --nocapture` does it 20 times with 2,000
//! clients and tells the longest time without a price, which is to be below five seconds on a machine that is not busy.

use crate::client::{Crowd, Kind, PATIENCE, Seen};
use crate::line::Line;
use crate::support::{key, serve};
use journal::Record;
use market::Status;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A client hears a price at least so often, restarts or not, also on a busy machine.
const PRICE_GAP_MAX: Duration = Duration::from_secs(30);
const PROBE_EVERY: Duration = Duration::from_millis(10);
const POST_EVERY: Duration = Duration::from_millis(500);
/// A plain client that was away sees in its snapshot whatever was decided meanwhile.
pub(crate) const SNAPSHOT: [&str; 2] = ["--set", "gateway.snapshot_signals=500"];

/// How much is done.
pub(crate) struct Size {
    pub(crate) rounds: usize,
    pub(crate) clients: usize,
}

impl Size {
    /// So many clients as are asked for, else some hundred where slow tests run.
    pub(crate) fn asked() -> Self {
        let clients = std::env::var("ORION_TEST_CLIENTS").ok();
        let clients =
            clients.map(|clients| clients.parse().expect("ORION_TEST_CLIENTS is a number"));
        let is_slow = std::env::var_os("ORION_TEST_SLOW").is_some();
        match (clients, is_slow) {
            (None, false) => Self {
                rounds: 4,
                clients: 40,
            },
            (clients, _) => Self {
                rounds: 20,
                clients: clients.unwrap_or(400),
            },
        }
    }
}

/// Waits for the next turn; says whether all is over, which is when the other end of the channel is gone.
fn is_over(end: &mpsc::Receiver<()>, turn: Duration) -> bool {
    end.recv_timeout(turn) == Err(mpsc::RecvTimeoutError::Disconnected)
}

#[test]
fn restarts_refuse_nobody_and_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let token = key(data, "mybot", "bots");
    let line = Line::start(data, serve(data, &SNAPSHOT));
    let place = Place {
        data,
        address: line.first.address.clone(),
        token,
    };
    under_load(&Size::asked(), place, line, |line, round| {
        line.reload()
            .unwrap_or_else(|reason| panic!("reload {round}: {reason}"));
        Closed::All
    });
}

/// What a round does to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// They are closed, and come back.
    All,
    Nobody,
}

/// A server's data folder, where it is reached, and the key of its bot, which is older than the server.
pub(crate) struct Place<'a> {
    pub(crate) data: &'a Path,
    pub(crate) address: String,
    pub(crate) token: String,
}

/// Clients, a bot that posts and somebody who asks each 10 ms, while rounds go over a server.
pub(crate) fn under_load(
    size: &Size,
    place: Place<'_>,
    mut line: Line,
    mut go: impl FnMut(&mut Line, usize) -> Closed,
) {
    let Place {
        data,
        address,
        token,
    } = place;

    let (probing, no_probes) = mpsc::channel();
    let prober = thread::spawn({
        let address = address.clone();
        move || probe(&address, &no_probes)
    });
    let (posting, no_posts) = mpsc::channel();
    let poster = thread::spawn({
        let address = address.clone();
        move || post_signals(&address, &token, &no_posts)
    });
    let crowd = Crowd::new(&address);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let kinds = [Kind::Plain, Kind::Resuming].into_iter().cycle();
    let clients: Vec<_> = kinds
        .take(size.clients)
        .map(|kind| (kind, runtime.spawn(Arc::clone(&crowd).follow(kind))))
        .collect();
    crowd.wait_for(size.clients);

    let mut subscribed = size.clients;
    for round in 1..=size.rounds {
        if go(&mut line, round) == Closed::All {
            subscribed += size.clients;
        }
        crowd.wait_for(subscribed);
    }
    drop(posting);
    let posted = poster.join().expect("the poster");
    drop(probing);
    let last = posted[posted.len() - 1].clone();
    crowd.last.set(last.clone()).expect("set once");
    let probes = prober.join().expect("nobody is refused");
    let seen: Vec<_> = clients
        .into_iter()
        .map(|(kind, client)| {
            let seen = runtime.block_on(async { timeout(PATIENCE, client).await });
            let seen = seen.expect("every client hears of the last signal");
            (kind, seen.expect("a client"))
        })
        .collect();
    line.end();

    let sum = |of: fn(&Seen) -> usize| seen.iter().map(|(_, seen)| of(seen)).sum::<usize>();
    let gaps = seen.iter().map(|(_, seen)| seen.longest_gap);
    let longest = gaps.max().unwrap_or_default();
    eprintln!(
        "{} restarts, {} clients closed {} times and {} times cut, {probes} probes, {} signals posted, longest price gap {longest:?}",
        size.rounds,
        size.clients,
        sum(|seen| seen.closes),
        sum(|seen| seen.cuts),
        posted.len()
    );
    assert!(
        probes > 10 && !posted.is_empty(),
        "there was hardly anything to see"
    );
    assert!(longest <= PRICE_GAP_MAX, "no price came for {longest:?}");
    let kept = Kept::read(&data.join("sim-1"));
    for id in &posted {
        kept.check_life(id);
    }
    for (number, (kind, seen)) in seen.iter().enumerate() {
        match kind {
            Kind::Plain => {
                for id in &posted {
                    assert!(seen.has_end_of(id), "{id} at client {number}");
                }
            }
            Kind::Resuming => {
                let expected = kept.events(seen.begun.expect("a position"), &last);
                let heard: Vec<_> = seen.events.iter().copied().take(expected.len()).collect();
                assert_eq!(heard, expected, "client {number}");
            }
        }
    }
}

/// Asks for /health on a new connection every 10 ms: how often it was answered, which must be always.
fn probe(address: &str, end: &mpsc::Receiver<()>) -> usize {
    let mut count = 0;
    while !is_over(end, PROBE_EVERY) {
        let answer = ask(address).unwrap_or_else(|error| panic!("probe {count}: {error}"));
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("uptime_s"),
            "probe {count}: {answer:?}"
        );
        count += 1;
    }
    count
}

fn ask(address: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Posts signals and takes them back, each until it is answered; their ids.
fn post_signals(address: &str, token: &str, end: &mpsc::Receiver<()>) -> Vec<String> {
    let authorization = format!("Bearer {token}");
    let mut ids = Vec::new();
    for number in 0.. {
        let mut body = json!({
            "id": format!("sig_{number}"), "symbol": "EURUSD", "direction": "long", "signal_type": "trade",
            "status": "pending", "reason": "a bot's idea", "confidence": 85, "killzone": "London Open",
            "timestamp": "2026-01-01T00:00:00.000Z",
        });
        let id = post_until_taken(address, &authorization, &body);
        body["status"] = json!("invalidated");
        post_until_taken(address, &authorization, &body);
        ids.push(id);
        if is_over(end, POST_EVERY) {
            break;
        }
    }
    ids
}

/// The engine is with nobody for a moment of each restart: a bot is told, and posts again.
fn post_until_taken(address: &str, authorization: &str, body: &Value) -> String {
    let begun = Instant::now();
    loop {
        let headers = [("Authorization", authorization)];
        let (status, answer) =
            crate::support::post(address, "/api/signals", &headers, &body.to_string())
                .expect("no post is refused or cut");
        match status {
            200 => {
                let id = answer["id"].as_str();
                return id.unwrap_or_else(|| panic!("no id in {answer}")).to_owned();
            }
            // The last: it has asked so often that it is told to ask less.
            503 | 504 | 429 => assert!(begun.elapsed() < PATIENCE, "{answer}"),
            other => panic!("{other}: {answer}"),
        }
        thread::park_timeout(PROBE_EVERY);
    }
}

/// The signals of the journal, with their places.
struct Kept(Vec<(u64, String, Status)>);

impl Kept {
    fn read(market: &Path) -> Self {
        let records = (1..).zip(crate::support::recording::journal(market));
        let signals = records.filter_map(|(seq, record)| match record {
            Record::Signal(signal) => Some((seq, signal.id.to_string(), signal.status)),
            Record::Outcome(_) => None,
        });
        Self(signals.collect())
    }

    /// However often it was posted, it was born once, and ended once.
    fn check_life(&self, id: &str) {
        let of_it = self.0.iter().filter(|(_, other, _)| other == id);
        let life: Vec<_> = of_it.map(|(_, _, status)| *status).collect();
        assert_eq!(life, [Status::Pending, Status::Invalidated], "{id}");
    }

    /// Where the events of signals lie, behind a position and up to the end of a signal.
    fn events(&self, begun: u64, last: &str) -> Vec<u64> {
        let is_end =
            |(_, id, status): &&(u64, String, Status)| id == last && *status == Status::Invalidated;
        let end = self.0.iter().find(is_end).expect("the last signal").0;
        let places = self.0.iter().map(|(seq, _, _)| *seq);
        places
            .filter(|seq| (begun + 1..=end).contains(seq))
            .collect()
    }
}
