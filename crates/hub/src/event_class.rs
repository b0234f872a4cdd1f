//! What all clients hear of events that hear the same ones in the same words.

use crate::classes::Class;
use crate::events::{Event, Events};
use crate::filter::EventFilter;
use crate::frame;
use crate::log::Log;
use market::{Position, Time};
use wire::tell::{EventBody, Place};

/// In which words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    /// As the product's dashboards know them.
    #[default]
    Plain,
    /// In the envelope of who gave a version.
    Extended,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventKey {
    pub(crate) dialect: Dialect,
    pub(crate) filter: EventFilter,
}

#[derive(Debug)]
pub(crate) struct EventClass {
    key: EventKey,
    /// Each message with the `seq` of its event.
    log: Log<u64>,
    /// The `seq` of the last event that passes.
    last: u64,
}

impl Class for EventClass {
    type Key = EventKey;
    fn key(&self) -> &EventKey {
        &self.key
    }
}

impl EventClass {
    /// It begins at the end of what is known.
    pub(crate) fn new(key: EventKey, events: &Events) -> Self {
        Self {
            last: events.last_before(u64::MAX, &key.filter),
            key,
            log: Log::default(),
        }
    }

    pub(crate) fn log(&self) -> &Log<u64> {
        &self.log
    }
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn take(
        &mut self,
        event: &Event,
        body: &EventBody,
        position: Position,
        now: Time,
        max: usize,
    ) {
        if !self.key.filter.passes(event) {
            return;
        }
        let prev = std::mem::replace(&mut self.last, position.seq);
        let text = write(self.key.dialect, body, Place { position, prev }, now);
        self.log.push(&frame::text(&text), position.seq);
        if self.log.len() > max {
            self.log.forget_oldest();
        }
    }
}

/// An event in the words of a dialect.
pub(crate) fn write(dialect: Dialect, body: &EventBody, place: Place, now: Time) -> String {
    match dialect {
        Dialect::Plain => body.plain(),
        Dialect::Extended => body.placed(place, now),
    }
}
