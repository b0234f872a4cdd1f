//! Moves frames: one task only reads, so that Massive's buffer for us never fills; here they are heard, answered, and missed
//! when they do not come. Massive drops connections without a word, "nightly among other times".

use super::Deadlines;
use super::talk::Talk;
use crate::net::Socket;
use crate::supervise::End;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Message};

/// Frames that may lie between the reader and the parser; beyond it the socket's own buffers fill.
const FRAMES: usize = 4096;
/// How long a write may take; that of the official Go client.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// How often silent symbols are looked for.
const WATCH_EVERY: Duration = Duration::from_secs(60);

type Sink = SplitSink<Socket, Message>;

/// One connection from its greeting to its end; `live` hears when every symbol was answered
/// for and prices flow.
pub(super) async fn run(
    socket: Socket,
    mut talk: Talk<'_>,
    deadlines: Deadlines,
    live: &Notify,
) -> End {
    let (mut sink, stream) = socket.split();
    let (frames_in, mut frames) = mpsc::channel(FRAMES);
    // Dropping the set ends the reader.
    let mut reader = JoinSet::new();
    reader.spawn(read(stream, frames_in));
    let mut pings = every(deadlines.ping);
    let mut watches = every(WATCH_EVERY);
    let mut silent_at = Instant::now() + deadlines.silence;
    let mut late_at = Instant::now() + deadlines.answer;
    loop {
        let step = talk.awaits();
        let end = tokio::select! {
            frame = frames.recv() => {
                silent_at = Instant::now() + deadlines.silence;
                hear(&mut talk, frame)
            }
            _ = pings.tick() => send(&mut sink, Message::Ping(Bytes::new())).await.err(),
            () = sleep_until(late_at), if step.is_some() => talk.late(),
            () = sleep_until(silent_at) => Some(silent(deadlines.silence)),
            _ = watches.tick() => {
                talk.watch();
                None
            }
        };
        if let Some(end) = end {
            return end;
        }
        for message in talk.take_outbox() {
            if let Err(end) = send(&mut sink, Message::text(message)).await {
                return end;
            }
        }
        if talk.awaits() != step {
            late_at = Instant::now() + deadlines.answer;
        }
        if talk.is_live() && talk.awaits().is_none() {
            live.notify_one();
        }
    }
}

/// Only reads: what a frame means is found out elsewhere.
async fn read(mut stream: SplitStream<Socket>, frames: mpsc::Sender<Result<Message, String>>) {
    while let Some(frame) = stream.next().await {
        let frame = frame.map_err(|error| error.to_string());
        if frames.send(frame).await.is_err() {
            return;
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn hear(talk: &mut Talk<'_>, frame: Option<Result<Message, String>>) -> Option<End> {
    match frame {
        Some(Ok(Message::Text(text))) => talk.hear(&text),
        Some(Ok(Message::Binary(bytes))) => talk.hear(&String::from_utf8_lossy(&bytes)),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            talk.life();
            None
        }
        Some(Ok(Message::Close(Some(close)))) => {
            let (code, reason) = (close.code, close.reason);
            Some(talk.lost(&format!("Massive closed it with {code} {reason}")))
        }
        Some(Ok(Message::Close(None))) => Some(talk.lost("Massive closed it")),
        Some(Err(error)) => Some(talk.lost(&error)),
        None => Some(talk.lost("it ended without a word")),
    }
}

async fn send(sink: &mut Sink, message: Message) -> Result<(), End> {
    match timeout(WRITE_WITHIN, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::transient(format!("cannot write: {error}"))),
        Err(_) => Err(End::transient(format!(
            "a write took longer than {} s",
            WRITE_WITHIN.as_secs()
        ))),
    }
}

fn silent(span: Duration) -> End {
    let seconds = span.as_secs_f64();
    End::transient(format!(
        "nothing came for {seconds} s, not even an answer to a ping: the line is dead"
    ))
}
