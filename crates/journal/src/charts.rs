//! The chart book: every closed bar, and everything its chart found, with the moment at which it became known. From it any
//! past moment can be shown as it was known then. All of it follows from the tape: the book may be thrown away and made again.
//!
//! `charts.sqlite` has one writer ([`Book`]) and any number of readers ([`Page`]). It is in WAL mode without a sync at each
//! commit: a loss of power may cost its end, never its wholeness, and what is told again is written once.

mod book;
mod page;
mod schema;

pub use book::{Batch, Book, Failed};
pub use page::Page;

use crate::Error;
use market::{Bar, Direction, Price, SourceTime, Symbol, Time, Timeframe};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The file in a market's folder.
#[must_use]
pub fn path(dir: &Path) -> PathBuf {
    dir.join("charts.sqlite")
}

/// Removes a book and what SQLite keeps beside it.
///
/// # Errors
/// [`Error::Io`] when a file that is there cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("remove", path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Bars of one symbol and timeframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChartName {
    pub symbol: Symbol,
    pub timeframe: Timeframe,
}

/// A closed bar, and when it was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownBar {
    pub bar: Bar,
    pub known: Time,
}

/// What is drawn on a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    Swing,
    MajorSwing,
    Equal,
    Break,
    Block,
    Gap,
    PoolDay,
    PoolWeek,
    PoolSession,
    Sweep,
    Run,
}

impl MarkKind {
    const ALL: [Self; 11] = [
        Self::Swing,
        Self::MajorSwing,
        Self::Equal,
        Self::Break,
        Self::Block,
        Self::Gap,
        Self::PoolDay,
        Self::PoolWeek,
        Self::PoolSession,
        Self::Sweep,
        Self::Run,
    ];

    /// The name clients know.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Swing => "swing",
            Self::MajorSwing => "major_swing",
            Self::Equal => "equal",
            Self::Break => "break",
            Self::Block => "block",
            Self::Gap => "gap",
            Self::PoolDay => "pool_day",
            Self::PoolWeek => "pool_week",
            Self::PoolSession => "pool_session",
            Self::Sweep => "sweep",
            Self::Run => "run",
        }
    }
}

/// Which mark: of one chart no two that live at a time are the same in all of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkKey {
    pub kind: MarkKind,
    /// For levels the side they lie on: `Long` for a high.
    pub direction: Direction,
    /// When the bar opened that it is named by: the swing's own, the block's, the one at whose close it was known.
    pub bar: SourceTime,
    pub top: Price,
    pub bottom: Price,
}

/// Something that is drawn, as it was when it became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub key: MarkKey,
    /// Where it begins and, where that is known from the first, ends: opening times of bars.
    pub from: SourceTime,
    pub to: Option<SourceTime>,
    /// When the bar opened at whose close it became known, and the stamp of what closed it.
    pub born: SourceTime,
    pub known: Time,
    /// What else is known of it, as a JSON object.
    pub about: String,
}

/// What happens to a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Touched,
    Filled,
    Inverted,
    Broken,
    Swept,
    Run,
    /// A newer level of its kind stands in its place.
    Replaced,
}

impl What {
    const ALL: [Self; 7] = [
        Self::Touched,
        Self::Filled,
        Self::Inverted,
        Self::Broken,
        Self::Swept,
        Self::Run,
        Self::Replaced,
    ];

    /// The name clients know.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Touched => "touched",
            Self::Filled => "filled",
            Self::Inverted => "inverted",
            Self::Broken => "broken",
            Self::Swept => "swept",
            Self::Run => "run",
            Self::Replaced => "replaced",
        }
    }

    /// Whether the mark is over with it: a gap that is touched goes on, one that is filled does not.
    #[must_use]
    pub const fn ends(self) -> bool {
        match self {
            Self::Touched => false,
            Self::Filled
            | Self::Inverted
            | Self::Broken
            | Self::Swept
            | Self::Run
            | Self::Replaced => true,
        }
    }
}

/// One thing that happened to a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkEvent {
    pub what: What,
    /// When the bar opened at whose close it became known, and the stamp of what closed it.
    pub bar: SourceTime,
    pub known: Time,
}
