//! The calendar of releases, read from a file that the operator keeps.

use super::finding::{Finding, Origin};
use engine::{News, Release};
use market::{Currency, SourceTime};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::Value;

/// Releases around which nothing new is traded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewsSettings {
    /// A table with the columns `time,currency,title`; absent: no releases are known.
    pub file: Option<PathBuf>,
    /// So many minutes before and after each.
    pub block_min: u32,
    /// What the file has.
    #[serde(skip)]
    releases: Vec<Release>,
}

impl Default for NewsSettings {
    fn default() -> Self {
        Self {
            file: None,
            block_min: 5,
            releases: Vec::new(),
        }
    }
}

/// One line of the file.
#[derive(Deserialize)]
struct Line {
    time: String,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    title: String,
}

impl NewsSettings {
    pub(super) fn to_engine(&self) -> News {
        News {
            block_min: self.block_min,
            releases: self.releases.clone(),
        }
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or a line is no release: the first one, with its number.
    pub(super) fn read(&mut self, origin: impl FnOnce() -> Origin) -> Result<(), Box<Finding>> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let finding = |reason| {
            let value = Value::String(file.display().to_string());
            let finding = Finding::new(origin(), "news.file", reason)
                .value(&value)
                .remedy("a release is a line such as `2026-12-04T13:30:00Z,USD,Nonfarm payrolls`, under the line `time,currency,title`");
            Box::new(finding)
        };
        self.releases = releases(file).map_err(finding)?;
        Ok(())
    }
}

fn releases(file: &Path) -> Result<Vec<Release>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_path(file)
        .map_err(|error| error.to_string())?;
    let lines = reader.deserialize();
    lines
        .enumerate()
        .map(|(place, line)| {
            let line: Line = line.map_err(|error| error.to_string())?;
            release(line).map_err(|reason| format!("release {}: {reason}", place + 1))
        })
        .collect()
}

fn release(line: Line) -> Result<Release, String> {
    let currency = match line.currency.as_str() {
        "" => None,
        code => Some(Currency::new(code).map_err(|error| error.to_string())?),
    };
    Ok(Release {
        time: SourceTime::parse(&line.time).map_err(|error| error.to_string())?,
        currency,
        title: line.title,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Release>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("news.csv");
        std::fs::write(&file, text).unwrap();
        let mut settings = NewsSettings {
            file: Some(file),
            ..NewsSettings::default()
        };
        let read = settings.read(|| Origin::Default);
        read.map_err(|finding| finding.reason)?;
        Ok(settings.to_engine().releases)
    }

    #[test]
    fn releases_are_read() {
        let found = read(
            "time,currency,title\n2026-12-04T13:30:00Z,USD,\"Payrolls, nonfarm\"\n2026-12-10T08:15:00-05:00, ,Everybody\n",
        )
        .unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{} {:?} {}",
                    one.time,
                    one.currency.map(|code| code.to_string()),
                    one.title
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "2026-12-04T13:30:00.000Z Some(\"USD\") Payrolls, nonfarm",
                "2026-12-10T13:15:00.000Z None Everybody"
            ]
        );
        assert_eq!(read("time\n2026-12-04T13:30:00Z\n").unwrap().len(), 1);
        assert_eq!(read("time,currency,title\n").unwrap(), []);
    }

    #[test]
    fn what_is_no_release_is_told() {
        let wrong = |text: &str, part: &str| {
            let reason = read(text).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        };
        wrong("when,currency\n2026-12-04T13:30:00Z,USD\n", "time");
        wrong(
            "time,currency\n2026-12-04T13:30:00Z,USD\nnoon,USD\n",
            "release 2: `noon` is not an RFC 3339 time",
        );
        wrong(
            "time,currency\n2026-12-04T13:30:00Z,usd\n",
            "release 1: `usd` is not a currency",
        );
        let mut absent = NewsSettings {
            file: Some("no/such/file.csv".into()),
            ..NewsSettings::default()
        };
        let finding = absent.read(|| Origin::Default).unwrap_err().to_string();
        assert!(
            finding.starts_with("default: news.file = \"no/such/file.csv\": "),
            "{finding}"
        );
    }
}
