//! Hostile clients, each kind on a thread of its own. Each of them does its worst once a second, and comes again when it is
//! thrown out.

use anyhow::{Context as _, Result};
use flate2::{Compress, Compression, FlushCompress};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What a hostile client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The head of its request, a byte at a time.
    SlowHead,
    /// A frame, a byte at a time.
    SlowFrame,
    Pings,
    /// A message of some KiB that inflates to some MiB.
    Bomb,
}

const KINDS: [Kind; 4] = [Kind::SlowHead, Kind::SlowFrame, Kind::Pings, Kind::Bomb];
const REQUEST: &[u8] =
    b"GET /ws/signals HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
/// A text of 100 bytes, masked with zeros.
const FRAME: [u8; 6] = [0x81, 0x80 | 100, 0, 0, 0, 0];
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
const PINGS: usize = 200;
const BOMB_BYTES: usize = 8 << 20;
const EVERY: Duration = Duration::from_secs(1);
/// A server that does not let it in at once is tried again with the next turn.
const PATIENCE: Duration = Duration::from_millis(200);

pub struct Attack {
    is_over: Arc<AtomicBool>,
    acts: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Attack {
    /// `count` of them, evenly of each kind.
    pub fn begin(address: SocketAddr, count: usize) -> Self {
        let (is_over, acts) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let threads = KINDS.map(|kind| {
            let (is_over, acts) = (Arc::clone(&is_over), Arc::clone(&acts));
            thread::spawn(move || attack(kind, address, count / KINDS.len(), &is_over, &acts))
        });
        Self {
            is_over,
            acts,
            threads: threads.into(),
        }
    }

    /// How often they did their worst.
    ///
    /// # Errors
    /// When a thread of them broke.
    pub fn end(self) -> Result<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let joined = thread.join();
            joined.ok().context("the thread of an attack broke")?;
        }
        Ok(self.acts.load(Ordering::Relaxed))
    }
}

fn attack(kind: Kind, address: SocketAddr, count: usize, is_over: &AtomicBool, acts: &AtomicU64) {
    let bomb = bomb();
    let mut attackers: Vec<Option<Attacker>> = (0..count).map(|_| None).collect();
    while !is_over.load(Ordering::Relaxed) {
        let turn = Instant::now();
        for attacker in &mut attackers {
            let acted = match attacker {
                Some(attacker) => attacker.act(kind, &bomb),
                None => Attacker::come(kind, address).map(|come| *attacker = Some(come)),
            };
            match acted {
                Ok(()) => drop(acts.fetch_add(1, Ordering::Relaxed)),
                Err(_thrown_out) => *attacker = None,
            }
            // Spread over the second.
            thread::sleep((EVERY / count.max(1) as u32).saturating_sub(PAUSED));
        }
        thread::sleep(EVERY.saturating_sub(turn.elapsed()));
    }
}

/// What a sleep takes longer than it is told.
const PAUSED: Duration = Duration::from_micros(100);

struct Attacker {
    stream: TcpStream,
    sent: usize,
}

impl Attacker {
    fn come(kind: Kind, address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        if kind != Kind::SlowHead {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(REQUEST)?;
            let mut head = [0; 1024];
            let length = stream.read(&mut head)?;
            if !head[..length].starts_with(b"HTTP/1.1 101") {
                return Err(ErrorKind::ConnectionRefused.into());
            }
        }
        stream.set_nonblocking(true)?;
        Ok(Self { stream, sent: 0 })
    }

    fn act(&mut self, kind: Kind, bomb: &[u8]) -> io::Result<()> {
        self.read_away()?;
        let written = match kind {
            Kind::SlowHead => self
                .stream
                .write(&REQUEST[self.sent % REQUEST.len()..][..1]),
            Kind::SlowFrame => {
                let byte = FRAME.get(self.sent).copied().unwrap_or(b'x');
                self.stream.write(&[byte])
            }
            Kind::Pings => self.stream.write(&PING.repeat(PINGS)),
            Kind::Bomb => self.stream.write(bomb),
        };
        self.sent += 1;
        would_block_is_fine(written.map(drop))
    }

    fn read_away(&mut self) -> io::Result<()> {
        let mut scratch = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut scratch) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) => return would_block_is_fine(Err(error)),
            }
        }
    }
}

fn would_block_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
        other => other,
    }
}

/// A frame of a compressed text, masked with zeros.
fn bomb() -> Vec<u8> {
    let mut payload = Vec::with_capacity(BOMB_BYTES / 100);
    let text = vec![b' '; BOMB_BYTES];
    Compress::new(Compression::best(), false)
        .compress_vec(&text, &mut payload, FlushCompress::Finish)
        .expect("there is room");
    let length = u16::try_from(payload.len()).expect("it is small");
    let mut frame = vec![0xC1, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}
