//! The disk that a folder lies on.

use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// Bytes of all of it, and those that we may still write.
    pub(crate) size: u64,
    pub(crate) free: u64,
}

impl Disk {
    /// Nothing where the system does not say.
    #[cfg(unix)]
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        let told = rustix::fs::statvfs(folder).ok()?;
        Some(Self {
            size: told.f_blocks.saturating_mul(told.f_frsize),
            free: told.f_bavail.saturating_mul(told.f_frsize),
        })
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_: &Path) -> Option<Self> {
        None
    }

    pub(crate) fn free_percent(self) -> f64 {
        if self.size == 0 {
            return 0.0;
        }
        self.free as f64 * 100.0 / self.size as f64
    }
}
