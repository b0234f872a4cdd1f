//! One client: which channels it hears and how far it has read. It owns no messages but the answers to its own.

use crate::latest::Cursor;
use crate::window::Snapshot;
use bytes::Bytes;
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use wire::Channels;

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
    pub signals: u64,
    pub prices: u64,
    pub statuses: u64,
    /// Answers, protocol pings and pongs, Close.
    pub answers: u64,
}

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
    pub(crate) channels: Channels,
    /// What is left of a message that was written in part: it goes first, whatever it is.
    pub(crate) rest: Bytes,
    answers: VecDeque<Bytes>,
    /// The snapshot that is being written, and the first of its messages that is not.
    snapshot: Option<(Arc<Snapshot>, usize)>,
    /// The next message wanted of the signal log.
    pub(crate) signals: u64,
    pub(crate) prices: Cursor,
    pub(crate) statuses: Cursor,
    /// Its Close is queued: nothing may follow that.
    is_finishing: bool,
}

impl Client {
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

    /// Nothing but the rest of a cut message and this last frame is due from now on.
    pub(crate) fn finish(&mut self, frame: Vec<u8>) {
        if self.is_finishing {
            return;
        }
        *self = Self {
            rest: std::mem::take(&mut self.rest),
            answers: VecDeque::from([Bytes::from(frame)]),
            is_finishing: true,
            ..Self::default()
        };
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.is_finishing
    }

    pub(crate) fn begin_snapshot(&mut self, snapshot: Arc<Snapshot>) {
        self.snapshot = (!snapshot.ends.is_empty()).then_some((snapshot, 0));
    }

    /// Something of its own is due: a cut message, an answer, a snapshot.
    pub(crate) fn has_own(&self) -> bool {
        !self.rest.is_empty() || !self.answers.is_empty() || self.snapshot.is_some()
    }

    pub(crate) fn add_own<'h>(&'h self, due: &mut Pending<'h>) {
        due.add(&self.rest);
        for answer in &self.answers {
            due.add(answer);
        }
        if let Some((snapshot, written)) = &self.snapshot {
            due.add(&snapshot.bytes[snapshot.start_of(*written)..]);
        }
    }

    /// Moves over what [`Client::add_own`] added and was written; returns the bytes that were written behind that.
    pub(crate) fn take_own(&mut self, bytes: usize, sent: &mut Sent) -> usize {
        let part = bytes.min(self.rest.len());
        let _written = self.rest.split_to(part);
        let bytes = self.take_answers(bytes - part, sent);
        self.take_snapshot(bytes, sent)
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
        let Some((snapshot, written)) = &mut self.snapshot else {
            return bytes;
        };
        let start = snapshot.start_of(*written);
        let part = bytes.min(snapshot.bytes.len() - start);
        let begun = snapshot.begun_at(start + part);
        sent.signals += (begun - *written) as u64;
        if part > 0 {
            self.rest = snapshot.bytes.slice(start + part..snapshot.start_of(begun));
        }
        *written = begun;
        if begun == snapshot.ends.len() {
            self.snapshot = None;
        }
        bytes - part
    }
}

impl Snapshot {
    /// Where message `number` starts.
    fn start_of(&self, number: usize) -> usize {
        number.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// How many messages have a byte before `position`.
    fn begun_at(&self, position: usize) -> usize {
        let whole = self.ends.partition_point(|&end| end <= position);
        whole + usize::from(self.start_of(whole) < position)
    }
}
