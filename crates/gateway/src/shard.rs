//! A shard: a thread that owns a hub and its clients, and turns publications into bytes on sockets. Every shard hears every
//! publication, so no lock stands between a price and a socket (docs/decisions/0007).
//!
//! It takes all publications that are ready, hands them to the hub, and walks its clients; each is sent everything that
//! is due to it in one write. No task is woken for a delivery. Under load it rests after a long flush, so that more
//! merges into the next; at rest a flush follows its publication at once.

use crate::address::Places;
use crate::config::Config;
use crate::dials::Dials;
use crate::extension::Deflate;
use crate::farewell::{self, Drain, Farewell};
use crate::inflate::Inflater;
use crate::lanes::{Told, Turn};
use crate::looks::Looks;
use crate::moment::Moment;
use crate::session::{Guest, Session};
use crate::stats::Counts;
use crate::stream::{Raw, Stream};
use crate::visit::Standing;
use bytes::Bytes;
use futures_util::FutureExt;
use hub::{Hub, Packing};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// A socket after its upgrade, and what the client sent right behind the request.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) socket: Raw,
    pub(crate) guest: Guest,
    pub(crate) standing: Standing,
    pub(crate) first: Bytes,
}

/// What comes to the shard from other threads.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) publications: Publications,
    pub(crate) newcomers: mpsc::Receiver<Newcomer>,
    pub(crate) drain: oneshot::Receiver<Drain>,
}

type Publications = mpsc::Receiver<Told>;

/// What a shard does not have to itself.
#[derive(Debug)]
pub(crate) struct Common {
    /// Where it counts; others only read it.
    pub(crate) stats: Arc<Counts>,
    /// Clients by whose key they came with, of all shards together.
    pub(crate) holders: Places<Box<str>>,
    pub(crate) turn: Turn,
    pub(crate) dials: Dials,
    /// Where bots' signals are worked on: not on the clients' thread.
    pub(crate) workers: Handle,
}

#[derive(Debug)]
pub(crate) struct Shard {
    /// From 0.
    number: usize,
    pub(crate) hub: RefCell<Hub>,
    publications: RefCell<Publications>,
    turn: Turn,
    /// Publications were entered that nobody has flushed yet.
    entered: Notify,
    pub(crate) config: Config,
    pub(crate) dials: Dials,
    pub(crate) stats: Arc<Counts>,
    /// Where bots' signals are worked on: not on the clients' thread.
    pub(crate) workers: Handle,
    /// Clients by whose key they came with, of all shards together.
    pub(crate) holders: Places<Box<str>>,
    /// The keeper's number when it was last asked.
    pub(crate) keeper_version: Cell<u64>,
    /// By the client's place in the hub.
    sessions: RefCell<Vec<Option<Rc<Session>>>>,
    pub(crate) looks: Looks,
    /// When what no whole flush has sent yet was published.
    unsent: RefCell<Vec<Instant>>,
    scratch: RefCell<Vec<u8>>,
    pub(crate) inflater: RefCell<Inflater>,
    present: Cell<u64>,
    /// Whoever comes now is told to go.
    draining: Cell<Option<Farewell>>,
    left: Notify,
    broken: Notify,
}

/// The work that the clients of a shard have in common broke off, by a fault of our own.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "the work that all clients of a thread have in common broke off; the panic before this says where"
)]
pub(crate) struct Broken;

/// A shard that could not begin, or not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the system gives no event queue")]
    NoQueue(#[from] io::Error),
}

/// How a client is told things: only who keeps what it inflated can be told what refers to it.
const fn packing(deflate: Option<Deflate>) -> Packing {
    match deflate {
        Some(Deflate::Shared) => Packing::Grouped,
        Some(Deflate::Alone | Deflate::Narrow(_)) | None => Packing::Single,
    }
}

/// Clients that are flushed before input is taken again: what is published meanwhile goes to all who are still to come, so
/// that nothing waits for longer than one flush and one rest.
const FLUSHED_AT_ONCE: usize = 128;
/// A flush shorter than this needs no rest.
const FLUSH_SHORT: Duration = Duration::from_millis(1);
/// With very many clients, a rest as long as their flush could be seen.
const REST_MAX: Duration = Duration::from_millis(50);
const SCRATCH_BYTES: usize = 16 * 1024;

/// Runs until it is drained, or its handle is dropped.
///
/// # Errors
/// When it cannot begin, or breaks.
pub(crate) fn run(
    number: usize,
    hub: Hub,
    config: Config,
    common: Common,
    inbox: Inbox,
) -> Result<(), Failed> {
    let Inbox {
        publications,
        newcomers,
        drain,
    } = inbox;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let shard = Rc::new(Shard {
        number,
        hub: RefCell::new(hub),
        publications: RefCell::new(publications),
        turn: common.turn,
        entered: Notify::new(),
        config,
        dials: common.dials,
        stats: common.stats,
        workers: common.workers,
        holders: common.holders,
        keeper_version: Cell::default(),
        sessions: RefCell::default(),
        looks: Looks::default(),
        unsent: RefCell::default(),
        scratch: RefCell::new(vec![0; SCRATCH_BYTES]),
        inflater: RefCell::default(),
        present: Cell::new(0),
        draining: Cell::default(),
        left: Notify::new(),
        broken: Notify::new(),
    });
    let served = LocalSet::new().block_on(&runtime, Rc::clone(&shard).serve(newcomers, drain));
    // One that broke has cut its clients.
    shard.stats.connections.set(0);
    shard.stats.extended.set(0);
    Ok(served?)
}

impl Shard {
    async fn serve(
        self: Rc<Self>,
        newcomers: mpsc::Receiver<Newcomer>,
        drain: oneshot::Receiver<Drain>,
    ) -> Result<(), Broken> {
        let served = Rc::clone(&self).serve_until_drained(newcomers, drain);
        let served = AssertUnwindSafe(served).catch_unwind();
        tokio::select! {
            served = served => served.map_err(|_| Broken),
            () = self.broken.notified() => Err(Broken),
        }
    }

    async fn serve_until_drained(
        self: Rc<Self>,
        newcomers: mpsc::Receiver<Newcomer>,
        drain: oneshot::Receiver<Drain>,
    ) {
        self.begin(Rc::clone(&self).watch_deadlines());
        let welcome = self.begin(Rc::clone(&self).welcome(newcomers));
        // Until the very end: who is not closed yet hears what all hear.
        self.begin(Rc::clone(&self).publish());
        if let Ok(drain) = drain.await {
            self.draining.set(Some(drain.farewell));
            self.begin(Rc::clone(&self).close_all(drain.farewell, drain.window));
            // Upgrades under way still arrive, and are told to go.
            let _all_came = welcome.await;
            while self.present.get() > 0 {
                self.left.notified().await;
            }
            drop(drain.leaving);
            // Nothing can be published to some shards only: this one stays until the others are empty too.
            let _all_left = drain.over.await;
        }
    }

    /// Begins work that all clients need. If it panics, the shard ends with it: half of it would be worse.
    fn begin(self: &Rc<Self>, work: impl Future<Output = ()> + 'static) -> JoinHandle<()> {
        let shard = Rc::clone(self);
        let done = AssertUnwindSafe(work).catch_unwind();
        spawn_local(done.map(move |done| {
            if done.is_err() {
                shard.broken.notify_one();
            }
        }))
    }

    /// Begins work that one client needs. If it panics, the others stay: what one client says must not end them.
    pub(crate) fn begin_for(
        self: &Rc<Self>,
        session: &Rc<Session>,
        work: impl Future<Output = ()> + 'static,
    ) {
        let (shard, session) = (Rc::clone(self), Rc::clone(session));
        let done = AssertUnwindSafe(work).catch_unwind();
        spawn_local(done.map(move |done| {
            if done.is_err() {
                session.break_off(&shard);
            }
        }));
    }

    /// The same for work that lasts as long as the client: it holds the two, and nothing more.
    pub(crate) fn keep_polling(
        self: &Rc<Self>,
        session: &Rc<Session>,
        poll: impl Fn(&Rc<Session>, &Rc<Self>, &mut Context<'_>) -> Poll<()> + 'static,
    ) {
        let (shard, session) = (Rc::clone(self), Rc::clone(session));
        spawn_local(poll_fn(move |context| {
            let polled = catch_unwind(AssertUnwindSafe(|| poll(&session, &shard, context)));
            polled.unwrap_or_else(|_| {
                session.break_off(&shard);
                Poll::Ready(())
            })
        }));
    }

    /// Publications in, bytes out, until no publisher is left.
    async fn publish(self: Rc<Self>) {
        while self.has_more().await {
            while self.flush_all().await {}
        }
    }

    /// Waits for the next publication, or until somebody else has entered some; false when no publisher is left.
    async fn has_more(&self) -> bool {
        tokio::select! {
            told = self.next_publication() => {
                told.inspect(|told| self.enter(told)).is_some()
            }
            () = self.entered.notified() => true,
        }
    }

    async fn next_publication(&self) -> Option<Told> {
        poll_fn(|context| self.publications.borrow_mut().poll_recv(context)).await
    }

    /// Enters all that is published already. A client may have heard of it from another shard, and resume behind it here.
    pub(crate) fn catch_up(&self) {
        self.turn.wait();
        if self.enter_all() {
            self.entered.notify_one();
        }
    }

    fn enter(&self, told: &Told) {
        let refused = self.hub.borrow_mut().publish(&told.publication);
        if !told.publication.is_silent() {
            self.unsent.borrow_mut().push(told.at);
        }
        if self.number > 0 {
            // All hubs are told the same and refuse the same: one speaks for all.
            return;
        }
        self.stats.publications_refused.add(refused.len() as u64);
        for refused in refused {
            tracing::error!(%refused, "something was not published");
        }
    }

    fn enter_all(&self) -> bool {
        let mut has_more = false;
        while let Ok(told) = self.publications.borrow_mut().try_recv() {
            self.enter(&told);
            has_more = true;
        }
        has_more
    }

    /// Sends every client what is due to it, and rests if that took long. True when more was published meanwhile.
    async fn flush_all(self: &Rc<Self>) -> bool {
        let mut has_more = self.enter_all();
        // What comes while this goes on is sent to all only by the next.
        let sent = self.unsent.take();
        let (began, count) = (Instant::now(), self.sessions.borrow().len());
        for start in (0..count).step_by(FLUSHED_AT_ONCE) {
            for place in start..(start + FLUSHED_AT_ONCE).min(count) {
                self.flush_place(place);
            }
            if count > FLUSHED_AT_ONCE {
                tokio::task::yield_now().await;
                has_more |= self.enter_all();
            }
        }
        let ended = Instant::now();
        for told_at in sent {
            self.stats.publish_to_sent.note(ended - told_at);
        }
        let took = ended - began;
        if took > FLUSH_SHORT {
            has_more |= self.rest(took.min(REST_MAX)).await;
        }
        has_more
    }

    fn flush_place(self: &Rc<Self>, place: usize) {
        if let Some(session) = self.session_at(place)
            && self.hub.borrow().is_due(session.id)
        {
            session.flush(self);
        }
    }

    fn session_at(&self, place: usize) -> Option<Rc<Session>> {
        self.sessions.borrow().get(place).cloned().flatten()
    }

    /// Waits while publications gather. Signals do not wait. True when something was published.
    async fn rest(&self, span: Duration) -> bool {
        let until = Instant::now() + span;
        let mut has_more = false;
        loop {
            tokio::select! {
                () = sleep_until(until) => return has_more,
                told = self.next_publication() => {
                    let Some(told) = told else { return has_more };
                    self.enter(&told);
                    has_more = true;
                    if !told.publication.signals.is_empty() {
                        return true;
                    }
                }
            }
        }
    }

    async fn welcome(self: Rc<Self>, mut newcomers: mpsc::Receiver<Newcomer>) {
        while let Some(newcomer) = newcomers.recv().await {
            let peer = newcomer.guest.peer;
            if let Err(error) = self.join(newcomer) {
                tracing::warn!(%peer, %error, "a connection was lost right after its upgrade");
            }
        }
    }

    fn join(self: &Rc<Self>, newcomer: Newcomer) -> io::Result<()> {
        let stream = Stream::new(newcomer.socket)?;
        let id = self.hub.borrow_mut().join(packing(newcomer.guest.deflate));
        let session = Rc::new(Session::new(self, id, stream, newcomer.guest));
        session.log_arrival();
        self.stats.connections_total.add(1);
        self.place(&session);
        if let Some(farewell) = self.draining.get() {
            session.drain(self, farewell);
        }
        session.arrive(self, newcomer.standing, newcomer.first);
        Ok(())
    }

    fn place(&self, session: &Rc<Session>) {
        let mut sessions = self.sessions.borrow_mut();
        let place = session.id.index();
        if sessions.len() <= place {
            sessions.resize_with(place + 1, || None);
        }
        sessions[place] = Some(Rc::clone(session));
        self.looks.set(session.id, Moment::now());
        self.count(self.present.get() + 1);
    }

    fn count(&self, present: u64) {
        self.present.set(present);
        self.stats.connections.set(present);
    }

    /// Whether this session is still served.
    pub(crate) fn has(&self, session: &Session) -> bool {
        let sessions = self.sessions.borrow();
        let placed = sessions.get(session.id.index()).and_then(Option::as_ref);
        placed.is_some_and(|placed| std::ptr::eq(Rc::as_ptr(placed), session))
    }

    /// Takes out a session that is still served.
    pub(crate) fn remove(&self, session: &Session) {
        let mut sessions = self.sessions.borrow_mut();
        sessions[session.id.index()] = None;
        let mut hub = self.hub.borrow_mut();
        if hub.is_extended(session.id) {
            self.stats.extended.lower();
        }
        hub.leave(session.id);
        drop(hub);
        self.count(self.present.get() - 1);
        self.left.notify_one();
    }

    pub(crate) fn with_scratch<T>(&self, read: impl FnOnce(&mut [u8]) -> T) -> T {
        read(&mut self.scratch.borrow_mut())
    }

    async fn watch_deadlines(self: Rc<Self>) {
        let mut ticks = interval(self.config.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = Moment::of(ticks.tick().await);
            self.ask_keeper(now);
            for place in self.looks.due(now) {
                if let Some(session) = self.session_at(place) {
                    session.tick(&self, now);
                    self.looks.set(session.id, session.next_look(&self, now));
                }
            }
        }
    }

    /// Who was let in is looked at when the keeper says that something was taken back.
    fn ask_keeper(&self, now: Moment) {
        if let Some(keeper) = &self.config.auth.keeper {
            let version = keeper.version();
            if self.keeper_version.replace(version) != version {
                self.looks.set_all(now);
            }
        }
    }

    /// Closes who is there, evenly over the window. Each session then ends by itself, at the latest when its close handshake
    /// is overdue.
    async fn close_all(self: Rc<Self>, farewell: Farewell, window: Duration) {
        let sessions: Vec<_> = self.sessions.borrow().iter().flatten().cloned().collect();
        let (clients, began) = (sessions.len(), Instant::now());
        tracing::info!(
            shard = self.number,
            clients,
            code = farewell.code,
            window_ms = window.as_millis(),
            "closing every client"
        );
        for (place, session) in sessions.into_iter().enumerate() {
            sleep_until(began + farewell::due(place, clients, window)).await;
            if self.has(&session) {
                session.drain(&self, farewell);
            }
        }
    }
}
