//! Commands that speak to a running server: `reload`, `config diff`, `tail`, `status`, `signals`.

use super::Basis;
use super::settings::data;
use crate::config::{Finding, Layers};
use clap::{Args, Subcommand};
use std::path::PathBuf;

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

/// Options of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    #[command(flatten)]
    pub settings: super::Settings,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What to do with the log of a running server.
#[derive(Clone, Debug, Subcommand)]
pub enum Log {
    /// What it logs, or other levels from now on
    #[command(after_help = "\
Examples:
  orion log level                        which levels hold
  orion log level gateway=debug          this part of the program says more, the others as before
  orion log level debug                  everything says more
  orion log level reset                  as the settings say

It holds until the server ends, hands over, or reads other settings.
Exit code: 0 when it holds, 1 with the reason when not, 2 when the command line could not be read.")]
    Level(LogLevel),
}

/// Options of `log level`.
#[derive(Args, Clone, Debug)]
pub struct LogLevel {
    /// A level (error, warn, info, debug, trace), exceptions such as gateway=debug,hub=trace, both, or `reset`
    pub change: Option<String>,
    #[command(flatten)]
    pub which: Which,
}

/// The server of a data folder.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// The market, where several servers share the data folder: the name of its folder
    #[arg(long, value_name = "NAME")]
    pub market: Option<String>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

/// What to do with the settings.
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// How the settings of a running server's file differ from what it runs with, and what each change takes
    #[command(after_help = "\
Examples:
  orion config diff                      the server that has the folder orion-data
  orion config diff --data /srv/orion
  orion config diff --json | jq '.[] | select(.takes == \"reload\")'

The server reads its own settings file again, checks all of it, and changes nothing. No secret is shown.
Exit code: 0 when it could be compared, 1 with the reason when not, 2 when the command line could not be read.")]
    Diff(ConfigDiff),
    /// Check all settings and files without opening anything, and say what would run: the same as `orion check`
    #[command(after_help = "\
Examples:
  orion config check --config orion.toml

Exit code: 0 when the settings can run, 1 when there are findings, 2 when the command line could not be read.")]
    Check(super::Settings),
}

/// Options of `config diff`.
#[derive(Args, Clone, Debug)]
pub struct ConfigDiff {
    /// Print one JSON list
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub which: Which,
}

/// Options of `tail`.
#[derive(Args, Clone, Debug)]
pub struct Tail {
    /// Address of the server's socket
    #[arg(default_value = "ws://127.0.0.1:8080/ws/signals")]
    pub url: String,
    /// A file with a key or token, where the server wants to know who reads [default: the variable ORION_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Certificates in PEM that are trusted beside the public ones: that of the server, or of who issued it
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Print each message as it came, one a line
    #[arg(long)]
    pub json: bool,
    /// Print lines, on a terminal too
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
}

/// Which server is asked, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Asked {
    /// Address of the server [default: that of the server which has the data folder]
    #[arg(long, value_name = "URL", conflicts_with_all = ["data", "market"])]
    pub url: Option<String>,
    /// The market, where several share the data folder: the name of its folder
    #[arg(long, value_name = "NAME")]
    pub market: Option<String>,
    /// A file with a key or token, where the server wants to know who reads [default: the variable ORION_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Certificates in PEM that are trusted beside the public ones [default: that of the server which has the data folder]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Folder of ORION's data [default: orion-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub basis: Basis,
}

/// How it is printed: else as a table.
#[derive(Args, Clone, Copy, Debug)]
pub struct Printed {
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Print comma separated values with a header
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// Options of `status`.
#[derive(Args, Clone, Debug)]
pub struct Status {
    /// Say only whether clients are let in, as the health check of a container or a balancer wants to know
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub ready: bool,
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub printed: Printed,
}

/// What to do with signals.
#[derive(Clone, Debug, Subcommand)]
pub enum Signals {
    /// The newest signals, and what became of them
    #[command(after_help = "\
Examples:
  orion signals list --status confirmed --symbol EURUSD
  orion signals list --from 2026-11-01T00:00:00Z --limit 500 --csv > november.csv

Times are of the signals' birth. Exit code: 0 when they could be read, 1 when not, 2 when the command line could not be read.")]
    List(SignalsList),
    /// One signal's whole life: levels, conditions, every change with its cause
    #[command(after_help = "\
Examples:
  orion signals show 7c0e5a1e
  orion signals show 7c0e5a1e-9f0b-5c1d-8e2f-3a4b5c6d7e8f --json

The beginning of its name will do where only one of the newest 500 begins so.
Exit code: 0 when there is such a signal, 1 when not, 2 when the command line could not be read.")]
    Show(SignalsShow),
}

/// Options of `signals list`.
#[derive(Args, Clone, Debug)]
pub struct SignalsList {
    /// Only those that are pending, confirmed or invalidated
    #[arg(long, value_name = "STATUS", value_parser = ["pending", "confirmed", "invalidated"])]
    pub status: Option<String>,
    /// Only this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,
    /// Only of this setup
    #[arg(long, value_name = "NAME")]
    pub setup: Option<String>,
    /// Only of this source of prices, or sender
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Only long or short
    #[arg(long, value_name = "SIDE", value_parser = ["long", "short"])]
    pub direction: Option<String>,
    /// Only those born since then: 2026-11-28T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only those born before then
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// At most so many, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub printed: Printed,
}

/// Options of `signals show`.
#[derive(Args, Clone, Debug)]
pub struct SignalsShow {
    /// Its id, or how that begins
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub asked: Asked,
    #[command(flatten)]
    pub printed: Printed,
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

impl Which {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}

impl Asked {
    /// The layers that these options name, over the environment.
    ///
    /// # Errors
    /// When the settings file cannot be read.
    pub fn layers(&self, environment: Vec<(String, String)>) -> Result<Layers, Vec<Finding>> {
        self.basis.layers(environment, data(self.data.as_ref()))
    }
}
