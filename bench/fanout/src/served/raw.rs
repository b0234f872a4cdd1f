//! The floor: one thread, one epoll, and as little as can be done between the timetable and `send`. It checks nothing,
//! bounds nothing and is no server anybody should run.

use super::{follow, say_open};
use crate::machine;
use crate::message::Message;
use crate::pace::Pace;
use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use sha1::{Digest as _, Sha1};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// How often it sends.
#[derive(Clone, Copy, Debug)]
pub enum Sends {
    /// Once per client for all that is due.
    All,
    /// Once per client and message.
    Each,
}

const LISTENER: Token = Token(usize::MAX - 1);
const TIMER: Token = Token(usize::MAX - 2);
const WAKER: Token = Token(usize::MAX - 3);
/// RFC 6455 section 1.3.
const ACCEPT_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const OPCODE_CLOSE: u8 = 8;

struct Raw {
    sends: Sends,
    poll: Poll,
    listener: TcpListener,
    timer: OwnedFd,
    paces: Receiver<Pace>,
    pace: Option<Pace>,
    /// Bursts that were published.
    published: u64,
    clients: Vec<Option<Client>>,
    free: Vec<usize>,
    scratch: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// What has come of the request; nothing once it is answered.
    request: Option<Vec<u8>>,
    /// What the kernel did not take.
    behind: Vec<u8>,
}

pub fn serve(sends: Sends) -> Result<()> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).context("listen")?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK)?;
    poll.registry()
        .register(&mut SourceFd(&timer.as_raw_fd()), TIMER, Interest::READABLE)?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let (tell, paces) = channel();
    thread::spawn(move || {
        follow(|pace| {
            // Both fail only when the server ends.
            let _told = tell.send(pace);
            let _woken = waker.wake();
        })
    });
    say_open(listener.local_addr()?);
    Raw {
        sends,
        poll,
        listener,
        timer,
        paces,
        pace: None,
        published: 0,
        clients: Vec::new(),
        free: Vec::new(),
        scratch: vec![0; 16 * 1024],
    }
    .run()
}

impl Raw {
    fn run(mut self) -> Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    TIMER => self.publish()?,
                    WAKER => self.begin()?,
                    Token(place) => self.turn(place, event),
                }
            }
        }
    }

    fn begin(&mut self) -> Result<()> {
        if let Ok(pace) = self.paces.try_recv() {
            (self.pace, self.published) = (Some(pace), 0);
            self.wake_at(pace.start)?;
        }
        Ok(())
    }

    fn wake_at(&self, nanos: u64) -> Result<()> {
        let at = Itimerspec {
            it_interval: timespec(0),
            it_value: timespec(nanos),
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &at)?;
        Ok(())
    }

    fn publish(&mut self) -> Result<()> {
        let Some(pace) = self.pace else { return Ok(()) };
        let due = pace.due_by(machine::now());
        let messages = pace.messages_of(self.published..due);
        let frames: Vec<_> = messages.map(|message| frame(&message)).collect();
        match self.sends {
            Sends::All => self.send(&frames.concat()),
            Sends::Each => frames.iter().for_each(|frame| self.send(frame)),
        }
        self.published = due;
        if due < pace.count {
            self.wake_at(pace.due_at(due))?;
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) {
        for place in 0..self.clients.len() {
            let sent = self.clients[place]
                .as_mut()
                .map(|client| client.send(bytes));
            if let Some(Err(_)) = sent {
                self.leave(place);
            }
        }
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept"),
            };
            stream.set_nodelay(true)?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.clients.push(None);
                self.clients.len() - 1
            });
            self.poll.registry().register(
                &mut stream,
                Token(place),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.clients[place] = Some(Client {
                stream,
                request: Some(Vec::new()),
                behind: Vec::new(),
            });
        }
    }

    fn turn(&mut self, place: usize, event: &Event) {
        // It may have left while its event waited.
        let Some(client) = &mut self.clients[place] else {
            return;
        };
        let turned = client.turn(event, &mut self.scratch);
        if !matches!(turned, Ok(ControlFlow::Continue(()))) {
            self.leave(place);
        }
    }

    fn leave(&mut self, place: usize) {
        self.clients[place] = None;
        self.free.push(place);
    }
}

impl Client {
    fn turn(&mut self, event: &Event, scratch: &mut [u8]) -> io::Result<ControlFlow<()>> {
        if event.is_writable() && !self.behind.is_empty() {
            self.send(&[])?;
        }
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Ok(ControlFlow::Break(())),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(ControlFlow::Continue(()));
                }
                Err(error) => return Err(error),
            };
            if self.hear(&scratch[..count])?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) -> io::Result<ControlFlow<()>> {
        match &mut self.request {
            Some(request) => {
                request.extend_from_slice(bytes);
                if request.ends_with(b"\r\n\r\n") {
                    let answer = answer(request);
                    self.request = None;
                    self.stream.write_all(answer.as_bytes())?;
                }
            }
            None if has_close(bytes) => {
                self.stream.write_all(&[0x80 | OPCODE_CLOSE, 0])?;
                return Ok(ControlFlow::Break(()));
            }
            None => {}
        }
        Ok(ControlFlow::Continue(()))
    }

    /// One `send`, if nothing waits already; the kernel's leavings wait for it to be ready again.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.request.is_some() {
            return Ok(());
        }
        if self.behind.is_empty() {
            let taken = written(self.stream.write(bytes))?;
            self.behind.extend_from_slice(&bytes[taken..]);
        } else {
            self.behind.extend_from_slice(bytes);
            let taken = written(self.stream.write(&self.behind))?;
            self.behind.drain(..taken);
        }
        Ok(())
    }
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

fn frame(message: &Message) -> Vec<u8> {
    let text = message.text();
    let length = u16::try_from(text.len()).expect("a message is short");
    let mut frame = vec![0x81, 126];
    frame.extend(length.to_be_bytes());
    frame.extend(text.as_bytes());
    frame
}

fn answer(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let key = text
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let digest = Sha1::new()
        .chain_update(key.unwrap_or_default())
        .chain_update(ACCEPT_GUID)
        .finalize();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        STANDARD.encode(digest)
    )
}

/// Whether one of a client's short frames is a Close.
fn has_close(mut bytes: &[u8]) -> bool {
    while let [first, length, ..] = *bytes {
        if first & 0xF == OPCODE_CLOSE {
            return true;
        }
        const MASK_BYTES: usize = 4;
        let end = 2 + MASK_BYTES + usize::from(length & 0x7F);
        bytes = bytes.get(end..).unwrap_or_default();
    }
    false
}

fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: (nanos / 1_000_000_000) as i64,
        tv_nsec: (nanos % 1_000_000_000) as i64,
    }
}
