//! A journal from some position on, a page at a time: nobody holds all of it.

use crate::{Error, Journal, Record};
use market::Position;

/// Records of a page.
const PAGE: usize = 4096;

/// How far somebody has read.
#[derive(Clone, Copy, Debug)]
pub struct Pages(Position);

impl Pages {
    /// From the first record on.
    #[must_use]
    pub fn of(journal: &impl Journal) -> Self {
        Self(Position {
            seq: 0,
            ..journal.end()
        })
    }

    /// From behind this one on.
    #[must_use]
    pub fn after(position: Position) -> Self {
        Self(position)
    }

    /// The next records, oldest first; none at the journal's end, which may lie further on the next time.
    ///
    /// # Errors
    /// As [`Journal::read`]; then it stays where it is.
    pub async fn next(
        &mut self,
        journal: &impl Journal,
    ) -> Result<Option<Vec<(Position, Record)>>, Error> {
        if self.0.seq >= journal.end().seq {
            return Ok(None);
        }
        let page = journal.read(self.0, PAGE).await?;
        let last = page.last().map(|(position, _)| *position);
        self.0 = last.unwrap_or(self.0);
        Ok(last.map(|_| page))
    }

    /// The last record that was given.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0
    }
}
