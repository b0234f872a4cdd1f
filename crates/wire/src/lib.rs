//! Every byte a client may send or see: what a dashboard asks ([`Ask`]) and what it is told ([`tell`]), each with its JSON.
//! Knows no sockets and not how a signal was made. The client's view of it is `docs/protocol.md`.

pub mod tell;

mod ask;
#[cfg(test)]
#[path = "../tests/support/schema.rs"]
mod schema;

pub use ask::{
    Ask, BarsAsk, Channel, Channels, Echo, Refusal, RequestId, Since, SnapshotAsk, Speaker,
    Subscribe, Token, Unsubscribe,
};
pub use tell::BadPayload;

/// The JSON Schema of every message, by its name in `$defs`; a test holds it against what is written and read.
pub const SCHEMA: &str = include_str!("schema.json");
