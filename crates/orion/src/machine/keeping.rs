//! What a machine hands over to be kept, and what comes back of it.

use super::{Committed, Machine, sort};
use crate::chartbook::Teller;
use crate::config::History;
use crate::scribe::{Done, Job, Permit, Saving, Scribe, Work};
use anyhow::{Context as _, Result, anyhow};
use journal::{Journal, Record, tape};
use market::Answer;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long prices may wait for a disk that is to begin with other settings.
const BEGIN_MAX: Duration = Duration::from_secs(5);

/// Something that was handed over.
#[derive(Debug)]
pub(super) struct Pending {
    events: usize,
    since: Instant,
    /// What may be shown and told when it is done.
    decision: Option<(Vec<Record>, Vec<Answer>)>,
}

/// What is left of a machine that was let go of: it goes when its thread does.
#[derive(Debug)]
pub(crate) struct Remains<J> {
    scribe: Option<Scribe<J>>,
    charts: Teller,
}

impl<J> Remains<J> {
    /// Waits for none of its threads: the process ends, and they with it.
    pub(crate) fn leave(self) {
        if let Some(scribe) = self.scribe {
            scribe.leave();
        }
        // Its drop would wait.
        std::mem::forget(self.charts);
    }
}

impl<J: Journal + 'static> Machine<J> {
    pub(super) fn hand_over(&mut self, work: Work, decision: Option<(Vec<Record>, Vec<Answer>)>) {
        let Some(scribe) = &self.scribe else { return };
        let events = std::mem::take(&mut self.events);
        self.pending.push_back(Pending {
            events: events.len(),
            since: Instant::now(),
            decision,
        });
        scribe.hand_over(Job { events, work });
        self.tell_store();
    }

    pub(super) async fn take_next(&mut self, committed: &mut Committed) -> Result<()> {
        if let Some(scribe) = &mut self.scribe {
            let done = scribe.next().await?;
            self.take(done, committed);
        }
        Ok(())
    }

    pub(super) async fn take_decisions(&mut self, committed: &mut Committed) -> Result<()> {
        while self.awaits_decisions() {
            // Until the decisions are taken it is behind, also where this is dropped.
            self.is_behind = true;
            self.take_next(committed).await?;
        }
        Ok(())
    }

    pub(super) fn take_ready(&mut self, committed: &mut Committed) -> Result<()> {
        while let Some(done) = self.scribe.as_mut().and_then(Scribe::ready) {
            self.take(done?, committed);
        }
        Ok(())
    }

    /// Takes what came of the oldest that is pending.
    fn take(&mut self, done: Done, committed: &mut Committed) {
        let pending = self.pending.pop_front();
        let pending = pending.expect("there is an answer for each thing that is handed over");
        self.waiting -= pending.events;
        match done {
            Done::Written => {}
            Done::Kept { after, took } => {
                committed.kept_in = Some(took);
                let (records, answers) = pending.decision.unwrap_or_default();
                committed.answers.extend(answers);
                self.end = after.after(records.len() as u64);
                for (place, record) in (1..).zip(records) {
                    sort(after.after(place), record, &mut committed.publication);
                }
            }
            Done::Begun(begun) => committed.begun = Some(begun),
            Done::Saved(place) => {
                let told = place.map(|place| {
                    // Where it is behind, the next start makes the book again.
                    if !self.is_behind {
                        self.charts.told(place);
                    }
                });
                committed.saved = Some(told);
            }
        }
        self.is_behind = self.is_behind && self.awaits_decisions();
        self.tell_store();
    }

    pub(super) fn awaits_decisions(&self) -> bool {
        self.pending.iter().any(|of| of.decision.is_some())
    }

    fn tell_store(&self) {
        let oldest = self.pending.front().map(|of| of.since);
        self.store.wait(self.waiting, oldest);
    }

    /// Whoever reads of a moment finds its signals in the journal.
    pub(crate) fn hand_on_charts(&mut self) {
        if !self.is_behind {
            self.charts.hand_on(&self.engine);
        }
    }

    /// Hands what the engine was told to the operating system: a killed process does not lose it any more. Waits for it.
    ///
    /// # Errors
    /// When the tape cannot be written, or what was to be done before.
    pub async fn write_tape(&mut self) -> Result<()> {
        self.write_later();
        self.finish(&mut Committed::default()).await
    }

    /// The same without waiting.
    pub(crate) fn write_later(&mut self) {
        if !self.events.is_empty() {
            self.hand_over(Work::Write, None);
        }
    }

    /// Saves the engine's state, so that the next start reads the tape only from here. Call it after a commit.
    ///
    /// # Errors
    /// When the tape or the snapshot cannot be written.
    pub async fn save(&mut self) -> Result<()> {
        self.save_later(None);
        let mut done = Committed::default();
        self.finish(&mut done).await?;
        done.saved.unwrap_or(Ok(()))
    }

    /// The same without waiting, and then lets go of what need not be kept any more.
    pub(crate) fn save_later(&mut self, history: Option<&History>) {
        let now = self.engine.now();
        let saving = Saving {
            state: self.engine.snapshot(),
            bars: self.bars.in_order().map(|bar| **bar).collect(),
            prune: history.map(|history| (history.clone(), now)),
        };
        self.hand_over(Work::Save(Box::new(saving)), None);
    }

    /// Has the tape go on under other settings, behind all that the engine was told; waits for it, unless the disk is behind
    /// already, or comes to be: prices wait too. The inner error is why they are not there.
    pub(super) async fn begin_under(&mut self, settings: tape::Settings) -> Result<Result<()>> {
        let is_behind = || {
            Ok(Err(anyhow!(
                "the disk is behind: `orion status` says why, and SIGHUP tries again"
            )))
        };
        if self.scribe.is_none() || self.awaits_decisions() || self.store.is_overdue() {
            return is_behind();
        }
        let permit = Permit::default();
        self.hand_over(Work::Begin(settings, permit.clone()), None);
        let mut done = Committed::default();
        match timeout(BEGIN_MAX, self.finish(&mut done)).await {
            Ok(finished) => finished?,
            Err(_) if permit.take() => return is_behind(),
            // It is being done: whoever went on without would not be on the tape.
            Err(_) => self.finish(&mut done).await?,
        }
        done.begun.context("the thread that writes did not answer")
    }

    /// Waits for all that was handed over. Decisions must have been taken before.
    async fn finish(&mut self, committed: &mut Committed) -> Result<()> {
        while !self.pending.is_empty() {
            self.take_next(committed).await?;
        }
        Ok(())
    }

    /// Whether decisions wait for the disk that were waited for too long.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// How much waits for the disk, in words.
    pub(crate) fn waits(&self) -> String {
        let decisions = self.pending.iter().filter_map(|of| of.decision.as_ref());
        let records: usize = decisions.map(|(records, _)| records.len()).sum();
        format!("{} events and {records} decisions", self.waiting)
    }

    /// Whether nothing more may wait for the disk.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting > self.waiting_max
    }

    /// Lets go of tape and journal, and of what waits for them: it was not shown, and is nothing that was decided. From now on
    /// the engine only says prices. What is left goes where its drop may take long.
    pub(crate) fn let_go(&mut self) -> Remains<J> {
        let scribe = self.scribe.take();
        if let Some(scribe) = &scribe {
            scribe.abandon();
        }
        self.events = Vec::new();
        self.pending = VecDeque::new();
        (self.waiting, self.is_behind) = (0, false);
        self.store.stop();
        Remains {
            scribe,
            charts: std::mem::replace(&mut self.charts, Teller::none()),
        }
    }
}
