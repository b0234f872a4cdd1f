//! What the system lets a server have: descriptors, connects that wait, memory, the clock, the disk.

use super::Finding;
use crate::capacity::{CLIENT_BYTES, Means, Used};
use crate::config::Config;
use crate::handover::BACKLOG;
use crate::ops::Disk;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// Fewer descriptors hold back a server of ordinary size.
const DESCRIPTORS_WANTED: u64 = 4096;
const MEMORY_WANTED: u64 = 256 << 20;
/// Of the disk, in percent: below the first it is worth a word, below the second it stops soon.
const FREE_WANTED: f64 = 10.0;
const FREE_NEEDED: f64 = 2.0;
/// A disk that takes longer for a sync holds signals up.
const SYNC_WANTED: Duration = Duration::from_millis(50);
const SYNC_NEEDED: Duration = Duration::from_secs(1);
/// What is written and synced to see how long it takes: about what a signal is.
const PROBE: [u8; 4096] = [7; 4096];
const PROBES: usize = 5;

/// What systemd-timesyncd has while it runs, and what once it has set the clock.
const TIMESYNC: [&str; 2] = ["run/systemd/timesync", "run/systemd/timesync/synchronized"];
/// Where another service that keeps the clock leaves a trace while it runs, and which one it is.
const CLOCKS: [(&str, &str); 6] = [
    ("run/chrony/chronyd.pid", "chrony"),
    ("run/chronyd.pid", "chrony"),
    ("run/ntpd.pid", "ntpd"),
    ("run/ntp.pid", "ntpd"),
    ("run/openntpd.pid", "openntpd"),
    ("var/run/ntpd.pid", "ntpd"),
];

pub(super) fn look(config: Option<&Config>) -> Vec<Finding> {
    let means = Means::take();
    let mut findings = vec![
        descriptors(means.descriptors, Used::look().descriptors_max),
        backlog(waiting_max(Path::new("/"))),
        memory(means, config),
        clock(Path::new("/")),
    ];
    if let Some(config) = config {
        findings.extend(disk(&config.data.dir));
    }
    findings
}

/// The soft limit was raised to the hard one already: a server does so at its start.
fn descriptors(may: Option<u64>, has: Option<u64>) -> Finding {
    const WHAT: &str = "descriptors";
    let Some(may) = may else {
        return Finding::ok(WHAT, "the system sets no limit");
    };
    let raised = has.map_or("", |has| {
        if has < may {
            ", which it could not raise"
        } else {
            ""
        }
    });
    let found = format!("a server may have {may} file descriptors{raised}");
    if may < DESCRIPTORS_WANTED {
        let remedy = "raise the hard limit: LimitNOFILE=65536 in the unit, ulimit -Hn, or /etc/security/limits.conf; ORION raises its soft one by itself";
        return Finding::warn(WHAT, found, remedy);
    }
    Finding::ok(WHAT, found)
}

fn waiting_max(root: &Path) -> Option<i32> {
    let text = fs::read_to_string(root.join("proc/sys/net/core/somaxconn")).ok()?;
    text.trim().parse().ok()
}

fn backlog(allowed: Option<i32>) -> Finding {
    const WHAT: &str = "backlog";
    match allowed {
        None => Finding::ok(WHAT, "the system does not say how many connects may wait"),
        Some(allowed) if allowed < BACKLOG => Finding::warn(
            WHAT,
            format!("{allowed} connects may wait to be accepted, and ORION asks for {BACKLOG}"),
            format!("sysctl -w net.core.somaxconn={BACKLOG}, and a line in /etc/sysctl.d"),
        ),
        Some(allowed) => Finding::ok(WHAT, format!("{allowed} connects may wait to be accepted")),
    }
}

fn memory(means: Means, config: Option<&Config>) -> Finding {
    const WHAT: &str = "memory";
    let Some(bytes) = means.memory else {
        return Finding::ok(WHAT, "the system does not say how much there is");
    };
    let room = config.map(|config| means.capacity(&config.gateway).connections);
    let room = room.map_or(String::new(), |room| format!(", room for {room} clients"));
    let found = format!("{} MiB{room}", bytes >> 20);
    let wanted = config.and_then(|config| config.gateway.connections_max);
    let wanted = wanted.map_or(0, |clients| u64::try_from(clients).unwrap_or(u64::MAX));
    if wanted.saturating_mul(CLIENT_BYTES) > bytes {
        let remedy = format!(
            "gateway.connections_max = {wanted} may need more than there is: lower it, or leave it out"
        );
        return Finding::warn(WHAT, found, remedy);
    }
    if bytes < MEMORY_WANTED {
        return Finding::warn(WHAT, found, "ORION is made for 256 MiB and more");
    }
    Finding::ok(WHAT, found)
}

/// Whether something keeps the clock right. Signals carry times, and a source that is newer than the clock is doubted. Of most
/// services only they themselves know whether they have set it.
fn clock(root: &Path) -> Finding {
    const WHAT: &str = "clock";
    let [runs, has_set] = TIMESYNC.map(|path| root.join(path).exists());
    if has_set {
        return Finding::ok(WHAT, "set by systemd-timesyncd");
    }
    if let Some((_, by)) = CLOCKS.iter().find(|(path, _)| root.join(path).exists()) {
        return Finding::ok(
            WHAT,
            format!("{by} runs; `timedatectl` says whether it has set it"),
        );
    }
    if runs {
        return Finding::warn(
            WHAT,
            "systemd-timesyncd has not set it since the machine started",
            "wait a minute after a start; `timedatectl timesync-status` says what it waits for, mostly a firewall before UDP port 123",
        );
    }
    Finding::warn(
        WHAT,
        "nothing was seen that keeps it right (systemd-timesyncd, chrony, ntpd)",
        "timedatectl set-ntp true, or apt-get install chrony; in a container the host keeps it",
    )
}

fn disk(data: &Path) -> Vec<Finding> {
    const WHAT: &str = "data folder";
    let Some(folder) = there(data) else {
        let found = format!("neither {} nor a folder above it is there", data.display());
        return vec![Finding::fail(
            WHAT,
            found,
            "make it, or name another with --data",
        )];
    };
    let mut findings = Vec::new();
    if folder != data {
        let found = format!(
            "{} is not there yet, and will be made at the start",
            data.display()
        );
        findings.push(Finding::ok(WHAT, found));
    }
    findings.extend(Disk::of(&folder).map(|disk| space(&folder, disk)));
    findings.push(match sync_time(&folder) {
        Ok(took) => synced(took),
        Err(error) => Finding::fail(
            "disk writes",
            format!("nothing can be written into {} ({error})", folder.display()),
            "let the user who runs ORION write there: chown it, mount it writable, or make room",
        ),
    });
    findings
}

/// The folder, or the nearest above it that is there.
fn there(data: &Path) -> Option<PathBuf> {
    let whole = std::path::absolute(data).ok()?;
    if data.is_dir() {
        return Some(data.to_owned());
    }
    let above = whole.ancestors().skip(1).find(|folder| folder.is_dir());
    above.map(Path::to_owned)
}

fn space(folder: &Path, disk: Disk) -> Finding {
    const WHAT: &str = "disk space";
    let (percent, mib) = (disk.free_percent(), disk.free >> 20);
    let found = format!(
        "{mib} MiB, {percent:.1} %, are free where {} lies",
        folder.display()
    );
    let remedy = "make room, or keep less: history.keep_days, history.max_bytes, charts.keep_days";
    if percent < FREE_NEEDED {
        Finding::fail(WHAT, found, remedy)
    } else if percent < FREE_WANTED {
        Finding::warn(WHAT, found, remedy)
    } else {
        Finding::ok(WHAT, found)
    }
}

/// The longest of a few writes that were synced, as each commit is.
fn sync_time(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let taken = probe(&path);
    let _gone = fs::remove_file(&path);
    taken
}

fn probe(path: &Path) -> io::Result<Duration> {
    let mut file = File::create(path)?;
    let mut longest = Duration::ZERO;
    for _ in 0..PROBES {
        let begun = Instant::now();
        file.write_all(&PROBE)?;
        file.sync_data()?;
        longest = longest.max(begun.elapsed());
    }
    Ok(longest)
}

fn synced(took: Duration) -> Finding {
    const WHAT: &str = "disk writes";
    let found = format!(
        "4 KiB are safe on the disk after {:.1} ms at most",
        took.as_secs_f64() * 1000.0
    );
    let remedy = "signals wait for that: put the data folder on a local SSD, not on a network or a busy disk";
    if took > SYNC_NEEDED {
        Finding::fail(WHAT, found, remedy)
    } else if took > SYNC_WANTED {
        Finding::warn(WHAT, found, remedy)
    } else {
        Finding::ok(WHAT, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn verdict(finding: &Finding) -> Verdict {
        assert_eq!(
            finding.remedy.is_none(),
            finding.verdict == Verdict::Ok,
            "{finding}"
        );
        finding.verdict
    }

    #[test]
    fn what_is_short_is_said_with_what_to_change() {
        assert_eq!(verdict(&descriptors(Some(1024), Some(1024))), Verdict::Warn);
        assert_eq!(
            verdict(&descriptors(Some(65_536), Some(65_536))),
            Verdict::Ok
        );
        assert_eq!(verdict(&descriptors(None, None)), Verdict::Ok);
        assert_eq!(verdict(&backlog(Some(128))), Verdict::Warn);
        assert!(
            backlog(Some(128))
                .to_string()
                .contains("net.core.somaxconn")
        );
        assert_eq!(verdict(&backlog(Some(BACKLOG))), Verdict::Ok);
        let means = |mib: u64| Means {
            memory: Some(mib << 20),
            descriptors: Some(65_536),
        };
        let mut config = Config::default();
        assert_eq!(verdict(&memory(means(128), Some(&config))), Verdict::Warn);
        assert_eq!(verdict(&memory(means(512), Some(&config))), Verdict::Ok);
        config.gateway.connections_max = Some(8193);
        assert_eq!(verdict(&memory(means(512), Some(&config))), Verdict::Warn);
    }

    #[test]
    fn a_disk_is_judged_by_its_room_and_by_its_time() {
        let disk = |free| space(Path::new("data"), Disk { size: 1000, free });
        assert_eq!(verdict(&disk(100)), Verdict::Ok);
        assert_eq!(verdict(&disk(99)), Verdict::Warn);
        assert_eq!(verdict(&disk(19)), Verdict::Fail);
        assert_eq!(verdict(&synced(Duration::from_millis(50))), Verdict::Ok);
        assert_eq!(verdict(&synced(Duration::from_millis(51))), Verdict::Warn);
        assert_eq!(verdict(&synced(Duration::from_millis(1001))), Verdict::Fail);
    }

    #[test]
    fn a_clock_that_somebody_keeps_leaves_a_trace() {
        let root = tempfile::tempdir().expect("a folder");
        let leave = |trace: &str| {
            let trace = root.path().join(trace);
            fs::create_dir_all(trace.parent().expect("a folder")).expect("make it");
            fs::write(trace, "1").expect("write");
        };
        let judge = |expected: Verdict, words: &str| {
            let finding = clock(root.path());
            assert_eq!(verdict(&finding), expected, "{finding}");
            assert!(finding.found.contains(words), "{finding}");
        };
        judge(Verdict::Warn, "nothing was seen");
        fs::create_dir_all(root.path().join("run/systemd/timesync")).expect("make it");
        judge(Verdict::Warn, "has not set it since");
        leave("run/chrony/chronyd.pid");
        judge(Verdict::Ok, "chrony runs; `timedatectl` says");
        leave("run/systemd/timesync/synchronized");
        judge(Verdict::Ok, "set by systemd-timesyncd");
    }

    #[test]
    fn nothing_stays_of_a_look_at_the_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let findings = disk(&folder.path().join("a/b"));
        assert_eq!(findings[0].what, "data folder");
        assert_eq!(findings[2].what, "disk writes");
        assert_ne!(findings[2].verdict, Verdict::Fail, "{findings:?}");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
