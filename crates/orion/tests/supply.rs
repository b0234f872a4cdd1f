//! What ORION is made of: licences, where it came from, what there is twice, and the list of it all. `deny.toml` has the rules.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_owned()
}

/// All packages of the lock file, for any target, those of tests too.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output();
    let metadata = metadata.expect("cargo metadata").stdout;
    let mut metadata: Value = serde_json::from_slice(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array_mut().expect("packages");
    assert!(packages.len() > 50);
    std::mem::take(packages)
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

fn rules() -> toml::Table {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    text.parse().expect("TOML")
}

/// The texts of a list, or the crates that its tables name.
fn listed(section: &str, list: &str) -> BTreeSet<String> {
    let rules = rules();
    let entries = rules[section][list].as_array().expect("a list");
    let name = |entry: &toml::Value| {
        let name = entry
            .get("crate")
            .map_or_else(|| entry.as_str(), toml::Value::as_str);
        name.expect("a name").to_owned()
    };
    entries.iter().map(name).collect()
}

/// Whether an SPDX expression (SPDX 2.3, annex D) lets us have it under one of these. `/` is crates.io's old word for OR.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let answer = any_of(&mut rest, allowed);
    answer && rest.is_empty()
}

fn any_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut answer = all_of(rest, allowed);
    while let Some((&"OR", after)) = rest.split_first() {
        *rest = after;
        answer |= all_of(rest, allowed);
    }
    answer
}

fn all_of(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut answer = one(rest, allowed);
    while let Some((&"AND", after)) = rest.split_first() {
        *rest = after;
        answer &= one(rest, allowed);
    }
    answer
}

fn one(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match **rest {
        ["(", ..] => {
            *rest = &rest[1..];
            let answer = any_of(rest, allowed);
            let closes = rest.first() == Some(&")");
            *rest = rest.get(1..).unwrap_or_default();
            answer && closes
        }
        [name, "WITH", exception, ..] => {
            *rest = &rest[3..];
            allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, ..] => {
            *rest = &rest[1..];
            allowed.contains(name)
        }
        [] => false,
    }
}

#[test]
fn expressions_of_licences_are_understood() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    let allowed = BTreeSet::from(allowed);
    let check = |expression: &str, expected: bool| {
        assert_eq!(allows(expression, &allowed), expected, "{expression}");
    };
    check("MIT", true);
    check("MIT OR GPL-3.0", true);
    check("GPL-3.0/MIT", true);
    check("MIT AND GPL-3.0", false);
    check("MIT AND (GPL-3.0 OR ISC)", true);
    check("(MIT OR ISC) AND GPL-3.0", false);
    check("GPL-3.0 AND MIT OR ISC", true);
    check("Apache-2.0", false);
    check("Apache-2.0 WITH LLVM-exception", true);
    check("GPL-2.0 WITH LLVM-exception", false);
    check("(MIT", false);
    check("MIT ISC", false);
    check("", false);
}

#[test]
fn licences_are_permissive_and_sources_are_known() {
    let allowed = listed("licenses", "allow");
    let registries = listed("sources", "allow-registry");
    for package in packages() {
        let (name, licence) = (text(&package, "name"), text(&package, "license"));
        assert!(allows(licence, &allowed), "{name}: `{licence}`");
        if let Some(source) = package["source"].as_str() {
            let registry = source.strip_prefix("registry+").unwrap_or(source);
            assert!(registries.contains(registry), "{name} is of {source}");
        }
    }
}

#[test]
fn there_is_one_stack_of_tls_and_no_twin_without_a_reason() {
    let banned = listed("bans", "deny");
    assert!(banned.contains("openssl") && banned.contains("native-tls"));
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let name = text(&package, "name");
        assert!(!banned.contains(name), "{name} must not be here");
        let version = text(&package, "version").to_owned();
        versions.entry(name.to_owned()).or_default().insert(version);
    }
    assert_eq!(versions["rustls"].len(), 1);
    let twins = versions.into_iter().filter(|(_, all)| all.len() > 1);
    let twins: BTreeSet<String> = twins.map(|(name, _)| name).collect();
    let told = listed("bans", "skip");
    let new: Vec<_> = twins.difference(&told).collect();
    let gone: Vec<_> = told.difference(&twins).collect();
    assert!(
        new.is_empty(),
        "in more than one version, and not in deny.toml: {new:?}"
    );
    assert!(
        gone.is_empty(),
        "deny.toml lists twins that are none: {gone:?}"
    );
}

/// What `deploy/sbom` writes has all of the program, the console and the model's library in it, and nothing of tests.
#[test]
fn the_bill_of_materials_is_whole() {
    let made = Command::new("python3")
        .arg(root().join("deploy/sbom"))
        .env("CARGO", env!("CARGO"))
        .output();
    let Ok(made) = made else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        eprintln!("skipped: python3 is missing");
        return;
    };
    let complaint = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{complaint}");
    let bill: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let components = bill["components"].as_array().expect("components");
    let known: BTreeSet<&str> = components.iter().map(|one| text(one, "purl")).collect();
    assert_eq!(known.len(), components.len(), "each once");
    let all: BTreeSet<String> = packages()
        .iter()
        .filter(|package| package["source"].is_string())
        .map(|package| {
            format!(
                "pkg:cargo/{}@{}",
                text(package, "name"),
                text(package, "version")
            )
        })
        .collect();
    let cargo = known
        .iter()
        .filter(|purl| purl.starts_with("pkg:cargo/"))
        .map(|purl| (*purl).to_owned())
        .collect::<BTreeSet<_>>();
    assert!(cargo.is_subset(&all), "of the lock file");
    let has = |part: &str| known.iter().any(|purl| purl.starts_with(part));
    for part in [
        "pkg:cargo/tokio@",
        "pkg:cargo/rustls@",
        "pkg:cargo/aws-lc-rs@",
        "pkg:npm/preact@",
        "pkg:npm/fancy-canvas@",
    ] {
        assert!(has(part), "{part} is missing");
    }
    for part in [
        "pkg:cargo/proptest@",
        "pkg:cargo/expect-test@",
        "pkg:cargo/ring@",
        "pkg:npm/typescript@",
    ] {
        assert!(!has(part), "{part} does not ship");
    }
    for component in components {
        let named = component["licenses"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        assert!(named, "{} is under no licence", text(component, "bom-ref"));
    }
}

/// The crates that are linked into the program for Linux, by another way than `deploy/sbom` goes: "name version".
fn linked() -> BTreeSet<String> {
    let target = ["--target", "x86_64-unknown-linux-gnu"];
    let told = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", "orion"])
        .args(target)
        .args(["--edges", "normal", "--prefix", "none"])
        .current_dir(root())
        .output();
    let told = String::from_utf8(told.expect("cargo tree").stdout).expect("text");
    let crates = told.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        // Ours are in a folder of the workspace.
        let is_ours = words.next().is_some_and(|word| word.starts_with("(/"));
        (!is_ours).then(|| format!("{name} {version}"))
    });
    crates.collect()
}

/// `deploy/notices` names each crate that is linked in, with a text of its licence.
#[test]
fn the_notice_has_the_licence_of_each_crate() {
    let made = Command::new("python3")
        .arg(root().join("deploy/notices"))
        .env("CARGO", env!("CARGO"))
        .output();
    let Ok(made) = made else {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        eprintln!("skipped: python3 is missing");
        return;
    };
    let complaint = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{complaint}");
    let notice = String::from_utf8(made.stdout).expect("text");
    let rule = format!("\n{}\n", "=".repeat(100));
    let mut parts = notice.split(rule.as_str());
    let list = parts.next().expect("a list");
    let texts: BTreeMap<&str, &str> = parts
        .clone()
        .filter_map(|part| part.strip_prefix('[')?.split_once("]\n"))
        .collect();
    let named: BTreeMap<&str, &str> = list
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let linked = linked();
    assert!(linked.len() > 100, "{linked:?}");
    for part in &linked {
        let told = named.get(part.as_str());
        let numbers = told.and_then(|told| told.rsplit_once('['));
        let Some((_, numbers)) = numbers else {
            panic!("NOTICE does not name {part}");
        };
        let of_it = numbers.trim_end_matches(']').split(", ");
        let of_it: Option<Vec<&str>> = of_it.map(|number| texts.get(number).copied()).collect();
        // Some bring a note of a few lines beside the licence.
        let has_one = of_it.is_some_and(|all| all.iter().any(|text| text.len() > 500));
        assert!(has_one, "NOTICE has no licence of {part}, only [{numbers}");
    }
    // Sources of others that crates bring: each has a notice of its own. And the pages, and Rust's own library.
    for words in [
        "Microsoft Corporation, Daan Leijen",
        "Copyright (c) Meta Platforms, Inc. and affiliates",
        "fiat-crypto",
        "Lightweight Charts",
        "Preact",
        "uPlot",
        "The Rust Standard Library",
    ] {
        assert!(notice.contains(words), "{words:?} is not in NOTICE");
    }
}
