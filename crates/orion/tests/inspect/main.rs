//! `orion inspect`: what it prints, byte by byte, of files of every kind, and what it says of those it cannot read.

mod files;
mod mistakes;
mod reference;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs `orion inspect`.
pub(crate) fn inspect(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .arg("inspect")
        .args(arguments)
        .output()
        .expect("run orion")
}

/// What it prints; it succeeds.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let output = inspect(arguments);
    let told = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    text(&output.stdout)
}

/// What it complains about; it fails.
pub(crate) fn complaint(arguments: &[&str]) -> String {
    let output = inspect(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    text(&output.stderr)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// A folder of files that goes when it is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("write");
        path.display().to_string()
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The files of the reference engine's own tests.
pub(crate) fn synthetic(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../engine/tests/data")
        .join(file)
}
