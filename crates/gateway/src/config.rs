//! What can be set, with its defaults. Heartbeats, limits and time-outs run in real time, whatever time the market has.

use crate::address::Proxies;
use crate::keeper::Auth;
use crate::tls::Tls;
use crate::visit::Origins;
use market::Time;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Config {
    /// What a pong calls `server_time`.
    pub clock: Clock,
    /// Threads that clients are dealt to, each with a hub of its own.
    pub shards: usize,
    /// Where a hub gives way.
    pub hub: hub::Limits,
    /// Publications that wait for a shard; a publisher waits for room.
    pub publications: usize,
    /// Whether permessage-deflate is agreed to when a client offers it.
    pub compression: bool,
    /// Longest message of a client, in bytes, also when it is inflated, and most fragments of one.
    pub message_bytes: usize,
    pub message_fragments: u16,
    /// Messages, pings and pongs of one client: so many a second, and so many at once.
    pub messages_per_s: u16,
    pub messages_burst: u16,
    /// More messages than this that are not understood within `errors_within` end the connection.
    pub errors: usize,
    pub errors_within: Duration,
    /// Longest HTTP request head, in bytes, and how long it may take.
    pub request_bytes: usize,
    pub request_within: Duration,
    /// Requests that are read at the same time, and upgrades that are made; others wait.
    pub handshakes: usize,
    /// How often a client is pinged; each has its own interval, up to a fifth off.
    pub ping_every: Duration,
    /// A client of which nothing was heard for so long is closed.
    pub silent_for: Duration,
    /// An extended client that was told nothing for so long is told that nothing is missing.
    pub heartbeat_every: Duration,
    /// A client that took no byte for so long, though some waited, is closed.
    pub stalled_for: Duration,
    /// How long a close handshake may take.
    pub close_within: Duration,
    /// When all clients are closed: the time from one close to the next, and the longest for all of them.
    pub drain_each: Duration,
    pub drain_longest: Duration,
    /// TLS on the listener, beside plain HTTP or in its place.
    pub tls: Option<Arc<Tls>>,
    /// Who may come in, and how he says who he is.
    pub auth: Auth,
    /// The pages that may connect.
    pub origins: Origins,
    /// Whose reports of clients' addresses are believed.
    pub proxies: Proxies,
    /// Connections of one address, and of the holder of one key.
    pub connections_per_address: usize,
    pub connections_per_key: usize,
    /// Clients at the same time, of all shards; and connections that are held, when there are as many, to be told to come later.
    pub connections: usize,
    pub parked: usize,
    /// How long one is held, each for a time of its own; so long it is then told to stay away, too.
    pub parked_for: Range<Duration>,
    /// Called with `publish` when a publication is on its way to the shards and with `send` just before bytes are written to
    /// a socket.
    pub probe: fn(&'static str),
}

/// Where the time comes from that clients are told.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Time + Send + Sync>);

impl Clock {
    pub fn new(now: impl Fn() -> Time + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }
    pub(crate) fn now(&self) -> Time {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl Config {
    /// More threads than this only hold the same hub once more.
    pub const SHARDS_MAX: usize = 64;

    /// The defaults.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            shards: cores(),
            hub: hub::Limits::default(),
            publications: 64,
            compression: true,
            message_bytes: 16 * 1024,
            message_fragments: 1024,
            messages_per_s: 10,
            messages_burst: 20,
            errors: 20,
            errors_within: Duration::from_secs(60),
            request_bytes: 16 * 1024,
            request_within: Duration::from_secs(5),
            handshakes: 64,
            ping_every: Duration::from_secs(20),
            silent_for: Duration::from_secs(45),
            heartbeat_every: Duration::from_secs(15),
            stalled_for: Duration::from_secs(10),
            close_within: Duration::from_secs(2),
            drain_each: Duration::from_micros(500),
            drain_longest: Duration::from_secs(30),
            tls: None,
            auth: Auth::default(),
            origins: Origins::default(),
            proxies: Proxies::default(),
            connections_per_address: 256,
            connections_per_key: 64,
            connections: usize::MAX,
            parked: 1024,
            parked_for: Duration::from_secs(5)..Duration::from_secs(30),
            probe: |_| {},
        }
    }

    /// How often deadlines are looked at: no deadline is missed by more than an eighth of the shortest, or by half a
    /// second.
    pub(crate) fn tick(&self) -> Duration {
        let spans = [
            self.auth.within,
            self.auth.grace,
            self.ping_every,
            self.silent_for,
            self.heartbeat_every,
            self.stalled_for,
            self.close_within,
        ];
        let shortest = spans.into_iter().min().unwrap_or_default();
        (shortest / 8).clamp(Duration::from_millis(5), Duration::from_millis(500))
    }
}

/// As many shards as the process may use processors.
fn cores() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(Config::SHARDS_MAX)
}
