//! Logs to standard error: text for people, JSON for machines.

use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal as _};
use tracing_subscriber::EnvFilter;

/// Begins to log as the settings say.
pub fn begin(log: &Log) {
    let filter = EnvFilter::new(log.level.to_string());
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match log.format {
        LogFormat::Json => logs.json().init(),
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            logs.with_target(false).with_ansi(colour).init();
        }
    }
}
