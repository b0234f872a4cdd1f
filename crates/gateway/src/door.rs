//! The door: what becomes of a connection from its accept until it is a client's, is parked, or has ended. A usual request to
//! become a client is judged where it lies; everything else is HTTP (`door/http.rs`).

mod http;

use crate::address::Places;
use crate::arrival::{Protocol, first_words};
use crate::config::Config;
use crate::dials::Dials;
use crate::extension::Deflate;
use crate::head;
use crate::inflate::Inflater;
use crate::lanes::{Dealer, Place, Seat};
use crate::room::{Admission, Room};
use crate::session::Guest;
use crate::shard::Newcomer;
use crate::stats::{Refused, Stats};
use crate::stream::Raw;
use crate::tls::{CHALLENGE_PROTOCOL, Plain, Tls};
use crate::unix;
use crate::upgrade::{self, Agreement, Refusal};
use crate::visit::{self, Visitor, Whence};
use crate::watched::Watched;
use axum::Router;
use bytes::Bytes;
use http::First;
use hyper::Request;
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What every connection needs.
#[derive(Debug)]
pub(crate) struct Door {
    router: Router,
    config: Config,
    dials: Dials,
    stats: Arc<Stats>,
    dealer: Dealer,
    room: Room,
    /// Of all who are parked.
    inflater: Mutex<Inflater>,
    /// Upgrades so far.
    arrived: AtomicU64,
    handshakes: Arc<Semaphore>,
    /// The same for who comes to be a client: whatever holds those up, others are answered.
    upgrades: Arc<Semaphore>,
    tls_handshakes: Arc<Semaphore>,
    /// Clients by address.
    places: Places<IpAddr>,
    stopping: watch::Receiver<bool>,
}

/// Held for a connection from its accept until its first request is answered, or it is with its shard.
pub(crate) type Arriving = mpsc::Sender<Infallible>;

/// Handshakes of TLS at the same time, for each plain request that may be read: they wait for the client in between.
const TLS_TURNS: usize = 8;

/// For how many times as long an answer may lie untaken as what a client hears.
const SPANS: u32 = 6;

/// What is answered to a request that is not complete in time.
const LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Why a connection ended before it was upgraded.
type Broken = Box<dyn Error + Send + Sync>;

/// What is looked at of a request that is let in where it lies; a longer one is for the HTTP server.
const GLANCE: usize = 4 * 1024;

impl Door {
    pub(crate) fn new(
        router: Router,
        config: Config,
        dials: Dials,
        stats: Arc<Stats>,
        dealer: Dealer,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            router,
            handshakes: Arc::new(Semaphore::new(config.handshakes)),
            upgrades: Arc::new(Semaphore::new(config.handshakes)),
            tls_handshakes: Arc::new(Semaphore::new(TLS_TURNS * config.handshakes)),
            room: Room::new(&config),
            inflater: Mutex::default(),
            dials,
            config,
            stats,
            dealer,
            arrived: AtomicU64::new(0),
            places: Places::default(),
            stopping,
        }
    }

    /// Changes when the gateway takes nobody any more.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.clone()
    }

    pub(crate) fn accept_failed(&self) {
        self.stats.door.accepts_failed.add(1);
    }

    /// Takes a connection in. Who comes as a client has mostly said all by now, and is let in where he stands: without a task,
    /// and without a place in the event queue, for the few microseconds until his shard has him.
    pub(crate) fn receive(
        self: &Arc<Self>,
        stream: std::net::TcpStream,
        peer: SocketAddr,
        arriving: &Arriving,
    ) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        unix::tune_accepted(&stream)?;
        let is_served = Manner::of_plain(self.config.tls.as_deref()) == Manner::Serving;
        let place = is_served.then(|| self.dealer.place_now()).flatten();
        let looked = place.and_then(|place| Some((place, self.look(&stream, peer)?)));
        let Some((place, looked)) = looked else {
            let (door, stream) = (Arc::clone(self), TcpStream::from_std(stream)?);
            tokio::spawn(door.connection(stream, peer, WayIn::Network, arriving.clone()));
            return Ok(());
        };
        let left = match looked.judged {
            Ok(candidate) => self
                .let_in(stream, peer, looked.length, candidate, place)?
                .map(|(stream, candidate)| (stream, Ok(candidate))),
            Err(refusal) => Some((stream, Err(refusal))),
        };
        if let Some((stream, judged)) = left {
            let (door, stream) = (Arc::clone(self), TcpStream::from_std(stream)?);
            tokio::spawn(door.answer_judged(stream, peer, judged, arriving.clone()));
        }
        Ok(())
    }

    /// What comes of a request to be a client that lies there whole and is as most are; it stays unread. Nothing where there is
    /// anything else: that is for the HTTP server to read, and to see to.
    fn look(&self, stream: &std::net::TcpStream, peer: SocketAddr) -> Option<Looked> {
        let mut memory = [0; GLANCE];
        let seen = stream.peek(&mut memory).unwrap_or_default();
        let head = head::read(&memory[..seen])?;
        let is_short = head.length <= self.config.request_bytes;
        is_short.then(|| Looked {
            length: head.length,
            judged: self.judge(&head.request, peer),
        })
    }

    /// Takes this place, if the house is not full: who must be parked is given back. What was sent behind the request of this
    /// length stays in the kernel.
    fn let_in(
        &self,
        stream: std::net::TcpStream,
        peer: SocketAddr,
        length: usize,
        candidate: Candidate,
        place: Place<'_>,
    ) -> io::Result<Option<(std::net::TcpStream, Candidate)>> {
        let Some(Admission::Client(ticket)) = self.room.admit() else {
            return Ok(Some((stream, candidate)));
        };
        let Candidate { agreement, visitor } = candidate;
        let agreement = self.agreed_with_client(agreement);
        let deflate = agreement.deflate();
        head::take(length, |into| (&stream).read(into))?;
        (&stream).write_all(&head::of(&agreement.answer()))?;
        let seat = place.seat(ticket);
        let Visitor { whence, standing } = visitor;
        place.send(Newcomer {
            socket: Raw::plain(stream),
            guest: self.guest(peer, deflate, whence, seat),
            standing,
            first: Bytes::new(),
        });
        Ok(None)
    }

    /// Who is refused, or parked: the request was looked at, and is not judged again.
    async fn answer_judged(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        judged: Judged,
        arriving: Arriving,
    ) {
        let answering = async {
            let turn = Arc::clone(&self.upgrades).acquire_owned().await?;
            let first = First::new(turn, arriving, Some(judged));
            self.speak_http(self.watched(stream), peer, first, Manner::Serving)
                .await
        };
        if let Err(error) = answering.await {
            Self::note_broken(peer, &error);
        }
    }

    fn note_broken(peer: SocketAddr, error: &Broken) {
        tracing::debug!(%peer, %error, "a connection broke before it was upgraded");
    }

    /// One connection, until it ends or is upgraded.
    pub(crate) async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        way: WayIn,
        arriving: Arriving,
    ) {
        let mut stopping = self.stopping.clone();
        let protocol = tokio::select! {
            first = timeout(self.config.request_within, first_words(&stream)) => first,
            _ = stopping.changed() => return,
        };
        let spoken = match protocol {
            Ok(Ok(Some(protocol))) => {
                let tls = match way {
                    WayIn::Network => self.config.tls.as_deref(),
                    WayIn::Inside => None,
                };
                self.speak(protocol, tls, stream, peer, arriving).await
            }
            Ok(Ok(None)) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
            Err(_late) => {
                self.turn_away_late(&stream);
                Ok(())
            }
        };
        if let Err(error) = spoken {
            Self::note_broken(peer, &error);
        }
    }

    /// Waits for its turn. What HTTP and TLS need is in boxes, so that who only waits does not hold room for it.
    async fn speak(
        self: &Arc<Self>,
        protocol: Protocol,
        tls: Option<&Tls>,
        stream: TcpStream,
        peer: SocketAddr,
        arriving: Arriving,
    ) -> Result<(), Broken> {
        match (protocol, tls) {
            (Protocol::Tls, Some(tls)) => {
                let turn = Arc::clone(&self.tls_handshakes).acquire_owned().await?;
                Box::pin(async {
                    let stream = self.shake_hands(tls, stream).await?;
                    // A challenge was answered by the handshake; nothing is spoken over it (RFC 8737, section 3).
                    if stream.get_ref().1.alpn_protocol() == Some(CHALLENGE_PROTOCOL) {
                        return Ok(());
                    }
                    let first = First::new(turn, arriving, None);
                    self.speak_http(stream, peer, first, Manner::Serving).await
                })
                .await
            }
            (Protocol::Upgrade, tls) if Manner::of_plain(tls) == Manner::Serving => {
                let turn = Arc::clone(&self.upgrades).acquire_owned().await?;
                Box::pin(self.let_in_later(stream, peer, turn, arriving)).await
            }
            (Protocol::Tls | Protocol::Upgrade | Protocol::Http, tls) => {
                let turn = Arc::clone(&self.handshakes).acquire_owned().await?;
                let (first, manner) = (First::new(turn, arriving, None), Manner::of_plain(tls));
                let stream = self.watched(stream);
                Box::pin(self.speak_http(stream, peer, first, manner)).await
            }
        }
    }

    /// The same as [`Door::receive`] does at once, for who had not said all by then.
    async fn let_in_later(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        turn: OwnedSemaphorePermit,
        arriving: Arriving,
    ) -> Result<(), Broken> {
        let mut stream = stream.into_std()?;
        let judged = match self.look(&stream, peer) {
            None => None,
            Some(Looked {
                judged: Err(refusal),
                ..
            }) => Some(Err(refusal)),
            Some(Looked {
                judged: Ok(candidate),
                length,
            }) => {
                let Some(place) = self.dealer.place().await else {
                    return Ok(());
                };
                let Some((left, candidate)) =
                    self.let_in(stream, peer, length, candidate, place)?
                else {
                    return Ok(());
                };
                stream = left;
                Some(Ok(candidate))
            }
        };
        let first = First::new(turn, arriving, judged);
        let stream = self.watched(TcpStream::from_std(stream)?);
        self.speak_http(stream, peer, first, Manner::Serving).await
    }

    /// More patiently than a client is: an answer is asked for once, and a price comes each second.
    fn watched(&self, stream: TcpStream) -> Watched<TcpStream> {
        Watched::new(stream, SPANS * self.config.stalled_for)
    }

    async fn shake_hands(
        &self,
        tls: &Tls,
        stream: TcpStream,
    ) -> Result<TlsStream<Watched<TcpStream>>, Broken> {
        let stream = self.watched(stream);
        let shaking = TlsAcceptor::from(Arc::clone(&tls.config)).accept(stream);
        let shaken = timeout(self.config.request_within, shaking).await;
        if !matches!(shaken, Ok(Ok(_))) {
            self.stats.door.refused(Refused::TlsHandshake);
        }
        Ok(shaken??)
    }

    /// It had its time: a request that was begun is answered, silence is not.
    fn turn_away_late(&self, stream: &TcpStream) {
        self.stats.door.refused(Refused::Late);
        // What lies unread would make the end a reset, and the answer would be lost.
        if stream.try_read(&mut [0; 1024]).is_ok_and(|read| read > 0) {
            let _gone = stream.try_write(LATE);
        }
    }

    fn agreed_with_client(&self, agreement: Agreement) -> Agreement {
        if self.config.compression {
            agreement
        } else {
            agreement.uncompressed()
        }
    }

    /// Whether it may become a WebSocket: the handshake first, which costs nothing, then who asks. To look into a token takes
    /// longer than all else, and what it opens is counted: each request is judged once.
    fn judge<B>(&self, request: &Request<B>, peer: SocketAddr) -> Judged {
        let agreement = upgrade::check(request)?;
        let visitor = visit::judge(
            request,
            peer.ip(),
            &self.config,
            &self.dials.now(),
            &self.places,
        )?;
        Ok(Candidate { agreement, visitor })
    }

    fn guest(
        &self,
        peer: SocketAddr,
        deflate: Option<Deflate>,
        whence: Whence,
        seat: Seat,
    ) -> Guest {
        Guest {
            number: self.next_number(),
            peer,
            deflate,
            whence,
            seat,
        }
    }

    /// No two connections have the same.
    fn next_number(&self) -> u64 {
        self.arrived.fetch_add(1, Relaxed) + 1
    }
}

/// Somebody who may be a client, where there is room.
#[derive(Debug)]
struct Candidate {
    agreement: Agreement,
    visitor: Visitor,
}

/// What comes of a request to be a client.
type Judged = Result<Candidate, Refusal>;

/// What was found of a request that is not read yet.
#[derive(Debug)]
struct Looked {
    /// Of its head, in bytes.
    length: usize,
    judged: Judged,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayIn {
    Network,
    /// The server itself made it: [`Inside`].
    Inside,
}

/// How HTTP is answered on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Serving,
    /// Whoever asks is told to come by TLS.
    RefusingPlain,
}

impl Manner {
    fn of_plain(tls: Option<&Tls>) -> Self {
        match tls.map(|tls| tls.plain) {
            None | Some(Plain::Served) => Self::Serving,
            Some(Plain::Refused) => Self::RefusingPlain,
        }
    }
}
