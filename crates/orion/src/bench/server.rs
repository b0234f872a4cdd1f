//! The server that is measured: `orion serve` with its default settings, a simulated market and a folder of its own that is gone
//! afterwards.

use anyhow::{Context as _, Result, anyhow, bail};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A small machine simulates the day before first.
const START_MAX: Duration = Duration::from_secs(120);
/// Linux tells programs hundredths of a second, whatever it counts in itself (`USER_HZ`, proc(5)).
const TICK: Duration = Duration::from_millis(10);

/// What a process has taken so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) cpu: Duration,
    /// Bytes.
    pub(super) resident: u64,
    pub(super) threads: u64,
    pub(super) descriptors: u64,
}

/// Killed, and its folder removed, when dropped.
pub(super) struct Server {
    child: Child,
    folder: PathBuf,
    pub(super) address: String,
}

impl Server {
    /// Starts it and waits until it lets dashboards in.
    pub(super) async fn start(program: Option<&Path>, clients: u32) -> Result<Self> {
        if !Path::new("/proc/self/stat").exists() {
            bail!(
                "orion bench reads in /proc what a process takes, and this system has none: run it on Linux, or under WSL"
            );
        }
        let program = match program {
            Some(program) => program.to_owned(),
            None => std::env::current_exe().context("find this program")?,
        };
        let folder = std::env::temp_dir().join(format!("orion-bench-{}", std::process::id()));
        let mut child = spawn(&program, &folder, clients)
            .with_context(|| format!("start {}", program.display()))?;
        let told = child.stdout.take();
        let mut server = Self {
            child,
            folder,
            address: String::new(),
        };
        let told = told.ok_or_else(|| anyhow!("the server has no standard output"))?;
        let (found, address) = oneshot::channel();
        // A thread, since what it waits for may not come: it ends with the server.
        std::thread::spawn(move || found.send(address_in(told)));
        let address = timeout(START_MAX, address).await;
        let address = address.with_context(|| {
            format!("the server did not serve within {} s", START_MAX.as_secs())
        })?;
        server.address = address
            .ok()
            .flatten()
            .context("the server ended before it served; what it said stands above")?;
        Ok(server)
    }

    /// What it has taken until now.
    pub(super) fn taken(&self) -> Result<Taken> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        let read =
            |name: &str| fs::read_to_string(folder.join(name)).context("the server has ended");
        let (stat, status) = (read("stat")?, read("status")?);
        let descriptors =
            fs::read_dir(folder.join("fd")).context("count the server's descriptors")?;
        taken(&stat, &status, descriptors.count() as u64)
            .with_context(|| format!("{} is not as proc(5) has it", folder.display()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either may be gone already; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(program: &Path, folder: &Path, clients: u32) -> Result<Child> {
    // Of two numbers it is the larger one that it may need: dashboards that go are replaced before they are all gone.
    let room = format!(
        "gateway.connections_max={}",
        clients.saturating_mul(2).max(64)
    );
    let child = Command::new(program)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--feed",
            "sim",
            "--data",
        ])
        .arg(folder)
        .args(["--set", &room, "--set", "log.level=warn"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(child)
}

/// Where it listens, from what it says once it serves.
fn address_in(told: ChildStdout) -> Option<String> {
    let lines = BufReader::new(told).lines().map_while(Result::ok);
    let mut urls =
        lines.filter_map(|line| Some(line.trim().strip_prefix("open ")?.trim().to_owned()));
    let url = urls.next()?;
    let address = url.trim_start_matches("http://");
    Some(address.trim_end_matches('/').to_owned())
}

/// From `/proc/PID/stat` and `/proc/PID/status` (proc(5)).
fn taken(stat: &str, status: &str, descriptors: u64) -> Option<Taken> {
    // The name in brackets may hold anything; after it come the third field and on.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    let number = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Taken {
        cpu: TICK * user.checked_add(system)?,
        resident: number("VmRSS:")? * 1024,
        threads: number("Threads:")?,
        descriptors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_read() {
        let stat =
            "4711 (a ) b) S 1 4711 4711 0 -1 4194560 900 0 0 0 250 50 7 9 20 0 4 0 100 1 2 3";
        let status = "Name:\ta\nVmRSS:\t    2048 kB\nThreads:\t4\n";
        let expected = Taken {
            cpu: Duration::from_secs(3),
            resident: 2 << 20,
            threads: 4,
            descriptors: 9,
        };
        assert_eq!(taken(stat, status, 9), Some(expected));
        assert_eq!(taken("4711 (a) S 1", status, 9), None);
        assert_eq!(taken(stat, "Threads:\t4\n", 9), None);
    }
}
