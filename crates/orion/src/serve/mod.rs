//! `orion serve`: one market, one machine; its prices come from a simulation, a recording, or live sources.
//!
//! `start.rs` recovers and lets clients in, `run.rs` is the loop, `tape.rs` the loop of a recorded market; `take_up.rs` gives
//! both other settings while they turn, `reopening.rs` gives up a disk that fails for too long, and `handing.rs` the whole
//! server to another process.

mod doorway;
mod handing;
mod outlets;
mod reopening;
mod run;
mod start;
mod take_up;
mod tape;

use self::doorway::Doorway;
use self::handing::leave;
use self::reopening::Reopening;
use self::run::{Ears, Timers};
use self::start::LetIn;
use self::take_up::Wants;
use crate::admin::{self, Admin};
use crate::auth;
use crate::capacity;
use crate::chartbook::{Charts, Keeping};
use crate::clock::{self, Clock};
use crate::config::{Config, History, SignersFrom};
use crate::handover::{
    self, Entrance, Listening, Near, Plan, Reloads, Request, Successor, Waiting, service,
};
use crate::live::Live;
use crate::machine::Machine;
use crate::models::Models;
use crate::operator::Operator;
use crate::ops::{self, FeedState, Status};
use crate::place::Place;
use crate::recording::Recording;
use crate::scribe::Store;
use crate::seal;
use crate::secrets::Secrets;
use crate::signers;
use crate::statuses::Statuses;
use crate::switches::Switches;
use access::Access;
use anyhow::{Context as _, Result, bail, ensure};
use engine::Settings;
use gateway::Farewell;
use journal::Local;
use market::{Event, Position};
use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Events that may wait for the loop.
const QUEUE_MAX: usize = 16_384;
/// What clients are told when the server restarts, or ends.
const RESTART: Farewell = Farewell {
    code: 1012,
    word: "restart",
    retry: Duration::from_millis(2500),
};
/// What clients are told when the server cannot go on.
const FAILED: Farewell = Farewell {
    code: 1011,
    word: "internal error",
    ..RESTART
};

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
    socket: TcpListener,
    config: &'a Config,
    access: Access,
    /// The process that lets clients in until now, and where its journal ended.
    before: Option<(Waiting, Position)>,
    switches: &'a Switches,
}

/// The machine, and the room it stands in.
struct Server {
    machine: Machine<Local>,
    /// The machine only says prices, and another one is opened.
    reopening: Option<Reopening>,
    room: Room,
}

/// What a server keeps while another process has its machine: clock, chores, sources, and how it reads outside.
struct Room {
    /// The market's folder.
    dir: PathBuf,
    /// Other settings that it is to go on with.
    wants: Wants,
    access: Access,
    /// The paths that sources and settings lay.
    doorway: Doorway,
    settings: Arc<Settings>,
    status: Arc<Status>,
    /// How tape and journal are.
    store: Arc<Store>,
    clock: Arc<Clock>,
    timers: Timers,
    history: History,
    feed: FeedState,
    /// The recorded market that is played.
    recording: Option<Arc<Mutex<Recording>>>,
    /// The live sources.
    live: Option<Live>,
    models: Models,
    statuses: Statuses,
    charts: Arc<Charts>,
    keeping: Keeping,
    /// Orders of certificates; they end with this.
    ordering: JoinSet<()>,
}

/// What the loop plays.
enum Play {
    Tape(Recording),
    Market(Box<Ears>),
}

/// Why the loop is over.
enum Ended {
    /// Somebody asked for the end.
    Asked(Box<Server>),
    /// Another process serves.
    Succeeded(Successor, Request),
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
    up: impl FnOnce(&Config, SocketAddr),
) -> Result<()> {
    let switches = Switches::default();
    let entrance = Entrance::Bind;
    serve_at(entrance, config, secrets, source, &switches, shutdown, up).await
}

/// The same on a socket that may come from elsewhere; `switches` are connected to what runs.
///
/// # Errors
/// When it cannot start, or cannot keep what it decides.
pub async fn serve_at(
    entrance: Entrance,
    config: Config,
    secrets: &Secrets,
    source: Source,
    switches: &Switches,
    shutdown: impl Future<Output = ()>,
    up: impl FnOnce(&Config, SocketAddr),
) -> Result<()> {
    if let Some(why) = auth::refused(&config) {
        bail!("{why}");
    }
    capacity::spare_memory();
    // Listening comes first: whoever connects while ORION recovers waits in the queue and is not refused.
    let Listening {
        socket,
        activated,
        predecessor,
    } = entrance.listen(&config)?;
    let address = socket.local_addr().context("look at the address")?;
    // Events that a caller hands in would not reach another process.
    let asked_by_signal = match source {
        Source::Settings => Some(handover::listen()?),
        Source::Channel(_) => None,
    };
    let started = clock::Sources::system(&mut clock::Machine);
    let place = Place::open(&config, started)?;
    let access = auth::open(&config, started)?;
    let before = match predecessor {
        Some(predecessor) => {
            predecessor.ensure_serves(&place.dir)?;
            start::rehearse(&config, secrets, &place).await?;
            Some(predecessor.wait_turn(&config.engine_settings()).await?)
        }
        None => None,
    };
    let _fetching = fetch_signers(&config, &access);
    let _sealing = seal::Watch::start(&place.dir, &config.history);
    let wants = Wants::of(switches);
    let mut server = Server::open(&config, &place, &access, wants, started).await?;
    let mut reloads = match asked_by_signal {
        Some(signal) => {
            let plan = Plan {
                dir: place.dir.clone(),
                socket: socket.try_clone().context("keep the listening socket")?,
                near: near(&config, address)?,
                activated,
                settings: config.engine_settings(),
                within: Duration::from_secs(config.server.reload_timeout_s),
                asking: switches.asking(),
            };
            Some(Reloads::open(plan, signal))
        }
        None => None,
    };
    tokio::pin!(shutdown);
    let asked = AtomicBool::new(false);
    let (play, rooms) = {
        let begin = server.begin(&config, secrets, &access, &place, source, &asked);
        tokio::pin!(begin);
        tokio::select! {
            begun = &mut begin => begun?,
            () = &mut shutdown => {
                asked.store(true, Relaxed);
                begin.await?
            }
        }
    };
    if asked.into_inner() {
        ensure!(
            before.is_none(),
            "it was asked to end before it had taken over"
        );
        tracing::info!("ended before anybody was let in");
        return Ok(());
    }
    let doors = Doors {
        socket,
        config: &config,
        access,
        before,
        switches,
    };
    let succession = match doors.before {
        Some(_) => admin::Before::Predecessor,
        None => admin::Before::Nobody,
    };
    let begun = match succession {
        admin::Before::Predecessor => "has taken over",
        admin::Before::Nobody => "serves",
    };
    let router = ops::admin_router(Arc::clone(&server.room.status));
    let admin = Admin::open(config.admin_address(), succession, router).await?;
    let LetIn {
        gateway,
        mut outlets,
        server: told_to_operator,
    } = server.let_in(doors, rooms).await?;
    admin.add(told_to_operator);
    let room = &server.room;
    let operator = Operator::begin(&config, secrets, &room.status, &room.clock, begun);
    let mut shown = config.clone();
    shown.admin.listen = admin.address;
    up(&shown, address);
    service::ready();

    // Until now a disk that fails is a start that fails.
    server.room.store.try_again(true);
    let ended = match play {
        Play::Tape(tape) => {
            let speed = config.feed.tape.speed;
            server
                .run_tape(tape, speed, &mut outlets, &mut reloads, &mut shutdown)
                .await
        }
        Play::Market(ears) => {
            server
                .run(ears, &mut outlets, &mut reloads, &mut shutdown)
                .await
        }
    };
    match ended {
        Ok(Ended::Asked(server)) => {
            service::stopping();
            if let Some(reloads) = reloads {
                reloads.close();
            }
            server.end(gateway, outlets).await
        }
        Ok(Ended::Succeeded(successor, request)) => {
            // Its address is for the new process, and so is the telling.
            drop((admin, operator));
            leave(successor, request, gateway, outlets, reloads).await;
            Ok(())
        }
        Err(error) => {
            // What could not be kept was not shown. Clients are told and come back.
            gateway.drain(FAILED).await;
            Err(error)
        }
    }
}

/// Where the server is reached on its own machine.
fn near(config: &Config, mut address: SocketAddr) -> Result<Near> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let tls = &config.server.tls;
    let ordered = || tls.is_ordered().then(|| tls.acme.files(&config.data.dir));
    let files = tls.files().or_else(ordered);
    let certificate = files.map(|files| std::path::absolute(files.certificate));
    Ok(Near {
        url: format!("http{}://{address}", config.server.scheme_end()),
        certificate: certificate.transpose().context("find the certificate")?,
    })
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
