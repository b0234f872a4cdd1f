//! `orion history verify`: reads every byte of what is kept, and decides it again.

use super::{Market, Progress, sealed};
use crate::bars;
use crate::chartbook::Teller;
use crate::recover::{self, Retold};
use anyhow::Result;
use journal::tape::{self, Segment, TapeItem, TapeReader};
use journal::{Journal as _, Looking, Pages, Record};
use journal::{charts, copy, snapshot};
use market::{Calibration, Shadow, Status, Time, Uuid};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

/// Records read from the journal at a time.
const PAGE: usize = 4096;

/// What was found in a market's folder.
#[derive(Debug, Default)]
struct Report {
    segments: usize,
    bytes: u64,
    events: u64,
    records: u64,
    /// Records that the tape gave again.
    again: u64,
    /// Sealed days, and the quotes and bars in their files.
    sealed: u64,
    rows: u64,
    /// What is worth knowing and no fault.
    notes: Vec<String>,
    wrong: Vec<String>,
}

/// Prints what each market is, and what is wrong where; whether nothing is.
pub(crate) async fn run(markets: &[Market], json: bool, out: &mut impl Write) -> Result<bool> {
    let mut well = true;
    for market in markets {
        let mut report = Report::default();
        report.look(market).await;
        well &= report.wrong.is_empty();
        if json {
            writeln!(out, "{}", object(market, &report))?;
        } else {
            print(market, &report, out)?;
        }
        // What follows may take long.
        out.flush()?;
    }
    Ok(well)
}

impl Report {
    async fn look(&mut self, market: &Market) {
        self.tape(market);
        self.snapshots(market);
        self.beside(market);
        self.sealed(market);
        if let Some(journal) = self.journal(market).await
            && self.wrong.is_empty()
        {
            self.again(market, &journal).await;
        }
    }

    fn fault(&mut self, error: impl std::fmt::Display) {
        let text = format!("{error:#}");
        if !self.wrong.contains(&text) {
            self.wrong.push(text);
        }
    }

    /// Every segment by itself, so that damage in one does not hide another's.
    fn tape(&mut self, market: &Market) {
        let segments = match tape::segments(&market.tape()) {
            Ok(segments) => segments,
            Err(error) => return self.fault(error),
        };
        self.segments = segments.len();
        self.bytes = segments.iter().map(|segment| segment.bytes).sum();
        if let Some(first) = segments.first().filter(|first| first.number > 1) {
            self.notes.push(format!(
                "the tape begins with segment {}: older days are gone",
                first.number
            ));
        }
        let progress = Progress::new(&market.name, self.bytes);
        let (mut newest, mut before) = (Time::MIN, 0);
        for (place, segment) in segments.iter().enumerate() {
            self.segment(segment, segments.get(place + 1), &mut newest);
            before += segment.bytes;
            progress.set(before);
        }
    }

    /// Reads one segment. Only the last one may have a torn end, so each other is read with the next one behind it.
    fn segment(&mut self, segment: &Segment, next: Option<&Segment>, newest: &mut Time) {
        let paths = [Some(segment), next].into_iter().flatten();
        let mut reader = TapeReader::open_files(paths.map(|one| one.path.clone()));
        let mut heads = 0;
        for item in reader.by_ref() {
            match item {
                Ok(TapeItem::Settings(_)) if heads == 1 => return,
                Ok(TapeItem::Settings(_)) => heads += 1,
                Ok(TapeItem::Event(at, _)) => {
                    self.events += 1;
                    if at < *newest {
                        let path = segment.path.display();
                        self.fault(format!("{path}: the stamp {at} comes after {newest}"));
                    }
                    *newest = at.max(*newest);
                }
                Err(error) => return self.fault(error),
            }
        }
        let torn = segment.bytes.saturating_sub(reader.bytes());
        if torn > 0 {
            self.notes.push(format!(
                "the last {torn} bytes are a batch that is not whole: a server is writing it, or a crash left it and the \
                 next start cuts it off"
            ));
        }
    }

    /// Every sealed file, whole.
    fn sealed(&mut self, market: &Market) {
        let _waits = Progress::waits(&format!("{}: read what is sealed", market.name));
        let mut verified = sealed::verify(market);
        (self.sealed, self.rows) = (verified.days, verified.rows);
        self.notes.append(&mut verified.notes);
        for wrong in verified.wrong {
            self.fault(wrong);
        }
    }

    /// The databases page by page, and the saved bars.
    fn beside(&mut self, market: &Market) {
        let charts = charts::path(&market.dir);
        for path in [market.dir.join("journal.sqlite"), charts] {
            if path.exists()
                && let Err(error) = copy::check(&path)
            {
                self.fault(error);
            }
        }
        let path = bars::path_of(&market.dir);
        if let Err(reason) = journal::bars::load(&path) {
            self.fault(format!(
                "{}: {reason}; remove it: charts begin with the next bars",
                path.display()
            ));
        }
    }

    fn snapshots(&mut self, market: &Market) {
        match snapshot::all(&market.dir.join("snapshots")) {
            Err(error) => self.fault(error),
            Ok(all) => {
                for found in all {
                    if let Err(reason) = found.snapshot {
                        self.fault(format!("snapshot {}: {reason}", found.path.display()));
                    }
                }
            }
        }
    }

    /// The journal, if there is one that can be read; each of its records.
    async fn journal(&mut self, market: &Market) -> Option<Looking> {
        let read = async {
            let Some(journal) = Looking::open(&market.dir)? else {
                return Ok(None);
            };
            let mut pages = Pages::of(&journal);
            let mut lives = Lives::default();
            while let Some(page) = pages.next(&journal).await? {
                for (at, record) in page {
                    if let Err(reason) = lives.take(&record) {
                        self.fault(format!("record {} of the journal: {reason}", at.seq));
                    }
                }
            }
            self.records = pages.position().seq;
            self.shadows(&journal, &lives).await?;
            Ok::<_, journal::Error>(Some(journal))
        };
        match read.await {
            Ok(journal) => journal,
            Err(error) => {
                self.fault(error);
                None
            }
        }
    }

    /// Each of what would have become of signals: of one that was not confirmed.
    async fn shadows(&mut self, journal: &Looking, lives: &Lives) -> Result<(), journal::Error> {
        let mut after = 0;
        loop {
            let page = journal.shadows(after, PAGE).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            for (place, shadow) in page {
                let status = lives.0.get(&shadow.id);
                if status != Some(&Status::Invalidated) {
                    self.fault(format!(
                        "shadow {place} of the journal is of signal {}, which is not invalidated",
                        shadow.id
                    ));
                }
            }
        }
    }

    /// Decides again what the tape tells, and compares.
    async fn again(&mut self, market: &Market, journal: &Looking) {
        let _waits = Progress::waits(&format!("{}: decide it again", market.name));
        let start = match recover::earliest(&market.dir, journal.end()) {
            Ok(Some(start)) => start,
            Ok(None) => {
                let note = "its journal was not compared: the tape's beginning is gone, and no snapshot can be used";
                return self.notes.push(note.to_owned());
            }
            Err(error) => return self.fault(format!("{error:#}")),
        };
        if start.after() > 0 {
            self.notes.push(format!(
                "records 1 to {} are older than the tape and were not compared",
                start.after()
            ));
        }
        match recover::retell(start, journal, &mut Teller::none()).await {
            Ok(Retold::Whole(told)) => {
                self.again = told.compared;
                let shadows = self.compare_shadows(journal, &told.shadows).await;
                let calibrations = self.compare_calibrations(journal, &told.calibrations).await;
                for error in [shadows.err(), calibrations.err()].into_iter().flatten() {
                    self.fault(error);
                }
                if !told.missing.is_empty() {
                    self.notes.push(format!(
                        "{} decisions on the tape are not in the journal yet: a server is running, or the next start appends \
                         them",
                        told.missing.len()
                    ));
                }
            }
            Ok(Retold::Lost(reason)) => self
                .notes
                .push(format!("its journal was not compared: {reason}")),
            Err(error) => self.fault(format!("{error:#}")),
        }
    }

    /// What the journal has of those that the tape gives is the same.
    async fn compare_shadows(
        &mut self,
        journal: &Looking,
        given: &[Shadow],
    ) -> Result<(), journal::Error> {
        let kept = journal.shadows(0, usize::MAX).await?;
        let kept: BTreeMap<Uuid, Shadow> = kept.into_iter().map(|(_, one)| (one.id, one)).collect();
        for shadow in given {
            if kept.get(&shadow.id).is_some_and(|kept| kept != shadow) {
                self.fault(format!(
                    "the shadow of signal {} is not what its tape gives",
                    shadow.id
                ));
            }
        }
        Ok(())
    }

    /// The versions of calibrations that the tape gives are those that the journal has.
    async fn compare_calibrations(
        &mut self,
        journal: &Looking,
        given: &[Calibration],
    ) -> Result<(), journal::Error> {
        let name = |one: &Calibration| (one.of.clone(), one.version);
        let kept = journal.calibrations().await?;
        let kept: BTreeMap<_, _> = kept.iter().map(|one| (name(one), one)).collect();
        for calibration in given {
            if kept
                .get(&name(calibration))
                .is_some_and(|kept| *kept != calibration)
            {
                self.fault(format!(
                    "version {} of what confidence of {} is calibrated by is not what its tape gives",
                    calibration.version, calibration.of
                ));
            }
        }
        Ok(())
    }
}

/// What is known of each signal, so that none goes back.
#[derive(Default)]
struct Lives(BTreeMap<Uuid, Status>);

impl Lives {
    fn take(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::Signal(signal) => {
                let before = self.0.insert(signal.id, signal.status);
                match (before, signal.status) {
                    (None, Status::Pending)
                    | (Some(Status::Pending), Status::Confirmed | Status::Invalidated) => Ok(()),
                    (None, status) => Err(format!("signal {} is born {status}", signal.id)),
                    (Some(before), status) => {
                        Err(format!("signal {} was {before} and is {status}", signal.id))
                    }
                }
            }
            Record::Outcome(outcome) => match self.0.get(&outcome.id) {
                Some(Status::Confirmed) => Ok(()),
                Some(Status::Pending | Status::Invalidated) | None => Err(format!(
                    "an outcome of signal {}, which is not confirmed",
                    outcome.id
                )),
            },
        }
    }
}

fn print(market: &Market, report: &Report, out: &mut impl Write) -> Result<()> {
    let verdict = if report.wrong.is_empty() {
        "whole"
    } else {
        "DAMAGED"
    };
    writeln!(
        out,
        "{}: {verdict}; {} segments, {} bytes, {} events; {} records in the journal, {} of them decided again from the tape",
        market.name, report.segments, report.bytes, report.events, report.records, report.again
    )?;
    if report.sealed > 0 {
        writeln!(
            out,
            "  sealed {} days, {} quotes and bars",
            report.sealed, report.rows
        )?;
    }
    for wrong in &report.wrong {
        writeln!(out, "  wrong  {wrong}")?;
    }
    for note in &report.notes {
        writeln!(out, "  note   {note}")?;
    }
    Ok(())
}

fn object(market: &Market, report: &Report) -> serde_json::Value {
    json!({
        "market": market.name, "whole": report.wrong.is_empty(), "segments": report.segments, "bytes": report.bytes,
        "events": report.events, "records": report.records, "again": report.again, "sealed": report.sealed,
        "rows": report.rows, "wrong": report.wrong, "notes": report.notes,
    })
}
