//! A client for whom there is no room. Its connection is held and it is told nothing, until it is closed with advice when to
//! come back: a page that is refused at once comes back at once. One that shows that it reads advice, by the `v` of its
//! subscribe, is told without delay. It holds a socket, the rules of frames, and nothing of what clients hold.

use crate::config::Config;
use crate::frame::{Decoder, Inbound, Violation};
use crate::inflate::Inflater;
use crate::room::Ticket;
use crate::spread;
use crate::stream::{Raw, Stream};
use bytes::Bytes;
use hub::frame;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::timeout;
use wire::{Ask, Speaker, tell};

/// What all who are parked have in common.
#[derive(Debug)]
pub(crate) struct Lot<'a> {
    pub(crate) config: &'a Config,
    /// Frames are read with one, though who is parked was not agreed to be compressed.
    pub(crate) inflater: &'a Mutex<Inflater>,
}

#[derive(Debug)]
pub(crate) struct Parked {
    stream: Stream,
    decoder: Decoder,
    /// Bytes it may still say.
    left: usize,
    number: u64,
    _ticket: Ticket,
}

/// Why somebody is parked no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// It has waited, or the server ends.
    Waited,
    /// It speaks the extended protocol.
    Extended,
    Broke(Violation),
    /// It ended by itself; with this code if it said one.
    Left(Option<u16>),
}

/// What is read at once, on the stack of the thread.
const READ_BYTES: usize = 2 * 1024;

const TOO_MUCH: Violation = Violation {
    code: 4429,
    reason: "too many messages",
};

impl Parked {
    pub(crate) fn new(
        socket: Raw,
        number: u64,
        ticket: Ticket,
        config: &Config,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::new(socket)?,
            decoder: Decoder::new(config.message_bytes, config.message_fragments, None),
            left: config.message_bytes,
            number,
            _ticket: ticket,
        })
    }

    /// Holds it until it has waited, is told to come back, and gone. Gives back the code that it ended with.
    pub(crate) async fn hold(
        mut self,
        lot: Lot<'_>,
        first: Bytes,
        ending: impl Future<Output = ()>,
    ) -> u16 {
        let wait = spread::within(lot.config.parked_for.clone(), self.number);
        // A socket that is new here is known to take bytes only once the system has said so.
        let stream = &mut self.stream;
        let _is_open = poll_fn(move |context| stream.poll_writable(context)).await;
        let over = self.hear(&lot, &first);
        drop(first);
        let over = match over {
            Some(over) => over,
            None => tokio::select! {
                over = timeout(wait, poll_fn(|context| self.poll_over(&lot, context))) => {
                    over.unwrap_or(Over::Waited)
                }
                () = ending => Over::Waited,
            },
        };
        self.part(over, wait, lot.config.close_within).await
    }

    fn poll_over(&mut self, lot: &Lot<'_>, context: &mut Context<'_>) -> Poll<Over> {
        let mut scratch = [0; READ_BYTES];
        loop {
            if ready!(self.stream.poll_readable(context)).is_err() {
                return Poll::Ready(Over::Left(None));
            }
            let over = match self.stream.try_read(&mut scratch) {
                Ok(0) => Some(Over::Left(None)),
                Ok(count) => self.hear(lot, &scratch[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(_) => Some(Over::Left(None)),
            };
            if let Some(over) = over {
                return Poll::Ready(over);
            }
        }
    }

    /// Why it is over, if what it says is a reason.
    fn hear(&mut self, lot: &Lot<'_>, mut bytes: &[u8]) -> Option<Over> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            return Some(Over::Broke(TOO_MUCH));
        };
        self.left = left;
        let mut inflater = lot.inflater.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match self.decoder.next(&mut bytes, &mut inflater) {
                Ok(None) => return None,
                Ok(Some(inbound)) => {
                    if let Some(over) = self.judge(inbound) {
                        return Some(over);
                    }
                }
                Err(violation) => return Some(Over::Broke(violation)),
            }
        }
    }

    fn judge(&self, inbound: Inbound) -> Option<Over> {
        match inbound {
            Inbound::Text(message) => is_extended(&message).then_some(Over::Extended),
            // Who asks whether anybody is there is answered: else it comes back at once.
            Inbound::Ping(payload) => {
                (!self.send(&frame::pong(&payload))).then_some(Over::Left(None))
            }
            Inbound::Close(code) => Some(Over::Left(code)),
            Inbound::Binary(_) | Inbound::Pong => None,
        }
    }

    /// Whether the socket took it whole: what it did not take is not kept.
    fn send(&self, bytes: &[u8]) -> bool {
        let sent = self.stream.send(&[bytes]);
        sent.is_ok_and(|sent| sent.taken == bytes.len())
    }

    /// Says why it ends, waits a moment for the other side's end, and ends it.
    async fn part(mut self, over: Over, wait: Duration, close_within: Duration) -> u16 {
        let overloaded = format!("overload retry={}", wait.as_millis());
        let (code, told) = match over {
            Over::Waited => (1013, frame::close(1013, &overloaded)),
            Over::Extended => {
                let retry = u64::try_from(wait.as_millis()).ok();
                let closing = frame::text(&tell::closing(1013, &overloaded, retry));
                (1013, [closing, frame::close(1013, &overloaded)].concat())
            }
            Over::Broke(broken) => (broken.code, frame::close(broken.code, broken.reason)),
            Over::Left(Some(code)) => (code, frame::close(code, "")),
            Over::Left(None) => (1006, Vec::new()),
        };
        if !told.is_empty() && self.send(&told) {
            self.stream.finish();
            let gone = poll_fn(|context| self.poll_gone(context));
            // Who does not end is ended.
            let _in_time = timeout(close_within, gone).await;
        }
        self.stream.close();
        code
    }

    /// Reads what comes, and leaves it aside, up to the end.
    fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; READ_BYTES];
        loop {
            if ready!(self.stream.poll_readable(context)).is_err() {
                return Poll::Ready(());
            }
            match self.stream.try_read(&mut scratch) {
                Ok(0) => return Poll::Ready(()),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Poll::Ready(()),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

/// Whether it is a subscribe with a version.
fn is_extended(message: &[u8]) -> bool {
    let nobody = Speaker {
        is_authenticated: false,
        is_extended: false,
    };
    matches!(Ask::parse_from(message, nobody), Ok(Ask::Subscribe(ask)) if ask.is_extended)
}
