//! One run of one server in one scenario.

mod connections;
mod hostile;
mod stopped;
mod storm;
mod stream;

use crate::figure::Figures;
use crate::load::{Event, Load, Rest};
use crate::machine;
use crate::message::Message;
use crate::pace::Pace;
use crate::scenario::{Kind, Size};
use crate::server::{Process, Server, Workshop};
use crate::sockets;
use crate::tally::Tally;
use anyhow::{Result, bail};

/// Why nobody can be measured in this way, if so.
pub fn lacks(kind: Kind) -> Option<String> {
    match kind {
        Kind::Stopped(_) => sockets::lacks(),
        Kind::Stream(_)
        | Kind::Idle { .. }
        | Kind::Handshakes { .. }
        | Kind::Hostile(_)
        | Kind::Storm(_) => None,
    }
}

pub fn run(
    workshop: &Workshop,
    server: Server,
    kind: Kind,
    size: Size,
    rest: Rest,
) -> Result<Figures> {
    let process = workshop.start(server)?;
    match kind {
        Kind::Stream(stream) => stream::run(process, stream, size, rest),
        Kind::Idle { clients } => connections::idle(process, clients, size),
        Kind::Handshakes { count } => connections::handshakes(process, count, size),
        Kind::Stopped(stopped) => stopped::run(process, stopped, size),
        Kind::Hostile(hostile) => hostile::run(process, hostile, size),
        Kind::Storm(storm) => storm::run(process, storm, size),
    }
}

const MS: u64 = 1_000_000;
/// From the moment a server is told a pace until its first burst is due.
const LEAD: u64 = 300 * MS;

fn pace(period_ms: u64, burst: u64, bursts: u64) -> Pace {
    Pace {
        start: machine::now() + LEAD,
        period: period_ms * MS,
        burst,
        count: bursts,
    }
}

/// Notes what the clients hear until then.
fn listen(load: &mut Load, tally: &mut Tally, until: u64) -> Result<()> {
    let mut has_left = false;
    while machine::now() < until {
        // All that one client had waiting is taken in one read: one look at the clock is enough for it.
        let mut now = machine::now();
        let mut at = usize::MAX;
        load.turn(until, |place, event| match event {
            Event::Text(text) => {
                if place != at {
                    (now, at) = (machine::now(), place);
                }
                match Message::read(text) {
                    Some(message) => tally.take(place, message, now),
                    None => has_left = true,
                }
            }
            Event::Close | Event::Ended | Event::Lost(_) => has_left = true,
            Event::Opened => {}
        })?;
        if has_left {
            bail!("a client was closed, or told something that is not a message of this benchmark");
        }
    }
    Ok(())
}

/// How much CPU time was spent when.
struct Mark {
    at: u64,
    server: u64,
    load: u64,
}

impl Mark {
    fn take(process: &Process) -> Result<Self> {
        Ok(Self {
            at: machine::now(),
            server: process.cpu_nanos()?,
            load: machine::cpu_nanos(std::process::id())?,
        })
    }
}

fn ms(nanos: Option<u64>) -> f64 {
    nanos.map_or(f64::NAN, |nanos| nanos as f64 / 1e6)
}
