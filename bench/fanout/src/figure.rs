//! What a run is measured by.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// CPU time of the server by deliveries.
    DeliveryCpu,
    /// Messages a second that each client got.
    Delivered,
    /// Messages that did not come to a client, though later ones did or time was up; or came twice.
    Missing,
    /// From the moment a burst is due until the last client has the last of it.
    Last,
    /// From the moment a message is due until a client has it.
    P50,
    P99,
    Max,
    /// Shares of their cores.
    ServerBusy,
    LoadBusy,
    /// The server's own memory by connections.
    Memory,
    /// CPU time of the server by connections that were opened.
    HandshakeCpu,
    /// Connections that were refused or broke on their way in.
    Refused,
    /// The p99 of those who read, by what it was before others stopped.
    OthersP99,
    /// Clients that stopped reading and were neither closed nor given less.
    LetBe,
    /// From the moment they stopped reading until the last of them was closed.
    Closed,
    /// The most that the server's side held for one that stopped, in the kernel and, on average, in its own memory.
    Held,
    /// From the cut until the last client has a price again.
    Served,
    /// What the server's own memory has grown by under attack.
    Grown,
    /// How often hostile clients did their worst.
    Acts,
}

pub type Figures = BTreeMap<Figure, f64>;

/// How a figure is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// Every single one counts, in every run.
    None,
}

impl Figure {
    /// The head of its column.
    pub fn head(self) -> &'static str {
        match self {
            Self::DeliveryCpu => "CPU ns each",
            Self::Delivered => "delivered/s",
            Self::Missing => "missing",
            Self::Last => "last ms",
            Self::P50 => "p50 ms",
            Self::P99 => "p99 ms",
            Self::Max => "max ms",
            Self::ServerBusy => "server %",
            Self::LoadBusy => "load %",
            Self::Memory => "KiB each",
            Self::HandshakeCpu => "CPU us each",
            Self::Refused => "refused",
            Self::OthersP99 => "others' p99, x",
            Self::LetBe => "let be",
            Self::Closed => "closed after s",
            Self::Held => "KiB held",
            Self::Served => "served after s",
            Self::Grown => "MiB grown",
            Self::Acts => "attacks",
        }
    }

    pub fn better(self) -> Better {
        match self {
            Self::Delivered | Self::Acts => Better::Higher,
            Self::Missing | Self::Refused | Self::LetBe => Better::None,
            Self::DeliveryCpu
            | Self::Last
            | Self::P50
            | Self::P99
            | Self::Max
            | Self::ServerBusy
            | Self::LoadBusy
            | Self::Memory
            | Self::HandshakeCpu
            | Self::OthersP99
            | Self::Closed
            | Self::Held
            | Self::Served
            | Self::Grown => Better::Lower,
        }
    }
}
