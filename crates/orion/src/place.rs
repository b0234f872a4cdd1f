//! A market's folder under the data folder: journal, tape, snapshots, and the note that says which market it is.
//! Simulated and replayed markets have folders of their own and never enter the record of a real one.

use crate::config::{Config, FeedKind};
use anyhow::{Context as _, Result, ensure};
use market::{SourceTime, Time};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

const NOTE: &str = "market.toml";

/// What makes a folder's market this one and no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "market", rename_all = "lowercase")]
pub enum Note {
    Sim {
        seed: u64,
        /// The first start, at which the simulated market is anchored.
        anchor: String,
    },
    Tape {
        files: Vec<File>,
    },
    /// The real market. Its sources may change; it stays the same one.
    Live,
}

/// A recorded file as it was at the first start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub name: String,
    pub bytes: u64,
}

/// A market's folder, ready to be used.
#[derive(Clone, Debug)]
pub struct Place {
    pub dir: PathBuf,
    pub note: Note,
}

impl Place {
    /// Finds the folder of the market that the settings name, or makes it now.
    ///
    /// # Errors
    /// When the folder cannot be used, or holds another market of the same name.
    pub fn open(config: &Config, now: Time) -> Result<Self> {
        let dir = config.data.dir.join(config.market_name());
        fs::create_dir_all(&dir)
            .with_context(|| format!("make the data folder {}", dir.display()))?;
        let path = dir.join(NOTE);
        let wanted = Note::of(config, now)?;
        if !path.exists() {
            write(&path, &wanted)?;
            return Ok(Self { dir, note: wanted });
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let note: Note =
            toml::from_str(&text).with_context(|| format!("understand {}", path.display()))?;
        ensure!(
            note.is_same_market(&wanted),
            "the folder {} holds another market: its {NOTE} is\n{}and the settings name\n{}give another folder with --data, or move this one away",
            dir.display(),
            toml::to_string(&note)?,
            toml::to_string(&wanted)?
        );
        Ok(Self { dir, note })
    }
}

impl Note {
    fn of(config: &Config, now: Time) -> Result<Self> {
        match &config.feed.kind {
            FeedKind::Sim => Ok(Self::Sim {
                seed: config.feed.sim.seed,
                anchor: now.to_string(),
            }),
            FeedKind::Tape(files) => {
                let files = files
                    .iter()
                    .map(|file| File::of(file))
                    .collect::<Result<_>>()?;
                Ok(Self::Tape { files })
            }
            FeedKind::Live(_) => Ok(Self::Live),
        }
    }

    /// The anchor of a simulated market.
    ///
    /// # Errors
    /// When the note is damaged or is that of a tape.
    pub fn anchor(&self) -> Result<SourceTime> {
        match self {
            Self::Sim { anchor, .. } => {
                SourceTime::parse(anchor).context("read the anchor of the simulated market")
            }
            Self::Tape { .. } | Self::Live => {
                anyhow::bail!("only a simulated market has an anchor")
            }
        }
    }

    fn is_same_market(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sim { seed, .. }, Self::Sim { seed: wanted, .. }) => seed == wanted,
            (Self::Tape { files }, Self::Tape { files: wanted }) => files == wanted,
            (Self::Live, Self::Live) => true,
            (Self::Sim { .. }, Self::Tape { .. } | Self::Live)
            | (Self::Tape { .. }, Self::Sim { .. } | Self::Live)
            | (Self::Live, Self::Sim { .. } | Self::Tape { .. }) => false,
        }
    }
}

impl File {
    fn of(path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let bytes = fs::metadata(path)
            .with_context(|| format!("look at {}", path.display()))?
            .len();
        Ok(Self { name, bytes })
    }
}

/// Writes whole or not at all: a half-written note would be a market without an anchor.
fn write(path: &Path, note: &Note) -> Result<()> {
    let new = path.with_extension("new");
    let text = toml::to_string(note)?;
    let write = || {
        fs::write(&new, text)?;
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("write {}", path.display()))
}
