//! Recorded events and the passing of time between them, for replays and for tapes that are served.
//!
//! Time is the tape's: the stamp is the recorded receive time, or the source's time where none was recorded. No clock
//! reaches the engine, so how fast a tape is played changes nothing.

use engine::{Engine, Output};
use market::{Event, Span, Time};
use std::borrow::Borrow;
use std::fmt;
use std::iter::Peekable;

/// An event as a recording gives it: itself, or where it lies, if it is told more than once.
pub trait Recorded: Borrow<Event> {
    const WAKE: Self;
}

impl Recorded for Event {
    const WAKE: Self = Event::Wake;
}

impl Recorded for &Event {
    const WAKE: Self = &Event::Wake;
}

/// Stamps recorded events, strictly rising, and puts a [`Event::Wake`] between them wherever the engine asked for one.
pub struct Paced<I: Iterator> {
    events: Peekable<I>,
    last: Time,
}

impl<I: Iterator> fmt::Debug for Paced<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl<E, V: Recorded, I: Iterator<Item = Result<(Time, V), E>>> Paced<I> {
    /// Goes on after the stamp `last`; `Time::MIN` for a new beginning.
    pub fn new(events: I, last: Time) -> Self {
        Self {
            events: events.peekable(),
            last,
        }
    }

    /// The stamp that the next event will have, if the engine wants to be woken at `wake`.
    pub fn next_at(&mut self, wake: Option<Time>) -> Option<Time> {
        let recorded = match self.events.peek() {
            Some(Ok((recorded, _))) => Some(*recorded),
            // An error is told at once.
            Some(Err(_)) => return Some(self.last),
            None => None,
        };
        let first = recorded.into_iter().chain(wake).min()?;
        Some(first.max(self.last + Span::from_nanos(1)))
    }

    /// The stamp of what is told beside the recording, after the last event and before the next.
    pub fn beside(&mut self) -> Time {
        self.last = self.last + Span::from_nanos(1);
        self.last
    }

    /// Whether nothing recorded is left: only time passes.
    pub fn is_over(&mut self) -> bool {
        self.events.peek().is_none()
    }

    /// The next event with its stamp: what was recorded, or a wake that comes before it. One that is due at the very time of
    /// what was recorded does not come: time passes with that as well, and so its stamp is the same whoever wants to be woken.
    ///
    /// # Errors
    /// What the recording reports; it gives nothing after that.
    pub fn next(&mut self, wake: Option<Time>) -> Option<Result<(Time, V), E>> {
        let at = self.next_at(wake)?;
        let woken = match self.events.peek() {
            Some(Ok((recorded, _))) => wake.is_some_and(|wake| wake < *recorded),
            Some(Err(_)) => false,
            None => true,
        };
        if woken {
            self.last = at;
            return Some(Ok((at, V::WAKE)));
        }
        let event = self.events.next()?.map(|(_, event)| (at, event));
        self.last = at;
        Some(event)
    }
}

/// When the engine wants to be woken on a tape: as it says, but after the last recorded event only until every pending
/// signal is decided.
pub fn wake_on_tape<E, I: Iterator<Item = Result<(Time, Event), E>>>(
    paced: &mut Paced<I>,
    engine: &Engine,
) -> Option<Time> {
    let waits = engine.open_signals().0 > 0 || !paced.is_over();
    engine.wake_at().filter(|_| waits)
}

/// Runs a recording to its end and hands every output, with its stamp, to `told`.
///
/// # Errors
/// What the recording reports.
pub fn replay<E, I: Iterator<Item = Result<(Time, Event), E>>>(
    engine: &mut Engine,
    events: I,
    mut told: impl FnMut(Time, &Output),
) -> Result<(), E> {
    turn(engine, events, |engine, out| {
        let at = engine.now();
        out.drain(..).for_each(|output| told(at, &output));
    })
}

/// The same, and shows the engine after each event with what followed from it. What is left of that is shown again.
///
/// # Errors
/// What the recording reports.
pub fn turn<E, I: Iterator<Item = Result<(Time, Event), E>>>(
    engine: &mut Engine,
    events: I,
    mut each: impl FnMut(&Engine, &mut Vec<Output>),
) -> Result<(), E> {
    let mut paced = Paced::new(events, engine.now());
    let mut out = Vec::new();
    loop {
        let wake = wake_on_tape(&mut paced, engine);
        let Some(next) = paced.next(wake) else {
            return Ok(());
        };
        let (at, event) = next?;
        engine.handle(at, &event, &mut out);
        each(engine, &mut out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    type Recorded = Result<(Time, Event), Infallible>;

    fn at(nanos: i64) -> Recorded {
        Ok((Time::from_nanos(nanos), Event::Start))
    }

    /// The stamps of everything up to the end; `w` marks wakes.
    fn check(recorded: Vec<Recorded>, last: i64, wakes: &[i64], expected: &str) {
        let mut paced = Paced::new(recorded.into_iter(), Time::from_nanos(last));
        let mut wakes = wakes
            .iter()
            .map(|nanos| Time::from_nanos(*nanos))
            .peekable();
        let mut shown = Vec::new();
        while let Some(next) = paced.next(wakes.peek().copied()) {
            let Ok((at, event)) = next;
            if event == Event::Wake {
                wakes.next();
            }
            shown.push(format!(
                "{}{}",
                at.nanos(),
                if event == Event::Wake { "w" } else { "" }
            ));
        }
        assert_eq!(shown.join(" "), expected);
    }

    #[test]
    fn stamps_rise_strictly() {
        check(
            vec![at(5), at(5), at(5), at(9), at(7)],
            0,
            &[],
            "5 6 7 9 10",
        );
        check(vec![at(5), at(20)], 10, &[], "11 20");
    }

    #[test]
    fn what_is_told_beside_comes_before_what_is_recorded_next() {
        let mut paced = Paced::new(vec![at(5), at(5), at(9)].into_iter(), Time::MIN);
        let mut stamps = Vec::new();
        while let Some(Ok((at, _))) = paced.next(None) {
            stamps.extend([at.nanos(), paced.beside().nanos()]);
        }
        assert_eq!(stamps, [5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn wakes_come_before_what_is_recorded_later_and_after_the_end() {
        check(vec![at(5), at(8)], 0, &[4, 7, 30], "4w 5 7w 8 30w");
    }

    #[test]
    fn a_wake_moves_no_stamp_of_what_is_recorded_at_its_time() {
        check(vec![at(5), at(8)], 0, &[8], "5 8 9w");
    }
}
