//! Metrics: who is told them, and that Prometheus reads them.

mod support;

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};
use support::{Server, get, serve, tool};

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
    assert!((sample("orion_connections", "orion_connections", r#"{"kind":"plain","state":"open"}"#) - 1.0).abs() < 0.1);
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
