//! Restarts as installed: a service manager holds the socket and hears who the main process is. Its reload is `orion reload`, its
//! restart an end and a start, and an update changes what a link points to, as a package or a person does.

use crate::line::{Line, until_price};
use crate::process::activate;
use crate::restarts::{Closed, SNAPSHOT, Size, under_load};
use crate::support::serve_at;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a service manager has of a service.
pub(crate) struct Manager {
    folder: PathBuf,
    pub(crate) socket: TcpListener,
    told: UnixDatagram,
    /// The main process, as it was last told.
    main: Option<u32>,
}

impl Manager {
    pub(crate) fn new(folder: &Path) -> Self {
        let told = UnixDatagram::bind(folder.join("notify")).expect("a socket");
        told.set_nonblocking(true).expect("no waiting");
        fs::create_dir(folder.join("data")).expect("a folder");
        for version in ["first", "second"] {
            fs::create_dir(folder.join(version)).expect("a folder");
            let program = folder.join(version).join("orion");
            fs::copy(env!("CARGO_BIN_EXE_orion"), program).expect("copy the program");
        }
        let broken = folder.join("broken");
        fs::create_dir(&broken).expect("a folder");
        let program = broken.join("orion");
        fs::write(&program, "#!/bin/sh\nexit 3\n").expect("write");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("allow");
        let manager = Self {
            folder: folder.to_owned(),
            socket: TcpListener::bind("127.0.0.1:0").expect("a socket"),
            told,
            main: None,
        };
        // As systemd does: what std asks for is too few for all who are closed at once.
        rustix::net::listen(&manager.socket, 4096).expect("room for connects");
        manager.install("first");
        manager
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn address(&self) -> String {
        self.socket.local_addr().expect("an address").to_string()
    }

    /// Puts a version where the service's program is.
    fn install(&self, version: &str) {
        let new = self.folder.join("new");
        symlink(self.folder.join(version), &new).expect("a link");
        fs::rename(new, self.folder.join("current")).expect("put it in place");
    }

    pub(crate) fn command(&self) -> Command {
        let asked = serve_at("127.0.0.1:1", &self.data(), &SNAPSHOT);
        let mut command = Command::new(self.folder.join("current/orion"));
        command
            .args(asked.get_args())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .env("NOTIFY_SOCKET", self.folder.join("notify"));
        activate(&mut command, &self.socket);
        command
    }

    pub(crate) fn start(&self) -> Line {
        Line::start(&self.data(), self.command())
    }

    /// What was said since the last time, a line each.
    fn heard(&mut self) -> Vec<String> {
        let mut heard = Vec::new();
        let mut bytes = [0; 512];
        while let Ok(length) = self.told.recv(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..length]);
            heard.extend(text.lines().map(str::to_owned));
        }
        for line in &heard {
            if let Some(pid) = line.strip_prefix("MAINPID=") {
                self.main = Some(pid.parse().expect("a process"));
            }
        }
        heard
    }

    /// A reload; the new process is the service's main one, and runs this version.
    pub(crate) fn reload(&mut self, line: &mut Line, version: &str) {
        self.heard();
        let pid = line
            .reload()
            .unwrap_or_else(|reason| panic!("a reload to {version}: {reason}"));
        assert!(self.heard().contains(&format!("MAINPID={pid}")));
        assert_eq!(self.main, Some(line.pid()));
        let program = fs::read_link(format!("/proc/{pid}/exe")).expect("its program");
        assert_eq!(program, self.folder.join(version).join("orion"));
    }

    pub(crate) fn restart(&mut self, line: &mut Line) {
        self.heard();
        line.restart(self.command());
        let heard = self.heard();
        assert_eq!(heard.first().map(String::as_str), Some("STOPPING=1"));
        assert_eq!(heard.last().map(String::as_str), Some("READY=1"));
        self.main = None;
    }
}

#[test]
fn updates_restarts_and_versions_that_fail_refuse_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("a folder");
    let mut manager = Manager::new(&folder);
    let line = manager.start();
    let address = manager.address();
    let data = manager.data();
    under_load(&Size::asked(), &data, &address, line, |line, round| {
        match round % 4 {
            1 => {
                manager.install("second");
                manager.reload(line, "second");
            }
            2 => manager.restart(line),
            3 => {
                let serving = line.pid();
                manager.install("broken");
                let reason = line.reload().expect_err("it cannot serve");
                assert!(reason.contains("goes on serving"), "{reason}");
                assert_eq!(line.pid(), serving);
                until_price(&mut line.first.subscribe());
                return Closed::Nobody;
            }
            _ => {
                // The rollback.
                manager.install("first");
                manager.reload(line, "first");
            }
        }
        Closed::All
    });
}
