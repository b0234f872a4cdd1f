//! What `orion serve` holds in memory at rest: on its first start, which simulates a day, and on the one after it; each
//! without clients and with 100 that are subscribed. Reads `/proc`, and so runs on Linux only.
//!
//! `bench-memory ORION [SECONDS]` starts the binary ORION on a temporary folder and a free loopback port, and looks after
//! it has rested for so long [10].

use anyhow::{Context as _, Result};
use bench_clients::Crowd;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const CLIENTS: usize = 100;
/// The target of the whole: resident, at rest, with a simulated day loaded.
const TARGET_KIB: u64 = 64 * 1024;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let orion = arguments
        .next()
        .context("say which binary: bench-memory ORION [SECONDS]")?;
    let seconds = arguments.next().map_or(Ok(10.0), |text| text.parse());
    let rest = Duration::try_from_secs_f64(seconds.context("SECONDS must be a number")?)
        .context("SECONDS must be a length of time")?;
    let folder = tempfile::tempdir().context("make a data folder")?;
    println!(
        "{:<40} {:>10} {:>10} {:>10} {:>10}",
        "KiB", "resident", "of it heap", "of it file", "peak"
    );
    for name in ["first start", "second start"] {
        let server = Server::start(&PathBuf::from(&orion), folder.path())?;
        sleep(rest);
        server.show(&format!("{name}, at rest"))?;
        let crowd = Crowd::connect(server.address, CLIENTS).context("let the clients in")?;
        sleep(rest);
        server.show(&format!("{name}, {CLIENTS} clients"))?;
        drop(crowd);
    }
    Ok(())
}

/// A server in a process of its own, which ends with this value.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    fn start(orion: &Path, folder: &Path) -> Result<Self> {
        let mut child = Command::new(orion)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--set",
                "log.level=warn",
            ])
            .arg("--data")
            .arg(folder)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", orion.display()))?;
        let said = child.stdout.take().context("the server's output")?;
        let mut said = BufReader::new(said).lines();
        let address = said
            .find_map(|line| address_in(&line.ok()?))
            .context("the server ended without saying where it listens")?;
        Ok(Self { child, address })
    }

    /// Prints what the system says of it.
    fn show(&self, name: &str) -> Result<()> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
        let field = |key: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            number.with_context(|| format!("{path} has no number {key}"))
        };
        let resident = field("VmRSS:")?;
        println!(
            "{name:<40} {resident:>10} {:>10} {:>10} {:>10}",
            field("RssAnon:")?,
            field("RssFile:")?,
            field("VmHWM:")?
        );
        if resident >= TARGET_KIB {
            println!("    above the target of {TARGET_KIB} KiB");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The folder is thrown away, so the end need not be a clean one; it fails only when the process has ended.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// The address in a line such as `  open       http://127.0.0.1:8080/`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, behind) = line.split_once("http://")?;
    behind.trim_end_matches('/').parse().ok()
}
