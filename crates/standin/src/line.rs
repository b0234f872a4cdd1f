//! The line between a client and a server of loopback, as bad as a test wishes: cut, stalled and healed, for any protocol
//! over TCP. What a vendor does wrong by itself is said to the vendor.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are carried at once.
const PIECE_BYTES: usize = 16 * 1024;
/// Connects that may wait for the line.
const BACKLOG: u32 = 1024;

/// What becomes of connections, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    /// They stay open, and not a byte comes through.
    Stalled,
    /// What clients send arrives, and no answer comes back.
    Mute,
    /// New ones are refused; those that are there go on.
    Shut,
    /// New ones are refused, and those that were there are over.
    Cut,
}

impl State {
    fn lets_in(self) -> bool {
        match self {
            Self::Whole | Self::Stalled | Self::Mute => true,
            Self::Shut | Self::Cut => false,
        }
    }

    fn carries(self, way: Way) -> bool {
        match self {
            Self::Whole | Self::Shut => true,
            Self::Mute => way == Way::Up,
            Self::Stalled | Self::Cut => false,
        }
    }
}

/// From the client to the server, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// A line. It ends, and all that goes over it, when this is dropped.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    state: watch::Sender<State>,
    /// Where it leads, once that is known.
    to: watch::Sender<Option<SocketAddr>>,
    /// Has the port also while nobody listens, so that it is nobody else's when the line is whole again.
    _reserved: TcpSocket,
    _task: JoinSet<()>,
}

impl Line {
    /// A whole line that leads nowhere yet: whoever connects is let in and waits.
    ///
    /// # Errors
    /// When no port of loopback can be had.
    pub fn start() -> io::Result<Self> {
        let reserved = socket(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = reserved.local_addr()?;
        let (state, to) = (watch::Sender::new(State::Whole), watch::Sender::new(None));
        let listener = socket(address)?.listen(BACKLOG)?;
        let mut task = JoinSet::new();
        task.spawn(keep(listener, address, state.subscribe(), to.subscribe()));
        Ok(Self {
            address,
            state,
            to,
            _reserved: reserved,
            _task: task,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says who stands at the other end.
    pub fn lead(&self, to: SocketAddr) {
        self.to.send_replace(Some(to));
    }

    /// Breaks every connection, and refuses new ones from now on.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Refuses new connections from now on; those that are there go on.
    pub fn shut(&self) {
        self.state.send_replace(State::Shut);
    }

    /// Leaves every connection open, takes new ones, and lets nothing through.
    pub fn stall(&self) {
        self.state.send_replace(State::Stalled);
    }

    /// Takes what clients send, and keeps the answers back.
    pub fn mute(&self) {
        self.state.send_replace(State::Mute);
    }

    /// Lets everything through again, first what waited.
    pub fn heal(&self) {
        self.state.send_replace(State::Whole);
    }
}

/// A socket of a port that several may have: one reserves it, one listens.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Listens while the line lets anybody in.
async fn keep(
    mut listener: TcpListener,
    address: SocketAddr,
    mut state: watch::Receiver<State>,
    to: watch::Receiver<Option<SocketAddr>>,
) {
    // Connections end with this set, when the task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let carried = state.clone();
        tokio::select! {
            // Who came before it was shut is in.
            biased;
            () = let_in(&listener, &mut connections, &carried, &to) => return,
            _ = state.wait_for(|state| !state.lets_in()) => {}
        }
        // Where nobody listens, connects are refused.
        drop(listener);
        if state.wait_for(|state| state.lets_in()).await.is_err() {
            return;
        }
        listener = match socket(address).and_then(|socket| socket.listen(BACKLOG)) {
            Ok(listener) => listener,
            Err(_) => return,
        };
    }
}

async fn let_in(
    listener: &TcpListener,
    connections: &mut JoinSet<()>,
    state: &watch::Receiver<State>,
    to: &watch::Receiver<Option<SocketAddr>>,
) {
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(carry(client, state.clone(), to.clone()));
    }
}

async fn carry(
    mut client: TcpStream,
    mut state: watch::Receiver<State>,
    mut to: watch::Receiver<Option<SocketAddr>>,
) {
    let (up, down) = (state.clone(), state.clone());
    let carried = async {
        let Some(to) = to.wait_for(Option::is_some).await.ok().and_then(|to| *to) else {
            return;
        };
        let Ok(mut server) = TcpStream::connect(to).await else {
            return;
        };
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            () = copy(from_client, to_server, up, Way::Up) => {}
            () = copy(from_server, to_client, down, Way::Down) => {}
        }
    };
    tokio::select! {
        () = carried => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Copies until one end closes.
async fn copy(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
    way: Way,
) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let is_there = state.wait_for(|state| state.carries(way)).await.is_ok();
        if !is_there || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
