//! What is asked of the machine: its clock, its cores, its limits, and what it says of a process. Most of it is read from
//! `/proc`, and so runs on Linux only.

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Duration;

/// The monotonic clock, the same for every process, in nanoseconds.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Sleeps until the monotonic clock shows this.
pub fn sleep_until(nanos: u64) {
    let left = nanos.saturating_sub(now());
    std::thread::sleep(Duration::from_nanos(left));
}

/// One core for the server, and another one for the load.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    server: usize,
    load: usize,
}

impl Cores {
    /// The first two that this process may use; nothing when there is only one.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn find() -> Result<Option<Self>> {
        let allowed = sched_getaffinity(None).context("ask which cores may be used")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let found = cores.next().zip(cores.next());
        Ok(found.map(|(server, load)| Self { server, load }))
    }

    /// This thread, and the processes it starts from now on, stay on the server's core.
    pub fn enter_server(self) -> Result<()> {
        stay_on(self.server)
    }

    pub fn enter_load(self) -> Result<()> {
        stay_on(self.load)
    }
}

fn stay_on(core: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("stay on core {core}"))
}

/// Allows as many open files as this process ever may have, and says how many.
pub fn raise_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // It fails only for who asks for more than the maximum.
    let _raised = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Nanoseconds on a core of all threads of a process. Threads that ended are not in it.
///
/// # Errors
/// When the process has ended.
pub fn cpu_nanos(process: u32) -> Result<u64> {
    let folder = format!("/proc/{process}/task");
    let threads = fs::read_dir(&folder).with_context(|| format!("read {folder}"))?;
    let nanos = |thread: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    Ok(threads.filter_map(nanos).sum())
}

/// Bytes of memory that are a process's own: resident, and no file's.
///
/// # Errors
/// When the process has ended.
pub fn own_memory(process: u32) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(number.with_context(|| format!("{path} has no number RssAnon"))? * 1024)
}

/// One line on what this is measured on, and how busy it is.
pub fn describe() -> String {
    let first = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default()
            .trim_matches(['\t', ' ', ':'])
            .to_owned()
    };
    let kernel = first("/proc/sys/kernel/osrelease", "");
    let load = first("/proc/loadavg", "");
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    format!(
        "{}; Linux {kernel}; load {load}",
        first("/proc/cpuinfo", "model name")
    )
}
