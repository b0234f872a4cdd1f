//! `orion tail` as a table on a terminal, and as lines in a pipe.

use crate::pty::Terminal;
use crate::support::{PATIENCE, lines};
use crate::{orion, start, start_at, text};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;

fn url(address: &str) -> String {
    format!("ws://{address}/ws/signals")
}

/// Prices, signals and their ages are there.
fn is_full(screen: &str) -> bool {
    ["SIMULATED", "live", "EURUSD", "SPREAD", "SIGNALS"]
        .iter()
        .all(|word| screen.contains(word))
}

#[test]
fn a_table_lives_through_the_death_of_its_server_and_gives_the_terminal_back() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path());
    let address = server.address.clone();
    let mut terminal = Terminal::run((120, 40), &["tail", &url(&address)], &[]);
    let screen = terminal.wait("table", is_full);
    assert!(
        !screen.contains("NOT LIVE") && !screen.contains("GAP"),
        "{screen}"
    );
    assert!(!terminal.echoes());
    // An age in tenths of a second moves.
    let age = |screen: &str| {
        let row = screen.lines().find(|line| line.starts_with("EURUSD"));
        row.map(|row| row.split_whitespace().nth(5).unwrap_or_default().to_owned())
    };
    let first = age(&screen);
    terminal.wait("another age", |screen| age(screen) != first);

    server.kill();
    let screen = terminal.wait("word of the loss", |screen| screen.contains("NOT LIVE"));
    assert!(screen.contains("again in"), "{screen}");
    assert!(screen.contains("EURUSD"), "what is known stays: {screen}");
    let _server = start_at(&address, data.path());
    let screen = terminal.wait("the server again", |screen| {
        !screen.contains("NOT LIVE") && is_full(screen)
    });
    assert!(
        !screen.contains("GAP"),
        "all that was missed can be had: {screen}"
    );

    terminal.resize(40, 20);
    let screen = terminal.wait("the narrow table", |screen| {
        screen.contains("SIMULATED") && !screen.contains("SPREAD") && screen.contains("AGE")
    });
    assert!(screen.lines().count() <= 20, "{screen}");
    terminal.press("q");
    let (code, _) = terminal.end();
    assert_eq!(code, 0);
}

#[test]
fn a_gap_is_told_where_what_was_missed_cannot_be_had() {
    let (data, other) = (tempfile::tempdir(), tempfile::tempdir());
    let (data, other) = (data.expect("a folder"), other.expect("a folder"));
    let server = start(data.path());
    let address = server.address.clone();
    let mut terminal = Terminal::run((120, 40), &["tail", &url(&address)], &[]);
    terminal.wait("table", is_full);
    server.kill();
    // Another stream has begun there.
    let _server = start_at(&address, other.path());
    let screen = terminal.wait("the gap", |screen| screen.contains("GAP: the stream "));
    assert!(screen.contains("has begun"), "{screen}");
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn forty_columns_without_colours_are_enough() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path());
    let arguments = ["tail", &url(&server.address)];
    let mut terminal = Terminal::run((40, 24), &arguments, &[("NO_COLOR", "1")]);
    let screen = terminal.wait("prices and signals", |screen| {
        let words = ["SIMULATED", "EURUSD", "SIGNALS", "q ends it"];
        words.iter().all(|word| screen.contains(word))
    });
    assert!(screen.lines().count() <= 24, "{screen}");
    let written = String::from_utf8_lossy(&terminal.written).into_owned();
    for colour in ["\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"] {
        assert!(!written.contains(colour), "{colour:?}");
    }
    // Ctrl-C is a key there.
    terminal.press("\x03");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn the_terminal_comes_back_after_a_signal_and_after_a_panic() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path());
    let mut terminal = Terminal::run((100, 30), &["tail", &url(&server.address)], &[]);
    terminal.wait("table", is_full);
    assert!(
        String::from_utf8_lossy(&terminal.written).contains("\x1b[32m"),
        "colours"
    );
    terminal.send("TERM");
    assert_eq!(terminal.end().0, 0);

    // A backtrace would push the line out of the thirty.
    let variables = [("ORION_TEST_PANIC", "draw:3"), ("RUST_BACKTRACE", "0")];
    let terminal = Terminal::run((100, 30), &["tail", &url(&server.address)], &variables);
    let (code, screen) = terminal.end();
    assert_ne!(code, 0);
    assert!(
        screen.contains("a test wanted a panic at draw"),
        "told where it can be read: {screen}"
    );
}

/// A process whose lines are read.
struct Piped(Child, Receiver<String>);

impl Piped {
    fn run(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orion"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("run orion");
        let told = lines(child.stdout.take().expect("standard output"));
        Self(child, told)
    }

    fn line(&self) -> String {
        self.1.recv_timeout(PATIENCE).expect("a line")
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_pipe_gets_lines_and_messages() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path());
    let url = url(&server.address);
    let piped = Piped::run(&["tail", &url, "--json"]);
    let first: serde_json::Value = serde_json::from_str(&piped.line()).expect("JSON");
    assert_eq!(first["type"], "subscribed");
    let ids = std::iter::repeat_with(|| {
        serde_json::from_str::<serde_json::Value>(&piped.line()).expect("JSON")
    });
    let price = ids
        .into_iter()
        .find(|message| message["type"] == "price_update");
    assert!(price.is_some_and(|price| price["payload"]["symbol"].is_string()));
}

#[test]
fn what_cannot_be_followed_is_told_in_one_line_with_the_remedy() {
    for (arguments, words) in [
        (vec!["tail", "http://127.0.0.1:1/"], "begins with ws://"),
        (
            vec!["tail", "ws://127.0.0.1:1/ws/signals"],
            "is the server running?",
        ),
        (
            vec!["tail", "--key", "no-such-file"],
            "read the key in no-such-file",
        ),
    ] {
        let output = orion(&arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
        assert_eq!(told.trim_end().lines().count(), 1, "{told}");
        assert!(
            told.starts_with("error: ") && told.contains(words),
            "{told}"
        );
    }
}
