//! Named points at which a test can end the process, as `kill -9` would, or stop it for ever, as a hung disk would.
//!
//! `ORION_TEST_CRASH=commit:17` ends it when the point `commit` is passed for the 17th time; `ORION_TEST_HANG=commit:17`
//! stops the thread there, `ORION_TEST_PANIC` panics. Points between a decision and a client's socket, in their order: `decision`, `append`, `commit`,
//! `committed`, `publish`, `send`; before each file of the tape that is let go `prune`; of a backup
//! `backup_file` before each file that is copied and `backup_whole` before it has its name; of a restore `restore_file`, `restore_whole` and, when
//! what was there is moved aside, `restore_aside`; `export_whole` before an export has its name; of each file of history `seal_draft` when it is on disk
//! and `seal_file` when it has its name, and `seal_day` before a day counts as sealed; three times where an engine begins anew
//! `anew`; three times where new settings are taken up `adopt`; when a table is drawn `draw`; in a process that takes over `check`, `take`, `ready`, `go`, `serve`.
//!
//! `ORION_TEST_DISK` names a file that says how the disk of tape and journal is, each time that is asked for something: while it
//! holds `sync full`, each sync fails as on a full disk. Instead of `sync` (of the tape) there may be `write`, `append` (to the journal),
//! `open` (of a store that was let go of) and `all`, instead of `full` `readonly`, `broken`, and `hang`, which lasts until the
//! file says otherwise. `ORION_TEST_WAITING_MAX` is how many events may wait for it.
//!
//! Release builds have no such switch.

use std::io;

/// Passes a point.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    use std::sync::LazyLock;
    static CRASH: LazyLock<Option<Plan>> = LazyLock::new(|| Plan::of("ORION_TEST_CRASH"));
    static HANG: LazyLock<Option<Plan>> = LazyLock::new(|| Plan::of("ORION_TEST_HANG"));
    static PANIC: LazyLock<Option<Plan>> = LazyLock::new(|| Plan::of("ORION_TEST_PANIC"));
    if CRASH.as_ref().is_some_and(|plan| plan.is_due(name)) {
        std::process::abort();
    }
    if HANG.as_ref().is_some_and(|plan| plan.is_due(name)) {
        loop {
            std::thread::park();
        }
    }
    let panics = PANIC.as_ref().is_some_and(|plan| plan.is_due(name));
    assert!(!panics, "a test wanted a panic at {name}");
}

/// Where something is to happen.
#[cfg(debug_assertions)]
struct Plan {
    name: String,
    count: u64,
    passed: std::sync::atomic::AtomicU64,
}

#[cfg(debug_assertions)]
impl Plan {
    fn of(variable: &str) -> Option<Self> {
        let plan = std::env::var(variable).ok()?;
        let (name, count) = plan.split_once(':')?;
        Some(Self {
            name: name.to_owned(),
            count: count.parse().ok()?,
            passed: 0.into(),
        })
    }

    fn is_due(&self, name: &str) -> bool {
        use std::sync::atomic::Ordering;
        self.name == name && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.count
    }
}

/// Passes a point.
#[cfg(not(debug_assertions))]
pub fn point(_: &'static str) {}

/// Asks a test whether the disk does this.
///
/// # Errors
/// As the test wants it.
#[cfg(debug_assertions)]
pub fn disk(what: &'static str) -> io::Result<()> {
    use std::sync::LazyLock;
    static FILE: LazyLock<Option<std::ffi::OsString>> =
        LazyLock::new(|| std::env::var_os("ORION_TEST_DISK"));
    let Some(file) = FILE.as_ref() else {
        return Ok(());
    };
    loop {
        let told = std::fs::read_to_string(file).unwrap_or_default();
        let Some((of, how)) = told.trim().split_once(' ') else {
            return Ok(());
        };
        if of != what && of != "all" {
            return Ok(());
        }
        match how {
            "hang" => std::thread::park_timeout(std::time::Duration::from_millis(10)),
            "full" => return Err(io::Error::from_raw_os_error(28)),
            "readonly" => return Err(io::Error::from_raw_os_error(30)),
            "broken" => return Err(io::Error::from_raw_os_error(5)),
            other => panic!("ORION_TEST_DISK does not know {other:?}"),
        }
    }
}

/// How many events may wait for the disk, where a test says so.
#[cfg(debug_assertions)]
pub fn waiting_max() -> Option<usize> {
    std::env::var("ORION_TEST_WAITING_MAX").ok()?.parse().ok()
}

/// Asks nobody.
///
/// # Errors
/// None.
#[cfg(not(debug_assertions))]
pub fn disk(_: &'static str) -> io::Result<()> {
    Ok(())
}

/// Nobody says so.
#[cfg(not(debug_assertions))]
pub fn waiting_max() -> Option<usize> {
    None
}
