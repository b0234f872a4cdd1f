//! Percentiles, CPU time, and the lines of the table.

use bench_clients::THREAD;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// How long each thing took until the first client had it, and until the last.
#[derive(Debug, Default)]
pub struct Waits {
    first: Vec<Duration>,
    last: Vec<Duration>,
}

impl Waits {
    pub fn add(&mut self, sent: Instant, first: Instant, last: Instant) {
        self.first.push(first - sent);
        self.last.push(last - sent);
    }
    pub fn len(&self) -> usize {
        self.last.len()
    }
}

pub fn head() {
    println!(
        "{:<42} {:>11} {:>11} | {:>9} {:>9} {:>9}",
        "microseconds, with 100 clients", "count", "first p50", "last p50", "p99", "max"
    );
}

/// One line; `sent` is how many there should have been.
pub fn line(name: &str, mut waits: Waits, sent: usize) {
    let count = format!("{}/{sent}", waits.len());
    let (first, last) = (sorted(&mut waits.first), sorted(&mut waits.last));
    println!(
        "{name:<42} {count:>11} {:>11} | {:>9} {:>9} {:>9}",
        micros(first, 50),
        micros(last, 50),
        micros(last, 99),
        micros(last, 100)
    );
}

/// One line of something that has no clients.
pub fn plain_line(name: &str, mut took: Vec<Duration>) {
    let count = took.len();
    let took = sorted(&mut took);
    println!(
        "{name:<42} {count:>11} {:>11} | {:>9} {:>9} {:>9}",
        "",
        micros(took, 50),
        micros(took, 99),
        micros(took, 100)
    );
}

fn sorted(took: &mut [Duration]) -> &[Duration] {
    took.sort();
    took
}

fn micros(sorted: &[Duration], percent: usize) -> String {
    let place = sorted.len().saturating_sub(1) * percent / 100;
    let found = sorted.get(place);
    found.map_or_else(|| "-".to_owned(), |took| took.as_micros().to_string())
}

/// CPU time of this process by its threads: the benchmark's main thread, the clients, and all others, which are the
/// server's.
#[derive(Debug)]
pub struct Cpu {
    began: Instant,
    spent: Spent,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    server: u64,
    clients: u64,
}

impl Cpu {
    pub fn begin() -> Self {
        Self {
            began: Instant::now(),
            spent: spent(),
        }
    }

    /// Prints the shares of one core since the beginning, and what one of `count` cost the server.
    pub fn tell(&self, count: usize) {
        let (wall, now) = (self.began.elapsed(), spent());
        let share = |nanos: u64| nanos as f64 / wall.as_nanos() as f64 * 100.0;
        let server = now.server.saturating_sub(self.spent.server);
        let clients = now.clients.saturating_sub(self.spent.clients);
        println!(
            "    CPU: server {:.1} % of a core ({:.0} us each), clients {:.1} %",
            share(server),
            server as f64 / 1e3 / count.max(1) as f64,
            share(clients)
        );
    }
}

/// As Linux counts it; elsewhere nothing.
fn spent() -> Spent {
    let threads = threads().unwrap_or_default();
    let main = std::process::id().to_string();
    let mut spent = Spent::default();
    for (id, (name, nanos)) in threads {
        if name == THREAD {
            spent.clients += nanos;
        } else if id != main {
            spent.server += nanos;
        }
    }
    spent
}

/// Name and nanoseconds on a core of each thread, by its id.
fn threads() -> std::io::Result<BTreeMap<String, (String, u64)>> {
    let mut threads = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?;
        let read = |file| fs::read_to_string(entry.path().join(file));
        // A thread may end while we look.
        if let (Ok(name), Ok(spent)) = (read("comm"), read("schedstat")) {
            let nanos = spent.split(' ').next().and_then(|text| text.parse().ok());
            let id = entry.file_name().to_string_lossy().into_owned();
            threads.insert(id, (name.trim().to_owned(), nanos.unwrap_or(0)));
        }
    }
    Ok(threads)
}
