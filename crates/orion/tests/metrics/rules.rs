//! What is shipped for Prometheus and Grafana speaks of metrics that there are, and each alert does what it is for.

use crate::start;
use crate::support::tool;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a server of a simulated market without TLS and models does not tell.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "orion_engine_model_",
        "told where models are asked; tests/models.rs",
    ),
    ("orion_tls_", "told where TLS is spoken; tests of TLS"),
];

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(shipped(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The kind of each metric of a text, by its name.
fn kinds(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| line.split_once(' ')).collect()
}

/// Every name of a series that such metrics have.
fn series(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, kind) in kinds(text) {
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_count", "_sum"],
            _ => &[""],
        };
        names.extend(ends.iter().map(|end| format!("{name}{end}")));
    }
    names
}

fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("orion_")).collect()
}

fn told() -> String {
    let (_folder, server) = start(&["--set", "operator.webhook=http://127.0.0.1:1/none"]);
    server.get("/metrics")
}

#[test]
fn rules_and_board_and_documents_name_metrics_that_there_are() {
    let text = told();
    let there = series(&text);
    for file in [
        "deploy/prometheus/alerts.yml",
        "deploy/prometheus/alerts_test.yml",
        "deploy/grafana/orion.json",
        "docs/runbook.md",
    ] {
        let content = read(file);
        let names = named(&content);
        assert!(names.len() > 5, "{file} names {names:?}");
        for name in names {
            let is_elsewhere = ELSEWHERE.iter().any(|(begin, _)| name.starts_with(begin));
            assert!(
                is_elsewhere || there.contains(name),
                "{file}: {name} is no metric of\n{there:?}"
            );
        }
    }
    let page = read("docs/monitoring.md");
    let explained = |name: &&str| page.contains(name.trim_start_matches("orion_"));
    for name in kinds(&text).keys() {
        assert!(
            explained(name),
            "docs/monitoring.md does not explain {name}"
        );
    }
    const AREAS: [&str; 10] = [
        "connections",
        "messages",
        "latency",
        "journal",
        "feed",
        "engine",
        "signals",
        "outbox",
        "tls",
        "process",
    ];
    for name in kinds(&text).keys() {
        let area = name.split('_').nth(1).expect("an area");
        assert!(AREAS.contains(&area), "{name} is of no area");
    }
}

#[test]
fn each_alert_stands_in_the_runbook() {
    let (rules, runbook) = (
        read("deploy/prometheus/alerts.yml"),
        read("docs/runbook.md"),
    );
    let alerts: Vec<_> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 15, "{alerts:?}");
    for alert in alerts {
        assert!(
            runbook.contains(&format!("\n### {alert}\n")),
            "docs/runbook.md has no section {alert}"
        );
        let link = format!("docs/runbook.md#{}", alert.to_lowercase());
        assert!(rules.contains(&link), "{alert} does not lead to {link}");
    }
}

/// What Grafana wants of a board, as far as it can be seen without one: panels with places that do not overlap, and queries.
#[test]
fn the_board_is_whole() {
    let board: Value = serde_json::from_str(&read("deploy/grafana/orion.json")).expect("JSON");
    assert!(board["schemaVersion"].as_u64() >= Some(36));
    let panels = board["panels"].as_array().expect("panels");
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{panel}");
        let at = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        assert!(at("x") + at("w") <= 24, "{panel}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "two panels at {x}, {y}: {panel}");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("queries");
        assert!(!targets.is_empty() && !panel["description"].as_str().expect("words").is_empty());
        for target in targets {
            assert!(
                target["expr"].as_str().expect("a query").contains("orion_"),
                "{target}"
            );
        }
    }
    assert!(panels.len() > 20);
}

fn promtool(arguments: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new(tool("ORION_TEST_PROMTOOL")?)
        .args(arguments)
        .current_dir(shipped("deploy/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start promtool");
    let mut standard_input = child.stdin.take().expect("standard input");
    standard_input.write_all(input.as_bytes()).expect("write");
    drop(standard_input);
    let output = child.wait_with_output().expect("wait for promtool");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {told}");
    Some(told)
}

#[test]
fn prometheus_takes_the_rules_and_each_fires_when_it_should() {
    let Some(checked) = promtool(&["check", "rules", "alerts.yml"], "") else {
        return;
    };
    assert!(checked.contains("25 rules found"), "{checked}");
    promtool(&["check", "config", "prometheus.yml"], "");
    promtool(&["test", "rules", "alerts_test.yml"], "");
    let queries = read("deploy/grafana/orion.json");
    let board: Value = serde_json::from_str(&queries).expect("JSON");
    // The board's queries as rules of their own: Prometheus reads each.
    let mut rules = "groups:\n  - name: board\n    rules:\n".to_owned();
    let targets = board["panels"].as_array().expect("panels").iter();
    let targets = targets
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    for (number, target) in targets.enumerate() {
        let query = &target["expr"];
        rules.push_str(&format!(
            "      - {{ record: \"board:{number}\", expr: {query} }}\n"
        ));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("board.yml");
    fs::write(&file, rules).expect("write");
    promtool(&["check", "rules", &file.to_string_lossy()], "");
}

/// In Prometheus' older form, which is the one that promtool looks at: counters have their whole name, and there is no end mark.
fn older(text: &str) -> String {
    let kinds = kinds(text);
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(what), Some(name)) = (words.next(), words.next(), words.next()) else {
            return format!("{line}\n");
        };
        let rest = words.next().unwrap_or_default();
        match (what, kinds.get(name)) {
            ("HELP" | "TYPE", Some(&"counter")) => format!("# {what} {name}_total {rest}\n"),
            (_, _) => format!("{line}\n"),
        }
    };
    text.lines()
        .filter(|text| *text != "# EOF")
        .map(line)
        .collect()
}

#[test]
fn prometheus_has_nothing_to_say_against_the_metrics() {
    promtool(&["check", "metrics"], &older(&told()));
}
