//! A server as it goes on from process to process.

use crate::support::{Client, Server, signal};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server and whoever came after it. All that is left is killed when this is dropped.
pub(crate) struct Line {
    /// The first process, and the outputs of all.
    pub(crate) first: Server,
    data: PathBuf,
    later: Vec<u32>,
}

impl Line {
    /// A server with its data in `data`, which the command names.
    pub(crate) fn start(data: &Path, command: Command) -> Self {
        let first = Server::start(command)
            .unwrap_or_else(|(code, log)| panic!("it ended with {code:?}:\n{log}"));
        Self {
            first,
            data: data.to_owned(),
            later: Vec::new(),
        }
    }

    /// The process that serves.
    pub(crate) fn pid(&self) -> u32 {
        self.later.last().copied().unwrap_or(self.first.pid())
    }

    /// `orion reload`: the new process, or what it says on standard error.
    pub(crate) fn reload(&mut self) -> Result<u32, String> {
        let pid = reload(&self.data)?;
        self.later.push(pid);
        Ok(pid)
    }

    /// As a service manager restarts: it ends the process that serves, waits for all of them, and starts anew.
    pub(crate) fn restart(&mut self, command: Command) {
        signal(self.pid(), "TERM");
        assert!(!self.first.logs("no line has these words"));
        self.later.clear();
        self.first = Server::start(command)
            .unwrap_or_else(|(code, log)| panic!("it ended with {code:?}:\n{log}"));
    }

    /// What /health says of the start.
    pub(crate) fn started(&self) -> String {
        let health: Value = serde_json::from_str(&self.first.get("/health")).expect("JSON");
        health["started"].as_str().expect("a time").to_owned()
    }

    /// Asks the process that serves to end, and waits until all of them have: their outputs are closed.
    pub(crate) fn end(self) {
        signal(self.pid(), "TERM");
        assert!(!self.first.logs("no line has these words"));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for pid in &self.later {
            // Most have ended.
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// `orion reload` on a data folder.
pub(crate) fn reload(data: &Path) -> Result<u32, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["reload", "--data"])
        .arg(data)
        .output()
        .expect("run orion reload");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.code() {
        Some(0) => {
            let told = text(&output.stdout);
            let pid = told.split(' ').nth(1).and_then(|pid| pid.parse().ok());
            Ok(pid.unwrap_or_else(|| panic!("no process in {told:?}")))
        }
        Some(1) => Err(text(&output.stderr)),
        code => panic!("{code:?}: {}", text(&output.stderr)),
    }
}

/// Reads until a price comes.
pub(crate) fn until_price(client: &mut Client) {
    loop {
        let message = client.next().expect("a price");
        if message["type"] == "price_update" {
            return;
        }
    }
}
