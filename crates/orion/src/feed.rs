//! The simulated market as a feed: live, and the day before its anchor. Recorded markets are in `recording.rs`.

use crate::clock::Clock;
use crate::config::Config;
use anyhow::Result;
use lab::market::{SimMarket, Ticks};
use market::{Catalog, Event, SourceId, SourceTime, Span, Time};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A live feed that has come this far behind its time has slept (the machine was suspended): it goes on at the present.
const ASLEEP: Span = Span::from_secs(30);
/// The only source of a simulated market.
const SIM: SourceId = SourceId(0);

/// The simulated market of these settings.
#[must_use]
pub fn sim(config: &Config, anchor: SourceTime) -> SimMarket {
    let sim = &config.feed.sim;
    SimMarket::new(sim.seed, anchor, &config.catalog(), sim.rate)
}

/// The ticks of the day before the anchor, with their stamps, from the one after the first `told`.
pub fn history(
    sim: &SimMarket,
    anchor: SourceTime,
    told: u64,
) -> impl Iterator<Item = Result<(Time, Event)>> + use<> {
    let ticks = sim
        .ticks_from(sim.begin())
        .take_while(move |tick| tick.time < anchor);
    let ticks = ticks.skip(usize::try_from(told).unwrap_or(usize::MAX));
    ticks.map(|tick| Ok((tick.time.as_stamp(), Event::Tick(tick))))
}

/// Plays the simulated market in wall-clock time until nobody listens.
pub async fn play_sim(
    sim: SimMarket,
    from: SourceTime,
    clock: Arc<Clock>,
    events: mpsc::Sender<Event>,
) {
    let mut ticks = sim.ticks_from(from);
    while let Some(due) = ticks.next_time() {
        let ahead = due - clock.now().as_source();
        if ahead < Span::ZERO - ASLEEP {
            ticks = sim.ticks_from(clock.now().as_source());
            if events.send(Event::Gap(SIM)).await.is_err() {
                return;
            }
            continue;
        }
        if ahead > Span::ZERO {
            tokio::time::sleep(duration(ahead)).await;
        }
        if send_due(&mut ticks, due, &events).await.is_err() {
            return;
        }
    }
}

async fn send_due(
    ticks: &mut Ticks,
    due: SourceTime,
    events: &mpsc::Sender<Event>,
) -> Result<(), ()> {
    while ticks.next_time() == Some(due)
        && let Some(tick) = ticks.next()
    {
        events.send(Event::Tick(tick)).await.map_err(|_| ())?;
    }
    Ok(())
}

/// What the engine was told of recorded files: that much of them is not told again.
#[must_use]
pub fn told(counts: &engine::Counts) -> u64 {
    counts.ticks + counts.bars
}

/// The symbols of a catalog that are shown, for people.
#[must_use]
pub fn symbols(catalog: &Catalog) -> String {
    let shown = catalog
        .instruments
        .iter()
        .filter(|instrument| instrument.prices);
    shown
        .map(|instrument| instrument.symbol.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A span as the runtime's timers take it; nothing for what is over.
#[must_use]
pub fn duration(span: Span) -> std::time::Duration {
    std::time::Duration::from_nanos(u64::try_from(span.nanos()).unwrap_or(0))
}
