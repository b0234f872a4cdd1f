//! The same lines over a plain socket, for MetaTrader 5: an advisor connects, says hello with its token, and sends; every
//! batch of whole lines is answered with one line. What is not taken fast enough waits in the advisor: here nothing is read
//! ahead.

use super::answer::Answer;
use super::bridge::{BODY_BYTES, Bridge, wrong_token};
use super::decode::{self, Line};
use axum::http::StatusCode;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at once.
const CONNECTIONS_MAX: usize = 32;
/// A stranger has so long to say hello.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Room for one read.
const READ_BYTES: usize = 64 * 1024;
/// Three heartbeats; a half-open connection ends here.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How long an answer may take to leave.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// The wait after an accept that failed, such as for want of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Accepts for ever; the connections end with it.
pub(super) async fn serve(bridge: Bridge, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let bridge = bridge.clone();
                connections.spawn(async move {
                    let end = Connection::new(bridge, stream).run().await;
                    tracing::debug!(%peer, ?end, "an advisor's connection is over");
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an advisor's connection cannot be accepted");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

struct Connection {
    bridge: Bridge,
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The token's name and the session, once the hello has come.
    known: Option<(String, String)>,
}

impl Connection {
    fn new(bridge: Bridge, stream: TcpStream) -> Self {
        Self {
            bridge,
            stream,
            buffer: Vec::new(),
            known: None,
        }
    }

    async fn run(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        loop {
            let patience = if self.known.is_some() {
                SILENCE_MAX
            } else {
                HELLO_WITHIN
            };
            self.buffer.reserve(READ_BYTES);
            let read = timeout(patience, self.stream.read_buf(&mut self.buffer));
            if read.await?? == 0 {
                return Ok(());
            }
            let Some(end) = self.buffer.iter().rposition(|&b| b == b'\n') else {
                if self.buffer.len() > BODY_BYTES {
                    let status = StatusCode::PAYLOAD_TOO_LARGE;
                    return self
                        .say(&Answer::not_taken(status, "a line is too long"))
                        .await;
                }
                continue;
            };
            let rest = self.buffer.split_off(end + 1);
            let batch = std::mem::replace(&mut self.buffer, rest);
            let answer = self.answer(&batch).await;
            self.say(&answer).await?;
            if self.known.is_none() {
                return Ok(());
            }
        }
    }

    async fn answer(&mut self, batch: &[u8]) -> Answer {
        if self.known.is_none() {
            match self.greet(batch) {
                Ok(known) => self.known = Some(known),
                Err(answer) => return *answer,
            }
        }
        let Some((key, session)) = &self.known else {
            return wrong_token(false);
        };
        self.bridge.talk(key, Some(session), batch).await
    }

    /// Who it is, by its first line.
    fn greet(&self, batch: &[u8]) -> Result<(String, String), Box<Answer>> {
        let Some((_, Ok(Line::Hello(hello)))) = decode::lines(batch).next() else {
            let reason = "the first line is no hello";
            return Err(Box::new(Answer::not_taken(StatusCode::BAD_REQUEST, reason)));
        };
        let key = self.bridge.key(&hello.token);
        let key = key.ok_or_else(|| Box::new(wrong_token(!hello.token.is_empty())))?;
        Ok((key, hello.session))
    }

    async fn say(&mut self, answer: &Answer) -> io::Result<()> {
        timeout(WRITE_WITHIN, self.stream.write_all(&answer.line())).await?
    }
}
