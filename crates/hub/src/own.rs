//! What is due to one client alone: what is left of a message that was cut, answers to what it asked, and the piece of the
//! past that it is being given.

use crate::bar_class;
use crate::bars::{BarReplay, Bars};
use crate::client::{Behind, Pending, Sent};
use crate::event_class;
use crate::events::Events;
use crate::filter::EventFilter;
use crate::form::Dialect;
use crate::frame;
use crate::window::Snapshot;
use bytes::Bytes;
use market::{Position, Time};
use std::collections::VecDeque;
use std::sync::Arc;
use wire::tell::Place;

/// Held only while it is not empty.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// What is left of a message that was written in part: it goes first, whatever it is.
    rest: Bytes,
    answers: VecDeque<Bytes>,
    /// What the client is given of the past before it goes on with what is new.
    past: VecDeque<Past>,
}

/// A piece of the past.
#[derive(Debug)]
pub(crate) enum Past {
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

impl Own {
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.answers.is_empty() && self.past.is_empty()
    }

    pub(crate) fn answer(&mut self, frame: Vec<u8>) {
        self.answers.push_back(Bytes::from(frame));
    }

    /// Of all this only the rest of a cut message is still due, and these last frames.
    pub(crate) fn finish(self, last: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            rest: self.rest,
            answers: last.into_iter().map(Bytes::from).collect(),
            past: VecDeque::new(),
        }
    }

    pub(crate) fn answers_len(&self) -> usize {
        self.answers.len()
    }

    /// A piece of the past that goes behind those that are owed.
    pub(crate) fn add(&mut self, piece: Past) {
        self.past.push_back(piece);
    }

    pub(crate) fn forget(&mut self, is_forgotten: impl Fn(&Past) -> bool) {
        self.past.retain(|past| !is_forgotten(past));
    }

    pub(crate) fn past_len(&self) -> usize {
        self.past.len()
    }

    pub(crate) fn keep_rest(&mut self, rest: Bytes) {
        self.rest = rest;
    }

    /// Makes the next piece of a replay, if it is its turn.
    pub(crate) fn prepare(
        &mut self,
        dialect: Dialect,
        events: &Events,
        bars: &Bars,
        now: Time,
    ) -> Result<(), Behind> {
        loop {
            let (piece, is_over) = match self.past.front_mut() {
                Some(Past::Replay(replay)) => {
                    let piece = replay.next_piece(dialect, events, now)?;
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

    pub(crate) fn add_to<'h>(&'h self, due: &mut Pending<'h>) {
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

    /// Moves over what [`Own::add_to`] added and was written; returns the bytes that were written behind that.
    pub(crate) fn take(&mut self, bytes: usize, sent: &mut Sent) -> usize {
        let part = bytes.min(self.rest.len());
        let _written = self.rest.split_to(part);
        let bytes = self.take_answers(bytes - part, sent);
        if bytes == 0 {
            return 0;
        }
        match self.past.front_mut() {
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
        }
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
