//! Signals that are posted to a real server: on the page at once, kept before they are answered, each exactly once.

mod support;

use journal::Record;
use market::Status;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use support::recording::journal;
use support::{Client, Seen, Server, key, post, serve};

/// Rules under which the market says nothing about a posted signal while a test runs: its stop is far away, and so are the
/// swings whose break would contradict it.
const CALM: [&str; 3] = [
    "rules.posted_stop_atr=10",
    "rules.swing_left=500",
    "rules.swing_right=500",
];

fn start(data: &Path, rules: &[&str]) -> Server {
    let mut command = serve(data, &[]);
    for rule in CALM.iter().chain(rules) {
        command.args(["--set", rule]);
    }
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A signal of a bot; levels are planned from the price.
fn signal(id: &str, direction: &str) -> Value {
    json!({
        "id": id, "symbol": "EURUSD", "direction": direction, "signal_type": "trade", "status": "confirmed",
        "reason": "a bot's idea", "confidence": 85, "killzone": "London Open", "timestamp": "2026-01-01T00:00:00.000Z",
    })
}

/// Waits until a client is shown this id in this status.
fn wait_for(client: &mut Client, id: &str, status: &str) -> Value {
    let mut seen = Seen::default();
    loop {
        let message = client
            .next()
            .unwrap_or_else(|| panic!("{id} never came as {status}"));
        seen.take(&message);
        if message["payload"]["id"] == id && message["payload"]["status"] == status {
            return message["payload"].clone();
        }
    }
}

/// How often each signal's statuses are in the journal.
fn kept(market: &Path) -> BTreeMap<(String, Status), usize> {
    let mut counts = BTreeMap::new();
    for record in journal(market) {
        if let Record::Signal(signal) = record {
            *counts
                .entry((signal.id.to_string(), signal.status))
                .or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn a_posted_signal_is_shown_kept_over_a_kill_and_answered_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "mybot", "bots");
    let authorization = bearer(&token);
    let headers = [("Authorization", authorization.as_str())];
    let body = signal("sig_001", "long").to_string();

    let server = start(folder.path(), &[]);
    let mut client = server.subscribe();
    let (status, first) = server
        .post("/api/signals", &headers, &body)
        .expect("an answer");
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["success"], true, "{first}");
    assert_eq!(first["signal_id"], "sig_001");
    assert_eq!(first["status"], "pending", "whatever the bot says");
    assert_eq!(first["simulated"], true, "{first}");
    let id = first["id"]
        .as_str()
        .expect("the id it is shown under")
        .to_owned();
    server.kill();

    // What was answered is there, for the sender and for whoever comes now.
    let server = start(folder.path(), &[]);
    let mut late = server.subscribe();
    let shown = wait_for(&mut late, &id, "pending");
    assert_eq!(shown["direction"], "long");
    assert_eq!(shown["killzone"], "london");
    // Nothing is known of this sender yet: its own 0.85 is not what is shown.
    assert_eq!(shown["confidence"], first["confidence"]);
    assert_ne!(shown["confidence"], 0.85);
    let (status, again) = server
        .post("/api/signals", &headers, &body)
        .expect("an answer");
    assert_eq!(
        (status, &again),
        (200, &first),
        "answered as the first time"
    );

    // The sender's verdict is taken, once.
    let mut verdict = signal("sig_001", "long");
    verdict["status"] = json!("invalidated");
    let (status, answer) = server
        .post("/api/signals", &headers, &verdict.to_string())
        .expect("an answer");
    assert_eq!(
        (status, &answer["status"]),
        (200, &json!("invalidated")),
        "{answer}"
    );
    wait_for(&mut late, &id, "invalidated");
    let mut other = signal("sig_001", "long");
    other["reason"] = json!("changed my mind");
    let (status, answer) = server
        .post("/api/signals", &headers, &other.to_string())
        .expect("an answer");
    assert_eq!(status, 409, "{answer}");

    // The first client was cut; what it may have seen was never taken back.
    let mut seen = Seen::default();
    while let Some(message) = client.next() {
        seen.take(&message);
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let counts = kept(&folder.path().join("sim-1"));
    assert_eq!(counts.get(&(id.clone(), Status::Pending)), Some(&1));
    assert_eq!(counts.get(&(id, Status::Invalidated)), Some(&1));
}

#[test]
fn rubbish_and_strangers_are_told_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "mybot", "bots");
    let server = start(folder.path(), &[]);
    let authorization = bearer(&token);
    let headers = [("Authorization", authorization.as_str())];
    let ask = |headers: &[(&str, &str)], body: &str| {
        server
            .post("/api/signals", headers, body)
            .expect("an answer")
    };
    let good = signal("a", "long");
    for (headers, body, status, word) in [
        (&[][..], good.to_string(), 401, "orion key add"),
        (
            &[("Authorization", "Bearer orion_wrong")][..],
            good.to_string(),
            401,
            "",
        ),
        (
            &[("Authorization", "Basic abc")][..],
            good.to_string(),
            401,
            "Invalid authorization format",
        ),
        (&headers[..], "{".to_owned(), 400, ""),
        (
            &headers[..],
            json!({"id": "x", "symbol": "EURUSD"}).to_string(),
            400,
            "direction",
        ),
        (
            &headers[..],
            with(&good, "symbol", json!("NOPE")).to_string(),
            422,
            "USDJPY",
        ),
        (
            &headers[..],
            with(&good, "stop_loss", json!("1.08")).to_string(),
            400,
            "stop_loss",
        ),
        (
            &headers[..],
            with(&good, "stop_loss", json!(999)).to_string(),
            422,
            "stop_loss",
        ),
        (
            &headers[..],
            with(&good, "confidence", json!(850)).to_string(),
            422,
            "confidence",
        ),
    ] {
        let (got, answer) = ask(headers, &body);
        assert_eq!(got, status, "{body}: {answer}");
        let text = answer.to_string();
        assert!(text.contains(word), "{body}: {text} does not name {word}");
        assert!(!text.contains(&token), "{text}");
    }
    let (status, answer) = ask(&headers, &with(&good, "dry_run", json!(true)).to_string());
    assert_eq!(
        (status, &answer["dry_run"]),
        (200, &json!(true)),
        "{answer}"
    );
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let posted = kept(&folder.path().join("sim-1"));
    let own = |(id, _): &&(String, Status)| answer["id"] == id.as_str();
    assert_eq!(
        posted.keys().filter(own).count(),
        0,
        "a dry run keeps nothing"
    );
}

#[test]
fn a_bot_posts_over_the_socket_that_dashboards_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "socket-bot", "bots");
    let server = start(folder.path(), &[]);
    let mut dashboard = server.subscribe();
    let mut bot = Client::connect(&server.address).expect("connect");
    bot.say(&json!({"type": "signal", "data": signal("ws_1", "short")}));
    let refused = bot.next().expect("an answer");
    assert_eq!(refused["code"], "auth_required", "{refused}");
    bot.say(&json!({"type": "auth", "token": token}));
    assert_eq!(bot.next().expect("an answer")["type"], "authenticated");
    bot.say(&json!({"type": "signal", "data": signal("ws_1", "short")}));
    let answer = bot.next().expect("an answer");
    assert_eq!(
        (&answer["type"], &answer["success"]),
        (&json!("signal_result"), &json!(true)),
        "{answer}"
    );
    let id = answer["id"].as_str().expect("an id");
    wait_for(&mut dashboard, id, "pending");
    // The same over HTTP is the same signal: answered alike, but for what a message needs.
    let authorization = bearer(&token);
    let headers = [("Authorization", authorization.as_str())];
    let (status, again) = server
        .post(
            "/api/signals",
            &headers,
            &signal("ws_1", "short").to_string(),
        )
        .expect("an answer");
    assert_eq!(
        (status, &again["id"], &again["timestamp"]),
        (200, &answer["id"], &answer["timestamp"])
    );

    let mut stranger = Client::connect(&server.address).expect("connect");
    stranger.say(&json!({"type": "auth", "token": "orion_guess"}));
    assert_eq!(stranger.next().expect("an answer")["code"], "auth_failed");
    assert_eq!(stranger.closed(), Some(4401));
}

fn with(signal: &Value, field: &str, value: Value) -> Value {
    let mut changed = signal.clone();
    changed[field] = value;
    changed
}

/// Posts all bodies from `threads` connections at a time and gives the answers.
fn post_all(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    bodies: &[String],
    threads: usize,
) -> Vec<(u16, Value)> {
    let took = std::sync::Mutex::new(Vec::<std::time::Duration>::new());
    let answers = std::thread::scope(|scope| {
        let workers: Vec<_> = bodies
            .chunks(bodies.len().div_ceil(threads))
            .map(|part| {
                let took = &took;
                scope.spawn(move || {
                    let one = |body: &String| {
                        let began = tokio::time::Instant::now();
                        let answer = post(address, path, headers, body).expect("an answer");
                        took.lock().expect("a list").push(began.elapsed());
                        answer
                    };
                    part.iter().map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        let joined = workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker"));
        joined.flatten().collect()
    });
    let mut took = took.into_inner().expect("a list");
    took.sort_unstable();
    let part = |percent: usize| took[(took.len() - 1) * percent / 100];
    eprintln!(
        "{} posts, {threads} connections at a time: answered within {:?} (p50), {:?} (p99)",
        bodies.len(),
        part(50),
        part(99)
    );
    answers
}

#[test]
fn a_thousand_posts_at_once_are_each_kept_once_or_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "flood", "bots");
    let rules = [
        "rules.posted_max_open=400",
        "feed.bots.rate_per_s=500",
        "feed.bots.burst=600",
    ];
    let server = start(folder.path(), &rules);
    let authorization = bearer(&token);
    let headers = [("Authorization", authorization.as_str())];
    let bodies: Vec<String> = (0..1000)
        .map(|number| {
            let direction = if number % 2 == 0 { "long" } else { "short" };
            signal(&format!("flood-{number}"), direction).to_string()
        })
        .collect();
    let answers = post_all(&server.address, "/api/signals", &headers, &bodies, 16);
    let mut accepted = Vec::new();
    for (status, answer) in &answers {
        match status {
            200 => accepted.push(answer["id"].as_str().expect("an id").to_owned()),
            422 | 429 => assert!(answer["error"].is_string(), "{answer}"),
            other => panic!("{other}: {answer}"),
        }
    }
    assert!((100..=400).contains(&accepted.len()), "{}", accepted.len());
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let counts = kept(&folder.path().join("sim-1"));
    for id in accepted {
        assert_eq!(counts.get(&(id.clone(), Status::Pending)), Some(&1), "{id}");
    }
}

#[test]
fn forty_alerts_of_tradingview_at_once_and_their_resends() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = key(folder.path(), "charts", "tradingview");
    let server = start(folder.path(), &["rules.posted_max_open=100"]);
    let path = format!("/hooks/tradingview/{secret}");
    let bodies: Vec<String> = (0..40)
        .map(|number| {
            let symbol = ["EURUSD", "OANDA:XAUUSD", "US100", "GBPUSD"][number % 4];
            let action = if number % 2 == 0 { "buy" } else { "sell" };
            json!({"id": format!("order-{number}"), "ticker": symbol, "action": action, "interval": "15"}).to_string()
        })
        .collect();
    let first = post_all(&server.address, &path, &[], &bodies, 40);
    let again = post_all(&server.address, &path, &[], &bodies, 40);
    assert_eq!(first, again, "a resend is answered as the first time");
    for (status, answer) in &first {
        assert_eq!(*status, 200, "{answer}");
    }
    let wrong = server
        .post("/hooks/tradingview/orion_guess", &[], &bodies[0])
        .expect("an answer");
    assert_eq!(wrong.0, 404);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let counts = kept(&folder.path().join("sim-1"));
    for (_, answer) in first {
        let id = answer["id"].as_str().expect("an id").to_owned();
        assert_eq!(counts.get(&(id.clone(), Status::Pending)), Some(&1), "{id}");
    }
}
