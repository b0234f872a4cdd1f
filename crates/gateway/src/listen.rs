//! Accepting connections and answering HTTP. A connection that is upgraded leaves for the shard, raw, with all its
//! buffers freed here.

use crate::address::Places;
use crate::config::Config;
use crate::extension::Deflate;
use crate::shard::{self, Drain, Inbox, Newcomer};
use crate::stats::Stats;
use crate::upgrade::{self, Agreement, Refusal};
use crate::visit::{self, Visitor};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hub::{Beginning, Hub, Publication};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
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
    publications: mpsc::Sender<Publication>,
    drain: oneshot::Sender<Drain>,
    stopping: watch::Sender<bool>,
}

/// Where publications go in. Any number of copies, on any thread.
#[derive(Clone, Debug)]
pub struct Publisher(mpsc::Sender<Publication>);

/// The gateway has ended: nothing is published any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway has ended, and nothing is published any more")]
pub struct Stopped;

/// What every connection needs.
#[derive(Debug)]
struct Door {
    router: Router,
    config: Config,
    stats: Arc<Stats>,
    newcomers: mpsc::Sender<Newcomer>,
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
/// who sent them as a [`ConnectInfo`]`<SocketAddr>`. Call it
/// within a tokio runtime, which HTTP and posted signals then use; clients have a thread of their own.
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
    let stats = Arc::new(Stats::default());
    let (publications, publications_in) = mpsc::channel(config.publications);
    let (newcomers, newcomers_in) = mpsc::channel(config.handshakes);
    let (drain, drain_in) = oneshot::channel();
    let (stopping, stopping_in) = watch::channel(false);
    let inbox = Inbox {
        publications: publications_in,
        newcomers: newcomers_in,
        drain: drain_in,
    };
    start_shard(beginning, config.clone(), Arc::clone(&stats), inbox)?;
    let door = Door {
        router,
        handshakes: Arc::new(Semaphore::new(config.handshakes)),
        config,
        stats: Arc::clone(&stats),
        newcomers,
        places: Places::default(),
        stopping: stopping_in,
    };
    tokio::spawn(accept(listener, Arc::new(door)));
    Ok(Gateway {
        address,
        stats,
        publications,
        drain,
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
        Publisher(self.publications.clone())
    }

    /// Accepts no more, closes every client with this code and reason, and returns when all are gone: at the latest
    /// when the close handshakes are overdue.
    pub async fn drain(self, code: u16, reason: &str) {
        let (done, is_done) = oneshot::channel();
        let reason = reason.to_owned();
        let _stopped = self.stopping.send(true);
        // It fails only when the shard has ended, and then there is nobody to close.
        let _ended = self.drain.send(Drain { code, reason, done });
        let _ended = is_done.await;
    }
}

impl Publisher {
    /// Hands a publication to the hub; waits while too many lie before it.
    ///
    /// # Errors
    /// When the gateway has ended.
    pub async fn publish(&self, publication: Publication) -> Result<(), Stopped> {
        self.0.send(publication).await.map_err(|_| Stopped)
    }

    /// The same for a thread that is not part of a runtime.
    ///
    /// # Errors
    /// When the gateway has ended.
    ///
    /// # Panics
    /// When called within an asynchronous task.
    pub fn publish_blocking(&self, publication: Publication) -> Result<(), Stopped> {
        self.0.blocking_send(publication).map_err(|_| Stopped)
    }
}

fn start_shard(
    beginning: &Beginning,
    config: Config,
    stats: Arc<Stats>,
    inbox: Inbox,
) -> io::Result<()> {
    let (hub, refused) = Hub::begin(config.hub.clone(), beginning);
    for refused in refused {
        tracing::error!(%refused, "something of the past was not taken in");
    }
    let workers = Handle::current();
    let run = move || {
        if let Err(error) = shard::run(hub, config, stats, inbox, workers) {
            tracing::error!(%error, "the thread of the clients could not start");
        }
    };
    std::thread::Builder::new()
        .name("clients".to_owned())
        .spawn(run)?;
    Ok(())
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
                self.stats.upgrades_refused.add(1);
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

    /// Waits until the answer is out, then gives the socket to the shard.
    async fn hand_over(
        self: Arc<Self>,
        upgraded: hyper::upgrade::OnUpgrade,
        peer: SocketAddr,
        deflate: Option<Deflate>,
        visitor: Visitor,
    ) {
        let newcomer = match upgraded.await {
            Ok(upgraded) => take_back(upgraded, peer, deflate, visitor),
            Err(error) => Err(io::Error::other(error)),
        };
        match newcomer {
            // It fails only when the shard has ended.
            Ok(newcomer) => drop(self.newcomers.send(newcomer).await),
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was lost during its upgrade")
            }
        }
    }
}

/// The raw socket, and what was read of it beyond the request.
fn take_back(
    upgraded: Upgraded,
    peer: SocketAddr,
    deflate: Option<Deflate>,
    visitor: Visitor,
) -> io::Result<Newcomer> {
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| io::Error::other("the upgraded connection is not the TCP stream it was"))?;
    Ok(Newcomer {
        stream: parts.io.into_inner().into_std()?,
        peer,
        deflate,
        visitor,
        first: parts.read_buf,
    })
}
