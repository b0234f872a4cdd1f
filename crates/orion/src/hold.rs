//! `orion serve --hold`: a small process that holds the listening socket and keeps a server on it, for process managers that
//! watch one process and know nothing of sockets (PM2, a container's init).
//!
//! The server is a child that finds the socket as one of a service manager (`handover/listening.rs`). Where it crashes,
//! whoever connects waits in the socket's queue for the next one. A reload's new process is the old one's child and of its
//! process group; when the old one is gone it becomes ours ([`adopt_orphans`]), so the group is the server, however many
//! processes it is at the moment. Who holds decides nothing else: it reads the settings once, for the address.

use crate::config::Config;
use crate::handover::{Entrance, give, program};
use anyhow::{Context as _, Result, ensure};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process_group, test_kill_process_group, wait,
};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::Duration;
use tokio::signal::unix::{Signal as Coming, SignalKind, signal};
use tokio::time::{Instant, sleep};

/// Set for a server that is held: the process that holds its socket.
const VARIABLE: &str = "ORION_HELD_BY";

/// How long is waited before a server is started again: at first hardly, then twice as long each time.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A server that went on for so long is no failure in a row. One that could not even start for so long has settings that cannot
/// run.
const STEADY: Duration = Duration::from_secs(60);

/// What a held server is told by signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// To end: Ctrl-C or SIGTERM.
    End,
    /// To read its settings.
    Hangup,
    /// To hand over to a new process.
    Reload,
}

/// The process that holds.
#[derive(Debug)]
struct Holder {
    socket: TcpListener,
    signals: Signals,
}

#[derive(Debug)]
struct Signals {
    terminate: Coming,
    interrupt: Coming,
    hangup: Coming,
    reload: Coming,
    child: Coming,
}

/// A server, from its start to the end of the last of its processes.
#[derive(Clone, Copy, Debug)]
struct Turn {
    lasted: Duration,
    /// How its last process ended; `None` where none could be started.
    status: Option<WaitStatus>,
    was_asked: bool,
}

/// Whether another process holds this one's socket.
#[must_use]
pub fn is_held() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Holds the socket and keeps a server on it until asked to end; the exit code is the server's.
///
/// # Errors
/// When the socket cannot be had, or the system has no such thing as an adopted process.
pub async fn run(entrance: Entrance, config: &Config) -> Result<ExitCode> {
    adopt_orphans()?;
    let signals = Signals::listen().context("listen for signals")?;
    let listening = entrance.listen(config)?;
    ensure!(
        listening.predecessor.is_none(),
        "serve --hold cannot take over from another process: end that one first"
    );
    let socket = listening.socket;
    tracing::info!(address = %socket.local_addr()?, "this process holds the listening socket, and starts a server on it");
    Holder { socket, signals }.keep().await
}

/// Ready when the process that holds this one's socket is gone; never for a server that nobody holds.
pub async fn gone() {
    let holder = std::env::var(VARIABLE).ok().and_then(|pid| {
        let pid = pid.parse().ok()?;
        Pid::from_raw(pid)
    });
    if let Some(holder) = holder {
        end_of(holder).await;
        tracing::warn!("the process that held the listening socket is gone: this one ends too");
    } else {
        std::future::pending::<()>().await;
    }
}

impl Holder {
    async fn keep(mut self) -> Result<ExitCode> {
        let mut pause = PAUSE_MIN;
        let mut is_first = true;
        loop {
            let turn = self.turn().await;
            if turn.was_asked {
                return Ok(code(turn.status));
            }
            if is_first && turn.could_not_start() {
                return Ok(code(turn.status));
            }
            is_first = false;
            pause = after(pause, turn.lasted);
            tracing::error!(
                "the server {}: it is started again in {} ms, and whoever connects meanwhile waits",
                ending(turn.status),
                pause.as_millis()
            );
            tokio::select! {
                () = sleep(pause) => {}
                () = self.signals.end() => return Ok(ExitCode::SUCCESS),
            }
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Starts a server, and passes on what it is told, until it is over.
    async fn turn(&mut self) -> Turn {
        let began = Instant::now();
        let mut turn = Turn {
            lasted: Duration::ZERO,
            status: None,
            was_asked: false,
        };
        match self.start() {
            Ok(group) => self.follow(group, &mut turn).await,
            Err(error) => tracing::error!("no server could be started: {error:#}"),
        }
        turn.lasted = began.elapsed();
        turn
    }

    async fn follow(&mut self, group: Pid, turn: &mut Turn) {
        loop {
            if let Some(said) = self.signals.next().await {
                turn.was_asked |= said == Said::End;
                // Should the last of them have ended just now, its end is seen below.
                let _told = kill_process_group(group, said.signal());
            }
            while let Ok(Some((_, status))) = wait(WaitOptions::NOHANG) {
                turn.status = Some(status);
            }
            if test_kill_process_group(group).is_err() {
                return;
            }
        }
    }

    /// The same program with the same arguments. It leads a process group, which is the server from now on.
    fn start(&self) -> Result<Pid> {
        let program = program()?;
        let mut command = Command::new(&program);
        command
            .args(std::env::args_os().skip(1))
            .env(VARIABLE, std::process::id().to_string())
            .process_group(0);
        give(&mut command, &self.socket).context("pass the listening socket")?;
        let child = command
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Pid::from_child(&child))
    }
}

impl Turn {
    /// It said what is wrong and ended, before anything could go wrong by itself.
    fn could_not_start(&self) -> bool {
        let is_fault = self.status.is_none_or(|status| status.exited());
        is_fault && self.lasted < STEADY
    }
}

impl Said {
    fn signal(self) -> Signal {
        match self {
            Self::End => Signal::TERM,
            Self::Hangup => Signal::HUP,
            Self::Reload => Signal::USR2,
        }
    }
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            reload: signal(SignalKind::user_defined2())?,
            child: signal(SignalKind::child())?,
        })
    }

    /// What a server is to be told; `None` when a process has ended.
    async fn next(&mut self) -> Option<Said> {
        tokio::select! {
            _ = self.terminate.recv() => Some(Said::End),
            _ = self.interrupt.recv() => Some(Said::End),
            _ = self.hangup.recv() => Some(Said::Hangup),
            _ = self.reload.recv() => Some(Said::Reload),
            _ = self.child.recv() => None,
        }
    }

    /// Ready when asked to end. Nobody is there to be told anything else.
    async fn end(&mut self) {
        while self.next().await != Some(Said::End) {}
    }
}

/// The pause before the next start, after a server that lasted so long.
fn after(pause: Duration, lasted: Duration) -> Duration {
    if lasted < STEADY { pause } else { PAUSE_MIN }
}

/// A server's exit code as our own. One that was killed by a signal has the code that a shell gives it.
fn code(status: Option<WaitStatus>) -> ExitCode {
    let by_signal = |status: WaitStatus| Some(128 + status.terminating_signal()?);
    let code = status.and_then(|status| status.exit_status().or_else(|| by_signal(status)));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn ending(status: Option<WaitStatus>) -> String {
    let signal = status.and_then(WaitStatus::terminating_signal);
    match (signal, status.and_then(WaitStatus::exit_status)) {
        (Some(signal), _) => format!("was killed by signal {signal}"),
        (None, Some(code)) => format!("ended with code {code} without being asked"),
        (None, None) => "did not start".to_owned(),
    }
}

/// From now on whoever's parent has ended becomes our child.
#[cfg(target_os = "linux")]
fn adopt_orphans() -> Result<()> {
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).context("follow a server over its reloads")
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() -> Result<()> {
    anyhow::bail!(
        "serve --hold needs Linux: elsewhere a reload's new process cannot be followed; serve without it"
    )
}

#[cfg(target_os = "linux")]
async fn end_of(process: Pid) {
    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, pidfd_open};
    let opened = pidfd_open(process, PidfdFlags::empty());
    if opened.as_ref().err() == Some(&Errno::SRCH) {
        return;
    }
    #[expect(
        deprecated,
        reason = "what takes its place is unsafe, and an owned descriptor is what it asks for"
    )]
    let watched = opened
        .map_err(std::io::Error::from)
        .and_then(tokio::io::unix::AsyncFd::new);
    let over = match &watched {
        Ok(descriptor) => descriptor.readable().await.map(|_| ()),
        Err(error) => Err(std::io::Error::from(error.kind())),
    };
    if let Err(error) = over {
        // An old kernel. Whoever kills the process that holds with SIGKILL has to end this one too.
        tracing::warn!(%error, "the process that holds the listening socket cannot be watched");
        std::future::pending::<()>().await;
    }
}

#[cfg(not(target_os = "linux"))]
async fn end_of(_process: Pid) {
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_stood_for_long_is_started_again_at_once() {
        let long = Duration::from_secs(8);
        for (lasted, expected) in [
            (Duration::ZERO, long),
            (STEADY.saturating_sub(Duration::from_millis(1)), long),
            (STEADY, PAUSE_MIN),
        ] {
            assert_eq!(after(long, lasted), expected, "{lasted:?}");
        }
    }
}
