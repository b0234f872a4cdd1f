//! `orion doctor`: what it says, and its exit codes.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn doctor(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["doctor", "--data"])
        .arg(data)
        .args(arguments)
        .env_remove("ORION_KEY_OANDA")
        .env_remove("OANDA_TOKEN")
        .output()
        .expect("run orion doctor")
}

fn findings(output: &Output) -> Vec<(String, String)> {
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    findings
        .map(|finding| (text(&finding["what"]), text(&finding["verdict"])))
        .collect()
}

#[test]
fn a_machine_that_can_carry_a_server_is_said_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = doctor(folder.path(), &["--json", "--listen", "127.0.0.1:0"]);
    let findings = findings(&output);
    for what in [
        "settings",
        "store",
        "address",
        "descriptors",
        "backlog",
        "memory",
        "clock",
        "disk space",
        "disk writes",
    ] {
        let found = findings.iter().find(|(name, _)| name == what);
        assert!(
            found.is_some_and(|(_, verdict)| verdict != "fail"),
            "{what}: {findings:?}"
        );
    }
    assert_eq!(output.status.code(), Some(0), "{findings:?}");
}

#[test]
fn what_fails_is_said_with_what_to_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let market = folder.path().join("sim-1");
    std::fs::create_dir(&market).expect("a folder");
    std::fs::write(
        market.join("journal.sqlite"),
        "this is no journal".repeat(100),
    )
    .expect("write");
    let output = doctor(folder.path(), &["--feed", "oanda"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("FAIL  store         sim-1: "), "{text}");
    let source = text
        .lines()
        .find(|line| line.contains("source        oanda"));
    let source = source.expect("a line");
    assert!(
        source.starts_with("FAIL") && source.contains("ORION_KEY_OANDA"),
        "{source}"
    );

    let output = doctor(folder.path(), &["--set", "prices.repeat_ms=0", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        findings(&output)[0],
        ("settings".to_owned(), "fail".to_owned())
    );
}

/// On 127.0.0.1 the rules for public addresses do not hold, and a proxy brings the public there.
#[test]
fn what_a_proxy_brings_to_this_machine_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = ["--set", "server.proxies=[\"10.0.0.7\"]"];
    let output = doctor(folder.path(), &set);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ok    proxy         "), "{text}");

    let key = crate::support::key(folder.path(), "mybot", "bots");
    assert!(key.starts_with("orion_"));
    let output = doctor(folder.path(), &set);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("warn  proxy "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(
        line.contains("the key mybot can publish") && line.contains("set auth.mode to"),
        "{line}"
    );
}
