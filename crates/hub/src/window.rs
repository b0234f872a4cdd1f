//! What a dashboard is shown when it arrives: the signals that are pending, that still run, or that were decided a short
//! while ago. Also the memory of every status told, so that none is ever taken back.

use crate::deflate::Deflater;
use crate::filter::Symbols;
use crate::form::{Dialect, Form, Packing};
use crate::frame;
use bytes::Bytes;
use market::{Outcome, Position, Signal, Span, Status, Time, Uuid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wire::tell::EventBody;

#[derive(Debug)]
pub(crate) struct Window {
    /// By the order of first publication.
    entries: BTreeMap<u64, Entry>,
    places: BTreeMap<Uuid, u64>,
    born: u64,
    retired: Retired,
    decided_for: Span,
    /// The snapshots that were asked for, until something changes.
    built: BTreeMap<Wanted, Arc<Snapshot>>,
    /// The first moment at which another signal has left the window.
    valid_until: Time,
}

#[derive(Debug)]
struct Entry {
    /// Its latest state, and where that stands in the stream.
    signal: Arc<Signal>,
    position: Position,
    /// Confirmed, and neither its stop nor its last target has traded.
    is_running: bool,
}

/// Which snapshot: the newest `max` of what is shown of these symbols, but not of those.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wanted {
    pub(crate) form: Form,
    pub(crate) symbols: Symbols,
    pub(crate) but: Symbols,
    pub(crate) max: usize,
}

/// Ids that left the window; they were decided, so nothing more is told of them.
#[derive(Debug, Default)]
struct Retired {
    ids: BTreeSet<Uuid>,
    order: VecDeque<Uuid>,
}

/// A run of framed messages, made once and shared by all who subscribe before something changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) bytes: Bytes,
    /// Where each part ends: a message, or all of them where they are compressed together.
    pub(crate) ends: Vec<usize>,
    /// Messages in each part.
    pub(crate) messages: u64,
}

/// A status that may not follow the one that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backwards {
    /// `None` when the signal was decided so long ago that only its id is known.
    pub(crate) told: Option<Status>,
}

/// Decided entries beyond the newest of this many are let go, however long they run.
pub(crate) const ENTRIES_MAX: usize = 1_000;
/// Snapshots that are kept for the next who asks for the same.
const BUILT_MAX: usize = 64;
/// As many as the journal's recovery window has events.
const RETIRED_MAX: usize = 10_000;

impl Window {
    pub(crate) fn new(decided_for: Span) -> Self {
        Self {
            entries: BTreeMap::new(),
            places: BTreeMap::new(),
            born: 0,
            retired: Retired::default(),
            decided_for,
            built: BTreeMap::new(),
            valid_until: Time::MAX,
        }
    }

    /// Whether this copy may follow what was told of its id: pending, then at most one verdict; repeats are allowed.
    pub(crate) fn allows(&self, signal: &Signal) -> Result<(), Backwards> {
        if self.retired.ids.contains(&signal.id) {
            return Err(Backwards { told: None });
        }
        let told = self
            .places
            .get(&signal.id)
            .map(|place| self.entries[place].signal.status);
        match told {
            None | Some(Status::Pending) => Ok(()),
            Some(told) if told == signal.status => Ok(()),
            Some(told) => Err(Backwards { told: Some(told) }),
        }
    }

    /// Takes a copy that [`Window::allows`] has let pass.
    pub(crate) fn set(&mut self, position: Position, signal: &Arc<Signal>) {
        self.built.clear();
        let place = *self.places.entry(signal.id).or_insert_with(|| {
            self.born += 1;
            self.born
        });
        let before = self
            .entries
            .get(&place)
            .map(|entry| (entry.signal.status, entry.is_running));
        let is_running = match before {
            Some((Status::Confirmed, is_running)) => is_running,
            _ => signal.status == Status::Confirmed,
        };
        let entry = Entry {
            signal: Arc::clone(signal),
            position,
            is_running,
        };
        self.entries.insert(place, entry);
    }

    /// Plain clients hear nothing of an outcome; the last one ends the run of a trade.
    pub(crate) fn end(&mut self, outcome: &Outcome) {
        let place = self.places.get(&outcome.id);
        let entry = place.and_then(|place| self.entries.get_mut(place));
        if let Some(entry) = entry.filter(|_| outcome.last) {
            entry.is_running = false;
            self.built.clear();
        }
    }

    /// Lets go of what can be shown no more.
    pub(crate) fn prune(&mut self, now: Time) {
        let surplus = self.entries.len().saturating_sub(ENTRIES_MAX);
        let gone: Vec<u64> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(rank, (_, entry))| {
                let is_surplus = *rank < surplus && entry.signal.status != Status::Pending;
                is_surplus || !entry.is_shown(now, self.decided_for)
            })
            .map(|(_, (&place, _))| place)
            .collect();
        for place in gone {
            if let Some(entry) = self.entries.remove(&place) {
                self.places.remove(&entry.signal.id);
                self.retired.add(entry.signal.id);
            }
        }
    }

    /// The messages of the newest signals of the window, oldest first.
    pub(crate) fn snapshot(
        &mut self,
        wanted: Wanted,
        now: Time,
        deflater: &mut Deflater,
    ) -> Arc<Snapshot> {
        if now >= self.valid_until || self.built.len() >= BUILT_MAX {
            self.built.clear();
        }
        if self.built.is_empty() {
            let leaving = self
                .shown(now)
                .filter_map(|entry| entry.leaves_at(self.decided_for));
            self.valid_until = leaving.min().unwrap_or(Time::MAX);
        }
        if let Some(built) = self.built.get(&wanted) {
            return Arc::clone(built);
        }
        let texts = self.texts(&wanted, now);
        let snapshot = Arc::new(match wanted.form.packing {
            Packing::Single => Snapshot::of(texts.iter().map(|text| frame::text(text))),
            Packing::Grouped => Snapshot::group(&texts, deflater),
        });
        self.built.insert(wanted, Arc::clone(&snapshot));
        snapshot
    }

    fn texts(&self, wanted: &Wanted, now: Time) -> Vec<String> {
        let shown: Vec<&Entry> = self
            .shown(now)
            .filter(|entry| wanted.has(&entry.signal))
            .collect();
        let newest = &shown[shown.len().saturating_sub(wanted.max)..];
        let texts = newest.iter().filter_map(|entry| {
            // It was let pass when it was published.
            let body = EventBody::signal(&entry.signal).ok()?;
            Some(match wanted.form.dialect {
                Dialect::Plain => body.plain(),
                Dialect::Extended => body.shown(entry.position, now),
            })
        });
        texts.collect()
    }

    fn shown(&self, now: Time) -> impl Iterator<Item = &Entry> {
        let entries = self.entries.values();
        entries.filter(move |entry| entry.is_shown(now, self.decided_for))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Wanted {
    fn has(&self, signal: &Signal) -> bool {
        self.symbols.has(signal.symbol) && !self.but.has(signal.symbol)
    }
}

impl Entry {
    fn is_shown(&self, now: Time, decided_for: Span) -> bool {
        self.leaves_at(decided_for)
            .is_none_or(|leaves_at| now < leaves_at)
    }

    /// When it leaves the window if nothing more happens to it.
    fn leaves_at(&self, decided_for: Span) -> Option<Time> {
        let stays = self.is_running || self.signal.status == Status::Pending;
        (!stays).then(|| self.signal.changed_at() + decided_for + Span::from_nanos(1))
    }
}

impl Retired {
    fn add(&mut self, id: Uuid) {
        self.ids.insert(id);
        self.order.push_back(id);
        if self.order.len() > RETIRED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

impl Snapshot {
    pub(crate) fn of(frames: impl Iterator<Item = Vec<u8>>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for frame in frames {
            bytes.extend_from_slice(&frame);
            ends.push(bytes.len());
        }
        Self {
            bytes: Bytes::from(bytes),
            ends,
            messages: 1,
        }
    }

    /// How many messages it has.
    pub(crate) fn count(&self) -> u64 {
        self.ends.len() as u64 * self.messages
    }

    /// All compressed together, and so only to be written as one.
    fn group(texts: &[String], deflater: &mut Deflater) -> Self {
        if texts.is_empty() {
            return Self::default();
        }
        let bytes = Bytes::from(deflater.group(texts));
        Self {
            ends: vec![bytes.len()],
            bytes,
            messages: texts.len() as u64,
        }
    }
}
