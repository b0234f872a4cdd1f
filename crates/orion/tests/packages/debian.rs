//! The Debian package's whole life under dpkg itself: installed, served from, upgraded, taken back a version, removed, purged. Its root
//! is an overlay over this machine's, in memory and in a mount namespace of its own, of which nothing is left behind.

use crate::release::{file, packed};
use crate::support::{Server, key_of, signal};
use crate::{have, run};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const TOOLS: [&str; 4] = ["dpkg", "dpkg-deb", "unshare", "nsenter"];
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The root of the package, in the namespace's own memory; the packages are at /mnt.
const MOUNTS: &str = r#"set -e
mount -t tmpfs -o mode=755 tmpfs "$1/memory"
mkdir "$1/memory/upper" "$1/memory/work" "$1/memory/root"
cd "$1/memory"
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount --rbind /dev root/dev
mount --bind "$1/packages" root/mnt
chroot root /bin/true
echo mounted
exec cat >/dev/null
"#;
/// Stands in for systemd: what the package's scripts ask of it is written down, and a reload fails where it is told to.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$*" >> /asked-of-systemd
case "$1" in reload) [ ! -e /reload-fails ] ;; esac
"#;

/// A root of its own; gone when dropped.
struct Root {
    /// Has the namespace open, until its standard input ends.
    holder: Child,
    folder: tempfile::TempDir,
}

impl Root {
    /// `None`, with a line that says why, where this user or machine may have none.
    fn make() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["memory", "packages"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let mut holder = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                MOUNTS,
                "sh",
            ])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start unshare");
        let mut told = String::new();
        let mut output = BufReader::new(holder.stdout.take().expect("its output"));
        output.read_line(&mut told).expect("its output");
        let root = Self { holder, folder };
        if told == "mounted\n" {
            return Some(root);
        }
        let why = root.complaint();
        eprintln!("skipped: this user or machine may not have a root of its own: {why}");
        None
    }

    fn complaint(mut self) -> String {
        let mut complaint = self.holder.stderr.take().expect("its errors");
        std::io::read_to_string(&mut complaint).expect("its errors")
    }

    /// A command in this root; it becomes the process that is started, as each of these words replaces the one before.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        let root = self.folder.path().join("memory/root");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()))
            .args(["--", "chroot"])
            .arg(root)
            .args(words)
            .env_clear()
            .env("PATH", PATH)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> String {
        run(&mut self.command(words))
    }

    fn output(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("run it")
    }

    /// Runs dpkg, without the triggers of other packages, which take long; what it said.
    fn dpkg(&self, words: &[&str]) -> String {
        let common = ["dpkg", "--no-triggers", "--force-unsafe-io"];
        let output = self.output(&[&common, words].concat());
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(output.status.success(), "{words:?}: {text}");
        text
    }

    fn install(&self, package: &str) -> String {
        self.dpkg(&["--install", &format!("/mnt/{package}.deb")])
    }

    fn write(&self, path: &str, text: &str) {
        self.run(&["sh", "-c", "printf %s \"$2\" > \"$1\"", "sh", path, text]);
    }

    fn read(&self, path: &str) -> String {
        self.run(&["cat", path])
    }

    fn has(&self, path: &str) -> bool {
        self.output(&["test", "-e", path]).status.success()
    }

    /// Owner, group and mode.
    fn stat(&self, path: &str) -> String {
        let told = self.run(&["stat", "--format=%U:%G %a", path]);
        told.trim().to_owned()
    }

    /// What was asked of systemd since the last time.
    fn asked(&self) -> Vec<String> {
        let asked = self.read("/asked-of-systemd");
        self.write("/asked-of-systemd", "");
        asked.lines().map(str::to_owned).collect()
    }

    /// The same as the unit does: as the user, and with its mask.
    fn as_user(&self, words: &[&str]) -> Command {
        let user = ["setpriv", "--reuid=orion", "--regid=orion", "--init-groups"];
        let mask = ["sh", "-c", "umask 0077; exec \"$@\"", "sh"];
        self.command(&[&user, &mask[..], words].concat())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _reaped = self.holder.wait();
    }
}

/// The package of this build, and as those after it: a version that changes no settings, and one that does.
fn packages(folder: &Path) {
    let built = file(&packed().join("out"), ".deb");
    fs::copy(&built, folder.join("first.deb")).expect("copy");
    let tree = folder.join("tree");
    run(Command::new("dpkg-deb")
        .arg("--raw-extract")
        .args([&built, &tree]));
    let control = tree.join("DEBIAN/control");
    for (name, version) in [("second", "90"), ("third", "91")] {
        let text = fs::read_to_string(&control).expect("control");
        let lines = text.lines().map(|line| match line.split_once(' ') {
            Some(("Version:", _)) => format!("Version: {version}\n"),
            _ => format!("{line}\n"),
        });
        fs::write(&control, lines.collect::<String>()).expect("write");
        if name == "third" {
            let settings = tree.join("etc/orion/orion.toml");
            let shipped = fs::read_to_string(&settings).expect("the settings");
            fs::write(&settings, format!("{shipped}\n# A newer one.\n")).expect("write");
        }
        run(Command::new("dpkg-deb")
            .args(["--root-owner-group", "-Znone", "--build"])
            .args([&tree, &folder.join(format!("{name}.deb"))]));
    }
    fs::remove_dir_all(tree).expect("remove");
}

#[test]
fn the_package_is_installed_upgraded_removed_and_purged() {
    if !have(&TOOLS) {
        return;
    }
    let Some(root) = Root::make() else {
        return;
    };
    if root.has("/usr/bin/orion") || root.output(&["getent", "passwd", "orion"]).status.success() {
        eprintln!("skipped: ORION, or a user orion, is on this machine already");
        return;
    }
    packages(&root.folder.path().join("packages"));
    root.run(&["mkdir", "-p", "/run/systemd/system"]);
    root.write("/usr/local/sbin/systemctl", SYSTEMCTL);
    root.run(&["chmod", "755", "/usr/local/sbin/systemctl"]);

    root.install("first");
    let units = "orion.socket orion.service";
    let first = ["daemon-reload", "enable --quiet UNITS", "start UNITS"];
    assert_eq!(
        root.asked(),
        first.map(|line| line.replace("UNITS", units)),
        "a first start"
    );
    is_in_place(&root);
    serves(&root);
    upgrades(&root);
    goes(&root);
}

fn is_in_place(root: &Root) {
    let user = root.run(&["getent", "passwd", "orion"]);
    let fields: Vec<&str> = user.trim().split(':').collect();
    let number: u32 = fields[2].parse().expect("a number");
    assert!(number < 1000, "a system's user: {user}");
    assert_eq!(fields[5], "/var/lib/orion");
    assert!(fields[6].ends_with("nologin"), "nobody logs in: {user}");
    for (path, expected) in [
        ("/var/lib/orion", "orion:orion 750"),
        ("/etc/orion", "root:root 755"),
        ("/etc/orion/orion.toml", "root:root 644"),
        ("/usr/bin/orion", "root:root 755"),
        ("/usr/lib/systemd/system/orion.service", "root:root 644"),
    ] {
        assert_eq!(root.stat(path), expected, "{path}");
    }
    assert_eq!(root.dpkg(&["--verify", "orion"]), "", "files as packed");
}

/// As the unit starts it, but for the socket: the words are its own.
fn serves(root: &Root) {
    let unit = root.read("/usr/lib/systemd/system/orion.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="));
    let mut words: Vec<&str> = start.expect("a command").split(' ').collect();
    let data = "/var/lib/orion";
    let add = [
        "orion", "key", "add", "mybot", "--for", "bots", "--data", data,
    ];
    let token = key_of(&run(&mut root.as_user(&add)));
    words.extend(["--listen", "127.0.0.1:0"]);
    let mut command = root.as_user(&words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    assert!(server.get("/health/ready").contains("ready"));
    let owner = fs::read_to_string(format!("/proc/{}/status", server.pid())).expect("a process");
    let number = root.run(&["id", "--user", "orion"]);
    assert!(
        owner.contains(&format!("Uid:\t{}\t", number.trim())),
        "{owner}"
    );
    assert!(token.starts_with("orion_"), "{token}");
    signal(server.pid(), "TERM");
    assert_eq!(server.wait(), Some(0));
    for (path, expected) in [
        ("/var/lib/orion/keys.toml", "orion:orion 600"),
        ("/var/lib/orion/sim-1", "orion:orion 700"),
    ] {
        assert_eq!(root.stat(path), expected, "{path}");
    }
}

fn upgrades(root: &Root) {
    let settings = "/etc/orion/orion.toml";
    let mine = "[server]\nreload_timeout_s = 31\n";
    root.write(settings, mine);
    root.write("/etc/orion/orion.env", "ORION_KEY_OANDA=none\n");
    let keys = root.read("/var/lib/orion/keys.toml");
    // The first is the script of the package before, which hears of the upgrade too.
    let upgrade = [
        "daemon-reload",
        "daemon-reload",
        "is-active --quiet orion.service",
        "reload orion.service",
    ];

    root.install("second");
    assert_eq!(root.asked(), upgrade, "a hand-over, and no end");
    assert_eq!(root.read(settings), mine);

    // A version whose own settings are others. dpkg would ask whoever sits there; where nobody does, apt is told so.
    let answer = ["--force-confdef", "--force-confold"];
    root.dpkg(&[&answer[..], &["--install", "/mnt/third.deb"]].concat());
    assert_eq!(root.asked(), upgrade);
    assert_eq!(root.read(settings), mine);
    assert!(
        root.has("/etc/orion/orion.toml.dpkg-dist"),
        "theirs beside it"
    );

    // Back, while the one before cannot serve.
    root.write("/reload-fails", "");
    let said = root.dpkg(&[&answer[..], &["--install", "/mnt/first.deb"]].concat());
    root.run(&["rm", "/reload-fails"]);
    assert!(
        said.contains("the version before goes on serving"),
        "{said}"
    );
    assert_eq!(root.asked(), upgrade);
    assert_eq!(root.read(settings), mine);
    assert_eq!(root.read("/var/lib/orion/keys.toml"), keys);
    assert_eq!(root.stat("/var/lib/orion"), "orion:orion 750");
}

fn goes(root: &Root) {
    root.dpkg(&["--remove", "orion"]);
    assert_eq!(
        root.asked(),
        [
            "disable --quiet --now orion.service orion.socket",
            "daemon-reload"
        ]
    );
    assert!(!root.has("/usr/bin/orion"));
    let kept = [
        "/etc/orion/orion.toml",
        "/etc/orion/orion.env",
        "/var/lib/orion/keys.toml",
    ];
    for path in kept {
        assert!(root.has(path), "only a purge takes {path}");
    }
    root.run(&["getent", "passwd", "orion"]);

    root.dpkg(&["--purge", "orion"]);
    for path in ["/etc/orion", "/var/lib/orion"] {
        assert!(!root.has(path), "{path} is purged");
    }
    let user = root.output(&["getent", "passwd", "orion"]);
    assert!(!user.status.success(), "nor is there a user");
    let status = root.output(&["dpkg", "--status", "orion"]);
    assert!(!status.status.success(), "dpkg knows it no more");
}
