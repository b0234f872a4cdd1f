//! Recorded ticks and bars from files, as one stream ordered by the source's time.
//!
//! A file needs no description where its name and first lines say what it is; every clue can be overruled by its
//! [`Spec`]. Files are opened only when the stream comes to their first time, so a year of day files costs one open file.
//! What the [`Gate`] turns away is counted and left out; what is damaged is told once and the other files go on.

mod archive;
mod columns;
mod detect;
mod dukascopy;
mod files;
mod given;
mod histdata;
mod input;
mod lean;
mod lines;
mod local;
mod names;
mod reader;
mod recognise;
mod row;
mod series;
mod text;
mod zone;

pub use columns::{Columns, ParseColumnsError, Role};
pub use detect::Found;
pub use given::{GivenBar, GivenBars, GivenError, instrument_named_by};
pub use local::{DateOrder, LocalTime, ParseLocalTimeError};
pub use zone::{ParseZoneError, Zone};

use crate::quarantine::{Gate, Limits, Quarantine};
use detect::Plan;
use market::{Catalog, QuoteBar, SourceTime, Symbol, Tick, Timeframe};
use reader::Reader;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// A file, or a folder whose files are read in the order of their names, and what is known of it. What is `None` is
/// found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    pub path: PathBuf,
    pub format: Option<Format>,
    pub symbol: Option<Symbol>,
    /// Of bars.
    pub timeframe: Option<Timeframe>,
    /// Of times that say none themselves.
    pub zone: Option<Zone>,
    /// Which side a file with one price per moment holds.
    pub side: Option<Side>,
    /// How to read text that no format describes.
    pub columns: Option<Columns>,
    /// What the times of a Lean or Dukascopy file count from, where its name does not tell; in the file's zone.
    pub base: Option<LocalTime>,
    /// Which contract of a Lean futures archive to read, such as `201312`; by default the one with the most lines.
    pub expiry: Option<String>,
}

impl Spec {
    /// A path of which everything is to be found out.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}

/// Whose way of writing files it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// QuantConnect Lean's zips.
    Lean,
    /// Dukascopy's `.bi5`.
    Dukascopy,
    /// HistData's text files.
    HistData,
    /// Exports of MetaTrader 4 and 5.
    MetaTrader,
    /// Text with a header, or with the columns given.
    Csv,
}

impl Format {
    pub const ALL: [Self; 5] = [
        Self::Lean,
        Self::Dukascopy,
        Self::HistData,
        Self::MetaTrader,
        Self::Csv,
    ];

    /// Its name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lean => "lean",
            Self::Dukascopy => "dukascopy",
            Self::HistData => "histdata",
            Self::MetaTrader => "metatrader",
            Self::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no format: lean, dukascopy, histdata, metatrader or csv")
        })
    }
}

/// Which side of the quote a file's single price is. The other side is made with the instrument's default spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Neither: trades, or a mid. It stays the mid of what is made of it.
    Mid,
    Bid,
    Ask,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mid => "mid",
            Self::Bid => "bid",
            Self::Ask => "ask",
        })
    }
}

impl FromStr for Side {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mid" => Ok(Self::Mid),
            "bid" => Ok(Self::Bid),
            "ask" => Ok(Self::Ask),
            _ => Err(format!("`{text}` is no side of a quote: mid, bid or ask")),
        }
    }
}

/// What is wrong with a file, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Look at the disk, the path and its permissions.
    #[error("{}: it cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// Get the file again.
    #[error("{}: it is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// Say more about the file in its settings.
    #[error("{}: {seen}; {remedy}", path.display())]
    Unclear {
        path: PathBuf,
        seen: String,
        remedy: String,
    },
}

/// A tick or bar at the time it was known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The source's time of a tick; of a bar its end, before which it is not known.
    pub time: SourceTime,
    pub event: Recorded,
}

/// What a tape holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    Tick(Tick),
    Bar(QuoteBar),
}

/// How far a tape has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Of the files as they are on the disk; empty ones are not counted.
    pub bytes: u64,
    pub bytes_total: u64,
    /// Let through and handed out.
    pub items: u64,
}

/// Several files as one stream. Ties keep the order of the files, and within a file the order of its lines.
#[derive(Debug)]
pub struct Tape {
    files: Vec<Found>,
    slots: Vec<Slot>,
    /// When each slot has something next.
    queue: BinaryHeap<Reverse<(SourceTime, usize)>>,
    gate: Gate,
    /// What ended a file, told after the last item that came before it.
    failed: VecDeque<Error>,
    items: u64,
    bytes_done: u64,
    bytes_total: u64,
}

#[derive(Debug)]
enum Slot {
    /// Not opened before its first time comes.
    Waiting(Box<Plan>),
    Reading {
        reader: Reader,
        next: Item,
    },
    Done,
}

/// Looks into every file, finds out what it is, and makes one stream of them.
///
/// # Errors
/// When a path cannot be read, or a file is damaged at its beginning, or its content, symbol, timeframe, date or zone
/// can neither be found out nor stands in its [`Spec`]. Nothing is played then.
pub fn open(specs: &[Spec], catalog: &Catalog) -> Result<Tape, Error> {
    open_with(specs, catalog, Limits::default())
}

/// As [`open`], with other limits for the gate.
///
/// # Errors
/// As [`open`].
pub fn open_with(specs: &[Spec], catalog: &Catalog, limits: Limits) -> Result<Tape, Error> {
    let mut tape = Tape {
        files: Vec::new(),
        slots: Vec::new(),
        queue: BinaryHeap::new(),
        gate: Gate::new(catalog, limits),
        failed: VecDeque::new(),
        items: 0,
        bytes_done: 0,
        bytes_total: 0,
    };
    let mut plans = Vec::new();
    for spec in specs {
        for path in files::expand(spec)? {
            plans.push(detect::plan(spec, &path, catalog)?);
        }
    }
    join_sides(&mut plans);
    for (found, plan) in plans {
        tape.add(found, plan);
    }
    Ok(tape)
}

/// Gives each file of bids its file of asks, so that they are read as one.
fn join_sides(plans: &mut [(Found, Option<Plan>)]) {
    for bids in 0..plans.len() {
        let is_twin = |(found, _): &(Found, _)| plans[bids].0.is_bid_of(found);
        let Some(asks) = plans.iter().position(is_twin) else {
            continue;
        };
        if plans[bids].1.is_some()
            && let Some(ask_plan) = plans[asks].1.take()
            && let Some(bid_plan) = &mut plans[bids].1
        {
            bid_plan.first = bid_plan.first.min(ask_plan.first);
            bid_plan.asks = Some(Box::new(ask_plan));
        }
    }
}

impl Tape {
    /// What each file was found to be, in their order.
    #[must_use]
    pub fn files(&self) -> &[Found] {
        &self.files
    }

    #[must_use]
    pub fn progress(&self) -> Progress {
        let reading = self.slots.iter().map(|slot| match slot {
            Slot::Reading { reader, .. } => reader.consumed(),
            Slot::Waiting(_) | Slot::Done => 0,
        });
        Progress {
            bytes: self.bytes_done + reading.sum::<u64>(),
            bytes_total: self.bytes_total,
            items: self.items,
        }
    }

    /// What was turned away so far, and why.
    #[must_use]
    pub fn counts(&self) -> &Quarantine {
        self.gate.counts()
    }

    fn add(&mut self, found: Found, plan: Option<Plan>) {
        if let Some(plan) = plan {
            self.bytes_total += plan.bytes_of_all();
            self.queue.push(Reverse((plan.first, self.slots.len())));
            self.slots.push(Slot::Waiting(Box::new(plan)));
        }
        self.files.push(found);
    }

    /// The item of the slot whose turn it is, whose place the one after it takes; none when that only opened its file.
    fn step(&mut self, place: usize) -> Result<Option<Item>, Error> {
        if let Slot::Waiting(_) = self.slots[place] {
            return self.open(place).map(|()| None);
        }
        let Slot::Reading { reader, next } = &mut self.slots[place] else {
            return Ok(None);
        };
        match reader.next(&mut self.gate) {
            Ok(Some(item)) => {
                self.queue.push(Reverse((item.time, place)));
                Ok(Some(std::mem::replace(next, item)))
            }
            Ok(None) => Ok(self.close(place)),
            Err(error) => {
                // What was read before the damage is as good as ever: it comes first, the error after it.
                self.failed.push_back(error);
                Ok(self.close(place))
            }
        }
    }

    /// Opens a file whose time has come and reads its first item.
    fn open(&mut self, place: usize) -> Result<(), Error> {
        let Slot::Waiting(plan) = std::mem::replace(&mut self.slots[place], Slot::Done) else {
            return Ok(());
        };
        let bytes = plan.bytes_of_all();
        let opened = Reader::open(*plan).and_then(|mut reader| {
            let next = reader.next(&mut self.gate)?;
            Ok(next.map(|next| (reader, next)))
        });
        match opened {
            Ok(Some((reader, next))) => {
                self.queue.push(Reverse((next.time, place)));
                self.slots[place] = Slot::Reading { reader, next };
                Ok(())
            }
            Ok(None) => {
                self.bytes_done += bytes;
                Ok(())
            }
            Err(error) => {
                self.bytes_done += bytes;
                Err(error)
            }
        }
    }

    /// Lets go of a file that has ended, and gives its last item.
    fn close(&mut self, place: usize) -> Option<Item> {
        match std::mem::replace(&mut self.slots[place], Slot::Done) {
            Slot::Reading { reader, next } => {
                self.bytes_done += reader.bytes();
                Some(next)
            }
            Slot::Waiting(_) | Slot::Done => None,
        }
    }

    fn passes(&mut self, item: &Item) -> bool {
        let verdict = match &item.event {
            Recorded::Tick(tick) => self.gate.check(tick),
            Recorded::Bar(bar) => self.gate.check_bar(bar),
        };
        verdict.is_ok()
    }
}

impl Iterator for Tape {
    /// An error ends its file; the others go on.
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(error) = self.failed.pop_front() {
                return Some(Err(error));
            }
            let Reverse((_, place)) = self.queue.pop()?;
            match self.step(place) {
                Ok(Some(item)) if self.passes(&item) => {
                    self.items += 1;
                    return Some(Ok(item));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
