//! The results of a sweep in a file, one JSON object a line, so that an interrupted sweep goes on where it was. The first line
//! says of which sweep they are.

use super::grid::Axis;
use crate::config::Config;
use anyhow::{Context as _, Result, bail, ensure};
use engine::{Engine, Settings};
use lab::backtest::Trial;
use market::{Event, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// What must be the same for results to be of the same sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sweep {
    engine: u32,
    /// Of the settings that are the same in all sets.
    settings: String,
    /// Of the events, as they are told.
    events: String,
    seed: u64,
    from: Option<String>,
    to: Option<String>,
    axes: Vec<(String, Vec<String>)>,
    /// The sums of the models that are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    models: Vec<String>,
}

impl Sweep {
    pub(super) fn new(
        options: &crate::cli::Backtest,
        axes: &[Axis],
        config: &Config,
        settings: &Settings,
        events: &[(Time, Event)],
    ) -> Result<Self> {
        let settings = toml::to_string(settings).context("write the settings")?;
        let mut hash = Fnv::default();
        settings.bytes().for_each(|byte| hash.add(u64::from(byte)));
        let axes = axes.iter();
        let models = config.models.manifests().iter();
        let models = models.filter_map(|read| Some(read.said.as_ref().ok()?.0.sha256.clone()));
        Ok(Self {
            models: models.collect(),
            engine: Engine::VERSION,
            settings: hash.name(),
            events: name_of(events),
            seed: options.seed,
            from: options.from.clone(),
            to: options.to.clone(),
            axes: axes
                .map(|axis| (axis.key.clone(), axis.values.clone()))
                .collect(),
        })
    }
}

/// Tells one list of events from another.
fn name_of(events: &[(Time, Event)]) -> String {
    let mut hash = Fnv::default();
    for (at, event) in events {
        hash.add(at.nanos().cast_unsigned());
        let prices = match event {
            Event::Tick(tick) => vec![tick.bid, tick.ask],
            Event::Bar(bar) | Event::Past(bar) => {
                let (bid, ask) = (bar.bid, bar.ask);
                vec![
                    bid.open, bid.high, bid.low, bid.close, ask.open, ask.high, ask.low, ask.close,
                ]
            }
            Event::PreviousClose(close) => vec![close.price],
            Event::Gap(_)
            | Event::Life(_)
            | Event::Switch(..)
            | Event::Alert(_)
            | Event::Opinion(_)
            | Event::Start
            | Event::Stop
            | Event::Wake => Vec::new(),
        };
        let prices = prices.into_iter();
        prices.for_each(|price| hash.add(price.units().cast_unsigned()));
    }
    format!("{} of {}", hash.name(), events.len())
}

/// FNV-1a over words.
#[derive(Clone, Copy, Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0100_0000_01B3);
    }
    fn name(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// The file, to which results are added as they come.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: File,
}

impl Kept {
    /// Opens or begins it, and gives the results that it holds by their number. What a killed process left half written is cut
    /// off.
    ///
    /// # Errors
    /// When it cannot be read or written, or holds the results of another sweep.
    pub(super) fn open(path: &Path, sweep: &Sweep) -> Result<(Self, BTreeMap<usize, Trial>)> {
        Self::open_at(path, sweep).with_context(|| format!("the results in {}", path.display()))
    }

    fn open_at(path: &Path, sweep: &Sweep) -> Result<(Self, BTreeMap<usize, Trial>)> {
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut kept = Self {
            path: path.to_owned(),
            file,
        };
        let mut lines = text[..whole].lines();
        let Some(first) = lines.next() else {
            kept.add(sweep)?;
            return Ok((kept, BTreeMap::new()));
        };
        let before: Sweep = serde_json::from_str(first).context("they are of no sweep")?;
        sweep.ensure_same(&before)?;
        let mut done = BTreeMap::new();
        for (place, line) in lines.enumerate() {
            let trial: Trial =
                serde_json::from_str(line).with_context(|| format!("line {}", place + 2))?;
            done.insert(trial.number, trial);
        }
        Ok((kept, done))
    }

    /// Adds a result, and gives it as it will be read again: the last bit of a number may be another.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn keep(&mut self, trial: &Trial) -> Result<Trial> {
        self.add(trial)?;
        Ok(serde_json::from_slice(&serde_json::to_vec(trial)?)?)
    }

    /// Adds a line in one write.
    fn add(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.file
            .write_all(&line)
            .with_context(|| format!("write {}", self.path.display()))
    }
}

impl Sweep {
    fn ensure_same(&self, before: &Self) -> Result<()> {
        let remedy = "name another file with --resume, or give what they were made with";
        let differs = |what: &str| bail!("they were made with other {what}: {remedy}");
        if before.axes != self.axes {
            return differs("values of --sweep");
        }
        if before.events != self.events {
            return differs("data");
        }
        if (&before.from, &before.to) != (&self.from, &self.to) {
            return differs("--from or --to");
        }
        if before.engine != self.engine {
            return differs("rules of this program (it is another version)");
        }
        if before.settings != self.settings {
            return differs("settings");
        }
        if before.models != self.models {
            return differs("models");
        }
        ensure!(
            before.seed == self.seed,
            "they were made with --seed {}: {remedy}",
            before.seed
        );
        Ok(())
    }
}
