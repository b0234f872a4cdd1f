//! Whatever goes wrong with the new process, the old one goes on, its clients notice nothing, and who asked is told why.

use crate::line::{Line, reload, until_price};
use crate::support::{Client, serve, signal};
use serde_json::json;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server, and a client that must never hear of a reload.
struct Scene {
    line: Line,
    client: Client,
    started: String,
    folder: TempDir,
}

impl Scene {
    fn new(dress: impl FnOnce(&Path, &mut Command)) -> Self {
        Self::of(tempfile::tempdir().expect("a folder"), |folder| {
            let mut command = serve(&folder.join("data"), &[]);
            dress(folder, &mut command);
            command
        })
    }

    fn of(folder: TempDir, command: impl FnOnce(&Path) -> Command) -> Self {
        let line = Line::start(&folder.path().join("data"), command(folder.path()));
        let mut client = line.first.subscribe();
        until_price(&mut client);
        let started = line.started();
        Self {
            line,
            client,
            started,
            folder,
        }
    }

    /// A reload fails for this reason, and nothing else happens.
    fn fails(&mut self, reason: &str) {
        let told = self.line.reload().expect_err("a reload that fails");
        assert!(told.contains("the old process goes on serving"), "{told}");
        assert!(told.contains(reason), "{reason:?} is not in {told}");
        assert_eq!(self.line.started(), self.started, "another process answers");
        self.client.say(&json!({"type": "ping"}));
        while self.client.next().expect("the old client is served")["type"] != "pong" {}
        until_price(&mut self.client);
    }

    fn succeeds(mut self) {
        self.line.reload().expect("a reload");
        assert_eq!(self.client.closed(), Some(1012));
        until_price(&mut self.line.first.subscribe());
        self.line.end();
    }
}

const STORE: &str = "before it said that settings and store are in order";
const TAKEN: &str = "before it said that it has engine and store";
const LET_IN: &str = "before it said that it lets clients in";

#[test]
fn a_new_process_may_crash_at_every_step() {
    for (point, reason) in [
        ("check", STORE),
        ("take", TAKEN),
        ("ready", TAKEN),
        ("go", LET_IN),
        ("serve", LET_IN),
    ] {
        let mut scene = Scene::new(|_, command| {
            command.env("ORION_TEST_CRASH", format!("{point}:1"));
        });
        // Twice: what was taken back is given up again.
        for _ in 0..2 {
            scene.fails("ended (signal: 6 (SIGABRT)");
            scene.fails(reason);
        }
        scene.line.end();
    }
}

#[test]
fn a_new_process_may_hang_at_every_step() {
    let hang = |point: &'static str, reason: &'static str| {
        move || {
            let mut scene = Scene::new(|_, command| {
                command.env("ORION_TEST_HANG", format!("{point}:1"));
                command.args(["--set", "server.reload_timeout_s=10"]);
            });
            scene.fails(reason);
            scene.line.end();
        }
    };
    let hangs = [
        (
            "check",
            "did not say that settings and store are in order within 10 s",
        ),
        (
            "ready",
            "did not say that it has engine and store within 10 s",
        ),
        ("serve", "did not say that it lets clients in within 10 s"),
    ];
    let threads = hangs.map(|(point, reason)| std::thread::spawn(hang(point, reason)));
    for thread in threads {
        thread.join().expect("the old one goes on");
    }
}

#[test]
fn settings_that_cannot_run_change_nothing() {
    let mut scene = Scene::of(tempfile::tempdir().expect("a folder"), |folder| {
        // Without --listen, which would lie over the file.
        let file = folder.join("orion.toml");
        fs::write(&file, "[server]\nlisten = \"127.0.0.1:0\"\n").expect("write");
        let mut command = serve(&folder.join("data"), &[]);
        let arguments = [OsStr::new("--config"), file.as_os_str()];
        let kept = command.get_args().map(OsStr::to_owned).collect::<Vec<_>>();
        let kept = kept
            .into_iter()
            .filter(|word| word != "--listen" && word != "127.0.0.1:0");
        let mut bare = Command::new(command.get_program());
        bare.args(kept).args(arguments);
        std::mem::swap(&mut command, &mut bare);
        piped(command)
    });
    let file = scene.folder.path().join("orion.toml");
    for (text, reason) in [
        ("[prices]\nrepeat = 3\n", "prices.repeat"),
        ("[server\n", "orion.toml"),
        (
            "[server]\nlisten = \"127.0.0.2:0\"\n",
            "a reload keeps the listening socket",
        ),
        (
            "[server]\nlisten = \"127.0.0.1:0\"\n[feed.sim]\nseed = 2\n",
            "a reload keeps the market",
        ),
        (
            "[server]\nlisten = \"127.0.0.1:0\"\n[feed]\nkind = \"tape:gone.csv\"\n",
            "gone.csv",
        ),
    ] {
        fs::write(&file, text).expect("write");
        scene.fails(reason);
    }
    fs::write(
        &file,
        "[server]\nlisten = \"127.0.0.1:0\"\n[prices]\nrepeat_ms = 4000\n",
    )
    .expect("write");
    scene.succeeds();
}

#[test]
fn a_folder_of_another_market_is_not_taken() {
    let mut scene = Scene::new(|_, _| {});
    let note = scene.folder.path().join("data/sim-1/market.toml");
    let text = fs::read_to_string(&note).expect("the note");
    fs::write(&note, text.replace("seed = 1", "seed = 9")).expect("write");
    scene.fails("holds another market");
    fs::write(&note, text).expect("write");
    scene.succeeds();
}

#[test]
fn a_program_that_does_not_start_changes_nothing() {
    // Beside the real one, so that it can be linked.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let real = Path::new(env!("CARGO_BIN_EXE_orion"));
    let mut scene = Scene::of(folder, |folder| {
        let program = folder.join("orion");
        fs::hard_link(real, &program).expect("link the program");
        let mut command = Command::new(program);
        command.args(serve(&folder.join("data"), &[]).get_args());
        piped(command)
    });
    let program = scene.folder.path().join("orion");
    let put = |text: &str, mode: u32| {
        fs::remove_file(&program).expect("remove");
        fs::write(&program, text).expect("write");
        fs::set_permissions(&program, Permissions::from_mode(mode)).expect("permit");
    };
    put("#!/bin/sh\nexit 3\n", 0o755);
    scene.fails("ended (exit status: 3)");
    put("\0\0\0\0 no program", 0o755);
    scene.fails("Exec format error");
    put("#!/bin/sh\n", 0o644);
    scene.fails("Permission denied");
    fs::remove_file(&program).expect("remove");
    scene.fails("orion: No such file");
    fs::hard_link(real, &program).expect("link the program");
    scene.succeeds();
}

#[test]
fn one_reload_at_a_time_and_an_end_ends_it_too() {
    let scene = Scene::new(|_, command| {
        command.env("ORION_TEST_HANG", "check:1");
    });
    let data = scene.folder.path().join("data");
    let first = std::thread::spawn({
        let data = data.clone();
        move || reload(&data)
    });
    assert!(
        scene
            .line
            .first
            .logs("a new process is started to take over")
    );
    let second = reload(&data).expect_err("a second reload");
    assert!(second.contains("a reload is under way already"), "{second}");
    signal(scene.line.first.pid(), "TERM");
    let mut client = scene.client;
    assert_eq!(client.closed(), Some(1012));
    let first = first
        .join()
        .expect("an answer")
        .expect_err("no new process");
    assert!(
        first.contains("ending") || first.contains("ended"),
        "{first}"
    );
    // Both are gone: nobody holds the outputs.
    assert!(!scene.line.first.logs("no line has these words"));
}

/// As [`serve`] starts a server.
fn piped(mut command: Command) -> Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
