//! Logs to standard error: text for people, JSON for machines. Who logs never waits for who reads them (`writer.rs`). The newest
//! lines are also kept in memory, for who keeps the server and cannot see its terminal. Levels may change while the process
//! runs: [`set`] and [`change`] are the only ways.

mod ring;
mod writer;

pub(crate) use ring::{Line, newest};
pub(crate) use writer::left_out;
pub use writer::{finish, last_words};

use crate::config::{Log, LogFormat, LogLevels};
use ring::Ring;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _};
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

/// The levels in force. There is one log of a process, and so one of these.
static LEVELS: OnceLock<Levels> = OnceLock::new();

#[derive(Debug)]
struct Levels {
    filter: Handle<EnvFilter, Registry>,
    /// What the settings say: what `reset` comes back to.
    settings: Mutex<LogLevels>,
    now: Mutex<LogLevels>,
}

/// Whether colours are wanted, as far as the environment says (no-color.org: set, and not empty).
pub(crate) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Begins to log as the settings say, panics too.
///
/// # Errors
/// When the system gives no thread to write with.
pub fn begin(log: &Log) -> io::Result<()> {
    writer::begin()?;
    let is_terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(writer::way);
    let lines = match (log.format, is_terminal) {
        (LogFormat::Json, _) | (LogFormat::Auto, false) => lines.json().boxed(),
        (LogFormat::Pretty, _) | (LogFormat::Auto, true) => {
            let colour = is_terminal && colour_wanted();
            lines.with_target(false).with_ansi(colour).boxed()
        }
    };
    let (filter, handle) = reload::Layer::new(filter(&log.level));
    let levels = Levels {
        filter: handle,
        settings: Mutex::new(log.level.clone()),
        now: Mutex::new(log.level.clone()),
    };
    // A second beginning of the same process fails below, in words.
    let _first = LEVELS.set(levels);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .with(Ring)
        .init();
    panic::set_hook(Box::new(note_panic));
    Ok(())
}

/// A panic is logged as everything is: who broke off must not wait for standard error either, since others go on.
fn note_panic(panic: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        tracing::error!(thread = name, %backtrace, "{panic}");
    } else {
        tracing::error!(thread = name, "{panic}");
    }
    if name == "main" {
        // The process may end with it.
        finish();
    }
}

fn filter(levels: &LogLevels) -> EnvFilter {
    EnvFilter::new(levels.to_string())
}

/// The settings' levels are others now. They hold at once, and what was changed by hand is over.
///
/// # Errors
/// When nothing is logged yet, or no longer.
pub fn set(levels: &LogLevels) -> Result<(), String> {
    let known = known()?;
    *known
        .settings
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = levels.clone();
    known.apply(levels.clone()).map(drop)
}

/// Changes levels by hand, until the process ends or its settings change: `debug`, `gateway=debug`, `reset` for the settings'
/// own, or nothing to hear which hold. Gives back those that hold now.
///
/// # Errors
/// When it is no change, or nothing is logged.
pub(crate) fn change(asked: &str) -> Result<LogLevels, String> {
    let known = known()?;
    let now = known.now();
    match asked {
        "" => Ok(now),
        "reset" => {
            let settings = known.settings.lock();
            let settings = settings.unwrap_or_else(PoisonError::into_inner).clone();
            known.apply(settings)
        }
        change => known.apply(now.changed(change)?),
    }
}

fn known() -> Result<&'static Levels, String> {
    LEVELS
        .get()
        .ok_or_else(|| "this process does not log".to_owned())
}

impl Levels {
    fn now(&self) -> LogLevels {
        self.now
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn apply(&self, levels: LogLevels) -> Result<LogLevels, String> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter
            .reload(filter(&levels))
            .map_err(|error| format!("the log does not take other levels: {error}"))?;
        *now = levels.clone();
        drop(now);
        tracing::info!(%levels, "what is logged has changed");
        Ok(levels)
    }
}
