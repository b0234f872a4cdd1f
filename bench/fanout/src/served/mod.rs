//! The servers that are part of this program, each run as a process of its own.
//!
//! A server says `open ADDRESS` on its standard output, is told a pace on its standard input, publishes by it, and ends
//! with its input. Those in `servers/` do the same.

mod broadcast;
mod orion;
mod raw;

use crate::pace::Pace;
use crate::server;
use anyhow::{Result, bail};
use raw::Sends;
use std::net::SocketAddr;

pub fn serve(name: &str) -> Result<()> {
    match name {
        "orion" => orion::serve(None),
        server::TLS => orion::serve(Some(orion::tls()?)),
        "raw" => raw::serve(Sends::All),
        "raw-each" => raw::serve(Sends::Each),
        "axum" => broadcast::serve(),
        other => bail!("no server of this program is called `{other}`"),
    }
}

fn say_open(address: SocketAddr) {
    println!("open {address}");
}

/// Calls `publish` for every pace that is told, and ends the process when none will be.
fn follow(mut publish: impl FnMut(Pace)) -> ! {
    for line in std::io::stdin().lines() {
        match line
            .map_err(anyhow::Error::from)
            .and_then(|line| line.parse())
        {
            Ok(pace) => publish(pace),
            Err(error) => {
                eprintln!("{error:#}");
                std::process::exit(1);
            }
        }
    }
    std::process::exit(0)
}
