//! One client: which classes it is in and how far it has read. What is due to it alone is in `own.rs`.

use crate::bars::{BarReplay, Bars};
use crate::classes::ClassId;
use crate::events::Events;
use crate::form::{Form, Packing};
use crate::latest::Cursor;
use crate::own::{Own, Past, Replay};
use crate::window::Snapshot;
use bytes::Bytes;
use market::Time;
use std::ops::Deref;
use std::sync::Arc;

/// A client's place in the hub, given by [`crate::Hub::join`]. Used again after it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub(crate) u32);

impl ClientId {
    /// For a table beside the hub's: dense, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answers {
    Queued,
    /// It asks more than it reads: as many answers as are allowed lie unsent, and this one was not added.
    Full,
}

/// Messages of which at least the first byte was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Signals, and outcomes where they are heard.
    pub events: u64,
    pub prices: u64,
    pub statuses: u64,
    pub bars: u64,
    pub features: u64,
    /// Answers, protocol pings and pongs, Close.
    pub answers: u64,
    pub bytes: SentBytes,
}

/// Bytes that were written, by what they are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentBytes {
    pub events: usize,
    pub prices: usize,
    pub statuses: usize,
    pub bars: usize,
    pub features: usize,
    /// Made for one client alone: answers, snapshots, replays, and what was left of a message that was cut.
    pub own: usize,
}

/// The client is further behind than its events, or its closed bars, are kept. They are never skipped: close it, and let it
/// come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client is further behind than its events and bars are kept")]
pub struct Behind;

const SLICES_MAX: usize = 32;

/// What is due to a client: slices to be written in this order. When there is more than fits, it is the beginning of it.
#[derive(Debug)]
pub struct Pending<'h> {
    slices: [&'h [u8]; SLICES_MAX],
    count: usize,
}

impl<'h> Pending<'h> {
    /// The most slices there are.
    pub const MAX: usize = SLICES_MAX;

    pub(crate) const fn new() -> Self {
        Self {
            slices: [&[]; Self::MAX],
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, slice: &'h [u8]) {
        if !slice.is_empty() && self.count < Self::MAX {
            self.slices[self.count] = slice;
            self.count += 1;
        }
    }
}

impl<'h> Deref for Pending<'h> {
    type Target = [&'h [u8]];
    fn deref(&self) -> &[&'h [u8]] {
        &self.slices[..self.count]
    }
}

#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) form: Form,
    /// What is due to it alone, in a box: a client at rest has nothing.
    own: Option<Box<Own>>,
    /// The class of the events it hears, and the next message wanted of it.
    pub(crate) events: Option<(ClassId, u64)>,
    pub(crate) prices: Option<(ClassId, Cursor)>,
    /// In boxes, as bars are: few clients hear them.
    pub(crate) statuses: Option<Box<(ClassId, Cursor)>>,
    pub(crate) features: Option<Box<(ClassId, Cursor)>>,
    pub(crate) bars: Option<Box<BarPlace>>,
    /// The least time between two prices of a symbol, if it has asked for one.
    pub(crate) interval_ms: Option<u32>,
    /// Prices left out for it alone.
    pub(crate) folded: u64,
    /// Events that it was owed are forgotten: it cannot be served without a gap any more.
    pub(crate) is_behind: bool,
    /// Its Close is queued: nothing may follow that.
    is_finishing: bool,
}

/// One client's place among bars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarPlace {
    pub(crate) class: ClassId,
    /// The next closed bar that is wanted of the class.
    pub(crate) next: u64,
    pub(crate) forming: Cursor,
    /// Closed bars that it was owed are forgotten, as events may be.
    pub(crate) is_behind: bool,
}

impl Client {
    pub(crate) fn new(packing: Packing) -> Self {
        Self {
            form: Form {
                packing,
                ..Form::default()
            },
            ..Self::default()
        }
    }

    pub(crate) fn status_place(&self) -> Option<(ClassId, Cursor)> {
        self.statuses.as_deref().copied()
    }

    /// What is due to it alone; something must be added to what is borrowed here.
    fn own(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    pub(crate) fn answer(&mut self, frame: Vec<u8>, max: usize) -> Answers {
        if self.is_finishing {
            return Answers::Queued;
        }
        if self.has_room_for_answer(max) {
            self.own().answer(frame);
            Answers::Queued
        } else {
            Answers::Full
        }
    }

    fn has_room_for_answer(&self, max: usize) -> bool {
        self.own.as_ref().map_or(0, |own| own.answers_len()) < max
    }

    /// Nothing but the rest of a cut message and these last frames are due from now on. It has left its classes.
    pub(crate) fn finish(&mut self, last: impl IntoIterator<Item = Vec<u8>>) {
        if self.is_finishing {
            return;
        }
        let own = self.own.take().unwrap_or_default().finish(last);
        *self = Self {
            form: self.form,
            own: (!own.is_empty()).then(|| Box::new(own)),
            is_finishing: true,
            ..Self::default()
        };
    }

    pub(crate) fn has_answers(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.answers_len() > 0)
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.is_finishing
    }

    pub(crate) fn add_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        if !snapshot.ends.is_empty() {
            self.own().add(Past::Snapshot(snapshot, 0));
        }
    }

    pub(crate) fn add_replay(&mut self, replay: Replay) {
        self.own().add(Past::Replay(replay));
    }

    /// An answer that goes behind what the client is still owed of the past.
    pub(crate) fn add_answer(&mut self, frame: Vec<u8>) {
        self.own().add(Past::Answer(Bytes::from(frame)));
    }

    /// Prices that go behind what is owed before they were asked for.
    pub(crate) fn add_prices(&mut self, frames: &[Vec<u8>]) {
        if !frames.is_empty() {
            let count = frames.len() as u64;
            let frames = Bytes::from(frames.concat());
            self.own().add(Past::Prices(frames, count));
        }
    }

    /// Bars that go behind what is owed before they were asked for.
    pub(crate) fn add_bars(&mut self, frames: &[Vec<u8>]) {
        if !frames.is_empty() {
            let count = frames.len() as u64;
            let frames = Bytes::from(frames.concat());
            self.own().add(Past::Bars(frames, count));
        }
    }

    pub(crate) fn add_bar_replay(&mut self, replay: BarReplay) {
        if !replay.is_over() {
            self.own().add(Past::BarReplay(replay));
        }
    }

    /// No event of the past is owed any more.
    pub(crate) fn forget_events(&mut self) {
        self.forget(|past| matches!(past, Past::Snapshot(..) | Past::Replay(_)));
    }

    /// No bar of the past is owed any more.
    pub(crate) fn forget_bars(&mut self) {
        self.forget(|past| matches!(past, Past::Bars(..) | Past::BarReplay(_)));
    }

    fn forget(&mut self, is_forgotten: impl Fn(&Past) -> bool) {
        if let Some(own) = &mut self.own {
            own.forget(is_forgotten);
            self.free_own();
        }
    }

    /// Gives the memory back where nothing of its own is due any more.
    fn free_own(&mut self) {
        if self.own.as_ref().is_some_and(|own| own.is_empty()) {
            self.own = None;
        }
    }

    /// Pieces of the past that are owed.
    pub(crate) fn past_len(&self) -> usize {
        self.own.as_ref().map_or(0, |own| own.past_len())
    }

    /// Something of its own is due: a cut message, an answer, a piece of the past.
    pub(crate) fn has_own(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.is_empty())
    }

    /// Whether what is new may follow what [`Client::add_own`] adds: no piece of the past lies behind it.
    pub(crate) fn ends_its_past(&self) -> bool {
        self.past_len() <= 1
    }

    /// Makes the next piece of a replay, if it is its turn.
    pub(crate) fn prepare(
        &mut self,
        events: &Events,
        bars: &Bars,
        now: Time,
    ) -> Result<(), Behind> {
        let dialect = self.form.dialect;
        let Some(own) = &mut self.own else {
            return Ok(());
        };
        let prepared = own.prepare(dialect, events, bars, now);
        self.free_own();
        prepared
    }

    pub(crate) fn add_own<'h>(&'h self, due: &mut Pending<'h>) {
        if let Some(own) = &self.own {
            own.add_to(due);
        }
    }

    /// Moves over what [`Client::add_own`] added and was written; returns the bytes that were written behind that.
    pub(crate) fn take_own(&mut self, bytes: usize, sent: &mut Sent) -> usize {
        let Some(own) = &mut self.own else {
            return bytes;
        };
        let left = own.take(bytes, sent);
        self.free_own();
        left
    }

    /// A message was cut: what is left of it goes first.
    pub(crate) fn keep_rest(&mut self, rest: Bytes) {
        if !rest.is_empty() {
            self.own().keep_rest(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There may be a hundred thousand of them: what one takes at rest is part of what the hub promises.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_client_at_rest_takes_little() {
        assert!(size_of::<Option<Client>>() <= 104);
        assert!(size_of::<Option<(ClassId, Cursor)>>() <= 32);
    }

    #[test]
    fn nothing_stays_of_what_was_due_to_it_alone() {
        let mut client = Client::new(Packing::Single);
        assert!(!client.has_own());
        assert_eq!(client.answer(vec![1, 2, 3], 1), Answers::Queued);
        client.add_answer(vec![4, 5]);
        assert!(client.has_own());
        let mut sent = Sent::default();
        assert_eq!(client.take_own(4, &mut sent), 0);
        assert!(client.own.is_some(), "a byte is left");
        assert_eq!(client.take_own(3, &mut sent), 2);
        assert!(client.own.is_none());
        assert_eq!(sent.answers, 2);
        client.add_prices(&[]);
        client.add_snapshot(Arc::default());
        client.keep_rest(Bytes::new());
        assert!(client.own.is_none());
        client.add_bars(&[vec![1]]);
        client.forget_bars();
        assert!(client.own.is_none());
    }
}
