//! Runs a recording through an engine under a watch: the same steps as a replay's, up to the last recorded event.

use super::watch::Watch;
use crate::replay::Paced;
use engine::{Engine, Output};
use market::{Event, Time};

/// Tells an engine recorded events and the passing of time between them. It ends with the recording or the watch's period:
/// what is open then stays open. Each output is also handed to `told`.
///
/// # Errors
/// What the recording reports.
pub fn run<E, I: Iterator<Item = Result<(Time, Event), E>>>(
    engine: &mut Engine,
    events: I,
    watch: &mut Watch,
    mut told: impl FnMut(Time, &Output),
) -> Result<(), E> {
    let mut paced = Paced::new(events, engine.now());
    let mut out = Vec::new();
    while !paced.is_over() {
        let Some(next) = paced.next(engine.wake_at()) else {
            return Ok(());
        };
        let (at, event) = next?;
        if !watch.is_before_end(&event) {
            return Ok(());
        }
        tell(engine, at, &event, watch, &mut out, &mut told);
    }
    Ok(())
}

/// Tells an engine one event under a watch.
pub fn tell(
    engine: &mut Engine,
    at: Time,
    event: &Event,
    watch: &mut Watch,
    out: &mut Vec<Output>,
    told: &mut impl FnMut(Time, &Output),
) {
    watch.event(event, engine);
    engine.handle(at, event, out);
    watch.closed(engine.just_closed());
    for output in out.drain(..) {
        watch.output(&output);
        told(at, &output);
    }
}
