//! Recorded data and reference outputs, which no repository holds: they are looked for in `ORION_TEST_DATA` (default: a folder
//! `shared` beside the checkout), and what is absent is skipped by name.

use std::path::PathBuf;

/// Where a file of that folder is; `None` where it is not, which is said.
pub(crate) fn shared(file: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ORION_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = root.join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {file}: no {} (set ORION_TEST_DATA)",
        path.display()
    );
    None
}
