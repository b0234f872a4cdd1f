//! The rules of the house: which crate may know which, what the core must never use, what may be in the tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_owned()
}

/// What each crate may use of ours; the table of ARCHITECTURE.md.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("market", &[]),
    ("engine", &["market"]),
    ("wire", &["market"]),
    ("hub", &["market", "wire"]),
    ("access", &["market"]),
    ("feeds", &["market", "access"]),
    ("model", &["market"]),
    ("journal", &["market"]),
    ("history", &["market"]),
    ("gateway", &["market", "wire", "hub"]),
    ("lab", &["market", "engine"]),
    ("standin", &[]),
    (
        "orion",
        &[
            "market", "engine", "wire", "hub", "access", "feeds", "model", "journal", "history",
            "gateway", "lab",
        ],
    ),
];

const PURE: [&str; 5] = ["market", "engine", "wire", "hub", "lab"];

/// Every table of dependencies that ships (not those of tests), by crate.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let crates = std::fs::read_dir(root().join("crates")).expect("the crates");
    crates
        .map(|entry| {
            let path = entry.expect("a crate").path();
            let text = std::fs::read_to_string(path.join("Cargo.toml")).expect("its manifest");
            let manifest: toml::Table = text.parse().expect("TOML");
            let tables = ["dependencies", "build-dependencies"];
            let names = tables
                .iter()
                .filter_map(|table| manifest.get(*table)?.as_table());
            let names = names.flat_map(|table| table.keys().cloned()).collect();
            (
                path.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
                names,
            )
        })
        .collect()
}

#[test]
fn crates_use_only_what_they_may() {
    let found = dependencies();
    let known: Vec<&str> = MAY_USE.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        found
            .keys()
            .map(String::as_str)
            .collect::<std::collections::BTreeSet<_>>(),
        known.iter().copied().collect()
    );
    for (name, may) in MAY_USE {
        for used in found[name]
            .iter()
            .filter(|used| known.contains(&used.as_str()))
        {
            assert!(may.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_architecture_page_has_the_same_table() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    for (name, may) in MAY_USE {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not on the map"));
        let told = row.split('|').nth(3).expect("three columns").trim();
        let names: Vec<String> = may.iter().map(|used| format!("`{used}`")).collect();
        let expected = match name {
            "market" | "standin" => "nothing".to_owned(),
            "orion" => "all".to_owned(),
            _ => names.join(", "),
        };
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn the_core_is_pure() {
    let found = dependencies();
    for name in PURE {
        for banned in [
            "tokio", "axum", "hyper", "rusqlite", "tracing", "rand", "anyhow",
        ] {
            assert!(
                !found[name].iter().any(|used| used == banned),
                "{name} must not use {banned}"
            );
        }
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).expect("a source file");
            for banned in [
                "std::fs",
                "std::net",
                "std::env",
                "std::thread",
                "SystemTime",
                "Instant::now",
            ] {
                let used = text
                    .lines()
                    .any(|line| line.contains(banned) && !line.trim_start().starts_with("//"));
                assert!(!used, "{} must not use {banned}", file.display());
            }
        }
    }
}

/// It reads its own files, and is told the time; what lies behind an address is fetched by somebody else.
#[test]
fn access_reaches_for_nothing_but_its_files() {
    let found = dependencies();
    for banned in ["tokio", "axum", "hyper", "reqwest", "anyhow"] {
        let used = found["access"].iter().any(|used| used == banned);
        assert!(!used, "access must not use {banned}");
    }
    for file in sources(&root().join("crates/access/src")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        for banned in [
            "std::env",
            "std::thread",
            "SystemTime::now",
            "Instant::now",
            "TcpStream",
        ] {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            assert!(
                !code.contains(banned),
                "{} must not use {banned}",
                file.display()
            );
        }
    }
}

#[test]
fn one_crypto_stack_and_exact_numbers() {
    // The lock file names it as an option of others; what matters is that no build, for any target, has it.
    let ring = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "--target",
            "all",
            "--workspace",
        ])
        .args(["--prefix", "none", "--invert", "ring"])
        .current_dir(root())
        .output()
        .expect("cargo tree");
    let ring = String::from_utf8(ring.stdout).expect("text");
    assert!(!ring.contains("ring v"), "one crypto provider only: {ring}");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-e", "features"])
        .current_dir(root())
        .output();
    let tree = String::from_utf8(tree.expect("cargo tree").stdout).expect("text");
    assert!(tree.contains("serde_json"));
    assert!(
        !tree.contains("arbitrary_precision"),
        "it breaks every f64 behind a tag, in the whole build"
    );
}

#[test]
fn no_file_is_large_and_none_names_the_machine_it_was_written_on() {
    let listed = Command::new("git")
        .args(["ls-files"])
        .current_dir(root())
        .output();
    let Some(listed) = listed.ok().filter(|output| output.status.success()) else {
        eprintln!("skipped: this is no git checkout");
        return;
    };
    let listed = String::from_utf8(listed.stdout).expect("text");
    // Written so that this file does not name them itself.
    let paths = [
        ["/wo", "rk/"].concat(),
        ["/fa", "rm/"].concat(),
        ["/ho", "me/"].concat(),
    ];
    for name in listed.lines() {
        let path = root().join(name);
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        assert!(
            bytes.len() <= 256 * 1024 || name.ends_with("Cargo.lock"),
            "{name} has {} bytes",
            bytes.len()
        );
        let text = String::from_utf8_lossy(&bytes);
        for banned in &paths {
            assert!(!text.contains(banned.as_str()), "{name} names {banned}");
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}
