//! The gateway as a whole: the listener, the shards, and how both begin and end.

use crate::address::Places;
use crate::config::Config;
use crate::dials::Dials;
use crate::door::{Arriving, Door};
use crate::farewell::{self, Drain, Farewell};
use crate::inside::Inside;
use crate::lanes::{self, Dealer, Publisher, Told};
use crate::shard::{self, Common, Inbox, Newcomer};
use crate::stats::Stats;
use crate::unix;
use axum::Router;
use hub::{Beginning, Hub};
use socket2::SockRef;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The running gateway. Dropping it cuts every connection; [`Gateway::drain`] closes them.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    stats: Arc<Stats>,
    publisher: Publisher,
    dials: Dials,
    /// One for each shard.
    drains: Vec<oneshot::Sender<Drain>>,
    drain_each: Duration,
    drain_longest: Duration,
    stopping: watch::Sender<bool>,
    /// It has the listener.
    accepting: JoinHandle<()>,
    /// Ends when nobody is [`Arriving`] any more.
    arriving: mpsc::Receiver<Infallible>,
    inside: Inside,
}

/// After a failed accept: the system is short of something, most likely of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves `listener`: WebSocket clients at `/ws/signals`, everything else by `router`, whose requests carry the address of
/// who sent them as a [`ConnectInfo`]`<SocketAddr>`. Call it within a tokio runtime, which HTTP and posted signals then use;
/// clients have threads of their own.
///
/// # Errors
/// When the listener is not usable, or no thread can be had.
pub fn serve(
    listener: std::net::TcpListener,
    router: Router,
    beginning: &Beginning,
    config: Config,
) -> io::Result<Gateway> {
    listener.set_nonblocking(true)?;
    unix::tune(SockRef::from(&listener))?;
    let address = listener.local_addr()?;
    let listener = watched(listener)?;
    let stats = Arc::new(Stats::new(config.shards));
    let holders = Places::default();
    let turn = lanes::Turn::default();
    let dials = Dials::new(&config);
    let shards = (0..config.shards).map(|number| {
        let common = Common {
            stats: Arc::clone(&stats.shards[number]),
            holders: holders.clone(),
            turn: turn.clone(),
            dials: dials.clone(),
            workers: Handle::current(),
        };
        start_shard(number, beginning, &config, common)
    });
    let shards = shards.collect::<io::Result<Vec<_>>>()?;
    let (mut publications, mut newcomers, mut drains) = (Vec::new(), Vec::new(), Vec::new());
    for shard in shards {
        publications.push(shard.publications);
        newcomers.push(shard.newcomers);
        drains.push(shard.drain);
    }
    let publisher = Publisher::new(publications, turn.clone(), config.probe, Handle::current());
    let (drain_each, drain_longest) = (config.drain_each, config.drain_longest);
    let (stopping, stopping_in) = watch::channel(false);
    if let Some(tls) = &config.tls {
        tokio::spawn(Arc::clone(tls).follow(stopping_in.clone()));
    }
    let dealer = Dealer::new(newcomers);
    let door = Door::new(
        router,
        config,
        dials.clone(),
        Arc::clone(&stats),
        dealer,
        stopping_in,
    );
    let (arriving, all_arrived) = mpsc::channel(1);
    let door = Arc::new(door);
    let inside = Inside::new(&door, &arriving);
    let accepting = tokio::spawn(accept(listener, door, arriving));
    Ok(Gateway {
        address,
        stats,
        publisher,
        dials,
        drains,
        drain_each,
        drain_longest,
        stopping,
        accepting,
        arriving: all_arrived,
        inside,
    })
}

impl Gateway {
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
    #[must_use]
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Where limits are changed.
    #[must_use]
    pub fn dials(&self) -> Dials {
        self.dials.clone()
    }

    /// Where the server itself may connect, for clients of another protocol.
    #[must_use]
    pub fn inside(&self) -> Inside {
        self.inside.clone()
    }

    /// Accepts no more, and closes the listening socket: when this returns, who connects is somebody else's. Whoever was
    /// accepted is served as before.
    pub async fn stop_accepting(&mut self) {
        self.accepting.abort();
        // It was aborted, unless it had ended.
        let _ended = (&mut self.accepting).await;
    }

    /// After [`Gateway::stop_accepting`]: waits until everyone who was accepted has had the first answer, or was too slow.
    pub async fn all_arrived(&mut self) {
        let _nobody = self.arriving.recv().await;
    }

    /// Accepts no more, closes every client, and returns when all are gone: at the latest when the close handshakes of those
    /// who were closed last are overdue. Who is not closed yet goes on hearing what is published.
    pub async fn drain(self, farewell: Farewell) {
        let _stopped = self.stopping.send(true);
        let clients = self.stats.total(|of| &of.connections);
        let window = farewell::window(clients, self.drain_each, self.drain_longest);
        let (leaving, mut all_left) = mpsc::channel(1);
        let mut over = Vec::new();
        for shard in self.drains {
            let (last_has_left, over_in) = oneshot::channel();
            // It fails only when the shard has ended, and then there is nobody to close.
            let _ended = shard.send(Drain {
                farewell,
                window,
                leaving: leaving.clone(),
                over: over_in,
            });
            over.push(last_has_left);
        }
        drop(leaving);
        let _nobody = all_left.recv().await;
        drop(over);
        self.publisher.ended().await;
    }
}

/// The ways into a shard.
struct Ways {
    publications: mpsc::Sender<Told>,
    newcomers: mpsc::Sender<Newcomer>,
    drain: oneshot::Sender<Drain>,
}

fn start_shard(
    number: usize,
    beginning: &Beginning,
    config: &Config,
    common: Common,
) -> io::Result<Ways> {
    let (publications, publications_in) = mpsc::channel(config.publications);
    let (newcomers, newcomers_in) = mpsc::channel(config.handshakes);
    let (drain, drain_in) = oneshot::channel();
    let inbox = Inbox {
        publications: publications_in,
        newcomers: newcomers_in,
        drain: drain_in,
    };
    let hub = begin_hub(number, beginning, config);
    let config = config.clone();
    let run = move || {
        if let Err(error) = shard::run(number, hub, config, common, inbox) {
            tracing::error!(shard = number, %error, "a thread of clients ended, and its clients were cut");
        }
    };
    std::thread::Builder::new()
        .name(format!("clients {number}"))
        .spawn(run)?;
    Ok(Ways {
        publications,
        newcomers,
        drain,
    })
}

/// A hub that knows the past. All hubs are told the same and refuse the same: the first speaks for all.
fn begin_hub(number: usize, beginning: &Beginning, config: &Config) -> Hub {
    let (hub, refused) = Hub::begin(config.hub.clone(), beginning);
    for refused in refused.into_iter().filter(|_| number == 0) {
        tracing::error!(%refused, "something of the past was not taken in");
    }
    hub
}

/// A listener whose connections come as the system gives them, and not with a place in this runtime's event queue.
fn watched(listener: std::net::TcpListener) -> io::Result<AsyncFd<std::net::TcpListener>> {
    #[expect(
        deprecated,
        reason = "what stands in for it is unsafe; a listener of the standard library keeps its descriptor, as is asked"
    )]
    AsyncFd::with_interest(listener, Interest::READABLE)
}

async fn accept(listener: AsyncFd<std::net::TcpListener>, door: Arc<Door>, arriving: Arriving) {
    let mut stopping = door.stopping();
    let mut has_failed = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.async_io(Interest::READABLE, std::net::TcpListener::accept) => accepted,
            _ = stopping.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                if std::mem::take(&mut has_failed) {
                    tracing::info!("connections are accepted again");
                }
                if let Err(error) = door.receive(stream, peer, &arriving) {
                    tracing::debug!(%peer, %error, "a connection broke before it was upgraded");
                }
            }
            Err(error) => {
                door.accept_failed();
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(%error, "a connection could not be accepted: it waits, and is tried again and again");
                }
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}
