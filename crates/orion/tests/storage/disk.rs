//! A disk that is full, read-only, broken, or does not answer: prices go on to all clients, no signal is seen that is not stored,
//! health says so, and when the disk is well again everything goes on, with nothing lost and nothing twice. `kill -9` in each of
//! these states is an end as any other.

use crate::support::recording::{self, Kept, journal};
use crate::support::{Client, PATIENCE, Server, key, serve, signal};
use journal::Record;
use market::Span;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use tokio::time::Instant;

const MANY: [&str; 8] = [
    "--set",
    "rules.posted_max_per_day=0",
    "--set",
    "rules.posted_max_open=0",
    "--set",
    "feed.bots.rate_per_s=100",
    "--set",
    "prices.min_interval_ms=250",
];
/// Prices that have to come before they count as going on.
const PRICES: usize = 8;

/// A market whose disk does what is wanted.
struct Market {
    folder: tempfile::TempDir,
    data: PathBuf,
    token: &'static str,
}

/// A data folder after a clean end, and the key of a bot: to simulate the day before the first start takes long, so it is done once.
fn template() -> &'static (PathBuf, String) {
    static TEMPLATE: OnceLock<(PathBuf, String)> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("storage-template");
        let _none = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data).expect("a folder");
        let token = key(&data, "mybot", "bots");
        let server = start(serve(&data, &MANY));
        server.terminate();
        assert_eq!(server.wait(), Some(0));
        (data, token)
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).expect("copy a file");
        }
    }
}

impl Market {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        Self::at(folder, data)
    }

    fn at(folder: tempfile::TempDir, data: PathBuf) -> Self {
        let (template, token) = template();
        copy(template, &data);
        Self {
            folder,
            data,
            token,
        }
    }

    fn fault(&self) -> PathBuf {
        self.folder.path().join("fault")
    }

    /// From now on the disk does this, such as `sync full`.
    fn fail(&self, how: &str) {
        let draft = self.folder.path().join("draft");
        std::fs::write(&draft, how).expect("write");
        std::fs::rename(draft, self.fault()).expect("rename");
    }

    fn mend(&self) {
        std::fs::remove_file(self.fault()).expect("remove");
    }

    fn command(&self) -> Command {
        let mut command = serve(&self.data, &MANY);
        command.env("ORION_TEST_DISK", self.fault());
        command
    }

    fn start(&self) -> Server {
        start(self.command())
    }

    /// What is posted; the signal's id where it is taken, else the answer's status.
    fn post(&self, server: &Server, number: usize) -> Result<String, u16> {
        let signal = json!({
            "id": format!("sig_{number}"), "symbol": "EURUSD", "direction": "long", "reason": "a bot's idea",
            "confidence": 85, "timestamp": "2026-01-01T00:00:00.000Z", "status": "pending",
        });
        let authorization = format!("Bearer {}", self.token);
        let headers = [("Authorization", authorization.as_str())];
        let sent = server.post("/api/signals", &headers, &signal.to_string());
        let (code, answer) = sent.expect("an answer");
        if code == 200 {
            return Ok(answer["id"].as_str().expect("an id").to_owned());
        }
        let error = answer["error"].as_str().expect("a reason");
        let words = match code {
            503 => "could not be taken",
            // Who asks again at once may ask too often.
            429 => "too many requests",
            // The first price after a start may be late.
            _ => "is stale",
        };
        assert!(error.contains(words), "{code}: {answer}");
        Err(code)
    }

    /// Posts what the disk does not let be taken. Posts before it may have been so many that it has to be asked again.
    fn post_in_vain(&self, server: &Server, number: usize, how: &str) {
        let mut answered = Err(429);
        until("a post is answered", || {
            answered = self.post(server, number);
            answered != Err(429)
        });
        assert_eq!(answered, Err(503), "{how}");
    }

    /// Posts until it is taken, which may be more than once, and waits until it is seen.
    fn post_and_see(&self, server: &Server, number: usize, watch: &Watch) {
        let mut id = String::new();
        until("a post is taken", || {
            let posted = self.post(server, number);
            posted.map(|taken| id = taken).is_ok()
        });
        until("it is seen", || watch.sees(&id));
    }

    /// A kill and a start: every event that anybody saw is there, and the tape gives the journal again.
    fn check_after_kill(&self, server: Server, watch: &Watch) {
        server.kill();
        let Seen { events, epoch, .. } = watch.end();
        let _ = std::fs::remove_file(self.fault());
        check_kept(&self.data, &events);
        // A start tells the tape again and compares each record.
        let server = self.start();
        let store = store(&server);
        assert_eq!(store["position"]["epoch"], epoch.expect("an epoch"));
        server.kill();
        check_kept(&self.data, &events);
    }

    /// The whole tape, from its beginning.
    fn check_whole(&self) {
        let output = Command::new(env!("CARGO_BIN_EXE_orion"))
            .args(["history", "verify", "--json", "--data"])
            .arg(&self.data)
            .output()
            .expect("run orion");
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(told["whole"], true, "{told}");
        assert_eq!(told["again"], told["records"], "{told}");
    }
}

fn start(command: Command) -> Server {
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

/// Each event that was seen stands in the journal, in its place.
fn check_kept(data: &Path, events: &BTreeMap<u64, Said>) {
    let records = journal(&data.join("sim-1"));
    for (seq, said) in events {
        let place = usize::try_from(*seq).expect("a place") - 1;
        match records.get(place) {
            Some(Record::Signal(signal)) => {
                let kept = (signal.id.to_string(), signal.status.as_str().to_owned());
                assert_eq!(&kept, said, "at {seq}");
            }
            other => panic!("{said:?} was seen at {seq}, and there is {other:?}"),
        }
    }
}

/// What an event says: the signal's id and its status.
type Said = (String, String);

#[derive(Clone, Debug, Default)]
struct Seen {
    prices: usize,
    events: BTreeMap<u64, Said>,
    epoch: Option<String>,
}

/// A client that hears all, on a thread of its own. Each event must come once, and behind the one before.
struct Watch(Arc<Mutex<Seen>>, Mutex<Option<thread::JoinHandle<()>>>);

impl Watch {
    fn begin(server: &Server) -> Self {
        let mut client = server.connect();
        client.say(&json!({
            "type": "subscribe", "v": 1, "channels": ["signals", "prices"], "price_interval_ms": 250,
            "symbols": ["EURUSD", "GBPUSD", "XAUUSD", "USDJPY"],
        }));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let hearing = Arc::clone(&seen);
        let thread = thread::spawn(move || hear(&mut client, &hearing));
        let watch = Self(seen, Mutex::new(Some(thread)));
        // What is published before would come in its snapshot, and not as an event.
        until("it is let in", || watch.seen().epoch.is_some());
        watch
    }

    fn seen(&self) -> Seen {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn sees(&self, id: &str) -> bool {
        self.seen().events.values().any(|(seen, _)| seen == id)
    }

    fn events(&self) -> usize {
        self.seen().events.len()
    }

    fn prices_go_on(&self) {
        let before = self.seen().prices;
        until("prices go on", || self.seen().prices >= before + PRICES);
    }

    /// After the server is gone: all that was seen. What the client did not like is told here.
    fn end(&self) -> Seen {
        let thread = self.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread
            .expect("once")
            .join()
            .expect("a client that was told the truth");
        self.seen()
    }
}

fn hear(client: &mut Client, seen: &Mutex<Seen>) {
    while let Some(message) = client.next() {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match message["type"].as_str() {
            Some("subscribed") => seen.epoch = message["epoch"].as_str().map(str::to_owned),
            Some("price_update") => seen.prices += 1,
            Some("signal") if message["snapshot"] != true => {
                let seq = message["seq"].as_u64().expect("a place");
                let payload = &message["payload"];
                let text = |of: &Value| of.as_str().expect("a text").to_owned();
                let said = (text(&payload["id"]), text(&payload["status"]));
                let last = seen.events.last_key_value().map_or(0, |(seq, _)| *seq);
                assert!(seq > last, "{seq} after {last}");
                assert!(
                    !seen.events.values().any(|before| *before == said),
                    "twice: {said:?}"
                );
                seen.events.insert(seq, said);
            }
            _ => {}
        }
    }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited too long until {what}");
        thread::yield_now();
    }
}

fn store(server: &Server) -> Value {
    let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
    health["store"].clone()
}

fn position(server: &Server) -> Option<u64> {
    store(server)["position"]["seq"].as_u64()
}

fn until_store(server: &Server, state: &str) -> Value {
    let mut last = Value::Null;
    until(state, || {
        last = store(server);
        last["state"] == state
    });
    last
}

/// The disk fails in one of its steps: told in words, and mended; the one who posted and everybody else get what is due.
fn check_fault(how: &str, words: &str) {
    let market = Market::new();
    let server = market.start();
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);

    market.fail(how);
    // Before it is known that the disk fails it may be taken in, and is then not answered in time.
    market.post_in_vain(&server, 1, how);
    let told = until_store(&server, "failing");
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains(words), "{how}: {reason}");
    let remedy = told["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("make room"), "{told}");
    assert!(told["since"].as_str().is_some(), "{told}");
    let metrics = server.get("/metrics");
    for line in [
        "orion_journal_ready 0.0",
        "orion_journal_state{state=\"failing\"} 1.0",
    ] {
        assert!(metrics.contains(line), "{how}: no {line}");
    }
    // Those that were stored before have come with these prices.
    watch.prices_go_on();
    let (events, place) = (watch.events(), position(&server));
    market.post_in_vain(&server, 2, how);
    watch.prices_go_on();
    assert_eq!(
        (watch.events(), position(&server)),
        (events, place),
        "{how}: nobody sees what is not stored"
    );

    market.mend();
    until_store(&server, "ok");
    for number in [1, 2, 3] {
        market.post_and_see(&server, number, &watch);
    }
    watch.prices_go_on();
    market.check_after_kill(server, &watch);
}

#[test]
fn a_full_disk_stops_signals_and_nothing_else_until_there_is_room() {
    check_fault("all full", "No space left on device");
}

#[test]
fn a_disk_that_is_full_when_it_is_synced_does_the_same() {
    check_fault("sync full", "No space left on device");
}

#[test]
fn a_read_only_disk_stops_signals_and_nothing_else_until_it_is_writable() {
    check_fault("write readonly", "Read-only file system");
}

#[test]
fn a_broken_journal_stops_signals_and_nothing_else_until_it_is_mended() {
    // Only a decision shows it: it is taken, and waits.
    check_fault("append broken", "Input/output error");
}

#[test]
fn a_disk_that_does_not_answer_holds_up_signals_and_no_prices() {
    for step in ["sync hang", "append hang"] {
        let market = Market::new();
        let server = market.start();
        let watch = Watch::begin(&server);
        market.post_and_see(&server, 0, &watch);

        market.fail(step);
        market.post_in_vain(&server, 1, step);
        let told = until_store(&server, "slow");
        let reason = told["reason"].as_str().expect("a reason");
        assert!(reason.contains("has not answered"), "{step}: {reason}");
        assert!(server.get("/metrics").contains("orion_journal_ready 1.0"));
        watch.prices_go_on();
        let (events, place) = (watch.events(), position(&server));
        assert!(store(&server)["waiting"]["events"].as_u64() > Some(0));
        watch.prices_go_on();
        assert_eq!(
            (watch.events(), position(&server)),
            (events, place),
            "{step}"
        );

        // What was taken and not answered comes by itself.
        market.mend();
        until("it is seen", || watch.events() > events);
        for number in [1, 2] {
            market.post_and_see(&server, number, &watch);
        }
        watch.prices_go_on();
        market.check_after_kill(server, &watch);
    }
}

#[test]
fn a_kill_while_the_disk_fails_or_hangs_loses_nothing_that_was_seen() {
    let faults = [
        "all full",
        "sync broken",
        "append readonly",
        "sync hang",
        "append hang",
    ];
    for how in faults {
        let market = Market::new();
        let server = market.start();
        let watch = Watch::begin(&server);
        for number in 0..3 {
            market.post_and_see(&server, number, &watch);
        }
        market.fail(how);
        market.post_in_vain(&server, 3, how);
        watch.prices_go_on();
        market.check_after_kill(server, &watch);
    }
}

/// A server whose disk has failed for so long that no more can wait.
fn stopped(market: &Market, how: &str) -> (Server, Watch) {
    let mut command = market.command();
    command.env("ORION_TEST_WAITING_MAX", "40");
    let server = start(command);
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);
    market.fail(how);
    let told = until_store(&server, "stopped");
    let reason = told["reason"].as_str().unwrap_or_default();
    assert!(!reason.is_empty(), "{told}");
    watch.prices_go_on();
    (server, watch)
}

#[test]
fn when_no_more_can_wait_the_engine_stops_and_begins_again_from_the_disk() {
    for how in ["all full", "all hang"] {
        let market = Market::new();
        let (server, watch) = stopped(&market, how);
        let events = watch.events();
        market.post_in_vain(&server, 1, how);
        watch.prices_go_on();
        assert_eq!(watch.events(), events, "{how}");
        market.mend();
        until_store(&server, "ok");
        for number in [1, 2] {
            market.post_and_see(&server, number, &watch);
        }
        watch.prices_go_on();
        market.check_after_kill(server, &watch);
    }
}

#[test]
fn a_kill_while_the_engine_is_stopped_is_a_kill_as_any_other() {
    let market = Market::new();
    let (server, watch) = stopped(&market, "all readonly");
    market.check_after_kill(server, &watch);
}

#[test]
fn an_end_while_the_disk_fails_says_so() {
    let market = Market::new();
    let server = market.start();
    market.fail("all full");
    until_store(&server, "failing");
    server.terminate();
    assert!(server.logs("No space left on device"));
    assert_eq!(server.wait(), Some(1));
    market.mend();
    let server = market.start();
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    market.check_whole();
}

#[test]
fn an_end_while_the_disk_does_not_answer_comes_all_the_same() {
    let market = Market::new();
    let server = market.start();
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);
    market.fail("sync hang");
    market.post_in_vain(&server, 1, "the disk fails");
    server.terminate();
    // The market may have decided something of its own besides.
    assert!(server.logs("decisions may not be stored"));
    assert_eq!(server.wait(), Some(1));
    let Seen { events, .. } = watch.end();
    market.mend();
    check_kept(&market.data, &events);
    let server = market.start();
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    check_kept(&market.data, &events);
    market.check_whole();
}

#[test]
fn settings_that_come_while_the_disk_does_not_answer_hold_up_no_prices() {
    let market = Market::new();
    let file = market.folder.path().join("orion.toml");
    let write = |rules: &str| {
        let draft = file.with_extension("new");
        std::fs::write(&draft, rules).expect("write");
        std::fs::rename(draft, &file).expect("rename");
    };
    write("");
    let mut command = market.command();
    command.arg("--config").arg(&file);
    let server = start(command);
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);

    // What came since must be synced before other settings begin. Both before it is known that the disk does not answer, and after.
    market.fail("sync hang");
    watch.prices_go_on();
    for min_rr in ["2.5", "3.0"] {
        write(&format!("[rules]\nmin_rr = {min_rr}\n"));
        signal(server.pid(), "HUP");
        assert!(server.logs("write the new settings on the tape: the disk is behind"));
        watch.prices_go_on();
        until_store(&server, "slow");
    }

    market.mend();
    until_store(&server, "ok");
    signal(server.pid(), "HUP");
    assert!(server.logs("signals are decided by other settings from here on"));
    market.post_and_see(&server, 1, &watch);
    watch.prices_go_on();
    market.check_after_kill(server, &watch);
}

#[test]
fn a_reload_while_the_disk_fails_is_refused_and_all_goes_on() {
    let market = Market::new();
    let server = market.start();
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);
    market.fail("all full");
    until_store(&server, "failing");
    let reload = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orion"));
        command.args(["reload", "--data"]).arg(&market.data);
        command.output().expect("run orion")
    };
    let output = reload();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("No space left on device"), "{told}");
    watch.prices_go_on();
    market.mend();
    until_store(&server, "ok");
    market.post_and_see(&server, 1, &watch);
    market.check_after_kill(server, &watch);
}

#[test]
fn a_folder_is_exported_while_its_server_runs() {
    let market = Market::new();
    let server = market.start();
    let watch = Watch::begin(&server);
    let export = |what: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_orion"))
            .args(["export", what, "--data"])
            .arg(&market.data)
            .output()
            .expect("run orion");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{what}: {told}");
        String::from_utf8(output.stdout).expect("text")
    };
    for number in 0..3 {
        market.post_and_see(&server, number, &watch);
        // What was seen is there, whole, and nothing twice.
        let (seen, table) = (watch.seen().events, export("signals"));
        for (id, _) in seen.values() {
            assert_eq!(table.matches(id.as_str()).count(), 1, "{id}: {table}");
        }
    }
    for what in ["prices", "bars"] {
        let table = export(what);
        let lines: Vec<_> = table.lines().collect();
        let columns = lines[0].split(',').count();
        assert!(lines.len() > 100, "{what}: {} lines", lines.len());
        let whole = |line: &&str| line.split(',').count() == columns;
        assert!(lines.iter().all(whole), "{what}");
    }
    watch.prices_go_on();
    market.check_after_kill(server, &watch);
}

/// Plays a recorded market to its end, and ends the server: what it keeps.
fn play(data: &Path, files: &[PathBuf], fault: &Path, meanwhile: impl FnOnce(&Server)) -> Kept {
    let mut command = recording::command(data, files, "600");
    command.env("ORION_TEST_DISK", fault);
    let server = start(command);
    meanwhile(&server);
    assert!(server.logs("played to its end"), "it ended before its tape");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    Kept::read(data)
}

#[test]
fn a_recorded_market_waits_for_the_disk_and_comes_to_the_same() {
    let market = Market::new();
    let folder = market.folder.path();
    let files = recording::make(folder, Span::from_hours(1));
    let fault = market.fault();
    let whole = play(&folder.join("whole"), &files, &fault, |_| ());
    assert!(whole.journal.len() > 4, "{} records", whole.journal.len());
    let failed = play(&folder.join("failed"), &files, &fault, |server| {
        for how in ["all full", "sync hang", "sync broken", "append readonly"] {
            market.fail(how);
            until("the disk is missed", || {
                let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
                health["store"]["state"] != "ok" || health["feed"]["state"] == "ended"
            });
            market.mend();
            until("it goes on", || store(server)["state"] != "failing");
        }
    });
    failed.check_same(&whole, "a disk that failed");
}

/// A real disk of a few megabytes, where this user may mount one.
struct Mounted(PathBuf);

impl Mounted {
    fn new(at: &Path) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128m", "orion-test"])
            .arg(at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at.to_owned())),
            other => {
                eprintln!("skipped: a disk of its own cannot be mounted here ({other:?})");
                None
            }
        }
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        for size in [1 << 20, 4096, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("remove");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the server may have its files open still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_really_full_does_as_the_made_ones_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    let Some(disk) = Mounted::new(&data) else {
        return;
    };
    let market = Market::at(folder, data);
    let server = market.start();
    let watch = Watch::begin(&server);
    market.post_and_see(&server, 0, &watch);
    for first in [100, 10_000] {
        let mut number = first;
        disk.fill();
        // The room that the files have already may last for some.
        until("it is noticed", || {
            number += 1;
            market.post(&server, number).is_err() && store(&server)["state"] == "failing"
        });
        watch.prices_go_on();
        let events = watch.events();
        watch.prices_go_on();
        let told = store(&server);
        let reason = told["reason"].as_str().expect("a reason");
        assert!(
            reason.contains("full") || reason.contains("No space"),
            "{told}"
        );
        assert_eq!(watch.events(), events);
        disk.empty();
        until_store(&server, "ok");
        for number in [number, number + 1] {
            market.post_and_see(&server, number, &watch);
        }
        watch.prices_go_on();
    }
    market.check_after_kill(server, &watch);
    drop(disk);
}
