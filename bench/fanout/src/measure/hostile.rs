//! Some clients are hostile: heads and frames a byte at a time, floods of pings, decompression bombs. The others must hardly
//! notice, and the server must not grow.

use super::{MS, listen, ms, pace};
use crate::attack::Attack;
use crate::figure::{Figure, Figures};
use crate::load::{HANDSHAKES, Load, Rest};
use crate::machine;
use crate::scenario::{Hostile, Size};
use crate::server::Process;
use crate::tally::Tally;
use anyhow::Result;

pub fn run(mut process: Process, hostile: Hostile, size: Size) -> Result<Figures> {
    let bad = size.clients(hostile.clients) / hostile.one_of;
    let good = size.clients(hostile.clients) - bad;
    let mut load = Load::new(Rest::Asleep, process.tls())?;
    load.enter(process.address, good, HANDSHAKES)?;
    let period = hostile.period_ms * MS;
    let bursts = |seconds| size.nanos(seconds, period) / period;
    let (before, begin) = (
        bursts(hostile.seconds_before),
        bursts(hostile.seconds_to_settle),
    );
    let after = bursts(hostile.seconds);
    let pace = pace(hostile.period_ms, hostile.burst, before + begin + after);
    process.publish(pace)?;
    let mut tally = Tally::new(pace, good);
    listen(&mut load, &mut tally, pace.due_at(before) - period / 2)?;
    let p99_before = tally.take_heard().latency.permille(990);

    let attack = Attack::begin(process.address, bad);
    listen(
        &mut load,
        &mut tally,
        pace.due_at(before + begin) - period / 2,
    )?;
    let memory = process.own_memory()?;
    let _not_settled = tally.take_heard();
    listen(&mut load, &mut tally, pace.due_at(before + begin + after))?;
    let p99 = tally.take_heard().latency.permille(990);
    let grown = process.own_memory()?.saturating_sub(memory) as f64;
    let acts = attack.end()?;
    // What was published last is still on its way.
    listen(&mut load, &mut tally, machine::now() + 500 * MS)?;
    Ok(Figures::from([
        (Figure::OthersP99, ms(p99) / ms(p99_before)),
        (Figure::P99, ms(p99)),
        (
            Figure::Missing,
            (tally.missing + tally.outstanding(0..good)) as f64,
        ),
        (Figure::Grown, grown / 1024.0 / 1024.0),
        (Figure::Acts, acts as f64),
    ]))
}
