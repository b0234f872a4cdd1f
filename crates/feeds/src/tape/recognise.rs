//! Which format a text is of, from its first lines and its name, and what that format says of its zone and side.

use super::columns::{self, Empty, Layout, METATRADER_4};
use super::detect::unclear;
use super::local::{LocalTime, Stamp};
use super::names::Names;
use super::row::{LineError, Row};
use super::zone::Zone;
use super::{Error, Format, Side, Spec, histdata, lean};
use crate::quarantine::shorten;
use std::path::Path;

/// How a line of text is read.
#[derive(Clone, Debug)]
pub(super) enum TextDecoder {
    Lean(lean::Lines, Option<LocalTime>),
    HistData(histdata::Lines),
    Columns(Box<Layout>),
}

impl TextDecoder {
    pub(super) fn decode(&mut self, line: &[u8]) -> Result<Row, LineError> {
        match self {
            Self::Lean(lines, midnight) => lean::decode(*lines, *midnight, line),
            Self::HistData(lines) => histdata::decode(*lines, line),
            Self::Columns(layout) => layout.decode(line),
        }
    }

    pub(super) fn is_bars(&self) -> bool {
        match self {
            Self::Lean(lines, _) => lines.are_bars(),
            Self::HistData(lines) => *lines == histdata::Lines::Bars,
            Self::Columns(layout) => layout.is_bars(),
        }
    }
}

/// A text file that is understood.
#[derive(Clone, Debug)]
pub(super) struct Recognised {
    pub(super) format: Format,
    pub(super) decoder: TextDecoder,
    /// Lines before the data: the header and what stands above it.
    pub(super) header_lines: usize,
    pub(super) zone: Zone,
    pub(super) side: Side,
    pub(super) assumed: Option<&'static str>,
}

/// A text file and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'file> {
    pub(super) spec: &'file Spec,
    pub(super) path: &'file Path,
    pub(super) names: &'file Names,
    /// Its first lines.
    pub(super) head: &'file [Vec<u8>],
}

/// So many lines at the beginning may be of no known shape: dirt, or a preamble above the header.
const PREAMBLE: usize = 10;

impl Text<'_> {
    /// What the settings, the name and the first lines make of it.
    ///
    /// # Errors
    /// When they do not say enough.
    pub(super) fn recognise(self) -> Result<Recognised, Error> {
        let (above, first) = self.first_telling_line();
        if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
            let remedy = "save it as UTF-8 or plain ASCII";
            return Err(unclear(self.path, "it is UTF-16", remedy));
        }
        let shape = Shape::of(first);
        let format = match self.spec.format {
            Some(format) => format,
            None => self
                .format_of(shape)
                .ok_or_else(|| unknown(self.path, first))?,
        };
        let decoder = self.decoder(format, shape, first)?;
        // With columns from the settings a line of data may begin with a letter too.
        let has_header = shape.is_header() && decoder.clone().decode(first).is_err();
        let header_lines = if has_header { above + 1 } else { 0 };
        let header = has_header.then_some(first);
        let (zone, assumed) = self.zone(format, &decoder, header)?;
        Ok(Recognised {
            format,
            side: self.side(format, &decoder),
            decoder,
            header_lines,
            zone,
            assumed,
        })
    }

    /// The first line that looks like anything, and how many stand above it; where none does, the very first.
    fn first_telling_line(&self) -> (usize, &[u8]) {
        let lines = self.head.iter().map(Vec::as_slice).enumerate();
        let telling = lines
            .clone()
            .take(PREAMBLE)
            .find(|(_, line)| Shape::of(line) != Shape::Other);
        telling.or_else(|| lines.clone().next()).unwrap_or((0, b""))
    }

    fn format_of(&self, shape: Shape) -> Option<Format> {
        let columns = self.spec.columns.as_ref();
        if columns.is_some_and(|columns| columns.roles.is_some()) {
            return Some(Format::Csv);
        }
        let has = |word| self.names.own_have(word);
        match shape {
            Shape::MetaTraderHeader => Some(Format::MetaTrader),
            Shape::Header => Some(Format::Csv),
            Shape::HistData => Some(Format::HistData),
            Shape::MetaTrader4 if has("dat") => Some(Format::HistData),
            Shape::MetaTrader4 => Some(Format::MetaTrader),
            Shape::LeanDated | Shape::Empty => Some(Format::Lean),
            Shape::Numbers if has("quote") || has("trade") => Some(Format::Lean),
            Shape::Numbers | Shape::Other => None,
        }
    }

    fn decoder(&self, format: Format, shape: Shape, first: &[u8]) -> Result<TextDecoder, Error> {
        match format {
            Format::Lean => self.lean(first),
            Format::HistData if shape != Shape::MetaTrader4 => {
                let lines = histdata::recognise(first).unwrap_or(histdata::Lines::Ticks);
                Ok(TextDecoder::HistData(lines))
            }
            Format::HistData | Format::MetaTrader | Format::Csv | Format::Dukascopy => {
                self.columns(format, shape, first)
            }
        }
    }

    fn lean(&self, first: &[u8]) -> Result<TextDecoder, Error> {
        // Trades have as many columns as their exchange likes.
        let lines = if self.names.own_have("tick") && self.names.own_have("trade") {
            lean::Lines::Trades
        } else {
            lean::lines_of(first).ok_or_else(|| unknown(self.path, first))?
        };
        if lean::has_dates(first) {
            return Ok(TextDecoder::Lean(lines, None));
        }
        let midnight = self.spec.base.or_else(|| self.names.day());
        let midnight = midnight.ok_or_else(|| {
            let seen = "its times count from midnight, and no date is in its name";
            let remedy = "put the date into its name as YYYYMMDD, or set `base`";
            unclear(self.path, seen, remedy)
        })?;
        Ok(TextDecoder::Lean(lines, Some(midnight)))
    }

    fn columns(&self, format: Format, shape: Shape, first: &[u8]) -> Result<TextDecoder, Error> {
        let columns = self.spec.columns.clone().unwrap_or_default();
        let separator = columns
            .separator
            .unwrap_or_else(|| columns::separator_of(first));
        let roles = match (&columns.roles, shape) {
            (Some(roles), _) => roles.clone(),
            (None, Shape::MetaTrader4) => METATRADER_4.to_vec(),
            (None, _) if shape.is_header() => columns::roles_of(first, separator),
            (None, _) => return Err(unknown(self.path, first)),
        };
        let empty = match format {
            Format::MetaTrader => Empty::Repeats,
            Format::Lean | Format::Dukascopy | Format::HistData | Format::Csv => Empty::IsMalformed,
        };
        match Layout::new(&roles, separator, &columns, empty) {
            Ok(layout) => Ok(TextDecoder::Columns(Box::new(layout))),
            Err(reason) => {
                let first = shorten(first);
                let seen = format!("its columns are not understood (`{first}`): {reason}");
                let remedy =
                    "set `columns` to what they hold from the left, such as time,bid,ask,-";
                Err(unclear(self.path, seen, remedy))
            }
        }
    }

    /// The zone of the times, and a word about it where it is only likely.
    fn zone(
        &self,
        format: Format,
        decoder: &TextDecoder,
        header: Option<&[u8]>,
    ) -> Result<(Zone, Option<&'static str>), Error> {
        if let Some(zone) = self.spec.zone {
            return Ok((zone, None));
        }
        if self.times_need_no_zone(decoder) {
            return Ok((Zone::Utc, None));
        }
        match format {
            Format::Lean => self.lean_zone(),
            Format::Dukascopy => Ok((Zone::Utc, None)),
            Format::HistData => Ok((Zone::EST_FIXED, None)),
            Format::MetaTrader if header.is_some_and(|header| !header.starts_with(b"<")) => Ok((
                Zone::EetEu,
                Some("zone eet_eu, as measured in two data sets of this form"),
            )),
            Format::MetaTrader => Ok((Zone::EetUs, Some("zone eet_us, as most brokers use"))),
            Format::Csv => Ok(self.csv_zone(header)),
        }
    }

    fn times_need_no_zone(&self, decoder: &TextDecoder) -> bool {
        let mut decoder = decoder.clone();
        let row = self.head.iter().find_map(|line| decoder.decode(line).ok());
        row.is_some_and(|row| matches!(row.stamp(), Some(Stamp::Utc(_))))
    }

    fn lean_zone(&self) -> Result<(Zone, Option<&'static str>), Error> {
        let has = |words: &[&str]| words.iter().any(|word| self.names.have(word));
        if has(&["oanda", "cme"]) {
            Ok((Zone::Utc, None))
        } else if has(&["fxcm"]) {
            Ok((Zone::EST_FIXED, None))
        } else if has(&["spx"]) {
            Ok((Zone::Chicago, None))
        } else {
            Err(unclear(
                self.path,
                "a Lean file's zone depends on its source, and neither oanda, fxcm, cme nor spx is in its path",
                "set `zone`: oanda and cme write utc, fxcm -05:00, cash indices chicago",
            ))
        }
    }

    fn csv_zone(&self, header: Option<&[u8]>) -> (Zone, Option<&'static str>) {
        let header = header.map(columns::plain).unwrap_or_default();
        if ["utc", "gmt"].iter().any(|zone| header.contains(zone)) || self.names.have("dukascopy") {
            (Zone::Utc, None)
        } else if header.contains("eet") {
            (Zone::EetEu, None)
        } else {
            (Zone::Utc, Some("zone utc, since nothing says another"))
        }
    }

    /// Whose prices they are, where there is one per moment. HistData and MetaTrader write bids.
    fn side(&self, format: Format, decoder: &TextDecoder) -> Side {
        let told = match decoder {
            TextDecoder::Columns(layout) => layout.side,
            TextDecoder::Lean(..) | TextDecoder::HistData(_) => None,
        };
        let usual = match format {
            Format::HistData | Format::MetaTrader => Side::Bid,
            Format::Lean | Format::Dukascopy | Format::Csv => Side::Mid,
        };
        let found = self.spec.side.or(told).or_else(|| self.names.side());
        found.unwrap_or(usual)
    }
}

/// What a first line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Empty,
    /// `<DATE>...`, or a header with a count of ticks or a spread.
    MetaTraderHeader,
    Header,
    MetaTrader4,
    HistData,
    /// `YYYYMMDD HH:MM,` and prices.
    LeanDated,
    /// A number and prices: Lean's, if the name agrees.
    Numbers,
    Other,
}

impl Shape {
    fn of(line: &[u8]) -> Self {
        let letter = line.iter().find(|b| !matches!(b, b'"' | b'<' | b' '));
        match (line.first(), letter) {
            (None, _) => Self::Empty,
            (Some(b'<'), _) => Self::MetaTraderHeader,
            (_, Some(letter)) if letter.is_ascii_alphabetic() => Self::of_header(line),
            _ if histdata::recognise(line).is_some() => Self::HistData,
            _ if columns::is_metatrader_4(line) => Self::MetaTrader4,
            _ if lean::has_dates(line) => Self::LeanDated,
            _ if line
                .iter()
                .all(|b| b.is_ascii_digit() || b"., ".contains(b)) =>
            {
                Self::Numbers
            }
            _ => Self::Other,
        }
    }

    fn of_header(line: &[u8]) -> Self {
        let separator = columns::separator_of(line);
        let metatrader = line.split(|&b| b == separator).any(|name| {
            matches!(
                columns::plain(name).as_str(),
                "tickvol" | "tickvolume" | "spread"
            )
        });
        if metatrader {
            Self::MetaTraderHeader
        } else {
            Self::Header
        }
    }

    fn is_header(self) -> bool {
        matches!(self, Self::MetaTraderHeader | Self::Header)
    }
}

fn unknown(path: &Path, first: &[u8]) -> Error {
    unclear(
        path,
        format!(
            "its first line is of no format known here: `{}`",
            shorten(first)
        ),
        "supported are Lean zips, Dukascopy bi5, HistData, MetaTrader exports and CSV with a header; for any other text \
         set `columns` to what its columns hold from the left, such as time,bid,ask,-",
    )
}
