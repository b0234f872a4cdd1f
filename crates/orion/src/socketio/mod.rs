//! Clients that speak Socket.IO (`/socket.io/`, protocol 5), where `socketio.enabled` lets them.
//!
//! Each of them is a plain client of `/ws/signals` too, over a connection that the server makes to itself
//! ([`gateway::Inside`]): who may come, what is heard, in which order, and what becomes of who is too slow is decided there
//! and nowhere else. Here only the envelope changes: `emit("subscribe", {channels})` is said as a message, and a message is an
//! event of its type whose one argument is the payload.

mod client;
mod event;
mod said;

use axum::Router;
use client::Client;
use event::Shown;
use gateway::Inside;
use socketioxide::extract::{SocketRef, TryData};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::SetOnce;

/// Bytes of one message of a client; what it may say is shorter.
const MESSAGE_BYTES: u64 = 16 * 1024;
/// Events on their way to one client; behind them what it has not taken waits with the gateway.
const EVENTS_MAX: usize = 128;
/// Who connects has to say in this time which namespace it wants.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// The endpoint. Who comes before the gateway runs waits for it.
#[derive(Clone, Debug)]
pub(crate) struct SocketIo {
    io: socketioxide::SocketIo,
    inside: Arc<SetOnce<Inside>>,
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
        let (client, endpoint) = (Client::new(socket, shown), self.clone());
        tokio::spawn(async move {
            // A client that was sent away would not come again by itself.
            let inside = endpoint.inside.wait().await.clone();
            client.serve(inside, endpoint.io).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt as _, StreamExt as _};
    use market::{Catalog, Epoch, Position, Time};
    use std::net::Ipv4Addr;
    use tokio::net::TcpStream;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

    type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

    fn gateway() -> gateway::Gateway {
        let beginning = gateway::Beginning {
            catalog: Arc::new(Catalog {
                sources: Vec::new(),
                instruments: Vec::new(),
            }),
            features: Arc::default(),
            end: Position {
                epoch: Epoch(1),
                seq: 0,
            },
            past: gateway::Publication::default(),
        };
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let config = gateway::Config::new(gateway::Clock::new(|| Time::from_secs(0)));
        gateway::serve(listener, Router::new(), &beginning, config).unwrap()
    }

    /// The next that is said begins so; pings are passed over.
    async fn hear(client: &mut Client, begins: &str) {
        loop {
            let text = client.next().await.unwrap().unwrap().into_text().unwrap();
            if text != "2" {
                return assert!(text.starts_with(begins), "{text}, not {begins}");
            }
        }
    }

    #[tokio::test]
    async fn who_comes_before_the_gateway_runs_is_served_when_it_does() {
        let (endpoint, router) = SocketIo::before(Router::new());
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (mut client, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        // It opens, joins the namespace and subscribes, as protocol 5 has it.
        hear(&mut client, "0{").await;
        client.send(Message::text("40")).await.unwrap();
        hear(&mut client, "40{").await;
        let subscribe = r#"42["subscribe",{"v":1,"channels":["signals"],"snapshot":false}]"#;
        client.send(Message::text(subscribe)).await.unwrap();
        let gateway = gateway();
        endpoint.open(gateway.inside());
        hear(&mut client, r#"42["subscribed","#).await;
    }
}
