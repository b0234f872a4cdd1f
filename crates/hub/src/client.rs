//! One client: which classes it is in and how far it has read. It owns no messages but the answers to its own, and the
//! piece of a resume that is being written.

use crate::bar_class;
use crate::bars::{BarReplay, Bars};
use crate::classes::ClassId;
use crate::event_class;
use crate::events::Events;
use crate::filter::EventFilter;
use crate::form::{Dialect, Form, Packing};
use crate::frame;
use crate::latest::Cursor;
use crate::window::Snapshot;
use bytes::Bytes;
use market::{Position, Span, Time};
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use wire::tell::Place;

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
    /// What is left of a message that was written in part: it goes first, whatever it is.
    pub(crate) rest: Bytes,
    answers: VecDeque<Bytes>,
    /// What it is given of the past before it goes on with what is new.
    past: VecDeque<Past>,
    /// The class of the events it hears, and the next message wanted of it.
    pub(crate) events: Option<(ClassId, u64)>,
    pub(crate) prices: Option<(ClassId, Cursor)>,
    pub(crate) statuses: Option<(ClassId, Cursor)>,
    /// In a box: few clients hear features.
    pub(crate) features: Option<Box<(ClassId, Cursor)>>,
    /// In a box: few clients hear bars.
    pub(crate) bars: Option<Box<BarPlace>>,
    /// The least time between two prices of a symbol, if it has asked for one.
    pub(crate) interval: Option<Span>,
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

/// A piece of the past.
#[derive(Debug)]
enum Past {
    /// An answer whose place is behind what came before it, and what of it is not written.
    Answer(Bytes),
    /// Prices, and how many they are.
    Prices(Bytes, u64),
    /// Messages, and the first of them that is not written.
    Snapshot(Arc<Snapshot>, usize),
    /// Events that are still to be made messages of.
    Replay(Replay),
    /// Bars, and how many they are.
    Bars(Bytes, u64),
    /// Closed bars that are still to be made messages of.
    BarReplay(BarReplay),
}

/// Events of the recovery window that one client is given.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) filter: EventFilter,
    /// The first and the last `seq` of it.
    pub(crate) from: u64,
    pub(crate) until: u64,
    /// The `seq` of the event that passes before them.
    pub(crate) prev: u64,
}

/// Events or bars of a replay that are made messages of at a time: some tens of KiB.
const REPLAYED_AT_ONCE: usize = 64;

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

    pub(crate) fn answer(&mut self, frame: Vec<u8>, max: usize) -> Answers {
        if self.is_finishing {
            return Answers::Queued;
        }
        if self.answers.len() >= max {
            return Answers::Full;
        }
        self.answers.push_back(Bytes::from(frame));
        Answers::Queued
    }

    /// Nothing but the rest of a cut message and these last frames are due from now on. It has left its classes.
    pub(crate) fn finish(&mut self, last: impl IntoIterator<Item = Vec<u8>>) {
        if self.is_finishing {
            return;
        }
        *self = Self {
            form: self.form,
            rest: std::mem::take(&mut self.rest),
            answers: last.into_iter().map(Bytes::from).collect(),
            is_finishing: true,
            ..Self::default()
        };
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.is_finishing
    }

    pub(crate) fn add_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        if !snapshot.ends.is_empty() {
            self.past.push_back(Past::Snapshot(snapshot, 0));
        }
    }

    pub(crate) fn add_replay(&mut self, replay: Replay) {
        self.past.push_back(Past::Replay(replay));
    }

    /// An answer that goes behind what the client is still owed of the past.
    pub(crate) fn add_answer(&mut self, frame: Vec<u8>) {
        self.past.push_back(Past::Answer(Bytes::from(frame)));
    }

    /// Prices that go behind what is owed before they were asked for.
    pub(crate) fn add_prices(&mut self, frames: &[Vec<u8>]) {
        if !frames.is_empty() {
            let count = frames.len() as u64;
            self.past
                .push_back(Past::Prices(Bytes::from(frames.concat()), count));
        }
    }

    /// Bars that go behind what is owed before they were asked for.
    pub(crate) fn add_bars(&mut self, frames: &[Vec<u8>]) {
        if !frames.is_empty() {
            let count = frames.len() as u64;
            self.past
                .push_back(Past::Bars(Bytes::from(frames.concat()), count));
        }
    }

    pub(crate) fn add_bar_replay(&mut self, replay: BarReplay) {
        if !replay.is_over() {
            self.past.push_back(Past::BarReplay(replay));
        }
    }

    /// No event of the past is owed any more.
    pub(crate) fn forget_events(&mut self) {
        self.past
            .retain(|past| !matches!(past, Past::Snapshot(..) | Past::Replay(_)));
    }

    /// No bar of the past is owed any more.
    pub(crate) fn forget_bars(&mut self) {
        self.past
            .retain(|past| !matches!(past, Past::Bars(..) | Past::BarReplay(_)));
    }

    /// Pieces of the past that are owed.
    pub(crate) fn past_len(&self) -> usize {
        self.past.len()
    }

    /// Something of its own is due: a cut message, an answer, a piece of the past.
    pub(crate) fn has_own(&self) -> bool {
        !self.rest.is_empty() || !self.answers.is_empty() || !self.past.is_empty()
    }

    /// Whether what is new may follow what [`Client::add_own`] adds: no piece of the past lies behind it.
    pub(crate) fn ends_its_past(&self) -> bool {
        self.past.len() <= 1
    }

    /// Makes the next piece of a replay, if it is its turn.
    pub(crate) fn prepare(
        &mut self,
        events: &Events,
        bars: &Bars,
        now: Time,
    ) -> Result<(), Behind> {
        loop {
            let (piece, is_over) = match self.past.front_mut() {
                Some(Past::Replay(replay)) => {
                    let piece = replay.next_piece(self.form.dialect, events, now)?;
                    let piece = (!piece.ends.is_empty()).then(|| Past::Snapshot(piece.into(), 0));
                    (piece, replay.from > replay.until)
                }
                Some(Past::BarReplay(replay)) => {
                    let piece = next_bars(replay, bars, now)?;
                    (piece, replay.is_over())
                }
                Some(Past::Answer(_) | Past::Prices(..) | Past::Snapshot(..) | Past::Bars(..))
                | None => return Ok(()),
            };
            if is_over {
                self.past.pop_front();
            }
            if let Some(piece) = piece {
                self.past.push_front(piece);
            }
        }
    }

    pub(crate) fn add_own<'h>(&'h self, due: &mut Pending<'h>) {
        due.add(&self.rest);
        for answer in &self.answers {
            due.add(answer);
        }
        match self.past.front() {
            Some(Past::Answer(bytes) | Past::Prices(bytes, _) | Past::Bars(bytes, _)) => {
                due.add(bytes);
            }
            Some(Past::Snapshot(snapshot, written)) => {
                due.add(&snapshot.bytes[snapshot.start_of(*written)..]);
            }
            Some(Past::Replay(_) | Past::BarReplay(_)) | None => {}
        }
    }

    /// Moves over what [`Client::add_own`] added and was written; returns the bytes that were written behind that.
    pub(crate) fn take_own(&mut self, bytes: usize, sent: &mut Sent) -> usize {
        let part = bytes.min(self.rest.len());
        let _written = self.rest.split_to(part);
        let bytes = self.take_answers(bytes - part, sent);
        if bytes == 0 {
            return 0;
        }
        let left = match self.past.front_mut() {
            Some(Past::Answer(piece) | Past::Prices(piece, _) | Past::Bars(piece, _)) => {
                let part = bytes.min(piece.len());
                self.rest = piece.split_off(part);
                match self.past.pop_front() {
                    Some(Past::Prices(_, count)) => sent.prices += count,
                    Some(Past::Bars(_, count)) => sent.bars += count,
                    _ => sent.answers += 1,
                }
                bytes - part
            }
            Some(Past::Snapshot(..)) => self.take_snapshot(bytes, sent),
            Some(Past::Replay(_) | Past::BarReplay(_)) | None => bytes,
        };
        if self.past.is_empty() {
            // Most clients have one past in their life.
            self.past = VecDeque::new();
        }
        left
    }

    fn take_answers(&mut self, mut bytes: usize, sent: &mut Sent) -> usize {
        while bytes > 0
            && let Some(answer) = self.answers.pop_front()
        {
            let part = bytes.min(answer.len());
            bytes -= part;
            sent.answers += 1;
            self.rest = answer.slice(part..);
        }
        if self.answers.is_empty() {
            // Most clients ask once in their life: no memory stays for it.
            self.answers = VecDeque::new();
        }
        bytes
    }

    fn take_snapshot(&mut self, bytes: usize, sent: &mut Sent) -> usize {
        let Some(Past::Snapshot(snapshot, written)) = self.past.front_mut() else {
            return bytes;
        };
        let start = snapshot.start_of(*written);
        let part = bytes.min(snapshot.bytes.len() - start);
        let begun = snapshot.begun_at(start + part);
        sent.events += (begun - *written) as u64 * snapshot.messages;
        if part > 0 {
            self.rest = snapshot.bytes.slice(start + part..snapshot.start_of(begun));
        }
        *written = begun;
        if begun == snapshot.ends.len() {
            self.past.pop_front();
        }
        bytes - part
    }
}

/// The next messages of a replay of bars.
fn next_bars(replay: &mut BarReplay, bars: &Bars, now: Time) -> Result<Option<Past>, Behind> {
    let next = bars.replay(replay, REPLAYED_AT_ONCE)?;
    let frames = next.iter().filter_map(|bar| bar_class::frame_of(bar, now));
    let frames: Vec<Vec<u8>> = frames.collect();
    let piece = || Past::Bars(Bytes::from(frames.concat()), frames.len() as u64);
    Ok((!frames.is_empty()).then(piece))
}

impl Replay {
    /// The next messages of it, none at its end.
    fn next_piece(
        &mut self,
        dialect: Dialect,
        events: &Events,
        now: Time,
    ) -> Result<Snapshot, Behind> {
        if !events.has_from(self.from) {
            return Err(Behind);
        }
        let epoch = events.end().epoch;
        let (mut frames, mut next) = (Vec::new(), self.until + 1);
        for (seq, event) in events.between(self.from, self.until, &self.filter) {
            if frames.len() == REPLAYED_AT_ONCE {
                next = seq;
                break;
            }
            let prev = std::mem::replace(&mut self.prev, seq);
            let position = Position { epoch, seq };
            let Some(body) = event.body() else { continue };
            let text = event_class::write(dialect, &body, Place { position, prev }, now);
            frames.push(frame::text(&text));
        }
        self.from = next;
        Ok(Snapshot::of(frames.into_iter()))
    }
}

impl Snapshot {
    /// Where part `number` starts.
    fn start_of(&self, number: usize) -> usize {
        number.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// How many parts have a byte before `position`.
    fn begun_at(&self, position: usize) -> usize {
        let whole = self.ends.partition_point(|&end| end <= position);
        whole + usize::from(self.start_of(whole) < position)
    }
}
