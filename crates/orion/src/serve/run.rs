//! The loop. It takes all events that are ready, tells each to the machine, commits once, publishes once and answers those
//! who posted. Where the disk takes long it does not wait: what is decided is published when it is stored. Beside it: the chores,
//! and the end.

use super::handing::{Handed, turn};
use super::outlets::Outlets;
use super::reopening::reopened;
use super::{Ended, FAILED, RESTART, Server};
use crate::config::Config;
use crate::feed;
use crate::handover::Reloads;
use crate::live::Live;
use crate::machine::Committed;
use crate::ops::FeedState;
use crate::posts::Posts;
use crate::statuses;
use anyhow::{Context as _, Result};
use feeds::inbox::Item;
use gateway::Gateway;
use hub::Publication;
use market::{Answer, Event, Span, Time};
use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, timeout, timeout_at};

/// Events told before the loop commits and looks around.
pub(super) const BATCH_MAX: usize = 1024;
/// How long prices wait for what was decided with them. A disk mostly takes less.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long they wait when no more may wait for a disk that does not fail: it may only be too much at once.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// At an end, how long who has connected may take to ask. Browsers connect beforehand, and then say nothing.
const ARRIVING_MAX: Duration = Duration::from_secs(2);

/// What the loop of a market that is not recorded listens to.
pub(super) struct Ears {
    /// Events of the simulated market, or of a caller.
    pub(super) events: mpsc::Receiver<Event>,
    pub(super) posts: Posts,
    /// What brings the events; it ends with this.
    pub(super) _player: JoinSet<()>,
}

#[derive(Debug)]
pub(super) struct Timers {
    /// The tape's batches.
    write: Interval,
    /// The engine's snapshots.
    save: Interval,
    /// Samples for the rates.
    sample: Interval,
}

impl Timers {
    pub(super) fn new(config: &Config) -> Self {
        let every = |span: Duration| {
            let mut interval = interval(span);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval.reset();
            interval
        };
        Self {
            write: every(Duration::from_millis(config.tape.batch_ms)),
            save: every(Duration::from_secs(config.tape.snapshot_minutes * 60)),
            sample: every(Duration::from_secs(1)),
        }
    }
}

/// What the loop does beside events.
pub(super) enum Chore {
    Write,
    Save,
    Sample,
}

impl Timers {
    pub(super) async fn next(&mut self) -> Chore {
        tokio::select! {
            _ = self.write.tick() => Chore::Write,
            _ = self.save.tick() => Chore::Save,
            _ = self.sample.tick() => Chore::Sample,
        }
    }
}

impl Server {
    /// The loop of a market that is not recorded.
    pub(super) async fn run(
        mut self,
        mut ears: Box<Ears>,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
        shutdown: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<Ended> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut items = Vec::with_capacity(BATCH_MAX);
        let mut fed = true;
        loop {
            if let Some(wanted) = self.room.wants.now(reloads.as_ref()) {
                self.take_up(wanted, Some(&mut ears.posts), outlets, reloads)
                    .await?;
            }
            let wake = self.machine.engine().wake_at();
            let until_wake = wake.map(|wake| feed::duration(wake - self.room.clock.now()));
            tokio::select! {
                biased;
                () = &mut *shutdown => return Ok(Ended::Asked(Box::new(self))),
                turn = turn(reloads) => match self.hand_over(turn, outlets, reloads).await? {
                    Handed::Back(server) => {
                        self = *server;
                        continue
                    }
                    Handed::Over(ended) => return Ok(ended),
                },
                () = outlets.stopped() => return Err(gateway::Stopped).context("publish"),
                chore = self.room.timers.next() => {
                    self.chore(&chore);
                    if matches!(chore, Chore::Sample) {
                        outlets.publish(self.passing_time()).await?;
                    }
                    continue
                }
                () = self.room.wants.wait() => continue,
                stored = self.machine.stored() => {
                    let answers = self.show(stored?, outlets).await?;
                    ears.posts.answer(answers);
                    continue
                }
                machine = reopened(&mut self.reopening) => {
                    self.take_anew(machine?, outlets).await?;
                    continue
                }
                () = ears.posts.wait() => {}
                () = self.room.models.wait() => {}
                taken = ears.events.recv_many(&mut batch, BATCH_MAX), if fed => fed = taken > 0,
                () = told(self.room.live.as_ref(), &mut items) => {}
                () = sleep(until_wake.unwrap_or_default()), if until_wake.is_some() => self.wake(wake),
            }
            let taken = Instant::now();
            for event in batch.drain(..) {
                self.machine.tell(self.room.clock.stamp(), &event);
            }
            self.hear(&mut items);
            if self.room.store.is_failing() {
                ears.posts.refuse();
            }
            while let Some(alert) = ears.posts.next_alert() {
                self.machine
                    .tell(self.room.clock.stamp(), &Event::Alert(Box::new(alert)));
            }
            while let Some(opinion) = self.room.models.next_opinion() {
                self.machine
                    .tell(self.room.clock.stamp(), &Event::Opinion(opinion));
            }
            self.room.feed = self.live_state(fed || self.room.live.is_some());
            let answers = self.commit(outlets).await?;
            self.room.status.batch_took(taken.elapsed());
            ears.posts.answer(answers);
            if self.machine.is_full() {
                let answers = self.wait_for_room(outlets).await?;
                ears.posts.answer(answers);
            }
            if self.machine.is_full() {
                self.let_go();
                ears.posts.forget();
            }
        }
    }

    /// Tells the machine what live sources told.
    fn hear(&mut self, items: &mut Vec<Item>) {
        let Some(live) = &mut self.room.live else {
            return;
        };
        let mut events = Vec::new();
        for item in items.drain(..) {
            let at = self.room.clock.stamp();
            live.events(
                at,
                item,
                &self.machine.engine().settings().catalog,
                &mut events,
            );
            for event in events.drain(..) {
                self.machine.tell(self.room.clock.stamp(), &event);
            }
        }
    }

    /// Tells the machine what live sources have told until now.
    pub(super) fn hear_rest(&mut self) {
        let mut rest = Vec::new();
        while self
            .room
            .live
            .as_ref()
            .is_some_and(|live| live.take_rest(&mut rest))
        {
            self.hear(&mut rest);
        }
    }

    pub(super) fn hide(&self, publication: &mut Publication) {
        if let Some(live) = &self.room.live {
            live.hide(publication, self.machine.engine());
        }
    }

    /// The time it is, so that snapshots forget old verdicts also while a market is closed, and which feeds have changed.
    fn passing_time(&mut self) -> Publication {
        let now = self.room.clock.now();
        Publication {
            now,
            statuses: self.room.statuses.changed(self.machine.engine(), now),
            ..Publication::default()
        }
    }

    fn wake(&mut self, wake: Option<Time>) {
        let at = self.room.clock.stamp();
        // Timers may fire a moment early by our clock: then there is nothing to do yet.
        if wake.is_some_and(|wake| wake <= at) {
            self.machine.tell(at, &Event::Wake);
        }
    }

    /// Keeps what was decided, shows it, and gives back what those who posted are to be told; of what is not stored soon neither.
    pub(super) async fn commit(&mut self, outlets: &mut Outlets) -> Result<Vec<Answer>> {
        let committed = self.machine.commit_within(PATIENCE).await?;
        self.show(committed, outlets).await
    }

    /// No more may wait for the disk: it is given a last chance, unless it fails.
    async fn wait_for_room(&mut self, outlets: &mut Outlets) -> Result<Vec<Answer>> {
        self.machine.write_later();
        let until = Instant::now() + LAST_PATIENCE;
        let mut answers = Vec::new();
        while self.machine.is_full() && !self.room.store.is_failing() {
            let Ok(stored) = timeout_at(until, self.machine.stored()).await else {
                break;
            };
            answers.extend(self.show(stored?, outlets).await?);
        }
        Ok(answers)
    }

    /// Shows what is kept, and prices. Gives back what those who posted are to be told.
    pub(super) async fn show(
        &mut self,
        committed: Committed,
        outlets: &mut Outlets,
    ) -> Result<Vec<Answer>> {
        if let Some(error) = committed.save_failed() {
            tracing::error!("the next start reads more of the tape: {error:#}");
        }
        let Committed {
            mut publication,
            answers,
            questions,
            kept_in,
            ..
        } = committed;
        if let Some(took) = kept_in {
            self.room.status.commit_took(took);
        }
        self.room.models.ask(questions);
        self.room.status.decided(&publication.signals);
        self.hide(&mut publication);
        self.room.charts.show(&publication);
        self.tell_status();
        let is_empty = publication.prices.is_empty()
            && publication.signals.is_empty()
            && publication.outcomes.is_empty()
            && publication.bars.is_empty();
        if !is_empty {
            outlets.publish(publication).await?;
        }
        Ok(answers)
    }

    pub(super) fn chore(&mut self, chore: &Chore) {
        match chore {
            Chore::Write => {
                self.machine.write_later();
                // What found no room when it became known, also where nothing else comes any more.
                self.machine.hand_on_charts();
            }
            Chore::Save => self.machine.save_later(Some(&self.room.history)),
            Chore::Sample => {
                self.tell_quarantine();
                let switches = self.room.live.as_ref().map_or(0, Live::switches);
                let statuses = statuses::of(self.machine.engine(), self.room.clock.now());
                self.room.status.prices(statuses, switches);
                self.room.status.sample();
            }
        }
    }

    pub(super) fn prune(&self) {
        if let Err(error) = self.machine.prune(&self.room.history) {
            tracing::error!("{error:#}");
        }
    }

    fn live_state(&self, fed: bool) -> FeedState {
        let engine = self.machine.engine();
        let stale = Span::from_secs(i64::from(engine.settings().prices.source_stale_s));
        let heard = self
            .machine
            .sources_heard()
            .into_iter()
            .filter_map(|source| engine.heard(source))
            .max();
        match heard {
            None => FeedState::Starting,
            Some(heard) if fed && engine.now() - heard < stale => FeedState::Live,
            Some(_) => FeedState::Stale,
        }
    }

    pub(super) fn tell_quarantine(&self) {
        if let Some(recording) = &self.room.recording {
            let recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
            self.room
                .status
                .quarantine(recording.quarantined(&self.machine.engine().settings().catalog));
        }
    }

    pub(super) fn tell_status(&self) {
        self.room
            .status
            .update(self.machine.engine(), self.machine.end(), self.room.feed);
    }

    /// The end in good order: everything is kept, shown a last time, and then clients are told to come back. What comes
    /// after that they hear of whoever serves next.
    pub(super) async fn end(self, mut gateway: Gateway, mut outlets: Outlets) -> Result<()> {
        tracing::info!("ending: clients are told to come back");
        // Who connects from now on waits for whoever serves next, where a socket outlives this process.
        gateway.stop_accepting().await;
        let kept = self.end_machine(&mut outlets).await;
        let farewell = if kept.is_ok() { RESTART } else { FAILED };
        // Who was accepted just before is about to ask, and a proxy takes an end without an answer for a broken server.
        let _silent = timeout(ARRIVING_MAX, gateway.all_arrived()).await;
        gateway.drain(farewell).await;
        drop(kept?);
        tracing::info!("ended");
        Ok(())
    }
}

/// Waits for what live sources tell; for ever where there are none.
async fn told(live: Option<&Live>, items: &mut Vec<Item>) {
    match live {
        Some(live) => live.take(items, BATCH_MAX).await,
        None => std::future::pending().await,
    }
}
