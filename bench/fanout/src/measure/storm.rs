//! All clients lose their connection at the same moment, and come back.

use super::{MS, pace};
use crate::figure::{Figure, Figures};
use crate::load::{Event, HANDSHAKES, Load, Rest, SUBSCRIBE};
use crate::machine;
use crate::scenario::{Size, Storm};
use crate::server::Process;
use anyhow::{Result, bail};

const PERIOD_MS: u64 = 1000;
const BURST: u64 = 7;
/// How long the storm may last, in bursts.
const BURSTS: u64 = 60;
/// So many bursts come before the storm.
const CALM: u64 = 1;

pub fn run(mut process: Process, storm: Storm, size: Size) -> Result<Figures> {
    let clients = size.clients(storm.clients);
    let mut load = Load::new(Rest::Asleep, process.tls())?;
    load.enter(process.address, clients, HANDSHAKES)?;
    let pace = pace(PERIOD_MS, BURST, BURSTS);
    process.publish(pace)?;
    let calm = pace.due_at(CALM) - pace.period / 2;
    while machine::now() < calm {
        load.turn(calm, |_, _| ())?;
    }
    let (cpu, memory) = (process.cpu_nanos()?, process.own_memory()?);
    let cut_at = machine::now();
    load.cut_all()?;
    let gap = size.nanos(storm.back_within_s, MS) / clients as u64;
    let (mut begun, mut served, mut refused) = (0, vec![false; clients], 0);
    let end = pace.due_at(BURSTS);
    while !served.iter().all(|&is| is) {
        let due = (machine::now() - cut_at) / gap;
        while begun < clients && begun as u64 <= due {
            load.begin(begun, process.address, Some(SUBSCRIBE))?;
            begun += 1;
        }
        let next = if begun < clients {
            cut_at + begun as u64 * gap
        } else {
            end
        };
        let mut again = Vec::new();
        load.turn(next.min(end), |place, event| match event {
            Event::Text(_) => served[place] = true,
            Event::Lost(_) | Event::Ended | Event::Close => again.push(place),
            Event::Opened => {}
        })?;
        refused += again.len();
        for place in again {
            load.begin(place, process.address, Some(SUBSCRIBE))?;
        }
        if machine::now() >= end {
            bail!("not all clients had a price again within a minute");
        }
    }
    let took = machine::now() - cut_at;
    let spent = process.cpu_nanos()? - cpu;
    let grown = process.own_memory()?.saturating_sub(memory);
    Ok(Figures::from([
        (Figure::Served, took as f64 / 1e9),
        (Figure::Refused, refused as f64),
        (Figure::HandshakeCpu, spent as f64 / 1e3 / clients as f64),
        (Figure::Memory, grown as f64 / 1024.0 / clients as f64),
    ]))
}
