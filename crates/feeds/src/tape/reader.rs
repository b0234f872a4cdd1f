//! Open files as streams of items. What cannot be read is counted and skipped; where bids and asks are in two files, their
//! bars are joined.

use super::detect::{Content, Plan};
use super::dukascopy::{self, Records};
use super::input::{Stream, read_error};
use super::lines::Lines;
use super::local::LocalTime;
use super::recognise::TextDecoder;
use super::row::{LineError, Row};
use super::series::Series;
use super::{Error, Item, Recorded};
use crate::quarantine::Gate;
use market::{Price, QuoteBar};
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

/// One file, or the two files of one series.
#[derive(Debug)]
pub(super) enum Reader {
    One(Box<FileReader>),
    /// A file of bids and one of asks.
    Pair(Box<Pair>),
}

impl Reader {
    pub(super) fn open(mut plan: Plan) -> Result<Self, Error> {
        match plan.asks.take() {
            None => Ok(Self::One(Box::new(FileReader::open(plan)?))),
            Some(asks) => Ok(Self::Pair(Box::new(Pair {
                bids: Ahead::new(FileReader::open(plan)?),
                asks: Ahead::new(FileReader::open(*asks)?),
            }))),
        }
    }

    /// Of the files as they are on the disk.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::One(file) => file.bytes,
            Self::Pair(pair) => pair.bids.file.bytes + pair.asks.file.bytes,
        }
    }

    /// How many of them were read.
    pub(super) fn consumed(&self) -> u64 {
        match self {
            Self::One(file) => file.consumed(),
            Self::Pair(pair) => pair.bids.file.consumed() + pair.asks.file.consumed(),
        }
    }

    /// The next line or record that can be read; none at the end.
    pub(super) fn next(&mut self, gate: &mut Gate) -> Result<Option<Item>, Error> {
        match self {
            Self::One(file) => file.next(gate),
            Self::Pair(pair) => pair.next(gate),
        }
    }
}

/// Bars of bids and bars of asks, joined where they open together. Where one side has a bar alone, its own default
/// spread stands in for the other.
#[derive(Debug)]
pub(super) struct Pair {
    bids: Ahead,
    asks: Ahead,
}

impl Pair {
    fn next(&mut self, gate: &mut Gate) -> Result<Option<Item>, Error> {
        let (bid, ask) = (self.bids.time(gate)?, self.asks.time(gate)?);
        let order = match (bid, ask) {
            (Some(bid), Some(ask)) => bid.cmp(&ask),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        Ok(match order {
            Ordering::Less => self.bids.next.take(),
            Ordering::Greater => self.asks.next.take(),
            Ordering::Equal => joined(self.bids.next.take(), self.asks.next.take()),
        })
    }
}

fn joined(bid: Option<Item>, ask: Option<Item>) -> Option<Item> {
    let (bid, ask) = (bid?, ask?);
    let event = match (bid.event, ask.event) {
        (Recorded::Bar(bids), Recorded::Bar(asks)) => Recorded::Bar(QuoteBar {
            ask: asks.ask,
            ..bids
        }),
        (event, _) => event,
    };
    Some(Item {
        time: bid.time,
        event,
    })
}

/// A file whose next item can be looked at.
#[derive(Debug)]
struct Ahead {
    file: FileReader,
    next: Option<Item>,
}

impl Ahead {
    fn new(file: FileReader) -> Self {
        Self { file, next: None }
    }

    fn time(&mut self, gate: &mut Gate) -> Result<Option<market::SourceTime>, Error> {
        if self.next.is_none() {
            self.next = self.file.next(gate)?;
        }
        Ok(self.next.as_ref().map(|item| item.time))
    }
}

#[derive(Debug)]
pub(super) struct FileReader {
    path: PathBuf,
    origin: String,
    bytes: u64,
    series: Series,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Text(Text),
    Binary(Binary),
}

impl FileReader {
    fn open(plan: Plan) -> Result<Self, Error> {
        let source = match plan.content {
            Content::Text {
                container,
                decoder,
                header_lines,
            } => {
                let stream = Stream::open(&plan.path, &container);
                Source::Text(Text {
                    lines: Lines::new(stream.map_err(|error| read_error(&plan.path, error))?),
                    decoder,
                    header_lines,
                })
            }
            Content::Records {
                records,
                base,
                unit,
            } => Source::Binary(Binary {
                unpacked: unpack(&plan.path)?,
                at: 0,
                records,
                base,
                unit,
            }),
        };
        Ok(Self {
            path: plan.path,
            origin: plan.origin,
            bytes: plan.bytes,
            series: plan.series,
            source,
        })
    }

    fn consumed(&self) -> u64 {
        match &self.source {
            Source::Text(text) => text.lines.stream.consumed(),
            Source::Binary(_) => self.bytes,
        }
    }

    fn next(&mut self, gate: &mut Gate) -> Result<Option<Item>, Error> {
        loop {
            let (number, text, row) = match &mut self.source {
                Source::Text(text) => match text.next() {
                    Ok(Some(read)) => read,
                    Ok(None) => return Ok(None),
                    Err(error) => return Err(read_error(&self.path, error)),
                },
                Source::Binary(binary) => match binary.next() {
                    Some(read) => read,
                    None => return Ok(None),
                },
            };
            match row.map(|row| self.series.item(row)) {
                Ok(Some(item)) => return Ok(Some(item)),
                Ok(None) => {}
                Err(why) => {
                    gate.malformed(self.series.instrument, &self.origin, number, text, &why);
                }
            }
        }
    }
}

/// A line or record: its number from 1, its bytes, what it says.
type Read<'buffer> = (u64, &'buffer [u8], Result<Row, LineError>);

#[derive(Debug)]
struct Text {
    lines: Lines,
    decoder: TextDecoder,
    /// Lines before the data that are still to come.
    header_lines: usize,
}

impl Text {
    fn next(&mut self) -> std::io::Result<Option<Read<'_>>> {
        for _ in 0..std::mem::take(&mut self.header_lines) {
            self.lines.next()?;
        }
        let Some(line) = self.lines.next()? else {
            return Ok(None);
        };
        let row = if line.whole {
            self.decoder.decode(line.text)
        } else {
            Err(LineError::TooLong)
        };
        Ok(Some((line.number, line.text, row)))
    }
}

#[derive(Debug)]
struct Binary {
    unpacked: Vec<u8>,
    at: usize,
    records: Records,
    base: LocalTime,
    unit: Price,
}

impl Binary {
    fn next(&mut self) -> Option<Read<'_>> {
        let bytes = self.records.bytes();
        let rest = self.unpacked.get(self.at..)?;
        let record = &rest[..rest.len().min(bytes)];
        if record.is_empty() {
            return None;
        }
        self.at += bytes;
        let row = dukascopy::decode(self.records, self.base, self.unit, record);
        Some(((self.at / bytes) as u64, record, row))
    }
}

fn unpack(path: &Path) -> Result<Vec<u8>, Error> {
    let packed = fs::read(path).map_err(|error| read_error(path, error))?;
    dukascopy::unpack(&packed).map_err(|reason| Error::Damaged {
        path: path.to_owned(),
        reason,
    })
}
