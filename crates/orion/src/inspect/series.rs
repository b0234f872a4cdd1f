//! Files as series of closed bars: as their rows are, or made into longer ones by the engine's own rules.

use crate::cli;
use crate::config::{Config, FeedKind};
use crate::recording::Recording;
use anyhow::{Context as _, Result, bail, ensure};
use engine::{Merge, Straddles};
use feeds::tape::{GivenBar, GivenBars, GivenError, instrument_named_by};
use market::{
    Bar, Calendar, Catalog, Event, InstrumentId, Ohlc, Price, QuoteBar, SourceTime, Span, Symbol,
    Tick, Timeframe,
};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// What is asked of the times of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// Nothing: they may be any text.
    Carried,
    /// To be moments, where the first one is.
    ReadIfAny,
    /// To be moments, each after the one before.
    Read,
}

/// A closed bar.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// As it was given; of bars that were made, when they open.
    pub(super) time: String,
    /// Open, high, low and close as they were given.
    texts: Option<[String; 4]>,
    pub(super) bar: Bar,
}

/// Bars of one symbol.
#[derive(Debug)]
pub(super) struct Series {
    path: PathBuf,
    source: Source,
    calendar: Calendar,
    symbol: Option<Symbol>,
    merge: Option<(Timeframe, Merge)>,
    made: Vec<Bar>,
    ready: VecDeque<Row>,
    ended: bool,
    late: u64,
}

#[derive(Debug)]
enum Source {
    Given(Box<Given>),
    Recorded(Box<Recorded>),
}

/// What a source holds.
#[derive(Debug)]
enum Piece {
    Bar(Row),
    Tick(SourceTime, Price),
}

/// Rows of a CSV.
#[derive(Debug)]
struct Given {
    bars: GivenBars,
    times: Times,
    /// Times were asked for if there are any, and there are none.
    timeless: bool,
    /// From the opening of one bar to that of the next, where times are read and it has two.
    step: Option<Span>,
    before: Option<SourceTime>,
    count: i64,
}

/// What plays as a market too.
#[derive(Debug)]
struct Recorded {
    recording: Recording,
    catalog: Catalog,
    wanted: Option<InstrumentId>,
    found: Option<InstrumentId>,
    timeframe: Option<Timeframe>,
    /// What was looked at ahead.
    first: Option<Piece>,
}

/// So many rows tell how long a file's bars are.
const MEASURED: usize = 1000;
/// Of bars whose times are not read; longer than those that days are made of, so that there are none.
const UNTIMED: Span = Span::from_hours(48);

impl Series {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or understood, or has bars that are too long.
    pub(super) fn open(
        path: &Path,
        times: Times,
        options: &cli::Inspect,
        config: &Config,
    ) -> Result<Self> {
        let catalog = config.catalog();
        let wanted = options.symbol.map(|symbol| find(&catalog, symbol));
        let wanted = wanted.transpose()?;
        let times = if options.tf.is_some() {
            Times::Read
        } else {
            times
        };
        let source = match GivenBars::open(path)? {
            Some(bars) => Source::Given(Box::new(Given::new(bars, path, times)?)),
            None => Source::Recorded(Box::new(Recorded::open(path, wanted, config)?)),
        };
        let named = wanted.or_else(|| instrument_named_by(path, &catalog));
        let named = named.map(|id| catalog.instrument(id));
        let mut series = Self {
            path: path.to_owned(),
            calendar: named.map_or(Calendar::Fx, |instrument| instrument.calendar),
            symbol: named.map(|instrument| instrument.symbol),
            source,
            merge: None,
            made: Vec::new(),
            ready: VecDeque::new(),
            ended: false,
            late: 0,
        };
        series.know_recorded(options.tf)?;
        if let Some(timeframe) = options.tf {
            series.check_length(timeframe)?;
            let grace = Span::from_millis(i64::from(config.rules.general.bar_grace_ms));
            let merge = Merge::new(timeframe, series.calendar, grace);
            series.merge = Some((timeframe, merge));
        }
        Ok(series)
    }

    /// The next closed bar; none at the end.
    ///
    /// # Errors
    /// When the file cannot be read on, or holds what is no bar.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Ok(Some(row));
            }
            if self.ended {
                return Ok(None);
            }
            match self.source.next(&self.path)? {
                Some(piece) => self.take(piece)?,
                None => self.end(),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The symbol that the file or its name tells.
    pub(super) fn symbol(&self) -> Option<Symbol> {
        self.symbol
    }

    /// The file's name up to its first point.
    pub(super) fn stem(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.split('.').next().unwrap_or_default().to_owned()
    }

    /// By which days roll: the symbol's, else that of currencies and indices.
    pub(super) fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// How long its bars are, where that is known.
    pub(super) fn length(&self) -> Option<Span> {
        match (&self.merge, &self.source) {
            (Some((timeframe, _)), _) => Some(timeframe.span()),
            (None, Source::Given(given)) => given.step,
            (None, Source::Recorded(recorded)) => recorded.timeframe.map(Timeframe::span),
        }
    }

    /// Bytes of the file, and how many of them were read; zeros where that is not known.
    pub(super) fn progress(&self) -> (u64, u64) {
        match &self.source {
            Source::Given(given) => given.bars.progress(),
            Source::Recorded(recorded) => {
                let progress = recorded.recording.progress();
                (progress.bytes_total, progress.bytes)
            }
        }
    }

    /// What is worth a line for people, when it has been read.
    pub(super) fn notes(&self) -> Vec<String> {
        let path = self.path.display();
        let mut notes = self.source.notes(&self.path);
        if self.late > 0 {
            notes.push(format!(
                "{path}: {} ticks came after their bar had closed and were left out",
                self.late
            ));
        }
        notes
    }

    /// Looks at the first piece of a recording, which tells whose it is and how long its bars are.
    fn know_recorded(&mut self, asked: Option<Timeframe>) -> Result<()> {
        let Source::Recorded(recorded) = &mut self.source else {
            return Ok(());
        };
        recorded.look(&self.path)?;
        if let Some(id) = recorded.found {
            let instrument = recorded.catalog.instrument(id);
            (self.calendar, self.symbol) = (instrument.calendar, Some(instrument.symbol));
        }
        let holds_ticks = matches!(recorded.first, Some(Piece::Tick(..)));
        ensure!(
            asked.is_some() || !holds_ticks,
            "{}: it holds ticks; say what bars to make of them, as --tf 1m",
            self.path.display()
        );
        Ok(())
    }

    /// Bars can only be made of shorter ones.
    fn check_length(&self, timeframe: Timeframe) -> Result<()> {
        let Some(length) = self.length() else {
            return Ok(());
        };
        ensure!(
            length <= timeframe.span(),
            "{}: its bars are {} long, and {timeframe} bars cannot be made of longer ones; give finer bars, or leave --tf out",
            self.path.display(),
            shown(length)
        );
        Ok(())
    }

    /// A bar that is no part of one longer bar.
    fn straddling(&self, row: &Row, timeframe: Timeframe, straddles: Straddles) -> anyhow::Error {
        anyhow::anyhow!(
            "{}: `{}`: this bar of {} reaches beyond the {timeframe} bar from {} to {} that it begins in; give bars that fit \
             into it (4h and 1d begin at the roll of the trading day)",
            self.path.display(),
            row.time,
            shown(row.bar.end_time - row.bar.open_time),
            straddles.open_time,
            straddles.end_time
        )
    }

    fn take(&mut self, piece: Piece) -> Result<()> {
        match (piece, &mut self.merge) {
            (Piece::Bar(row), None) => self.ready.push_back(row),
            (Piece::Bar(row), Some((timeframe, merge))) => {
                let joined = merge.bar(&row.bar, &mut self.made);
                let timeframe = *timeframe;
                joined.map_err(|straddles| self.straddling(&row, timeframe, straddles))?;
            }
            (Piece::Tick(time, price), Some((_, merge))) => {
                let taken = merge.tick(time, price, &mut self.made);
                self.late += u64::from(taken.is_err());
            }
            (Piece::Tick(..), None) => bail!(
                "{}: it holds ticks beside its bars; say what bars to make of them, as --tf 1m",
                self.path.display()
            ),
        }
        self.ready.extend(self.made.drain(..).map(Row::made));
        Ok(())
    }

    fn end(&mut self) {
        self.ended = true;
        if let Some((_, merge)) = &mut self.merge {
            merge.end(&mut self.made);
        }
        self.ready.extend(self.made.drain(..).map(Row::made));
    }
}

impl Source {
    fn next(&mut self, path: &Path) -> Result<Option<Piece>> {
        match self {
            Self::Given(given) => Ok(given.next(path)?.map(Piece::Bar)),
            Self::Recorded(recorded) => recorded.next(path),
        }
    }

    fn notes(&self, path: &Path) -> Vec<String> {
        match self {
            Self::Given(given) => given.notes(path),
            Self::Recorded(recorded) => recorded.notes(path),
        }
    }
}

impl Given {
    fn new(bars: GivenBars, path: &Path, times: Times) -> Result<Self> {
        let step = match times {
            Times::Carried => None,
            Times::Read | Times::ReadIfAny => step(path)?,
        };
        Ok(Self {
            bars,
            times,
            timeless: false,
            step,
            before: None,
            count: 0,
        })
    }

    fn next(&mut self, path: &Path) -> Result<Option<Row>> {
        let Some(given) = self.bars.read()? else {
            return Ok(None);
        };
        let (open_time, end_time) = self.interval(&given, path)?;
        self.count += 1;
        Ok(Some(Row {
            time: given.time,
            texts: Some(given.texts),
            bar: bar(open_time, end_time, given.price),
        }))
    }

    fn interval(&mut self, given: &GivenBar, path: &Path) -> Result<(SourceTime, SourceTime)> {
        if self.times == Times::ReadIfAny && self.count == 0 && self.bars.moment(given).is_err() {
            (self.times, self.timeless) = (Times::Carried, true);
        }
        if self.times == Times::Carried {
            let open_time = SourceTime::from_secs(self.count);
            return Ok((open_time, open_time + UNTIMED));
        }
        let open_time = self.bars.moment(given)?;
        if let Some(before) = self.before.replace(open_time) {
            ensure!(
                before < open_time,
                "{}:{}: `{}`: its time is not after that of the bar before it ({before}); sort the rows by time, and give each \
                 time once",
                path.display(),
                given.line,
                given.time
            );
        }
        Ok((open_time, open_time + self.step.unwrap_or(Span::ZERO)))
    }

    fn notes(&self, path: &Path) -> Vec<String> {
        let path = path.display();
        let mut notes = Vec::new();
        if self.bars.rounded() > 0 {
            notes.push(format!(
                "{path}: {} prices have more than nine decimals; the detectors take them rounded to nine",
                self.bars.rounded()
            ));
        }
        if self.timeless {
            notes.push(format!(
                "{path}: its times are no moments, so there are no pools of days, weeks and sessions"
            ));
        }
        notes
    }
}

impl Recorded {
    fn open(path: &Path, wanted: Option<InstrumentId>, config: &Config) -> Result<Self> {
        let mut config = config.clone();
        config.feed.kind = FeedKind::Tape(vec![path.to_owned()]);
        // In a folder the sides tell which file of bids goes with which of asks.
        if !path.is_dir() {
            config.feed.tape.keep_prices();
        }
        let catalog = config.catalog();
        Ok(Self {
            recording: Recording::open(&config).with_context(|| {
                format!(
                    "{}: its header does not name time, open, high, low and close, so that it was read as a recording",
                    path.display()
                )
            })?,
            catalog,
            wanted,
            found: None,
            timeframe: None,
            first: None,
        })
    }

    fn look(&mut self, path: &Path) -> Result<()> {
        self.first = self.read(path)?;
        Ok(())
    }

    fn next(&mut self, path: &Path) -> Result<Option<Piece>> {
        match self.first.take() {
            Some(piece) => Ok(Some(piece)),
            None => self.read(path),
        }
    }

    /// The next tick or bar of the instrument; what else a tape of ORION's own holds is passed over.
    fn read(&mut self, path: &Path) -> Result<Option<Piece>> {
        loop {
            let Some(next) = self.recording.next() else {
                return Ok(None);
            };
            let (_, event) = next?;
            let piece = match event {
                Event::Tick(tick) => self.tick(&tick, path)?,
                Event::Bar(quote) => self.bar(&quote, path)?,
                Event::Past(_)
                | Event::PreviousClose(_)
                | Event::Gap(_)
                | Event::Life(_)
                | Event::Switch(..)
                | Event::Alert(_)
                | Event::Start
                | Event::Stop
                | Event::Wake
                | Event::Opinion(_) => None,
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    fn tick(&mut self, tick: &Tick, path: &Path) -> Result<Option<Piece>> {
        let ours = self.is_ours(tick.instrument, path)?;
        Ok(ours.then(|| Piece::Tick(tick.time, tick.mid())))
    }

    fn bar(&mut self, quote: &QuoteBar, path: &Path) -> Result<Option<Piece>> {
        if !self.is_ours(quote.instrument, path)? {
            return Ok(None);
        }
        let timeframe = *self.timeframe.get_or_insert(quote.timeframe);
        ensure!(
            timeframe == quote.timeframe,
            "{}: it holds bars of {timeframe} and of {}; give the files of one length",
            path.display(),
            quote.timeframe
        );
        let end_time = quote.open_time + timeframe.span();
        let row = Row {
            time: quote.open_time.to_string(),
            texts: None,
            bar: bar(quote.open_time, end_time, engine::mid(quote)),
        };
        Ok(Some(Piece::Bar(row)))
    }

    /// Whether an instrument is the one that is looked at: the one that was asked for, else the only one.
    fn is_ours(&mut self, id: InstrumentId, path: &Path) -> Result<bool> {
        if let Some(wanted) = self.wanted
            && wanted != id
        {
            return Ok(false);
        }
        let found = *self.found.get_or_insert(id);
        ensure!(
            found == id,
            "{}: it holds {} and {}; say which to look at, as --symbol {}",
            path.display(),
            self.catalog.instrument(found).symbol,
            self.catalog.instrument(id).symbol,
            self.catalog.instrument(found).symbol
        );
        Ok(true)
    }

    fn notes(&self, path: &Path) -> Vec<String> {
        let mut notes = self.recording.files();
        if notes.len() > FILES_TOLD {
            let more = notes.len() - FILES_TOLD;
            notes.truncate(FILES_TOLD);
            notes.push(format!("and {more} more files"));
        }
        let turned_away = self.recording.quarantined(&self.catalog);
        notes.extend(turned_away.iter().map(|(symbol, reason, count)| {
            format!(
                "{}: {count} of {symbol} were left out: {reason}",
                path.display()
            )
        }));
        notes
    }
}

/// So many files are told by what they were found to be.
const FILES_TOLD: usize = 3;

impl Row {
    fn made(bar: Bar) -> Self {
        Self {
            time: bar.open_time.to_string(),
            texts: None,
            bar,
        }
    }

    /// Open, high, low and close as numbers, as near as they come to what was given.
    ///
    /// # Errors
    /// When one is no number, which no price that was read is.
    pub(super) fn numbers(&self) -> Result<[f64; 4]> {
        let Some(texts) = &self.texts else {
            let price = &self.bar.price;
            return Ok([price.open, price.high, price.low, price.close].map(Price::to_f64));
        };
        let mut numbers = [0.0; 4];
        for (number, text) in numbers.iter_mut().zip(texts) {
            *number = text
                .parse()
                .with_context(|| format!("`{text}` is no number"))?;
        }
        Ok(numbers)
    }

    /// Open, high, low and close with every digit they were given with.
    pub(super) fn prices(&self) -> [String; 4] {
        self.texts.clone().unwrap_or_else(|| {
            let price = &self.bar.price;
            [price.open, price.high, price.low, price.close].map(|price| price.to_string())
        })
    }
}

fn find(catalog: &Catalog, symbol: Symbol) -> Result<InstrumentId> {
    catalog.find(symbol.as_str()).with_context(|| {
        format!("--symbol {symbol}: there is no such instrument; add it to the settings")
    })
}

fn bar(open_time: SourceTime, end_time: SourceTime, price: Ohlc) -> Bar {
    Bar {
        open_time,
        end_time,
        price,
        ticks: 1,
        holed: false,
    }
}

/// The smallest step between the first bars of a file, which is how long they are: a market that pauses makes no step
/// smaller. None where there are not two.
fn step(path: &Path) -> Result<Option<Span>> {
    let Some(mut bars) = GivenBars::open(path)? else {
        return Ok(None);
    };
    let mut before: Option<SourceTime> = None;
    let mut step: Option<Span> = None;
    for _ in 0..MEASURED {
        // What is wrong with a row is told when its turn comes.
        let time = match bars.read() {
            Ok(Some(bar)) => bars.moment(&bar).ok(),
            Ok(None) => break,
            Err(GivenError::Row { .. }) => None,
            Err(error @ GivenError::File(_)) => return Err(error.into()),
        };
        if let (Some(before), Some(time)) = (before, time)
            && before < time
        {
            let next = time - before;
            step = Some(step.map_or(next, |step| step.min(next)));
        }
        before = time.or(before);
    }
    Ok(step)
}

/// A length as people say it.
pub(super) fn shown(length: Span) -> String {
    let seconds = length.millis() / 1000;
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "min")] {
        if seconds >= unit && seconds % unit == 0 {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}
