//! The command line: sub-commands, their options, and how options become the topmost layer of the settings.

use crate::auth;
use crate::config::{self, Finding, Flag, Layers, SettingsFile};
use crate::features::Per;
use crate::models;
use crate::survey;
use clap::{ArgGroup, Args, Parser, Subcommand};
use engine::structure::Relation;
use market::{Symbol, Timeframe};
use std::ffi::OsString;
use std::path::PathBuf;

/// ORION: market data in, trading signals out.
///
/// Without a command it serves: it listens for dashboards, keeps its data in a local folder and, unless told otherwise,
/// shows a simulated market.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "orion",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  orion                                  serve a simulated market on 127.0.0.1:8080
  orion serve --listen 0.0.0.0:9000      listen on every address of this machine
  orion check --config orion.toml        say what is wrong with the settings, or what would run
  orion tail                             follow the signals of a server in this terminal

Settings: defaults < --config FILE < environment ORION__SECTION__KEY < --set < the options with a name of their own.
The file config/orion.toml shows and explains every one."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Settings,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve dashboards until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  orion serve --seed 7                             another simulated market
  orion serve --feed tape:EURUSD_20140502.zip      recorded ticks at their own pace
  orion serve --feed tape:a.zip,b.zip --speed 60   two files, an hour in a minute
  orion serve --feed metatrader                    the prices of your own terminal
  orion serve --feed oanda,kraken                  OANDA's, and Kraken's where OANDA's stall
  orion serve --set prices.repeat_ms=4000 --set rules.min_rr=2.0
  ORION__LOG__FORMAT=json orion serve              log one JSON object a line

Logs go to standard error. Exit code: 0 after a clean end, 1 when it could not start or go on, 2 when the command line
could not be read.")]
    Serve(Settings),

    /// Hand over from the running server to a new process of the same program and options; no client is refused
    #[command(after_help = "\
Examples:
  orion reload                           the server that has the folder orion-data
  orion reload --data /srv/orion
  orion reload live --data /srv/orion    where several servers share the folder

The new process checks settings, program and data before the old one gives anything up; where it does not come to serve,
the old one goes on. server.listen, data.dir and the market stay; for another one end the server and start it again.
SIGUSR2 to the server asks for the same.
Exit code: 0 when the new process serves, 1 with the reason when it does not, 2 when the command line could not be read.")]
    Reload(Reload),

    /// Check all settings and files without opening anything, and say what would run
    #[command(after_help = "\
Examples:
  orion check
  orion check --config orion.toml --feed tape:EURUSD_20140502.zip

One line for each finding: where the value came from, key, value, reason, remedy.
Exit code: 0 when the settings can run, 1 when there are findings, 2 when the command line could not be read.")]
    Check(Settings),

    /// Run recorded files through the engine and print the signals
    #[command(after_help = "\
Examples:
  orion replay orion-data/sim-1/tape               what a server was told, and decided
  orion replay orion-data/record                   what `orion record` recorded
  orion replay orion-data/live/history/EURUSD/*.parquet
  orion replay EURUSD_20140502.zip --json          one event a line
  orion replay EURUSD_*.zip --set rules.min_rr=2.0

It runs as fast as it can, in the recording's own time: the same files and settings give the same bytes every time.
Exit code: 0 when all was replayed, 1 when it could not be, 2 when the command line could not be read.")]
    Replay(Replay),

    /// Run recorded files or a server's own tape through the engine, and say what its signals were worth
    #[command(after_help = "\
Examples:
  orion backtest                                   what the server of the folder orion-data was told, and decided
  orion backtest orion-data/live --report live.html
  orion backtest XAUUSD_tick_*.zip --from 2014-05-06 --set rules.min_rr=2.0
  orion backtest EURUSD_1h.zip XAUUSD_1h.zip --json | jq .headline
  orion backtest XAUUSD_1m_*.zip --sweep rules.min_rr=1.0,1.5,2.0 --sweep rules.swing_left=3,5 --resume gold.jsonl

A trade is a confirmed signal that ended; a hit is one whose first target traded before its stop. Hits are held against the odds
of a price without drift, results (R) are after costs, intervals are of 95 %. Groups of fewer than 50 trades are only counted.
A server's own tape runs under its own settings unless some are given. What comes before --from warms up.
A sweep runs each set of parameters on a core of its own and says what is left of the best after so many trials; --resume keeps
what is done, and an interrupted sweep goes on from there. docs/backtest.md explains every figure.
Exit code: 0 when all was run, 1 when something could not be read or written, 2 when the command line could not be read.")]
    Backtest(Backtest),

    /// Print what the engine sees in recorded bars, to compare it with any other library
    #[command(after_help = "\
Examples:
  orion inspect --bars EURUSD_15m.csv --events --csv         swings, breaks, order blocks, gaps, sweeps
  orion inspect --bars EURUSD_15m.csv --events --all         also pools of days, weeks and sessions, and the major scale
  orion inspect --bars EURUSD_15m.csv --indicators --csv     averages, RSI, ATR, MACD, Bollinger, ADX, stochastic, CCI, Williams
  orion inspect --bars NAS100_1h.csv --levels --csv          high and low of the day and the week before
  orion inspect --bars EURUSD_20140502.zip --tf 15m --events ticks, made into bars first
  orion inspect --smt NAS100_1h.csv SPX500_1h.csv --csv      divergences, on the bars that both have
  orion inspect --bars a.csv --events --set rules.swing_left=3 --set rules.swing_right=3

FILE is a CSV whose header names time, open, high, low and close (other columns are ignored): each row is a closed bar, in the
order given, none left out. Its time is copied as it is; only --tf, --levels and --smt read it (and --all, for the pools of
days): 2019-02-04T13:05:00Z, 2019.02.04 13:05 or 04.02.2019 13:05, UTC where it says no offset. Or FILE is whatever `orion replay`
takes: then what cannot be a price is left out and counted on standard error, and settings of feed.tape say what a file does
not, as --set feed.tape.zone=eet_eu.

`bar` counts from 0. Days roll at 17:00 New York; of a future, told by the file's name or by --symbol, at 18:00.
Exit code: 0 when all was read, 1 when it could not be, 2 when the command line could not be read.")]
    Inspect(Inspect),

    /// Look at the models that are asked
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion model check gaps/model.toml --library libonnxruntime.so
  orion model list --config orion.toml"
    )]
    Model(Model),

    /// Make the features of recorded markets, for models
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion features export orion-data/sim-1 --out train.parquet
  orion features export EURUSD_*.zip --out bars.parquet --per bar"
    )]
    Features(Features),

    /// Look at live sources
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion feed test kraken
  orion feed test oanda --config orion.toml"
    )]
    Feed(Feed),

    /// Record live sources without serving, until Ctrl-C or SIGTERM
    #[command(after_help = "\
Examples:
  orion record --feed kraken
  ORION_KEY_OANDA=... orion record --feed oanda --data /srv/orion
  orion replay orion-data/record         what its signals would have been

What is recorded lies in the folder `record` of the data folder, for history.keep_days days.
Exit code: 0 after a clean end, 1 when it could not start or go on, 2 when the command line could not be read.")]
    Record(Settings),

    /// Look at what the data folder keeps: list it, verify every byte of it, find its gaps, make Parquet files of it
    #[command(after_help = "\
Examples:
  orion history list
  orion history verify sim-1
  orion history gaps --min 300
  orion history seal
  orion history export signals --out signals.parquet --from 2026-11-01

A server may be running on the folder: nothing of it is locked but, while days are sealed, the sealing.
Exit code: 0 when all is well, 1 when something is wrong or could not be read, 2 when the command line could not be read.")]
    History(History),

    /// What became of the signals that a data folder's journal has: hits, chance, edge, results, how far confidence was right
    #[command(after_help = "\
Examples:
  orion track-record
  orion track-record sim-1 --json | jq .all

It is made of the journal alone, as GET /api/v1/track-record of a server is, and locks nothing. A hit is a confirmed signal whose first
target traded before its stop. Groups of fewer than 50 are only counted.
Exit code: 0 when all could be read, 1 when something could not, 2 when the command line could not be read.")]
    TrackRecord(TrackRecord),

    /// Follow the signals of a server in this terminal
    #[command(after_help = "\
Examples:
  orion tail
  orion tail ws://192.168.1.20:8080/ws/signals
  orion tail --json | head -n 5
  orion tail --key wall.key              with what `orion key add wall --for dashboard --file wall.key` wrote

Exit code: 0 after a clean end, 1 when the server could not be reached, 2 when the command line could not be read.")]
    Tail(Tail),

    /// Make, list and remove the keys of bots, TradingView, MetaTrader and dashboards; revoke tokens
    #[command(after_help = "\
Examples:
  orion key add my-bot                      for a bot or a model
  orion key add tradingview                 for TradingView's alerts
  orion key add mt5 --for metatrader        for an expert advisor
  orion key add wall --for dashboard --origin https://app.example.org --expires 90d
  orion key list
  orion key remove my-bot
  orion key revoke --subject alice          no token of hers is taken any more

A key is printed once; ORION keeps only its hash, in keys.toml of the data folder. No restart is needed.")]
    Key(crate::key::Options),
}

/// What to do with models.
#[derive(Clone, Debug, Subcommand)]
pub enum Model {
    /// Load a model, ask it what its manifest has the answers to, and say what it is and how long it takes
    #[command(after_help = "\
Examples:
  orion model check gaps/model.toml --config orion.toml
  orion model check gaps/model.toml --library /usr/lib/libonnxruntime.so

docs/models.md says what a manifest has. Exit code: 0 when the model can be asked, 1 with the reason when it is refused, 2 when the
command line could not be read.")]
    Check(ModelCheck),
    /// The models of the settings, a line each, with the reason where one is off
    List(ModelList),
}

/// Options of `model check`.
#[derive(Args, Clone, Debug)]
pub struct ModelCheck {
    /// The manifest, a model.toml
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The ONNX Runtime, libonnxruntime.so [default: models.library]
    #[arg(long, value_name = "FILE")]
    pub library: Option<PathBuf>,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `model list`.
#[derive(Args, Clone, Debug)]
pub struct ModelList {
    #[command(flatten)]
    pub basis: Basis,
}

/// What to do with features.
#[derive(Clone, Debug, Subcommand)]
pub enum Features {
    /// Run recorded files, or what a server was told, through the engine and write features and outcomes as Parquet
    #[command(after_help = "\
Examples:
  orion features export orion-data/sim-1 --out train.parquet         the signals of a server, as it decided them
  orion features export --data /srv/orion --out train.parquet        of the only market of a data folder
  orion features export EURUSD_*.zip --out train.parquet --rules orion.toml
  orion features export EURUSD_*.zip --out bars.parquet --per bar --names 5m.rsi14,1h.trend,spread_atr

A row holds what was known at that moment, never what came later; what was not known is NaN. Names and columns are in
docs/features.md. Exit code: 0 when all was written, 1 when it could not be, 2 when the command line could not be read.")]
    Export(FeaturesExport),
}

/// Options of `features export`.
#[derive(Args, Clone, Debug)]
pub struct FeaturesExport {
    /// Recorded ticks or bars, or a server's folder or tape [default: the data folder]
    #[arg(value_name = "FILE|DIR")]
    pub files: Vec<String>,
    /// The Parquet file; one that is there is replaced when all is done
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which features, separated by commas [default: features.names, and of signals their own facts]
    #[arg(long, value_name = "NAMES")]
    pub names: Option<String>,
    /// What there is a row for
    #[arg(long, value_enum, default_value_t = Per::Signal)]
    pub per: Per,
    /// Settings whose rules are followed, also on a server's tape, which else is decided as it was
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub rules: Option<PathBuf>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

/// What to do with a source.
#[derive(Clone, Debug, Subcommand)]
pub enum Feed {
    /// Connect to one source for a few seconds and print what it tells, or why it does not
    #[command(after_help = "\
Examples:
  ORION_KEY_OANDA=... orion feed test oanda
  orion feed test kraken --seconds 20
  orion feed test metatrader             ask the running server whether a terminal has called

Exit code: 0 when a price came, 1 when none did, 2 when the command line could not be read.")]
    Test(FeedTest),
}

/// Options of `feed test`.
#[derive(Args, Clone, Debug)]
pub struct FeedTest {
    /// The source: metatrader, oanda, massive, massive-indices, alphavantage, bots, kraken, finnhub, twelvedata or a FILE.toml
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How long to listen
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `serve` and `check`.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    #[command(flatten)]
    pub basis: Basis,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Folder for ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Where prices come from: sim, tape:FILE[,FILE], or live sources, best first: oanda,kraken [default: sim]
    #[arg(long, value_name = "KIND")]
    pub feed: Option<String>,
    /// How fast a tape is played: 1 is real time, 60 an hour a minute, max as fast as possible [default: 1]
    #[arg(long, value_name = "N|max", allow_negative_numbers = true)]
    pub speed: Option<String>,
    /// Seed of the simulated market [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<String>,
}

/// Options of every command that reads settings.
#[derive(Args, Clone, Debug, Default)]
pub struct Basis {
    /// Settings file in TOML; none is read unless named
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting of orion.toml by its dotted path; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

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

/// Options of `history`.
#[derive(Args, Clone, Debug)]
pub struct History {
    #[command(subcommand)]
    pub what: HistoryCommand,
}

/// What to look at.
#[derive(Clone, Debug, Subcommand)]
pub enum HistoryCommand {
    /// Each market: days, segments, events by kind, symbols with their first and last price, signals
    List(HistoryList),
    /// Read every byte: checksums, order, and that the tape gives the journal again
    Verify(HistoryVerify),
    /// Prices that are missing while their market was open by its calendar
    Gaps(HistoryGaps),
    /// Make Parquet files of the days that are over, now; a running server does it by itself
    Seal(HistorySeal),
    /// Write signals or outcomes of the journal as a table
    Export(HistoryExport),
}

/// Options of `history list`.
#[derive(Args, Clone, Debug)]
pub struct HistoryList {
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `history verify`.
#[derive(Args, Clone, Debug)]
pub struct HistoryVerify {
    /// Only this market
    pub market: Option<String>,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `history gaps`.
#[derive(Args, Clone, Debug)]
pub struct HistoryGaps {
    /// Only this market
    pub market: Option<String>,
    /// The shortest gap that is shown is longer than this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub min: u32,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `history export`.
#[derive(Args, Clone, Debug)]
pub struct HistoryExport {
    /// What to write
    pub what: crate::history::What,
    /// Only this market
    pub market: Option<String>,
    /// The file to write: its name ends in .parquet or .csv
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Only what is not older than this: 2026-11-28 or 2026-11-28T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only what is older than this
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `history seal`.
#[derive(Args, Clone, Debug)]
pub struct HistorySeal {
    /// Only this market
    pub market: Option<String>,
    #[command(flatten)]
    pub kept: Kept,
}

/// Options of `track-record`.
#[derive(Args, Clone, Debug)]
pub struct TrackRecord {
    /// Only this market: the name of its folder
    pub market: Option<String>,
    /// Show the versions of what confidence was calibrated by instead
    #[arg(long)]
    pub versions: bool,
    /// Write it as a page to be looked at with a browser, of one market
    #[arg(long, value_name = "FILE", conflicts_with = "versions")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub kept: Kept,
}

/// Where to look, and how to show it.
#[derive(Args, Clone, Debug)]
pub struct Kept {
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `reload`.
#[derive(Args, Clone, Debug)]
pub struct Reload {
    /// The market, where several servers share the data folder: the name of its folder
    pub market: Option<String>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct Tail {
    /// Address of the server's socket
    #[arg(default_value = "ws://127.0.0.1:8080/ws/signals")]
    pub url: String,
    /// A file with a key or token, where the server wants to know who reads
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Print each message as it came, one a line
    #[arg(long)]
    pub json: bool,
}

/// What `orion check` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Lines for standard output, the last one without a line feed.
    pub text: String,
    /// 0 when the settings can run, else 1.
    pub exit_code: u8,
}

impl Cli {
    /// The command; without one, `serve` with the options given.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

impl Settings {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        let options = [
            ("--listen", "server.listen", &self.listen),
            ("--data", "data.dir", &self.data),
            ("--feed", "feed.kind", &self.feed),
            ("--speed", "feed.tape.speed", &self.speed),
            ("--seed", "feed.sim.seed", &self.seed),
        ];
        let flag = |(name, key, text): (_, _, &Option<String>)| {
            let text = text.clone()?;
            Some(Flag { name, key, text })
        };
        self.basis
            .layers(environment, options.into_iter().filter_map(flag).collect())
    }
}

impl Basis {
    /// The layers without options of a command.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn plain_layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.layers(environment, Vec::new())
    }

    pub(crate) fn layers(
        &self,
        environment: Vec<(String, String)>,
        flags: Vec<Flag>,
    ) -> Result<Layers, Vec<Finding>> {
        Ok(Layers {
            file: self.config.as_deref().map(SettingsFile::read).transpose()?,
            environment,
            sets: self.set.clone(),
            flags,
        })
    }
}

impl Kept {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}

impl FeaturesExport {
    /// Where the data folder is, by the same settings.
    pub(crate) fn kept(&self) -> Kept {
        Kept {
            data: self.data.clone(),
            json: false,
            basis: self.all_of_basis(),
        }
    }

    /// The layers for these files: they are the feed, played as fast as possible.
    ///
    /// # Errors
    /// When a settings file cannot be read.
    pub fn layers(
        &self,
        files: &[PathBuf],
        environment: Vec<(String, String)>,
    ) -> Result<Layers, Vec<Finding>> {
        let files = files.iter().map(|file| file.display().to_string());
        Replay {
            files: files.collect(),
            json: false,
            basis: self.all_of_basis(),
        }
        .layers(environment)
    }

    /// A file of rules is a file of settings.
    fn all_of_basis(&self) -> Basis {
        let rules = self.rules.clone();
        Basis {
            config: rules.or_else(|| self.basis.config.clone()),
            set: self.basis.set.clone(),
        }
    }
}

impl Reload {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}

/// The option `--data`, where it was given.
fn data(dir: Option<&String>) -> Vec<Flag> {
    let flag = |text: &String| Flag {
        name: "--data",
        key: "data.dir",
        text: text.clone(),
    };
    dir.into_iter().map(flag).collect()
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

/// `orion check`: every finding on a line of its own, or what would run.
#[must_use]
pub fn check(settings: &Settings, environment: Vec<(String, String)>) -> Checked {
    let loaded = settings
        .layers(environment.clone())
        .and_then(|layers| config::load(&layers));
    match loaded {
        Ok(loaded) => {
            let sources = survey::sources(&loaded.config, &environment);
            let notes = loaded.notes.iter().map(ToString::to_string);
            let notes = notes.chain(survey::notes(&loaded.config));
            let notes = notes.map(|note| format!("note         {note}"));
            let refused = auth::refused(&loaded.config);
            let can_run = sources.can_run && refused.is_none();
            let refused = refused.map(|why| format!("refused      {why}"));
            let lines: Vec<_> = std::iter::once(loaded.describe())
                .chain(survey::certificate(&loaded.config))
                .chain(sources.lines)
                .chain(models::lines(&loaded.config))
                .chain(refused)
                .chain(notes)
                .collect();
            Checked {
                text: lines.join("\n"),
                exit_code: u8::from(!can_run),
            }
        }
        Err(findings) => Checked {
            text: lines(&findings),
            exit_code: 1,
        },
    }
}

/// Findings as text, one a line.
#[must_use]
pub fn lines(findings: &[Finding]) -> String {
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A process's environment as texts: ORION's settings and the vendors' keys are in it. Bytes that are no text are shown as
/// such in the finding they cause.
#[must_use]
pub fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let text = |os: OsString| os.to_string_lossy().into_owned();
    variables
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}
