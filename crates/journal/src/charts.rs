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

/// Moves a book that a newer ORION wrote, and what SQLite keeps beside it, to where that one can have it back from: the name
/// there. One that was moved before is replaced.
///
/// # Errors
/// [`Error::Io`] when it cannot be moved.
pub fn move_aside(path: &Path) -> Result<PathBuf, Error> {
    let with = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let aside = with(".newer");
    remove(&aside)?;
    for end in ["-wal", "-shm", ""] {
        let mut to = aside.as_os_str().to_owned();
        to.push(end);
        match fs::rename(with(end), to) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::io("move", path)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
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
    /// It is too old, or there are too many newer ones: the engine follows it no longer.
    Expired,
}

impl What {
    const ALL: [Self; 8] = [
        Self::Touched,
        Self::Filled,
        Self::Inverted,
        Self::Broken,
        Self::Swept,
        Self::Run,
        Self::Replaced,
        Self::Expired,
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
            Self::Expired => "expired",
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
            | Self::Replaced
            | Self::Expired => true,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Place;
    use market::{Ohlc, Span};
    use tempfile::TempDir;

    const PLACE: Place = Place {
        segment: 2,
        offset: 99,
    };

    fn name() -> ChartName {
        ChartName {
            symbol: Symbol::new("EURUSD").unwrap(),
            timeframe: Timeframe::M5,
        }
    }

    fn opened(number: i64) -> SourceTime {
        SourceTime::from_secs(number * 300)
    }

    /// Known a second after its end.
    fn bar(number: i64) -> KnownBar {
        KnownBar {
            bar: Bar {
                open_time: opened(number),
                end_time: opened(number + 1),
                price: Ohlc::of(Price::from_units(1_085_300_000 + number)),
                ticks: 7,
                holed: number == 3,
            },
            known: Time::from_secs((number + 1) * 300 + 1),
        }
    }

    fn mark(number: i64, kind: MarkKind) -> Mark {
        let level = Price::from_units(1_085_300_000);
        let key = MarkKey {
            kind,
            direction: Direction::Long,
            bar: opened(number),
            top: level,
            bottom: level,
        };
        Mark {
            key,
            from: opened(number),
            to: None,
            born: opened(number + 2),
            known: bar(number + 2).known,
            about: "{}".to_owned(),
        }
    }

    fn broken(number: i64) -> MarkEvent {
        MarkEvent {
            what: What::Broken,
            bar: opened(number),
            known: bar(number).known,
        }
    }

    /// Ten bars, a swing of bar 1 that is broken by bar 5, and one of bar 2 that nobody breaks.
    fn write(book: &mut Book) {
        let written = book.write(|batch| {
            for (place, number) in (0..).zip(0..10) {
                batch.bar(name(), &bar(number), Some(place))?;
            }
            batch.mark(name(), &mark(1, MarkKind::Swing))?;
            batch.mark(name(), &mark(2, MarkKind::Swing))?;
            batch.happened(name(), &mark(1, MarkKind::Swing).key, broken(5))?;
            batch.told(PLACE)
        });
        written.unwrap();
    }

    #[test]
    fn what_is_told_again_is_written_once_and_a_moment_knows_nothing_later() {
        let dir = TempDir::new().unwrap();
        let path = path(dir.path());
        assert!(Page::open(&path).unwrap().is_none());
        for _ in 0..2 {
            let mut book = Book::open(&path).unwrap();
            write(&mut book);
            write(&mut book);
            assert_eq!(book.told().unwrap(), PLACE);
        }
        let page = Page::open(&path).unwrap().unwrap();
        let at = bar(4).known;
        let bars = page.bars(name(), SourceTime::MAX, at, 3).unwrap();
        assert_eq!(bars, [bar(2), bar(3), bar(4)]);
        let bars = page.bars(name(), opened(2), at, 9).unwrap();
        assert_eq!(bars, [bar(0), bar(1)]);
        let marks = |from, at| page.marks(name(), opened(from), at).unwrap();
        let [first, second] = [1, 2].map(|number| mark(number, MarkKind::Swing));
        let early = first.known - Span::from_nanos(1);
        assert_eq!(marks(0, early), []);
        assert_eq!(marks(0, first.known), [(first.clone(), vec![])]);
        let later = [(first, vec![broken(5)]), (second, vec![])];
        assert_eq!(marks(0, bar(9).known), later);
        assert_eq!(marks(6, bar(9).known), later[1..], "the other is over");
        assert_eq!(marks(6, bar(4).known).len(), 2, "it was not yet over");
    }

    #[test]
    fn a_chart_that_begins_anew_counts_anew() {
        let dir = TempDir::new().unwrap();
        let mut book = Book::open(&path(dir.path())).unwrap();
        write(&mut book);
        let found = |book: &mut Book, place, known| {
            let mut found = None;
            let look = |batch: &mut Batch<'_>| {
                found = batch.open_time(name(), place, known)?;
                Ok(())
            };
            book.write(look).unwrap();
            found
        };
        let later = bar(30).known;
        assert_eq!(found(&mut book, 4, later), Some(opened(4)));
        let anew = |batch: &mut Batch<'_>| {
            batch.bar(name(), &bar(20), Some(0))?;
            batch.bar(name(), &bar(21), Some(1))
        };
        book.write(anew).unwrap();
        assert_eq!(found(&mut book, 1, later), Some(opened(21)));
        assert_eq!(found(&mut book, 4, later), None);
        // Another process that tells the tape again from before that goes on with the count of then.
        let mut book = Book::open(&path(dir.path())).unwrap();
        assert_eq!(found(&mut book, 4, bar(10).known), Some(opened(4)));
        let mut book = Book::open(&path(dir.path())).unwrap();
        assert_eq!(found(&mut book, 1, later), Some(opened(21)));
    }

    #[test]
    fn a_newer_level_takes_the_place_of_the_one_before_unless_that_was_taken() {
        let dir = TempDir::new().unwrap();
        let path = path(dir.path());
        let mut book = Book::open(&path).unwrap();
        let days = [1, 4, 7].map(|number| mark(number, MarkKind::PoolDay));
        let swept = MarkEvent {
            what: What::Swept,
            ..broken(8)
        };
        for _ in 0..2 {
            let told = |batch: &mut Batch<'_>| {
                for day in &days[..2] {
                    batch.replace(name(), day)?;
                    batch.mark(name(), day)?;
                }
                batch.happened(name(), &days[1].key, swept)?;
                batch.replace(name(), &days[2])?;
                batch.mark(name(), &days[2])
            };
            book.write(told).unwrap();
        }
        let page = Page::open(&path).unwrap().unwrap();
        let marks = page.marks(name(), opened(0), Time::MAX).unwrap();
        let whats: Vec<Vec<What>> = marks
            .iter()
            .map(|(_, events)| events.iter().map(|event| event.what).collect())
            .collect();
        assert_eq!(whats, [vec![What::Replaced], vec![What::Swept], vec![]]);
    }

    #[test]
    fn old_bars_and_marks_go_and_a_file_that_is_no_book_is_refused() {
        let dir = TempDir::new().unwrap();
        let path = path(dir.path());
        let mut book = Book::open(&path).unwrap();
        write(&mut book);
        book.write(|batch| batch.prune(Timeframe::M1, opened(9)))
            .unwrap();
        book.write(|batch| batch.prune(Timeframe::M5, opened(2)))
            .unwrap();
        let page = Page::open(&path).unwrap().unwrap();
        let bars = page.bars(name(), SourceTime::MAX, Time::MAX, 99).unwrap();
        assert_eq!(bars.len(), 8);
        let marks = page.marks(name(), opened(0), Time::MAX).unwrap();
        assert_eq!(marks, [(mark(2, MarkKind::Swing), vec![])]);
        drop((book, page));

        remove(&path).unwrap();
        remove(&path).unwrap();
        std::fs::write(&path, "no book of anybody's at all".repeat(99)).unwrap();
        assert!(Book::open(&path).is_err() && Page::open(&path).is_err());
    }
}
