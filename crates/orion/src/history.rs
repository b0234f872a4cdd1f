//! `orion history`: what the data folder keeps. `history/list.rs` counts it, `history/verify.rs` reads every byte of it and
//! decides it again, `history/gaps.rs` finds what is missing, `history/seal.rs` seals finished days.

mod gaps;
mod list;
mod seal;
mod sealed;
mod verify;

use crate::cli::{self, HistoryCommand};
use crate::config;
use anyhow::{Context as _, Result, ensure};
use journal::tape::{Segment, TapeItem, TapeReader};
use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Read, Write};
use std::path::{Path, PathBuf};

pub(crate) use verify::run as verify_all;

/// Items between two looks at the progress.
const PROGRESS_EVERY: u64 = 65_536;

/// A market's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Market {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
}

impl Market {
    fn tape(&self) -> PathBuf {
        self.dir.join("tape")
    }
}

/// Runs the command; whether all was well.
///
/// # Errors
/// When the settings are impossible, there is no such folder or market, or nothing can be written.
pub async fn run(options: &cli::History, environment: Vec<(String, String)>) -> Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    let folder = |kept: &cli::Kept| data_folder(kept, environment);
    let well = match &options.what {
        HistoryCommand::List(list) => {
            let markets = markets(&folder(&list.kept)?, None)?;
            list::run(&markets, list.kept.json, &mut out).await?
        }
        HistoryCommand::Verify(verify) => {
            let markets = markets(&folder(&verify.kept)?, verify.market.as_deref())?;
            verify::run(&markets, verify.kept.json, &mut out).await?
        }
        HistoryCommand::Gaps(gaps) => {
            let markets = markets(&folder(&gaps.kept)?, gaps.market.as_deref())?;
            let least = market::Span::from_secs(i64::from(gaps.min));
            gaps::run(&markets, least, gaps.kept.json, &mut out)?
        }
        HistoryCommand::Seal(seal) => {
            let markets = markets(&folder(&seal.kept)?, seal.market.as_deref())?;
            seal::run(&markets, seal.kept.json, &mut out)?
        }
    };
    out.flush()?;
    Ok(well)
}

pub(crate) fn data_folder(kept: &cli::Kept, environment: Vec<(String, String)>) -> Result<PathBuf> {
    let loaded = kept
        .layers(environment)
        .and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow::anyhow!("{}", cli::lines(&findings)))?;
    Ok(loaded.config.data.dir)
}

/// The markets of a data folder by their names, or the one that is named.
pub(crate) fn markets(data: &Path, named: Option<&str>) -> Result<Vec<Market>> {
    let entries = fs::read_dir(data).with_context(|| {
        format!(
            "read the data folder {} (name another one with --data)",
            data.display()
        )
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let dir = entry?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        if dir.join("tape").is_dir() || dir.join("journal.sqlite").is_file() {
            found.push(Market {
                name: name.into_owned(),
                dir,
            });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let Some(named) = named else {
        return Ok(found);
    };
    let names: Vec<String> = found.iter().map(|market| market.name.clone()).collect();
    found.retain(|market| market.name == named);
    ensure!(
        !found.is_empty(),
        "there is no market {named} in {}; there are: {}",
        data.display(),
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    );
    Ok(found)
}

/// Gives each item of a tape, and shows how far it is.
///
/// # Errors
/// What the reader and `each` report.
fn read_all(
    market: &Market,
    segments: &[Segment],
    mut each: impl FnMut(TapeItem) -> Result<()>,
) -> Result<()> {
    let progress = Progress::new(&market.name, segments.iter().map(|one| one.bytes).sum());
    let mut reader = TapeReader::open_files(segments.iter().map(|one| one.path.clone()));
    let mut read = 0_u64;
    while let Some(item) = reader.next() {
        each(item?)?;
        read += 1;
        if read.is_multiple_of(PROGRESS_EVERY) {
            progress.set(reader.bytes());
        }
    }
    Ok(())
}

/// What is worth a line, but no result.
pub(crate) fn remark(text: &str) {
    // Standard error may be gone; then nobody wants to know.
    let _ = writeln!(io::stderr(), "{text}");
}

/// A progress bar on a terminal, nothing elsewhere; gone when dropped.
#[derive(Debug)]
pub(crate) struct Progress(Option<indicatif::ProgressBar>);

impl Progress {
    pub(crate) fn new(what: &str, bytes: u64) -> Self {
        Self::of(what, bytes, "{bytes_per_sec}")
    }

    /// Of records, rows and the like.
    pub(crate) fn counts(what: &str, items: u64) -> Self {
        Self::of(what, items, "{per_sec}")
    }

    fn of(what: &str, length: u64, rate: &str) -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let style = format!("{{msg}} {{bar:40}} {{percent}}% {rate} {{eta}} left");
            let style = indicatif::ProgressStyle::with_template(&style);
            indicatif::ProgressBar::new(length)
                .with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
                .with_message(what.to_owned())
        }))
    }

    /// For where it would be in the way.
    pub(crate) fn hidden() -> Self {
        Self(None)
    }

    /// For what cannot be measured.
    fn waits(what: &str) -> Self {
        Self(io::stderr().is_terminal().then(|| {
            let bar = indicatif::ProgressBar::new_spinner().with_message(what.to_owned());
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            bar
        }))
    }

    pub(crate) fn set(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(bytes);
        }
    }

    /// Moves as this is read, from so many bytes on.
    pub(crate) fn through<R: Read>(&self, from: R, bytes: u64) -> impl Read {
        self.set(bytes);
        let bar = self.0.clone();
        bar.unwrap_or_else(indicatif::ProgressBar::hidden)
            .wrap_read(from)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Rows of texts as aligned columns; the columns whose place is in `right` end at the same place.
pub(crate) fn table(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if right.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_moves_while_a_file_is_read() {
        let progress = Progress(Some(indicatif::ProgressBar::hidden()));
        let position = || progress.0.as_ref().map(indicatif::ProgressBar::position);
        let mut source = progress.through([7; 1000].as_slice(), 100);
        for expected in [400, 700, 1000] {
            source.read_exact(&mut [0; 300]).unwrap();
            assert_eq!(position(), Some(expected));
        }
        assert_eq!(source.read_to_end(&mut Vec::new()).unwrap(), 100);
        assert_eq!(position(), Some(1100));
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["a", "10", "x"], vec!["long", "9", "y"], vec!["b"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect());
        assert_eq!(table(&rows, &[1]), ["a     10  x", "long   9  y", "b"]);
        assert_eq!(table(&[], &[]), [""; 0]);
    }

    #[test]
    fn markets_are_the_folders_with_something_to_keep() {
        let data = tempfile::tempdir().unwrap();
        for dir in ["sim-1/tape", "record/tape", "notes"] {
            fs::create_dir_all(data.path().join(dir)).unwrap();
        }
        fs::write(data.path().join("tape"), "a file").unwrap();
        let names = |named| {
            let found = markets(data.path(), named)?;
            Ok::<_, anyhow::Error>(
                found
                    .into_iter()
                    .map(|market| market.name)
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names(None).unwrap(), ["record", "sim-1"]);
        assert_eq!(names(Some("sim-1")).unwrap(), ["sim-1"]);
        let error = names(Some("sim-2")).unwrap_err().to_string();
        assert!(error.starts_with("there is no market sim-2 in "), "{error}");
        assert!(error.ends_with("there are: record, sim-1"), "{error}");
        let error = markets(&data.path().join("none"), None).unwrap_err();
        assert!(error.to_string().contains("--data"), "{error}");
    }
}
