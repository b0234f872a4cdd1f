//! The WebSocket side.

use super::{Asked, Connection, Out, Shared, status};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::future::pending;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

type Socket = WebSocketStream<TcpStream>;

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut clients = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        clients.spawn(client(stream, Arc::clone(&shared)));
        while clients.try_join_next().is_some() {}
    }
}

/// One client from its handshake to its end.
async fn client(stream: TcpStream, shared: Arc<Shared>) {
    let mut cluster = String::new();
    let refuse = shared.state().script.refuse_upgrade;
    #[expect(
        clippy::result_large_err,
        reason = "this is the form that the handshake takes"
    )]
    let handshake = |request: &Request, response: Response| {
        cluster = request.uri().path().trim_matches('/').to_owned();
        match refuse {
            None => Ok(response),
            Some(code) => Err(refusal(code)),
        }
    };
    let Ok(socket) = accept_hdr_async(stream, handshake).await else {
        shared.note(Asked::Opened(cluster));
        return;
    };
    let cut = Arc::new(Notify::new());
    let (out, outs) = mpsc::channel(shared.state().script.buffer);
    let number = enter(&shared, &cluster, out, Arc::clone(&cut));
    shared.note(Asked::Opened(cluster));
    tokio::select! {
        () = talk(socket, outs, &shared, number) => {}
        () = cut.notified() => {}
    }
    shared.state().connections.remove(&number);
    shared.changed.notify_waiters();
}

fn refusal(code: u16) -> ErrorResponse {
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::FORBIDDEN);
    response
}

fn enter(shared: &Shared, cluster: &str, out: mpsc::Sender<Out>, cut: Arc<Notify>) -> u64 {
    let mut state = shared.state();
    let number = state.next;
    state.next += 1;
    let connection = Connection {
        cluster: cluster.to_owned(),
        authenticated: false,
        topics: BTreeSet::new(),
        out,
        cut,
    };
    if !state.script.mute {
        connection.send(Out::Text(status("connected", "Connected Successfully")));
    }
    state.connections.insert(number, connection);
    number
}

/// Reads and writes are apart: a client that does not read is still heard.
async fn talk(socket: Socket, outs: mpsc::Receiver<Out>, shared: &Shared, number: u64) {
    let (sink, stream) = socket.split();
    let stalled = Notify::new();
    tokio::select! {
        () = write(sink, outs, &stalled) => {}
        () = async {
            tokio::select! {
                () = read(stream, shared, number) => {}
                () = stalled.notified() => pending().await,
            }
        } => {}
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outs: mpsc::Receiver<Out>,
    stalled: &Notify,
) {
    while let Some(out) = outs.recv().await {
        let sent = match out {
            Out::Text(text) => sink.send(Message::text(text)).await,
            Out::Evict(text) => {
                // Whether the last words arrive is the client's affair.
                let _ = sink.send(Message::text(text)).await;
                let _ = sink.close().await;
                return;
            }
            Out::Stall => {
                stalled.notify_one();
                pending().await
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn read(mut stream: SplitStream<Socket>, shared: &Shared, number: u64) {
    while let Some(Ok(message)) = stream.next().await {
        if let Message::Text(text) = message {
            shared.note(Asked::Said(text.to_string()));
            if !hear(&text, shared, number) {
                // The last words are on their way.
                pending::<()>().await;
            }
        }
    }
}

#[derive(Deserialize)]
struct Said {
    action: String,
    params: String,
}

/// Answers what a client said; `false` when it is to be thrown out.
fn hear(text: &str, shared: &Shared, number: u64) -> bool {
    let mut keeps = true;
    match serde_json::from_str::<Said>(text) {
        Ok(said) if said.action == "auth" => keeps = show_key(shared, number, &said.params),
        Ok(said) if said.action == "subscribe" => subscribe(shared, number, &said.params),
        Ok(said) if said.action == "unsubscribe" => unsubscribe(shared, number, &said.params),
        Ok(_) | Err(_) => tell(shared, number, status("error", "invalid message")),
    }
    shared.changed.notify_waiters();
    keeps
}

fn tell(shared: &Shared, number: u64, text: String) {
    if let Some(connection) = shared.state().connections.get(&number) {
        connection.send(Out::Text(text));
    }
}

/// The same key pushes out its older connection to the same cluster.
fn show_key(shared: &Shared, number: u64, key: &str) -> bool {
    let mut state = shared.state();
    let right = key == state.script.key;
    let Some(connection) = state.connections.get_mut(&number) else {
        return false;
    };
    if !right {
        connection.send(Out::Evict(status("auth_failed", "authentication failed")));
        return false;
    }
    connection.authenticated = true;
    connection.send(Out::Text(status("auth_success", "authenticated")));
    let cluster = connection.cluster.clone();
    let others = state.connections.iter();
    others
        .filter(|(other, c)| **other != number && c.authenticated && c.cluster == cluster)
        .for_each(|(_, connection)| connection.evict());
    true
}

/// One confirmation per topic; refusals name nothing, some topics get no answer, and a misspelt one is confirmed.
fn subscribe(shared: &Shared, number: u64, topics: &str) {
    let mut state = shared.state();
    let script = state.script.clone();
    let Some(connection) = state.connections.get_mut(&number) else {
        return;
    };
    if !connection.authenticated {
        return connection.send(Out::Text(status("error", "not authorized")));
    }
    let mut answers = Vec::new();
    for topic in topics
        .split(',')
        .map(|topic| topic.trim().replace('-', "/"))
    {
        if script.not_authorized.contains(&topic) {
            answers
                .push(r#"{"ev":"status","status":"error","message":"not authorized"}"#.to_owned());
        } else if publishes(&connection.cluster, &topic)
            && !script.unanswered.contains(&topic)
            && connection.topics.insert(topic.clone())
        {
            answers.push(format!(
                r#"{{"ev":"status","status":"success","message":"subscribed to: {topic}"}}"#
            ));
        }
    }
    if !answers.is_empty() {
        connection.send(Out::Text(format!("[{}]", answers.join(","))));
    }
}

fn unsubscribe(shared: &Shared, number: u64, topics: &str) {
    let mut state = shared.state();
    let Some(connection) = state.connections.get_mut(&number) else {
        return;
    };
    for topic in topics.split(',').map(str::trim) {
        if connection.topics.remove(topic) {
            let message = format!("unsubscribed to: {topic}");
            connection.send(Out::Text(status("success", &message)));
        }
    }
}

/// Whether a cluster has the channel at all.
fn publishes(cluster: &str, topic: &str) -> bool {
    let channels: &[&str] = match cluster {
        "forex" => &["C", "CA", "CAS"],
        "indices" => &["V", "A", "AM"],
        _ => &[],
    };
    let channel = topic.split('.').next().unwrap_or_default();
    channels.contains(&channel)
}
