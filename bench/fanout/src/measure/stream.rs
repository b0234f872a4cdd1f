//! Everything goes to everybody, and everybody reads.

use super::{MS, Mark, listen, ms, pace};
use crate::figure::{Figure, Figures};
use crate::load::{HANDSHAKES, Load, Rest};
use crate::machine;
use crate::scenario::{Size, Stream};
use crate::server::Process;
use crate::tally::Tally;
use anyhow::Result;

/// What is not measured, at the beginning.
const WARM_MS: u64 = 1000;
/// How long the rest of what was published is waited for.
const PATIENCE: u64 = 3000 * MS;

pub fn run(mut process: Process, stream: Stream, size: Size, rest: Rest) -> Result<Figures> {
    let clients = size.clients(stream.clients);
    let mut load = Load::new(rest, process.tls())?;
    load.enter(process.address, clients, HANDSHAKES)?;
    let period = stream.period_ms * MS;
    let warm = size.nanos(1, period).min(WARM_MS * MS).div_ceil(period);
    let measured = size.nanos(stream.seconds, period) / period;
    let pace = pace(stream.period_ms, stream.burst, warm + measured);
    process.publish(pace)?;
    let mut tally = Tally::new(pace, clients);
    // Halfway between two bursts, so that none is cut.
    let edge = |burst| pace.due_at(burst) - period / 2;
    listen(&mut load, &mut tally, edge(warm))?;
    let begin = Mark::take(&process)?;
    tally.take_heard();
    listen(&mut load, &mut tally, edge(warm + measured))?;
    let end = Mark::take(&process)?;
    let heard = tally.take_heard();
    let patience = machine::now() + PATIENCE;
    while !tally.is_complete() && machine::now() < patience {
        listen(&mut load, &mut tally, machine::now() + 10 * MS)?;
    }
    let wall = (end.at - begin.at) as f64;
    let (server, deliveries) = ((end.server - begin.server) as f64, heard.deliveries as f64);
    let missing = tally.missing + tally.outstanding(0..clients) + tally.disordered;
    Ok(Figures::from([
        (Figure::DeliveryCpu, server / deliveries),
        (Figure::Delivered, deliveries / clients as f64 / wall * 1e9),
        (Figure::Missing, missing as f64),
        (Figure::Last, ms(heard.last.permille(500))),
        (Figure::P50, ms(heard.latency.permille(500))),
        (Figure::P99, ms(heard.latency.permille(990))),
        (Figure::Max, ms(heard.latency.max())),
        (Figure::ServerBusy, server / wall * 100.0),
        (
            Figure::LoadBusy,
            (end.load - begin.load) as f64 / wall * 100.0,
        ),
    ]))
}
