//! What users feel live: the time from a tick's arrival until the last of 100 clients has the price in its hands, and from
//! the tick that decides a signal until the last of them knows it, the disk's syncs included.
//!
//! `bench-latency [SECONDS]` runs the whole server on a free loopback port and a temporary folder, and each part for so
//! long [30]. Server and clients share this machine: their share of its cores stands under each line.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

mod figures;
mod prices;
mod server;
mod signals;

use anyhow::{Context as _, Result};
use prices::Pace;
use server::Server;
use std::time::Duration;

/// The binary's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(30.0), |text| text.parse());
    let lasts = Duration::try_from_secs_f64(seconds.context("SECONDS must be a number")?)
        .context("SECONDS must be a length of time")?;
    figures::head();
    let mut server = Server::start(0)?;
    let cases = [
        ("a price at rest, 5 ticks/s", Pace::Rest),
        ("a price, 7 symbols x 50/s, apart", Pace::Apart),
        ("a price, 7 symbols x 50/s, together", Pace::Together),
    ];
    for (name, pace) in cases {
        prices::run(name, &mut server, pace, lasts)?;
    }
    server.end()?;
    let mut server = Server::start(1000)?;
    signals::run(&mut server, lasts)?;
    server.end()
}
