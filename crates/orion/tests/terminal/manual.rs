//! Completions and manual pages: there for every command, and taken by the programs they are for.

use crate::{orion, text};
use std::process::{Command, Stdio};

/// All commands, as `orion help` lists them.
fn commands() -> Vec<String> {
    let help = text(&orion(&["--help"]).stdout);
    let list = help.split("Commands:\n").nth(1).expect("a list");
    let list = list.lines().take_while(|line| line.starts_with("  "));
    let names = list.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_a_page_and_completions() {
    let commands = commands();
    assert!(commands.len() > 15, "{commands:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let output = orion(&["man", &pages.display().to_string()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for command in &commands {
        let path = pages.join(format!("orion-{command}.1"));
        let page = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    for page in ["orion.1", "orion-signals-list.1", "orion-history-verify.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = orion(&["completions", shell]);
        assert!(output.status.success());
        let script = text(&output.stdout);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{shell}: {command}");
        }
    }
    let output = orion(&["completions", "tcsh"]);
    assert_eq!(output.status.code(), Some(2));
}

/// Whether a program is here.
fn is_here(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok()
}

#[test]
fn bash_completes_with_it() {
    if !is_here("bash") {
        eprintln!("skipped: there is no bash");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("orion.bash");
    std::fs::write(&script, orion(&["completions", "bash"]).stdout).expect("write");
    let ask = r#"source "$1"; COMP_WORDS=(orion signals sh); COMP_CWORD=2; _orion orion sh signals; echo "${COMPREPLY[*]}""#;
    let output = Command::new("bash")
        .args(["-c", ask, "bash"])
        .arg(&script)
        .output();
    let output = output.expect("run bash");
    assert_eq!(
        text(&output.stdout).trim(),
        "show",
        "{}",
        text(&output.stderr)
    );
}
