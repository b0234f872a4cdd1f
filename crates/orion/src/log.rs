//! `orion log level`: what a running server logs, and other levels without a restart.

use crate::cli;
use crate::handover;
use crate::reload::market_of;
use anyhow::Result;
use std::io::{self, Write as _};

/// Finds the server by its data folder, asks it, and prints the levels that hold.
///
/// # Errors
/// When there is no such server, or it does not take the change.
pub fn run(options: &cli::LogLevel, environment: Vec<(String, String)>) -> Result<()> {
    let market = market_of(
        options.which.layers(environment),
        options.which.market.as_deref(),
    )?;
    let change = options.change.as_deref().unwrap_or_default();
    // One line is one question.
    let change = change.replace(['\r', '\n'], " ");
    let levels = handover::log_levels(&market, change.trim())?;
    writeln!(io::stdout(), "{levels}")?;
    Ok(())
}
