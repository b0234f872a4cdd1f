//! Sealing one day: the tape is read once to know what each file must be, and once more for every few files to write them.

use super::Watcher;
use super::note::{self, Kind, Note, Sealed};
use crate::{fault, machine};
use anyhow::{Context as _, Result};
use history::day::{self, About, Bars, Digest, Digester, Quote, Quotes, Told};
use journal::tape::{Segment, TapeItem, TapeReader};
use market::{Catalog, Event, InstrumentId, Price, Symbol, Time};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Files that are written at a time: each has a group of rows in memory, up to about 10 MB.
const FILES_AT_ONCE: usize = 8;
/// Items between two looks at the watcher.
const WATCH_EVERY: u64 = 16_384;

/// A finished day of a tape.
pub(super) struct Day<'a> {
    pub(super) market: &'a Path,
    pub(super) history: &'a Path,
    pub(super) number: i64,
    pub(super) segments: &'a [Segment],
    /// The segment behind them: with one, a torn end is damage.
    pub(super) next: Option<&'a Segment>,
    /// Whose prices each symbol had when the day before ended.
    pub(super) before: BTreeMap<String, String>,
}

/// What a day of a tape tells, without writing anything.
pub(crate) struct DayRead<'a> {
    pub(crate) segments: &'a [Segment],
    /// As in [`Day`].
    pub(crate) next: Option<&'a Segment>,
    /// As in [`Day`].
    pub(crate) before: BTreeMap<String, String>,
}

/// A file to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    symbol: Symbol,
    kind: Kind,
}

/// What a file must be.
#[derive(Clone, Debug)]
struct Plan {
    about: About,
    digester: Digester,
}

/// A quote or a bar of the tape.
pub(crate) enum Row<'a> {
    Quote(Quote<'a>),
    Bar(Told<'a>),
}

/// A file that is being written.
enum Open {
    Quotes(Quotes),
    Bars(Bars),
}

impl Day<'_> {
    /// Seals the day; `None` where the watcher ended it.
    pub(super) fn seal(&self, watcher: &mut dyn Watcher) -> Result<Option<Note>> {
        let mut plans: BTreeMap<Key, Plan> = BTreeMap::new();
        let read = self.read(watcher, |key, context, row| {
            let plan = plans.entry(key).or_insert_with(|| Plan {
                about: context.about(self, key.symbol),
                digester: Digester::default(),
            });
            plan.take(context, &row);
            Ok(())
        })?;
        let Some(sources) = read else {
            return Ok(None);
        };
        let mut missing: Vec<Key> = Vec::new();
        for (key, plan) in &plans {
            if !self.has(*key, plan.digester.digest()) {
                missing.push(*key);
            }
        }
        for keys in missing.chunks(FILES_AT_ONCE) {
            if !self.write(keys, &plans, watcher)? {
                return Ok(None);
            }
        }
        let files = plans.iter().map(|(key, plan)| self.sealed(*key, plan));
        let note = Note::new(self.number, files.collect::<Result<_>>()?, sources);
        fault::point("seal_day");
        note.publish(self.history, self.number)?;
        Ok(Some(note))
    }

    /// Writes these files; whether the watcher let it.
    fn write(
        &self,
        keys: &[Key],
        plans: &BTreeMap<Key, Plan>,
        watcher: &mut dyn Watcher,
    ) -> Result<bool> {
        let mut open: BTreeMap<Key, Open> = BTreeMap::new();
        for key in keys {
            open.insert(
                *key,
                Open::create(&self.path(*key), *key, &plans[key].about)?,
            );
        }
        let read = self.read(watcher, |key, _, row| match (open.get_mut(&key), row) {
            (Some(Open::Quotes(file)), Row::Quote(quote)) => Ok(file.push(&quote)?),
            (Some(Open::Bars(file)), Row::Bar(told)) => Ok(file.push(&told)?),
            (Some(_) | None, _) => Ok(()),
        })?;
        if read.is_none() {
            return Ok(false);
        }
        for file in open.into_values() {
            file.seal()?;
        }
        Ok(true)
    }

    /// Whether the file is in its place and says all that the tape says.
    fn has(&self, key: Key, expected: Digest) -> bool {
        let path = self.path(key);
        if !path.exists() {
            return false;
        }
        match note::digest(&path, key.kind) {
            Ok(found) if found == expected => true,
            Ok(_) => {
                tracing::warn!(file = %path.display(), "is not what the tape says, and is sealed anew");
                false
            }
            Err(error) => {
                tracing::warn!("{error}; it is sealed anew");
                false
            }
        }
    }

    fn sealed(&self, key: Key, plan: &Plan) -> Result<Sealed> {
        let path = self.path(key);
        let about = fs::metadata(&path).with_context(|| format!("look at {}", path.display()))?;
        let Digest { rows, crc } = plan.digester.digest();
        Ok(Sealed {
            path: self.relative(key),
            symbol: key.symbol,
            kind: key.kind,
            rows,
            crc,
            bytes: about.len(),
        })
    }

    fn path(&self, key: Key) -> PathBuf {
        self.history.join(self.relative(key))
    }

    fn relative(&self, key: Key) -> PathBuf {
        let end = match key.kind {
            Kind::Quotes => "parquet",
            Kind::Bars => "bars.parquet",
        };
        Path::new(&folder_name(key.symbol)).join(format!("{}.{end}", day::date(self.number)))
    }

    fn read(
        &self,
        watcher: &mut dyn Watcher,
        each: impl FnMut(Key, &Context, Row<'_>) -> Result<()>,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let read = DayRead {
            segments: self.segments,
            next: self.next,
            before: self.before.clone(),
        };
        read.read(watcher, each)
    }
}

impl DayRead<'_> {
    /// Gives every quote and bar of the day with its symbol and that one's decimals. Answers as [`DayRead::read`].
    pub(crate) fn rows(
        self,
        watcher: &mut dyn Watcher,
        mut each: impl FnMut(Symbol, u8, Row<'_>) -> Result<()>,
    ) -> Result<Option<BTreeMap<String, String>>> {
        self.read(watcher, |key, context, row| {
            let id = context.catalog.find(key.symbol.as_str());
            let digits = id.map_or(0, |id| context.catalog.instrument(id).digits);
            each(key.symbol, digits, row)
        })
    }

    /// Gives every quote and bar of the day. Answers with whose prices each symbol had at the end; `None` where the watcher
    /// ended it.
    fn read(
        self,
        watcher: &mut dyn Watcher,
        mut each: impl FnMut(Key, &Context, Row<'_>) -> Result<()>,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let paths = self.segments.iter().chain(self.next);
        let mut reader = TapeReader::open_files(paths.map(|segment| segment.path.clone()));
        let mut context = Context {
            sources: self.before,
            ..Context::default()
        };
        let (mut heads, mut items) = (0, 0_u64);
        while let Some(item) = reader.next() {
            match item? {
                TapeItem::Settings(_) if heads == self.segments.len() => break,
                TapeItem::Settings(kept) => {
                    heads += 1;
                    context.catalog = machine::read_settings(&kept)?.catalog;
                }
                TapeItem::Event(at, event) => context.take(at, &event, &mut each)?,
            }
            items += 1;
            if items.is_multiple_of(WATCH_EVERY) && !watcher.reads(reader.bytes()) {
                return Ok(None);
            }
        }
        Ok(Some(context.sources))
    }
}

/// What must be known of a tape to understand an event of it.
#[derive(Debug, Default)]
struct Context {
    catalog: Catalog,
    /// Whose prices each symbol has.
    sources: BTreeMap<String, String>,
}

impl Context {
    fn take(
        &mut self,
        at: Time,
        event: &Event,
        each: &mut impl FnMut(Key, &Self, Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let (id, kind) = match event {
            Event::Tick(tick) => (tick.instrument, Kind::Quotes),
            Event::Bar(bar) | Event::Past(bar) => (bar.instrument, Kind::Bars),
            Event::Switch(id, source) => {
                let source = self.catalog.sources.get(source.index());
                if let (Some(symbol), Some(source)) = (self.symbol(*id), source) {
                    self.sources.insert(symbol.to_string(), source.name.clone());
                }
                return Ok(());
            }
            Event::PreviousClose(_)
            | Event::Gap(_)
            | Event::Life(_)
            | Event::Alert(_)
            | Event::Start
            | Event::Stop
            | Event::Wake
            | Event::Opinion(_) => return Ok(()),
        };
        let Some(symbol) = self.symbol(id) else {
            return Ok(());
        };
        let source = self.source(symbol);
        let row = match event {
            Event::Tick(tick) => Row::Quote(Quote {
                time: tick.time,
                bid: tick.bid,
                ask: tick.ask,
                stamp: at,
                source,
                volume: tick.volume,
            }),
            Event::Bar(bar) | Event::Past(bar) => Row::Bar(Told {
                bar,
                stamp: at,
                past: matches!(event, Event::Past(_)),
                source,
            }),
            Event::PreviousClose(_)
            | Event::Gap(_)
            | Event::Life(_)
            | Event::Switch(..)
            | Event::Alert(_)
            | Event::Start
            | Event::Stop
            | Event::Wake
            | Event::Opinion(_) => return Ok(()),
        };
        each(Key { symbol, kind }, self, row)
    }

    fn symbol(&self, id: InstrumentId) -> Option<Symbol> {
        let instrument = self.catalog.instruments.get(id.index())?;
        Some(instrument.symbol)
    }

    /// Whose prices a symbol has: the source that was taken, or the only one there is.
    fn source(&self, symbol: Symbol) -> Option<&str> {
        match (self.sources.get(symbol.as_str()), &self.catalog.sources[..]) {
            (Some(name), _) => Some(name),
            (None, [only]) => Some(&only.name),
            (None, _) => None,
        }
    }

    fn about(&self, day: &Day<'_>, symbol: Symbol) -> About {
        let market = day.market.file_name().unwrap_or_default();
        let instrument = self.catalog.find(symbol.as_str());
        let instrument = instrument.map(|id| self.catalog.instrument(id));
        let source = instrument.and_then(|one| self.catalog.sources.get(one.source.index()));
        About {
            market: market.to_string_lossy().into_owned(),
            symbol,
            day: day.number,
            digits: instrument.map_or(0, |one| one.digits),
            simulated: source.is_some_and(|source| source.simulated),
            always_open: source.is_some_and(|source| source.always_open),
            heartbeats: source.is_some_and(|source| source.heartbeats),
        }
    }
}

impl Plan {
    fn take(&mut self, context: &Context, row: &Row<'_>) {
        match row {
            Row::Quote(quote) => {
                self.digester.quote(quote);
                self.keep_places(context, &[quote.bid, quote.ask]);
            }
            Row::Bar(told) => {
                self.digester.bar(told);
                for side in [&told.bar.bid, &told.bar.ask] {
                    self.keep_places(context, &[side.open, side.high, side.low, side.close]);
                }
            }
        }
    }

    /// Lets the file have the decimals that these prices need; also those of settings that came later in the day.
    fn keep_places(&mut self, context: &Context, prices: &[Price]) {
        let digits = &mut self.about.digits;
        if let Some(id) = context.catalog.find(self.about.symbol.as_str()) {
            *digits = context.catalog.instrument(id).digits.max(*digits);
        }
        for price in prices {
            *digits = day::places(*digits, *price);
        }
    }
}

impl Open {
    fn create(path: &Path, key: Key, about: &About) -> Result<Self> {
        Ok(match key.kind {
            Kind::Quotes => Self::Quotes(Quotes::create(path, about)?),
            Kind::Bars => Self::Bars(Bars::create(path, about)?),
        })
    }

    fn seal(self) -> Result<()> {
        match self {
            Self::Quotes(file) => file.seal(fault::point)?,
            Self::Bars(file) => file.seal(fault::point)?,
        };
        Ok(())
    }
}

/// The folder of a symbol: its name, but for one of dots, which is another folder's.
fn folder_name(symbol: Symbol) -> String {
    let name = symbol.as_str();
    if name.starts_with('.') {
        format!("_{name}")
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_symbol_leaves_the_folder() {
        for (symbol, folder) in [
            ("EURUSD", "EURUSD"),
            ("..", "_.."),
            (".", "_."),
            ("A.B", "A.B"),
        ] {
            assert_eq!(folder_name(Symbol::new(symbol).unwrap()), folder);
        }
    }
}
