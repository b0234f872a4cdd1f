//! The loop of a recorded market: time is the tape's.

use super::handing::{Handed, turn};
use super::outlets::Outlets;
use super::run::BATCH_MAX;
use super::{Ended, Server};
use crate::config::Speed;
use crate::feed;
use crate::handover::Reloads;
use crate::ops::FeedState;
use crate::recording::Recording;
use anyhow::{Context as _, Result};
use lab::replay::{Paced, wake_on_tape};
use market::{Event, Time};
use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

impl Server {
    /// The loop of a tape: time is the tape's, and speed decides only how long it waits.
    pub(super) async fn run_tape(
        mut self,
        tape: Recording,
        speed: Speed,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
        shutdown: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<Ended> {
        let engine = self.machine.engine();
        let told = feed::told(engine.counts());
        let last = engine.now();
        let tape = Arc::new(Mutex::new(tape));
        self.room.recording = Some(Arc::clone(&tape));
        let events = feed::after_told(whole(tape), told);
        let mut paced = Paced::new(events.map(Ok::<_, Infallible>), last);
        let mut pace = Pace::new(speed);
        loop {
            if let Some(wanted) = self.room.wants.now(reloads.as_ref()) {
                self.take_up(wanted, None, outlets, reloads).await?;
            }
            let wake = wake_on_tape(&mut paced, self.machine.engine());
            // A recording can wait for the disk.
            let goes_on = !self.machine.is_behind() && !self.machine.is_full();
            let due = paced.next_at(wake).map(|at| pace.due(at));
            self.follow_tape(due.is_some());
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
                chore = self.room.timers.next() => { self.chore(&chore); continue }
                stored = self.machine.stored() => {
                    self.show(stored?, outlets).await?;
                    continue
                }
                () = self.room.wants.wait() => continue,
                () = pace.wait(due.flatten()), if due.is_some() && goes_on => {}
            }
            for _ in 0..BATCH_MAX {
                let wake = wake_on_tape(&mut paced, self.machine.engine());
                if !paced.next_at(wake).is_some_and(|at| pace.is_due(at)) {
                    break;
                }
                if let Some(next) = paced.next(wake) {
                    let Ok((at, event)) = next;
                    self.machine.tell(at, &event);
                }
            }
            self.commit(outlets).await?;
        }
    }

    /// A tape plays, or has come to its end: then the server stays, with the last prices and signals.
    fn follow_tape(&mut self, plays: bool) {
        let state = if plays {
            FeedState::Live
        } else {
            FeedState::Ended
        };
        if std::mem::replace(&mut self.room.feed, state) != state {
            self.tell_quarantine();
            self.tell_status();
            if state == FeedState::Ended {
                tracing::info!(at = %self.machine.engine().now(), "the tape has been played to its end; Ctrl-C ends the server");
            }
        }
    }
}

/// The events of a recording; what cannot be read is told and left out, and the rest goes on.
fn whole(recording: Arc<Mutex<Recording>>) -> impl Iterator<Item = (Time, Event)> {
    std::iter::from_fn(move || {
        let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match recording.next()? {
                Ok(event) => return Some(event),
                Err(error) => tracing::error!("a part of the recording is left out: {error:#}"),
            }
        }
    })
}

/// How long a tape waits between its events.
struct Pace {
    speed: Speed,
    /// Where tape and clock were at the beginning.
    begin: Option<(Time, Instant)>,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self { speed, begin: None }
    }

    /// When the event stamped `at` is to be told; `None` for now.
    fn due(&mut self, at: Time) -> Option<Instant> {
        let Speed::Times(times) = self.speed else {
            return None;
        };
        let (tape, real) = *self.begin.get_or_insert_with(|| (at, Instant::now()));
        let seconds = (at - tape).nanos() as f64 / 1e9 / times;
        Some(real + Duration::from_secs_f64(seconds.max(0.0)))
    }

    fn is_due(&mut self, at: Time) -> bool {
        self.due(at).is_none_or(|due| due <= Instant::now())
    }

    async fn wait(&self, due: Option<Instant>) {
        match due {
            Some(due) => sleep_until(due).await,
            // As fast as possible still lets others work.
            None => tokio::task::yield_now().await,
        }
    }
}
