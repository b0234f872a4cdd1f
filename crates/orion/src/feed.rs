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

/// What is left of recorded events once so many ticks and bars were told. What lies between them, such as gaps, is not
/// counted: what follows the last one told comes again, and says nothing new.
pub fn after_told(
    events: impl Iterator<Item = (Time, Event)>,
    told: u64,
) -> impl Iterator<Item = (Time, Event)> {
    let mut left = told;
    events.skip_while(move |(_, event)| {
        let was_told = left > 0;
        left = left.saturating_sub(u64::from(matches!(event, Event::Tick(_) | Event::Bar(_))));
        was_told
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use market::{InstrumentId, Price, Tick};

    #[test]
    fn a_recording_goes_on_after_its_ticks_whatever_lies_between_them() {
        let tick = |second: i64| {
            let at = Time::from_secs(second);
            let price = Price::from_units(second);
            let tick = Tick {
                instrument: InstrumentId(0),
                bid: price,
                ask: price,
                volume: None,
                time: at.as_source(),
                received: None,
            };
            (at, Event::Tick(tick))
        };
        let life = |second| (Time::from_secs(second), Event::Life(SIM));
        let events = [tick(1), life(2), life(3), tick(4), life(5), tick(6)];
        let left = |told| {
            let left = after_told(events.iter().cloned(), told);
            left.map(|(at, _)| at.millis() / 1000).collect::<Vec<_>>()
        };
        assert_eq!(left(0), [1, 2, 3, 4, 5, 6]);
        assert_eq!(left(1), [2, 3, 4, 5, 6]);
        assert_eq!(left(2), [5, 6]);
        assert_eq!(left(3), [] as [i64; 0]);
    }
}
