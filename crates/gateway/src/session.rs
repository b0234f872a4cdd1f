//! One client's life: what it says, what it is sent, how it ends. A session keeps no buffer: it reads into the shard's
//! scratch memory, and what it is sent lies in the hub.
//!
//! Every ending that we start has a Close frame, and waits a moment for the client's.

mod auth;
mod deadlines;

use crate::bots::{Bot, Posting, Turn};
use crate::extension::Deflate;
use crate::farewell::Farewell;
use crate::frame::{Decoder, Inbound, Violation};
use crate::identity::Identity;
use crate::lanes::Seat;
use crate::limits::{Errors, Rate};
use crate::moment::Moment;
use crate::shard::Shard;
use crate::stream::Stream;
use crate::visit::{Standing, Whence};
use bytes::Bytes;
use hub::{Answers, Began, ClientId, frame};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use wire::{Ask, Refusal, RequestId, Speaker, Subscribe, Unsubscribe, tell};

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: ClientId,
    /// No two connections have the same.
    number: u64,
    peer: SocketAddr,
    /// In a box, and none where nothing is known: most clients say nothing, and come from no proxy.
    whence: Option<Box<Whence>>,
    /// Its part of the shard's load.
    _seat: Seat,
    stream: Stream,
    began: Moment,
    state: RefCell<State>,
    /// A task waits until the socket takes bytes again.
    is_waiting: Cell<bool>,
}

/// Who comes, as far as it is known before the first word.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Counts the connections of all shards; no two have the same.
    pub(crate) number: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) deflate: Option<Deflate>,
    pub(crate) whence: Whence,
    pub(crate) seat: Seat,
}

#[derive(Debug)]
struct State {
    decoder: Decoder,
    rate: Rate,
    heard_at: Moment,
    ping_at: Moment,
    /// Since when bytes have waited and none was taken.
    stalled_since: Option<Moment>,
    /// Who it is, if it has said so.
    identity: Option<Box<Identity>>,
    messages_in: u64,
    messages_out: u64,
    quiet: Quiet,
    /// In a box: most clients have nothing of it for hours.
    rare: Option<Box<Rare>>,
}

/// What few clients have.
#[derive(Debug, Default)]
struct Rare {
    ending: Option<Ending>,
    errors: Errors,
    /// The signals it posts, if it does.
    bot: Option<Bot>,
    /// When it may be told again that it is behind, if it was.
    slow_at: Option<Moment>,
}

/// Since when a client has heard nothing, as far as that was looked at: a flush has no time to look at the clock.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    since: Moment,
    messages_out: u64,
}

/// A close handshake under way.
#[derive(Clone, Copy, Debug)]
struct Ending {
    close: Close,
    until: Moment,
    /// The client's Close has come.
    is_answered: bool,
    /// The rest of what the client sends cannot be understood.
    is_deaf: bool,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// 1005: a Close without a code; 1006: none at all.
    pub(crate) code: u16,
    pub(crate) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// We ended it, for this.
    Ours(&'static str),
    /// The server ends.
    Drain,
    Client,
    Cut,
}

const TEXT_ONLY: Violation = Violation {
    code: 1003,
    reason: "text only",
};

impl Session {
    pub(crate) fn new(shard: &Shard, id: ClientId, stream: Stream, guest: Guest) -> Self {
        let (config, now) = (&shard.config, Moment::now());
        Self {
            id,
            number: guest.number,
            peer: guest.peer,
            whence: guest.whence.kept(),
            _seat: guest.seat,
            stream,
            began: now,
            state: RefCell::new(State {
                decoder: Decoder::new(
                    config.message_bytes,
                    config.message_fragments,
                    guest.deflate,
                ),
                rate: Rate::new(shard.dials.now().messages_burst, now),
                heard_at: now,
                ping_at: now + deadlines::ping_interval(config, guest.number),
                stalled_since: None,
                identity: None,
                messages_in: 0,
                messages_out: 0,
                quiet: Quiet {
                    since: now,
                    messages_out: 0,
                },
                rare: None,
            }),
            is_waiting: Cell::new(false),
        }
    }

    /// Takes in what came with the upgrade request, and then reads for as long as the connection lasts: in a task of its own,
    /// so that a client at rest holds nothing of its arrival. Of most there is nothing to take in.
    pub(crate) fn arrive(self: &Rc<Self>, shard: &Rc<Shard>, standing: Standing, first: Bytes) {
        if matches!(standing, Standing::Unknown) && first.is_empty() {
            return shard.keep_polling(self, Self::poll_read);
        }
        let (session, its_shard) = (Rc::clone(self), Rc::clone(shard));
        shard.begin_for(self, async move {
            session.welcome(&its_shard, standing).await;
            if !first.is_empty() && its_shard.has(&session) {
                session.hear(&its_shard, &first);
            }
            its_shard.keep_polling(&session, Self::poll_read);
        });
    }

    /// Reads until the connection ends.
    fn poll_read(self: &Rc<Self>, shard: &Rc<Shard>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let ready = ready!(self.stream.poll_readable(context));
            // It may have ended meanwhile, with words of the client still unread: its place in the hub may be another's.
            if ready.is_err() || !shard.has(self) {
                break;
            }
            match self.read_once(shard) {
                Read::End => break,
                // What it said was its last word: nothing is awaited.
                _ if !shard.has(self) => return Poll::Ready(()),
                Read::All => {}
                Read::Some => {
                    // Others come first.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        self.end(shard);
        Poll::Ready(())
    }

    fn read_once(self: &Rc<Self>, shard: &Rc<Shard>) -> Read {
        shard.with_scratch(|scratch| match self.stream.try_read(scratch) {
            Ok(0) => Read::End,
            Ok(count) => {
                self.hear(shard, &scratch[..count]);
                if count == scratch.len() {
                    Read::Some
                } else {
                    Read::All
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::All,
            Err(_) => Read::End,
        })
    }

    fn hear(self: &Rc<Self>, shard: &Rc<Shard>, mut bytes: &[u8]) {
        // What it says may set deadlines.
        shard.looks.set(self.id, Moment::now());
        while let Some(next) = self.decode(shard, &mut bytes) {
            match next {
                Ok(inbound) => self.handle(shard, inbound),
                Err(violation) => self.refuse(shard, violation),
            }
        }
        self.flush(shard);
    }

    fn decode(&self, shard: &Shard, bytes: &mut &[u8]) -> Option<Result<Inbound, Violation>> {
        let mut state = self.state.borrow_mut();
        if state.ending().is_some_and(|ending| ending.is_deaf) {
            return None;
        }
        let mut inflater = shard.inflater.borrow_mut();
        state.decoder.next(bytes, &mut inflater).transpose()
    }

    fn handle(self: &Rc<Self>, shard: &Rc<Shard>, inbound: Inbound) {
        // Only what is whole counts: who says a letter a second is as good as silent.
        self.state.borrow_mut().heard_at = Moment::now();
        if let Inbound::Close(code) = inbound {
            return self.answer_close(shard, code);
        }
        if self.state.borrow().is_ending() {
            return;
        }
        if !self.is_within_rate(shard) {
            return self.close(shard, 4429, "too many messages");
        }
        match inbound {
            Inbound::Text(message) => self.handle_message(shard, &message),
            Inbound::Binary(_) => self.refuse(shard, TEXT_ONLY),
            Inbound::Ping(payload) => self.answer(shard, frame::pong(&payload)),
            Inbound::Pong | Inbound::Close(_) => {}
        }
    }

    fn is_within_rate(&self, shard: &Shard) -> bool {
        let (limits, now) = (shard.dials.now(), Moment::now());
        let mut state = self.state.borrow_mut();
        state
            .rate
            .take(limits.messages_per_s, limits.messages_burst, now)
    }

    fn handle_message(self: &Rc<Self>, shard: &Rc<Shard>, message: &[u8]) {
        self.state.borrow_mut().messages_in += 1;
        shard.stats.messages_received.add(1);
        shard.stats.bytes_received.add(message.len() as u64);
        match self.parse(shard, message) {
            Ok(Ask::Ping(echo)) => {
                let pong = tell::pong(&echo, shard.config.clock.now());
                self.answer(shard, frame::text(&pong));
            }
            Ok(Ask::Auth(token)) => self.authenticate(shard, &token),
            Ok(_) if self.must_say_who_it_is(shard) => {
                let id = RequestId::of(message);
                self.tell_error(shard, Refusal::AuthRequired, id.as_ref());
            }
            Ok(Ask::Subscribe(ask)) => self.subscribe(shard, ask),
            Ok(Ask::Unsubscribe(ask)) => self.unsubscribe(shard, &ask),
            Ok(Ask::Signal(data)) => self.post(shard, data),
            Err(refusal) => {
                let id = RequestId::of(message);
                self.tell_error(shard, refusal, id.as_ref());
                if refusal == Refusal::BadVersion {
                    // Answers that lie behind a Close are not sent.
                    self.flush(shard);
                    self.close(shard, 4400, "bad version");
                }
            }
        }
    }

    fn parse(&self, shard: &Shard, message: &[u8]) -> Result<Ask, Refusal> {
        let speaker = Speaker {
            is_authenticated: self.state.borrow().identity.is_some(),
            is_extended: shard.hub.borrow().is_extended(self.id),
        };
        Ask::parse_from(message, speaker)
    }

    fn subscribe(&self, shard: &Shard, ask: Subscribe) {
        let ask = &self.allowed(shard, ask);
        let id = ask.id.as_ref();
        if ask.has_unknown {
            self.tell_error(shard, Refusal::UnknownChannel, id);
        }
        if ask.since.is_some() {
            shard.catch_up();
        }
        let mut hub = shard.hub.borrow_mut();
        let simulated = hub.is_simulated();
        let was_extended = hub.is_extended(self.id);
        let begun = hub.subscribe(self.id, ask, |began| {
            frame::text(&subscribed(shard, ask, began, simulated))
        });
        if hub.is_extended(self.id) && !was_extended {
            shard.stats.extended.add(1);
        }
        drop(hub);
        if let Err(refusal) = begun {
            self.tell_error(shard, refusal, id);
        }
    }

    fn unsubscribe(&self, shard: &Shard, ask: &Unsubscribe) {
        let id = ask.id.as_ref();
        if ask.has_unknown {
            self.tell_error(shard, Refusal::UnknownChannel, id);
        }
        let mut hub = shard.hub.borrow_mut();
        let ended = hub.unsubscribe(self.id, ask, |left, position| {
            frame::text(&tell::unsubscribed(id, left, position))
        });
        drop(hub);
        if let Err(refusal) = ended {
            self.tell_error(shard, refusal, id);
        }
    }

    fn post(self: &Rc<Self>, shard: &Rc<Shard>, data: Box<str>) {
        let poster = match self.poster() {
            Ok(poster) => poster,
            Err(refusal) => return self.tell_error(shard, refusal, None),
        };
        let turn = {
            let mut state = self.state.borrow_mut();
            let bot = state.rare().bot.get_or_insert_default();
            bot.push(poster, data)
        };
        match turn {
            Turn::Never => return self.tell_error(shard, Refusal::RateLimited, None),
            Turn::Later => {}
            Turn::Now => {
                let posting = Rc::clone(self).post_all(Rc::clone(shard));
                shard.begin_for(self, posting);
            }
        }
        shard.stats.signals_posted.add(1);
    }

    /// Posts what waits, one after another, and answers each. A client may leave before its answer: its signals are posted
    /// all the same.
    async fn post_all(self: Rc<Self>, shard: Rc<Shard>) {
        while let Some(posting) = self.next_posting() {
            let posted = shard.workers.spawn(posting).await;
            self.note_answer();
            if !shard.has(&self) {
                continue;
            }
            match posted {
                Ok(result) => self.answer(&shard, frame::text(&result)),
                Err(error) => {
                    tracing::error!(client = self.number, %error, "a signal was posted in vain");
                    // No mistake of the client's: not counted as one.
                    self.answer(&shard, frame::text(&tell::error(Refusal::Internal, None)));
                }
            }
            self.flush(&shard);
        }
    }

    fn note_answer(&self) {
        if let Some(bot) = &mut self.state.borrow_mut().rare().bot {
            bot.answered();
        }
    }

    fn next_posting(&self) -> Option<Posting> {
        self.state.borrow_mut().rare().bot.as_mut()?.next()
    }

    fn tell_error(&self, shard: &Shard, refusal: Refusal, id: Option<&RequestId>) {
        shard.stats.errors.add(1);
        self.answer(shard, frame::text(&tell::error(refusal, id)));
        let limits = shard.dials.now();
        let is_bearable = self.state.borrow_mut().rare().errors.note(
            limits.errors,
            limits.errors_within,
            Moment::now(),
        );
        if !is_bearable {
            self.close(shard, 4400, "too many errors");
        }
    }

    fn answer(&self, shard: &Shard, frame: Vec<u8>) {
        let answers = shard.hub.borrow_mut().answer(self.id, frame);
        match answers {
            Answers::Queued => {}
            Answers::Full => self.close(shard, 4429, "too many unread answers"),
        }
    }

    /// The client ends it, or answers our Close. Its code is given back to it: the one way in which we send 1000.
    fn answer_close(&self, shard: &Shard, code: Option<u16>) {
        let close = Close {
            code: code.unwrap_or(1005),
            reason: Reason::Client,
        };
        let frame = code.map_or_else(frame::close_without_code, |code| frame::close(code, ""));
        self.begin_end(shard, close, None, frame);
        if let Some(ending) = &mut self.state.borrow_mut().rare().ending {
            ending.is_answered = true;
        }
    }

    /// Ends it in good order, for a reason of ours.
    fn close(&self, shard: &Shard, code: u16, reason: &'static str) {
        let close = Close {
            code,
            reason: Reason::Ours(reason),
        };
        self.begin_end(shard, close, Some(reason), frame::close(code, reason));
    }

    fn refuse(&self, shard: &Shard, violation: Violation) {
        self.close(shard, violation.code, violation.reason);
        if let Some(ending) = &mut self.state.borrow_mut().rare().ending {
            ending.is_deaf = true;
        }
    }

    /// Ends it because the server ends.
    pub(crate) fn drain(self: &Rc<Self>, shard: &Rc<Shard>, farewell: Farewell) {
        let close = Close {
            code: farewell.code,
            reason: Reason::Drain,
        };
        let reason = farewell.reason(self.number);
        let frame = frame::close(farewell.code, &reason);
        self.begin_end(shard, close, Some(&reason), frame);
        self.flush(shard);
    }

    /// The first reason counts. An extended client is told of it in a message too: not every client can read the reason of
    /// a Close.
    fn begin_end(&self, shard: &Shard, close: Close, told: Option<&str>, frame: Vec<u8>) {
        let mut state = self.state.borrow_mut();
        if state.is_ending() {
            return;
        }
        let mut hub = shard.hub.borrow_mut();
        let told = told.filter(|_| hub.is_extended(self.id));
        let closing = told.map(|reason| {
            let text = tell::closing(close.code, reason, retry_after_ms(reason));
            frame::text(&text)
        });
        hub.finish(self.id, closing.into_iter().chain([frame]));
        drop(hub);
        let now = Moment::now();
        shard.looks.set(self.id, now);
        state.rare().ending = Some(Ending {
            close,
            until: now + shard.config.close_within,
            is_answered: false,
            is_deaf: false,
        });
    }

    /// Writes what is due until nothing is left or the socket is full. The one place where bytes go out.
    pub(crate) fn flush(self: &Rc<Self>, shard: &Rc<Shard>) {
        if self.is_waiting.get() {
            return;
        }
        loop {
            match self.write(shard) {
                Wrote::All => return self.finish_end(shard),
                Wrote::Some => {}
                Wrote::Full => return self.wait_for_room(shard),
                Wrote::Behind => self.close(shard, 4409, "slow"),
                // The read side hears of it, and ends the session.
                Wrote::Broken => return,
            }
        }
    }

    /// One send.
    fn write(&self, shard: &Shard) -> Wrote {
        let mut hub = shard.hub.borrow_mut();
        let Ok(due) = hub.pending(self.id) else {
            return Wrote::Behind;
        };
        if due.is_empty() && !self.stream.has_unsent() {
            return Wrote::All;
        }
        (shard.config.probe)("send");
        let Ok(written) = self.stream.send(&due) else {
            return Wrote::Broken;
        };
        let sent = hub.advance(self.id, written.taken);
        let mut state = self.state.borrow_mut();
        if written.has_moved {
            state.stalled_since = None;
        }
        state.messages_out += sent.events + sent.prices + sent.statuses + sent.bars;
        state.messages_out += sent.features + sent.answers;
        shard.stats.signals_sent.add(sent.events);
        shard.stats.prices_sent.add(sent.prices);
        shard.stats.statuses_sent.add(sent.statuses);
        shard.stats.bars_sent.add(sent.bars);
        shard.stats.features_sent.add(sent.features);
        shard.stats.answers_sent.add(sent.answers);
        shard.stats.bytes_sent.add(written.taken as u64);
        shard.stats.count_bytes(&sent.bytes);
        shard.stats.prices_folded.set(hub.folded());
        if written.is_full {
            Wrote::Full
        } else if hub.is_due(self.id) || self.stream.has_unsent() {
            Wrote::Some
        } else {
            Wrote::All
        }
    }

    /// What is due stays where it is, in the hub, until the socket takes bytes again.
    fn wait_for_room(self: &Rc<Self>, shard: &Rc<Shard>) {
        shard.stats.stalled.add(1);
        let now = Moment::now();
        self.state.borrow_mut().stalled_since.get_or_insert(now);
        shard.looks.set(self.id, now);
        self.is_waiting.set(true);
        let waiting = Rc::clone(self).flush_once_writable(Rc::clone(shard));
        shard.begin_for(self, waiting);
    }

    async fn flush_once_writable(self: Rc<Self>, shard: Rc<Shard>) {
        let is_open = self.stream.writable().await.is_ok();
        self.is_waiting.set(false);
        if is_open && shard.has(&self) {
            self.flush(&shard);
        }
    }

    /// All is written. Once both Closes are through, the connection ends from our side, as RFC 6455 section 7.1.1 wants
    /// it. The answer of a client that broke the protocol cannot be understood: only its end of the connection is awaited.
    fn finish_end(&self, shard: &Shard) {
        let state = self.state.borrow();
        let Some(ending) = state.ending() else {
            return;
        };
        let (is_answered, is_deaf) = (ending.is_answered, ending.is_deaf);
        drop(state);
        if is_answered {
            self.end(shard);
        } else if is_deaf {
            self.stream.finish();
        }
    }

    /// The client did not answer our Close in time. If it does not even read, what lies in the kernel for it goes too.
    fn cut(&self, shard: &Shard) {
        if shard.hub.borrow().is_due(self.id) || self.stream.has_unsent() {
            self.stream.forget_unsent();
        }
        self.end(shard);
    }

    /// Its work broke, by a fault of our own. What lies in its state is not to be trusted: it is cut, and comes again.
    pub(crate) fn break_off(&self, shard: &Shard) {
        shard.stats.broken.add(1);
        tracing::error!(client = self.number, peer = %self.peer, "the work for a client broke off, and it was cut; the panic before this says where");
        self.end(shard);
    }

    /// The end: both tasks of the session wake and leave.
    fn end(&self, shard: &Shard) {
        if !shard.has(self) {
            return;
        }
        self.stream.close();
        let state = self.state.borrow();
        let close = state.ending().map_or(Close::CUT, |ending| ending.close);
        shard.stats.closed(close.code);
        tracing::info!(
            client = self.number,
            peer = %self.peer,
            code = close.code,
            reason = close.reason.word(),
            seconds = (Moment::now() - self.began).as_secs(),
            messages_in = state.messages_in,
            messages_out = state.messages_out,
            "client left"
        );
        shard.remove(self);
    }

    pub(crate) fn log_arrival(&self) {
        let (client, peer) = (self.number, self.peer);
        match self.whence.as_ref().and_then(|whence| whence.client) {
            Some(address) => tracing::info!(client, %peer, %address, "client came"),
            None => tracing::info!(client, %peer, "client came"),
        }
    }
}

impl State {
    fn ending(&self) -> Option<&Ending> {
        self.rare.as_ref()?.ending.as_ref()
    }

    fn is_ending(&self) -> bool {
        self.ending().is_some()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

impl Close {
    const CUT: Self = Self {
        code: 1006,
        reason: Reason::Cut,
    };
}

/// The advice that a Close has in its reason: `restart retry=2500`.
fn retry_after_ms(reason: &str) -> Option<u64> {
    reason.split_once("retry=")?.1.parse().ok()
}

impl Reason {
    fn word(self) -> &'static str {
        match self {
            Self::Ours(reason) => reason,
            Self::Drain => "server ends",
            Self::Client => "client closed",
            Self::Cut => "connection cut",
        }
    }
}

enum Read {
    End,
    /// Nothing is left for now.
    All,
    /// There may be more.
    Some,
}

enum Wrote {
    All,
    Some,
    Full,
    Behind,
    Broken,
}

/// What an extended client is told of what it subscribed.
fn subscribed(shard: &Shard, ask: &Subscribe, began: &Began, simulated: bool) -> String {
    let symbols = began.symbols.as_deref();
    let interval = began.price_interval.map(|span| span.millis());
    tell::subscribed(&tell::Subscribed {
        id: ask.id.as_ref(),
        channels: ask.channels,
        symbols: symbols.map_or(tell::Heard::Every, tell::Heard::Only),
        unknown_symbols: &began.unknown_symbols,
        position: began.position,
        follows: began.follows,
        bars: began.bars,
        features: began.features.as_deref(),
        price_interval_ms: interval.and_then(|millis| u32::try_from(millis).ok()),
        simulated,
        limits: tell::Limits {
            message_bytes: shard.config.message_bytes,
            messages_per_s: shard.dials.now().messages_per_s,
        },
        heartbeat_ms: u64::try_from(shard.config.heartbeat_every.as_millis()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    /// With the socket's 32 bytes and the two counts of its reference it takes 256, one of the sizes that allocators have.
    /// Every client that there is holds one, however long it hears nothing. The socket is larger in debug builds.
    #[test]
    #[cfg(all(unix, target_pointer_width = "64"))]
    fn a_session_takes_little() {
        assert!(size_of::<Session>() - size_of::<TcpStream>() <= 256 - 16 - 32);
        assert!(size_of::<Decoder>() <= 24);
    }
}
