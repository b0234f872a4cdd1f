//! Commands that read what the data folder keeps: `history`, `export`, `track-record`.

use super::Kept;
use clap::{Args, Subcommand};
use std::path::PathBuf;

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

/// Options of `export`.
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// What to write
    pub what: crate::export::What,
    /// Only this market: the name of its folder
    pub market: Option<String>,
    /// The file to write, or - for standard output [default: -]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How to write it [default: as FILE is named; csv on standard output]
    #[arg(long)]
    pub format: Option<crate::export::Written>,
    /// Only what is not older than this: 2026-11-28 or 2026-11-28T07:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only what is older than this
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only these symbols, as EURUSD,XAUUSD
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Of bars only these timeframes, as 5m,1h
    #[arg(long, value_name = "TIMEFRAMES", value_delimiter = ',')]
    pub timeframes: Vec<market::Timeframe>,
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
