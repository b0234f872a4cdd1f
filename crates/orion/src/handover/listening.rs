//! Where the listening socket comes from: bound here, passed by the process before, or made by a service manager (systemd
//! socket activation).

use super::predecessor::{Complaint, Predecessor};
use crate::config::{Config, Flag};
use anyhow::{Context as _, Result, bail, ensure};
use listenfd::ListenFd;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Command;

/// The name that a socket of ORION's has among several (`FileDescriptorName=` of a socket unit).
const NAME: &str = "orion";
/// How the process is told of sockets: their number, and their names.
const COUNT: &str = "LISTEN_FDS";
const NAMES: &str = "LISTEN_FDNAMES";
/// By these the process knows where they begin, and that it is meant.
const FIRST: &str = "LISTEN_FDS_FIRST_FD";
const MEANT: &str = "LISTEN_PID";

/// Connects that may wait to be accepted. The system may allow fewer.
pub(crate) const BACKLOG: i32 = 4096;

/// How this process comes to its listening socket, known before its settings are read.
#[derive(Debug, Default)]
pub enum Entrance {
    /// It binds `server.listen`.
    #[default]
    Bind,
    /// A service manager made it.
    Activated(TcpListener),
    /// Another process serves on it, and hands over.
    HandedOver(Predecessor),
}

/// A socket that is listened on.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) socket: TcpListener,
    /// A service manager made it.
    pub(crate) activated: bool,
    /// Whoever serves on it until now.
    pub(crate) predecessor: Option<Predecessor>,
}

impl Entrance {
    /// What the environment says. Call it once, before any thread is started: it takes what it finds.
    ///
    /// # Errors
    /// When what was passed cannot be used.
    pub fn find() -> Result<Self> {
        if let Some(predecessor) = Predecessor::find()? {
            return Ok(Self::HandedOver(predecessor));
        }
        let names = std::env::var(NAMES).unwrap_or_default();
        let mut passed = ListenFd::from_env();
        if passed.len() == 0 {
            return Ok(Self::Bind);
        }
        let place = place_of(&names, passed.len())?;
        let socket = passed
            .take_tcp_listener(place)
            .context("take the socket that the service manager passed")?
            .context("the service manager passed no socket")?;
        let listens = rustix::net::sockopt::socket_acceptconn(&socket)?;
        ensure!(
            listens,
            "the socket that the service manager passed does not listen: its unit needs ListenStream= and Accept=no"
        );
        Ok(Self::Activated(socket))
    }

    /// The address as the topmost layer of the settings, where a service manager chose it.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn flag(&self) -> Result<Option<Flag>> {
        let socket = match self {
            Self::Activated(socket) => socket,
            Self::HandedOver(predecessor) if predecessor.offer().activated => predecessor.socket(),
            Self::Bind | Self::HandedOver(_) => return Ok(None),
        };
        let address = socket.local_addr().context("look at the passed socket")?;
        Ok(Some(Flag {
            name: COUNT,
            key: "server.listen",
            text: address.to_string(),
        }))
    }

    /// Where to tell that this process cannot start; the process before then goes on.
    ///
    /// # Errors
    /// When the system has no descriptor left.
    pub fn complaint(&self) -> Result<Option<Complaint>> {
        match self {
            Self::HandedOver(predecessor) => predecessor.complaint().map(Some),
            Self::Bind | Self::Activated(_) => Ok(None),
        }
    }

    /// The socket. Whoever connects from now on waits in its queue and is not refused.
    pub(crate) fn listen(self, config: &Config) -> Result<Listening> {
        let wanted = config.server.listen;
        match self {
            Self::Bind => Ok(Listening {
                socket: bind(wanted)?,
                activated: false,
                predecessor: None,
            }),
            Self::Activated(socket) => Ok(Listening {
                socket,
                activated: true,
                predecessor: None,
            }),
            Self::HandedOver(predecessor) => {
                let socket = predecessor.socket().try_clone()?;
                ensure_same(socket.local_addr()?, wanted)?;
                Ok(Listening {
                    socket,
                    activated: predecessor.offer().activated,
                    predecessor: Some(predecessor),
                })
            }
        }
    }
}

/// Passes a socket to a process that will be started, as a service manager does, but as its standard input: where else
/// descriptors are placed cannot be said.
pub(crate) fn give(command: &mut Command, socket: &TcpListener) -> Result<()> {
    let socket = socket.try_clone().context("copy a descriptor")?;
    command
        .env(COUNT, "1")
        .env(FIRST, "0")
        .env_remove(NAMES)
        .env_remove(MEANT)
        .stdin(OwnedFd::from(socket));
    Ok(())
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    let socket = TcpListener::bind(address).with_context(|| {
        format!("listen on {address} (is another server running there? give another address with --listen)")
    })?;
    // What the standard library asks for is too little for all clients of a server that was cut off. To listen again only
    // changes that.
    rustix::net::listen(&socket, BACKLOG).context("make room for connects that wait")?;
    Ok(socket)
}

/// Which of the passed sockets is meant.
fn place_of(names: &str, count: usize) -> Result<usize> {
    if count == 1 {
        return Ok(0);
    }
    let names: Vec<_> = names.split(':').collect();
    let mut places = (0..count).filter(|&place| names.get(place) == Some(&NAME));
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (first, _) => bail!(
            "the service manager passed {count} sockets, of which {} are named {NAME} ({NAMES} is {:?}): \
             give the one for dashboards FileDescriptorName={NAME}",
            if first.is_some() { "several" } else { "none" },
            names.join(":")
        ),
    }
}

/// A hand-over keeps the socket, so it cannot change its address.
fn ensure_same(listening: SocketAddr, wanted: SocketAddr) -> Result<()> {
    let same_port = wanted.port() == 0 || wanted.port() == listening.port();
    ensure!(
        same_port && wanted.ip() == listening.ip(),
        "server.listen is {wanted}, and the running server listens on {listening}: a reload keeps the listening socket; \
         set it back, or end the server and start it again"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_sockets_the_one_with_our_name_is_taken() {
        for (names, count, place) in [
            ("", 1, Ok(0)),
            ("anything", 1, Ok(0)),
            ("admin:orion", 2, Ok(1)),
            ("orion:admin:other", 3, Ok(0)),
            ("admin:other", 2, Err("none are")),
            ("", 2, Err("none are")),
            ("orion:orion", 2, Err("several are")),
        ] {
            match (place_of(names, count), place) {
                (Ok(found), Ok(place)) => assert_eq!(found, place, "{names}"),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().contains(words), "{names}: {error}");
                }
                (found, _) => panic!("{names}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_reload_keeps_the_address() {
        let listening = "127.0.0.1:8080".parse().unwrap();
        for (wanted, same) in [
            ("127.0.0.1:8080", true),
            ("127.0.0.1:0", true),
            ("127.0.0.1:8081", false),
            ("0.0.0.0:8080", false),
            ("[::1]:8080", false),
        ] {
            let found = ensure_same(listening, wanted.parse().unwrap());
            assert_eq!(found.is_ok(), same, "{wanted}");
        }
    }
}
