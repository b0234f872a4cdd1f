//! Logs to standard error: text for people, JSON for machines. The newest lines are also kept in memory, for who keeps the
//! server and cannot see its terminal.

mod ring;

pub(crate) use ring::{Line, newest};

use crate::config::{Log, LogFormat};
use ring::Ring;
use std::io::{self, IsTerminal as _};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// Begins to log as the settings say.
pub fn begin(log: &Log) {
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match log.format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => {
            let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.with_target(false).with_ansi(colour).boxed()
        }
    };
    tracing_subscriber::registry()
        .with(EnvFilter::new(log.level.to_string()))
        .with(lines)
        .with(Ring)
        .init();
}
