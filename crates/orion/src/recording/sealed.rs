//! Sealed days as a feed: the ticks and bars of ORION's own Parquet files, by their stamps.
//!
//! A file is read whole and found whole before the first of its ticks is told.

use anyhow::{Context as _, Result, bail, ensure};
use feeds::tape::Progress;
use history::day::{About, BarsRead, QuotesRead};
use market::{Catalog, Event, InstrumentId, QuoteBar, Tick, Time};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 4;

/// Every tick of the files, in the order of the stamps; where two are equal, in the order of the instruments. Bars of the
/// past are not told: what they filled a hole for was decided when they came.
#[derive(Debug)]
pub struct SealedDays {
    series: Vec<Series>,
    /// The stamps of what each series tells next.
    due: BinaryHeap<Reverse<(Time, usize)>>,
    /// What each file is.
    lines: Vec<String>,
    /// Files that failed and were not told of yet.
    failed: VecDeque<anyhow::Error>,
    progress: Progress,
}

/// The days of one instrument, oldest first.
#[derive(Debug)]
struct Series {
    instrument: InstrumentId,
    files: VecDeque<File>,
    open: Option<Open>,
    next: Option<(Time, Event)>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    kind: Kind,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Quotes,
    Bars,
}

#[derive(Debug)]
enum Open {
    Quotes(Box<QuotesRead>),
    Bars(Box<BarsRead>),
}

/// The Parquet files that these paths name, and those in folders that they name; none where there are none.
///
/// # Errors
/// When a folder cannot be read, or files of other kinds stand between them.
pub(super) fn files(paths: &[PathBuf]) -> Result<Option<Vec<PathBuf>>> {
    let mut found = Vec::new();
    let mut other = None;
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            collect(path, 0, &mut found)?;
            if found.len() == before {
                other = Some(path);
            }
        } else if is_parquet(path) {
            found.push(path.clone());
        } else {
            other = Some(path);
        }
    }
    match (found.is_empty(), other) {
        (true, _) => Ok(None),
        (false, None) => {
            found.sort();
            Ok(Some(found))
        }
        (false, Some(other)) => bail!(
            "{} is no Parquet file, and others that were named with it are: play them by themselves",
            other.display()
        ),
    }
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries = folder.read_dir();
    let entries = entries.with_context(|| format!("read the folder {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, found)?;
        } else if is_parquet(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_parquet(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|end| end == "parquet")
}

/// What the first of the files says of itself.
///
/// # Errors
/// When it is no sealed day.
pub(super) fn about(files: &[PathBuf]) -> Result<Option<About>> {
    let Some(first) = files.first() else {
        return Ok(None);
    };
    Ok(Some(look(first)?.1))
}

/// Which kind of day a file is, by its own account.
fn look(path: &Path) -> Result<(Kind, About)> {
    match QuotesRead::open(path) {
        Ok(file) => Ok((Kind::Quotes, file.about().clone())),
        Err(error) => match BarsRead::open(path) {
            Ok(file) => Ok((Kind::Bars, file.about().clone())),
            Err(_) => Err(error).context(
                "only the days that ORION has sealed are read from Parquet (orion history seal)",
            ),
        },
    }
}

impl SealedDays {
    /// Opens the files; those of symbols that are not in the catalog are left out.
    ///
    /// # Errors
    /// When a file is no sealed day, or two are of the same one.
    pub(super) fn open(paths: &[PathBuf], catalog: &Catalog) -> Result<Self> {
        let mut found: BTreeMap<(usize, Kind, i64), (PathBuf, About)> = BTreeMap::new();
        let mut lines = Vec::new();
        for path in paths {
            let (kind, about) = look(path)?;
            let Some(id) = catalog.find(about.symbol.as_str()) else {
                lines.push(format!(
                    "{}: left out: {} is none of the instruments",
                    path.display(),
                    about.symbol
                ));
                continue;
            };
            lines.push(line(path, kind, &about));
            let key = (id.index(), kind, about.day);
            if let Some((other, _)) = found.insert(key, (path.clone(), about)) {
                bail!(
                    "{} and {} are of the same day: name one of them",
                    other.display(),
                    path.display()
                );
            }
        }
        let mut days = Self {
            series: Vec::new(),
            due: BinaryHeap::new(),
            lines,
            failed: VecDeque::new(),
            progress: Progress::default(),
        };
        let mut last = None;
        for ((instrument, kind, _), (path, _)) in found {
            if last != Some((instrument, kind)) {
                days.series.push(Series::new(u16::try_from(instrument)?));
                last = Some((instrument, kind));
            }
            let bytes = fs::metadata(&path)
                .with_context(|| format!("look at {}", path.display()))?
                .len();
            days.progress.bytes_total += bytes;
            let file = File { path, kind, bytes };
            let series = days.series.last_mut().context("a series was begun")?;
            series.files.push_back(file);
        }
        ensure!(
            !days.series.is_empty(),
            "none of the files is of an instrument that is known here: {}",
            days.lines.join("; ")
        );
        for place in 0..days.series.len() {
            days.advance(place);
        }
        Ok(days)
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.clone()
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress
    }

    /// Finds what a series tells next, in its open file or in the ones behind it.
    fn advance(&mut self, place: usize) {
        loop {
            let series = &mut self.series[place];
            match series.read() {
                Ok(Some((at, event))) => {
                    series.next = Some((at, event));
                    self.due.push(Reverse((at, place)));
                    return;
                }
                Ok(None) => {}
                Err(error) => self.failed.push_back(error),
            }
            series.open = None;
            let Some(file) = series.files.pop_front() else {
                return;
            };
            self.progress.bytes += file.bytes;
            match Open::begin(&file) {
                Ok(open) => series.open = Some(open),
                Err(error) => self.failed.push_back(error),
            }
        }
    }
}

fn line(path: &Path, kind: Kind, about: &About) -> String {
    let what = match kind {
        Kind::Quotes => "ticks",
        Kind::Bars => "bars",
    };
    let day = history::day::date(about.day);
    format!(
        "{}: sealed {what} of {} on {day}, market {}",
        path.display(),
        about.symbol,
        about.market
    )
}

impl Iterator for SealedDays {
    type Item = Result<(Time, Event)>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.pop_front() {
            return Some(Err(error));
        }
        let Reverse((_, place)) = self.due.pop()?;
        let told = self.series[place].next.take()?;
        self.progress.items += 1;
        self.advance(place);
        Some(Ok(told))
    }
}

impl Open {
    /// Opens a file that is whole.
    fn begin(file: &File) -> Result<Self> {
        let path = &file.path;
        Ok(match file.kind {
            Kind::Quotes => {
                QuotesRead::open(path)?.digest()?;
                Self::Quotes(Box::new(QuotesRead::open(path)?))
            }
            Kind::Bars => {
                BarsRead::open(path)?.digest()?;
                Self::Bars(Box::new(BarsRead::open(path)?))
            }
        })
    }
}

impl Series {
    fn new(instrument: u16) -> Self {
        Self {
            instrument: InstrumentId(instrument),
            files: VecDeque::new(),
            open: None,
            next: None,
        }
    }

    /// What the open file tells next.
    fn read(&mut self) -> Result<Option<(Time, Event)>> {
        let instrument = self.instrument;
        match &mut self.open {
            None => Ok(None),
            Some(Open::Quotes(file)) => {
                let quote = file.next_quote()?;
                Ok(quote.map(|quote| {
                    let tick = Tick {
                        instrument,
                        bid: quote.bid,
                        ask: quote.ask,
                        volume: quote.volume,
                        time: quote.time,
                        received: Some(quote.stamp),
                    };
                    (quote.stamp, Event::Tick(tick))
                }))
            }
            Some(Open::Bars(file)) => {
                while let Some(told) = file.next_bar()? {
                    if !told.past {
                        let bar = QuoteBar {
                            instrument,
                            ..told.bar.clone()
                        };
                        return Ok(Some((told.stamp, Event::Bar(bar))));
                    }
                }
                Ok(None)
            }
        }
    }
}
