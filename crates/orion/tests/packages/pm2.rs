//! PM2 with our ecosystem file, in a home of its own: start, crash, restart, stop.

use crate::support::{Client, PATIENCE, get, tool};
use crate::{root, run};
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio::time::Instant;

struct Pm2 {
    program: PathBuf,
    home: PathBuf,
    address: String,
}

impl Pm2 {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(words)
            .env("PM2_HOME", &self.home)
            .env("ORION_PROGRAM", env!("CARGO_BIN_EXE_orion"))
            .env("ORION_DATA", self.home.join("data"))
            .env("ORION_OPTIONS", format!("--listen {}", self.address))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, words: &[&str]) -> String {
        run(&mut self.command(words))
    }

    /// What PM2 says of the one thing that it keeps: its process, and how often it was started again.
    fn state(&self) -> (u64, u64, String) {
        let list = self.run(&["jlist"]);
        let json = list.lines().rev().find(|line| line.starts_with('['));
        let list: Value = serde_json::from_str(json.expect("a list")).expect("JSON");
        let one = &list[0];
        let status = one["pm2_env"]["status"].as_str().expect("a status");
        (
            one["pid"].as_u64().expect("a process"),
            one["pm2_env"]["restart_time"].as_u64().expect("a number"),
            status.to_owned(),
        )
    }

    /// When the server that answers was started; waits for one that is not `before`.
    fn started(&self, before: &str) -> String {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "no server answers");
            let answer = get(&self.address, "/health", "");
            let health = answer.ok().map(|(_, body)| serde_json::from_str(&body));
            if let Some(Ok::<Value, _>(health)) = health
                && let Some(started) = health["started"].as_str()
                && health["ready"] != false
                && started != before
            {
                return started.to_owned();
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        let _ended = self
            .command(&["kill"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn children(pid: u64) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("its threads");
    let of = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.expect("a thread").path().join("children")).unwrap_or_default()
    };
    let all: String = tasks.map(of).collect();
    all.split_whitespace().map(str::to_owned).collect()
}

fn kill(pid: &str) {
    run(Command::new("kill").args(["-KILL", pid]));
}

#[test]
fn pm2_starts_restarts_and_stops_it() {
    let Some(program) = tool("ORION_TEST_PM2") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let free = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let pm2 = Pm2 {
        program,
        home: folder.path().to_owned(),
        address,
    };
    let file = root().join("deploy/pm2/ecosystem.config.cjs");
    pm2.run(&["start", &file.display().to_string()]);
    let first = pm2.started("");
    let (holder, restarts, _) = pm2.state();

    // A crash of the server: PM2 sees none, and the socket stays.
    kill(&children(holder)[0]);
    let second = pm2.started(&first);
    assert_eq!(pm2.state(), (holder, restarts, "online".to_owned()));

    // A reload is ORION's own.
    run(Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["reload", "--data"])
        .arg(folder.path().join("data")));
    let third = pm2.started(&second);
    assert_eq!(pm2.state(), (holder, restarts, "online".to_owned()));

    // A crash of who holds.
    kill(&holder.to_string());
    let fourth = pm2.started(&third);
    let (other, more, _) = pm2.state();
    assert!(other != holder && more > restarts, "PM2 started it again");

    // A restart and a stop close clients in good order: PM2 waits for the drain.
    for words in [["restart", "orion"], ["stop", "orion"]] {
        let mut client = Client::connect(&pm2.address).expect("connect");
        client.say(&serde_json::json!({"type": "subscribe", "channels": ["prices"]}));
        pm2.run(&words);
        assert_eq!(client.closed(), Some(1012), "{words:?}");
        if words[0] == "restart" {
            pm2.started(&fourth);
        }
    }
    let (_, _, status) = pm2.state();
    assert_eq!(status, "stopped");
    assert!(!is_listening(&pm2.address), "nothing is left behind");
    assert!(Path::new(&pm2.home.join("data/sim-1")).is_dir());
}

fn is_listening(address: &str) -> bool {
    std::net::TcpStream::connect(address).is_ok()
}
