//! Connections that the server makes to itself, for clients of another protocol: what they are told, and what they may, is
//! decided where it is for everybody else.

use crate::door::{Arriving, Door, WayIn};
use crate::unix;
use socket2::SockRef;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::WeakSender;

/// Where such connections are made. It keeps no gateway alive, and none from stopping.
#[derive(Clone, Debug)]
pub struct Inside {
    door: Weak<Door>,
    arriving: WeakSender<Infallible>,
}

impl Inside {
    pub(crate) fn new(door: &Arc<Door>, arriving: &Arriving) -> Self {
        Self {
            door: Arc::downgrade(door),
            arriving: arriving.downgrade(),
        }
    }

    /// A connection on which the gateway waits for a request, as if `peer` had made it; plain, also where TLS is asked of
    /// others. Both ends are sockets of this machine, since that is what clients' threads read and write.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotConnected`] when the gateway takes nobody any more, or when no sockets can be had.
    pub async fn connect(&self, peer: SocketAddr) -> io::Result<TcpStream> {
        let ended = || {
            io::Error::new(
                io::ErrorKind::NotConnected,
                "the gateway takes nobody any more",
            )
        };
        let door = self.door.upgrade().ok_or_else(ended)?;
        let arriving = self.arriving.upgrade().ok_or_else(ended)?;
        let (ours, theirs) = pair().await?;
        tokio::spawn(door.connection(theirs, peer, WayIn::Inside, arriving));
        Ok(ours)
    }
}

/// Two ends of one connection.
async fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ours = TcpStream::connect(listener.local_addr()?).await?;
    let (theirs, whose) = listener.accept().await?;
    if whose != ours.local_addr()? {
        return Err(io::Error::other(
            "another program of this machine took the connection",
        ));
    }
    ours.set_nodelay(true)?;
    unix::tune(SockRef::from(&theirs))?;
    Ok((ours, theirs))
}
