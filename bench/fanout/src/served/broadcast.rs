//! axum and tokio's broadcast channel, as their documents show a fan-out: a task for each connection, woken for each
//! message, which it writes.

use super::{follow, say_open};
use crate::message::Message as Price;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use std::thread;
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

/// Messages a connection may be behind before it misses the oldest.
const BEHIND_MAX: usize = 4096;

pub fn serve() -> Result<()> {
    let (prices, _) = channel(BEHIND_MAX);
    let publisher = prices.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("listen")?;
        say_open(listener.local_addr()?);
        thread::spawn(|| publish(publisher));
        let router = Router::new()
            .route("/ws/signals", get(upgrade))
            .with_state(prices);
        axum::serve(listener, router).await.context("serve")
    })
}

fn publish(prices: Sender<Utf8Bytes>) -> ! {
    follow(|pace| {
        pace.walk(|messages| {
            for text in messages.into_iter().map(Price::text) {
                // It fails only while nobody is connected.
                let _unheard = prices.send(Utf8Bytes::from(text));
            }
        });
    })
}

async fn upgrade(State(prices): State<Sender<Utf8Bytes>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| client(socket, prices.subscribe()))
}

async fn client(mut socket: WebSocket, mut prices: Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            price = prices.recv() => match price {
                Ok(text) => {
                    if socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
            said = socket.recv() => {
                if !matches!(said, Some(Ok(_))) {
                    return;
                }
            }
        }
    }
}
