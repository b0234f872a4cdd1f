//! `orion features export`: the features of recorded markets as a table, made by the very core that serves.

mod lives;
mod table;

use crate::cli;
use crate::config::{self, Config, check_names};
use crate::history;
use crate::recording;
use crate::replay::{self, Form};
use anyhow::{Result, bail, ensure};
use engine::features::{Feature, FeatureRules, Occasion, signal_facts};
use engine::{Engine, Output, Settings};
use lives::Lives;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use table::{BarTable, write_signals};

/// What there is a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Per {
    /// Each signal, with what became of it
    Signal,
    /// Each closed bar of the setups' timeframe
    Bar,
}

/// Runs the command.
///
/// # Errors
/// When the settings are impossible, a name is no feature, a recording cannot be read, or the table cannot be written.
pub fn run(options: &cli::FeaturesExport, environment: Vec<(String, String)>) -> Result<()> {
    let files = files(options, environment.clone())?;
    let loaded = options
        .layers(&files, environment)
        .and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    let names = names(options, &loaded.config)?;
    let source = Source {
        files,
        config: &loaded.config,
        is_anew: options.rules.is_some(),
    };
    let said = match options.per {
        Per::Signal => signals(&source, &names, &options.out)?,
        Per::Bar => bars(&source, &names, &options.out)?,
    };
    writeln!(io::stdout(), "{said} in {}", options.out.display())?;
    Ok(())
}

/// What is read, and how.
struct Source<'a> {
    files: Vec<PathBuf>,
    config: &'a Config,
    /// A server's tape gives its prices only: they are decided on again, under the rules that are set.
    is_anew: bool,
}

impl Source<'_> {
    /// Turns the engine over all of it, with these features, and shows each step.
    fn turn(
        &self,
        names: &[Feature],
        mut each: impl FnMut(&Engine, &mut Vec<Output>) -> Result<()>,
    ) -> Result<()> {
        let features = FeatureRules {
            names: names.to_vec(),
        };
        let served = if self.is_anew {
            None
        } else {
            recording::served_tape(&self.files)?
        };
        match served {
            Some(reader) => {
                let with = |settings: &mut Settings| settings.features.clone_from(&features);
                replay::turn_tape(replay::watched(reader, Form::Text), with, each)
            }
            None => {
                let settings = Settings {
                    features,
                    ..recording::engine_settings(self.config)?
                };
                let turned = replay::turn_recorded(self.config, settings, Form::Text, &mut each)?;
                turned.is_whole()
            }
        }
    }
}

fn signals(source: &Source, names: &[Feature], out: &Path) -> Result<String> {
    let mut lives = Lives::default();
    source.turn(names, |engine, outputs| {
        for row in engine.just_read() {
            if let Occasion::Signal(id) = row.occasion {
                lives.begin(id, row);
            }
        }
        outputs.drain(..).for_each(|output| lives.hear(&output));
        Ok(())
    })?;
    let lives = lives.into_order();
    write_signals(out, names, &lives)?;
    let resolved = lives.iter().filter(|life| life.hit.is_some()).count();
    Ok(format!(
        "{} signals, {resolved} of them resolved, {} features",
        lives.len(),
        names.len()
    ))
}

fn bars(source: &Source, names: &[Feature], out: &Path) -> Result<String> {
    let mut table = BarTable::create(out, names)?;
    source.turn(names, |engine, outputs| {
        outputs.clear();
        let rows = engine.just_read().iter();
        let mut of_bars = rows.filter(|row| row.occasion == Occasion::Bar);
        of_bars.try_for_each(|row| {
            let instrument = engine.settings().catalog.instrument(row.instrument);
            table.add(instrument.symbol, row)
        })
    })?;
    let rows = table.finish()?;
    Ok(format!("{rows} bars, {} features", names.len()))
}

/// The features that are wanted: those that are named, else those of the settings, and of signals their own facts.
fn names(options: &cli::FeaturesExport, config: &Config) -> Result<Vec<Feature>> {
    let names = match &options.names {
        Some(names) => named(names)?,
        None => {
            let mut names = config.features.names.clone();
            if options.per == Per::Signal {
                names.extend(signal_facts());
            }
            names
        }
    };
    if let Some((reason, remedy)) = check_names(&names) {
        bail!("--names: {reason}; {remedy}");
    }
    let fact = names.iter().find(|name| name.is_of_signals());
    if let (Per::Bar, Some(fact)) = (options.per, fact) {
        bail!("--names: `{fact}` is known of a signal only; leave it out, or write --per signal");
    }
    Ok(names)
}

fn named(names: &str) -> Result<Vec<Feature>> {
    let parse = |name: &str| name.trim().parse().map_err(anyhow::Error::msg);
    names.split(',').map(parse).collect()
}

/// The files that are named; of a data folder, the market that is in it.
fn files(
    options: &cli::FeaturesExport,
    environment: Vec<(String, String)>,
) -> Result<Vec<PathBuf>> {
    let files = match &options.files[..] {
        [] => vec![history::data_folder(&options.kept(), environment)?],
        files => files.iter().map(PathBuf::from).collect(),
    };
    match &files[..] {
        [dir] if dir.is_dir() && recording::own_tape(&files)?.is_none() => {
            Ok(market_of(dir)?.map_or(files, |market| vec![market]))
        }
        _ => Ok(files),
    }
}

/// The folder of the only market of a data folder; `None` where it has none.
fn market_of(dir: &Path) -> Result<Option<PathBuf>> {
    let markets = history::markets(dir, None)?;
    let names: Vec<&str> = markets.iter().map(|market| &*market.name).collect();
    ensure!(
        markets.len() <= 1,
        "{} has several markets: {}; name the folder of one",
        dir.display(),
        names.join(", "),
    );
    Ok(markets.into_iter().next().map(|market| market.dir))
}
