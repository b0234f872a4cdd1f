//! Starting: what the market's folder holds is opened and recovered, the market begins or goes on, clients are let in.

use super::doorway::Doorway;
use super::outlets::Outlets;
use super::run::{Ears, Timers};
use super::take_up::Wants;
use super::{Doors, Play, QUEUE_MAX, Room, Server, Source};
use crate::acme::Orders;
use crate::api::{self, Board, Readers, Routers};
use crate::capacity::Means;
use crate::chartbook::{Charts, Keeping, Shelf, Teller};
use crate::clock::{self, Clock};
use crate::config::{AdminAddress, AuthMode, Config, FeedKind};
use crate::console;
use crate::fault;
use crate::feed;
use crate::keeper::{Porter, Strangers};
use crate::live::{Live, Started};
use crate::machine::Machine;
use crate::models::Models;
use crate::ops::{self, About, FeedState, Status};
use crate::place::Place;
use crate::posts::{Posts, Rooms};
use crate::recording::{self, Recording};
use crate::recover;
use crate::scribe::Store;
use crate::secrets::Secrets;
use crate::socketio::SocketIo;
use crate::sources;
use crate::statuses::{self, Statuses};
use access::Access;
use anyhow::{Context as _, Result};
use axum::Router;
use gateway::Gateway;
use gateway::tls::Tls;
use hub::Publication;
use journal::Local;
use lab::replay::Paced;
use market::{Epoch, Event, SourceTime, Span, Symbol, Time};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Events told at a time while no client waits: the day before the anchor, in big steps.
const HISTORY_BATCH: usize = 16_384;
/// How often a long one is told of.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Clients are let in.
pub(super) struct LetIn {
    pub(super) gateway: Gateway,
    pub(super) outlets: Outlets,
    /// What the operator may ask now too.
    pub(super) server: Router,
}

pub(super) fn open_journal(dir: &Path) -> Result<Local> {
    let new_epoch =
        || Epoch(u64::try_from(clock::Sources::system(&mut clock::Machine).millis()).unwrap_or(0));
    Local::open_probed(dir, new_epoch, fault::point)
        .with_context(|| format!("open the journal in {}", dir.display()))
}

impl Server {
    /// Opens what the market's folder holds, and recovers.
    pub(super) async fn open(
        config: &Config,
        place: &Place,
        access: &Access,
        wants: Wants,
        started: Time,
    ) -> Result<Self> {
        let journal = open_journal(&place.dir)?;
        let models = Models::open(config);
        let settings = Arc::new(engine::Settings {
            models: models.rules(config),
            ..recording::engine_settings(config)?
        });
        let mut sources = settings.catalog.sources.iter();
        let simulated = sources.any(|source| source.simulated);
        let (charts, keeping) = (Arc::new(Charts::default()), Keeping::new(&config.charts));
        let teller = Teller::open(&place.dir, keeping, &charts);
        let store = Arc::new(Store::default());
        let machine =
            Machine::open_with(&place.dir, Arc::clone(&settings), journal, teller, &store).await?;
        let clock = Arc::new(Clock::new(clock::Machine, machine.engine().now()));
        let about = About {
            market: config.market_name(),
            feed: config.feed.kind.to_string(),
            simulated,
            started,
        };
        let room = Room {
            dir: place.dir.clone(),
            wants,
            access: access.clone(),
            doorway: Doorway::default(),
            settings,
            status: Arc::new(Status::new(about, Arc::clone(&clock))),
            store,
            clock,
            timers: Timers::new(config),
            history: config.history.clone(),
            feed: FeedState::Starting,
            recording: None,
            live: None,
            models,
            statuses: Statuses::default(),
            charts,
            keeping,
            ordering: JoinSet::new(),
        };
        room.status.attach_models(room.models.seats());
        room.status.attach_folder(&room.dir);
        room.status.attach_store(Arc::clone(&room.store));
        let server = Self {
            machine,
            reopening: None,
            room,
        };
        server.prune();
        Ok(server)
    }

    /// Begins the market, or goes on with it; says what the loop plays, and where posts come in. Once it is `asked` to end, it
    /// leaves what takes long where it is: it is stored so, and the next start goes on from there.
    pub(super) async fn begin(
        &mut self,
        config: &Config,
        secrets: &Secrets,
        access: &Access,
        place: &Place,
        source: Source,
        asked: &AtomicBool,
    ) -> Result<(Play, Rooms)> {
        match (&config.feed.kind, source) {
            (FeedKind::Tape(_), Source::Settings) => {
                let tape = Recording::open(config)?;
                for file in tape.files() {
                    tracing::info!("plays {file}");
                }
                self.begin_tape();
                Ok((Play::Tape(tape), Rooms::closed()))
            }
            (FeedKind::Sim, Source::Settings) => {
                let anchor = place.note.anchor()?;
                let sim = feed::sim(config, anchor);
                let from = self.begin_sim(&sim, anchor, asked).await?;
                let (told, events) = mpsc::channel(QUEUE_MAX);
                let clock = Arc::clone(&self.room.clock);
                let mut player = JoinSet::new();
                player.spawn(feed::play_sim(sim, from, clock, told));
                Ok(self.play(config, access, events, player))
            }
            (FeedKind::Live(_), Source::Settings) => self.begin_sources(config, secrets, access),
            (_, Source::Channel(events)) => {
                self.begin_live();
                Ok(self.play(config, access, events, JoinSet::new()))
            }
        }
    }

    fn play(
        &self,
        config: &Config,
        access: &Access,
        events: mpsc::Receiver<Event>,
        player: JoinSet<()>,
    ) -> (Play, Rooms) {
        let (posts, rooms) = Posts::open(config, access, &self.room.clock, None);
        let ears = Ears {
            events,
            posts,
            _player: player,
        };
        (Play::Market(Box::new(ears)), rooms)
    }

    fn begin_sources(
        &mut self,
        config: &Config,
        secrets: &Secrets,
        access: &Access,
    ) -> Result<(Play, Rooms)> {
        let wanted = sources::wanted(config, secrets)?;
        sources::ensure_one_starts(&wanted)?;
        self.begin_live();
        let engine = self.machine.engine();
        let Started { live, router } = Live::start(config, wanted, &self.room.clock, Some(engine));
        self.room.status.attach_sources(live.outlets());
        let (posts, mut rooms) =
            Posts::open(config, access, &self.room.clock, live.posted_prices());
        rooms.router = rooms.router.merge(router);
        self.room.live = Some(live);
        let ears = Ears {
            events: mpsc::channel(1).1,
            posts,
            _player: JoinSet::new(),
        };
        Ok((Play::Market(Box::new(ears)), rooms))
    }

    /// Under a tape a start is no event of the market: it takes the stamp of the last one, and nothing was missed.
    pub(super) fn begin_tape(&mut self) {
        let at = self.machine.engine().now();
        self.machine.tell(at, &Event::Start);
    }

    /// A live market went on while nobody listened.
    pub(super) fn begin_live(&mut self) {
        self.machine.tell(self.room.clock.stamp(), &Event::Start);
        for source in self.machine.sources_heard() {
            self.machine
                .tell(self.room.clock.stamp(), &Event::Gap(source));
        }
    }

    /// Runs what is left of the day before the anchor at full speed, and says from when on the market is live.
    async fn begin_sim(
        &mut self,
        sim: &lab::market::SimMarket,
        anchor: SourceTime,
        asked: &AtomicBool,
    ) -> Result<SourceTime> {
        if self.machine.engine().now() >= anchor.as_stamp() {
            self.begin_live();
            return Ok(self.room.clock.now().as_source());
        }
        let told = feed::told(self.machine.engine().counts());
        tracing::info!(from = %sim.begin(), to = %anchor, "simulate the day before the first start");
        let at = self.machine.engine().now().max(sim.begin().as_stamp());
        self.machine.tell(at, &Event::Start);
        let paced = Paced::new(feed::history(sim, anchor, told), at);
        self.tell_history(paced, anchor, asked).await?;
        if asked.load(Relaxed) {
            return Ok(anchor);
        }
        let counts = self.machine.engine().counts();
        tracing::info!(
            ticks = counts.ticks,
            signals = counts.signals,
            "the day before is done"
        );
        // The clock may stand behind the anchor if the system's was set back since.
        if self.room.clock.now() > anchor.as_stamp() + Span::from_minutes(1) {
            self.begin_live();
            return Ok(self.room.clock.now().as_source());
        }
        Ok(anchor)
    }

    /// Tells all of it as fast as it goes, and now and then how far it is.
    async fn tell_history(
        &mut self,
        mut paced: Paced<impl Iterator<Item = Result<(Time, Event)>>>,
        anchor: SourceTime,
        asked: &AtomicBool,
    ) -> Result<()> {
        let mut said_at = Instant::now();
        while !paced.is_over() && !asked.load(Relaxed) {
            for _ in 0..HISTORY_BATCH {
                let wake = self.machine.engine().wake_at();
                if paced.is_over() {
                    break;
                }
                if let Some(next) = paced.next(wake) {
                    let (at, event) = next?;
                    self.machine.tell(at, &event);
                }
            }
            self.machine.commit().await?;
            if said_at.elapsed() >= SAY_EVERY {
                said_at = Instant::now();
                let engine = self.machine.engine();
                let ticks = engine.counts().ticks;
                tracing::info!(upto = %engine.now(), until = %anchor, ticks, "the day before is being simulated");
            }
        }
        Ok(())
    }

    /// Commits what the start brought, hands the past to the gateway, and lets clients in.
    pub(super) async fn let_in(&mut self, mut doors: Doors<'_>, rooms: Rooms) -> Result<LetIn> {
        let mut begun = self.machine.commit().await?.publication;
        self.hide(&mut begun);
        self.machine.write_tape().await?;
        let mut beginning = self
            .machine
            .beginning(doors.config.gateway.recovery_events)
            .await?;
        self.hide(&mut beginning.past);
        self.room.charts.show(&beginning.past);
        beginning.past.statuses = self
            .room
            .statuses
            .changed(self.machine.engine(), self.room.clock.now());
        let statuses = statuses::of(self.machine.engine(), self.room.clock.now());
        self.room.status.prices(statuses, 0);
        self.tell_status();
        let board = Arc::new(Board::new(&beginning.catalog.sources));
        board.hear(&beginning.past);
        let clock = Arc::clone(&self.room.clock);
        let mut gateway = doors.config.gateway.to_gateway(
            &doors.config.prices,
            gateway::Clock::new(move || clock.now()),
            fault::point,
        );
        let means = Means::take();
        let capacity = means.capacity(&doors.config.gateway);
        means.tell(capacity);
        (gateway.connections, gateway.parked) = (capacity.connections, capacity.parked);
        let server = &doors.config.server;
        let tls = server.tls.open(&doors.config.data.dir);
        let tls = tls.context("start TLS")?.map(Arc::new);
        if let Some(tls) = &tls {
            self.room.status.attach_tls(Arc::clone(tls));
        }
        let (access, clock) = (doors.access.clone(), Arc::clone(&self.room.clock));
        let readers = match doors.config.auth.mode {
            AuthMode::Required => Readers::Known(access, clock),
            AuthMode::Optional => Readers::Any(access, clock),
            AuthMode::Off => Readers::All(access, clock),
        };
        let keeper = Porter {
            access: doors.access,
            clock: Arc::clone(&self.room.clock),
            desk: rooms.desk,
            strangers: Strangers::new(doors.config),
        };
        let config = gateway::Config {
            tls: tls.clone(),
            ..doors.config.doors(Arc::new(keeper), gateway)
        };
        let metrics = match doors.config.admin_address() {
            AdminAddress::Wanted(_) => ops::Audience::Nobody,
            AdminAddress::Usual(_) => ops::Audience::ThisMachine,
        };
        let given = api::Given {
            status: Arc::clone(&self.room.status),
            catalog: Arc::clone(&beginning.catalog),
            board: Arc::clone(&board),
            clock: Arc::clone(&self.room.clock),
            readers,
            auth: doors.config.auth.mode,
            recorded: matches!(doors.config.feed.kind, FeedKind::Tape(_)),
            kept_back: self.kept_back(),
            own_machine: metrics == ops::Audience::ThisMachine,
            dir: &self.room.dir,
            shelf: Arc::new(self.shelf()),
        };
        let Routers {
            all,
            server: of_server,
        } = api::routers(given);
        let router = ops::router(Arc::clone(&self.room.status), metrics)
            .merge(console::router())
            .merge(all)
            .merge(self.room.doorway.open(rooms.router));
        let (socketio, router) = match doors.config.socketio.enabled {
            true => {
                let (endpoint, router) = SocketIo::before(router);
                (Some(endpoint), router)
            }
            false => (None, router),
        };
        let mut since = Publication::default();
        if let Some((before, at)) = &mut doors.before {
            since = self.machine.since(*at).await?;
            since.bars = begun.bars;
            before.ready().await;
        }
        let gateway = gateway::serve(doors.socket, router, &beginning, config)
            .context("start the gateway")?;
        if let Some(endpoint) = socketio {
            endpoint.open(gateway.inside());
        }
        self.room.status.attach(gateway.stats());
        doors.switches.attach(gateway.dials(), tls.clone());
        if let Some(tls) = tls.filter(|_| server.tls.is_ordered()) {
            self.order(doors.config, tls);
        }
        let relay = match doors.before {
            Some((before, _)) => before.serving(&since).await,
            None => None,
        };
        let outlets = Outlets::new(gateway.publisher(), relay, board);
        Ok(LetIn {
            gateway,
            outlets,
            server: of_server,
        })
    }
}

impl Server {
    /// Orders the certificate, now that challenges are answered.
    fn order(&mut self, config: &Config, tls: Arc<Tls>) {
        let orders = Orders {
            acme: config.server.tls.acme.clone(),
            data: config.data.dir.clone(),
            tls,
            clock: Arc::clone(&self.room.clock),
        };
        self.room.ordering.spawn(orders.follow());
    }

    /// The symbols of which nobody who reaches this server is shown recorded prices.
    fn kept_back(&self) -> BTreeSet<Symbol> {
        let Some(live) = &self.room.live else {
            return BTreeSet::new();
        };
        let symbols = self.room.settings.catalog.instruments.iter();
        let symbols = symbols.map(|instrument| instrument.symbol);
        symbols.filter(|symbol| !live.shows(*symbol)).collect()
    }

    /// The chart book, of the symbols whose prices may be shown to whoever reaches this server.
    fn shelf(&self) -> Shelf {
        let (live, catalog) = (self.room.live.as_ref(), &self.room.settings.catalog);
        let may_show = |symbol| live.is_none_or(|live| live.shows(symbol));
        Shelf::new(&self.room.dir, catalog, may_show, &self.room.charts)
    }
}

/// Whether a start would find all it needs, while another process still serves: nothing is touched.
///
/// # Errors
/// When it would not.
pub(super) async fn rehearse(config: &Config, secrets: &Secrets, place: &Place) -> Result<()> {
    match &config.feed.kind {
        FeedKind::Tape(_) => drop(Recording::open(config)?),
        FeedKind::Sim => drop(place.note.anchor()?),
        FeedKind::Live(_) => sources::ensure_one_starts(&sources::wanted(config, secrets)?)?,
    }
    drop(
        config
            .server
            .tls
            .open(&config.data.dir)
            .context("start TLS")?,
    );
    let settings = Arc::new(recording::engine_settings(config)?);
    recover::rehearse(&place.dir, &settings).await
}
