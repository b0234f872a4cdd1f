//! Who asks for a reload (`orion reload`, SIGUSR2), and the new process that is started for it while the old one goes on
//! serving. The loop hears of it when there is a [`Turn`] to take.

use super::control::{Asked, Control, Near};
use super::successor::{Candidate, Handing};
use super::words::{Checked, Offer};
use crate::switches::Reader;
use anyhow::{Context as _, Result};
use engine::Settings;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::{JoinError, JoinHandle};

/// What came of a reload: the process that serves now, or why this one goes on.
pub(super) type Outcome = Result<u32, String>;

/// What a reload hands over.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The market's folder, whose lock this process has.
    pub(crate) dir: PathBuf,
    pub(crate) socket: TcpListener,
    pub(crate) near: Near,
    /// A service manager made the socket.
    pub(crate) activated: bool,
    /// What the engine is set to.
    pub(crate) settings: Settings,
    /// How long each step may take.
    pub(crate) within: Duration,
    /// Who knows how settings and server differ.
    pub(crate) asking: Reader,
}

/// The reloads of this process.
#[derive(Debug)]
pub(crate) struct Reloads {
    plan: Plan,
    desk: Desk,
    requests: mpsc::Receiver<Request>,
    begun: Option<Begun>,
    control: Option<Control>,
    asked_by_signal: Signal,
}

/// A new process waits for engine and store.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) candidate: Candidate,
    pub(crate) request: Request,
}

/// Somebody asked, and waits for the answer. One at a time.
#[derive(Debug)]
pub(crate) struct Request {
    answer: Option<oneshot::Sender<Outcome>>,
    _only_one: OwnedSemaphorePermit,
}

/// Where reloads are asked for.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    requests: mpsc::Sender<Request>,
    only_one: Arc<Semaphore>,
}

#[derive(Debug)]
struct Begun {
    request: Request,
    starting: JoinHandle<Result<Candidate>>,
}

impl Reloads {
    /// Begins to take requests. SIGUSR2 counts from `listen` on.
    pub(crate) fn open(plan: Plan, asked_by_signal: Signal) -> Self {
        let (desk, requests) = Desk::new();
        let mut reloads = Self {
            plan,
            desk,
            requests,
            begun: None,
            control: None,
            asked_by_signal,
        };
        reloads.bind();
        reloads
    }

    /// Makes the control socket, or makes it anew where another process had the folder meanwhile. Without one the server
    /// serves all the same.
    pub(crate) fn bind(&mut self) {
        match Control::bind(&self.plan.dir, self.desk.clone(), self.asked()) {
            Ok(control) => self.control = Some(control),
            Err(error) => {
                tracing::warn!(
                    "orion reload does not find this server, SIGUSR2 still does: {error:#}"
                );
            }
        }
    }

    fn asked(&self) -> Asked {
        Asked {
            near: self.plan.near.clone(),
            differences: self.plan.asking.clone(),
        }
    }

    /// The next time a new process is ready to take over. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Turn {
        loop {
            let started = match &mut self.begun {
                Some(begun) => (&mut begun.starting).await,
                None => {
                    let request = self.request().await;
                    tracing::info!("a new process is started to take over");
                    self.begun = self.begin(request);
                    continue;
                }
            };
            let Some(Begun { request, .. }) = self.begun.take() else {
                continue;
            };
            match whole(started) {
                Ok(candidate) => return Turn { candidate, request },
                Err(reason) => request.failed(&reason),
            }
        }
    }

    async fn request(&mut self) -> Request {
        loop {
            tokio::select! {
                Some(request) = self.requests.recv() => return request,
                Some(()) = self.asked_by_signal.recv() => match self.desk.request(None) {
                    Some(request) => return request,
                    None => continue,
                }
            }
        }
    }

    fn begin(&self, request: Request) -> Option<Begun> {
        let handing = self.plan.handing();
        match handing {
            Ok(handing) => Some(Begun {
                request,
                starting: tokio::spawn(Candidate::start(handing)),
            }),
            Err(reason) => {
                request.failed(&reason);
                None
            }
        }
    }

    /// Whether a new process is being started. It has read the settings already.
    pub(crate) fn is_starting(&self) -> bool {
        self.begun.is_some()
    }

    /// The engine is set to something else now.
    pub(crate) fn set(&mut self, settings: &Settings) {
        self.plan.settings = settings.clone();
    }

    /// Takes no more requests, and gives the listening socket up. What is given back is ready when everybody who asked has
    /// the answer: this process may have nothing else to wait for, and must not end before.
    pub(crate) fn retire(mut self) -> impl Future<Output = ()> {
        let mut requests = std::mem::replace(&mut self.requests, mpsc::channel(1).1);
        drop(self);
        // Whoever answers holds the other end.
        async move { while requests.recv().await.is_some() {} }
    }

    /// The end of the server: nobody finds it any more.
    pub(crate) fn close(mut self) {
        if let Some(control) = self.control.take() {
            control.remove();
        }
    }
}

impl Drop for Reloads {
    /// A process that is just being started is not wanted any more.
    fn drop(&mut self) {
        if let Some(begun) = &self.begun {
            begun.starting.abort();
        }
    }
}

/// SIGUSR2 from now on; before, it would end the process.
pub(crate) fn listen() -> Result<Signal> {
    signal(SignalKind::user_defined2()).context("listen for SIGUSR2")
}

fn whole(started: Result<Result<Candidate>, JoinError>) -> Result<Candidate> {
    started.context("start the new process")?
}

impl Plan {
    fn handing(&self) -> Result<Handing> {
        Ok(Handing {
            socket: self
                .socket
                .try_clone()
                .context("pass the listening socket")?,
            offer: Offer {
                folder: super::name_of(&self.dir)?,
                activated: self.activated,
            },
            ours: Checked::of(&self.settings)?,
            within: self.within,
        })
    }
}

impl Desk {
    pub(super) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, taken) = mpsc::channel(1);
        let only_one = Arc::new(Semaphore::new(1));
        (Self { requests, only_one }, taken)
    }

    /// Asks for a reload and waits for what comes of it.
    pub(super) async fn reload(&self) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let Some(request) = self.request(Some(answer)) else {
            return Err("a reload is under way already: wait for it".to_owned());
        };
        let ending = || "the server is ending".to_owned();
        self.requests.send(request).await.map_err(|_| ending())?;
        answered.await.unwrap_or_else(|_| Err(ending()))
    }

    /// `None` while another one is under way.
    fn request(&self, answer: Option<oneshot::Sender<Outcome>>) -> Option<Request> {
        let permit = Arc::clone(&self.only_one).try_acquire_owned();
        if permit.is_err() {
            tracing::warn!("asked for a reload while one is under way");
        }
        Some(Request {
            answer,
            _only_one: permit.ok()?,
        })
    }
}

impl Request {
    pub(crate) fn served(self, pid: u32) {
        tracing::info!(
            pid,
            "the new process serves; this one ends when its last client is gone"
        );
        self.answer(Ok(pid));
    }

    pub(crate) fn failed(self, reason: &anyhow::Error) {
        tracing::error!("the reload failed, and this process goes on serving: {reason:#}");
        self.answer(Err(format!("{reason:#}")));
    }

    pub(super) fn answer(mut self, outcome: Outcome) {
        if let Some(answer) = self.answer.take() {
            // Whoever asked may have gone.
            let _told = answer.send(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_reload_while_one_is_under_way_is_refused() {
        let (desk, mut requests) = Desk::new();
        let first = tokio::spawn({
            let desk = desk.clone();
            async move { desk.reload().await }
        });
        let request = requests.recv().await.unwrap();
        let refused = Err("a reload is under way already: wait for it".to_owned());
        assert_eq!(desk.reload().await, refused);
        request.answer(Ok(5));
        assert_eq!(first.await.unwrap(), Ok(5));

        drop(requests);
        assert_eq!(desk.reload().await, Err("the server is ending".to_owned()));
    }
}
