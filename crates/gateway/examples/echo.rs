//! Sends every message back: for suites and clients that try ORION's own WebSocket codec out.
//! `cargo run --release -p gateway --example echo [ADDRESS]` (default 127.0.0.1:9001).

#[path = "../tests/conformance/echo.rs"]
mod echo;

use std::io;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    match echo::serve(TcpListener::bind(address).await?).await? {}
}
