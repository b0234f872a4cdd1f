//! One open file as a stream of items. What cannot be read is counted and skipped.

use super::detect::{Content, Plan};
use super::dukascopy::{self, Records};
use super::input::{Stream, read_error};
use super::lines::Lines;
use super::local::LocalTime;
use super::recognise::TextDecoder;
use super::row::LineError;
use super::series::Series;
use super::{Error, Item};
use crate::quarantine::Gate;
use market::Price;
use std::fs;
use std::path::PathBuf;

#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    /// For messages: the path, and the entry where it is a zip.
    origin: String,
    bytes: u64,
    series: Series,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Text {
        lines: Lines,
        decoder: TextDecoder,
        skips_header: bool,
    },
    Records {
        unpacked: Vec<u8>,
        at: usize,
        records: Records,
        base: LocalTime,
        unit: Price,
    },
}

impl Reader {
    pub(super) fn open(plan: Plan) -> Result<Self, Error> {
        let Plan {
            path,
            origin,
            bytes,
            series,
            content,
            ..
        } = plan;
        let source = match content {
            Content::Text {
                container,
                decoder,
                skips_header,
            } => Source::Text {
                lines: Lines::new(
                    Stream::open(&path, &container).map_err(|error| read_error(&path, error))?,
                ),
                decoder,
                skips_header,
            },
            Content::Records {
                records,
                base,
                unit,
            } => Source::Records {
                unpacked: unpack(&path)?,
                at: 0,
                records,
                base,
                unit,
            },
        };
        Ok(Self {
            path,
            origin,
            bytes,
            series,
            source,
        })
    }

    /// Of the file as it is on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many of them were read.
    pub(super) fn consumed(&self) -> u64 {
        match &self.source {
            Source::Text { lines, .. } => lines.stream.consumed(),
            Source::Records { .. } => self.bytes,
        }
    }

    /// The next line or record that can be read; none at the end.
    pub(super) fn next(&mut self, gate: &mut Gate) -> Result<Option<Item>, Error> {
        match &mut self.source {
            Source::Text {
                lines,
                decoder,
                skips_header,
            } => {
                while let Some(line) = lines
                    .next()
                    .map_err(|error| read_error(&self.path, error))?
                {
                    if std::mem::take(skips_header) {
                        continue;
                    }
                    let row = if line.whole {
                        decoder.decode(line.text)
                    } else {
                        Err(LineError::TooLong)
                    };
                    match row.map(|row| self.series.item(row)) {
                        Ok(Some(item)) => return Ok(Some(item)),
                        Ok(None) => {}
                        Err(why) => gate.malformed(
                            self.series.instrument,
                            &self.origin,
                            line.number,
                            line.text,
                            &why,
                        ),
                    }
                }
                Ok(None)
            }
            Source::Records {
                unpacked,
                at,
                records,
                base,
                unit,
            } => {
                while *at < unpacked.len() {
                    let end = (*at + records.bytes()).min(unpacked.len());
                    let record = &unpacked[*at..end];
                    let number = (*at / records.bytes()) as u64 + 1;
                    *at = end;
                    let row = dukascopy::decode(*records, *base, *unit, record);
                    match row.map(|row| self.series.item(row)) {
                        Ok(Some(item)) => return Ok(Some(item)),
                        Ok(None) => {}
                        Err(why) => gate.malformed(
                            self.series.instrument,
                            &self.origin,
                            number,
                            record,
                            &why,
                        ),
                    }
                }
                Ok(None)
            }
        }
    }
}

fn unpack(path: &PathBuf) -> Result<Vec<u8>, Error> {
    let packed = fs::read(path).map_err(|error| read_error(path, error))?;
    dukascopy::unpack(&packed).map_err(|reason| Error::Damaged {
        path: path.clone(),
        reason,
    })
}
