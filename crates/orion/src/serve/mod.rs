//! `orion serve`: one market, one machine; its prices come from a simulation, a recording, or live sources.
//!
//! `start.rs` recovers and lets clients in, `run.rs` is the loop, `tape.rs` the loop of a recorded market.

mod run;
mod start;
mod tape;

use self::run::{Ears, Timers};
use crate::auth;
use crate::clock::{self, Clock};
use crate::config::{Config, FeedKind, History, SignersFrom};
use crate::feed;
use crate::live::{Live, Started};
use crate::machine::Machine;
use crate::ops::{FeedState, Status};
use crate::place::Place;
use crate::posts::{Posts, Rooms};
use crate::recording::Recording;
use crate::secrets::Secrets;
use crate::signers;
use crate::sources;
use crate::statuses::Statuses;
use access::Access;
use anyhow::{Context as _, Result, bail};
use journal::Local;
use market::Event;
use std::future::Future;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Events that may wait for the loop.
const QUEUE_MAX: usize = 16_384;
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
