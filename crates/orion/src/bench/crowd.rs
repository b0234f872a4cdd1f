//! Dashboards: each connects, subscribes when all are told to, and counts what it hears.

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// As the public dashboard says it, but for its time.
const SUBSCRIBE: &str = r#"{"type":"subscribe","channels":["signals","prices"]}"#;
/// So many handshakes at a time: fewer than the backlog holds.
const TOGETHER: u32 = 64;
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Of each dashboard: they are thousands, and messages are short.
const READ_BYTES: usize = 4096;

/// What all of them heard so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) messages: u64,
    /// Of frames, their heads included.
    pub(super) bytes: u64,
    /// Connections that ended though nobody wanted it.
    pub(super) lost: u64,
}

impl Count {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages - before.messages,
            bytes: self.bytes - before.bytes,
            lost: self.lost - before.lost,
        }
    }
}

#[derive(Default)]
struct Tally {
    messages: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
}

/// All dashboards, the oldest first.
pub(super) struct Crowd {
    address: String,
    tally: Arc<Tally>,
    subscribed: watch::Sender<bool>,
    members: VecDeque<JoinHandle<()>>,
}

impl Crowd {
    pub(super) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            tally: Arc::default(),
            subscribed: watch::Sender::new(false),
            members: VecDeque::new(),
        }
    }

    /// So many more connect.
    pub(super) async fn come(&mut self, count: u32) -> Result<()> {
        let mut left = count;
        while left > 0 {
            let now = left.min(TOGETHER);
            let mut connecting = JoinSet::new();
            for _ in 0..now {
                connecting.spawn(connect(self.address.clone()));
            }
            while let Some(socket) = connecting.join_next().await {
                let socket = socket.context("connect a dashboard")??;
                let (tally, subscribed) = (self.tally.clone(), self.subscribed.subscribe());
                self.members
                    .push_back(tokio::spawn(listen(socket, tally, subscribed)));
            }
            left -= now;
        }
        Ok(())
    }

    /// The oldest go without a word, as a page that is closed or a telephone that loses its net.
    pub(super) fn go(&mut self, count: u32) {
        for member in self.members.drain(..self.members.len().min(count as usize)) {
            member.abort();
        }
    }

    /// All subscribe, those who come later too.
    pub(super) fn subscribe(&self) {
        self.subscribed.send_replace(true);
    }

    pub(super) fn count(&self) -> Count {
        Count {
            messages: self.tally.messages.load(Ordering::Relaxed),
            bytes: self.tally.bytes.load(Ordering::Relaxed),
            lost: self.tally.lost.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for member in &self.members {
            member.abort();
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

async fn connect(address: String) -> Result<Socket> {
    let connecting = async {
        let stream = TcpStream::connect(&address).await?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let url = format!("ws://{address}/ws/signals");
        let (socket, _answer) = client_async_with_config(url, stream, Some(config)).await?;
        anyhow::Ok(socket)
    };
    timeout(CONNECT_MAX, connecting)
        .await
        .with_context(|| {
            format!(
                "a dashboard was not let in within {} s",
                CONNECT_MAX.as_secs()
            )
        })?
        .context("connect a dashboard to the server")
}

async fn listen(mut socket: Socket, tally: Arc<Tally>, mut subscribed: watch::Receiver<bool>) {
    let mut has_subscribed = false;
    loop {
        tokio::select! {
            told = told(&mut subscribed), if !has_subscribed => {
                has_subscribed = true;
                // Whoever could tell it is gone, or so is the server, which the next read says.
                if told {
                    let _ = socket.send(Message::text(SUBSCRIBE)).await;
                }
            }
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    tally.messages.fetch_add(1, Ordering::Relaxed);
                    tally.bytes.fetch_add(framed(text.len()), Ordering::Relaxed);
                }
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    tally.lost.fetch_add(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}

/// Waits until all shall subscribe; `false` where whoever says so is gone.
async fn told(subscribed: &mut watch::Receiver<bool>) -> bool {
    subscribed.wait_for(|wanted| *wanted).await.is_ok()
}

/// Bytes of a frame of a server (RFC 6455, 5.2).
fn framed(payload: usize) -> u64 {
    let head = match payload {
        0..=125 => 2,
        126..=65_535 => 4,
        65_536.. => 10,
    };
    payload as u64 + head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_their_heads() {
        let cases = [
            (0, 2),
            (125, 127),
            (126, 130),
            (65_535, 65_539),
            (65_536, 65_546),
        ];
        for (payload, expected) in cases {
            assert_eq!(framed(payload), expected);
        }
    }
}
