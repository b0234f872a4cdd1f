//! The old process's side of a hand-over: it starts the new one, follows it step by step, and ends it where a step fails.

use super::VARIABLE;
use super::link::{self, Link};
use super::words::{Checked, Offer, Word};
use anyhow::{Context as _, Result, anyhow, bail};
use hub::Publication;
use market::Position;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long is waited for the exit code of a process that has let go of the link.
const LOOKS: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is handed over, and how.
#[derive(Debug)]
pub(super) struct Handing {
    pub(super) socket: TcpListener,
    pub(super) offer: Offer,
    /// What news is understood here.
    pub(super) ours: Checked,
    /// How long each step may take.
    pub(super) within: Duration,
}

/// A process that could serve. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Candidate {
    process: Process,
    link: Link,
    ours: Checked,
    its: Checked,
    within: Duration,
}

/// The process that serves now.
#[derive(Debug)]
pub(crate) struct Successor {
    pub(crate) pid: u32,
    link: Link,
    /// Whether it says what it publishes in a form that is understood here.
    tells: bool,
}

/// A started process that nobody depends on yet: it does not outlive this.
#[derive(Debug)]
struct Process(Option<Child>);

impl Candidate {
    /// Starts the new process and waits until it has checked what it can without touching anything.
    pub(super) async fn start(handing: Handing) -> Result<Self> {
        let program = program()?;
        let (ours, theirs) = UnixStream::pair().context("make a link to the new process")?;
        link::send_socket(&ours, &handing.socket).context("pass the listening socket")?;
        let process = Process(Some(spawn(&program, theirs)?));
        let mut candidate = Self {
            process,
            link: Link::new(ours).context("use the link")?,
            ours: handing.ours,
            its: Checked::default(),
            within: handing.within,
        };
        drop(handing.socket);
        candidate.tell(&Word::Offer(handing.offer)).await?;
        let first = candidate
            .hear("that settings and store are in order")
            .await?;
        let Word::Checked(its) = first else {
            bail!("the new process began with {first:?}");
        };
        candidate.its = its;
        Ok(candidate)
    }

    /// Leaves engine and store to it, which nobody holds any more, and waits until it serves. Where that fails it is
    /// ended before this returns.
    pub(crate) async fn take(mut self, at: Position) -> Result<Successor> {
        self.tell(&Word::Take { at }).await?;
        self.expect(&Word::Ready, "that it has engine and store")
            .await?;
        self.tell(&Word::Go).await?;
        self.expect(&Word::Serving, "that it lets clients in")
            .await?;
        let tells = self.its == self.ours;
        if !tells {
            tracing::info!(
                "the new process has another version or other instruments: clients that are still here hear no more"
            );
        }
        Ok(Successor {
            pid: self.process.let_go(),
            link: self.link,
            tells,
        })
    }

    async fn expect(&mut self, word: &Word, meaning: &str) -> Result<()> {
        let heard = self.hear(meaning).await?;
        if heard == *word {
            Ok(())
        } else {
            bail!("the new process was to say {word:?} and said {heard:?}")
        }
    }

    async fn tell(&mut self, word: &Word) -> Result<()> {
        match self.link.tell(word).await {
            Ok(()) => Ok(()),
            // It may have said why it ends.
            Err(_) => match self.hear("what it takes").await {
                Ok(other) => Err(anyhow!(
                    "the new process said {other:?} and let go of the link"
                )),
                Err(reason) => Err(reason),
            },
        }
    }

    async fn hear(&mut self, meaning: &str) -> Result<Word> {
        match timeout(self.within, self.link.hear()).await {
            Ok(Ok(Some(Word::Failed { reason }))) => bail!("{reason}"),
            Ok(Ok(Some(word))) => Ok(word),
            Ok(Ok(None) | Err(_)) => {
                let ending = self.process.ending().await;
                bail!("the new process {ending} before it said {meaning}; its log may say why")
            }
            Err(_) => bail!(
                "the new process did not say {meaning} within {} s (server.reload_timeout_s)",
                self.within.as_secs()
            ),
        }
    }
}

impl Successor {
    /// What it published; `None` when nothing more comes. May be dropped and called again.
    pub(crate) async fn news(&mut self) -> Option<Publication> {
        if !self.tells {
            return None;
        }
        match self.link.hear().await {
            Ok(Some(Word::News(news))) => Some(news.into()),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(%error, "what the new process publishes is not understood");
                None
            }
        }
    }
}

impl Process {
    /// It lives on by itself.
    fn let_go(mut self) -> u32 {
        self.0.take().map_or(0, |child| child.id())
    }

    /// How it ended, which may be a moment after its end of the link was closed.
    async fn ending(&mut self) -> String {
        for _ in 0..LOOKS {
            let status = self.0.as_mut().and_then(|child| child.try_wait().ok());
            if let Some(status) = status.flatten() {
                return format!("ended ({status})");
            }
            sleep(LOOK_EVERY).await;
        }
        "let go of the link".to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself. When this is over, the locks it may have held are free.
            let _killed = child.kill();
            let _reaped = child.wait();
        }
    }
}

fn spawn(program: &Path, link: UnixStream) -> Result<Child> {
    Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, "stdin")
        .stdin(OwnedFd::from(link))
        .spawn()
        .with_context(|| format!("start {}", program.display()))
}

/// The program as this process was called, where that is a path: whoever updates by a symbolic link means its new target.
/// Otherwise the running program's own path, also where an update has put another file there.
pub(crate) fn program() -> Result<PathBuf> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let called = called.filter(|path| path.components().count() > 1 && path.exists());
    match called {
        Some(path) => Ok(path),
        None => {
            let path = std::env::current_exe().context("find the program of this process")?;
            Ok(undeleted(path))
        }
    }
}

/// Linux marks the path of a program whose file is gone.
fn undeleted(path: PathBuf) -> PathBuf {
    let text = path
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"));
    text.map(PathBuf::from).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_deleted_program_is_taken_off() {
        for (path, program) in [
            ("/usr/bin/orion", "/usr/bin/orion"),
            ("/usr/bin/orion (deleted)", "/usr/bin/orion"),
            (
                "/opt/my (deleted) files/orion",
                "/opt/my (deleted) files/orion",
            ),
        ] {
            assert_eq!(undeleted(path.into()), Path::new(program));
        }
    }
}
