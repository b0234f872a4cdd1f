//! The archive and the Debian package: what is in them, that the same inputs give the same bytes, and a life from the archive.

use crate::support::{Server, signal};
use crate::{have, root, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TOOLS: [&str; 5] = ["dpkg-deb", "strip", "objdump", "tar", "gzip"];

/// ORION without what a debugger wants to know: packing takes less time.
fn small(folder: &Path) -> PathBuf {
    let program = folder.join("orion");
    fs::copy(env!("CARGO_BIN_EXE_orion"), &program).expect("copy");
    run(Command::new("strip").arg("--strip-all").arg(&program));
    program
}

fn release(program: &Path, out: &Path) {
    run(Command::new(root().join("release"))
        .args(["--no-library", "--binary"])
        .arg(program)
        .arg("--out")
        .arg(out)
        .env("SOURCE_DATE_EPOCH", "1700000000"));
}

/// The one file of a folder with such an end.
fn file(folder: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder");
    let mut paths = files.map(|file| file.expect("a file").path());
    paths
        .find(|path| path.to_string_lossy().ends_with(end))
        .unwrap_or_else(|| panic!("no {end} in {}", folder.display()))
}

#[test]
fn archive_and_package_are_whole_and_the_same_each_time() {
    if !have(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let program = small(folder);
    let (first, second) = (folder.join("first"), folder.join("second"));
    release(&program, &first);
    let sums = fs::read_to_string(first.join("SHA256SUMS")).expect("sums");
    run(Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&first));
    if std::env::var_os("ORION_TEST_SLOW").is_some() {
        release(&program, &second);
        assert_eq!(
            fs::read_to_string(second.join("SHA256SUMS")).expect("sums"),
            sums
        );
    }
    package_has_what_it_promises(&file(&first, ".deb"), folder);
    archive_runs(&file(&first, ".tar.gz"), folder);
}

fn package_has_what_it_promises(package: &Path, folder: &Path) {
    let (tree, control) = (folder.join("tree"), folder.join("control"));
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(package)
        .arg(&tree));
    run(Command::new("dpkg-deb")
        .arg("--control")
        .arg(package)
        .arg(&control));
    for (path, mode) in [
        ("usr/bin/orion", 0o755),
        ("etc/orion/orion.toml", 0o644),
        ("usr/lib/systemd/system/orion.service", 0o644),
        ("usr/lib/systemd/system/orion.socket", 0o644),
        ("usr/share/man/man1/orion-serve.1.gz", 0o644),
        ("usr/share/bash-completion/completions/orion", 0o644),
        ("usr/share/doc/orion/copyright", 0o644),
    ] {
        let found = fs::metadata(tree.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(found.permissions().mode() & 0o777, mode, "{path}");
    }
    let kept = fs::read_to_string(control.join("conffiles")).expect("conffiles");
    assert_eq!(
        kept, "/etc/orion/orion.toml\n",
        "an upgrade keeps the settings"
    );
    for script in ["postinst", "prerm", "postrm"] {
        let path = control.join(script);
        run(Command::new("sh").arg("-n").arg(&path));
        let mode = fs::metadata(&path).expect(script).permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{script}");
    }
    let says = run(Command::new("dpkg-deb").arg("--field").arg(package));
    assert!(says.contains("Depends: libc6 (>= 2."), "{says}");
    // What the unit starts is what is installed, with the settings that are.
    let unit = fs::read_to_string(tree.join("usr/lib/systemd/system/orion.service")).expect("it");
    assert!(unit.contains("ExecStart=/usr/bin/orion serve --config /etc/orion/orion.toml "));
    let checked = run(Command::new(tree.join("usr/bin/orion"))
        .args(["check", "--config"])
        .arg(tree.join("etc/orion/orion.toml")));
    assert!(checked.contains("sim"), "{checked}");
}

fn archive_runs(archive: &Path, folder: &Path) {
    run(Command::new("tar")
        .arg("xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder));
    let name = archive.file_name().expect("a name").to_string_lossy();
    let tree = folder.join(name.trim_end_matches(".tar.gz"));
    for path in [
        "LICENSE",
        "config/orion.toml",
        "deploy/systemd/orion.socket",
        "man/man1/orion.1",
    ] {
        assert!(tree.join(path).is_file(), "{path}");
    }
    let mut command = Command::new(tree.join("orion"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(tree.join("config/orion.toml"))
        .arg("--data")
        .arg(folder.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert!(server.get("/").contains("<html"), "the console is inside");
    let ready = run(Command::new(tree.join("orion"))
        .args(["status", "--ready", "--data"])
        .arg(folder.join("data")));
    assert!(ready.starts_with("ready"), "{ready}");
    signal(server.pid(), "TERM");
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_wrong_option_of_release_says_how_it_is_called() {
    let output = Command::new(root().join("release"))
        .arg("--nonsense")
        .output()
        .expect("run it");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: ./release"));
}
