//! Accepting connections and answering HTTP. A connection that is upgraded leaves for its shard, raw, with all its
//! buffers freed here.

use crate::address::Places;
use crate::config::Config;
use crate::extension::Deflate;
use crate::lanes::{Dealer, Publisher};
use crate::shard::{self, Common, Drain, Inbox, Newcomer};
use crate::stats::Stats;
use crate::upgrade::{self, Agreement, Refusal};
use crate::visit::{self, Visitor};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hub::{Beginning, Hub, Publication};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

/// The running gateway. Dropping it cuts every connection; [`Gateway::drain`] closes them.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    stats: Arc<Stats>,
    publisher: Publisher,
    /// One for each shard.
    drains: Vec<oneshot::Sender<Drain>>,
    stopping: watch::Sender<bool>,
}

/// What every connection needs.
#[derive(Debug)]
struct Door {
    router: Router,
    config: Config,
    stats: Arc<Stats>,
    dealer: Dealer,
    /// Upgrades so far.
    arrived: AtomicU64,
    handshakes: Arc<Semaphore>,
    /// Clients by address.
    places: Places<IpAddr>,
    stopping: watch::Receiver<bool>,
}

/// After a failed accept: the system is short of something, most likely of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// hyper reads in pieces of this size and takes no smaller bound.
const REQUEST_BYTES_MIN: usize = 8 * 1024;

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
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let stats = Arc::new(Stats::new(config.shards));
    let holders = Places::default();
    let shards = (0..config.shards).map(|number| {
        let common = Common {
            stats: Arc::clone(&stats.shards[number]),
            holders: holders.clone(),
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
    let publisher = Publisher::new(publications, config.probe, Handle::current());
    let (stopping, stopping_in) = watch::channel(false);
    let door = Door {
        router,
        handshakes: Arc::new(Semaphore::new(config.handshakes)),
        config,
        stats: Arc::clone(&stats),
        dealer: Dealer::new(newcomers),
        arrived: AtomicU64::new(0),
        places: Places::default(),
        stopping: stopping_in,
    };
    tokio::spawn(accept(listener, Arc::new(door)));
    Ok(Gateway {
        address,
        stats,
        publisher,
        drains,
        stopping,
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

    /// Accepts no more, closes every client with this code and reason, and returns when all are gone: at the latest
    /// when the close handshakes are overdue.
    pub async fn drain(self, code: u16, reason: &str) {
        let _stopped = self.stopping.send(true);
        let mut closing = Vec::new();
        for shard in self.drains {
            let (done, is_done) = oneshot::channel();
            let reason = reason.to_owned();
            // It fails only when the shard has ended, and then there is nobody to close.
            let _ended = shard.send(Drain { code, reason, done });
            closing.push(is_done);
        }
        for is_done in closing {
            let _ended = is_done.await;
        }
    }
}

/// The ways into a shard.
struct Ways {
    publications: mpsc::Sender<Arc<Publication>>,
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

async fn accept(listener: TcpListener, door: Arc<Door>) {
    let mut stopping = door.stopping.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(Arc::clone(&door).connection(stream, peer));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

impl Door {
    /// One connection, until it ends or is upgraded.
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let mut stopping = self.stopping.clone();
        let permit = tokio::select! {
            permit = self.may_speak(&stream) => permit,
            _ = stopping.changed() => None,
        };
        let Some(permit) = permit else { return };
        if let Err(error) = self.speak_http(stream, peer, permit).await {
            tracing::debug!(%peer, %error, "an HTTP connection broke");
        }
    }

    /// Waits for the first byte, then for a turn: a connection that says nothing holds no buffer and is in nobody's way.
    async fn may_speak(&self, stream: &TcpStream) -> Option<OwnedSemaphorePermit> {
        // Readiness alone may be a false alarm.
        let first = timeout(self.config.request_within, stream.peek(&mut [0])).await;
        first.ok()?.ok().filter(|&bytes| bytes > 0)?;
        Arc::clone(&self.handshakes).acquire_owned().await.ok()
    }

    async fn speak_http(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        stream.set_nodelay(true)?;
        let handshake = Mutex::new(Some(permit));
        let service = service_fn(|request| {
            // The head of the first request is there.
            drop(
                handshake
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
            Arc::clone(self).answer(request, peer)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.request_within)
            .max_buf_size(self.config.request_bytes.max(REQUEST_BYTES_MIN))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut stopping = self.stopping.clone();
        tokio::select! {
            ended = connection.as_mut() => return Ok(ended?),
            _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
        }
        Ok(timeout(self.config.close_within, connection).await??)
    }

    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Infallible> {
        if request.uri().path() != upgrade::PATH {
            request.extensions_mut().insert(ConnectInfo(peer));
            return self.router.clone().oneshot(request.map(Body::new)).await;
        }
        match self.judge(&request, peer) {
            Ok((mut agreement, visitor)) => {
                if !self.config.compression {
                    agreement = agreement.uncompressed();
                }
                let upgraded = hyper::upgrade::on(&mut request);
                tokio::spawn(self.hand_over(upgraded, peer, agreement.deflate(), visitor));
                Ok(agreement.answer())
            }
            Err(refusal) => {
                self.stats.door.upgrades_refused.add(1);
                tracing::info!(%peer, status = refusal.status.as_u16(), reason = refusal.reason, "upgrade refused");
                Ok(refusal.answer())
            }
        }
    }

    /// Whether it may become a WebSocket: the handshake first, which costs nothing, then who asks.
    fn judge(
        &self,
        request: &Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<(Agreement, Visitor), Refusal> {
        let agreement = upgrade::check(request)?;
        let visitor = visit::judge(request, peer.ip(), &self.config, &self.places)?;
        Ok((agreement, visitor))
    }

    /// Waits until the answer is out, then gives the socket to a shard.
    async fn hand_over(
        self: Arc<Self>,
        upgraded: OnUpgrade,
        peer: SocketAddr,
        deflate: Option<Deflate>,
        visitor: Visitor,
    ) {
        let taken = match upgraded.await {
            Ok(upgraded) => take_back(upgraded),
            Err(error) => Err(io::Error::other(error)),
        };
        match taken {
            Ok((stream, first)) => self.deal(stream, first, peer, deflate, visitor).await,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was lost during its upgrade")
            }
        }
    }

    /// To the shard with the fewest clients. Where all have ended, the connection ends too.
    async fn deal(
        &self,
        stream: std::net::TcpStream,
        first: Bytes,
        peer: SocketAddr,
        deflate: Option<Deflate>,
        visitor: Visitor,
    ) {
        let Some((shard, seat)) = self.dealer.emptiest() else {
            return;
        };
        let newcomer = Newcomer {
            number: self.arrived.fetch_add(1, Relaxed) + 1,
            stream,
            peer,
            deflate,
            visitor,
            first,
            seat,
        };
        // It fails only when the shard has ended meanwhile.
        let _ended = shard.send(newcomer).await;
    }
}

/// The raw socket, and what was read of it beyond the request.
fn take_back(upgraded: Upgraded) -> io::Result<(std::net::TcpStream, Bytes)> {
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| io::Error::other("the upgraded connection is not the TCP stream it was"))?;
    Ok((parts.io.into_inner().into_std()?, parts.read_buf))
}
