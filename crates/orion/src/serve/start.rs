//! Starting: what the market's folder holds is opened and recovered, the market begins or goes on, clients are let in.

use super::run::Timers;
use super::{Doors, Server};
use crate::clock::{self, Clock};
use crate::config::Config;
use crate::fault;
use crate::feed;
use crate::keeper::Porter;
use crate::machine::Machine;
use crate::ops::{self, About, FeedState, Status};
use crate::place::Place;
use crate::posts::Rooms;
use crate::recording;
use crate::statuses::Statuses;
use anyhow::{Context as _, Result};
use gateway::Gateway;
use journal::Local;
use lab::replay::Paced;
use market::{Epoch, Event, SourceTime, Span, Time};
use std::sync::Arc;

/// Events told at a time while no client waits: the day before the anchor, in big steps.
const HISTORY_BATCH: usize = 16_384;

fn open_journal(place: &Place) -> Result<Local> {
    let new_epoch =
        || Epoch(u64::try_from(clock::Sources::system(&mut clock::Machine).millis()).unwrap_or(0));
    Local::open_probed(&place.dir, new_epoch, fault::point)
        .with_context(|| format!("open the journal in {}", place.dir.display()))
}

impl Server {
    /// Opens what the market's folder holds, and recovers.
    pub(super) async fn open(config: &Config, place: &Place, started: Time) -> Result<Self> {
        let journal = open_journal(place)?;
        let settings = Arc::new(recording::engine_settings(config)?);
        let mut sources = settings.catalog.sources.iter();
        let simulated = sources.any(|source| source.simulated);
        let machine = Machine::open(&place.dir, settings, journal).await?;
        let clock = Arc::new(Clock::new(clock::Machine, machine.engine().now()));
        let about = About {
            market: config.market_name(),
            feed: config.feed.kind.to_string(),
            simulated,
            started,
        };
        let server = Self {
            history: config.history.clone(),
            status: Arc::new(Status::new(about, Arc::clone(&clock))),
            statuses: Statuses::default(),
            machine,
            clock,
            timers: Timers::new(config),
            feed: FeedState::Starting,
            recording: None,
            live: None,
        };
        server.prune();
        Ok(server)
    }

    /// Under a tape a start is no event of the market: it takes the stamp of the last one, and nothing was missed.
    pub(super) fn begin_tape(&mut self) -> Result<()> {
        let at = self.machine.engine().now();
        self.machine.tell(at, &Event::Start)
    }

    /// A live market went on while nobody listened.
    pub(super) fn begin_live(&mut self) -> Result<()> {
        self.machine.tell(self.clock.stamp(), &Event::Start)?;
        for source in self.machine.sources_heard() {
            self.machine.tell(self.clock.stamp(), &Event::Gap(source))?;
        }
        Ok(())
    }

    /// Runs what is left of the day before the anchor at full speed, and says from when on the market is live.
    pub(super) async fn begin_sim(
        &mut self,
        sim: &lab::market::SimMarket,
        anchor: SourceTime,
    ) -> Result<SourceTime> {
        if self.machine.engine().now() >= anchor.as_stamp() {
            self.begin_live()?;
            return Ok(self.clock.now().as_source());
        }
        let told = feed::told(self.machine.engine().counts());
        tracing::info!(from = %sim.begin(), to = %anchor, "simulate the day before the first start");
        let at = self.machine.engine().now().max(sim.begin().as_stamp());
        self.machine.tell(at, &Event::Start)?;
        let mut paced = Paced::new(feed::history(sim, anchor, told), at);
        while !paced.is_over() {
            for _ in 0..HISTORY_BATCH {
                let wake = self.machine.engine().wake_at();
                if paced.is_over() {
                    break;
                }
                if let Some(next) = paced.next(wake) {
                    let (at, event) = next?;
                    self.machine.tell(at, &event)?;
                }
            }
            self.machine.commit().await?;
        }
        let counts = self.machine.engine().counts();
        tracing::info!(
            ticks = counts.ticks,
            signals = counts.signals,
            "the day before is done"
        );
        // The clock may stand behind the anchor if the system's was set back since.
        if self.clock.now() > anchor.as_stamp() + Span::from_minutes(1) {
            self.begin_live()?;
            return Ok(self.clock.now().as_source());
        }
        Ok(anchor)
    }

    /// Commits what the start brought, hands the past to the gateway, and lets clients in.
    pub(super) async fn let_in(&mut self, doors: Doors<'_>, rooms: Rooms) -> Result<Gateway> {
        self.machine.commit().await?;
        self.machine.write_tape()?;
        let mut beginning = self
            .machine
            .beginning(doors.config.gateway.recovery_events)
            .await?;
        self.hide(&mut beginning.past.prices);
        beginning.past.statuses = self
            .statuses
            .changed(self.machine.engine(), self.clock.now());
        self.tell_status();
        let clock = Arc::clone(&self.clock);
        let gateway = doors.config.gateway.to_gateway(
            &doors.config.prices,
            gateway::Clock::new(move || clock.now()),
            fault::point,
        );
        let tls = doors.config.server.tls.open().context("start TLS")?;
        let keeper = Porter {
            access: doors.access,
            clock: Arc::clone(&self.clock),
            desk: rooms.desk,
        };
        let config = gateway::Config {
            tls: tls.map(Arc::new),
            ..doors.config.doors(Arc::new(keeper), gateway)
        };
        let router = ops::router(Arc::clone(&self.status)).merge(rooms.router);
        let gateway = gateway::serve(doors.listener, router, &beginning, config)
            .context("start the gateway")?;
        self.status.attach(gateway.stats());
        Ok(gateway)
    }
}
