//! The archive and the Debian package: what is in them, that the same inputs give the same bytes, and a life from the archive.

use crate::support::{Server, signal};
use crate::{have, root, run};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const TOOLS: [&str; 7] = [
    "dpkg-deb", "strip", "objdump", "tar", "gzip", "cc", "python3",
];

/// ORION without what a debugger wants to know: packing takes less time.
fn small(folder: &Path) -> PathBuf {
    let program = folder.join("orion");
    fs::copy(env!("CARGO_BIN_EXE_orion"), &program).expect("copy");
    run(Command::new("strip").arg("--strip-all").arg(&program));
    program
}

/// What stands in for the ONNX Runtime, which takes long to pack: a library, and the files that have to lie beside it.
fn library(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("one.c"), folder.join("libonnxruntime.so.1"));
    fs::write(&source, "int one(void) { return 1; }\n").expect("write");
    run(Command::new("cc")
        .args(["-shared", "-o"])
        .args([&library, &source]));
    for name in ["LICENSE", "ThirdPartyNotices.txt"] {
        fs::write(folder.join(name), format!("of the library: {name}\n")).expect("write");
    }
    library
}

/// A command that packages `program`, and `library` if there is one, into `out`.
fn release(program: &Path, library: &Path, out: &Path) -> Command {
    let mut command = Command::new(root().join("release"));
    command
        .arg("--binary")
        .arg(program)
        .arg("--library")
        .arg(library)
        .arg("--quick")
        .arg("--out")
        .arg(out)
        .env("CARGO", env!("CARGO"))
        .env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

/// Where the archive and the package of this build are: made once for all tests, beside `orion` and the library they are made of.
pub(crate) fn packed() -> &'static Path {
    static PACKED: OnceLock<PathBuf> = OnceLock::new();
    PACKED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("of an earlier run");
        }
        fs::create_dir_all(&folder).expect("a folder");
        run(&mut release(
            &small(&folder),
            &library(&folder),
            &folder.join("out"),
        ));
        folder
    })
}

/// The one file of a folder with such an end.
pub(crate) fn file(folder: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder");
    let mut paths = files.map(|file| file.expect("a file").path());
    paths
        .find(|path| path.to_string_lossy().ends_with(end))
        .unwrap_or_else(|| panic!("no {end} in {}", folder.display()))
}

#[test]
fn archive_and_package_are_whole() {
    if !have(&TOOLS) {
        return;
    }
    let packed = packed().join("out");
    run(Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(&packed));
    let folder = tempfile::tempdir().expect("a folder");
    package_has_what_it_promises(&file(&packed, ".deb"), folder.path());
    archive_runs(&file(&packed, ".tar.gz"), folder.path());
}

/// However the machine is set where it is done.
#[test]
fn the_same_program_gives_the_same_bytes() {
    if !have(&TOOLS) {
        return;
    }
    let first = packed();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let again = release(
        &first.join("orion"),
        &first.join("libonnxruntime.so.1"),
        &out,
    );
    run(Command::new("sh")
        .args(["-c", "umask 077; exec \"$@\"", "sh"])
        .arg(again.get_program())
        .args(again.get_args())
        .envs(
            again
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .env("TZ", "Asia/Tokyo")
        .env("LC_ALL", "C.UTF-8")
        .env("TMPDIR", folder.path())
        .current_dir(folder.path()));
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).expect("sums");
    assert_eq!(sums(&out), sums(&first.join("out")));
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
        ("usr/share/doc/orion/NOTICE.gz", 0o644),
        ("usr/share/doc/orion/orion.cdx.json.gz", 0o644),
        ("usr/share/doc/orion/onnxruntime-LICENSE", 0o644),
        (
            "usr/share/doc/orion/onnxruntime-ThirdPartyNotices.txt.gz",
            0o644,
        ),
        ("usr/lib/orion/libonnxruntime.so", 0o644),
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
    // What it is made of, and the licences of that, as their own commands write them.
    for (path, command) in [("orion.cdx.json", "sbom"), ("NOTICE", "notices")] {
        let made = run(Command::new(root().join("deploy").join(command))
            .env("CARGO", env!("CARGO"))
            .env("SOURCE_DATE_EPOCH", "1700000000"));
        let packed = fs::read_to_string(tree.join(path)).expect(path);
        assert!(made == packed, "{path} is not what deploy/{command} writes");
    }
    for path in ["LICENSE", "ThirdPartyNotices.txt"] {
        let text = fs::read_to_string(tree.join("licences-onnxruntime").join(path)).expect(path);
        assert_eq!(text, format!("of the library: {path}\n"));
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

/// Whoever hands on a library has to hand on its licence.
#[test]
fn a_library_without_its_licence_is_not_packed() {
    if !have(&TOOLS) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let library = library(folder.path());
    fs::remove_file(folder.path().join("LICENSE")).expect("remove");
    let program = Path::new(env!("CARGO_BIN_EXE_orion"));
    let out = folder.path().join("out");
    let output = release(program, &library, &out).output().expect("run it");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(
        complaint.contains("its LICENSE and ThirdPartyNotices.txt"),
        "{complaint}"
    );
    assert_eq!(fs::read_dir(&out).expect("a folder").count(), 0);
}

#[test]
fn a_wrong_option_of_release_says_how_it_is_called() {
    for (options, words) in [
        (&["--nonsense"][..], "usage: ./release"),
        (&["--glibc", "old"], "--glibc old: it is a version of glibc"),
    ] {
        let output = Command::new(root().join("release"))
            .args(options)
            .output()
            .expect("run it");
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(words), "{complaint}");
    }
}
