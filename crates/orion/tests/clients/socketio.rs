//! npm's own Socket.IO client.

use crate::support::{Server, key, lines, serve, serve_at, tool};
use crate::{SYMBOLS, start};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Longest wait for one event.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `node/socketio.mjs`; ends when dropped.
struct Dashboard {
    child: Child,
    said: Receiver<String>,
}

impl Dashboard {
    /// Starts it, if Node is there.
    fn start(server: &Server, transport: &str, token: Option<&str>) -> Option<Self> {
        let mut child = Command::new(tool("ORION_TEST_NODE")?)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/clients/node/socketio.mjs"
            ))
            .args([&format!("http://{}", server.address), transport])
            .args(token)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start Node");
        let said = lines(child.stdout.take().expect("standard output"));
        Some(Self { child, said })
    }

    /// What it saw next: the event, and its arguments.
    fn next(&self) -> (String, Value) {
        let line = self.said.recv_timeout(PATIENCE).expect("one more event");
        let saw: Value = serde_json::from_str(&line).expect("a line of JSON");
        (
            saw["event"].as_str().expect("a name").to_owned(),
            saw["told"].clone(),
        )
    }

    /// The next of these events; others are passed over.
    fn wait(&self, wanted: &str) -> Value {
        loop {
            let (event, told) = self.next();
            if event == wanted {
                return told;
            }
        }
    }

    /// What it is shown until each symbol had a price: the payloads of both kinds.
    fn shown(&self) -> Shown {
        let mut shown = Shown::default();
        while !SYMBOLS.iter().all(|symbol| shown.prices.contains(*symbol)) {
            let (event, told) = self.next();
            let [payload] = told.as_array().map_or(&[][..], Vec::as_slice) else {
                panic!("{event} has not one argument: {told}");
            };
            match event.as_str() {
                "signal" => shown.signal(payload),
                "price_update" => drop(shown.prices.insert(text(payload, "symbol"))),
                other => panic!("{other}: {payload}"),
            }
        }
        shown
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Default)]
struct Shown {
    /// The status of each signal.
    signals: BTreeMap<String, String>,
    prices: BTreeSet<String>,
}

impl Shown {
    fn signal(&mut self, payload: &Value) {
        assert!(payload["take_profits"].is_array(), "{payload}");
        assert!(
            payload.get("type").is_none() && payload.get("payload").is_none(),
            "{payload}"
        );
        self.signals
            .insert(text(payload, "id"), text(payload, "status"));
    }
}

fn text(payload: &Value, field: &str) -> String {
    payload[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field} in {payload}"))
        .to_owned()
}

fn with_socketio(data: &Path, options: &[&str]) -> Server {
    start(serve(
        data,
        &[&["--set", "socketio.enabled=true"], options].concat(),
    ))
}

#[test]
fn socketio_clients_get_bare_payloads_over_both_transports() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = with_socketio(folder.path(), &[]);
    for transport in ["websocket", "polling"] {
        let Some(dashboard) = Dashboard::start(&server, transport, None) else {
            return;
        };
        assert_eq!(dashboard.next().0, "connect");
        assert!(
            !dashboard.shown().signals.is_empty(),
            "{transport} saw no signal"
        );
    }
}

#[test]
fn a_socketio_client_comes_back_after_a_crash_and_loses_no_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = with_socketio(folder.path(), &[]);
    let Some(dashboard) = Dashboard::start(&server, "websocket", None) else {
        return;
    };
    dashboard.wait("connect");
    let before = dashboard.shown().signals;
    let address = server.address.clone();
    server.kill();
    assert_eq!(dashboard.wait("disconnect"), "transport close");
    let _again = start(serve_at(
        &address,
        folder.path(),
        &["--set", "socketio.enabled=true"],
    ));
    dashboard.wait("connect");
    let after = dashboard.shown().signals;
    for (id, status) in &before {
        let now = &after[id];
        assert!(
            status == now || status == "pending",
            "{id}: {status}, then {now}"
        );
    }
}

#[test]
fn an_orderly_end_lets_socketio_clients_come_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = with_socketio(folder.path(), &[]);
    let Some(dashboard) = Dashboard::start(&server, "websocket", None) else {
        return;
    };
    dashboard.wait("connect");
    dashboard.shown();
    let address = server.address.clone();
    server.terminate();
    // Anything but "io server disconnect", after which a client stays away.
    assert_eq!(dashboard.wait("disconnect"), "transport close");
    assert_eq!(server.wait(), Some(0));
    let _again = start(serve_at(
        &address,
        folder.path(),
        &["--set", "socketio.enabled=true"],
    ));
    dashboard.wait("connect");
    dashboard.shown();
}

#[test]
fn socketio_clients_show_their_keys_and_strangers_are_told_why_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "wall", "dashboard");
    let server = with_socketio(folder.path(), &["--set", "auth.mode=required"]);
    let Some(known) = Dashboard::start(&server, "websocket", Some(&token)) else {
        return;
    };
    assert_eq!(known.wait("authenticated"), serde_json::json!([{}]));
    known.wait("signal");
    let Some(stranger) = Dashboard::start(&server, "websocket", Some("orion_wrong")) else {
        return;
    };
    let why = stranger.wait("error");
    assert_eq!(why[0]["code"], "auth_failed", "{why}");
    assert_eq!(stranger.wait("disconnect"), "io server disconnect");
}

#[test]
fn without_the_setting_there_is_no_such_endpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(serve(folder.path(), &[]));
    let answer = crate::support::get(&server.address, "/socket.io/?EIO=4&transport=polling", "");
    assert_eq!(answer.expect("an answer").0, 404);
}
