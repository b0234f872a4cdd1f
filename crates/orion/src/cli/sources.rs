//! Commands that look at live sources: `feed`.

use super::Basis;
use clap::{Args, Subcommand};

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
