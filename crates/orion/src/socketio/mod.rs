//! Clients that speak Socket.IO (`/socket.io/`, protocol 5), where `socketio.enabled` lets them.
//!
//! Each of them is a plain client of `/ws/signals` too, over a connection that the server makes to itself
//! ([`gateway::Inside`]): who may come, what is heard, in which order, and what becomes of who is too slow is decided there
//! and nowhere else. Here only the envelope changes: `emit("subscribe", {channels})` is said as a message, and a message is an
//! event of its type whose one argument is the payload.

mod client;
mod event;

use axum::Router;
use client::Client;
use event::Shown;
use gateway::Inside;
use socketioxide::extract::{SocketRef, TryData};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Bytes of one message of a client; what it may say is shorter.
const MESSAGE_BYTES: u64 = 16 * 1024;
/// Events on their way to one client; behind them what it has not taken waits with the gateway.
const EVENTS_MAX: usize = 128;
/// Who connects has to say in this time which namespace it wants.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The endpoint. It lets clients in once the gateway runs.
#[derive(Clone, Debug)]
pub(crate) struct SocketIo {
    io: socketioxide::SocketIo,
    inside: Arc<OnceLock<Inside>>,
}

impl SocketIo {
    /// The routes with the endpoint before them.
    pub(crate) fn before(router: Router) -> (Self, Router) {
        let (layer, io) = socketioxide::SocketIo::builder()
            .max_payload(MESSAGE_BYTES)
            .ws_max_message_size(MESSAGE_BYTES as usize)
            .ws_max_frame_size(MESSAGE_BYTES as usize)
            .max_buffer_size(EVENTS_MAX)
            .connect_timeout(CONNECT_WITHIN)
            .build_layer();
        let endpoint = Self {
            io,
            inside: Arc::default(),
        };
        let welcoming = endpoint.clone();
        endpoint.io.ns(
            "/",
            async move |socket: SocketRef, TryData(shown): TryData<Shown>| {
                // What is no token is none.
                welcoming.welcome(socket, shown.unwrap_or_default());
            },
        );
        (endpoint, router.layer(layer))
    }

    /// Lets clients in.
    pub(crate) fn open(&self, inside: Inside) {
        // It is opened once.
        let _opened = self.inside.set(inside);
    }

    fn welcome(&self, socket: SocketRef, shown: Shown) {
        let client = Client::new(socket, shown);
        match self.inside.get() {
            Some(inside) => {
                tokio::spawn(client.serve(inside.clone(), self.io.clone()));
            }
            None => client.refuse("the server is starting: come again"),
        }
    }
}
