//! Sockets: one HTTP port, of which `/ws/signals` is upgraded and handed to one of the shards, threads that each own a hub
//! and their clients. All other paths belong to a router that comes from outside.
//!
//! Read [`serve`] first, then `listen.rs` (accept and HTTP), `arrival.rs` (what a connection speaks), `tls.rs`, `upgrade.rs`
//! (the handshake), `visit.rs` (who asks, and from where), `lanes.rs` (the ways to the shards), `shard.rs` (publish and
//! flush), `session.rs` (one client's life), `stream.rs` (its socket), `identity.rs` (who it is, and until when), `frame.rs`
//! (what a client's bytes mean), `extension.rs` and `inflate.rs` (compression), `bots.rs` (signals that are posted),
//! `farewell.rs` (the end), `dials.rs` (limits that change while it runs),
//! `room.rs` and `parked.rs` (who comes when there is no room), `inside.rs` (connections of the server to itself).

mod address;
mod arrival;
mod bots;
mod certificate;
mod config;
mod dials;
mod door;
mod extension;
mod farewell;
mod frame;
mod head;
mod identity;
mod inflate;
mod inside;
mod keeper;
mod lanes;
mod latency;
mod limits;
mod listen;
mod looks;
mod moment;
mod parked;
mod room;
mod session;
mod shard;
mod spread;
mod stats;
mod stream;
pub mod tls;
mod unix;
mod upgrade;
mod visit;
mod watched;

pub use address::Proxies;
pub use bots::Posting;
pub use config::{Clock, Config};
pub use dials::{Dials, Limits};
pub use farewell::Farewell;
pub use hub::{Beginning, Publication};
pub use inside::Inside;
pub use keeper::{Auth, Holder, Keeper, Mode, Pass, Shown, Way};
pub use lanes::{Publisher, Stopped};
pub use latency::Latency;
pub use listen::{Gateway, serve};
pub use stats::{Counter, Counts, Refused, Stats};
pub use visit::Origins;

/// The parts of a WebSocket that know no socket: for other servers on this codec, and for tests of it.
pub mod codec {
    pub use crate::extension::{Agreed, Deflate, Malformed, agree};
    pub use crate::frame::{Decoder, Inbound, Violation};
    pub use crate::head::{Head, read as read_head};
    pub use crate::inflate::Inflater;
    pub use crate::upgrade::{Agreement, Refusal, check};
}
