//! The new process's side of a hand-over: it says how far it is, and waits for its turn.

use super::VARIABLE;
use super::link::{self, Link};
use super::relay::Relay;
use super::words::{Checked, Offer, Word};
use crate::fault;
use anyhow::{Context as _, Result, bail, ensure};
use engine::Settings;
use hub::Publication;
use market::Position;
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The offer lies on the link when this process is started.
const OFFER_WITHIN: Duration = Duration::from_secs(10);

/// The process that serves until now, as the new one sees it.
#[derive(Debug)]
pub struct Predecessor {
    stream: UnixStream,
    socket: TcpListener,
    offer: Offer,
}

/// Tells the process before that this one cannot take over, and why.
#[derive(Debug)]
pub struct Complaint(UnixStream);

/// Waiting for the turn: all was checked.
#[derive(Debug)]
pub(crate) struct Waiting {
    link: Link,
}

impl Predecessor {
    /// The process that started this one to take over, if one did. It is found at the standard input, which then is empty.
    pub(super) fn find() -> Result<Option<Self>> {
        if std::env::var_os(VARIABLE).is_none() {
            return Ok(None);
        }
        let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        stream.set_read_timeout(Some(OFFER_WITHIN)).with_context(|| {
            format!("{VARIABLE} is set, and standard input is no link to a server that hands over: unset it")
        })?;
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        let socket = link::receive_socket(&stream).context("take over the listening socket")?;
        let first = link::hear(&mut stream).context("hear what is handed over")?;
        let Word::Offer(offer) = first else {
            bail!("the server that hands over began with {first:?}");
        };
        stream.set_read_timeout(None)?;
        Ok(Some(Self {
            stream,
            socket,
            offer,
        }))
    }

    pub(super) fn offer(&self) -> &Offer {
        &self.offer
    }

    pub(super) fn socket(&self) -> &TcpListener {
        &self.socket
    }

    pub(super) fn complaint(&self) -> Result<Complaint> {
        Ok(Complaint(self.stream.try_clone()?))
    }

    /// Whether it serves the market in `dir`.
    ///
    /// # Errors
    /// When it is another one.
    pub(crate) fn ensure_serves(&self, dir: &Path) -> Result<()> {
        let ours = super::name_of(dir)?;
        ensure!(
            ours == self.offer.folder,
            "the settings now name the market in {ours}, and the running server has the one in {}: a reload keeps the \
             market; set it back, or end the server and start it again",
            self.offer.folder
        );
        Ok(())
    }

    /// Says that all is well as far as can be seen, and waits until the old process has given up engine and store; its
    /// journal ended at the position.
    ///
    /// # Errors
    /// When the old process ends first, or takes another one.
    pub(crate) async fn wait_turn(self, settings: &Settings) -> Result<(Waiting, Position)> {
        fault::point("check");
        let mut link = Link::new(self.stream).context("use the link")?;
        let checked = link.tell(&Word::Checked(Checked::of(settings)?)).await;
        match checked.and(link.hear().await) {
            Ok(Some(Word::Take { at })) => {
                fault::point("take");
                Ok((Waiting { link }, at))
            }
            Ok(Some(other)) => {
                bail!("the server that hands over said {other:?} instead of what to take")
            }
            Ok(None) | Err(_) => {
                bail!("the server that started this one ended, or did not want it any more")
            }
        }
    }
}

impl Waiting {
    /// Says that everybody could be let in now, and waits for the word. Where the old process is gone nobody else can
    /// serve: then this one does.
    pub(crate) async fn ready(&mut self) {
        fault::point("ready");
        let told = self.link.tell(&Word::Ready).await;
        match told.and(self.link.hear().await) {
            Ok(Some(Word::Go)) => fault::point("go"),
            other => tracing::warn!(
                ?other,
                "the server that hands over is gone; this one serves"
            ),
        }
    }

    /// Says that clients are let in; `since` is what was decided since the old process gave up. Gives the relay to its
    /// clients.
    pub(crate) async fn serving(mut self, since: &Publication) -> Option<Relay> {
        fault::point("serve");
        self.link.tell(&Word::Serving).await.ok()?;
        let relay = Relay::start(self.link);
        relay.pass_on(since).ok()?;
        Some(relay)
    }
}

impl Complaint {
    /// Best effort: who does not hear it hears the end of this process.
    pub fn tell(&self, error: &anyhow::Error) {
        let reason = format!("{error:#}");
        let _ = link::tell(&self.0, &Word::Failed { reason });
    }
}
