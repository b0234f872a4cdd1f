//! The link: a pair of sockets between the old process and the new one, for words and for the listening socket itself.

use super::words::Word;
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream as Blocking;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// A descriptor travels beside a byte.
const SOCKET: u8 = b'S';
const READ_BYTES: usize = 16 * 1024;

/// One end, within a runtime.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    heard: Vec<u8>,
}

impl Link {
    pub(super) fn new(stream: Blocking) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            heard: Vec::new(),
        })
    }

    pub(super) async fn tell(&mut self, word: &Word) -> io::Result<()> {
        self.stream.write_all(&word.to_frame()?).await
    }

    /// The next word; `None` when the other process has ended. May be dropped and called again.
    pub(super) async fn hear(&mut self) -> io::Result<Option<Word>> {
        loop {
            if let Some(word) = Word::take(&mut self.heard)? {
                return Ok(Some(word));
            }
            self.heard.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// For who only tells any more.
    pub(super) fn into_stream(self) -> UnixStream {
        self.stream
    }
}

/// The next word, before there is a runtime.
pub(super) fn hear(stream: &mut Blocking) -> io::Result<Word> {
    let mut heard = Vec::new();
    loop {
        if let Some(word) = Word::take(&mut heard)? {
            return Ok(word);
        }
        // Byte by byte: what comes behind the word is not taken.
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        heard.extend(byte);
    }
}

/// Says a word, after the runtime.
pub(super) fn tell(mut stream: &Blocking, word: &Word) -> io::Result<()> {
    stream.write_all(&word.to_frame()?)
}

/// Passes the listening socket to the other process: it gets a descriptor of its own for the same socket, with the same
/// queue of who waits to be accepted.
pub(super) fn send_socket(stream: &Blocking, socket: &TcpListener) -> io::Result<()> {
    let rights = [socket.as_fd()];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    beside.push(SendAncillaryMessage::ScmRights(&rights));
    sendmsg(
        stream,
        &[IoSlice::new(&[SOCKET])],
        &mut beside,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Takes what [`send_socket`] passed.
pub(super) fn receive_socket(stream: &Blocking) -> io::Result<TcpListener> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut byte)],
        &mut beside,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let socket = beside.drain().find_map(first_of);
    match socket {
        Some(socket) if byte == [SOCKET] => Ok(socket.into()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no listening socket came over the link",
        )),
    }
}

fn first_of(message: RecvAncillaryMessage<'_>) -> Option<OwnedFd> {
    if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
        descriptors.next()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    #[test]
    fn a_listening_socket_goes_over_with_who_waits_on_it() {
        let (ours, theirs) = Blocking::pair().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = TcpStream::connect(address).unwrap();
        waiting.write_all(b"early").unwrap();

        send_socket(&ours, &listener).unwrap();
        drop(listener);
        let taken = receive_socket(&theirs).unwrap();
        assert_eq!(taken.local_addr().unwrap(), address);
        let (mut accepted, peer) = taken.accept().unwrap();
        assert_eq!(peer, waiting.local_addr().unwrap());
        let mut early = [0; 5];
        accepted.read_exact(&mut early).unwrap();
        assert_eq!(&early, b"early");
    }

    #[test]
    fn a_byte_without_a_socket_is_refused() {
        let (mut ours, theirs) = Blocking::pair().unwrap();
        ours.write_all(&[SOCKET]).unwrap();
        let error = receive_socket(&theirs).unwrap_err();
        assert_eq!(error.to_string(), "no listening socket came over the link");
    }

    #[tokio::test]
    async fn words_go_both_ways_and_the_end_is_heard() {
        let (ours, theirs) = Blocking::pair().unwrap();
        tell(&ours, &Word::Ready).unwrap();
        let mut old = Link::new(ours).unwrap();
        let mut new = theirs;
        assert_eq!(hear(&mut new).unwrap(), Word::Ready);
        tell(&new, &Word::Go).unwrap();
        tell(&new, &Word::Serving).unwrap();
        drop(new);
        assert_eq!(old.hear().await.unwrap(), Some(Word::Go));
        assert_eq!(old.hear().await.unwrap(), Some(Word::Serving));
        assert_eq!(old.hear().await.unwrap(), None);
    }
}
