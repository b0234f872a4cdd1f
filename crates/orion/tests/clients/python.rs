//! The specification's Python client: `websockets`, a subscribe, and a loop over what comes.

use crate::support::{lines, tool};
use crate::{SYMBOLS, simulated};
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Duration;

const SIGNAL: [&str; 13] = [
    "id",
    "status",
    "direction",
    "symbol",
    "entry_time",
    "entry_price",
    "stop_loss",
    "take_profits",
    "tp_modes",
    "reason",
    "confidence",
    "rr_target",
    "killzone",
];
const PRICE: [&str; 5] = ["symbol", "price", "timestamp", "change", "change_percent"];
/// Longest wait for one message.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `subscriber.py`; ends when dropped.
pub(crate) struct Subscriber {
    child: Child,
    said: Receiver<String>,
    complained: Receiver<String>,
}

impl Subscriber {
    /// Starts it, if Python is there.
    pub(crate) fn start(address: &str) -> Option<Self> {
        let mut child = Command::new(tool("ORION_TEST_PYTHON")?)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/clients/subscriber.py"
            ))
            .arg(format!("ws://{address}/ws/signals"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start Python");
        let said = lines(child.stdout.take().expect("standard output"));
        let complained = lines(child.stderr.take().expect("standard error"));
        Some(Self {
            child,
            said,
            complained,
        })
    }

    /// What it saw next.
    pub(crate) fn next(&self) -> Value {
        let line = self.said.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| {
            panic!(
                "the Python client saw no more: {}",
                self.complained.try_iter().collect::<Vec<_>>().join("\n")
            )
        });
        serde_json::from_str(&line).expect("a line of JSON")
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The names of the fields, in the order of the specification.
fn check_fields(saw: &Value) {
    assert_eq!(
        saw["fields"],
        serde_json::json!(["type", "payload"]),
        "{saw}"
    );
    let expected: &[&str] = match saw["message"]["type"].as_str() {
        Some("signal") => &SIGNAL,
        Some("price_update") => &PRICE,
        other => panic!("a plain client saw {other:?}"),
    };
    let fields = saw["payload_fields"].as_array().expect("a list");
    // The simulated market has no volume; where one is known it is the last field.
    assert!(fields == expected, "{fields:?}");
    assert_eq!(saw["exponents"], serde_json::json!([]), "{saw}");
}

#[test]
fn the_python_client_sees_both_types_with_exactly_their_fields() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let Some(client) = Subscriber::start(&server.address) else {
        return;
    };
    let (mut statuses, mut symbols) = (BTreeSet::new(), BTreeSet::new());
    // The snapshot ends with prices; live ones follow it.
    let mut prices = 0;
    while prices < 30 {
        let saw = client.next();
        check_fields(&saw);
        let payload = &saw["message"]["payload"];
        match saw["message"]["type"].as_str() {
            Some("signal") => drop(statuses.insert(payload["status"].to_string())),
            _ => {
                prices += 1;
                symbols.insert(payload["symbol"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    assert!(!statuses.is_empty(), "it saw no signal");
    assert!(
        SYMBOLS.iter().all(|symbol| symbols.contains(*symbol)),
        "{symbols:?}"
    );
}
