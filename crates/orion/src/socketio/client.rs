//! One client's life: what it emits goes in, what is heard comes out, and where the inner connection ends another one is made,
//! so that the client notices only what it has to.

use super::event::{Heard, SAID, Shown, auth, message};
use super::said::Said;
use axum::extract::ConnectInfo;
use axum::http::{Request, header, request};
use futures_util::{SinkExt as _, StreamExt as _};
use gateway::Inside;
use serde_json::{Map, Value, json};
use socketioxide::extract::{Data, SocketRef};
use socketioxide::{SendError, SocketError};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

/// What a client says while there is no connection waits; the gateway judges how fast it may speak.
const SAID_MAX: usize = 32;
/// A client that takes nothing is offered the same again after this long.
const FULL_AGAIN: Duration = Duration::from_millis(50);
/// The pause before another connection, as dashboards make it.
const AGAIN: Duration = Duration::from_secs(1);
/// The headers that say who asks, and from where.
const FORWARDED: [header::HeaderName; 5] = [
    header::AUTHORIZATION,
    header::ORIGIN,
    header::USER_AGENT,
    header::FORWARDED,
    header::HeaderName::from_static("x-forwarded-for"),
];

type Inner = WebSocketStream<TcpStream>;

/// What a client does.
enum Act {
    Said(Map<String, Value>),
    Left,
}

pub(super) struct Client {
    socket: SocketRef,
    shown: Shown,
    acts: mpsc::Receiver<Act>,
    said: Said,
}

/// How an inner connection ended.
enum End {
    /// The client is gone.
    Left,
    /// Another one may be better.
    Cut,
    /// It will be the same again.
    Refused(String),
    /// The gateway takes nobody any more.
    Stopped,
}

impl Client {
    pub(super) fn new(socket: SocketRef, shown: Shown) -> Self {
        let (act, acts) = mpsc::channel(SAID_MAX);
        // Sending fails only when nobody serves the client any more.
        for kind in SAID {
            let act = act.clone();
            socket.on(kind, move |Data(argument): Data<Value>| {
                let act = act.clone();
                async move {
                    let _gone = act.send(Act::Said(message(kind, argument))).await;
                }
            });
        }
        socket.on_disconnect(move || {
            let act = act.clone();
            async move {
                let _gone = act.send(Act::Left).await;
            }
        });
        Self {
            socket,
            shown,
            acts,
            said: Said::default(),
        }
    }

    /// Tells why not, and ends it for good: it does not come again by itself.
    pub(super) fn refuse(self, why: &str) {
        // It may be gone already.
        let _told = self.socket.emit("error", &json!({"message": why}));
        let _gone = self.socket.disconnect();
    }

    pub(super) async fn serve(mut self, inside: Inside, io: socketioxide::SocketIo) {
        tracing::debug!(peer = %self.peer(), "a Socket.IO client has come");
        while self.socket.connected() {
            let end = match self.connect(&inside).await {
                Ok(inner) => self.relay(inner).await,
                Err(end) => end,
            };
            match end {
                End::Left => return,
                End::Cut => sleep(AGAIN).await,
                End::Refused(why) => return self.refuse(&why),
                // All transports are cut, so that clients come back by themselves: one that is told to go does not.
                End::Stopped => return io.close().await,
            }
        }
    }

    /// Who is at the other end, as far as the network says.
    fn peer(&self) -> SocketAddr {
        let info = self
            .socket
            .req_parts()
            .extensions
            .get::<ConnectInfo<SocketAddr>>();
        info.map_or((Ipv4Addr::UNSPECIFIED, 0).into(), |ConnectInfo(peer)| *peer)
    }

    /// A connection of its own to the gateway, on which all that it has said so far is said again, as far as it matters.
    async fn connect(&mut self, inside: &Inside) -> Result<Inner, End> {
        let connected = inside.connect(self.peer()).await;
        let stream = connected.map_err(|error| {
            if error.kind() == ErrorKind::NotConnected {
                End::Stopped
            } else {
                End::Cut
            }
        })?;
        let request = request(self.socket.req_parts()).map_err(End::Refused)?;
        let (mut inner, _answer) = tokio_tungstenite::client_async(request, stream)
            .await
            .map_err(refused)?;
        let auth = self.shown.token.as_deref().map(auth);
        for text in auth.into_iter().chain(self.said.again()) {
            inner
                .feed(Message::text(text))
                .await
                .map_err(|_cut| End::Cut)?;
        }
        inner.flush().await.map_err(|_cut| End::Cut)?;
        Ok(inner)
    }

    /// Passes on what is said and heard, until one of the two ends.
    async fn relay(&mut self, mut inner: Inner) -> End {
        loop {
            tokio::select! {
                act = self.acts.recv() => match act {
                    None | Some(Act::Left) => return self.leave(inner).await,
                    Some(Act::Said(message)) => {
                        self.said.hear(&message);
                        let text = Value::Object(message).to_string();
                        if inner.send(Message::text(text)).await.is_err() {
                            return End::Cut;
                        }
                    }
                },
                heard = inner.next() => match heard {
                    Some(Ok(Message::Text(text))) => {
                        if self.tell(&text).await.is_err() {
                            return self.leave(inner).await;
                        }
                    }
                    Some(Ok(Message::Close(frame))) => return end(frame),
                    // Pings are answered by the library; nothing binary is ever sent.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                    Some(Err(_)) | None => return End::Cut,
                },
            }
        }
    }

    async fn leave(&self, mut inner: Inner) -> End {
        // It may be gone already.
        let _gone = inner.close(None).await;
        End::Left
    }

    /// Tells the client an event. A price that it has no room for is left out, as a newer one comes; all else waits, and
    /// meanwhile nothing is read of the gateway, which judges how long that may last.
    async fn tell(&self, text: &str) -> Result<(), SendError> {
        let Some(heard) = Heard::read(text) else {
            return Ok(());
        };
        let argument = heard.argument(text);
        loop {
            match self.socket.emit(heard.kind, &argument) {
                Err(SendError::Socket(SocketError::InternalChannelFull))
                    if heard.kind == "price_update" =>
                {
                    return Ok(());
                }
                Err(SendError::Socket(SocketError::InternalChannelFull)) => sleep(FULL_AGAIN).await,
                told => return told,
            }
        }
    }
}

/// The request that a client of `/ws/signals` would have made.
fn request(asked: &request::Parts) -> Result<Request<()>, String> {
    let query = asked.uri.query().unwrap_or_default();
    let key = query.split('&').find(|pair| pair.starts_with("key="));
    let address = format!("ws://localhost/ws/signals?{}", key.unwrap_or_default());
    let mut request = address
        .into_client_request()
        .map_err(|error| format!("key: {error}"))?;
    for name in FORWARDED {
        for value in asked.headers.get_all(&name) {
            request.headers_mut().append(&name, value.clone());
        }
    }
    Ok(request)
}

/// What an answer that is no upgrade means.
fn refused(error: Error) -> End {
    let Error::Http(answer) = error else {
        return End::Cut;
    };
    if !answer.status().is_client_error() {
        return End::Cut;
    }
    let why = answer.body().as_deref().map(String::from_utf8_lossy);
    End::Refused(why.map_or_else(|| answer.status().to_string(), |why| why.trim().to_owned()))
}

/// What a Close of the gateway means: docs/protocol.md, "How a connection ends".
fn end(frame: Option<CloseFrame>) -> End {
    let Some(CloseFrame { code, reason }) = frame else {
        return End::Cut;
    };
    match u16::from(code) {
        1012 => End::Stopped,
        4400 | 4401 | 4403 => End::Refused(reason.to_string()),
        _ => End::Cut,
    }
}
