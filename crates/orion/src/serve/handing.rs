//! Handing over: engine and store are given up for a new process, and taken back where it fails. `docs/decisions/0008`.

use super::outlets::Outlets;
use super::start::open_journal;
use super::{Ended, RESTART, Room, Server};
use crate::bars::ClosedBars;
use crate::chartbook::Teller;
use crate::handover::{Reloads, Request, Successor, Turn, service};
use crate::machine::Machine;
use crate::scribe::END_MAX;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use gateway::Gateway;
use market::{Event, Position};
use std::future::pending;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// What came of a hand-over.
pub(super) enum Handed {
    /// Nothing: the server goes on.
    Back(Box<Server>),
    Over(Ended),
}

/// A server without its machine, which somebody else may have. Its clients are served with what they were told last.
pub(super) struct Paused {
    room: Room,
    /// Where the journal ended.
    at: Position,
    /// The bars that were shown.
    bars: ClosedBars,
}

/// The next time a new process is ready to take over; for ever where none can be.
pub(super) async fn turn(reloads: &mut Option<Reloads>) -> Turn {
    match reloads {
        Some(reloads) => reloads.next().await,
        None => pending().await,
    }
}

impl Server {
    /// Gives engine and store up for the new process. Where that does not come to serve, it has ended, and they are taken
    /// back.
    pub(super) async fn hand_over(
        self,
        turn: Turn,
        outlets: &mut Outlets,
        reloads: &mut Option<Reloads>,
    ) -> Result<Handed> {
        let Turn { candidate, request } = turn;
        if self.room.store.is_stuck() {
            // The new process is ended by that, and this one goes on.
            drop(candidate);
            let reason = self.room.store.look().reason;
            let reason = reason.unwrap_or_else(|| "the disk does not answer".to_owned());
            request.failed(&anyhow!(
                "what is decided cannot be stored: {reason}; try again when /health says that the store is ok"
            ));
            return Ok(Handed::Back(Box::new(self)));
        }
        let paused = self.give_up(outlets).await?;
        match candidate.take(paused.at).await {
            Ok(successor) => Ok(Handed::Over(Ended::Succeeded(successor, request))),
            Err(reason) => {
                let server = paused.take_back(outlets).await.with_context(|| {
                    format!("take engine and store back after a reload that failed ({reason:#})")
                })?;
                if let Some(reloads) = reloads {
                    reloads.bind();
                }
                request.failed(&reason);
                Ok(Handed::Back(Box::new(server)))
            }
        }
    }

    /// As at a clean end: all that was told is kept and shown, and the locks are given back.
    async fn give_up(mut self, outlets: &mut Outlets) -> Result<Paused> {
        self.keep_all(outlets).await?;
        self.save().await?;
        Ok(self.pause())
    }

    /// The same where the process ends: a disk that does not answer is not waited for for ever, and keeps the locks.
    pub(super) async fn end_machine(mut self, outlets: &mut Outlets) -> Result<Paused> {
        let until = Instant::now() + END_MAX;
        let Ok(kept) = timeout_at(until, self.keep_all(outlets)).await else {
            let waits = self.machine.waits();
            self.machine.let_go().leave();
            bail!(
                "the disk has not answered within {} s: {waits} may not be stored; nobody was shown what is not, and the next start goes on from what is on the disk",
                END_MAX.as_secs()
            );
        };
        kept?;
        match timeout_at(until, self.save()).await {
            Ok(saved) => saved?,
            Err(_) => {
                tracing::warn!(
                    "the disk is too slow for the engine's state to be saved: the next start reads more of the tape"
                );
                self.machine.let_go().leave();
            }
        }
        Ok(self.pause())
    }

    async fn keep_all(&mut self, outlets: &mut Outlets) -> Result<()> {
        ensure!(
            self.reopening.is_none(),
            "what was decided at last is not kept, and nobody was shown it: the disk failed for too long"
        );
        self.room.store.try_again(false);
        self.hear_rest();
        let at = self.machine.engine().now();
        self.machine.tell(at, &Event::Stop);
        let committed = self.machine.commit().await?;
        self.show(committed, outlets).await.map(drop)
    }

    async fn save(&mut self) -> Result<()> {
        self.machine.save().await?;
        self.prune();
        Ok(())
    }

    fn pause(self) -> Paused {
        if let Some(live) = &self.room.live {
            live.stop();
        }
        let at = self.machine.end();
        Paused {
            bars: self.machine.into_bars(),
            room: self.room,
            at,
        }
    }
}

impl Paused {
    /// The other process has ended; whatever it decided is shown now. Sources and feed have gone on, and what they told
    /// meanwhile waits for the loop.
    async fn take_back(self, outlets: &mut Outlets) -> Result<Server> {
        let Self { room, at, bars } = self;
        let journal = open_journal(&room.dir)?;
        let charts = Teller::open(&room.dir, room.keeping, &room.charts);
        let settings = Arc::clone(&room.settings);
        let machine = Machine::open_with(&room.dir, settings, journal, charts, &room.store).await?;
        room.clock.catch_up(machine.engine().now());
        let mut server = Server {
            machine,
            reopening: None,
            room,
        };
        if server.room.recording.is_some() {
            server.begin_tape();
        } else {
            server.begin_live();
        }
        let shown = server.machine.commit().await?.publication;
        server.machine.write_tape().await?;
        let mut news = server.machine.since(at).await?;
        news.prices = shown.prices;
        news.bars = server.machine.bars_beyond(&bars);
        news.bars
            .extend(shown.bars.into_iter().filter(|bar| !bar.closed));
        server.hide(&mut news);
        server.tell_status();
        outlets.publish(news).await?;
        server.room.store.try_again(true);
        Ok(server)
    }
}

/// The end of a process after which another one serves: it listens no more, and closes its clients, who hear what the
/// other publishes until they are gone.
pub(super) async fn leave(
    mut successor: Successor,
    request: Request,
    mut gateway: Gateway,
    mut outlets: Outlets,
    reloads: Option<Reloads>,
) {
    service::succeeded_by(successor.pid);
    // Both descriptors of the socket: the gateway's, and the one to be passed on.
    gateway.stop_accepting().await;
    let answered = reloads.map(Reloads::retire);
    request.served(successor.pid);
    let drained = async {
        gateway.all_arrived().await;
        gateway.drain(RESTART).await;
    };
    tokio::pin!(drained);
    let mut is_drained = false;
    let mut hears = true;
    loop {
        tokio::select! {
            () = &mut drained, if !is_drained => is_drained = true,
            news = successor.news(), if hears => match news {
                // Who is left at the end of the drain is nobody.
                Some(news) => drop(outlets.publish(news).await),
                None => hears = false,
            },
            () = outlets.alone(), if is_drained => break,
        }
    }
    if let Some(answered) = answered {
        answered.await;
    }
    tracing::info!("ended");
}
