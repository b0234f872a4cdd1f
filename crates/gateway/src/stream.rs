//! A client's socket after the upgrade, plain or under TLS. It keeps no plaintext: what is sent is sealed straight from the
//! hub's logs, and only what the socket has not taken of a sealed record waits here.

use crate::watched::Watched;
use rustls::ServerConnection;
use socket2::SockRef;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The most that one TLS record holds (RFC 8446 section 5.1); one is made for each send.
const RECORD_BYTES: usize = 16 * 1024;
/// Slices of one send; what is more comes with the next.
const SLICES_MAX: usize = hub::Pending::MAX;

#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    /// In a box: most clients are plain, or come through a proxy that speaks TLS.
    tls: Option<Box<Sealed>>,
}

/// What TLS has agreed on.
#[derive(Debug)]
struct Sealed {
    session: RefCell<ServerConnection>,
    /// Nothing was read yet since it came here: what the client sent with its last words of HTTP may lie in `session`.
    is_new: Cell<bool>,
}

/// What came of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Bytes that were taken of what was given; they are not given again.
    pub(crate) taken: usize,
    /// The socket took bytes, of these or of earlier ones.
    pub(crate) has_moved: bool,
    /// The socket takes no more for now.
    pub(crate) is_full: bool,
}

/// A socket that a shard takes over from the thread that made it.
#[derive(Debug)]
pub(crate) struct Raw {
    tcp: std::net::TcpStream,
    tls: Option<Box<Sealed>>,
}

impl Raw {
    pub(crate) fn plain(tcp: std::net::TcpStream) -> Self {
        Self { tcp, tls: None }
    }

    pub(crate) fn sealed(stream: TlsStream<Watched<TcpStream>>) -> io::Result<Self> {
        let (watched, tls) = stream.into_inner();
        Ok(Self {
            tcp: watched.into_inner().into_std()?,
            tls: Some(Box::new(Sealed {
                session: RefCell::new(tls),
                is_new: Cell::new(true),
            })),
        })
    }
}

impl Stream {
    /// # Errors
    /// When the socket is broken.
    pub(crate) fn new(raw: Raw) -> io::Result<Self> {
        Ok(Self {
            tcp: TcpStream::from_std(raw.tcp)?,
            tls: raw.tls,
        })
    }

    /// Ready once something may be read. Only the latest who asks is woken; asking so, a waiting client holds no more memory
    /// than its place in the queue.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tls = self.tls.as_ref();
        if tls.is_some_and(|tls| tls.is_new.replace(false)) {
            return Poll::Ready(Ok(()));
        }
        self.tcp.poll_read_ready(context)
    }

    pub(crate) fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp.poll_write_ready(context)
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.tcp.writable().await
    }

    /// What the client said; 0 at its end. `WouldBlock` means that nothing is left, neither in the socket nor here.
    pub(crate) fn try_read(&self, scratch: &mut [u8]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read(scratch),
            Some(tls) => self.open_records(&mut tls.session.borrow_mut(), scratch),
        }
    }

    fn open_records(&self, tls: &mut ServerConnection, scratch: &mut [u8]) -> io::Result<usize> {
        loop {
            match tls.reader().read(scratch) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Cut without a word of TLS: the end all the same.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            tls.read_tls(&mut Socket(&self.tcp))?;
            let opened = tls.process_new_packets();
            // Answers of the protocol itself, such as an alert; what the socket does not take now goes with the next send.
            let _later = self.flush(tls);
            opened.map_err(io::Error::other)?;
        }
    }

    /// Sends as much as the socket takes at once.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn send(&self, due: &[&[u8]]) -> io::Result<Sent> {
        match &self.tls {
            None => self.send_plain(due),
            Some(tls) => self.seal(&mut tls.session.borrow_mut(), due),
        }
    }

    fn send_plain(&self, due: &[&[u8]]) -> io::Result<Sent> {
        let written = match due {
            [only] => self.tcp.try_write(only),
            _ => {
                let (slices, count) = slices(due, usize::MAX);
                self.tcp.try_write_vectored(&slices[..count])
            }
        };
        match written {
            Ok(taken) => Ok(Sent {
                taken,
                has_moved: true,
                is_full: false,
            }),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Sent {
                taken: 0,
                has_moved: false,
                is_full: true,
            }),
            Err(error) => Err(error),
        }
    }

    /// One record, once the one before it is out.
    fn seal(&self, tls: &mut ServerConnection, due: &[&[u8]]) -> io::Result<Sent> {
        let mut sent = self.flush(tls)?;
        if !sent.is_full && !due.is_empty() {
            let (slices, count) = slices(due, RECORD_BYTES);
            let taken = tls.writer().write_vectored(&slices[..count])?;
            let flushed = self.flush(tls)?;
            sent = Sent {
                taken,
                has_moved: sent.has_moved || flushed.has_moved,
                is_full: flushed.is_full,
            };
        }
        Ok(sent)
    }

    /// What is sealed and not sent yet.
    fn flush(&self, tls: &mut ServerConnection) -> io::Result<Sent> {
        let mut sent = Sent {
            taken: 0,
            has_moved: false,
            is_full: false,
        };
        while tls.wants_write() {
            match tls.write_tls(&mut Socket(&self.tcp)) {
                Ok(_) => sent.has_moved = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    sent.is_full = true;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    /// Whether sealed bytes wait for the socket.
    pub(crate) fn has_unsent(&self) -> bool {
        let tls = self.tls.as_ref();
        tls.is_some_and(|tls| tls.session.borrow().wants_write())
    }

    /// Nothing more will be sent; what the client still says can be read.
    pub(crate) fn finish(&self) {
        self.notify_close();
        let _gone = SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }

    /// The end, at once.
    pub(crate) fn close(&self) {
        self.notify_close();
        let _gone = SockRef::from(&self.tcp).shutdown(Shutdown::Both);
    }

    /// The end will be a reset, and what lies in the kernel unsent is let go.
    pub(crate) fn forget_unsent(&self) {
        let _gone = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
    }

    /// TLS ends with a word of its own, so that a cut can be told from it (RFC 8446 section 6.1).
    fn notify_close(&self) {
        if let Some(tls) = &self.tls {
            let mut tls = tls.session.borrow_mut();
            tls.send_close_notify();
            let _gone = self.flush(&mut tls);
        }
    }
}

/// As much of it as `most` bytes, in the form that the system takes.
fn slices<'a>(due: &[&'a [u8]], mut most: usize) -> ([IoSlice<'a>; SLICES_MAX], usize) {
    let mut slices = [IoSlice::new(&[]); SLICES_MAX];
    let mut count = 0;
    for (slice, bytes) in slices.iter_mut().zip(due) {
        if most == 0 {
            break;
        }
        let part = &bytes[..bytes.len().min(most)];
        most -= part.len();
        *slice = IoSlice::new(part);
        count += 1;
    }
    (slices, count)
}

/// A socket as rustls wants it: it never waits.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            // One record, as nearly always: this call costs less.
            [only] => self.0.try_write(only),
            _ => self.0.try_write_vectored(slices),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
