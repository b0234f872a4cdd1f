//! What was turned away at the gate, why and how often, for logs and metrics.

mod gate;

pub use gate::{Gate, Limits};

use market::{Catalog, InstrumentId};
use std::fmt;

/// Why a tick, a bar or a line is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The bid is above the ask.
    Crossed,
    /// A price is zero or negative.
    NotPositive,
    /// The source's time is further before the newest of its symbol than the grace allows.
    OutOfOrder,
    /// The mid is too far from the last accepted one.
    AbsurdJump,
    /// The spread is too large a part of the mid.
    AbsurdSpread,
    /// The time is before 1990, after 2200, ahead of its receipt, or alone in a far future.
    AbsurdTime,
    /// A bar whose high or low does not hold its open and close, or whose times cannot be.
    Inconsistent,
    /// A line or record that could not be read at all.
    Malformed,
}

impl Reason {
    /// In the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Crossed,
        Self::NotPositive,
        Self::OutOfOrder,
        Self::AbsurdJump,
        Self::AbsurdSpread,
        Self::AbsurdTime,
        Self::Inconsistent,
        Self::Malformed,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crossed => "crossed",
            Self::NotPositive => "not_positive",
            Self::OutOfOrder => "out_of_order",
            Self::AbsurdJump => "absurd_jump",
            Self::AbsurdSpread => "absurd_spread",
            Self::AbsurdTime => "absurd_time",
            Self::Inconsistent => "inconsistent",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A line that could not be read, shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The file or feed it came from.
    pub origin: String,
    /// Counted from 1: the line of a text, the record of a binary file.
    pub line: u64,
    /// Its beginning; what is not printable is escaped.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            line,
            text,
            why,
        } = self;
        write!(f, "{origin}:{line}: {why}: `{text}`")
    }
}

/// How many examples of malformed lines are kept, over all instruments.
const EXAMPLES: usize = 8;
/// How many bytes of a malformed line are kept.
const EXAMPLE_BYTES: usize = 80;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    rejected: [u64; Reason::ALL.len()],
}

/// Counts of what passed and what was turned away, by instrument and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quarantine {
    counts: Vec<Counts>,
    examples: Vec<Example>,
}

impl Quarantine {
    fn new(catalog: &Catalog) -> Self {
        Self {
            counts: vec![Counts::default(); catalog.instruments.len()],
            examples: Vec::new(),
        }
    }

    /// Ticks and bars of an instrument that were let through.
    #[must_use]
    pub fn passed(&self, instrument: InstrumentId) -> u64 {
        self.counts
            .get(instrument.index())
            .map_or(0, |counts| counts.passed)
    }

    /// Ticks, bars and lines of an instrument that were turned away for `reason`.
    #[must_use]
    pub fn rejected(&self, instrument: InstrumentId, reason: Reason) -> u64 {
        self.counts
            .get(instrument.index())
            .map_or(0, |counts| counts.rejected[reason as usize])
    }

    /// What was turned away for `reason`, over all instruments.
    #[must_use]
    pub fn total(&self, reason: Reason) -> u64 {
        self.counts
            .iter()
            .map(|counts| counts.rejected[reason as usize])
            .sum()
    }

    /// Every count that is not zero, by instrument and then by reason.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, Reason, u64)> + '_ {
        (0_u16..).zip(&self.counts).flat_map(|(place, counts)| {
            Reason::ALL
                .into_iter()
                .map(move |reason| {
                    (
                        InstrumentId(place),
                        reason,
                        counts.rejected[reason as usize],
                    )
                })
                .filter(|&(_, _, count)| count > 0)
        })
    }

    /// The first malformed lines.
    #[must_use]
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    fn pass(&mut self, instrument: InstrumentId) {
        if let Some(counts) = self.counts.get_mut(instrument.index()) {
            counts.passed += 1;
        }
    }

    fn reject(&mut self, instrument: InstrumentId, reason: Reason) {
        if let Some(counts) = self.counts.get_mut(instrument.index()) {
            counts.rejected[reason as usize] += 1;
        }
    }

    fn keep_example(&mut self, origin: &dyn fmt::Display, line: u64, text: &[u8], why: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(Example {
                origin: origin.to_string(),
                line,
                text: shorten(text),
                why,
            });
        }
    }
}

/// The beginning of a text of unknown nature, fit for a log line.
pub(crate) fn shorten(text: &[u8]) -> String {
    let kept = &text[..text.len().min(EXAMPLE_BYTES)];
    let more = if kept.len() < text.len() { "..." } else { "" };
    format!("{}{more}", kept.escape_ascii())
}
