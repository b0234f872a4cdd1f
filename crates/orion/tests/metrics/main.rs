//! Metrics: who is told them, and that Prometheus reads them.

mod doctor;
mod hostile;
mod operator;
mod rules;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};
use support::{Server, get, serve, tool};

/// The status of an answer to who asks from this machine under its own name.
fn local(address: &str, path: &str) -> u16 {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(address).expect("connect");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}

fn start(settings: &[&str]) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(serve(folder.path(), settings));
    let server = server.unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    (folder, server)
}

#[test]
fn without_an_address_of_their_own_they_are_for_this_machine_only() {
    let (_folder, server) = start(&[]);
    assert!(server.get("/metrics").ends_with("# EOF\n"));
    for header in [
        "X-Forwarded-For: 203.0.113.9\r\n",
        "Forwarded: for=203.0.113.9\r\n",
        "X-Real-IP: 203.0.113.9\r\n",
        "Via: 1.1 proxy\r\n",
    ] {
        let (status, body) = get(&server.address, "/metrics", header).expect("an answer");
        assert_eq!(status, 403, "{header}");
        assert!(body.contains("admin.listen"), "{body}");
    }
}

/// What Prometheus' own parser makes of the text: the type of each metric, and its samples.
fn parsed(text: &str) -> Option<Value> {
    const PROGRAM: &str = "import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(json.dumps({m.name: [m.type, bool(m.documentation), [[s.name, s.labels, s.value] for s in m.samples]]
                  for m in parse(sys.stdin.read())}))";
    let mut python = Command::new(tool("ORION_TEST_PYTHON")?)
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start Python");
    let mut input = python.stdin.take().expect("standard input");
    input.write_all(text.as_bytes()).expect("write");
    drop(input);
    let output = python.wait_with_output().expect("wait for Python");
    assert!(output.status.success(), "it is not understood:\n{text}");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// Where nobody asked for an address the usual one is taken, or any free one, and the server says which; what is told there is
/// for who asks from this machine.
#[test]
fn two_servers_have_an_address_each_and_tell_how_they_do() {
    let (first, second) = (start(&[]), start(&[]));
    let mut addresses = Vec::new();
    for (_, server) in [&first, &second] {
        let admin = server.log_after("metrics are served address=");
        let admin = admin.expect("its address");
        assert!(admin.starts_with("127.0.0.1:"), "{admin}");
        let (_, health) = get(&admin, "/health", "").expect("an answer");
        let (_, own) = get(&server.address, "/health", "").expect("an answer");
        let started = |text: &str| -> Value {
            serde_json::from_str::<Value>(text).expect("JSON")["started"].clone()
        };
        assert_eq!(started(&health), started(&own), "its own address");
        let asked = |path: &str, headers: &str| get(&admin, path, headers).expect("an answer").0;
        assert_eq!(asked("/metrics", ""), 200);
        assert_eq!(local(&admin, "/api/v1/operations"), 200);
        assert_eq!(local(&admin, "/api/v1/log"), 200);
        let through_a_proxy = asked("/api/v1/operations", "X-Forwarded-For: 203.0.113.9\r\n");
        assert_eq!(through_a_proxy, 403);
        assert_eq!(
            asked("/api/v1/signals", ""),
            404,
            "only how the server does"
        );
        addresses.push(admin);
    }
    assert_ne!(addresses[0], addresses[1]);
}

#[test]
fn an_address_of_their_own_serves_them_and_prometheus_reads_them() {
    let (_folder, server) = start(&[
        "--set",
        "admin.listen=127.0.0.1:0",
        "--set",
        "gateway.shards=2",
    ]);
    let admin = server.log_after("metrics are served address=");
    let admin = admin.expect("its address");
    let (status, _) = get(&server.address, "/metrics", "").expect("an answer");
    assert_eq!(status, 404, "nobody is told where dashboards connect");
    let mut client = server.subscribe();
    let text = loop {
        while client.next().expect("a message")["type"] != "price_update" {}
        let (status, text) = get(&admin, "/metrics", "").expect("an answer");
        assert_eq!(status, 200);
        // The client's thread is done with a price when it has it; the other one is a moment later.
        let is_idle =
            |shard| text.contains(&format!("delivery_seconds_count{{shard=\"{shard}\"}} 0\n"));
        // What is sent is counted when it is on its way: its receiver may be quicker.
        let is_counted = !text.contains("messages_sent_total{type=\"price_update\"} 0\n");
        if !is_idle(0) && !is_idle(1) && is_counted {
            break text;
        }
    };
    let (status, _) = get(&admin, "/health/ready", "").expect("an answer");
    assert_eq!(status, 200);

    let Some(metrics) = parsed(&text) else { return };
    let sample = |metric: &str, name: &str, labels: &str| -> f64 {
        let [kind, has_help, samples] = metrics[metric].as_array().expect(metric).as_slice() else {
            panic!("{metric}");
        };
        assert!(
            kind.is_string() && *has_help == true,
            "{metric} has no help"
        );
        let labels: Value = serde_json::from_str(labels).expect("JSON");
        let found = samples.as_array().expect("samples").iter();
        let mut found = found.filter(|sample| sample[0] == name && sample[1] == labels);
        let value = found.next().and_then(|sample| sample[2].as_f64());
        value.unwrap_or_else(|| panic!("{name} {labels} is not in\n{text}"))
    };
    assert!(
        (sample(
            "orion_connections",
            "orion_connections",
            r#"{"kind":"plain","state":"open"}"#
        ) - 1.0)
            .abs()
            < 0.1
    );
    for (metric, labels) in [
        ("orion_connections_opened", "{}"),
        ("orion_messages_sent", r#"{"type":"price_update"}"#),
        ("orion_messages_received", "{}"),
        ("orion_messages_sent_bytes", r#"{"type":"price_update"}"#),
        ("orion_engine_ticks", "{}"),
    ] {
        let value = sample(metric, &format!("{metric}_total"), labels);
        assert!(value >= 1.0, "{metric} is {value}");
    }
    for (metric, labels) in [
        ("orion_connections_put_off", "{}"),
        ("orion_connections_refused", r#"{"cause":"full"}"#),
        ("orion_connections_refused", r#"{"cause":"late"}"#),
        ("orion_connections_accepts_failed", "{}"),
        ("orion_connections_upgrades_refused", "{}"),
        ("orion_messages_stalled", "{}"),
        ("orion_messages_prices_conflated", "{}"),
    ] {
        let value = sample(metric, &format!("{metric}_total"), labels);
        assert!(value < 1.0, "{metric} is {value}");
    }
    let of_shard = |number| {
        let labels = format!(r#"{{"shard":"{number}"}}"#);
        let metric = "orion_latency_delivery_seconds";
        sample(metric, "orion_latency_delivery_seconds_count", &labels)
    };
    assert!(of_shard(0) >= 1.0 && of_shard(1) >= 1.0, "{text}");
    let batches = "orion_latency_batch_seconds";
    assert!(sample(batches, "orion_latency_batch_seconds_count", "{}") >= 1.0);
}
