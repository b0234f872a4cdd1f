//! What `./release` makes, and what deploy/ says to other people's programs.

#[path = "../support/mod.rs"]
mod support;

mod debian;
mod files;
mod pm2;
mod release;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository.
fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the workspace").to_owned()
}

/// Runs a command that has to succeed; what it printed.
fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Whether all of these programs are here; where one is not: a line that says so, and in CI a failure.
fn have(programs: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_here =
        |program: &&&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<_> = programs
        .iter()
        .filter(|program| !is_here(program))
        .collect();
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci.is_empty()),
        "{missing:?} are missing (./check installs them)"
    );
    eprintln!("skipped: {missing:?} are missing (./check installs them)");
    false
}
