//! The command line: the one declaration of all commands. Their options are in a file for each family below it;
//! `cli/settings.rs` makes options the topmost layer of the settings.

mod bench;
mod check;
mod keeping;
mod kept;
mod manual;
mod models;
mod recordings;
mod running;
mod settings;
mod sources;

pub use bench::Bench;
pub use check::{Checked, check};
pub use keeping::{Backup, Restore, Verify};
pub use kept::{
    Export, History, HistoryCommand, HistoryGaps, HistoryList, HistorySeal, HistoryVerify,
    TrackRecord,
};
pub use manual::{Completions, Man};
pub use models::{Features, FeaturesExport, Model, ModelCheck, ModelList};
pub use recordings::{Backtest, Inspect, Replay};
pub use running::{
    Asked, Config, ConfigDiff, Doctor, Log, LogLevel, Printed, Reload, Signals, SignalsList,
    SignalsShow, Status, Tail,
};
pub use settings::{Basis, Kept, Serve, Settings};
pub use sources::{Feed, FeedTest};

use crate::config::Finding;
use clap::{Parser, Subcommand};
use std::ffi::OsString;

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
  orion tail                             follow prices and signals in this terminal
  orion status                           how the running server does

Settings: defaults < --config FILE < environment ORION__SECTION__KEY < --set < the options with a name of their own.
The file config/orion.toml shows and explains every one."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
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
  orion serve --hold                               under PM2 or in a container: a crash refuses nobody

Logs go to standard error. Exit code: 0 after a clean end, 1 when it could not start or go on, 2 when the command line
could not be read.")]
    Serve(Serve),

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

    /// Compare the settings of a running server with its file, or check settings
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion config diff
  orion config check --config orion.toml"
    )]
    Config(Config),

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

    /// Look at what the data folder keeps: list it, verify every byte of it, find its gaps, seal its finished days
    #[command(after_help = "\
Examples:
  orion history list
  orion history verify sim-1
  orion history gaps --min 300
  orion history seal

A server may be running on the folder: nothing of it is locked but, while days are sealed, the sealing.
Exit code: 0 when all is well, 1 when something is wrong or could not be read, 2 when the command line could not be read.")]
    History(History),

    /// Write signals, outcomes, prices or bars of the data folder as Parquet, CSV or JSON, while its server may run
    #[command(after_help = "\
Examples:
  orion export signals --out signals.parquet --from 2026-11-01
  orion export outcomes live --symbols EURUSD,XAUUSD | head
  orion export prices live --from 2026-11-27T07:00:00Z --to 2026-11-27T10:00:00Z --out morning.csv
  orion export bars --timeframes 1h,4h --format json | jq .close

A file is whole or not there: it grows as FILE.part. Numbers are exact: prices have the decimals of their instrument (nine in Parquet),
times are UTC to the nanosecond. --from and --to are about when a signal was made, a step happened, a quote was taken, a bar opened.
docs/export.md has the columns.
Exit code: 0 when it is written, 1 when something could not be read or written, 2 when the command line could not be read.")]
    Export(Export),

    /// Copy the data folder while its server runs, so that another one can go on with it
    #[command(after_help = "\
Examples:
  orion backup                           into orion-backup-20261129T014500Z
  orion backup /mnt/backups/monday --data /srv/orion
  orion backup monday.tar.zst            one file
  orion backup - | ssh backup@192.168.1.9 'cat > monday.tar.zst'

What clients had seen when it began is in it, and more. It is whole or not there; its checksums are SHA256SUMS, which
`orion verify` reads, and `sha256sum -c SHA256SUMS` too. It holds keys' hashes and certificates: keep it as safe as the data.
Exit code: 0 when the backup is made, 1 when it could not be, 2 when the command line could not be read.")]
    Backup(Backup),

    /// Make a data folder of a backup
    #[command(after_help = "\
Examples:
  orion restore /mnt/backups/monday --data /srv/orion
  orion restore /mnt/backups/monday --data /srv/orion --replace
  ssh backup@192.168.1.9 cat monday.tar.zst | orion restore - --data /srv/orion

Every checksum is read first. Clients are told everything anew by the restored server: they may have seen more than the backup
holds. What is in the data folder is never deleted: --replace moves it aside.
Exit code: 0 when it is restored, 1 with the reason when it is not, 2 when the command line could not be read.")]
    Restore(Restore),

    /// Read every byte of the data folder or of a backup: checksums, order, and that the tape gives the journal again
    #[command(after_help = "\
Examples:
  orion verify
  orion verify --data /srv/orion
  orion verify /mnt/backups/monday
  orion verify monday.tar.zst            every checksum; it is not unpacked

A server may be running on the folder. `orion history verify` looks at one market of it.
Exit code: 0 when all is whole, 1 when something is damaged or could not be read, 2 when the command line could not be read.")]
    Verify(Verify),

    /// What became of the signals that a data folder's journal has: hits, chance, edge, results, how far confidence was right
    #[command(after_help = "\
Examples:
  orion track-record
  orion track-record sim-1 --json | jq .all

It is made of the journal alone, as GET /api/v1/track-record of a server is, and locks nothing. A hit is a confirmed signal whose first
target traded before its stop. Groups of fewer than 50 are only counted.
Exit code: 0 when all could be read, 1 when something could not, 2 when the command line could not be read.")]
    TrackRecord(TrackRecord),

    /// Follow prices and signals of a server in this terminal
    #[command(after_help = "\
Examples:
  orion tail
  orion tail ws://192.168.1.20:8080/ws/signals
  orion tail --plain                     lines, as a pipe gets them
  orion tail --json | head -n 5
  orion tail --key wall.key              with what `orion key add wall --for dashboard --file wall.key` wrote

On a terminal it is a table that stands and lives; q, Esc or Ctrl-C ends it. NO_COLOR turns colours off.
It comes back by itself and hears what it missed; where that cannot be had, it says GAP.
Exit code: 0 after a clean end, 1 when the server could not be reached at first or does not let us read, 2 when the command line
could not be read.")]
    Tail(Tail),

    /// How a running server does, on one screen
    #[command(after_help = "\
Examples:
  orion status                           the server that has the folder orion-data
  orion status --data /srv/orion
  orion status --url http://192.168.1.20:8080
  orion status --json | jq .problems
  orion status --ready                   for a health check: are clients let in?

Exit code: 0 when it is well, 1 when something is not, with a line for each thing; 2 when no server answers, or the command
line could not be read.")]
    Status(Status),

    /// List signals and look at one: of a running server, or of the data folder's journal where none runs
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion signals list
  orion signals list --status confirmed --csv
  orion signals show 7c0e5a1e
  orion signals list --url http://192.168.1.20:8080"
    )]
    Signals(Signals),

    /// Look whether this machine and these settings can carry a server, and what to change
    #[command(after_help = "\
Examples:
  orion doctor
  orion doctor --config orion.toml --data /srv/orion
  orion doctor --json | jq '.findings[] | select(.verdict != \"ok\")'

A line for each thing: ok, warn (it serves, and should be better) or FAIL (a server would not start, or would soon suffer), what
was found, and what to change. It looks at file descriptors, connects that may wait, memory, the clock, room and time of the disk,
settings, sources and their keys, certificate, store and address. A file of a few KiB is written into the data folder and removed.
Exit code: 0 when nothing fails, 1 when something does, 2 when the command line could not be read.")]
    Doctor(Doctor),

    /// Change what a running server logs
    #[command(
        subcommand,
        after_help = "\
Examples:
  orion log level
  orion log level gateway=debug
  orion log level reset"
    )]
    Log(Log),

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

    /// Measure how many dashboards this machine holds, or keep many connected for long and see whether anything grows
    #[command(after_help = "\
Examples:
  orion bench
  orion bench --clients 2000 --seconds 30 --json | jq .holds
  orion bench --soak 1h --clients 2000

A server with a simulated market and a folder of its own is started on loopback and ended; one that runs is not touched. docs/capacity.md
shows the arithmetic. It needs Linux.
Exit code: 0 when it was measured and, with --soak, nothing grew and nobody was lost; 1 when not, 2 when the command line could not
be read.")]
    Bench(Bench),

    /// Print what a shell needs to complete commands and options
    #[command(after_help = "\
Examples:
  orion completions bash > ~/.local/share/bash-completion/completions/orion
  orion completions zsh > _orion           into a folder of $fpath
  orion completions fish > ~/.config/fish/completions/orion.fish")]
    Completions(Completions),

    /// Write the manual pages, one for each command
    #[command(after_help = "\
Examples:
  orion man ~/.local/share/man/man1
  man orion-backtest")]
    Man(Man),
}

impl Cli {
    /// The command; without one, `serve` with the options given.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
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
