//! The console in a real browser: `console/tests`, run by Node against this build's binary.

#[path = "support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use support::tool;

#[test]
fn the_console_holds_what_it_promises() {
    let (Some(node), Some(chromium)) = (tool("ORION_TEST_NODE"), tool("ORION_TEST_CHROMIUM"))
    else {
        return;
    };
    let console = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../console");
    assert!(
        console.join("node_modules").is_dir(),
        "console/node_modules is missing: console/build installs it"
    );
    let run = Command::new(node)
        .current_dir(&console)
        .args(["--test", "--test-reporter=spec", "tests/"])
        .env("ORION_TEST_BINARY", env!("CARGO_BIN_EXE_orion"))
        .env("ORION_TEST_CHROMIUM", chromium)
        .env("TZ", "UTC")
        .output()
        .expect("run node");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    // A run without tests is none.
    assert!(told.contains("the keyboard goes everywhere"), "{told}");
}
