//! A signal's way, to disk and to the clients' hands: from just before the tick that decides it enters the loop's queue.
//!
//! A simulated day is told as fast as it can be, with the source's times of the past. A second engine hears each tick
//! first and says whether it decides anything. Such a tick is held back until the server rests, and then timed. Deadlines
//! follow the server's own stamps and do not come into it: every verdict here is the market's.

use crate::figures::{self, Waits};
use crate::server::Server;
use anyhow::{Context as _, Result, bail};
use engine::{Engine, Output};
use market::{Event, Signal, SourceTime, Span, Status, Time};
use orion::{feed, recording};
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The simulated market's first start: the same each time, so that every run times the same signals.
const ANCHOR: &str = "2026-03-04T12:00:00Z";
/// The server has nothing to do any more this long after its queue is empty.
const REST: Duration = Duration::from_millis(20);
/// How long a signal is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const SYNCS: usize = 100;

/// Tells the market for so long, counted from its first signal, and prints how long births and verdicts took.
pub fn run(server: &mut Server, lasts: Duration) -> Result<()> {
    let sim = feed::sim(&server.config, SourceTime::parse(ANCHOR)?);
    let mut oracle = Oracle::new(server)?;
    let (mut births, mut verdicts) = (Waits::default(), Waits::default());
    let mut until = None;
    for tick in sim.ticks_from(sim.begin()) {
        let event = Event::Tick(tick);
        let decided = oracle.hear(&event);
        if decided.is_empty() {
            server
                .events
                .blocking_send(event)
                .context("hand a tick to the server")?;
            continue;
        }
        time(server, event, &decided, &mut births, &mut verdicts)?;
        let until = *until.get_or_insert_with(|| Instant::now() + lasts);
        if Instant::now() >= until && births.len() > 0 && verdicts.len() > 0 {
            break;
        }
    }
    let (born, judged) = (births.len(), verdicts.len());
    figures::line("a signal's birth, journaled", births, born);
    figures::line("a signal's verdict, journaled", verdicts, judged);
    figures::plain_line("an fdatasync alone, in that folder", syncs(server)?);
    Ok(())
}

/// Sends a tick that decides something to a server at rest, and waits until every client knows all of it.
fn time(
    server: &mut Server,
    event: Event,
    decided: &[Signal],
    births: &mut Waits,
    verdicts: &mut Waits,
) -> Result<()> {
    while server.events.capacity() < server.events.max_capacity() {
        sleep(Duration::from_millis(1));
    }
    sleep(REST);
    while server.crowd.next(Duration::ZERO)?.is_some() {}
    let sent = Instant::now();
    server
        .events
        .blocking_send(event)
        .context("hand a tick to the server")?;
    let mut open: Vec<&Signal> = decided.iter().collect();
    while !open.is_empty() {
        let Some(heard) = server.crowd.next(PATIENCE)? else {
            bail!("the server did not tell what it had to: {open:?}");
        };
        let Some((id, status)) = signal_in(&heard.text)? else {
            continue;
        };
        let place = open
            .iter()
            .position(|signal| signal.id.to_string() == id && signal.status.as_str() == status);
        let Some(place) = place else {
            bail!("the server told {id} {status} and not {open:?}");
        };
        let waits = match open.swap_remove(place).status {
            Status::Pending => &mut *births,
            Status::Confirmed | Status::Invalidated => &mut *verdicts,
        };
        waits.add(sent, heard.first, heard.last);
    }
    Ok(())
}

/// Id and status of a signal; `None` when the message is no signal.
fn signal_in(text: &str) -> Result<Option<(String, String)>> {
    let message: serde_json::Value = serde_json::from_str(text).context("read a message")?;
    let field = |name: &str| {
        message["payload"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    Ok((message["type"] == "signal").then(|| (field("id"), field("status"))))
}

/// An engine that hears what the server's will hear.
struct Oracle {
    engine: Engine,
    at: Time,
    out: Vec<Output>,
}

impl Oracle {
    fn new(server: &Server) -> Result<Self> {
        let settings = recording::engine_settings(&server.config)?;
        let mut oracle = Self {
            engine: Engine::new(Arc::new(settings)),
            at: Time::from_nanos(0),
            out: Vec::new(),
        };
        oracle.hear(&Event::Start);
        Ok(oracle)
    }

    /// What follows for signals. Its time hardly passes, so nothing ever falls due.
    fn hear(&mut self, event: &Event) -> Vec<Signal> {
        self.at = self.at + Span::from_nanos(1);
        self.engine.handle(self.at, event, &mut self.out);
        let mut signals = Vec::new();
        for output in self.out.drain(..) {
            if let Output::Signal(signal) = output {
                signals.push(*signal);
            }
        }
        signals
    }
}

/// What the disk alone takes: the sync of a small append, in the folder the server writes to. On a signal's way lie two, the
/// tape's and the journal's.
fn syncs(server: &Server) -> Result<Vec<Duration>> {
    let path = server.folder().join("syncs");
    let mut file = File::create(&path).with_context(|| format!("make {}", path.display()))?;
    let mut took = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&[b'x'; 4096])?;
        // A disk and a core that have rested answer later than busy ones, and signals come to such.
        sleep(REST);
        let began = Instant::now();
        file.sync_data()?;
        took.push(began.elapsed());
    }
    Ok(took)
}
