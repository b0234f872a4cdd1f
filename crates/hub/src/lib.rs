//! Who hears what. Messages are encoded and framed once and appended to shared logs; a client is a few cursors into them
//! and owns no queue of messages, so a slow one costs nothing but its own lateness (ARCHITECTURE.md, fan-out).
//!
//! Pure: it knows no socket and no clock. A caller publishes, asks what is due to a client, writes as much of it as its
//! socket takes and says how many bytes that was.

pub mod deflate;
pub mod frame;

mod bar_class;
mod bars;
mod classes;
mod client;
mod clients;
mod event_class;
mod events;
mod filter;
mod form;
mod hub;
mod latest;
mod log;
mod newest;
mod own;
mod price_class;
mod publication;
mod subscription;
mod symbol_class;
mod window;

pub use client::{Answers, Behind, ClientId, Pending, Sent, SentBytes};
pub use form::Packing;
pub use hub::{Hub, Limits};
pub use publication::{Beginning, Publication, Refused};
pub use subscription::Began;

#[cfg(test)]
mod machine;
#[cfg(test)]
mod model;
#[cfg(test)]
mod samples;
