//! Runs a recording through an engine under a watch: the same steps as a replay's, up to the last recorded event.

use super::watch::Watch;
use crate::replay::{Paced, Recorded};
use engine::{Engine, Output};
use market::{Event, Opinion, Question, Time};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Tells an engine recorded events and the passing of time between them. It ends with the recording or the watch's period:
/// what is open then stays open. Each output is also handed to `told`.
///
/// # Errors
/// What the recording reports.
pub fn run<E, V: Recorded, I: Iterator<Item = Result<(Time, V), E>>>(
    engine: &mut Engine,
    events: I,
    watch: &mut Watch,
    told: impl FnMut(Time, &Output),
) -> Result<(), E> {
    run_asking(engine, events, watch, |_| None, told)
}

/// The same with somebody who answers what models are asked, or has no answer. It is told at once, as a tape tells what a model
/// said: the next event comes after it.
///
/// # Errors
/// As [`run`].
pub fn run_asking<E, V: Recorded, I: Iterator<Item = Result<(Time, V), E>>>(
    engine: &mut Engine,
    events: I,
    watch: &mut Watch,
    mut ask: impl FnMut(&Question) -> Option<Opinion>,
    mut told: impl FnMut(Time, &Output),
) -> Result<(), E> {
    engine.leave_out_found();
    let mut paced = Paced::new(events, engine.now());
    let (mut out, mut questions) = (Vec::new(), VecDeque::new());
    while !paced.is_over() {
        let Some(next) = paced.next(engine.wake_at()) else {
            return Ok(());
        };
        let (mut at, recorded) = next?;
        let mut event = Cow::Borrowed(recorded.borrow());
        if !watch.is_before_end(&event) {
            return Ok(());
        }
        loop {
            tell(engine, at, &event, watch, &mut out, &mut |at, output| {
                if let Output::Question(question) = output {
                    questions.push_back(question.clone());
                }
                told(at, output);
            });
            let Some(opinion) = next_opinion(&mut questions, &mut ask) else {
                break;
            };
            (at, event) = (paced.beside(), Cow::Owned(Event::Opinion(opinion)));
        }
    }
    Ok(())
}

/// What is said to the first of these questions that is answered; those before it are done with.
fn next_opinion(
    questions: &mut VecDeque<Box<Question>>,
    ask: &mut impl FnMut(&Question) -> Option<Opinion>,
) -> Option<Opinion> {
    while let Some(question) = questions.pop_front() {
        if let Some(opinion) = ask(&question) {
            return Some(opinion);
        }
    }
    None
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
