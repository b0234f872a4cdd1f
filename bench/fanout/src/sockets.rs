//! What the kernel holds for a server's connections, as `ss` tells it (Debian: `iproute2`).

use crate::machine;
use anyhow::{Context as _, Result, anyhow, ensure};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(1);

/// What was seen of some clients' connections, from the server's side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// The most bytes that lay in the kernel for one of them to take.
    pub held_max: u64,
    /// When none of them was established any more.
    pub all_gone_at: Option<u64>,
}

/// Looks each second, on a thread of its own, as kindly to others as can be.
#[derive(Debug)]
pub struct Watch {
    end: Sender<()>,
    thread: JoinHandle<Result<Seen>>,
}

/// Why nothing can be seen, if so.
pub fn lacks() -> Option<String> {
    let asked = Command::new("ss").arg("-V").stdout(Stdio::null()).status();
    let error = asked.err()?;
    Some(format!("`ss` cannot be run ({error}): install iproute2"))
}

impl Watch {
    pub fn begin(server: SocketAddr, clients: BTreeSet<SocketAddr>) -> Self {
        let (end, ended) = channel();
        let thread = thread::spawn(move || {
            let mut seen = Seen::default();
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(EVERY) {
                seen.look(server, &clients)?;
            }
            Ok(seen)
        });
        Self { end, thread }
    }

    /// # Errors
    /// When the system did not tell.
    pub fn end(self) -> Result<Seen> {
        drop(self.end);
        let joined = self.thread.join();
        joined.map_err(|_| anyhow!("the thread that looks at sockets panicked"))?
    }
}

impl Seen {
    fn look(&mut self, server: SocketAddr, clients: &BTreeSet<SocketAddr>) -> Result<()> {
        let at = machine::now();
        let listed = Command::new("nice")
            .args(["-n", "19", "ss", "--tcp", "--all", "--numeric", "--memory"])
            .args(["--no-header", "--oneline", "sport"])
            .arg(format!(":{}", server.port()))
            .output()
            .context("run ss")?;
        let said = String::from_utf8_lossy(&listed.stderr);
        ensure!(listed.status.success(), "ss failed: {said}");
        let text = String::from_utf8_lossy(&listed.stdout);
        let sockets = text.lines().filter_map(Socket::read);
        let mut is_one_left = false;
        for socket in sockets.filter(|socket| clients.contains(&socket.peer)) {
            self.held_max = self.held_max.max(socket.held);
            is_one_left |= socket.is_established;
        }
        if !is_one_left {
            self.all_gone_at.get_or_insert(at);
        }
        Ok(())
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Socket {
    is_established: bool,
    peer: SocketAddr,
    /// Queued to be sent, and set aside for more of it.
    held: u64,
}

impl Socket {
    /// `ESTAB 0 0 127.0.0.1:8080 127.0.0.1:50000 skmem:(r0,rb131072,t0,tb2626560,f4096,w12288,o0,bl0,d0)`: see ss(8).
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let state = words.next()?;
        let peer = words.nth(3)?.parse().ok()?;
        let memory = words.find_map(|word| word.strip_prefix("skmem:("))?;
        let bytes = |key| -> Option<u64> {
            let mut fields = memory.trim_end_matches(')').split(',');
            fields.find_map(|field| field.strip_prefix(key)?.parse().ok())
        };
        Some(Self {
            is_established: state == "ESTAB",
            peer,
            held: bytes("w")? + bytes("f")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_ss() {
        let line = "ESTAB 0 16384 127.0.0.1:8080 127.0.0.1:50000 skmem:(r0,rb131072,t0,tb2626560,f4096,w12288,o0,bl0,d0)";
        let socket = Socket {
            is_established: true,
            peer: ([127, 0, 0, 1], 50000).into(),
            held: 16384,
        };
        assert_eq!(Socket::read(line), Some(socket));
        assert_eq!(Socket::read("LISTEN 0 4096 127.0.0.1:8080 0.0.0.0:*"), None);
    }
}
