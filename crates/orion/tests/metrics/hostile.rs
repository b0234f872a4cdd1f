//! However clients behave, there are no more series than before.

use crate::start;
use crate::support::{Server, post};
use std::collections::BTreeSet;
use std::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, client};

/// A series is a name with its labels: what stands before the value.
fn series(server: &Server) -> BTreeSet<String> {
    let text = server.get("/metrics");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()))
        .collect()
}

#[test]
fn what_clients_say_makes_no_series() {
    let (_folder, server) = start(&[]);
    let before = series(&server);
    assert!(before.len() > 100, "{}", before.len());
    for number in 0..120_u16 {
        let stream = TcpStream::connect(&server.address).expect("connect");
        let url = format!("ws://{}/ws/signals", server.address);
        let (mut socket, _) = client(url, stream).expect("a socket");
        let symbol = format!("HOSTILE{number}");
        let ask = serde_json::json!({"type": "subscribe", "v": 1, "channels": ["prices", symbol], "symbols": [symbol]});
        socket.send(Message::text(ask.to_string())).expect("send");
        socket
            .send(Message::text(format!("{{\"type\":\"x{number}\"}}")))
            .expect("send");
        let code = if number % 2 == 0 {
            3000 + number
        } else {
            4000 + number
        };
        let frame = CloseFrame {
            code: code.into(),
            reason: "bye".into(),
        };
        socket.close(Some(frame)).expect("close");
        // Until the other side is through with it.
        while socket.read().is_ok() {}
    }
    for key in ["a", "b", "orion_nobody"] {
        let key = format!("Bearer {key}");
        let body = r#"{"symbol":"NOSUCH"}"#;
        post(
            &server.address,
            "/api/signals",
            &[("Authorization", key.as_str())],
            body,
        )
        .expect("an answer");
    }
    let after = series(&server);
    let new: Vec<_> = after.difference(&before).collect();
    let is_closed = |series: &&&String| series.starts_with("orion_connections_closed_total{code=");
    assert_eq!(new.iter().filter(is_closed).count(), new.len(), "{new:?}");
    assert!(new.len() <= 4, "{new:?}");
    // All of them are counted all the same.
    let text = server.get("/metrics");
    let closed = text.lines().filter_map(|line| {
        let (name, count) = line.rsplit_once(' ')?;
        name.starts_with("orion_connections_closed_total{")
            .then(|| count.parse::<u64>())?
            .ok()
    });
    assert_eq!(closed.sum::<u64>(), 120, "{text}");
}
