//! WebSocket clients on one thread, as light as they can be: a benchmark must not measure its own clients.
//!
//! [`Connection`] is one of them. In a [`Crowd`] every client subscribes to signals and prices, and so every message comes
//! to all of them with the same bytes; it tells of each message once, when the last client has it in its hands.

mod connection;
mod crowd;
mod frame;
mod stream;

pub use connection::{Connection, Incoming};
pub use crowd::{Crowd, Heard, THREAD};
pub use stream::Tls;
