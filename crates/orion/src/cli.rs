//! The command line: sub-commands, their options, and how options become the topmost layer of the settings.

use crate::config::{self, Finding, Flag, Layers, SettingsFile};
use clap::{Args, Parser, Subcommand};
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
  orion serve --set prices.repeat_ms=4000 --set rules.min_rr=2.0
  ORION__LOG__FORMAT=json orion serve              log one JSON object a line

Logs go to standard error. Exit code: 0 after a clean end, 1 when it could not start or go on, 2 when the command line
could not be read.")]
    Serve(Settings),

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
  orion replay EURUSD_20140502.zip --json          one event a line
  orion replay EURUSD_*.zip --set rules.min_rr=2.0

It runs as fast as it can, in the recording's own time: the same files and settings give the same bytes every time.
Exit code: 0 when all was replayed, 1 when it could not be, 2 when the command line could not be read.")]
    Replay(Replay),

    /// Follow the signals of a server in this terminal
    #[command(after_help = "\
Examples:
  orion tail
  orion tail ws://192.168.1.20:8080/ws/signals
  orion tail --json | head -n 5

Exit code: 0 after a clean end, 1 when the server could not be reached, 2 when the command line could not be read.")]
    Tail(Tail),

    /// Make, list and remove the keys of bots, TradingView and MetaTrader
    #[command(after_help = "\
Examples:
  orion key add my-bot                      for a bot or a model
  orion key add chart --for tradingview     for TradingView's alerts
  orion key list
  orion key remove my-bot

A key is printed once; ORION keeps only its hash, in keys.toml of the data folder. No restart is needed.")]
    Key(crate::key::Options),
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
    /// Where prices come from: sim, or tape:FILE[,FILE] [default: sim]
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

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct Tail {
    /// Address of the server's socket
    #[arg(default_value = "ws://127.0.0.1:8080/ws/signals")]
    pub url: String,
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
        .layers(environment)
        .and_then(|layers| config::load(&layers));
    match loaded {
        Ok(loaded) => {
            let notes = loaded
                .notes
                .iter()
                .map(|note| format!("note         {note}"));
            let lines: Vec<_> = std::iter::once(loaded.describe()).chain(notes).collect();
            Checked {
                text: lines.join("\n"),
                exit_code: 0,
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

/// ORION's variables out of a process's environment; bytes that are no text are shown as such in the finding they cause.
#[must_use]
pub fn environment(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    let text = |os: OsString| os.to_string_lossy().into_owned();
    variables
        .map(|(name, value)| (text(name), text(value)))
        .filter(|(name, _)| name.starts_with("ORION__"))
        .collect()
}
