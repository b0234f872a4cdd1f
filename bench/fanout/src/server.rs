//! The servers to compare, as values in a table, and one of them as a process of its own on its own core.
//!
//! How it is spoken to is said in `served/`.

use crate::machine::{self, Cores};
use crate::message;
use crate::pace::Pace;
use anyhow::{Context as _, Result, bail};
use bench_clients::Tls;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// As it is called in tables.
    pub name: &'static str,
    pub program: Program,
    pub rank: Rank,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Part of this program, under this name, with this level of log.
    Ours(&'static str, &'static str),
    /// A file in `servers/`, for the Python that `bench/run` prepared.
    Python(&'static str),
    /// The same for Node.
    Node(&'static str),
}

/// How often a server is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// In every round: a target is a ratio to it.
    Rival,
    /// Once, to show where it stands.
    Other,
}

pub const ORION: Server = Server {
    name: "ORION",
    program: Program::Ours("orion", "info"),
    rank: Rank::Rival,
};
/// To see what TLS costs.
pub const ORION_TLS: Server = Server {
    name: "ORION, TLS",
    program: Program::Ours(TLS, "info"),
    rank: Rank::Rival,
};
/// To see what the log costs: nothing in it is an error.
pub const ORION_WITHOUT_LOG: Server = Server {
    name: "ORION without a log",
    program: Program::Ours("orion", "error"),
    rank: Rank::Rival,
};
pub const RAW: Server = Server {
    name: "raw loop",
    program: Program::Ours("raw", "off"),
    rank: Rank::Rival,
};
pub const RAW_EACH: Server = Server {
    name: "raw loop, each message",
    program: Program::Ours("raw-each", "off"),
    rank: Rank::Other,
};
pub const UWEBSOCKETS: Server = Server {
    name: "uWebSockets",
    program: Program::Python("uwebsockets.py"),
    rank: Rank::Rival,
};
pub const AXUM: Server = Server {
    name: "axum + broadcast",
    program: Program::Ours("axum", "off"),
    rank: Rank::Other,
};
pub const NODE: Server = Server {
    name: "Node ws",
    program: Program::Node("ws.mjs"),
    rank: Rank::Other,
};
pub const PYTHON: Server = Server {
    name: "Python websockets",
    program: Program::Python("websockets_py.py"),
    rank: Rank::Other,
};

/// The one that speaks TLS.
pub const TLS: &str = "orion-tls";

/// A running server. It ends with this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    tls: Option<Tls>,
    input: ChildStdin,
    pub address: SocketAddr,
}

/// Where `bench/run` put what servers in other languages need, and where logs go.
#[derive(Debug)]
pub struct Workshop {
    folder: PathBuf,
    cores: Option<Cores>,
}

impl Workshop {
    pub fn new(folder: PathBuf, cores: Option<Cores>) -> Self {
        Self { folder, cores }
    }

    /// Why a server cannot be had, if it cannot.
    pub fn lacks(&self, server: Server) -> Option<String> {
        let (runtime, tool) = match server.program {
            Program::Ours(..) => return None,
            Program::Python(_) => (self.python(), "python"),
            Program::Node(_) => (self.folder.join("node/node_modules/ws"), "node"),
        };
        if runtime.exists() {
            return None;
        }
        let why = fs::read_to_string(self.folder.join(format!("{tool}.missing")));
        Some(why.map_or_else(
            |_| {
                format!(
                    "`bench/run fanout` prepares it, and {} is not there",
                    runtime.display()
                )
            },
            |why| why.trim().to_owned(),
        ))
    }

    /// Starts a server on its core and waits until it says where it listens.
    ///
    /// # Errors
    /// When it cannot be started, or ends at once.
    pub fn start(&self, server: Server) -> Result<Process> {
        let log_path = self.folder.join("server.log");
        let log =
            File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;
        let mut command = self.command(server)?;
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = self.start_on_core(&mut command)?;
        let input = child.stdin.take().context("the server's input")?;
        let output = child.stdout.take().context("the server's output")?;
        let mut said = String::new();
        BufReader::new(output).read_line(&mut said)?;
        let Some(address) = said.trim().strip_prefix("open ") else {
            child.kill()?;
            child.wait()?;
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            let last = log.lines().last().unwrap_or("and said nothing");
            bail!("it ended at once: {last}");
        };
        let speaks_tls = matches!(server.program, Program::Ours(TLS, _));
        Ok(Process {
            child,
            input,
            tls: speaks_tls.then(Tls::new),
            address: address.parse().context("the server's address")?,
        })
    }

    /// A process inherits the cores of the thread that starts it.
    fn start_on_core(&self, command: &mut Command) -> Result<Child> {
        if let Some(cores) = self.cores {
            cores.enter_server()?;
        }
        let child = command
            .spawn()
            .with_context(|| format!("start {}", command.get_program().display()));
        if let Some(cores) = self.cores {
            cores.enter_load()?;
        }
        child
    }

    fn command(&self, server: Server) -> Result<Command> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers");
        Ok(match server.program {
            Program::Ours(name, log) => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["serve", name]).env("BENCH_LOG", log);
                command
            }
            Program::Python(file) => {
                let mut command = Command::new(self.python());
                command.arg(scripts.join(file)).arg(message::TEMPLATE);
                command
            }
            Program::Node(file) => {
                let mut command = Command::new("node");
                // Modules are looked for beside the program.
                let program = self.folder.join("node").join(file);
                command.arg(program).arg(message::TEMPLATE);
                command
            }
        })
    }

    fn python(&self) -> PathBuf {
        self.folder.join("python/bin/python")
    }
}

impl Process {
    /// How its clients speak TLS, if they do.
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// Makes it publish.
    ///
    /// # Errors
    /// When it has ended.
    pub fn publish(&mut self, pace: Pace) -> Result<()> {
        writeln!(self.input, "{pace}").context("the server has ended")
    }

    pub fn cpu_nanos(&self) -> Result<u64> {
        machine::cpu_nanos(self.child.id())
    }

    pub fn own_memory(&self) -> Result<u64> {
        machine::own_memory(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Clients are gone or do not matter; it fails only when the process has ended.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}
