//! `orion serve`: the loop. It takes all events that are ready, tells each to the machine, commits once, publishes once and
//! answers those who posted. One market, one machine; its prices come from a simulation, a recording, or live sources.

use crate::auth;
use crate::clock::{self, Clock};
use crate::config::{Config, FeedKind, History, SignersFrom, Speed};
use crate::fault;
use crate::feed;
use crate::keeper::Porter;
use crate::live::{Live, Started};
use crate::machine::{Committed, Machine};
use crate::ops::{self, About, FeedState, Status};
use crate::place::Place;
use crate::posts::{Posts, Rooms};
use crate::recording::{self, Recording};
use crate::secrets::Secrets;
use crate::signers;
use crate::sources;
use crate::statuses::{self, Statuses};
use access::Access;
use anyhow::{Context as _, Result, bail};
use feeds::inbox::Item;
use gateway::{Gateway, Publisher};
use hub::Publication;
use journal::{Journal, Local};
use lab::replay::{Paced, wake_on_tape};
use market::{Answer, Epoch, Event, PriceUpdate, SourceTime, Span, Time};
use std::convert::Infallible;
use std::future::Future;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

/// Events that may wait for the loop.
const QUEUE_MAX: usize = 16_384;
/// Events told before the loop commits and looks around.
const BATCH_MAX: usize = 1024;
/// The same while no client waits: the day before the anchor, in big steps.
const HISTORY_BATCH: usize = 16_384;
/// Where clients are told to come back after a restart.
const RESTART: &str = "restart retry=2500";
/// What clients are told when the server cannot go on.
const FAILED: &str = "internal error retry=2500";

/// Where live events come from.
#[derive(Debug)]
pub enum Source {
    /// What the settings name.
    Settings,
    /// Events handed in by the caller, for benchmarks and tests; the market's note is still the settings'.
    Channel(mpsc::Receiver<Event>),
}

/// The socket that is listened on, and what its gateway is set to; nobody is let in yet.
struct Doors<'a> {
    listener: TcpListener,
    config: &'a Config,
    access: Access,
}

/// The machine with its clock and its chores.
struct Server {
    machine: Machine<Local>,
    status: Arc<Status>,
    clock: Arc<Clock>,
    timers: Timers,
    history: History,
    feed: FeedState,
    /// The recorded market that is played.
    recording: Option<Arc<Mutex<Recording>>>,
    /// The live sources.
    live: Option<Live>,
    statuses: Statuses,
}

/// What the loop of a market that is not recorded listens to.
struct Ears {
    /// Events of the simulated market, or of a caller.
    events: mpsc::Receiver<Event>,
    posts: Posts,
}

#[derive(Debug)]
struct Timers {
    /// The tape's batches.
    write: Interval,
    /// The engine's snapshots.
    save: Interval,
    /// Samples for the rates.
    sample: Interval,
}

/// Serves until `shutdown` is ready, then ends in good order. `secrets` are the vendors' keys; `up` is called once with the
/// address that is listened on.
///
/// # Errors
/// When it cannot start, or cannot keep what it decides.
pub async fn serve(
    config: Config,
    secrets: &Secrets,
    source: Source,
    shutdown: impl Future<Output = ()>,
    up: impl FnOnce(&Config, std::net::SocketAddr),
) -> Result<()> {
    if let Some(why) = auth::refused(&config) {
        bail!("{why}");
    }
    // Listening comes first: whoever connects while ORION recovers waits in the queue and is not refused.
    let listener = listen(&config)?;
    let address = listener.local_addr().context("look at the address")?;
    let started = clock::Sources::system(&mut clock::Machine);
    let place = Place::open(&config, started)?;
    let access = auth::open(&config, started)?;
    let _fetching = fetch_signers(&config, &access);
    let doors = Doors {
        listener,
        config: &config,
        access: access.clone(),
    };
    let mut server = Server::open(&config, &place, started).await?;

    tokio::pin!(shutdown);
    let (gateway, ended) = match (&config.feed.kind, source) {
        (FeedKind::Tape(_), Source::Settings) => {
            let tape = Recording::open(&config)?;
            for file in tape.files() {
                tracing::info!("plays {file}");
            }
            server.begin_tape()?;
            let gateway = server.let_in(doors, Rooms::closed()).await?;
            up(&config, address);
            let (speed, publisher) = (config.feed.tape.speed, gateway.publisher());
            let ended = server
                .run_tape(tape, speed, &publisher, &mut shutdown)
                .await;
            (gateway, ended)
        }
        (FeedKind::Sim, Source::Settings) => {
            let anchor = place.note.anchor()?;
            let sim = feed::sim(&config, anchor);
            let from = server.begin_sim(&sim, anchor).await?;
            let (events, queue) = mpsc::channel(QUEUE_MAX);
            let clock = Arc::clone(&server.clock);
            let player = tokio::spawn(feed::play_sim(sim, from, clock, events));
            let (posts, rooms) = Posts::open(&config, &access, &server.clock, None);
            let gateway = server.let_in(doors, rooms).await?;
            up(&config, address);
            let ears = Ears {
                events: queue,
                posts,
            };
            let ended = server.run(ears, &gateway.publisher(), &mut shutdown).await;
            player.abort();
            (gateway, ended)
        }
        (FeedKind::Live(_), Source::Settings) => {
            let wanted = sources::wanted(&config, secrets)?;
            sources::ensure_one_starts(&wanted)?;
            server.begin_live()?;
            let engine = server.machine.engine();
            let Started { live, router } =
                Live::start(&config, wanted, &server.clock, Some(engine));
            server.status.attach_sources(live.outlets());
            let (posts, mut rooms) =
                Posts::open(&config, &access, &server.clock, live.posted_prices());
            rooms.router = rooms.router.merge(router);
            server.live = Some(live);
            let gateway = server.let_in(doors, rooms).await?;
            up(&config, address);
            let ears = Ears {
                events: mpsc::channel(1).1,
                posts,
            };
            let ended = server.run(ears, &gateway.publisher(), &mut shutdown).await;
            (gateway, ended)
        }
        (_, Source::Channel(events)) => {
            server.begin_live()?;
            let (posts, rooms) = Posts::open(&config, &access, &server.clock, None);
            let gateway = server.let_in(doors, rooms).await?;
            up(&config, address);
            let ears = Ears { events, posts };
            let ended = server.run(ears, &gateway.publisher(), &mut shutdown).await;
            (gateway, ended)
        }
    };
    match ended {
        Ok(()) => server.end(gateway).await,
        Err(error) => {
            // What could not be kept was not shown. Clients are told and come back.
            gateway.drain(1011, FAILED).await;
            Err(error)
        }
    }
}

/// Fetches the keys of tokens for as long as what is given back lives, where they lie behind an address.
fn fetch_signers(config: &Config, access: &Access) -> JoinSet<()> {
    let mut fetching = JoinSet::new();
    let jwt = &config.auth.jwt;
    if let Some(SignersFrom::Address(address)) = &jwt.keys {
        let refresh = Duration::from_secs(jwt.refresh_s);
        fetching.spawn(signers::follow(access.clone(), address.clone(), refresh));
    }
    fetching
}

fn listen(config: &Config) -> Result<TcpListener> {
    let address = config.server.listen;
    TcpListener::bind(address).with_context(|| {
        format!("listen on {address} (is another server running there? give another address with --listen)")
    })
}

fn open_journal(place: &Place) -> Result<Local> {
    let new_epoch =
        || Epoch(u64::try_from(clock::Sources::system(&mut clock::Machine).millis()).unwrap_or(0));
    Local::open_probed(&place.dir, new_epoch, fault::point)
        .with_context(|| format!("open the journal in {}", place.dir.display()))
}

impl Timers {
    fn new(config: &Config) -> Self {
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
enum Chore {
    Write,
    Save,
    Sample,
}

impl Timers {
    async fn next(&mut self) -> Chore {
        tokio::select! {
            _ = self.write.tick() => Chore::Write,
            _ = self.save.tick() => Chore::Save,
            _ = self.sample.tick() => Chore::Sample,
        }
    }
}

impl Server {
    /// Opens what the market's folder holds, and recovers.
    async fn open(config: &Config, place: &Place, started: Time) -> Result<Self> {
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
    fn begin_tape(&mut self) -> Result<()> {
        let at = self.machine.engine().now();
        self.machine.tell(at, &Event::Start)
    }

    /// A live market went on while nobody listened.
    fn begin_live(&mut self) -> Result<()> {
        self.machine.tell(self.clock.stamp(), &Event::Start)?;
        for source in self.machine.sources_heard() {
            self.machine.tell(self.clock.stamp(), &Event::Gap(source))?;
        }
        Ok(())
    }

    /// Runs what is left of the day before the anchor at full speed, and says from when on the market is live.
    async fn begin_sim(
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
    async fn let_in(&mut self, doors: Doors<'_>, rooms: Rooms) -> Result<Gateway> {
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

    /// The loop of a market that is not recorded.
    async fn run(
        &mut self,
        mut ears: Ears,
        publisher: &Publisher,
        shutdown: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<()> {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        let mut items = Vec::with_capacity(BATCH_MAX);
        let mut fed = true;
        loop {
            let wake = self.machine.engine().wake_at();
            let until_wake = wake.map(|wake| feed::duration(wake - self.clock.now()));
            tokio::select! {
                biased;
                () = &mut *shutdown => return Ok(()),
                () = publisher.stopped() => return Err(gateway::Stopped).context("publish"),
                chore = self.timers.next() => {
                    self.chore(&chore)?;
                    if matches!(chore, Chore::Sample) {
                        publisher.publish(self.passing_time()).await.context("publish")?;
                    }
                    continue
                }
                () = ears.posts.wait() => {}
                taken = ears.events.recv_many(&mut batch, BATCH_MAX), if fed => fed = taken > 0,
                () = told(self.live.as_ref(), &mut items) => {}
                () = sleep(until_wake.unwrap_or_default()), if until_wake.is_some() => self.wake(wake)?,
            }
            for event in batch.drain(..) {
                self.machine.tell(self.clock.stamp(), &event)?;
            }
            self.hear(&mut items)?;
            while let Some(alert) = ears.posts.next_alert() {
                self.machine
                    .tell(self.clock.stamp(), &Event::Alert(Box::new(alert)))?;
            }
            self.feed = self.live_state(fed || self.live.is_some());
            let answers = self.commit(publisher).await?;
            ears.posts.answer(answers);
        }
    }

    /// Tells the machine what live sources told.
    fn hear(&mut self, items: &mut Vec<Item>) -> Result<()> {
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        let mut events = Vec::new();
        for item in items.drain(..) {
            let at = self.clock.stamp();
            live.events(
                at,
                item,
                &self.machine.engine().settings().catalog,
                &mut events,
            );
            for event in events.drain(..) {
                self.machine.tell(self.clock.stamp(), &event)?;
            }
        }
        Ok(())
    }

    fn hide(&self, prices: &mut Vec<PriceUpdate>) {
        if let Some(live) = &self.live {
            live.hide(prices, self.machine.engine());
        }
    }

    /// The time it is, so that snapshots forget old verdicts also while a market is closed, and which feeds have changed.
    fn passing_time(&mut self) -> Publication {
        let now = self.clock.now();
        Publication {
            now,
            statuses: self.statuses.changed(self.machine.engine(), now),
            ..Publication::default()
        }
    }

    fn wake(&mut self, wake: Option<Time>) -> Result<()> {
        let at = self.clock.stamp();
        // Timers may fire a moment early by our clock: then there is nothing to do yet.
        if wake.is_some_and(|wake| wake <= at) {
            self.machine.tell(at, &Event::Wake)
        } else {
            Ok(())
        }
    }

    /// The loop of a tape: time is the tape's, and speed decides only how long it waits.
    async fn run_tape(
        &mut self,
        tape: Recording,
        speed: Speed,
        publisher: &Publisher,
        shutdown: &mut (impl Future<Output = ()> + Unpin),
    ) -> Result<()> {
        let engine = self.machine.engine();
        let told = feed::told(engine.counts());
        let last = engine.now();
        let tape = Arc::new(Mutex::new(tape));
        self.recording = Some(Arc::clone(&tape));
        let events = feed::after_told(whole(tape), told);
        let mut paced = Paced::new(events.map(Ok::<_, Infallible>), last);
        let mut pace = Pace::new(speed);
        loop {
            let wake = wake_on_tape(&mut paced, self.machine.engine());
            let due = paced.next_at(wake).map(|at| pace.due(at));
            self.follow_tape(due.is_some());
            tokio::select! {
                biased;
                () = &mut *shutdown => return Ok(()),
                () = publisher.stopped() => return Err(gateway::Stopped).context("publish"),
                chore = self.timers.next() => { self.chore(&chore)?; continue }
                () = pace.wait(due.flatten()), if due.is_some() => {}
            }
            for _ in 0..BATCH_MAX {
                let wake = wake_on_tape(&mut paced, self.machine.engine());
                if !paced.next_at(wake).is_some_and(|at| pace.is_due(at)) {
                    break;
                }
                if let Some(next) = paced.next(wake) {
                    let Ok((at, event)) = next;
                    self.machine.tell(at, &event)?;
                }
            }
            self.commit(publisher).await?;
        }
    }

    /// Keeps what was decided, shows it, and gives back what those who posted are to be told.
    async fn commit(&mut self, publisher: &Publisher) -> Result<Vec<Answer>> {
        let Committed {
            mut publication,
            answers,
        } = self.machine.commit().await?;
        self.hide(&mut publication.prices);
        self.tell_status();
        let is_empty = publication.prices.is_empty()
            && publication.signals.is_empty()
            && publication.outcomes.is_empty();
        if !is_empty {
            publisher.publish(publication).await.context("publish")?;
        }
        Ok(answers)
    }

    fn chore(&mut self, chore: &Chore) -> Result<()> {
        match chore {
            Chore::Write => self.machine.write_tape(),
            Chore::Save => self.save(),
            Chore::Sample => {
                self.tell_quarantine();
                let switches = self.live.as_ref().map_or(0, Live::switches);
                let statuses = statuses::of(self.machine.engine(), self.clock.now());
                self.status.prices(statuses, switches);
                self.status.sample();
                Ok(())
            }
        }
    }

    /// Saves the engine's state and lets go of what need not be kept any more; that it cannot is no reason to end.
    fn save(&mut self) -> Result<()> {
        self.machine.save()?;
        self.prune();
        Ok(())
    }

    fn prune(&self) {
        if let Err(error) = self.machine.prune(&self.history) {
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

    /// A tape plays, or has come to its end: then the server stays, with the last prices and signals.
    fn follow_tape(&mut self, plays: bool) {
        let state = if plays {
            FeedState::Live
        } else {
            FeedState::Ended
        };
        if std::mem::replace(&mut self.feed, state) != state {
            self.tell_quarantine();
            self.tell_status();
            if state == FeedState::Ended {
                tracing::info!(at = %self.machine.engine().now(), "the tape has been played to its end; Ctrl-C ends the server");
            }
        }
    }

    fn tell_quarantine(&self) {
        if let Some(recording) = &self.recording {
            let recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
            self.status
                .quarantine(recording.quarantined(&self.machine.engine().settings().catalog));
        }
    }

    fn tell_status(&self) {
        self.status.update(
            self.machine.engine(),
            self.machine.journal().end(),
            self.feed,
        );
    }

    /// The end in good order: clients are told to come back, then everything is kept.
    async fn end(mut self, gateway: Gateway) -> Result<()> {
        tracing::info!("ending: clients are told to come back");
        gateway.drain(1012, RESTART).await;
        let mut rest = Vec::new();
        while self
            .live
            .as_ref()
            .is_some_and(|live| live.take_rest(&mut rest))
        {
            self.hear(&mut rest)?;
        }
        let at = self.machine.engine().now();
        self.machine.tell(at, &Event::Stop)?;
        self.machine.commit().await?;
        self.save()?;
        if let Some(live) = &self.live {
            live.stop();
        }
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
