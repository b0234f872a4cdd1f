//! What all clients hear of events that hear the same ones in the same words.

use crate::classes::Class;
use crate::deflate::Deflater;
use crate::events::{Event, Events};
use crate::filter::EventFilter;
use crate::form::{Dialect, Form, Packing};
use crate::frame;
use crate::log::Log;
use market::{Position, Time};
use wire::tell::{EventBody, Place};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventKey {
    pub(crate) form: Form,
    pub(crate) filter: EventFilter,
}

#[derive(Debug)]
pub(crate) struct EventClass {
    key: EventKey,
    /// Each message, or the first of a group, with the `seq` of its event.
    log: Log<u64>,
    /// Messages that wait to be packed together, and the `seq` of the first.
    waiting: Vec<String>,
    waiting_from: u64,
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
            waiting: Vec::new(),
            waiting_from: 0,
        }
    }

    pub(crate) fn log(&self) -> &Log<u64> {
        &self.log
    }
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn take(&mut self, event: &Event, body: &EventBody, position: Position, now: Time) {
        if !self.key.filter.passes(event) {
            return;
        }
        let prev = std::mem::replace(&mut self.last, position.seq);
        let text = write(self.key.form.dialect, body, Place { position, prev }, now);
        match self.key.form.packing {
            Packing::Single => self.log.push(&frame::text(&text), position.seq),
            Packing::Grouped => {
                if self.waiting.is_empty() {
                    self.waiting_from = position.seq;
                }
                self.waiting.push(text);
            }
        }
    }

    /// The end of a publication: what waits is packed, and what is more than `max` is forgotten.
    pub(crate) fn seal(&mut self, deflater: &mut Deflater, max: usize) {
        if !self.waiting.is_empty() {
            let group = deflater.group(&self.waiting);
            let messages = self.waiting.len() as u64;
            self.log.push_group(&group, messages, self.waiting_from);
            self.waiting.clear();
        }
        while self.log.len() > max {
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
