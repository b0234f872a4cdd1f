//! Some clients stop reading. The others must not notice, and the server must not hold much for those who stopped.

use super::{MS, listen, ms, pace};
use crate::figure::{Figure, Figures};
use crate::load::{Event, HANDSHAKES, Load, Rest};
use crate::machine;
use crate::message::Message;
use crate::scenario::{Size, Stopped};
use crate::server::Process;
use crate::sockets::Watch;
use crate::tally::Tally;
use anyhow::Result;
use std::collections::BTreeSet;

pub fn run(mut process: Process, stopped: Stopped, size: Size) -> Result<Figures> {
    let clients = size.clients(stopped.clients);
    let slow = clients / stopped.one_of;
    let mut load = Load::new(Rest::Asleep, process.tls())?;
    load.enter(process.address, clients, HANDSHAKES)?;
    let addresses: Result<BTreeSet<_>> = (0..slow).map(|place| load.local_address(place)).collect();
    let addresses = addresses?;
    let period = stopped.period_ms * MS;
    let before = size.nanos(stopped.seconds_before, period) / period;
    let after = size.nanos(stopped.seconds, period) / period;
    let pace = pace(stopped.period_ms, stopped.burst, before + after);
    process.publish(pace)?;
    let mut tally = Tally::new(pace, clients);

    // Watched before too, since watching costs the load's core something.
    let watch = Watch::begin(process.address, addresses.clone());
    let stop_at = pace.due_at(before) - period / 2;
    listen(&mut load, &mut tally, stop_at)?;
    let p99_before = tally.take_heard().latency.permille(990);
    watch.end()?;

    let memory = process.own_memory()?;
    for place in 0..slow {
        load.stop_reading(place)?;
    }
    let watch = Watch::begin(process.address, addresses);
    listen(&mut load, &mut tally, pace.due_at(before + after))?;
    let p99 = tally.take_heard().latency.permille(990);
    let seen = watch.end()?;
    // What was published last is still on its way.
    listen(&mut load, &mut tally, machine::now() + 500 * MS)?;
    let grown = process.own_memory()?.saturating_sub(memory) as f64;
    let missing = tally.missing + tally.outstanding(slow..clients);
    let let_be = count_let_be(&mut load, slow, size)?;

    let closed = seen.all_gone_at.map(|at| at.saturating_sub(stop_at));
    let held = seen.held_max as f64 + grown / slow as f64;
    Ok(Figures::from([
        (Figure::OthersP99, ms(p99) / ms(p99_before)),
        (Figure::P99, ms(p99)),
        (Figure::Missing, missing as f64),
        (Figure::LetBe, let_be as f64),
        (Figure::Closed, ms(closed) / 1e3),
        (Figure::Held, held / 1024.0),
    ]))
}

/// Lets those who stopped read what there is for them, and counts those that get it all, however late.
fn count_let_be(load: &mut Load, slow: usize, size: Size) -> Result<usize> {
    for place in 0..slow {
        load.read_again(place)?;
    }
    let mut last = vec![None; slow];
    let mut is_let_be = vec![true; slow];
    let until = machine::now() + size.nanos(3, MS);
    while machine::now() < until {
        load.turn(until, |place, event| {
            if place >= slow {
                return;
            }
            match event {
                Event::Text(text) => {
                    let number = Message::read(text).map(|message| message.number);
                    let expected = last[place].and_then(|last: u64| last.checked_add(1));
                    is_let_be[place] &= expected.is_none() || number == expected;
                    last[place] = number;
                }
                Event::Close | Event::Ended | Event::Lost(_) => is_let_be[place] = false,
                Event::Opened => {}
            }
        })?;
    }
    Ok(is_let_be.into_iter().filter(|&is| is).count())
}
