//! Thousands of clients on one thread.

use crate::machine;
use anyhow::{Context as _, Result, bail};
use bench_clients::{Connection, Incoming, Tls};
use mio::{Events, Poll, Token};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub const SUBSCRIBE: &str = r#"{"type":"subscribe","channels":["prices"]}"#;
/// Handshakes under way at the same time: more do not fit into every server's queue.
pub const HANDSHAKES: usize = 64;
const NOBODY: &str = "no client has this place";
const READ_BYTES: usize = 64 * 1024;
/// How long all of them may take to come in.
const PATIENCE: u64 = 60_000_000_000;

pub struct Load {
    rest: Rest,
    tls: Option<Tls>,
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    clients: Vec<Option<Connection>>,
}

/// What the load does while it waits.
///
/// A server's send to a client of this machine wakes the load, if that sleeps, and on a virtual core that can cost as much
/// as all the rest of the send. How often it happens is a matter of luck. No client elsewhere costs that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    Asleep,
    /// It asks again and again.
    Awake,
}

/// What happened to a client.
#[derive(Debug)]
pub enum Event<'a> {
    /// Its upgrade is through.
    Opened,
    Text(&'a [u8]),
    /// The server's Close.
    Close,
    /// Its connection has ended in good order, and its place is free.
    Ended,
    /// Its connection was refused or lost, and its place is free.
    Lost(io::Error),
}

impl Load {
    /// Clients that speak TLS, if it is given.
    ///
    /// # Errors
    /// When the system gives no event queue.
    pub fn new(rest: Rest, tls: Option<Tls>) -> Result<Self> {
        Ok(Self {
            rest,
            tls,
            poll: Poll::new().context("get an event queue")?,
            events: Events::with_capacity(1024),
            scratch: vec![0; READ_BYTES],
            clients: Vec::new(),
        })
    }

    /// Lets `count` clients in that are subscribed; so many handshakes are under way at once.
    ///
    /// # Errors
    /// When one of them is not let in.
    pub fn enter(&mut self, address: SocketAddr, count: usize, at_once: usize) -> Result<()> {
        let until = machine::now() + PATIENCE;
        let (mut begun, mut open) = (0, 0);
        while open < count {
            while begun < count && begun - open < at_once {
                self.begin(begun, address, Some(SUBSCRIBE))?;
                begun += 1;
            }
            let mut lost = None;
            self.turn(until, |_, event| match event {
                Event::Opened => open += 1,
                Event::Lost(error) => lost = Some(error),
                Event::Ended => lost = Some(io::ErrorKind::UnexpectedEof.into()),
                Event::Text(_) | Event::Close => {}
            })?;
            if let Some(error) = lost {
                return Err(error)
                    .with_context(|| format!("{open} of {count} clients were let in"));
            }
            if machine::now() >= until {
                bail!("{open} of {count} clients were let in within a minute");
            }
        }
        Ok(())
    }

    /// Begins a connection at a place that is free.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn begin(
        &mut self,
        place: usize,
        address: SocketAddr,
        subscribe: Option<&'static str>,
    ) -> Result<()> {
        if self.clients.len() <= place {
            self.clients.resize_with(place + 1, || None);
        }
        let client = Connection::begin(address, subscribe, self.tls.as_ref());
        let mut client = client.context("begin to connect")?;
        client.register(self.poll.registry(), Token(place))?;
        self.clients[place] = Some(client);
        Ok(())
    }

    /// This client reads no more.
    ///
    /// # Errors
    /// When its place is free.
    pub fn stop_reading(&mut self, place: usize) -> Result<()> {
        let client = self.clients[place].as_mut().context(NOBODY)?;
        Ok(client.deregister(self.poll.registry())?)
    }

    /// One that stopped reads again.
    ///
    /// # Errors
    /// When its place is free.
    pub fn read_again(&mut self, place: usize) -> Result<()> {
        let client = self.clients[place].as_mut().context(NOBODY)?;
        Ok(client.register(self.poll.registry(), Token(place))?)
    }

    /// Begins the close handshake of a client.
    ///
    /// # Errors
    /// When its place is free or its connection is lost.
    pub fn close(&mut self, place: usize) -> Result<()> {
        let client = self.clients[place].as_mut().context(NOBODY)?;
        Ok(client.close()?)
    }

    /// A client's own end of its connection.
    ///
    /// # Errors
    /// When its place is free.
    pub fn local_address(&self, place: usize) -> Result<SocketAddr> {
        let client = self.clients[place].as_ref().context(NOBODY)?;
        Ok(client.local_address()?)
    }

    /// Cuts all connections at once.
    ///
    /// # Errors
    /// When one has ended already.
    pub fn cut_all(&mut self) -> Result<()> {
        for client in self.clients.iter_mut().filter_map(Option::take) {
            client.cut().context("cut a connection")?;
        }
        Ok(())
    }

    /// Waits for something to happen, no longer than until then, and hands it on.
    ///
    /// # Errors
    /// When the event queue breaks.
    pub fn turn(&mut self, until: u64, mut take: impl FnMut(usize, Event<'_>)) -> Result<()> {
        let left = match self.rest {
            Rest::Asleep => Duration::from_nanos(until.saturating_sub(machine::now())),
            Rest::Awake => Duration::ZERO,
        };
        match self.poll.poll(&mut self.events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let place = event.token().0;
            // It may have been given up while its event waited.
            let Some(client) = &mut self.clients[place] else {
                continue;
            };
            let (was_open, mut has_ended) = (client.is_open(), false);
            let turned = client.turn(event, &mut self.scratch, |incoming| match incoming {
                Incoming::Text(text) => take(place, Event::Text(text)),
                Incoming::Close => take(place, Event::Close),
                Incoming::End => has_ended = true,
            });
            if !was_open && client.is_open() {
                take(place, Event::Opened);
            }
            match turned {
                Ok(()) if has_ended => {
                    self.clients[place] = None;
                    take(place, Event::Ended);
                }
                Ok(()) => {}
                Err(error) => {
                    self.clients[place] = None;
                    take(place, Event::Lost(error));
                }
            }
        }
        Ok(())
    }
}
