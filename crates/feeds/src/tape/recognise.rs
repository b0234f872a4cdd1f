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
    pub(super) has_header: bool,
    pub(super) zone: Zone,
    pub(super) side: Side,
    pub(super) assumed: Option<&'static str>,
}

/// What the settings, the name and the first lines make of a text.
///
/// # Errors
/// When they do not say enough.
pub(super) fn recognise(
    spec: &Spec,
    path: &Path,
    names: &Names,
    head: &[Vec<u8>],
) -> Result<Recognised, Error> {
    let first = head.first().map_or(&b""[..], Vec::as_slice);
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") {
        return Err(unclear(
            path,
            "it is UTF-16",
            "save it as UTF-8 or plain ASCII",
        ));
    }
    let shape = Shape::of(first);
    let format = match spec.format {
        Some(format) => format,
        None => format_of(spec, names, shape).ok_or_else(|| unknown(path, first))?,
    };
    let decoder = match format {
        Format::Lean => lean_decoder(spec, path, names, first)?,
        Format::HistData if shape != Shape::MetaTrader4 => {
            let lines = histdata::recognise(first).unwrap_or(histdata::Lines::Ticks);
            TextDecoder::HistData(lines)
        }
        Format::HistData | Format::MetaTrader | Format::Csv | Format::Dukascopy => {
            columns_decoder(spec, path, first, format, shape)?
        }
    };
    // With columns from the settings a line of data may begin with a letter too.
    let has_header = shape.is_header() && decoder.clone().decode(first).is_err();
    let (zone, assumed) = zone(spec, path, names, format, head, &decoder, has_header)?;
    let side = spec.side.unwrap_or_else(|| side(format, &decoder, names));
    Ok(Recognised {
        format,
        decoder,
        has_header,
        zone,
        side,
        assumed,
    })
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

fn format_of(spec: &Spec, names: &Names, shape: Shape) -> Option<Format> {
    let lean_name = ["quote", "trade"].iter().any(|word| names.own_have(word));
    match shape {
        _ if spec
            .columns
            .as_ref()
            .is_some_and(|columns| columns.roles.is_some()) =>
        {
            Some(Format::Csv)
        }
        Shape::MetaTraderHeader => Some(Format::MetaTrader),
        Shape::Header => Some(Format::Csv),
        Shape::HistData => Some(Format::HistData),
        Shape::MetaTrader4 if names.own_have("dat") => Some(Format::HistData),
        Shape::MetaTrader4 => Some(Format::MetaTrader),
        Shape::LeanDated | Shape::Empty => Some(Format::Lean),
        Shape::Numbers if lean_name => Some(Format::Lean),
        Shape::Numbers | Shape::Other => None,
    }
}

fn lean_decoder(
    spec: &Spec,
    path: &Path,
    names: &Names,
    first: &[u8],
) -> Result<TextDecoder, Error> {
    // Trades have as many columns as their exchange likes.
    let lines = if names.own_have("tick") && names.own_have("trade") {
        lean::Lines::Trades
    } else {
        lean::lines_of(first).ok_or_else(|| unknown(path, first))?
    };
    if lean::has_dates(first) {
        return Ok(TextDecoder::Lean(lines, None));
    }
    let midnight = spec.base.or_else(|| names.day());
    let midnight = midnight.ok_or_else(|| {
        let seen = "its times count from midnight, and no date is in its name";
        unclear(
            path,
            seen,
            "put the date into its name as YYYYMMDD, or set `base`",
        )
    })?;
    Ok(TextDecoder::Lean(lines, Some(midnight)))
}

fn columns_decoder(
    spec: &Spec,
    path: &Path,
    first: &[u8],
    format: Format,
    shape: Shape,
) -> Result<TextDecoder, Error> {
    let columns = spec.columns.clone().unwrap_or_default();
    let separator = columns
        .separator
        .unwrap_or_else(|| columns::separator_of(first));
    let roles = match (&columns.roles, shape) {
        (Some(roles), _) => roles.clone(),
        (None, Shape::MetaTrader4) => METATRADER_4.to_vec(),
        (None, _) if shape.is_header() => columns::roles_of(first, separator),
        (None, _) => return Err(unknown(path, first)),
    };
    let empty = match format {
        Format::MetaTrader => Empty::Repeats,
        Format::Lean | Format::Dukascopy | Format::HistData | Format::Csv => Empty::IsMalformed,
    };
    match Layout::new(&roles, separator, &columns, empty) {
        Ok(layout) => Ok(TextDecoder::Columns(Box::new(layout))),
        Err(reason) => Err(unclear(
            path,
            format!(
                "its columns are not understood (`{}`): {reason}",
                shorten(first)
            ),
            "set `columns` to what they hold from the left, such as time,bid,ask,-",
        )),
    }
}

/// The zone of a file's times, and a word about it where it is only likely.
fn zone(
    spec: &Spec,
    path: &Path,
    names: &Names,
    format: Format,
    head: &[Vec<u8>],
    decoder: &TextDecoder,
    has_header: bool,
) -> Result<(Zone, Option<&'static str>), Error> {
    if let Some(zone) = spec.zone {
        return Ok((zone, None));
    }
    let mut decoder = decoder.clone();
    let row = head
        .iter()
        .skip(usize::from(has_header))
        .find_map(|line| decoder.decode(line).ok());
    if row.is_some_and(|row| matches!(row.stamp(), Some(Stamp::Utc(_)))) {
        return Ok((Zone::Utc, None));
    }
    let header = head.first().filter(|_| has_header);
    match format {
        Format::Lean => lean_zone(path, names),
        Format::Dukascopy => Ok((Zone::Utc, None)),
        Format::HistData => Ok((Zone::EST_FIXED, None)),
        Format::MetaTrader if header.is_some_and(|header| !header.starts_with(b"<")) => Ok((
            Zone::EetEu,
            Some("zone eet_eu, as measured in two data sets of this form"),
        )),
        Format::MetaTrader => Ok((Zone::EetUs, Some("zone eet_us, as most brokers use"))),
        Format::Csv => Ok(csv_zone(header, names)),
    }
}

fn lean_zone(path: &Path, names: &Names) -> Result<(Zone, Option<&'static str>), Error> {
    let has = |words: &[&str]| words.iter().any(|word| names.have(word));
    if has(&["oanda", "cme"]) {
        Ok((Zone::Utc, None))
    } else if has(&["fxcm"]) {
        Ok((Zone::EST_FIXED, None))
    } else if has(&["spx"]) {
        Ok((Zone::Chicago, None))
    } else {
        Err(unclear(
            path,
            "a Lean file's zone depends on its source, and neither oanda, fxcm, cme nor spx is in its path",
            "set `zone`: oanda and cme write utc, fxcm -05:00, cash indices chicago",
        ))
    }
}

fn csv_zone(header: Option<&Vec<u8>>, names: &Names) -> (Zone, Option<&'static str>) {
    let header = header
        .map(|header| columns::plain(header))
        .unwrap_or_default();
    if header.contains("utc") || header.contains("gmt") || names.have("dukascopy") {
        return (Zone::Utc, None);
    }
    if header.contains("eet") {
        return (Zone::EetEu, None);
    }
    (Zone::Utc, Some("zone utc, since nothing says another"))
}

/// HistData and MetaTrader write bids.
fn side(format: Format, decoder: &TextDecoder, names: &Names) -> Side {
    let told = match decoder {
        TextDecoder::Columns(layout) => layout.side,
        TextDecoder::Lean(..) | TextDecoder::HistData(_) => None,
    };
    let usual = match format {
        Format::HistData | Format::MetaTrader => Side::Bid,
        Format::Lean | Format::Dukascopy | Format::Csv => Side::Mid,
    };
    told.or_else(|| names.side()).unwrap_or(usual)
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
