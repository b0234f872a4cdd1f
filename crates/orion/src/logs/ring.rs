//! The newest lines of the log, in memory. There is one log of a process, and so one of these.

use crate::clock;
use market::Time;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that are kept.
pub(crate) const LINES: usize = 1000;
/// Characters of a text that are kept.
const TEXT: usize = 1000;

static KEPT: Mutex<Kept> = Mutex::new(Kept {
    lines: VecDeque::new(),
    count: 0,
});

#[derive(Debug)]
struct Kept {
    lines: VecDeque<Line>,
    /// Of all there ever were.
    count: u64,
}

/// One line: what was logged, and nothing that was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number among all of the process, from 1.
    pub(crate) n: u64,
    pub(crate) at: Time,
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// Those that are kept, oldest first.
pub(crate) fn newest() -> Vec<Line> {
    let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.lines.iter().cloned().collect()
}

/// What hears the log.
pub(super) struct Ring;

impl<S: Subscriber> Layer<S> for Ring {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut read = Read::default();
        event.record(&mut read);
        let about = event.metadata();
        let line = Line {
            n: 0,
            at: clock::Sources::system(&mut clock::Machine),
            level: *about.level(),
            target: about.target().to_owned(),
            message: read.message,
            fields: read.fields,
        };
        KEPT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}

impl Kept {
    fn push(&mut self, mut line: Line) {
        self.count += 1;
        line.n = self.count;
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

#[derive(Debug, Default)]
struct Read {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Read {
    fn take(&mut self, field: &Field, mut text: String) {
        // Fewer bytes are fewer characters too: nearly every text is read no further.
        if text.len() > TEXT
            && let Some((end, _)) = text.char_indices().nth(TEXT)
        {
            text.truncate(end);
        }
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.name(), text));
        }
    }
}

impl Visit for Read {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, format!("{value:?}"));
    }

    /// Without the quotes of a text's other form.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn the_newest_lines_are_kept_with_what_was_logged() {
        let heard = tracing_subscriber::registry().with(Ring);
        tracing::subscriber::with_default(heard, || {
            tracing::warn!(symbol = %"EURUSD", count = 7, name = "a b", "odd {}", 1);
            for _ in 0..LINES - 1 {
                tracing::info!("usual");
            }
            tracing::error!("{}", "\u{e9}".repeat(TEXT + 1));
        });
        // Other tests of this process may log too, but not under this subscriber.
        let lines = newest();
        assert_eq!(lines.len(), LINES);
        assert!(lines.is_sorted_by(|one, next| one.n + 1 == next.n));
        let last = &lines[LINES - 1];
        assert_eq!(
            (last.level, last.message.chars().count()),
            (Level::ERROR, TEXT)
        );
        assert_eq!(last.n, LINES as u64 + 1, "the first has gone");
        assert_eq!(lines[0].message, "usual");
        let mut read = Vec::new();
        let heard = tracing_subscriber::registry().with(Ring);
        tracing::subscriber::with_default(heard, || {
            tracing::warn!(symbol = %"EURUSD", count = 7, name = "a b", "odd {}", 1);
            read = newest();
        });
        let odd = &read[LINES - 1];
        assert_eq!((odd.level, odd.message.as_str()), (Level::WARN, "odd 1"));
        let fields: Vec<_> = odd
            .fields
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        assert_eq!(
            fields,
            [("symbol", "EURUSD"), ("count", "7"), ("name", "a b")]
        );
        assert!(odd.target.starts_with("orion::logs"), "{}", odd.target);
    }
}
