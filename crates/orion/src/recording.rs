//! Recorded markets to be played: files of others, ORION's own tape, or its sealed days.

mod sealed;

pub use sealed::SealedDays;

use crate::config::{Config, FeedKind};
use crate::machine;
use crate::record;
use anyhow::{Context as _, Result};
use engine::Settings;
use feeds::quarantine::Reason;
use feeds::tape::{Item, Progress, Recorded, Spec, Tape};
use journal::tape::{TapeItem, TapeReader, is_tape};
use market::{
    Alert, Catalog, Event, InstrumentId, PreviousClose, QuoteBar, SourceId, Symbol, Tick, Time,
};
use std::path::{Path, PathBuf};

/// The only source of a recorded market.
const RECORDED: SourceId = SourceId(0);

/// Recorded events, each with the stamp it was recorded with; where none was, with the source's time. After an error the
/// files that are whole go on.
#[derive(Debug)]
pub enum Recording {
    Files(Box<Tape>),
    Own(Box<OwnTape>),
    Sealed(Box<SealedDays>),
}

/// What a server was told, as a feed: the ticks, bars and gaps of its tape. Time passes anew.
#[derive(Debug)]
pub struct OwnTape {
    reader: TapeReader,
    catalog: Catalog,
    /// The place in `catalog` of each instrument of the tape; none for what is not traded here.
    places: Vec<Option<InstrumentId>>,
    items: u64,
}

impl Recording {
    /// Opens what the settings name.
    ///
    /// # Errors
    /// When a file cannot be read or understood; the message names it and the remedy.
    pub fn open(config: &Config) -> Result<Self> {
        let FeedKind::Tape(files) = &config.feed.kind else {
            anyhow::bail!("the feed is no tape")
        };
        if let Some(reader) = own_tape(files)? {
            let catalog = config.catalog();
            let tape = OwnTape {
                reader,
                catalog,
                places: Vec::new(),
                items: 0,
            };
            return Ok(Self::Own(Box::new(tape)));
        }
        if let Some(files) = sealed::files(files)? {
            let days = SealedDays::open(&files, &config.catalog())?;
            return Ok(Self::Sealed(Box::new(days)));
        }
        let specs: Vec<Spec> = files
            .iter()
            .map(|file| config.feed.tape.spec(file))
            .collect();
        let tape = feeds::tape::open(&specs, &config.catalog()).context("open the tape")?;
        Ok(Self::Files(Box::new(tape)))
    }

    /// What each file was found to be, with what had to be assumed; a line each.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        match self {
            Self::Files(tape) => tape.files().iter().map(ToString::to_string).collect(),
            Self::Own(_) => vec!["ORION's own tape".to_owned()],
            Self::Sealed(days) => days.lines(),
        }
    }

    /// How far it has been read; of ORION's own tape only the items are known.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match self {
            Self::Files(tape) => tape.progress(),
            Self::Own(tape) => Progress {
                items: tape.items,
                ..Progress::default()
            },
            Self::Sealed(days) => days.progress(),
        }
    }

    /// What was turned away so far, by symbol and reason.
    #[must_use]
    pub fn quarantined(&self, catalog: &Catalog) -> Vec<(Symbol, Reason, u64)> {
        match self {
            Self::Files(tape) => {
                let counts = tape.counts().iter();
                counts
                    .map(|(id, reason, count)| (catalog.instrument(id).symbol, reason, count))
                    .collect()
            }
            Self::Own(_) | Self::Sealed(_) => Vec::new(),
        }
    }
}

impl Iterator for Recording {
    type Item = Result<(Time, Event)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Files(tape) => tape
                .next()
                .map(|item| item.map(stamped).context("read the tape")),
            Self::Own(tape) => tape.next(),
            Self::Sealed(days) => days.next(),
        }
    }
}

impl OwnTape {
    fn event(&mut self, at: Time, event: Event) -> Option<Event> {
        let place = |id: InstrumentId| self.places.get(id.index()).copied().flatten();
        match event {
            Event::Tick(tick) => Some(Event::Tick(Tick {
                instrument: place(tick.instrument)?,
                received: Some(at),
                ..tick
            })),
            Event::Bar(bar) => Some(Event::Bar(QuoteBar {
                instrument: place(bar.instrument)?,
                ..bar
            })),
            Event::Past(bar) => Some(Event::Past(QuoteBar {
                instrument: place(bar.instrument)?,
                ..bar
            })),
            Event::PreviousClose(close) => Some(Event::PreviousClose(PreviousClose {
                instrument: place(close.instrument)?,
                ..close
            })),
            // One source stands for all that were recorded; where they took over from each other, the series has a joint.
            Event::Switch(instrument, _) => Some(Event::Switch(place(instrument)?, RECORDED)),
            Event::Life(_) => Some(Event::Life(RECORDED)),
            Event::Alert(alert) => Some(Event::Alert(Box::new(Alert {
                instrument: place(alert.instrument)?,
                ..*alert
            }))),
            Event::Gap(_) => Some(Event::Gap(RECORDED)),
            Event::Start | Event::Stop | Event::Wake => None,
        }
    }
}

impl Iterator for OwnTape {
    type Item = Result<(Time, Event)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.reader.next()? {
                Ok(TapeItem::Settings(kept)) => match machine::read_settings(&kept) {
                    Ok(settings) => {
                        let symbols = settings
                            .catalog
                            .instruments
                            .iter()
                            .map(|instrument| instrument.symbol);
                        self.places = symbols
                            .map(|symbol| self.catalog.find(symbol.as_str()))
                            .collect();
                    }
                    Err(error) => return Some(Err(error)),
                },
                Ok(TapeItem::Event(at, event)) => {
                    if let Some(event) = self.event(at, event) {
                        self.items += 1;
                        return Some(Ok((at, event)));
                    }
                }
                Err(error) => return Some(Err(error).context("read the tape")),
            }
        }
    }
}

/// What the engine is set to for these settings. A tape of a simulated market is one itself: it says so, and follows the
/// simulated market's rules.
///
/// # Errors
/// When a tape of ORION's own cannot be read.
pub fn engine_settings(config: &Config) -> Result<Settings> {
    let mut settings = config.engine_settings();
    let FeedKind::Tape(files) = &config.feed.kind else {
        return Ok(settings);
    };
    if let Some(about) = recorded_by(files)?
        && let Some(source) = settings.catalog.sources.first_mut()
    {
        source.simulated = about.simulated;
        source.heartbeats = about.heartbeats;
        source.always_open = about.always_open;
        if about.simulated {
            settings.rules = config.feed.sim.rules.over(&config.rules.general);
            settings.own_rules = config.rules.book(&settings.rules);
        }
    }
    Ok(settings)
}

/// What a recording of ORION's own says of the source that was recorded.
struct RecordedSource {
    simulated: bool,
    heartbeats: bool,
    always_open: bool,
}

fn recorded_by(files: &[PathBuf]) -> Result<Option<RecordedSource>> {
    if let Some(mut reader) = own_tape(files)? {
        let Some(TapeItem::Settings(kept)) = reader.next().transpose()? else {
            return Ok(None);
        };
        let kept = machine::read_settings(&kept)?;
        return Ok(kept.catalog.sources.first().map(|source| RecordedSource {
            simulated: source.simulated,
            heartbeats: source.heartbeats,
            always_open: source.always_open,
        }));
    }
    let Some(files) = sealed::files(files)? else {
        return Ok(None);
    };
    Ok(sealed::about(&files)?.map(|about| RecordedSource {
        simulated: about.simulated,
        heartbeats: about.heartbeats,
        always_open: about.always_open,
    }))
}

/// The files as ORION's own tape, if that is what they are: a market's folder, its tape's folder, or segments.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn own_tape(files: &[PathBuf]) -> Result<Option<TapeReader>> {
    if let [dir] = files
        && dir.is_dir()
    {
        let tape = if dir.join("tape").is_dir() {
            dir.join("tape")
        } else {
            dir.clone()
        };
        let entries = tape
            .read_dir()
            .with_context(|| format!("read the folder {}", tape.display()))?;
        let own = entries
            .filter_map(Result::ok)
            .any(|entry| is_segment(&entry.path()));
        return if own {
            Ok(Some(TapeReader::open(&tape, None)?))
        } else {
            Ok(None)
        };
    }
    let own = !files.is_empty() && files.iter().all(|file| is_segment(file));
    Ok(own.then(|| TapeReader::open_files(files.iter().cloned())))
}

/// The files as the tape of a server, on which everything is that its engine was told, time included. What was recorded
/// without an engine is none.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn served_tape(files: &[PathBuf]) -> Result<Option<TapeReader>> {
    let first = own_tape(files)?.and_then(|mut reader| reader.next());
    match first.transpose()? {
        Some(TapeItem::Settings(kept)) if !record::is_recording(&kept) => own_tape(files),
        Some(TapeItem::Settings(_) | TapeItem::Event(..)) | None => Ok(None),
    }
}

fn is_segment(path: &Path) -> bool {
    path.is_file() && is_tape(path).unwrap_or(false)
}

/// The stamp is the recorded receive time, or the source's where none was recorded.
fn stamped(item: Item) -> (Time, Event) {
    match item.event {
        Recorded::Tick(tick) => (
            tick.received.unwrap_or_else(|| item.time.as_stamp()),
            Event::Tick(tick),
        ),
        Recorded::Bar(bar) => (item.time.as_stamp(), Event::Bar(bar)),
    }
}
