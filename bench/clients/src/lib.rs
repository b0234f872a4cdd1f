//! Many WebSocket clients on one thread, as light as they can be: a benchmark must not measure its own clients.
//!
//! Every client subscribes to signals and prices, and so every message comes to all of them with the same bytes. The
//! crowd tells of each message once, when the last client has it in its hands.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures the machine, so it reads its clock"
)]

mod frame;

use frame::{Frame, Frames};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
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
/// How long a handshake may take.
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
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for place in 0..count {
            let mut stream = mio::net::TcpStream::from_std(enter(address)?);
            let token = Token(place);
            poll.registry()
                .register(&mut stream, token, Interest::READABLE)?;
            clients.push(Client {
                stream,
                frames: Frames::default(),
            });
        }
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
fn enter(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /ws/signals HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: what was read beyond the answer would be lost.
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.extend(byte);
    }
    if !answer.starts_with(b"HTTP/1.1 101") {
        let answer = String::from_utf8_lossy(&answer);
        return Err(io::Error::other(format!("the upgrade failed: {answer}")));
    }
    stream.write_all(&frame::masked(frame::TEXT, SUBSCRIBE.as_bytes()))?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

struct Client {
    stream: mio::net::TcpStream,
    frames: Frames,
}

/// What the thread owns.
struct Reader {
    clients: Vec<Client>,
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
                    self.read(place, event.is_read_closed(), &mut scratch)?;
                }
            }
        }
        Ok(())
    }

    /// Takes all that lies in a socket. A read that does not fill the room has emptied it.
    fn read(&mut self, place: usize, to_the_end: bool, scratch: &mut [u8]) -> io::Result<()> {
        loop {
            let count = match self.clients[place].stream.read(scratch) {
                Ok(0) => return Err(io::Error::other("the server cut a client's connection")),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.take(place, &scratch[..count], Instant::now())?;
            if count < scratch.len() && !to_the_end {
                return Ok(());
            }
        }
    }

    fn take(&mut self, place: usize, bytes: &[u8], now: Instant) -> io::Result<()> {
        let Self {
            clients,
            under_way,
            tell,
            ..
        } = self;
        let count = clients.len();
        let Client { stream, frames } = &mut clients[place];
        frames.feed(bytes, |frame| match frame {
            Frame::Text(text) => {
                hear(under_way, tell, text, now, count);
                Ok(())
            }
            Frame::Ping(text) => stream.write_all(&frame::masked(frame::PONG, text)),
            Frame::Other(opcode) => Err(io::Error::other(format!(
                "the server sent a frame of opcode {opcode} that a benchmark has no use for"
            ))),
        })
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
