//! The signals of a market, read from its journal, as they stood at any moment.

use anyhow::Result;
use journal::{Journal as _, Looking, Record};
use market::{Outcome, Position, Signal, SourceTime, Symbol, Time, Uuid};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wire::tell::EventBody;

/// Records read from the journal at a time.
const PAGE: usize = 4096;

/// All signals with what became of them. Asked again, it reads on from there.
#[derive(Debug)]
pub(super) struct Lives {
    dir: PathBuf,
    /// `None` before there is one.
    journal: Option<Looking>,
    position: Option<Position>,
    /// Of each symbol, in the order of their births.
    signals: BTreeMap<Symbol, Vec<Uuid>>,
    lives: BTreeMap<Uuid, Life>,
    /// The stamp of each record, in order.
    stamps: Vec<Time>,
}

#[derive(Debug, Default)]
struct Life {
    copies: Vec<Signal>,
    outcomes: Vec<Outcome>,
}

impl Lives {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal: None,
            position: None,
            signals: BTreeMap::new(),
            lives: BTreeMap::new(),
            stamps: Vec::new(),
        }
    }

    /// Reads what the journal has more, beside whoever writes it.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        let journal = match &mut self.journal {
            Some(known) => known,
            none => match Looking::open(&self.dir)? {
                Some(journal) => none.insert(journal),
                None => return Ok(()),
            },
        };
        journal.refresh()?;
        let end = journal.end();
        let mut position = self.position.unwrap_or(Position { seq: 0, ..end });
        while position.seq < end.seq {
            for (next, record) in journal.read(position, PAGE).await? {
                position = next;
                let stamp = match record {
                    Record::Signal(signal) => {
                        let stamp = signal.changed_at();
                        let life = self.lives.entry(signal.id).or_default();
                        if life.copies.is_empty() {
                            self.signals.entry(signal.symbol).or_default().push(signal.id);
                        }
                        life.copies.push(signal);
                        stamp
                    }
                    Record::Outcome(outcome) => {
                        let stamp = outcome.at;
                        let life = self.lives.entry(outcome.id).or_default();
                        life.outcomes.push(outcome);
                        stamp
                    }
                };
                let last = self.stamps.last().copied().unwrap_or(Time::MIN);
                self.stamps.push(stamp.max(last));
            }
            // Where it breaks off, it goes on.
            self.position = Some(position);
        }
        self.position = Some(position);
        Ok(())
    }

    /// Where the journal ended at a moment.
    pub(super) fn position(&self, at: Time) -> Option<Position> {
        let seq = self.stamps.partition_point(|stamp| *stamp <= at) as u64;
        self.position.map(|position| Position { seq, ..position })
    }

    /// The signals of a symbol that were triggered since `from` or were still open at `at`, as they stood then; the newest
    /// first.
    pub(super) fn of(&self, symbol: Symbol, from: SourceTime, at: Time) -> Vec<String> {
        let ids = self.signals.get(&symbol).into_iter().flatten().rev();
        ids.filter_map(|id| self.lives.get(id)?.item(from, at))
            .collect()
    }
}

impl Life {
    fn item(&self, from: SourceTime, at: Time) -> Option<String> {
        let mut copies = self.copies.iter().rev();
        let signal = copies.find(|copy| copy.changed_at() <= at)?;
        let outcome = self.outcomes.iter().rfind(|outcome| outcome.at <= at);
        if signal.entry_time < from && !is_open(signal, outcome) {
            return None;
        }
        let body = EventBody::signal(signal).ok()?;
        let fields = body.payload().strip_suffix('}')?;
        let ext = body.ext().unwrap_or("{}");
        let decided = signal
            .decided_at
            .map_or_else(|| "null".to_owned(), |at| format!(r#""{at}""#));
        let outcome = outcome.map_or_else(|| "null".to_owned(), last);
        Some(format!(
            r#"{fields},"ext":{ext},"born":"{}","decided":{decided},"outcome":{outcome}}}"#,
            signal.created_at
        ))
    }
}

fn is_open(signal: &Signal, outcome: Option<&Outcome>) -> bool {
    match signal.status {
        market::Status::Pending => true,
        market::Status::Confirmed => outcome.is_none_or(|outcome| !outcome.last),
        market::Status::Invalidated => false,
    }
}

fn last(outcome: &Outcome) -> String {
    let body = EventBody::outcome(outcome);
    let fields = body.payload().strip_suffix('}').unwrap_or_default();
    let ext = body.ext().unwrap_or("{}");
    format!(r#"{fields},"ext":{ext}}}"#)
}
