//! What a connection costs, before anything is sent on it.

use super::MS;
use crate::figure::{Figure, Figures};
use crate::load::{Event, HANDSHAKES, Load, Rest};
use crate::machine;
use crate::scenario::Size;
use crate::server::Process;
use anyhow::{Result, bail};

/// Connections that are opened and closed before anything is measured, so that what a server sets up once is there.
const WARM: usize = 500;
/// Connections of a flood that are under way at the same time.
const FLOOD: usize = 1000;
const PATIENCE: u64 = 60_000 * MS;

/// Memory.
pub fn idle(process: Process, clients: usize, size: Size) -> Result<Figures> {
    let clients = size.clients(clients);
    open_and_close(&process, WARM.min(clients))?;
    rest(size);
    let before = process.own_memory()?;
    let mut load = Load::new(Rest::Asleep, process.tls())?;
    load.enter(process.address, clients, FLOOD)?;
    rest(size);
    let grown = process.own_memory()?.saturating_sub(before);
    let each = grown as f64 / 1024.0 / clients as f64;
    Ok(Figures::from([(Figure::Memory, each)]))
}

/// CPU time.
pub fn handshakes(process: Process, count: usize, size: Size) -> Result<Figures> {
    let count = size.clients(count);
    open_and_close(&process, WARM.min(count))?;
    rest(size);
    let before = process.cpu_nanos()?;
    let refused = open_and_close(&process, count)?;
    rest(size);
    let spent = process.cpu_nanos()? - before;
    Ok(Figures::from([
        (Figure::HandshakeCpu, spent as f64 / 1e3 / count as f64),
        (Figure::Refused, refused as f64),
    ]))
}

/// Lets a server tidy up after itself.
fn rest(size: Size) {
    machine::sleep_until(machine::now() + size.nanos(1, MS));
}

/// Lets so many clients come and go in good order, and says how many were not let in.
fn open_and_close(process: &Process, count: usize) -> Result<usize> {
    let mut load = Load::new(Rest::Asleep, process.tls())?;
    let (mut begun, mut gone, mut refused) = (0, 0, 0);
    let until = machine::now() + PATIENCE;
    while gone < count {
        while begun < count && begun - gone < HANDSHAKES {
            load.begin(begun, process.address, None)?;
            begun += 1;
        }
        let mut opened = Vec::new();
        load.turn(until, |place, event| match event {
            Event::Opened => opened.push(place),
            Event::Ended => gone += 1,
            Event::Lost(_) => {
                gone += 1;
                refused += 1;
            }
            Event::Text(_) | Event::Close => {}
        })?;
        for place in opened {
            load.close(place)?;
        }
        if machine::now() >= until {
            bail!("{gone} of {count} handshakes were over within a minute");
        }
    }
    Ok(refused)
}
