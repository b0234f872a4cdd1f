//! How many clients this machine can bear: by its memory, and by the file descriptors that a process may have. And how much of
//! its memory a server takes.

use crate::config;
use std::fs;
use std::path::{Path, PathBuf};

/// Memory of the machine, or of the control group, for each client. One at rest takes a small part of it, its socket
/// included; one that reads slowly may take it all, most of it in the kernel's buffers.
pub(crate) const CLIENT_BYTES: u64 = 64 * 1024;
/// Descriptors for everything but clients: files, sources, requests that are read, other connections.
const OTHER_DESCRIPTORS: usize = 512;
/// Of the descriptors that are left, a part of this size is for those who are parked.
const PARKED_PART: usize = 8;
/// With less than this the machine told us nonsense.
const CLIENTS_MIN: usize = 64;

/// What the system lets us have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Means {
    /// Bytes; none where the system does not say.
    pub(crate) memory: Option<u64>,
    pub(crate) descriptors: Option<u64>,
}

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub(crate) connections: usize,
    pub(crate) parked: usize,
}

/// What this process takes of it now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Bytes of memory; none where the system does not say.
    pub(crate) resident: Option<u64>,
    pub(crate) threads: Option<u64>,
    pub(crate) descriptors: Option<u64>,
    pub(crate) descriptors_max: Option<u64>,
}

impl Used {
    pub(crate) fn look() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let limit = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"));
        let open = fs::read_dir("/proc/self/fd").map(Iterator::count);
        Self {
            resident: number("VmRSS:").map(|kib| kib * 1024),
            threads: number("Threads:"),
            descriptors: open.ok().map(|count| count as u64),
            descriptors_max: limit.and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
        }
    }
}

impl Means {
    /// What this machine lets this process have. Its limit of descriptors is raised as far as it may be.
    pub(crate) fn take() -> Self {
        Self {
            memory: memory(Path::new("/")),
            descriptors: raise_descriptors(),
        }
    }

    /// What follows, where the settings do not say otherwise.
    pub(crate) fn capacity(self, settings: &config::Gateway) -> Capacity {
        let descriptors = self.descriptors.map_or(usize::MAX, size);
        let free = descriptors.saturating_sub(OTHER_DESCRIPTORS);
        let parked = settings.parked_max.min(free / PARKED_PART);
        let by_memory = self
            .memory
            .map_or(usize::MAX, |memory| size(memory / CLIENT_BYTES));
        let borne = by_memory.min(free - parked).max(CLIENTS_MIN);
        Capacity {
            connections: settings.connections_max.unwrap_or(borne),
            parked,
        }
    }

    /// Says what it came to, and what the settings ask for beyond it.
    pub(crate) fn tell(self, capacity: Capacity) {
        tracing::info!(
            connections_max = capacity.connections,
            parked_max = capacity.parked,
            memory_mib = self.memory.map(|bytes| bytes >> 20),
            descriptors = self.descriptors,
            "room for clients"
        );
        let wanted = capacity.connections.saturating_add(capacity.parked);
        if let Some(descriptors) = self.descriptors
            && wanted.saturating_add(OTHER_DESCRIPTORS) > size(descriptors)
        {
            tracing::warn!(
                descriptors,
                "gateway.connections_max = {} is more than there are file descriptors: raise the hard limit (LimitNOFILE= of the unit, \
                 ulimit -Hn) or lower the setting; who finds none waits",
                capacity.connections
            );
        }
    }
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The memory of the machine, or less where a control group bounds it. `root` is where the system's files begin.
fn memory(root: &Path) -> Option<u64> {
    let machine = fs::read_to_string(root.join("proc/meminfo")).ok();
    let machine = machine.as_deref().and_then(total_of);
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let bounds = group_files(root, &groups).into_iter().filter_map(|file| {
        let text = fs::read_to_string(file).ok()?;
        // "max" is no bound.
        text.trim().parse().ok()
    });
    bounds.chain(machine).min()
}

/// `MemTotal:  16384256 kB`
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Where the bounds of our control groups stand, from the innermost outwards: any of them may be the narrowest. In a
/// container the group's own root may be what is mounted.
fn group_files(root: &Path, groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            of if of.split(',').any(|one| one == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let inner = Path::new(path.trim_start_matches('/'));
        let groups = inner.ancestors().map(|group| root.join(mount).join(group));
        files.extend(groups.map(|group| group.join(file)));
    }
    files
}

/// Raises the soft limit to the hard one: few need their descriptors to fit `select`, and we do not. Gives back what holds then.
#[cfg(unix)]
fn raise_descriptors() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

#[cfg(not(unix))]
fn raise_descriptors() -> Option<u64> {
    None
}

/// Has memory in pages of the ordinary size from now on. What a server holds is spread thin: in pages of 2 MiB it takes a
/// third more of its own at rest, and a flood of clients half as much again, for nothing that could be measured
/// (bench/README.md). Where the system does not take this, it stays so.
#[cfg(target_os = "linux")]
pub fn spare_memory() {
    let _taken = rustix::thread::disable_transparent_huge_pages(true);
}

/// Other systems give large pages only to who asks.
#[cfg(not(target_os = "linux"))]
pub fn spare_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(memory_mib: u64, descriptors: u64, connections: usize, parked: usize) {
        let means = Means {
            memory: Some(memory_mib << 20),
            descriptors: Some(descriptors),
        };
        let capacity = means.capacity(&config::Gateway::default());
        let expected = Capacity {
            connections,
            parked,
        };
        assert_eq!(capacity, expected, "{memory_mib} MiB, {descriptors}");
    }

    #[test]
    fn the_narrower_of_memory_and_descriptors_counts() {
        check(1024, 1 << 20, 16_384, 1024);
        check(4096, 1 << 20, 65_536, 1024);
        check(65_536, 65_536, 65_536 - 512 - 1024, 1024);
        check(4096, 1024, 448, 64);
        check(1, 100, 64, 0);
        let unknown = Means::default().capacity(&config::Gateway::default());
        assert!(unknown.connections > 1 << 40, "{unknown:?}");
    }

    #[test]
    fn what_is_set_stands() {
        let settings = config::Gateway {
            connections_max: Some(100_000),
            parked_max: 7,
            ..config::Gateway::default()
        };
        let means = Means {
            memory: Some(1 << 30),
            descriptors: Some(4096),
        };
        let capacity = Capacity {
            connections: 100_000,
            parked: 7,
        };
        assert_eq!(means.capacity(&settings), capacity);
    }

    #[test]
    fn the_narrowest_group_bounds_the_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().expect("a folder")).expect("make a folder");
            fs::write(file, text).expect("write");
        };
        assert_eq!(memory(folder.path()), None);
        write("proc/meminfo", "MemFree: 1 kB\nMemTotal:       2048 kB\n");
        assert_eq!(memory(folder.path()), Some(2 << 20));
        write(
            "proc/self/cgroup",
            "5:cpu,memory:/a\n1:name=systemd:/x\n0::/outer/inner\n",
        );
        assert_eq!(memory(folder.path()), Some(2 << 20));
        write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
        write("sys/fs/cgroup/outer/memory.max", "1048576\n");
        assert_eq!(memory(folder.path()), Some(1 << 20));
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "524288\n");
        assert_eq!(memory(folder.path()), Some(512 << 10));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_says_what_it_has() {
        let means = Means::take();
        assert!(means.memory > Some(16 << 20), "{means:?}");
        assert!(means.descriptors > Some(16), "{means:?}");
        let used = Used::look();
        assert!(used.resident > Some(1 << 20), "{used:?}");
        assert!(used.descriptors > Some(2) && used.descriptors < used.descriptors_max);
        assert!(used.threads > Some(0), "{used:?}");
    }
}
