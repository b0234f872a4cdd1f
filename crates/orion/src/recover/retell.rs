//! Telling a tape to an engine again, and comparing what it decides with the journal, record by record.

use super::{Heading, PAGE, Spent, Start};
use crate::bars::ClosedBars;
use crate::chartbook::Teller;
use crate::machine::{read_settings, record_of};
use anyhow::{Result, bail, ensure};
use engine::{Engine, Output, Settings};
use journal::tape::{self, TapeItem};
use journal::{Journal, Record};
use market::{Calibration, Position, Shadow};
use std::collections::VecDeque;
use std::sync::Arc;

/// What telling a tape again came to.
pub(crate) enum Retold {
    /// It gives the journal, as far as that goes.
    Whole(Box<Told>),
    /// It does not, because another version of the engine decided it: why, in words.
    Lost(String),
}

/// An engine that has been told all of a tape.
pub(crate) struct Told {
    pub(crate) engine: Engine,
    /// What the journal does not have.
    pub(crate) missing: Vec<Record>,
    /// What would have become of signals that were not confirmed, whether or not the journal has it.
    pub(crate) shadows: Vec<Shadow>,
    /// The versions of calibrations that the tape gives.
    pub(crate) calibrations: Vec<Calibration>,
    /// How many records were compared.
    pub(crate) compared: u64,
    pub(super) spent: Spent,
    pub(super) bars: ClosedBars,
}

/// Tells the engine the tape and compares each record that falls out with the journal.
///
/// # Errors
/// When the tape is damaged, or when journal and tape contradict each other and the same version wrote both.
pub(crate) async fn retell<J: Journal>(
    start: Start,
    journal: &J,
    charts: &mut Teller,
) -> Result<Retold> {
    let Start {
        engine,
        position,
        reader,
        spent,
        bars,
        other,
        ..
    } = start;
    let mut retelling = Retelling {
        journal,
        charts,
        position,
        page: VecDeque::new(),
        other,
        told: Told {
            engine,
            missing: Vec::new(),
            shadows: Vec::new(),
            calibrations: Vec::new(),
            compared: 0,
            spent,
            bars,
        },
    };
    let mut out = Vec::new();
    for item in reader {
        if let Err(differs) = retelling.tell(item?, &mut out).await? {
            return retelling.judge(differs);
        }
    }
    let (seq, end) = (retelling.position.seq, journal.end().seq);
    if seq < end {
        let first = seq + 1;
        return retelling.judge(format!(
            "the journal holds records {first} to {end} that its tape does not explain"
        ));
    }
    Ok(Retold::Whole(Box::new(retelling.told)))
}

struct Retelling<'a, J> {
    journal: &'a J,
    charts: &'a mut Teller,
    position: Position,
    /// Of the journal, what comes next.
    page: VecDeque<(Position, Record)>,
    /// Another version wrote some of the tape.
    other: bool,
    told: Told,
}

impl<J: Journal> Retelling<'_, J> {
    /// One item, and what follows from it. The inner error is a difference, in words.
    async fn tell(&mut self, item: TapeItem, out: &mut Vec<Output>) -> Result<Result<(), String>> {
        match item {
            TapeItem::Event(at, event) => {
                let Told { engine, bars, .. } = &mut self.told;
                engine.handle(at, &event, out);
                bars.hear(engine).for_each(drop);
                self.charts.hear_again(engine);
            }
            TapeItem::Settings(kept) => {
                if let Err(unread) = self.take_up(&kept, out).await? {
                    return Ok(Err(unread));
                }
            }
        }
        self.told.spent.strike(out, 0);
        for output in out.drain(..) {
            if let Output::Shadow(shadow) = output {
                self.told.shadows.push(*shadow);
            } else if let Output::Calibration(calibration) = output {
                self.told.calibrations.push(*calibration);
            } else if let Some(record) = record_of(output)
                && let Err(differs) = self.compare(record).await?
            {
                return Ok(Err(differs));
            }
        }
        Ok(Ok(()))
    }

    async fn take_up(
        &mut self,
        kept: &tape::Settings,
        out: &mut Vec<Output>,
    ) -> Result<Result<(), String>> {
        let heading = Heading::read(kept);
        self.other |= heading.is_of_other_version();
        let settings = match read_settings(kept) {
            Ok(settings) => Arc::new(settings),
            Err(error) => return Ok(Err(format!("{error:#}"))),
        };
        match heading.begun_after {
            None => self.told.engine.adopt(settings, out),
            Some(after) => self.begin_anew(settings, after).await?,
        }
        Ok(Ok(()))
    }

    /// The engine was new here, and knew nothing of what the journal held.
    async fn begin_anew(&mut self, settings: Arc<Settings>, after: u64) -> Result<()> {
        let end = self.journal.end();
        ensure!(
            after <= end.seq,
            "the journal ends at record {} and its tape was begun anew after record {after}: put back both from one backup",
            end.seq
        );
        self.position.seq = after;
        self.page.clear();
        self.told.missing.clear();
        self.told.shadows.clear();
        self.told.calibrations.clear();
        self.told.engine = Engine::new(settings);
        self.told.spent = Spent::load(self.journal, after).await?;
        Ok(())
    }

    async fn compare(&mut self, record: Record) -> Result<Result<(), String>> {
        if self.page.is_empty() && self.position.seq < self.journal.end().seq {
            self.page = self.journal.read(self.position, PAGE).await?.into();
        }
        match self.page.pop_front() {
            Some((position, kept)) if kept == record => {
                self.position = position;
                self.told.compared += 1;
            }
            Some((position, kept)) => {
                return Ok(Err(format!(
                    "record {} of the journal is not what its tape gives: {kept:?} and {record:?}",
                    position.seq
                )));
            }
            None => {
                self.position = self.position.after(1);
                self.told.missing.push(record);
            }
        }
        Ok(Ok(()))
    }

    /// A difference is an error, unless another version is the reason.
    fn judge(self, differs: String) -> Result<Retold> {
        if self.other {
            return Ok(Retold::Lost(format!(
                "another version of ORION decided otherwise: {differs}"
            )));
        }
        bail!(
            "{differs}; one of the two is not whole: put back both from one backup, or move the folder away to begin anew"
        )
    }
}
