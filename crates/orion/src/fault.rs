//! Named points between a decision and a client's socket at which a test can end the process, as `kill -9` would.
//!
//! `ORION_TEST_CRASH=commit:17` ends it when the point `commit` is passed for the 17th time. Points, in their order:
//! `decision`, `append`, `commit`, `committed`, `publish`, `send`; before each file of the tape that is let go `prune`, and
//! three times where an engine begins anew `anew`. Release builds have no such switch.

/// Passes a point.
#[cfg(debug_assertions)]
pub fn point(name: &'static str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PLAN: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let plan = std::env::var("ORION_TEST_CRASH").ok()?;
        let (name, count) = plan.split_once(':')?;
        Some((name.to_owned(), count.parse().ok()?))
    });
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if let Some((planned, count)) = &*PLAN
        && planned == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count
    {
        std::process::abort();
    }
}

/// Passes a point.
#[cfg(not(debug_assertions))]
pub fn point(_: &'static str) {}
