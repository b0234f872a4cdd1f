//! HTTP on a connection, as its server reads it: pages and the API, and requests to become a client that are unusual, under TLS,
//! or not to be granted. A connection that is upgraded leaves for where it belongs, raw, with all buffers freed.

use super::{Arriving, Broken, Candidate, Door, Judged, Manner};
use crate::extension::Deflate;
use crate::parked::{Lot, Parked};
use crate::room::{Admission, Ticket};
use crate::shard::Newcomer;
use crate::stats::Refused;
use crate::stream::Raw;
use crate::upgrade::{self, Agreement};
use crate::visit::{Visitor, Whence};
use crate::watched::{Watched, is_untaken};
use axum::body::Body;
use axum::extract::ConnectInfo;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

/// hyper reads in pieces of this size and takes no smaller bound.
const REQUEST_BYTES_MIN: usize = 8 * 1024;

impl Door {
    /// Speaks HTTP on a watched connection, or on TLS over one. `first` is given back with the first request.
    pub(super) async fn speak_http(
        self: &Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        first: First,
        manner: Manner,
    ) -> Result<(), Broken> {
        let first = Mutex::new(Some(first));
        let service = service_fn(|request| {
            // The head of the first request is there.
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (arriving, judged) = first.map_or((None, None), First::over);
            Arc::clone(self).answer(request, peer, manner, arriving, judged)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.config.request_within)
            .max_buf_size(self.config.request_bytes.max(REQUEST_BYTES_MIN))
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let mut stopping = self.stopping.clone();
        let ended = tokio::select! {
            ended = connection.as_mut() => Ok(ended),
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                timeout(self.config.close_within, connection).await
            }
        };
        if let Ok(Err(error)) = &ended
            && is_unread(error)
        {
            self.stats.door.refused(Refused::Unread);
        }
        Ok(ended??)
    }

    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        manner: Manner,
        arriving: Option<Arriving>,
        judged: Option<Judged>,
    ) -> Result<Response<Body>, Infallible> {
        if manner == Manner::RefusingPlain {
            self.stats.door.refused(Refused::PlainHttp);
            return Ok(upgrade::speaks_tls());
        }
        if request.uri().path() != upgrade::PATH {
            request.extensions_mut().insert(ConnectInfo(peer));
            return self.router.clone().oneshot(request.map(Body::new)).await;
        }
        let judged = judged.unwrap_or_else(|| self.judge(&request, peer));
        match judged.map(|candidate| self.admit(candidate)) {
            Ok(Some((agreement, welcome))) => {
                let upgraded = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    self.hand_over(upgraded, peer, welcome).await;
                    drop(arriving);
                });
                Ok(agreement.answer())
            }
            Ok(None) => {
                self.stats.door.upgrades_refused.add(1);
                self.stats.door.refused(Refused::Full);
                Ok(upgrade::full(self.config.parked_for.end))
            }
            Err(refusal) => {
                self.stats.door.upgrades_refused.add(1);
                tracing::info!(%peer, status = refusal.status.as_u16(), reason = refusal.reason, "upgrade refused");
                Ok(refusal.answer())
            }
        }
    }

    /// Lets in who may; nobody where there is no room, not even to be parked.
    fn admit(&self, candidate: Candidate) -> Option<(Agreement, Welcome)> {
        let admission = self.room.admit()?;
        let Candidate { agreement, visitor } = candidate;
        let agreement = match &admission {
            Admission::Client(_) => self.agreed_with_client(agreement),
            Admission::Parked(_) => agreement.uncompressed(),
        };
        let welcome = Welcome {
            deflate: agreement.deflate(),
            visitor,
            admission,
        };
        Some((agreement, welcome))
    }

    /// Waits until the answer is out, then gives the socket to where it belongs.
    async fn hand_over(self: Arc<Self>, upgraded: OnUpgrade, peer: SocketAddr, welcome: Welcome) {
        let taken = match upgraded.await {
            Ok(upgraded) => take_back(upgraded),
            Err(error) => Err(io::Error::other(error)),
        };
        match taken {
            Ok((socket, first)) => self.settle(socket, first, peer, welcome).await,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was lost during its upgrade");
            }
        }
    }

    /// A client's socket goes to a shard, another is parked.
    async fn settle(
        self: &Arc<Self>,
        socket: Raw,
        first: Bytes,
        peer: SocketAddr,
        welcome: Welcome,
    ) {
        let Welcome {
            deflate,
            visitor,
            admission,
        } = welcome;
        match admission {
            Admission::Client(ticket) => {
                self.deal(socket, first, peer, deflate, visitor, ticket)
                    .await;
            }
            Admission::Parked(ticket) => {
                let parking = Arc::clone(self).park(socket, first, peer, visitor.whence, ticket);
                tokio::spawn(parking);
            }
        }
    }

    /// Holds a connection for which there is no room until it is told to come later.
    async fn park(
        self: Arc<Self>,
        socket: Raw,
        first: Bytes,
        peer: SocketAddr,
        _whence: Whence,
        ticket: Ticket,
    ) {
        let number = self.next_number();
        let parked = match Parked::new(socket, number, ticket, &self.config) {
            Ok(parked) => parked,
            Err(error) => {
                tracing::debug!(%peer, %error, "a connection was lost right after its upgrade");
                return;
            }
        };
        let counts = &self.stats.door;
        counts.parked_total.add(1);
        counts.parked.add(1);
        let lot = Lot {
            config: &self.config,
            inflater: &self.inflater,
        };
        let mut stopping = self.stopping.clone();
        let ending = async {
            // Ready also when the gateway is gone.
            let _stopped = stopping.changed().await;
        };
        let code = parked.hold(lot, first, ending).await;
        counts.parked.lower();
        counts.closed(code);
        tracing::debug!(client = number, %peer, code, "a parked connection ended");
    }

    /// To the shard with the fewest clients. Where all have ended, the connection ends too.
    async fn deal(
        &self,
        socket: Raw,
        first: Bytes,
        peer: SocketAddr,
        deflate: Option<Deflate>,
        visitor: Visitor,
        ticket: Ticket,
    ) {
        let Some(place) = self.dealer.place().await else {
            return;
        };
        let seat = place.seat(ticket);
        let guest = self.guest(peer, deflate, visitor.whence, seat);
        let newcomer = Newcomer {
            socket,
            guest,
            standing: visitor.standing,
            first,
        };
        place.send(newcomer);
    }
}

/// What a connection holds until its first request.
#[derive(Debug)]
pub(super) struct First {
    /// Its place among those that may speak.
    _turn: OwnedSemaphorePermit,
    arriving: Arriving,
    /// What comes of that request, if it was looked at before it was read.
    judged: Option<Judged>,
}

impl First {
    pub(super) fn new(
        turn: OwnedSemaphorePermit,
        arriving: Arriving,
        judged: Option<Judged>,
    ) -> Self {
        Self {
            _turn: turn,
            arriving,
            judged,
        }
    }

    /// The request is there: others may speak.
    fn over(self) -> (Option<Arriving>, Option<Judged>) {
        (Some(self.arriving), self.judged)
    }
}

/// Somebody who is let in.
#[derive(Debug)]
struct Welcome {
    deflate: Option<Deflate>,
    visitor: Visitor,
    admission: Admission,
}

/// The raw socket with what TLS has agreed, and what was read of it beyond the request.
fn take_back(upgraded: Upgraded) -> io::Result<(Raw, Bytes)> {
    let upgraded = match upgraded.downcast::<TokioIo<Watched<TcpStream>>>() {
        Ok(parts) => {
            let tcp = parts.io.into_inner().into_inner().into_std()?;
            return Ok((Raw::plain(tcp), parts.read_buf));
        }
        Err(upgraded) => upgraded,
    };
    let parts = upgraded
        .downcast::<TokioIo<TlsStream<Watched<TcpStream>>>>()
        .map_err(|_| io::Error::other("the upgraded connection is not the stream it was"))?;
    Ok((Raw::sealed(parts.io.into_inner())?, parts.read_buf))
}

/// Whether a connection ended since its answer was not taken.
fn is_unread(error: &hyper::Error) -> bool {
    let cause = error.source();
    cause
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(is_untaken)
}
