//! The newest events of the one stream, as what they are: from here a client that resumes is served, and one whose filter
//! changes.

use crate::filter::EventFilter;
use market::{Outcome, Position, Signal};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::tell::EventBody;

#[derive(Clone, Debug)]
pub(crate) enum Event {
    Signal(Arc<Signal>),
    Outcome(Arc<Outcome>),
}

impl Event {
    /// What is told of it; `None` where it may not be told, which is judged when it is published.
    pub(crate) fn body(&self) -> Option<EventBody> {
        match self {
            Self::Signal(signal) => EventBody::signal(signal).ok(),
            Self::Outcome(outcome) => Some(EventBody::outcome(outcome)),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Events {
    /// By `seq`.
    kept: VecDeque<(u64, Event)>,
    /// Where the stream stands.
    end: Position,
    /// Every event behind this `seq` is kept.
    whole_after: u64,
    max: usize,
}

impl Events {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            end: Position::default(),
            whole_after: 0,
            max,
        }
    }

    /// Where the stream stands.
    pub(crate) fn end(&self) -> Position {
        self.end
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The stream stands at `position`, whether its event may be told or not. Another epoch is another stream, of which
    /// nothing before is known.
    pub(crate) fn step_to(&mut self, position: Position) {
        if self.end.epoch != position.epoch {
            self.kept.clear();
            self.whole_after = position.seq.saturating_sub(1);
        }
        self.end = position;
    }

    /// The stream stands at `position`, and nothing before is known of it, or of what lies between the last one kept and it.
    pub(crate) fn begin_at(&mut self, position: Position) {
        self.kept.clear();
        self.whole_after = position.seq;
        self.end = position;
    }

    /// Takes the event at the place that [`Events::step_to`] was told last.
    pub(crate) fn push(&mut self, event: Event) {
        self.kept.push_back((self.end.seq, event));
        if self.kept.len() > self.max
            && let Some((seq, _)) = self.kept.pop_front()
        {
            self.whole_after = seq;
        }
    }

    /// Whether every event behind `position` is kept.
    pub(crate) fn reaches(&self, position: Position) -> bool {
        self.end.epoch == position.epoch
            && (self.whole_after..=self.end.seq).contains(&position.seq)
    }

    /// Whether every event from `seq` on is kept.
    pub(crate) fn has_from(&self, seq: u64) -> bool {
        seq > self.whole_after
    }

    /// Those with `from <= seq <= until` that pass.
    pub(crate) fn between<'a>(
        &'a self,
        from: u64,
        until: u64,
        filter: &'a EventFilter,
    ) -> impl Iterator<Item = (u64, &'a Event)> {
        let start = self.kept.partition_point(|(seq, _)| *seq < from);
        let after = self.kept.range(start..);
        after
            .take_while(move |(seq, _)| *seq <= until)
            .filter(|(_, event)| filter.passes(event))
            .map(|(seq, event)| (*seq, event))
    }

    /// The `seq` of the last event before `seq` that passes; 0 where none is kept.
    pub(crate) fn last_before(&self, seq: u64, filter: &EventFilter) -> u64 {
        let end = self.kept.partition_point(|(of, _)| *of < seq);
        let before = self.kept.range(..end).rev();
        before
            .clone()
            .find(|(_, event)| filter.passes(event))
            .map_or(0, |(seq, _)| *seq)
    }
}
