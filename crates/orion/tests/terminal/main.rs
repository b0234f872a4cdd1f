//! What people look at in a terminal: real servers, real pseudo-terminals, and the commands that ask a server.

#[path = "../support/mod.rs"]
mod support;

#[cfg(unix)]
mod commands;
mod manual;
#[cfg(unix)]
mod pty;
#[cfg(unix)]
mod secure;
#[cfg(unix)]
mod table;

use std::path::Path;
use std::process::{Command, Output};
use support::{Server, serve, serve_at};

/// A simulated market whose day before the first start is done.
fn start(data: &Path) -> Server {
    began(serve(data, &["--seed", "5"]))
}

fn start_at(address: &str, data: &Path) -> Server {
    began(serve_at(address, data, &["--seed", "5"]))
}

fn began(command: Command) -> Server {
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

fn orion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(arguments)
        .env_remove("ORION_TOKEN")
        .output()
        .expect("run orion")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}
