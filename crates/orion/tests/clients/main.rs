//! The clients that people really use, against the real server: the public dashboard (as a model of its page), the
//! specification's Python client, its browser sample, and a recorded market on the console in a real browser.

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../handover/line.rs"]
mod line;

mod dashboard;
mod life;
mod page;
mod python;
mod report;
mod socketio;

use std::path::Path;
use support::Server;

/// The symbols that give signals; each one's price is due every 1 to 5 seconds.
const SYMBOLS: [&str; 7] = [
    "EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US30", "NAS100", "SPX500",
];

/// Starts a server and waits until it lets clients in.
fn start(command: std::process::Command) -> Server {
    Server::start(command).unwrap_or_else(|(code, log)| panic!("it ended with {code:?}:\n{log}"))
}

/// A simulated market on a free port.
fn simulated(data: &Path) -> Server {
    start(support::serve(data, &[]))
}
