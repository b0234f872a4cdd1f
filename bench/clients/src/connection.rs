//! One client, driven by the readiness of its socket: it connects, upgrades, subscribes, and hands on what it hears. It
//! answers pings and Closes by itself and never waits.

use crate::frame::{self, Frame, Frames};
use crate::stream::{Stream, Tls};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::SockRef;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

/// The key of RFC 6455, section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// RFC 6455 section 7.4.1: the purpose of the connection is fulfilled.
const CODE_NORMAL: u16 = 1000;

#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: SocketAddr,
    state: State,
    frames: Frames,
    /// What is said once the connection is open.
    subscribe: Option<&'static str>,
}

#[derive(Debug)]
enum State {
    Connecting,
    /// The request is out; so much of the answer's head is here.
    Upgrading(Vec<u8>),
    Open,
    /// A Close is out.
    Closing,
}

/// What comes to an open connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    Text(&'a [u8]),
    /// The server's Close.
    Close,
    /// Nothing comes any more.
    End,
}

impl Connection {
    /// Begins to connect, under TLS where that is given. `subscribe` is said as soon as the upgrade is through.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn begin(
        address: SocketAddr,
        subscribe: Option<&'static str>,
        tls: Option<&Tls>,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::new(TcpStream::connect(address)?, tls)?,
            address,
            state: State::Connecting,
            frames: Frames::default(),
            subscribe,
        })
    }

    /// Makes the system tell of its readiness under this token.
    ///
    /// # Errors
    /// When the system cannot watch it.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.stream.tcp, token, interest)
    }

    /// From now on nothing is told of it, and what is sent to it stays in the kernel.
    ///
    /// # Errors
    /// When it was not registered.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.stream.tcp)
    }

    /// Whether it is upgraded and not yet closing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// The client's own end of it.
    ///
    /// # Errors
    /// When it is not connected.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.stream.tcp.local_addr()
    }

    /// Does what can be done now and hands what was heard to `take`.
    ///
    /// # Errors
    /// When the connection is refused, lost or answered in a way that a benchmark has no use for.
    pub fn turn(
        &mut self,
        event: &Event,
        scratch: &mut [u8],
        take: impl FnMut(Incoming<'_>),
    ) -> io::Result<()> {
        if let State::Connecting = self.state {
            self.ask()?;
        }
        if event.is_readable() || event.is_read_closed() {
            self.read(event.is_read_closed(), scratch, take)?;
        }
        Ok(())
    }

    /// Begins the close handshake.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn close(&mut self) -> io::Result<()> {
        self.state = State::Closing;
        let payload = CODE_NORMAL.to_be_bytes();
        self.stream
            .write_all(&frame::masked(frame::CLOSE, &payload))
    }

    /// Ends it with a reset, as a phone that loses its network.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn cut(self) -> io::Result<()> {
        SockRef::from(&self.stream.tcp).set_linger(Some(Duration::ZERO))
    }

    fn ask(&mut self) -> io::Result<()> {
        if let Some(error) = self.stream.tcp.take_error()? {
            return Err(error);
        }
        self.stream.tcp.set_nodelay(true)?;
        let request = format!(
            "GET /ws/signals HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n",
            self.address
        );
        self.stream.write_all(request.as_bytes())?;
        self.state = State::Upgrading(Vec::new());
        Ok(())
    }

    /// Takes all that lies in the socket. A read that does not fill the room has emptied it.
    fn read(
        &mut self,
        to_the_end: bool,
        scratch: &mut [u8],
        mut take: impl FnMut(Incoming<'_>),
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => {
                    take(Incoming::End);
                    return Ok(());
                }
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            self.hear(&scratch[..count], &mut take)?;
            if count < scratch.len() && !to_the_end && self.stream.is_plain() {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, bytes: &[u8], take: &mut impl FnMut(Incoming<'_>)) -> io::Result<()> {
        let State::Upgrading(head) = &mut self.state else {
            return self.hear_frames(bytes, take);
        };
        head.extend_from_slice(bytes);
        let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(());
        };
        let behind = head.split_off(end + 4);
        check_answer(head)?;
        self.state = State::Open;
        if let Some(subscribe) = self.subscribe {
            let frame = frame::masked(frame::TEXT, subscribe.as_bytes());
            self.stream.write_all(&frame)?;
        }
        self.hear_frames(&behind, take)
    }

    fn hear_frames(&mut self, bytes: &[u8], take: &mut impl FnMut(Incoming<'_>)) -> io::Result<()> {
        let Self {
            stream,
            state,
            frames,
            ..
        } = self;
        frames.feed(bytes, |frame| match frame {
            Frame::Text(text) => {
                take(Incoming::Text(text));
                Ok(())
            }
            Frame::Ping(payload) => stream.write_all(&frame::masked(frame::PONG, payload)),
            Frame::Close(payload) => {
                take(Incoming::Close);
                answer_close(stream, state, payload)
            }
            Frame::Other(opcode) => Err(io::Error::other(format!(
                "the server sent a frame of opcode {opcode} that a benchmark has no use for"
            ))),
        })
    }
}

/// Both Closes are through once ours is out; the end is the server's to make, but not every server does.
fn answer_close(stream: &mut Stream, state: &mut State, payload: &[u8]) -> io::Result<()> {
    if !matches!(state, State::Closing) {
        *state = State::Closing;
        stream.write_all(&frame::masked(frame::CLOSE, payload))?;
    }
    stream.tcp.shutdown(Shutdown::Write)
}

fn check_answer(head: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(head);
    if text.starts_with("HTTP/1.1 101") && text.contains(ACCEPT) {
        return Ok(());
    }
    Err(io::Error::other(format!("the upgrade failed: {text}")))
}
