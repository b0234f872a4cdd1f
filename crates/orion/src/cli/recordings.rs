//! Commands that read recorded markets: `replay`, `backtest`, `inspect`.

use super::Basis;
use crate::config::{Finding, Flag, Layers};
use clap::{ArgGroup, Args};
use engine::structure::Relation;
use market::{Symbol, Timeframe};
use std::path::PathBuf;

/// Options of `replay`.
#[derive(Args, Clone, Debug)]
pub struct Replay {
    /// Recorded ticks or bars, or a server's own tape (its folder or single files)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `backtest`.
#[derive(Args, Clone, Debug)]
pub struct Backtest {
    /// Recorded ticks or bars, or a server's own tape: a data folder, a market's folder or single files [default: the data folder]
    #[arg(value_name = "FILE|DIR")]
    pub files: Vec<String>,
    /// Count signals from here on: 2025-03-04 (midnight UTC) or 2025-03-04T13:30:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Run nothing from here on
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only these symbols
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = Symbol::new)]
    pub symbols: Vec<Symbol>,
    /// Rules in TOML, as [rules] of config/orion.toml has them, over those of --config
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// Write a report to be looked at with a browser
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "sweep_file"])]
    pub report: Option<PathBuf>,
    /// Write a row for each trade as a table: .csv or .parquet
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "sweep_file"])]
    pub trades: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Write every signal and outcome to a file, as `orion replay --json` prints them
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sweep", "sweep_file"])]
    pub events: Option<PathBuf>,
    /// Leave out the random entries, which read the data a second time
    #[arg(long)]
    pub no_control: bool,
    /// Seed of the random entries and of the intervals
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many sets of parameters were tried before this one, it included: results are taken back by as much
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub trials: u32,
    /// Most trades that the report draws
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub charts: usize,
    /// Try each of these values of a setting; may be repeated, then each with each
    #[arg(long, value_name = "KEY=A,B,..")]
    pub sweep: Vec<String>,
    /// The same from a file in TOML: a list of values for each setting
    #[arg(long, value_name = "FILE")]
    pub sweep_file: Option<PathBuf>,
    /// Keep each result of the sweep in this file, and go on from what it holds
    #[arg(long, value_name = "FILE")]
    pub resume: Option<PathBuf>,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `inspect`.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("files").required(true).args(["bars", "smt"]))]
#[command(group = ArgGroup::new("what").args(["indicators", "events", "levels"]).conflicts_with("smt"))]
pub struct Inspect {
    /// Bars, or ticks with --tf
    #[arg(long, value_name = "FILE", requires = "what")]
    pub bars: Option<PathBuf>,
    /// Divergences of two series
    #[arg(long, num_args = 2, value_names = ["FILE_A", "FILE_B"])]
    pub smt: Vec<PathBuf>,
    /// Make longer bars first: 1m, 5m, 15m, 1h, 4h or 1d
    #[arg(long, value_name = "TF")]
    pub tf: Option<Timeframe>,
    /// The usual indicators with their usual periods
    #[arg(long)]
    pub indicators: bool,
    /// Swings, equal swings, breaks, order blocks, gaps, sweeps and runs, as they became known
    #[arg(long)]
    pub events: bool,
    /// Also middles of gaps, pools of days, weeks and sessions, and the major scale
    #[arg(long, requires = "events", conflicts_with_all = ["indicators", "levels", "smt"])]
    pub all: bool,
    /// High and low of the day and the week before
    #[arg(long)]
    pub levels: bool,
    /// The two move against each other: the second is seen in a mirror
    #[arg(long, conflicts_with = "bars")]
    pub inverse: bool,
    /// Whose bars they are: whose days they roll by, and which to take of files that hold several
    #[arg(long, value_name = "SYMBOL", value_parser = Symbol::new)]
    pub symbol: Option<Symbol>,
    /// Print comma separated values with a header
    #[arg(long)]
    pub csv: bool,
    #[command(flatten)]
    pub basis: Basis,
}

impl Inspect {
    /// How the two symbols of --smt move.
    #[must_use]
    pub fn relation(&self) -> Relation {
        if self.inverse {
            Relation::Inverse
        } else {
            Relation::Together
        }
    }
}

impl Replay {
    /// The layers for a replay of recorded files: they are the feed, played as fast as possible.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        let flag = |name, key, text| Flag { name, key, text };
        let flags = vec![
            flag(
                "FILE",
                "feed.kind",
                format!("tape:{}", self.files.join(",")),
            ),
            flag("replay", "feed.tape.speed", "max".to_owned()),
        ];
        self.basis.layers(environment, flags)
    }
}
