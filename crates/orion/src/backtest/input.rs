//! What a backtest runs over: recorded files, or what a server was told.

use super::given;
use crate::cli;
use crate::config::{self, Config};
use crate::history::{self, Progress, remark};
use crate::machine;
use crate::models::Panel;
use crate::recording::{self, Recording};
use anyhow::{Context as _, Result, bail, ensure};
use engine::Settings;
use journal::tape::{TapeItem, TapeReader};
use market::{Event, InstrumentId, PreviousClose, QuoteBar, Symbol, Tick, Time, Timeframe};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// Events between two looks at the progress.
const PROGRESS_EVERY: u64 = 16_384;

/// What is run, and under which settings.
#[derive(Debug)]
pub(super) enum Input {
    /// A server's own tape, under the settings it ran with: all is told as it was told then, time included.
    Told {
        paths: Vec<PathBuf>,
        settings: Settings,
    },
    /// Files of others, or a server's tape as a recording: time passes anew.
    Recorded {
        config: Box<Config>,
        settings: Settings,
        places: Places,
    },
}

/// An input, with what is to be said of it.
#[derive(Debug)]
pub(super) struct Opened {
    pub input: Input,
    pub names: Vec<String>,
    pub notes: Vec<String>,
}

impl Opened {
    /// Finds out what the options name.
    ///
    /// # Errors
    /// When there is nothing to run, the settings are impossible, or the data cannot be read.
    pub(super) fn open(
        options: &cli::Backtest,
        environment: Vec<(String, String)>,
    ) -> Result<Self> {
        let names = named(options, environment.clone())?;
        let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        let served = recording::served_tape(&paths)?;
        if let Some(reader) = served
            && given::is_plain(options)
        {
            let settings = settings_of(reader)?;
            let mut notes = vec![
                "A server's own tape under the settings it ran with: the same events at the same stamps, decided again."
                    .to_owned(),
            ];
            if !settings.models.is_empty() {
                notes.push("What models said is on the tape, and counts as it was heard: none was asked again.".to_owned());
            }
            return Ok(Self {
                input: Input::Told { paths, settings },
                names,
                notes,
            });
        }
        let config = given::config(options, &names, &[], environment)?;
        Self::recorded(options, config, names)
    }

    /// A recording under settings of the operator's own.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub(super) fn recorded(
        options: &cli::Backtest,
        config: Config,
        names: Vec<String>,
    ) -> Result<Self> {
        let (grains, assumed) = files(&config)?;
        let (settings, places, raised) = settings_for(options, &config, &grains)?;
        let asked = (!settings.models.is_empty()).then(|| {
            "Models were asked, and each answer was told at once, however long it took.".to_owned()
        });
        let notes = raised.into_iter().chain(assumed).chain(asked).collect();
        let config = Box::new(config);
        Ok(Self {
            input: Input::Recorded {
                config,
                settings,
                places,
            },
            names,
            notes,
        })
    }
}

/// By instrument of the configured catalog: its place among those that are told; none for the others.
type Places = Vec<Option<InstrumentId>>;

/// The finest data of each symbol: none for ticks.
pub(super) type Grains = BTreeMap<Symbol, Option<Timeframe>>;

/// What files of others hold, and what had to be assumed of them; a server's tape holds what its server was told.
///
/// # Errors
/// When they cannot be read.
pub(super) fn files(config: &Config) -> Result<(Grains, Vec<String>)> {
    let Recording::Files(tape) = Recording::open(config)? else {
        return Ok((Grains::new(), Vec::new()));
    };
    let files = tape.files();
    let assumed = files.iter().filter(|file| file.assumed.is_some());
    Ok((
        grains(files.iter().map(|file| (file.symbol, file.timeframe))),
        assumed.map(ToString::to_string).collect(),
    ))
}

/// What the engine is set to, which instruments are told, and what is to be said of it. Instruments of which nothing is told
/// decide nothing: the engine need not look after them.
///
/// # Errors
/// When nothing runs on a symbol, or results would be mixed that must not be.
pub(super) fn settings_for(
    options: &cli::Backtest,
    config: &Config,
    grains: &Grains,
) -> Result<(Settings, Places, Option<String>)> {
    let mut settings = recording::engine_settings(config)?;
    settings.models = config.models.rules_of(|_| true);
    let chosen = choose(&mut settings, &options.symbols)?;
    // Prices that are shown decide nothing, and nobody sees them here.
    let instruments = settings.catalog.instruments.iter_mut();
    instruments.for_each(|instrument| instrument.prices = false);
    let mut traded = grains.clone();
    traded.retain(|symbol, _| {
        let id = settings.catalog.find(symbol.as_str());
        id.is_some_and(|id| settings.catalog.instrument(id).signals)
    });
    let raised = fit(&mut settings, &traded)?;
    let has_data = |symbol: Symbol| grains.is_empty() || grains.contains_key(&symbol);
    let places = keep(&mut settings, |place, symbol| {
        chosen[place] && has_data(symbol)
    });
    Ok((settings, places, raised))
}

/// Keeps the instruments of the catalog for which that holds, and says where each has gone.
fn keep(settings: &mut Settings, keeps: impl Fn(usize, Symbol) -> bool) -> Places {
    let mut kept = 0;
    let instruments = std::mem::take(&mut settings.catalog.instruments);
    let mut places = Places::new();
    for (place, instrument) in instruments.into_iter().enumerate() {
        let keeps = keeps(place, instrument.symbol);
        places.push(keeps.then_some(InstrumentId(kept)));
        if keeps {
            kept += 1;
            settings.catalog.instruments.push(instrument);
        }
    }
    places
}

impl Input {
    pub(super) fn settings(&self) -> &Settings {
        match self {
            Self::Told { settings, .. } | Self::Recorded { settings, .. } => settings,
        }
    }

    /// The settings of a recording.
    ///
    /// # Errors
    /// Of what a server was told, which has settings of its own.
    pub(super) fn config(&self) -> Result<&Config> {
        match self {
            Self::Told { .. } => bail!("a server's own tape runs under its own settings"),
            Self::Recorded { config, .. } => Ok(config),
        }
    }

    /// Who is to be asked: nobody where a tape tells what was said.
    ///
    /// # Errors
    /// When a model of the settings cannot be asked.
    pub(super) fn panel(&self) -> Result<Panel> {
        match self {
            Self::Told { .. } => Ok(Panel::default()),
            Self::Recorded { config, .. } => Panel::open(config),
        }
    }

    /// The recorded events from the beginning; `what` is said beside the progress.
    ///
    /// # Errors
    /// When the data cannot be opened.
    pub(super) fn events(&self, what: &str) -> Result<Reading> {
        let (source, places) = self.open()?;
        let progress = Progress::new(what, source.bytes().1);
        Ok(Reading::new(source, places, progress, Remarks::Made))
    }

    /// The same events once more, in silence: what is to be said of them has been said.
    ///
    /// # Errors
    /// When the data cannot be opened.
    pub(super) fn events_again(&self) -> Result<Reading> {
        let (source, places) = self.open()?;
        Ok(Reading::new(
            source,
            places,
            Progress::hidden(),
            Remarks::Spared,
        ))
    }

    fn open(&self) -> Result<(Source, Places)> {
        Ok(match self {
            Self::Told { paths, settings } => {
                let count = settings.catalog.instruments.len() as u16;
                let places = (0..count).map(|place| Some(InstrumentId(place)));
                (Source::Told(Box::new(reader(paths)?)), places.collect())
            }
            Self::Recorded { config, places, .. } => (
                Source::Recorded(Box::new(Recording::open(config)?)),
                places.clone(),
            ),
        })
    }
}

/// A server's own tape, from its beginning.
///
/// # Errors
/// When it cannot be read.
pub(super) fn reader(paths: &[PathBuf]) -> Result<TapeReader> {
    recording::served_tape(paths)?.context("the tape is gone")
}

fn settings_of(mut reader: TapeReader) -> Result<Settings> {
    match reader.next().transpose()? {
        Some(TapeItem::Settings(kept)) => machine::read_settings(&kept),
        Some(TapeItem::Event(..)) | None => bail!("the tape begins without its settings"),
    }
}

/// Recorded events one by one. Parts that cannot be read are left out, said and counted.
#[derive(Debug)]
pub(super) struct Reading {
    source: Source,
    places: Places,
    progress: Progress,
    remarks: Remarks,
    read: u64,
    pub lost: u64,
}

/// Whether parts that are left out are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remarks {
    Made,
    Spared,
}

#[derive(Debug)]
enum Source {
    Told(Box<TapeReader>),
    Recorded(Box<Recording>),
}

impl Source {
    /// How many bytes were read, and of how many.
    fn bytes(&self) -> (u64, u64) {
        match self {
            Self::Told(reader) => (reader.bytes(), 0),
            Self::Recorded(recording) => {
                let progress = recording.progress();
                (progress.bytes, progress.bytes_total)
            }
        }
    }

    fn next(&mut self) -> Option<Result<(Time, Event)>> {
        match self {
            Self::Recorded(recording) => recording.next(),
            Self::Told(reader) => loop {
                match reader.next()? {
                    Ok(TapeItem::Event(at, event)) => return Some(Ok((at, event))),
                    Ok(TapeItem::Settings(_)) => {}
                    Err(error) => return Some(Err(error.into())),
                }
            },
        }
    }
}

impl Iterator for Reading {
    type Item = Result<(Time, Event), Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.read += 1;
            if self.read.is_multiple_of(PROGRESS_EVERY) {
                self.progress.set(self.source.bytes().0);
            }
            match self.source.next()? {
                Ok((at, event)) => {
                    if let Some(event) = self.told(event) {
                        return Some(Ok((at, event)));
                    }
                }
                Err(error) => {
                    self.lost += 1;
                    if self.remarks == Remarks::Made {
                        remark(&format!("a part of the recording is left out: {error:#}"));
                    }
                }
            }
        }
    }
}

impl Reading {
    fn new(source: Source, places: Places, progress: Progress, remarks: Remarks) -> Self {
        Self {
            source,
            places,
            progress,
            remarks,
            read: 0,
            lost: 0,
        }
    }

    /// An event as it is told, if it is of a symbol that is. Time and posts of a server's tape are not of the market, and models
    /// are asked anew.
    fn told(&self, event: Event) -> Option<Event> {
        let place = |id: InstrumentId| self.places.get(id.index()).copied().flatten();
        Some(match event {
            Event::Tick(tick) => Event::Tick(Tick {
                instrument: place(tick.instrument)?,
                ..tick
            }),
            Event::Bar(bar) => Event::Bar(QuoteBar {
                instrument: place(bar.instrument)?,
                ..bar
            }),
            Event::Past(bar) => Event::Past(QuoteBar {
                instrument: place(bar.instrument)?,
                ..bar
            }),
            Event::PreviousClose(close) => Event::PreviousClose(PreviousClose {
                instrument: place(close.instrument)?,
                ..close
            }),
            Event::Switch(instrument, source) => Event::Switch(place(instrument)?, source),
            Event::Gap(_) | Event::Life(_) => event,
            Event::Opinion(_) | Event::Alert(_) | Event::Start | Event::Stop | Event::Wake => {
                return None;
            }
        })
    }
}

/// The files and folders that are named, or the only market of the data folder.
pub(super) fn named(
    options: &cli::Backtest,
    environment: Vec<(String, String)>,
) -> Result<Vec<String>> {
    if let [one] = options.files.as_slice() {
        return Ok(vec![market_of(one)?]);
    }
    if !options.files.is_empty() {
        return Ok(options.files.clone());
    }
    let layers = options.basis.plain_layers(environment);
    let loaded = layers.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let folder = loaded.config.data.dir;
    let only = only_market(&folder)?.with_context(|| {
        format!(
            "nothing to run: name files or folders, or a data folder; {} holds no market",
            folder.display()
        )
    })?;
    Ok(vec![only])
}

/// A data folder stands for the only market in it; anything else for itself.
fn market_of(name: &str) -> Result<String> {
    let path = Path::new(name);
    let is_market = path.join("tape").is_dir();
    if !path.is_dir() || is_market {
        return Ok(name.to_owned());
    }
    Ok(only_market(path)?.unwrap_or_else(|| name.to_owned()))
}

fn only_market(folder: &Path) -> Result<Option<String>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let markets = history::markets(folder, None)?;
    let names: Vec<&str> = markets.iter().map(|market| market.name.as_str()).collect();
    ensure!(
        markets.len() < 2,
        "{} holds several markets, {}: name the folder of one, as {}",
        folder.display(),
        names.join(", "),
        folder.join(names[0]).display()
    );
    let only = markets.first();
    Ok(only.map(|market| market.dir.to_string_lossy().into_owned()))
}

/// Says which instruments are told, and lets only these signal.
fn choose(settings: &mut Settings, symbols: &[Symbol]) -> Result<Vec<bool>> {
    let catalog = &mut settings.catalog;
    for symbol in symbols {
        let known = catalog.find(symbol.as_str());
        let known = known.filter(|id| catalog.instrument(*id).signals);
        let traded = catalog.instruments.iter().filter(|one| one.signals);
        let traded: Vec<String> = traded.map(|one| one.symbol.to_string()).collect();
        ensure!(
            known.is_some(),
            "--symbols {symbol}: no setups run on it; they run on {}",
            traded.join(", ")
        );
    }
    let chosen = |symbol: Symbol| symbols.is_empty() || symbols.contains(&symbol);
    for instrument in &mut catalog.instruments {
        instrument.signals &= chosen(instrument.symbol);
    }
    let instruments = catalog.instruments.iter();
    Ok(instruments.map(|one| chosen(one.symbol)).collect())
}

fn grains(files: impl Iterator<Item = (Symbol, Option<Timeframe>)>) -> Grains {
    let mut grains = Grains::new();
    for (symbol, timeframe) in files {
        let finest = grains.entry(symbol).or_insert(timeframe);
        *finest = (*finest).min(timeframe);
    }
    grains
}

/// Fits the timeframes to bars that are too long for the rules, and says so.
///
/// # Errors
/// When some symbols have such bars and others finer data: their results must not be mixed.
fn fit(settings: &mut Settings, grains: &Grains) -> Result<Option<String>> {
    let rules = &mut settings.rules;
    let is_coarse = |grain: &Option<Timeframe>| *grain > Some(rules.confirm_tf);
    let Some(longest) = grains.values().flatten().max().copied() else {
        return Ok(None);
    };
    if !grains.values().any(is_coarse) {
        return Ok(None);
    }
    if let Some((fine, grain)) = grains.iter().find(|(_, grain)| !is_coarse(grain)) {
        let grain = grain.map_or("ticks".to_owned(), |grain| format!("{grain} bars"));
        bail!(
            "some symbols have bars of up to {longest}, which confirm nothing, and {fine} has {grain}: their results must not be \
             mixed; run them apart, as with --symbols {fine}"
        );
    }
    let (setup_tf, htf) = (rules.setup_tf, rules.htf);
    rules.setup_tf = setup_tf.max(longest);
    rules.htf = htf.max(longer(rules.setup_tf));
    let raised = (rules.setup_tf, rules.htf) != (setup_tf, htf);
    let (now, now_htf) = (rules.setup_tf, rules.htf);
    Ok(raised.then(|| {
        format!(
            "The data are bars of {longest}: rules.setup_tf was raised from {setup_tf} to {now}, rules.htf from {htf} to {now_htf}."
        )
    }))
}

/// The timeframe whose trend is the background of setups on this one.
fn longer(setup: Timeframe) -> Timeframe {
    match setup {
        Timeframe::M1 | Timeframe::M5 | Timeframe::M15 => Timeframe::H1,
        Timeframe::H1 => Timeframe::H4,
        Timeframe::H4 | Timeframe::D1 => Timeframe::D1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(grains: &[(&str, Option<Timeframe>)], expected: Result<(&str, &str), &str>) {
        let mut settings = Config::default().engine_settings();
        settings.rules = engine::Rules::default();
        let grains = grains.iter();
        let grains = grains.map(|(symbol, grain)| (Symbol::new(symbol).unwrap(), *grain));
        let said = fit(&mut settings, &super::grains(grains));
        let rules = &settings.rules;
        let fitted = said.map(|_| (rules.setup_tf.as_str(), rules.htf.as_str()));
        match (fitted, expected) {
            (Ok(fitted), Ok(expected)) => assert_eq!(fitted, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (fitted, expected) => panic!("{fitted:?} for {expected:?}"),
        }
    }

    #[test]
    fn setups_run_on_no_shorter_bars_than_there_are() {
        use Timeframe::{D1, H1, M1, M15};
        check(&[("EURUSD", None)], Ok(("5m", "1h")));
        check(&[("EURUSD", Some(M1)), ("XAUUSD", None)], Ok(("5m", "1h")));
        check(&[("EURUSD", Some(M15))], Ok(("15m", "1h")));
        check(
            &[("EURUSD", Some(H1)), ("XAUUSD", Some(H1))],
            Ok(("1h", "4h")),
        );
        check(&[("EURUSD", Some(D1))], Ok(("1d", "1d")));
        // The finest of a symbol counts.
        check(
            &[("EURUSD", Some(H1)), ("EURUSD", Some(M1))],
            Ok(("5m", "1h")),
        );
        check(
            &[("EURUSD", Some(H1)), ("XAUUSD", None)],
            Err("run them apart, as with --symbols XAUUSD"),
        );
    }

    #[test]
    fn instruments_without_data_are_left_out_and_the_others_found_again() {
        let mut settings = Config::default().engine_settings();
        settings.rules = engine::Rules::default();
        let all = settings.catalog.clone();
        let kept = ["XAUUSD", "SPX500"];
        let places = keep(&mut settings, |_, symbol| kept.contains(&symbol.as_str()));
        assert_eq!(settings.catalog.instruments.len(), 2);
        for (instrument, place) in all.instruments.iter().zip(places) {
            let found = place.map(|id| settings.catalog.instrument(id).symbol);
            let is_kept = kept.contains(&instrument.symbol.as_str());
            assert_eq!(found, is_kept.then_some(instrument.symbol));
        }
    }

    #[test]
    fn only_chosen_symbols_signal() {
        let mut settings = Config::default().engine_settings();
        settings.rules = engine::Rules::default();
        let gold = Symbol::new("XAUUSD").unwrap();
        let told = choose(&mut settings, &[gold]).unwrap();
        let id = settings.catalog.find("XAUUSD").unwrap();
        let signals = settings.catalog.instruments.iter();
        let signals: Vec<bool> = signals.map(|one| one.signals).collect();
        assert_eq!(told, signals);
        assert!(told[id.index()] && told.iter().filter(|told| **told).count() == 1);
        let unknown = choose(&mut settings, &[Symbol::new("NOPE").unwrap()]);
        let error = unknown.unwrap_err().to_string();
        assert!(
            error.contains("--symbols NOPE") && error.contains("XAUUSD"),
            "{error}"
        );
    }
}
