//! A real server that lets in who shows a key or a token: what that opens, and that it ends when it is taken back.

mod support;

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use support::{Client, Server, key, serve};
use tokio::time::Instant;

/// Within this time what is taken back ends who is connected.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(5);

const REQUIRED: [&str; 2] = ["--set", "auth.mode=required"];

fn start(data: &Path, arguments: &[&str]) -> Server {
    Server::start(serve(data, arguments)).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

/// Tokens and keys that an independent library made (crates/access/tests/vectors.py).
fn vectors() -> Value {
    serde_json::from_str(include_str!("../../access/tests/vectors.json")).expect("JSON")
}

fn token(name: &str) -> String {
    vectors()["lasting"][name]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn jwks() -> String {
    vectors()["keys"]["jwks"]
        .as_str()
        .expect("a set")
        .to_owned()
}

fn orion(data: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .expect("run orion");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Says who it is; the answer.
fn say(client: &mut Client, token: &str) -> Value {
    client.say(&json!({"type": "auth", "token": token}));
    client.next().expect("an answer")
}

fn came_in(server: &Server, token: &str) -> Client {
    let mut client = Client::connect(&server.address).expect("connect");
    let told = say(&mut client, token);
    assert_eq!(told["type"], "authenticated", "{told}");
    client
}

/// The types of messages until one of them has come.
fn wait_for(client: &mut Client, wanted: &str) {
    while let Some(message) = client.next() {
        if message["type"] == wanted {
            return;
        }
    }
    panic!("no {wanted} came");
}

fn check_closed_soon(client: &mut Client, since: Instant) {
    assert_eq!(client.closed(), Some(4401));
    let took = since.elapsed();
    eprintln!("closed {took:?} after it was taken back");
    assert!(took < TAKEN_BACK_WITHIN, "{took:?}");
}

#[test]
fn a_dashboards_key_opens_reading_until_it_is_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let wall = key(folder.path(), "wall", "dashboard");
    let server = start(folder.path(), &REQUIRED);
    let mut stranger = server.subscribe();
    assert_eq!(stranger.next().expect("an answer")["code"], "auth_required");
    let mut client = came_in(&server, &wall);
    client.say(&json!({"type": "subscribe", "channels": ["signals", "prices"]}));
    wait_for(&mut client, "price_update");
    client.say(
        &json!({"type": "signal", "data": {"id": "s1", "symbol": "EURUSD", "direction": "long"}}),
    );
    wait_for(&mut client, "error");
    let authorization = format!("Bearer {wall}");
    let headers = [("Authorization", authorization.as_str())];
    let (status, answer) = server
        .post("/api/signals", &headers, "{}")
        .expect("an answer");
    assert_eq!(status, 403, "{answer}");
    let tail = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
        let url = format!("ws://{}/ws/signals", server.address);
        command.args(["tail", &url, "--json"]).args(more);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("run orion tail")
    };
    let output = tail(&[]).wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("auth_required") && text.contains("--key"),
        "{text}"
    );
    let file = folder.path().join("wall.key");
    std::fs::write(&file, format!("{wall}\n")).expect("write the key");
    let mut follower = tail(&["--key", file.to_str().expect("a path")]);
    let lines = support::lines(follower.stdout.take().expect("standard output"));
    let first = lines.recv_timeout(Duration::from_secs(60)).expect("a line");
    assert_eq!(first, r#"{"type":"authenticated"}"#);
    follower.kill().expect("end it");
    follower.wait().expect("it ends");
    let since = Instant::now();
    orion(folder.path(), &["key", "remove", "wall"]);
    check_closed_soon(&mut client, since);
    let mut again = Client::connect(&server.address).expect("connect");
    assert_eq!(say(&mut again, &wall)["code"], "auth_failed");
    server.terminate();
    assert!(!server.logs(&wall), "its log names no key");
}

#[test]
fn a_token_opens_what_it_says_until_it_is_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, jwks()).expect("write the keys");
    let keys = format!("auth.jwt.keys={}", file.display());
    let settings = ["--set", &keys, "--set", "auth.jwt.audience=orion"];
    let server = start(folder.path(), &[&REQUIRED[..], &settings].concat());
    let mut reader = came_in(&server, &token("reader"));
    let mut publisher = came_in(&server, &token("publisher"));
    let mut other = Client::connect(&server.address).expect("connect");
    let told = say(&mut other, &token("of another"));
    assert_eq!(
        told,
        json!({"type": "authenticated", "expires": "2100-01-01T00:00:00.000Z"})
    );
    let mut late = Client::connect(&server.address).expect("connect");
    assert_eq!(say(&mut late, &token("expired"))["code"], "auth_failed");

    let signal = json!({"id": "s1", "symbol": "EURUSD", "direction": "long"});
    publisher.say(&json!({"type": "signal", "data": signal}));
    let posted = publisher.next().expect("an answer");
    assert_eq!(posted["success"], true, "{posted}");
    let post = |name: &str| {
        let authorization = format!("Bearer {}", token(name));
        let headers = [("Authorization", authorization.as_str())];
        server
            .post("/api/signals", &headers, &signal.to_string())
            .expect("an answer")
    };
    let (status, answer) = post("publisher");
    assert_eq!(
        (status, &answer["id"]),
        (200, &posted["id"]),
        "the same sender's same signal"
    );
    assert_eq!(post("reader").0, 403);
    assert_eq!(post("expired").0, 401);

    let since = Instant::now();
    orion(
        folder.path(),
        &["key", "revoke", "--token-id", "t-publisher"],
    );
    check_closed_soon(&mut publisher, since);
    assert_eq!(post("publisher").0, 401);
    let since = Instant::now();
    orion(folder.path(), &["key", "revoke", "--subject", "bob"]);
    check_closed_soon(&mut reader, since);
    other.say(&json!({"type": "ping"}));
    wait_for(&mut other, "pong");
}

/// An answer to a request for keys: its status, and what makes its body.
type KeyAnswer = (u16, fn() -> String);

/// Answers each request for keys with what comes next on the list, the last one again and again.
fn key_server(answers: &'static [KeyAnswer]) -> (String, mpsc::Receiver<u16>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for (place, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let (status, body) = answers[place.min(answers.len() - 1)];
            let _request = stream.read(&mut [0; 4096]);
            let body = body();
            let head = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _gone = stream.write_all((head + &body).as_bytes());
            if tell.send(status).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}/jwks"), told)
}

#[test]
fn keys_behind_an_address_are_fetched_again_until_they_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, told) = key_server(&[(503, String::new), (200, || "{}".to_owned()), (200, jwks)]);
    let keys = format!("auth.jwt.keys={address}");
    let server = start(folder.path(), &[&REQUIRED[..], &["--set", &keys]].concat());
    for status in [503, 200, 200] {
        let fetched = told.recv_timeout(Duration::from_secs(60));
        assert_eq!(fetched, Ok(status));
    }
    assert!(server.logs("the keys of tokens were fetched"));
    came_in(&server, &token("reader"));
}

#[test]
fn where_everybody_could_publish_a_server_wants_to_be_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = ["--listen", "0.0.0.0:0", "--data"];
    let run = |what: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
        command.arg(what).args(listen).arg(folder.path()).args(more);
        let output = command.output().expect("run orion");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).expect("text"))
    };
    assert_eq!(run("check", &[]).0, Some(0), "nobody can publish yet");
    key(folder.path(), "mybot", "bot");
    for what in ["check", "serve"] {
        let (code, text) = run(what, &[]);
        assert_eq!(code, Some(1), "{text}");
        assert!(
            text.contains("the key mybot") && text.contains("auth.allow_public = true"),
            "{text}"
        );
    }
    for said in ["auth.allow_public=true", "auth.mode=optional"] {
        assert_eq!(run("check", &["--set", said]).0, Some(0), "{said}");
    }
}

/// On 127.0.0.1 the rules for public addresses do not hold, and a proxy of this machine brings the public there: only what it
/// reports tells.
#[test]
fn strangers_whom_a_proxy_brings_are_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    key(folder.path(), "mybot", "bots");
    let server = start(folder.path(), &[]);
    let come = |from: &str| {
        let mut stream = TcpStream::connect(&server.address).expect("connect");
        let request = format!(
            "GET /ws/signals HTTP/1.1\r\nHost: any.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: {from}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("ask");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 101");
        stream
    };
    // Who is of this network is no stranger.
    let _neighbour = come("192.168.1.7");
    let _stranger = come("203.0.113.9");
    let warning = server.log_after("a proxy brings others to ");
    let warning = warning.expect("a warning");
    assert!(
        warning.contains("the key mybot can publish") && warning.contains("203.0.113.9"),
        "{warning}"
    );
}
