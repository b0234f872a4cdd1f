//! The scenarios, as values in a table: who is measured, doing what, and what ORION must show. A new row of the table is a
//! value here; a new way of measuring is a [`Kind`] and its function in `measure/`.

use crate::figure::Figure;
use crate::server::{
    AXUM, NODE, ORION, ORION_TLS, ORION_WITHOUT_LOG, PYTHON, RAW, RAW_EACH, Server, UWEBSOCKETS,
};

#[derive(Debug)]
pub struct Scenario {
    /// As it is called on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub kind: Kind,
    pub servers: &'static [Server],
    /// How often each rival is measured, turn by turn.
    pub rounds: usize,
    pub judged: Judged,
    /// The columns of its table.
    pub shown: &'static [Figure],
    pub targets: &'static [Target],
}

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Stream(Stream),
    /// Subscribed clients to whom nothing is published.
    Idle {
        clients: usize,
    },
    /// Open, upgrade, close.
    Handshakes {
        count: usize,
    },
    Stopped(Stopped),
    Hostile(Hostile),
    Storm(Storm),
}

/// Everything is published to everybody, and nobody is slow.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub clients: usize,
    pub period_ms: u64,
    pub burst: u64,
    /// How long is measured, after a second that is not.
    pub seconds: u64,
}

/// Some of the clients stop reading.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    pub clients: usize,
    /// One of so many stops.
    pub one_of: usize,
    pub period_ms: u64,
    pub burst: u64,
    /// How long it is measured before they stop...
    pub seconds_before: u64,
    /// ... and at most after.
    pub seconds: u64,
}

/// Some of the clients are hostile.
#[derive(Clone, Copy, Debug)]
pub struct Hostile {
    pub clients: usize,
    /// One of so many is.
    pub one_of: usize,
    pub period_ms: u64,
    pub burst: u64,
    pub seconds_before: u64,
    /// Under attack, before it is measured.
    pub seconds_to_settle: u64,
    pub seconds: u64,
}

/// All clients are cut at once and come back, while seven prices are published each second.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    pub clients: usize,
    pub back_within_s: u64,
}

/// What of several runs counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    Best,
    Median,
}

/// Something ORION must show.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub figure: Figure,
    /// The bound is a ratio to this server's figure.
    pub against: Option<Server>,
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Whole,
    /// A round of each, shorter, of the rivals only.
    Quick,
    /// Next to nothing, to see that it runs.
    Tiny,
}

const fn at_most(figure: Figure, bound: f64) -> Target {
    Target {
        figure,
        against: None,
        bound: Bound::AtMost(bound),
    }
}

const fn at_least(figure: Figure, bound: f64) -> Target {
    Target {
        figure,
        against: None,
        bound: Bound::AtLeast(bound),
    }
}

const fn ratio(figure: Figure, against: Server, bound: f64) -> Target {
    Target {
        figure,
        against: Some(against),
        bound: Bound::AtMost(bound),
    }
}

const STREAMS: &[Figure] = &[
    Figure::DeliveryCpu,
    Figure::Delivered,
    Figure::Missing,
    Figure::Last,
    Figure::P50,
    Figure::P99,
    Figure::Max,
    Figure::ServerBusy,
    Figure::LoadBusy,
];
const EVERYBODY: &[Server] = &[ORION, RAW, UWEBSOCKETS, RAW_EACH, AXUM, NODE, PYTHON];

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "full",
        title: "1,000 clients x 1,000 messages/s: a full core",
        kind: Kind::Stream(Stream {
            clients: 1000,
            period_ms: 1,
            burst: 1,
            seconds: 5,
        }),
        servers: EVERYBODY,
        rounds: 3,
        judged: Judged::Best,
        shown: STREAMS,
        targets: &[
            at_least(Figure::Delivered, 990.0),
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, RAW, 0.6),
            ratio(Figure::DeliveryCpu, UWEBSOCKETS, 0.6),
            at_most(Figure::P99, 40.0),
        ],
    },
    Scenario {
        name: "bursts",
        title: "1,000 clients, bursts of 10, 50 a second: what a delivery costs when the core is not full",
        kind: Kind::Stream(Stream {
            clients: 1000,
            period_ms: 20,
            burst: 10,
            seconds: 5,
        }),
        servers: EVERYBODY,
        rounds: 5,
        judged: Judged::Median,
        shown: STREAMS,
        targets: &[
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, RAW, 1.0),
            ratio(Figure::DeliveryCpu, UWEBSOCKETS, 1.0),
        ],
    },
    Scenario {
        name: "wide",
        title: "10,000 clients x 100 messages/s",
        kind: Kind::Stream(Stream {
            clients: 10_000,
            period_ms: 10,
            burst: 1,
            seconds: 5,
        }),
        servers: EVERYBODY,
        rounds: 3,
        judged: Judged::Best,
        shown: STREAMS,
        targets: &[
            at_least(Figure::Delivered, 99.0),
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, RAW, 0.8),
        ],
    },
    Scenario {
        name: "ticks",
        title: "5,000 clients, seven prices in a burst each second: ORION's real shape",
        kind: Kind::Stream(Stream {
            clients: 5000,
            period_ms: 1000,
            burst: 7,
            seconds: 10,
        }),
        servers: EVERYBODY,
        rounds: 5,
        judged: Judged::Median,
        shown: STREAMS,
        targets: &[
            at_most(Figure::Missing, 0.0),
            ratio(Figure::Last, RAW, 1.0),
            ratio(Figure::Last, UWEBSOCKETS, 1.0),
            ratio(Figure::Last, AXUM, 0.15),
            ratio(Figure::DeliveryCpu, RAW, 1.0),
            ratio(Figure::DeliveryCpu, UWEBSOCKETS, 0.9),
            ratio(Figure::DeliveryCpu, AXUM, 0.15),
        ],
    },
    Scenario {
        name: "apart",
        title: "1,000 clients x 100 messages/s: nothing to merge",
        kind: Kind::Stream(Stream {
            clients: 1000,
            period_ms: 10,
            burst: 1,
            seconds: 5,
        }),
        servers: EVERYBODY,
        rounds: 3,
        judged: Judged::Best,
        shown: STREAMS,
        targets: &[
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, RAW_EACH, 0.85),
            ratio(Figure::DeliveryCpu, UWEBSOCKETS, 0.85),
        ],
    },
    Scenario {
        name: "idle",
        title: "memory of 5,000 clients that came in a flood, subscribed, and hear nothing",
        kind: Kind::Idle { clients: 5000 },
        servers: EVERYBODY,
        rounds: 3,
        judged: Judged::Best,
        shown: &[Figure::Memory],
        targets: &[at_most(Figure::Memory, 1.2)],
    },
    Scenario {
        name: "handshakes",
        title: "5,000 handshakes: open, upgrade, close",
        kind: Kind::Handshakes { count: 5000 },
        servers: &[
            ORION,
            ORION_WITHOUT_LOG,
            RAW,
            UWEBSOCKETS,
            AXUM,
            NODE,
            PYTHON,
        ],
        rounds: 3,
        judged: Judged::Best,
        shown: &[Figure::HandshakeCpu, Figure::Refused],
        targets: &[
            at_most(Figure::HandshakeCpu, 60.0),
            at_most(Figure::Refused, 0.0),
        ],
    },
    Scenario {
        name: "tls-bursts",
        title: "TLS: 1,000 clients, bursts of 10, 50 a second",
        kind: Kind::Stream(Stream {
            clients: 1000,
            period_ms: 20,
            burst: 10,
            seconds: 5,
        }),
        servers: &[ORION_TLS, ORION],
        rounds: 5,
        judged: Judged::Median,
        shown: STREAMS,
        targets: &[
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, ORION, 1.4),
        ],
    },
    Scenario {
        name: "tls-ticks",
        title: "TLS: 5,000 clients, seven prices in a burst each second",
        kind: Kind::Stream(Stream {
            clients: 5000,
            period_ms: 1000,
            burst: 7,
            seconds: 10,
        }),
        servers: &[ORION_TLS, ORION],
        rounds: 5,
        judged: Judged::Median,
        shown: STREAMS,
        targets: &[
            at_most(Figure::Missing, 0.0),
            ratio(Figure::DeliveryCpu, ORION, 1.1),
        ],
    },
    Scenario {
        name: "tls-idle",
        title: "TLS: memory of 5,000 clients that came in a flood, subscribed, and hear nothing",
        kind: Kind::Idle { clients: 5000 },
        servers: &[ORION_TLS],
        rounds: 3,
        judged: Judged::Best,
        shown: &[Figure::Memory],
        targets: &[at_most(Figure::Memory, 10.0)],
    },
    Scenario {
        name: "tls-handshakes",
        title: "TLS: 2,000 handshakes: open, upgrade, close",
        kind: Kind::Handshakes { count: 2000 },
        servers: &[ORION_TLS],
        rounds: 3,
        judged: Judged::Best,
        shown: &[Figure::HandshakeCpu, Figure::Refused],
        targets: &[
            at_most(Figure::HandshakeCpu, 350.0),
            at_most(Figure::Refused, 0.0),
        ],
    },
    Scenario {
        name: "stopped",
        title: "one of ten of 1,000 clients stops reading, at 200 messages/s",
        kind: Kind::Stopped(Stopped {
            clients: 1000,
            one_of: 10,
            period_ms: 5,
            burst: 1,
            seconds_before: 5,
            seconds: 20,
        }),
        servers: &[ORION],
        rounds: 3,
        judged: Judged::Best,
        shown: STOPPED,
        targets: &[
            at_most(Figure::OthersP99, 1.2),
            at_most(Figure::Missing, 0.0),
            at_most(Figure::LetBe, 0.0),
            at_most(Figure::Held, 64.0),
        ],
    },
    Scenario {
        name: "silent",
        title: "one of ten of 1,000 clients stops reading, at seven messages each second",
        kind: Kind::Stopped(Stopped {
            clients: 1000,
            one_of: 10,
            period_ms: 1000,
            burst: 7,
            seconds_before: 5,
            seconds: 70,
        }),
        servers: &[ORION],
        rounds: 1,
        judged: Judged::Best,
        shown: STOPPED,
        targets: &[
            at_most(Figure::Missing, 0.0),
            at_most(Figure::LetBe, 0.0),
            at_most(Figure::Closed, 65.0),
            at_most(Figure::Held, 64.0),
        ],
    },
    Scenario {
        name: "hostile",
        title: "one of five of 5,000 clients is hostile, seven prices in a burst each second",
        kind: Kind::Hostile(Hostile {
            clients: 5000,
            one_of: 5,
            period_ms: 1000,
            burst: 7,
            seconds_before: 20,
            seconds_to_settle: 30,
            seconds: 600,
        }),
        servers: &[ORION],
        rounds: 1,
        judged: Judged::Best,
        shown: &[
            Figure::OthersP99,
            Figure::P99,
            Figure::Missing,
            Figure::Grown,
            Figure::Acts,
        ],
        targets: &[
            at_most(Figure::OthersP99, 2.0),
            at_most(Figure::Missing, 0.0),
            at_most(Figure::Grown, 2.0),
        ],
    },
    Scenario {
        name: "storm",
        title: "10,000 clients are cut at once and come back within 2 s",
        kind: Kind::Storm(Storm {
            clients: 10_000,
            back_within_s: 2,
        }),
        servers: &[ORION, RAW, UWEBSOCKETS],
        rounds: 3,
        judged: Judged::Best,
        shown: &[
            Figure::Served,
            Figure::Refused,
            Figure::HandshakeCpu,
            Figure::Memory,
        ],
        targets: &[at_most(Figure::Served, 10.0), at_most(Figure::Refused, 0.0)],
    },
];

const STOPPED: &[Figure] = &[
    Figure::OthersP99,
    Figure::P99,
    Figure::Missing,
    Figure::LetBe,
    Figure::Closed,
    Figure::Held,
];

impl Scenario {
    /// Whether it cannot be made short.
    pub fn is_slow(&self) -> bool {
        matches!(self.kind, Kind::Stopped(_))
    }
}

impl Kind {
    /// Connections that are open at the same time.
    pub fn clients(&self) -> usize {
        match *self {
            Self::Stream(Stream { clients, .. })
            | Self::Idle { clients }
            | Self::Stopped(Stopped { clients, .. })
            | Self::Hostile(Hostile { clients, .. })
            | Self::Storm(Storm { clients, .. }) => clients,
            // They come and go.
            Self::Handshakes { .. } => 0,
        }
    }
}

impl Size {
    pub fn rounds(self, scenario: &Scenario) -> usize {
        match self {
            Self::Whole => scenario.rounds,
            Self::Quick | Self::Tiny => 1,
        }
    }

    /// Of what the scenario is made with.
    pub fn clients(self, whole: usize) -> usize {
        match self {
            Self::Whole | Self::Quick => whole,
            Self::Tiny => whole / 100,
        }
    }

    /// How long is measured, in nanoseconds: whole periods.
    pub fn nanos(self, seconds: u64, period: u64) -> u64 {
        let whole = seconds * 1_000_000_000;
        let nanos = match self {
            Self::Whole => whole,
            Self::Quick => whole.min(2_000_000_000),
            Self::Tiny => whole.min(200_000_000),
        };
        nanos.max(period).next_multiple_of(period)
    }
}
