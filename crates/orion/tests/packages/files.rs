//! The files of deploy/, as the programs that read them see them.

use crate::support::tool;
use crate::{have, root, run};
use std::fs;
use std::process::Command;

/// What systemd calls "OK" is an exposure of up to 2.0.
const EXPOSURE_MAX: &str = "20";

#[test]
fn systemd_calls_the_unit_ok_or_better() {
    if let Some(analyze) = tool("ORION_TEST_SYSTEMD_ANALYZE") {
        run(Command::new(analyze)
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={EXPOSURE_MAX}"))
            .arg(root().join("deploy/systemd/orion.service")));
    }
}

#[test]
fn cloud_init_takes_its_file() {
    if have(&["cloud-init"]) {
        let file = root().join("deploy/cloud-init.yaml");
        run(Command::new("cloud-init")
            .args(["schema", "--config-file"])
            .arg(file));
    }
}

/// Caddy's settings have one owner: a new machine gets the file that is tested behind Caddy.
#[test]
fn cloud_init_brings_the_settings_of_caddy() {
    let read = |file: &str| fs::read_to_string(root().join("deploy").join(file)).expect(file);
    let indented = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("      {line}\n"),
    };
    let caddy: String = read("caddy/Caddyfile").lines().map(indented).collect();
    let brought = format!(
        "  - path: /usr/local/share/orion/Caddyfile\n    permissions: \"0644\"\n    content: |\n{caddy}  #"
    );
    let cloud = read("cloud-init.yaml");
    assert!(
        cloud.contains(&brought),
        "deploy/cloud-init.yaml has to hold deploy/caddy/Caddyfile:\n{brought}"
    );
    // Its script puts the name in where it stands, which is one place.
    assert_eq!(
        read("caddy/Caddyfile").matches("orion.example.com").count(),
        1
    );
    assert!(
        cloud.contains(r#"sed "s/orion\.example\.com/$NAME/" /usr/local/share/orion/Caddyfile"#)
    );
}

#[test]
fn whoever_ends_it_waits_longer_than_a_drain_and_a_disk_that_does_not_answer() {
    let drain = orion::config::Config::default().gateway.drain_max_s + 25;
    let number = |file: &str, before: &str| -> u64 {
        let text = fs::read_to_string(root().join(file)).expect(file);
        let (_, rest) = text
            .split_once(before)
            .unwrap_or_else(|| panic!("{file}: {before}"));
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    };
    let minutes = number("deploy/systemd/orion.service", "TimeoutStopSec=");
    assert!(minutes * 60 > drain, "systemd");
    assert!(
        number("deploy/docker/compose.yaml", "stop_grace_period: ") > drain,
        "Docker"
    );
    assert!(
        number("deploy/pm2/ecosystem.config.cjs", "kill_timeout: ") > drain * 1000,
        "PM2"
    );
}

#[test]
fn the_image_runs_what_there_is() {
    let text = fs::read_to_string(root().join("deploy/docker/Dockerfile")).expect("it");
    // Each command of the image is one that the program understands.
    for (begins, command) in [("HEALTHCHECK", "status"), ("CMD", "serve")] {
        let line = text
            .lines()
            .find(|line| line.starts_with(begins))
            .unwrap_or_else(|| panic!("{begins}"));
        let list = &line[line.find('[').expect("a list")..];
        let words: Vec<String> = serde_json::from_str(list).expect("a list as JSON");
        let words: Vec<_> = words
            .iter()
            .filter(|word| !word.ends_with("/orion"))
            .collect();
        assert_eq!(words[0], command);
        let help = run(Command::new(env!("CARGO_BIN_EXE_orion")).args([command, "--help"]));
        for option in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(option.as_str()), "{command} {option}");
        }
    }
    for copied in [
        "deploy/release-requirements.txt",
        "config/orion.toml",
        "LICENSE",
    ] {
        assert!(root().join(copied).is_file(), "{copied}");
    }
    let user = text.lines().rfind(|line| line.starts_with("USER"));
    assert_eq!(user, Some("USER 65532:65532"), "not root");
}
