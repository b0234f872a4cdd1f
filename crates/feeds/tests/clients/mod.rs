//! Runs the vendors' own Python clients against a stand-in: where the client is content, the stand-in is faithful.

use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// How long a script may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Runs `tests/clients/<name>.py` with these arguments and shows what it printed; `false` where there is no interpreter to
/// run it with, which is a mistake in CI.
///
/// # Panics
/// When the script fails or does not end.
pub(crate) async fn run(name: &str, arguments: &[&str]) -> bool {
    let Ok(python) = std::env::var("ORION_TEST_PYTHON") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI without ORION_TEST_PYTHON"
        );
        eprintln!("skipped the client {name}.py: ORION_TEST_PYTHON names no interpreter");
        return false;
    };
    let script = format!("{}/tests/clients/{name}.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(python);
    // Isolated: a script has the name of the package that it imports.
    command
        .arg("-I")
        .arg(script)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, command.output());
    let output = output
        .await
        .expect("the script ends")
        .expect("the interpreter starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{name}.py: {}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    eprintln!("{name}.py: {}", text(&output.stdout).trim());
    true
}
