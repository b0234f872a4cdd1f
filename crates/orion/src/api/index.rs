//! What the journal holds of each signal, in a few words: enough to find those that are asked for, and where their whole
//! records stand. It is read on from where the last question left it. All signals are kept here, at some 300 bytes each (a
//! million are 300 MB, more than a market brings in a lifetime), so that any filter finds its page without reading the rest;
//! the records themselves stay on disk.

use anyhow::{Context as _, Result, bail};
use journal::{Journal as _, Looking, Pages, Record};
use market::{
    Direction, Killzone, Outcome, OutcomeKind, Position, Probability, Ratio, Signal, Status,
    Symbol, Time, Timeframe, Uuid,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Handle;

/// All signals of a journal.
#[derive(Debug)]
pub(super) struct Index {
    dir: PathBuf,
    /// `None` before there is one.
    journal: Option<Looking>,
    position: Option<Position>,
    /// In the order of their birth.
    signals: Vec<Entry>,
    by_id: BTreeMap<Uuid, usize>,
    /// Places of those that have ended, in the order of their end.
    ended: Vec<usize>,
    /// Each text once.
    names: BTreeSet<Arc<str>>,
}

/// What is known of one signal without its records.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    /// Where its records stand, in their order: its birth, its verdict, what became of it.
    pub(super) records: Vec<u64>,
    /// Where it stands as it is now.
    pub(super) latest: u64,
    /// The last that became of it.
    pub(super) outcome: Option<u64>,
    pub(super) symbol: Symbol,
    pub(super) setup: Arc<str>,
    pub(super) source: Arc<str>,
    pub(super) config_hash: Arc<str>,
    pub(super) direction: Direction,
    pub(super) killzone: Killzone,
    pub(super) status: Status,
    pub(super) born: Time,
    pub(super) decided: Option<Time>,
    pub(super) confidence: Probability,
    pub(super) odds: Option<Probability>,
    /// Its first target has traded.
    hit: bool,
    pub(super) end: Option<End>,
}

/// How a confirmed signal ended, as the track record counts it (`engine::track`).
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) at: Time,
    pub(super) hit: bool,
    /// What the whole position brought, in multiples of the risk, and what of it slippage and commission took.
    pub(super) realised: Option<Ratio>,
    pub(super) cost: Option<f64>,
    /// How long the recorded bars were that judged it; none where all prices were ticks.
    pub(super) bars: Option<Timeframe>,
}

impl Index {
    pub(super) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal: None,
            position: None,
            signals: Vec::new(),
            by_id: BTreeMap::new(),
            ended: Vec::new(),
            names: BTreeSet::new(),
        }
    }

    /// Reads what the journal has more, beside whoever writes it. Blocks on the disk: call it on a thread for that.
    ///
    /// # Errors
    /// When the journal cannot be read. What was read before stays.
    pub(super) fn refresh(&mut self) -> Result<()> {
        let journal = match &mut self.journal {
            Some(known) => known,
            none => match Looking::open(&self.dir)? {
                Some(journal) => none.insert(journal),
                None => return Ok(()),
            },
        };
        journal.refresh()?;
        let position = self.position;
        let mut pages = position.map_or_else(|| Pages::of(journal), Pages::after);
        loop {
            // Where it breaks off, it goes on.
            self.position = Some(pages.position());
            let journal = self.journal.as_ref().context("it is open")?;
            let Some(page) = Handle::current().block_on(pages.next(journal))? else {
                return Ok(());
            };
            for (at, record) in page {
                self.take(at.seq, &record);
            }
        }
    }

    /// Where it has read to; `None` before there is a journal.
    pub(super) fn position(&self) -> Option<Position> {
        self.position
    }

    /// In the order of their birth.
    pub(super) fn signals(&self) -> &[Entry] {
        &self.signals
    }

    pub(super) fn find(&self, id: Uuid) -> Option<&Entry> {
        self.by_id.get(&id).map(|place| &self.signals[*place])
    }

    /// Those that have ended from that place on, in the order of their end, each with its place.
    pub(super) fn ended(&self, from: usize) -> impl Iterator<Item = (usize, &Entry)> {
        let places = self.ended.iter().enumerate().skip(from);
        places.map(|(place, of)| (place, &self.signals[*of]))
    }

    /// The whole record at a place.
    ///
    /// # Errors
    /// When the journal cannot be read, or has none there.
    pub(super) fn record(&self, seq: u64) -> Result<Record> {
        let journal = self.journal.as_ref().context("there is no journal yet")?;
        let after = Position {
            seq: seq.saturating_sub(1),
            ..journal.end()
        };
        let mut found = Handle::current().block_on(journal.read(after, 1))?;
        let (_, record) = found.pop().with_context(|| format!("no record {seq}"))?;
        Ok(record)
    }

    /// The signal as it stands at a place of its own.
    pub(super) fn signal(&self, seq: u64) -> Result<Signal> {
        match self.record(seq)? {
            Record::Signal(signal) => Ok(signal),
            Record::Outcome(_) => bail!("record {seq} is an outcome"),
        }
    }

    /// What became of a signal at a place of its own.
    pub(super) fn outcome(&self, seq: u64) -> Result<Outcome> {
        match self.record(seq)? {
            Record::Outcome(outcome) => Ok(outcome),
            Record::Signal(_) => bail!("record {seq} is a signal"),
        }
    }

    fn take(&mut self, seq: u64, record: &Record) {
        match record {
            Record::Signal(signal) => self.take_signal(seq, signal),
            Record::Outcome(outcome) => self.take_outcome(seq, outcome),
        }
    }

    fn take_signal(&mut self, seq: u64, signal: &Signal) {
        if let Some(place) = self.by_id.get(&signal.id) {
            let entry = &mut self.signals[*place];
            entry.records.push(seq);
            entry.latest = seq;
            entry.status = signal.status;
            entry.decided = signal.decided_at;
            entry.confidence = signal.confidence;
            entry.odds = signal.evidence.odds;
            return;
        }
        let config_hash = self.name(&signal.evidence.config_hash);
        let entry = Entry {
            id: signal.id,
            records: vec![seq],
            latest: seq,
            outcome: None,
            symbol: signal.symbol,
            setup: self.name(&signal.setup),
            source: self.name(&signal.evidence.source),
            config_hash,
            direction: signal.direction,
            killzone: signal.killzone,
            status: signal.status,
            born: signal.created_at,
            decided: signal.decided_at,
            confidence: signal.confidence,
            odds: signal.evidence.odds,
            hit: false,
            end: None,
        };
        self.by_id.insert(signal.id, self.signals.len());
        self.signals.push(entry);
    }

    fn take_outcome(&mut self, seq: u64, outcome: &Outcome) {
        // What stood in the journal before its signal did is nobody's.
        let Some(place) = self.by_id.get(&outcome.id) else {
            return;
        };
        let entry = &mut self.signals[*place];
        entry.records.push(seq);
        entry.outcome = Some(seq);
        entry.hit |= matches!(outcome.kind, OutcomeKind::Target(_));
        // Where nobody looked to the end, a target that traded before is known all the same.
        let is_followed = outcome.kind != OutcomeKind::Closed || entry.hit;
        if outcome.last && is_followed && entry.end.is_none() {
            let end = outcome.end.as_ref();
            entry.end = Some(End {
                at: outcome.at,
                hit: entry.hit,
                realised: outcome.realised,
                cost: end.and_then(|end| Some(end.cost?.to_f64())),
                bars: end.and_then(|end| end.bars),
            });
            self.ended.push(*place);
        }
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.names.get(text) {
            return Arc::clone(known);
        }
        let name: Arc<str> = text.into();
        self.names.insert(Arc::clone(&name));
        name
    }
}
