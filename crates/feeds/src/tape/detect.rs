//! What a file is: its format, symbol, timeframe, zone and side, from its settings, its name and its first lines. All of
//! it is settled before anything is played, so that a year of files does not stop in its middle over one of them.

use super::archive::container;
use super::dukascopy::{self, Records};
use super::input::{Container, Stream, read_error};
use super::lines::Lines;
use super::local::{LocalTime, Stamp};
use super::names::Names;
use super::recognise::{Recognised, Text, TextDecoder};
use super::row::Row;
use super::series::Series;
use super::zone::Zone;
use super::{Error, Format, Side, Spec};
use crate::quarantine::shorten;
use market::{Catalog, Instrument, InstrumentId, Price, SourceTime, Symbol, Timeframe};
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a file was found to be, for the operator to see before it is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: PathBuf,
    /// The entry that is read, of a zip.
    pub entry: Option<String>,
    /// Of the file on the disk.
    pub bytes: u64,
    pub format: Format,
    pub symbol: Symbol,
    /// Of its bars; none for ticks.
    pub timeframe: Option<Timeframe>,
    pub zone: Zone,
    pub side: Side,
    /// The first item; none in a file without any.
    pub first: Option<SourceTime>,
    /// What neither the file nor its settings told, so that it may be otherwise.
    pub assumed: Option<&'static str>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} {}", self.origin(), self.format, self.symbol)?;
        match self.timeframe {
            Some(timeframe) => write!(f, " {timeframe} bars")?,
            None => write!(f, " ticks")?,
        }
        write!(f, ", zone {}", self.zone)?;
        match self.first {
            Some(first) => write!(f, ", from {first}")?,
            None => write!(f, ", empty")?,
        }
        match self.assumed {
            Some(assumed) => write!(f, "; assumed: {assumed}"),
            None => Ok(()),
        }
    }
}

impl Found {
    /// Whether two files are the bids and the asks of the same bars: beside each other, and named alike but for that word.
    pub(super) fn is_bid_of(&self, asks: &Self) -> bool {
        (self.side, asks.side) == (Side::Bid, Side::Ask)
            && self.timeframe.is_some()
            && (self.symbol, self.timeframe) == (asks.symbol, asks.timeframe)
            && self.path.parent() == asks.path.parent()
            && name_without_side(&self.path) == name_without_side(&asks.path)
    }

    fn origin(&self) -> String {
        match &self.entry {
            Some(entry) => format!("{}!{entry}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }
}

/// The words of a file's name but for `bid` and `ask`.
fn name_without_side(path: &Path) -> Vec<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .filter(|word| word != "bid" && word != "ask")
        .collect()
}

/// Everything needed to read a file.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) path: PathBuf,
    /// For messages: the path, and the entry where it is a zip.
    pub(super) origin: String,
    /// Of the file on the disk.
    pub(super) bytes: u64,
    /// No item is earlier, unless the file itself is out of order.
    pub(super) first: SourceTime,
    pub(super) series: Series,
    pub(super) content: Content,
    /// The file of asks that goes with this file of bids.
    pub(super) asks: Option<Box<Plan>>,
}

impl Plan {
    /// Of all its files on the disk.
    pub(super) fn bytes_of_all(&self) -> u64 {
        self.bytes + self.asks.as_ref().map_or(0, |asks| asks.bytes)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Text {
        container: Container,
        decoder: TextDecoder,
        header_lines: usize,
    },
    Records {
        records: Records,
        base: LocalTime,
        /// The price of one integer step.
        unit: Price,
    },
}

/// How much of a file's beginning is looked at.
const HEAD_BYTES: u64 = 64 << 10;

/// Finds out what a file is. Without a plan it is empty.
///
/// # Errors
/// When something about it is neither told nor can be found out, or it cannot be read.
pub(super) fn plan(
    spec: &Spec,
    path: &Path,
    catalog: &Catalog,
) -> Result<(Found, Option<Plan>), Error> {
    let is_bi5 = path.extension().is_some_and(|extension| extension == "bi5");
    if is_bi5 || spec.format == Some(Format::Dukascopy) {
        plan_records(spec, path, catalog)
    } else {
        plan_text(spec, path, catalog)
    }
}

fn plan_records(
    spec: &Spec,
    path: &Path,
    catalog: &Catalog,
) -> Result<(Found, Option<Plan>), Error> {
    let names = Names::new(path, None);
    let id = instrument(spec, path, &names, catalog)?;
    let instrument = catalog.instrument(id);
    let (records, timeframe) = if names.own_have("ticks") {
        (Records::Ticks, None)
    } else {
        let timeframe = spec.timeframe.or_else(|| names.timeframe(instrument));
        (
            Records::Candles,
            Some(timeframe.ok_or_else(|| no_candles(path))?),
        )
    };
    let base = spec.base.or_else(|| names.dukascopy_base(timeframe));
    let base = base.ok_or_else(|| no_base(path))?;
    let zone = spec.zone.unwrap_or(Zone::Utc);
    let side = spec.side.or(names.side()).unwrap_or(Side::Mid);
    let mut series = Series::new(id, instrument, timeframe, side, zone);
    let first = series.utc(Stamp::Local(base));
    let bytes = file_bytes(path)?;
    let found = Found {
        path: path.to_owned(),
        entry: None,
        bytes,
        format: Format::Dukascopy,
        symbol: instrument.symbol,
        timeframe,
        zone,
        side,
        first: (bytes > 0).then_some(first),
        assumed: None,
    };
    let plan = (bytes > 0).then(|| Plan {
        path: path.to_owned(),
        origin: path.display().to_string(),
        bytes,
        first,
        series,
        content: Content::Records {
            records,
            base,
            unit: unit(spec, instrument),
        },
        asks: None,
    });
    Ok((found, plan))
}

fn unit(spec: &Spec, instrument: &Instrument) -> Price {
    let scale = spec
        .columns
        .as_ref()
        .and_then(|columns| columns.price_scale);
    match scale {
        Some(scale) => Price::from_units(1_000_000_000 / i64::from(scale.max(1))),
        None => dukascopy::unit_of(instrument.digits),
    }
}

fn plan_text(spec: &Spec, path: &Path, catalog: &Catalog) -> Result<(Found, Option<Plan>), Error> {
    let container = container(spec, path)?;
    let entry = container.entry_name().map(str::to_owned);
    let names = Names::new(path, entry.as_deref());
    let id = instrument(spec, path, &names, catalog)?;
    let instrument = catalog.instrument(id);
    let head = head(path, &container)?;
    let text = Text {
        spec,
        path,
        names: &names,
        head: &head,
    };
    let recognised = text.recognise()?;
    let rows = rows(path, &recognised, &head)?;
    let timeframe = if recognised.decoder.is_bars() {
        Some(timeframe(spec, path, &names, instrument, &rows)?)
    } else {
        None
    };
    let (zone, side) = (recognised.zone, recognised.side);
    let mut series = Series::new(id, instrument, timeframe, side, zone);
    let first = rows.iter().find_map(|&row| series.item(row));
    let first = first.map(|item| item.time);
    let found = Found {
        path: path.to_owned(),
        entry,
        bytes: file_bytes(path)?,
        format: recognised.format,
        symbol: instrument.symbol,
        timeframe,
        zone,
        side,
        first,
        assumed: recognised.assumed,
    };
    let plan = first.map(|first| Plan {
        path: path.to_owned(),
        origin: found.origin(),
        bytes: found.bytes,
        first,
        series,
        content: Content::Text {
            container,
            decoder: recognised.decoder,
            header_lines: recognised.header_lines,
        },
        asks: None,
    });
    Ok((found, plan))
}

/// The instrument that the settings or the names tell.
fn instrument(
    spec: &Spec,
    path: &Path,
    names: &Names,
    catalog: &Catalog,
) -> Result<InstrumentId, Error> {
    let known = || {
        let all: Vec<&str> = catalog
            .instruments
            .iter()
            .map(|instrument| instrument.symbol.as_str())
            .collect();
        all.join(", ")
    };
    if let Some(symbol) = spec.symbol {
        return catalog.find(symbol.as_str()).ok_or_else(|| {
            let seen = format!("`symbol` is {symbol}, which is no instrument");
            unclear(
                path,
                seen,
                format!("use one of {} or add it to the instruments", known()),
            )
        });
    }
    match names.symbols(catalog)[..] {
        [id] => Ok(id),
        [] => Err(unclear(
            path,
            "no instrument's symbol is in its name",
            format!(
                "set `symbol` to one of {} or add it to the instruments",
                known()
            ),
        )),
        [..] => Err(unclear(
            path,
            "its name holds several symbols",
            "set `symbol` to the one it is of",
        )),
    }
}

/// The lines at the beginning of a file; the limit may cut the last one, which then only counts as one that cannot be
/// read.
fn head(path: &Path, container: &Container) -> Result<Vec<Vec<u8>>, Error> {
    let error = |error| read_error(path, error);
    let stream = Stream::open(path, container).map_err(error)?;
    let mut lines = Lines::new(stream.take(HEAD_BYTES));
    let mut head = Vec::new();
    while let Some(line) = lines.next().map_err(error)? {
        head.push(line.text.to_vec());
    }
    Ok(head)
}

/// What the first lines hold; an error when there are some and none can be read.
fn rows(path: &Path, recognised: &Recognised, head: &[Vec<u8>]) -> Result<Vec<Row>, Error> {
    let mut decoder = recognised.decoder.clone();
    let lines = head.get(recognised.header_lines..).unwrap_or_default();
    let results: Vec<_> = lines.iter().map(|line| decoder.decode(line)).collect();
    let rows: Vec<Row> = results.iter().flatten().copied().collect();
    match (results.first(), lines.first()) {
        (Some(Err(why)), Some(line)) if rows.is_empty() => Err(unclear(
            path,
            format!(
                "it looks like {}, but none of its first {} lines can be read: `{}`: {why}",
                recognised.format,
                lines.len(),
                shorten(line)
            ),
            "set `format`, or `columns` to what its columns hold",
        )),
        _ => Ok(rows),
    }
}

/// The timeframe that the settings or the names tell, else the smallest step between the first bars.
fn timeframe(
    spec: &Spec,
    path: &Path,
    names: &Names,
    instrument: &Instrument,
    rows: &[Row],
) -> Result<Timeframe, Error> {
    if let Some(timeframe) = spec.timeframe {
        return Ok(timeframe);
    }
    let step = smallest_step(rows);
    if let Some(timeframe) = names.timeframe(instrument) {
        return match step {
            Some(step) if step < timeframe.span().nanos() => Err(unclear(
                path,
                format!(
                    "its name says {timeframe}, but its bars are {} s apart",
                    step / 1_000_000_000
                ),
                "set `timeframe` to what they are",
            )),
            _ => Ok(timeframe),
        };
    }
    let found = Timeframe::ALL
        .into_iter()
        .find(|timeframe| step == Some(timeframe.span().nanos()));
    found.ok_or_else(|| {
        let seen = match step {
            Some(step) => format!("its bars are {} s apart", step / 1_000_000_000),
            None => "its name says no timeframe and it has only one bar".to_owned(),
        };
        unclear(
            path,
            seen,
            "set `timeframe` to 1m, 5m, 15m, 1h, 4h or 1d: others are not read",
        )
    })
}

fn smallest_step(rows: &[Row]) -> Option<i64> {
    let times: Vec<i64> = rows.iter().filter_map(Row::open_nanos).collect();
    let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
    steps.filter(|&step| step > 0).min()
}

fn file_bytes(path: &Path) -> Result<u64, Error> {
    let about = fs::metadata(path).map_err(|error| read_error(path, error))?;
    Ok(about.len())
}

/// An error about a file that does not say enough.
pub(super) fn unclear(path: &Path, seen: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Unclear {
        path: path.to_owned(),
        seen: seen.into(),
        remedy: remedy.into(),
    }
}

fn no_candles(path: &Path) -> Error {
    unclear(
        path,
        "its name says neither ticks nor a timeframe",
        "name it ..._ticks.bi5 where it holds ticks, set `timeframe` where it holds candles",
    )
}

fn no_base(path: &Path) -> Error {
    unclear(
        path,
        "nothing says what its times count from",
        "keep Dukascopy's folders (EURUSD/2019/01/04/13h_ticks.bi5, the month from zero), put the date into its name \
         (EURUSD_20190204_13h_ticks.bi5), or set `base`",
    )
}
