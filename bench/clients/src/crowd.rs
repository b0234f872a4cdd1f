//! Clients that compare notes: when the last of them has a message, all have it.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

use crate::{Connection, Incoming};
use mio::event::Event;
use mio::{Events, Poll, Token, Waker};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The name of the crowd's thread, by which its share of CPU time can be told from the server's.
pub const THREAD: &str = "crowd";

const SUBSCRIBE: &str = r#"{"type":"subscribe","channels":["signals","prices"]}"#;
const READ_BYTES: usize = 64 * 1024;
/// How long all handshakes together may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message that every client has.
#[derive(Debug)]
pub struct Heard {
    pub text: String,
    /// When the first client had it, and the last.
    pub first: Instant,
    pub last: Instant,
}

/// Clients that are connected and subscribed. Dropping them cuts their connections.
#[derive(Debug)]
pub struct Crowd {
    heard: Receiver<Heard>,
    leaving: Arc<AtomicBool>,
    waker: Waker,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Crowd {
    /// Connects and subscribes `count` clients of the server at `address`.
    ///
    /// # Errors
    /// When one of them is not let in, or the system gives no event queue.
    pub fn connect(address: SocketAddr, count: usize) -> io::Result<Self> {
        let mut poll = Poll::new()?;
        let clients = enter_all(&mut poll, address, count)?;
        let waker = Waker::new(poll.registry(), Token(count))?;
        let leaving = Arc::new(AtomicBool::new(false));
        let (tell, heard) = mpsc::channel();
        let reader = Reader {
            clients,
            under_way: BTreeMap::new(),
            tell,
            leaving: Arc::clone(&leaving),
        };
        let thread = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || reader.run(poll))?;
        Ok(Self {
            heard,
            leaving,
            waker,
            thread: Some(thread),
        })
    }

    /// The next message that all have; `None` when none came in time.
    ///
    /// # Errors
    /// When a client lost its connection.
    pub fn next(&mut self, within: Duration) -> io::Result<Option<Heard>> {
        match self.heard.recv_timeout(within) {
            Ok(heard) => Ok(Some(heard)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(self.lost()),
        }
    }

    fn lost(&mut self) -> io::Error {
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(Err(error))) => error,
            _ => io::Error::other("the clients' thread has ended"),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && self.waker.wake().is_ok()
        {
            // How it ended does not matter any more.
            let _ended = thread.join();
        }
    }
}

/// Connects, upgrades and subscribes.
fn enter_all(poll: &mut Poll, address: SocketAddr, count: usize) -> io::Result<Vec<Connection>> {
    let mut clients = Vec::new();
    for place in 0..count {
        let mut client = Connection::begin(address, Some(SUBSCRIBE), None)?;
        client.register(poll.registry(), Token(place))?;
        clients.push(client);
    }
    let (mut events, mut scratch) = (Events::with_capacity(1024), vec![0; READ_BYTES]);
    let until = Instant::now() + PATIENCE;
    while !clients.iter().all(Connection::is_open) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::other("not all clients were let in in time"));
        }
        poll.poll(&mut events, Some(left))?;
        for event in &events {
            // Nothing is published yet.
            clients[event.token().0].turn(event, &mut scratch, |_| ())?;
        }
    }
    Ok(clients)
}

/// What the thread owns.
struct Reader {
    clients: Vec<Connection>,
    /// Messages that some clients have and others do not: how many have it, and since when the first.
    under_way: BTreeMap<Vec<u8>, (usize, Instant)>,
    tell: Sender<Heard>,
    leaving: Arc<AtomicBool>,
}

impl Reader {
    fn run(mut self, mut poll: Poll) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut scratch = vec![0; READ_BYTES];
        while !self.leaving.load(Ordering::Relaxed) {
            match poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                let place = event.token().0;
                // Only the waker has a place beyond the clients.
                if place < self.clients.len() {
                    self.turn(event, &mut scratch)?;
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, event: &Event, scratch: &mut [u8]) -> io::Result<()> {
        let Self {
            clients,
            under_way,
            tell,
            ..
        } = self;
        let count = clients.len();
        let mut has_ended = false;
        clients[event.token().0].turn(event, scratch, |incoming| match incoming {
            Incoming::Text(text) => hear(under_way, tell, text, Instant::now(), count),
            Incoming::Close | Incoming::End => has_ended = true,
        })?;
        if has_ended {
            return Err(io::Error::other("the server ended a client's connection"));
        }
        Ok(())
    }
}

fn hear(
    under_way: &mut BTreeMap<Vec<u8>, (usize, Instant)>,
    tell: &Sender<Heard>,
    text: &[u8],
    now: Instant,
    count: usize,
) {
    if !under_way.contains_key(text) {
        under_way.insert(text.to_owned(), (0, now));
    }
    if let Some((have, _)) = under_way.get_mut(text) {
        *have += 1;
        if *have < count {
            return;
        }
    }
    if let Some((text, (_, first))) = under_way.remove_entry(text) {
        let text = String::from_utf8_lossy(&text).into_owned();
        // Nobody listens any more when the crowd is leaving.
        let _unheard = tell.send(Heard {
            text,
            first,
            last: now,
        });
    }
}
