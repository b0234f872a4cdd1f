//! Named points at which a test can end the process, as `kill -9` would, or stop it for ever, as a hung disk would.
//!
//! `ORION_TEST_CRASH=commit:17` ends it when the point `commit` is passed for the 17th time; `ORION_TEST_HANG=commit:17`
//! stops the thread there, `ORION_TEST_PANIC` panics. Points between a decision and a client's socket, in their order: `decision`, `append`, `commit`,
//! `committed`, `publish`, `send`; before each file of the tape that is let go `prune`; of a backup
//! `backup_file` before each file that is copied and `backup_whole` before it has its name; of a restore `restore_file`, `restore_whole` and, when
//! what was there is moved aside, `restore_aside`; `export_whole` before an export has its name; of each file of history `seal_draft` when it is on disk
//! and `seal_file` when it has its name, and `seal_day` before a day counts as sealed; three times where an engine begins anew
//! `anew`; when a table is drawn `draw`; in a process that takes over `check`, `take`, `ready`, `go`, `serve`. Release builds have no such switch.

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
