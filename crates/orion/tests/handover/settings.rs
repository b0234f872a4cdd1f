//! Settings that change while a server runs: nobody is closed, nothing is missed, and the tape says from where on they decide.

use crate::client::PATIENCE;
use crate::line::{Line, reload, until_price};
use crate::restarts::{Closed, Place, SNAPSHOT, Size, under_load};
use crate::support::recording::{self, journal};
use crate::support::{Client, Server, key, serve, signal};
use journal::tape::{TapeItem, TapeReader};
use journal::{Local, Record};
use lab::replay::Paced;
use market::{Epoch, Event, SourceTime, Span, Tick};
use orion::config::Config;
use orion::feed;
use orion::machine::Machine;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A settings file beside a data folder.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self { folder };
        place.write(text);
        fs::create_dir(place.data()).expect("a data folder");
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn file(&self) -> String {
        self.folder.path().join("orion.toml").display().to_string()
    }

    fn write(&self, text: &str) {
        // Whole or not at all: the server may be looking.
        let new = self.folder.path().join("orion.toml.new");
        fs::write(&new, text).expect("write");
        fs::rename(&new, self.file()).expect("rename");
    }

    fn command(&self) -> Command {
        serve(&self.data(), &["--config", &self.file()])
    }

    /// A market with few ticks, of which a start has little to tell.
    fn quiet_command(&self) -> Command {
        let mut command = self.command();
        command.args(["--set", "feed.sim.rate=1"]);
        command
    }

    fn diff(&self, options: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_orion"))
            .args(["config", "diff", "--data"])
            .arg(self.data())
            .args(options)
            .output()
            .expect("run orion config diff")
    }

    fn differences(&self) -> Value {
        let output = self.diff(&["--json"]);
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

fn min_rr(value: f64) -> String {
    format!("[rules]\nmin_rr = {value}\n")
}

/// Reads all of a data folder, as `orion verify` does: the tape gives the journal again, record by record.
fn check_whole(data: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["verify", "--data"])
        .arg(data)
        .output()
        .expect("run orion verify");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn other_rules_close_nobody_and_lose_nothing() {
    let place = Scene::new(&min_rr(1.0));
    let data = place.data();
    let token = key(&data, "mybot", "bots");
    let mut command = place.command();
    command.args(SNAPSHOT);
    let line = Line::start(&data, command);
    let pid = line.pid();
    let of_server = Place {
        data: &data,
        address: line.first.address.clone(),
        token,
    };
    under_load(&Size::asked(), of_server, line, |line, round| {
        let value = 1.0 - round as f64 / 100.0;
        place.write(&min_rr(value));
        signal(line.pid(), "HUP");
        let words = format!("is {value} from now on");
        assert!(line.first.logs(&words), "{words}");
        assert_eq!(line.pid(), pid);
        until_decided(&line.first, 2);
        Closed::Nobody
    });
    check_whole(&data);
    // Each signal says which rules it was born under: they change in order, and never back.
    let born: Vec<_> = journal(&data.join("sim-1"))
        .into_iter()
        .filter_map(|record| match record {
            Record::Signal(signal) => Some((signal.id, signal.evidence.config_hash)),
            Record::Outcome(_) => None,
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    let mut hashes: Vec<String> = Vec::new();
    for (id, hash) in born {
        if seen.insert(id) && hashes.last() != Some(&hash) {
            hashes.push(hash);
        }
    }
    let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len(), "{hashes:?}");
    assert!(hashes.len() >= 2, "{hashes:?}");
    check_one_process(&data.join("sim-1"));
}

/// Waits until the journal has so many records more.
fn until_decided(server: &Server, records: u64) {
    let position = || {
        let health: Value = serde_json::from_str(&server.get("/health")).expect("JSON");
        health["store"]["position"]["seq"]
            .as_u64()
            .unwrap_or_default()
    };
    let (began, first) = (Instant::now(), position());
    while position() < first + records {
        assert!(began.elapsed() < PATIENCE, "nothing is decided");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The tape has one start and one end, and the settings of every change between them.
fn check_one_process(market: &Path) {
    let (mut starts, mut settings) = (0, Vec::new());
    for item in TapeReader::open(&market.join("tape"), None).expect("open the tape") {
        match item.expect("a whole tape") {
            TapeItem::Settings(kept) if settings.last() != Some(&kept.text) => {
                settings.push(kept.text);
            }
            TapeItem::Event(_, Event::Start) => starts += 1,
            TapeItem::Event(..) | TapeItem::Settings(_) => {}
        }
    }
    // The simulated day before the first start has one too, where the clock had gone on meanwhile.
    assert!((1..=2).contains(&starts), "{starts} starts");
    assert!(settings.len() > Size::asked().rounds, "{}", settings.len());
}

/// A client of the extended protocol that resumes.
fn resume(server: &Server, since: Option<&Value>) -> (Client, Value) {
    let mut client = server.connect();
    let mut subscribe = json!({"type": "subscribe", "v": 1, "channels": ["signals", "prices"]});
    if let Some(subscribed) = since {
        subscribe["since"] = json!({"epoch": subscribed["epoch"], "seq": subscribed["seq"]});
    }
    client.say(&subscribe);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < PATIENCE, "nobody said subscribed");
        let message = client.next().expect("an answer");
        if message["type"] == "subscribed" {
            return (client, message);
        }
    }
}

#[test]
fn a_kill_at_each_step_of_a_change_loses_nothing() {
    let place = Scene::new(&min_rr(1.0));
    let data = place.data();
    let mut before: Option<Value> = None;
    for step in 1..=4 {
        let mut command = place.quiet_command();
        if step <= 3 {
            command.env("ORION_TEST_CRASH", format!("adopt:{step}"));
        }
        let server = start(command);
        let (mut client, subscribed) = resume(&server, before.as_ref());
        if let Some(before) = &before {
            assert_eq!(subscribed["recovered"], true, "step {step}: {subscribed}");
            assert_eq!(subscribed["epoch"], before["epoch"], "step {step}");
        }
        before = Some(subscribed);
        until_price(&mut client);
        assert_eq!(place.differences(), json!([]), "step {step}");
        if step <= 3 {
            place.write(&min_rr(1.0 - f64::from(step) / 10.0));
            signal(server.pid(), "HUP");
            assert_eq!(server.wait(), None, "it was to be killed at step {step}");
        } else {
            server.terminate();
            assert_eq!(server.wait(), Some(0));
        }
    }
    check_whole(&data);
}

fn start(command: Command) -> Server {
    Server::start(command).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

#[test]
fn what_cannot_be_written_on_the_tape_is_not_taken_up() {
    let place = Scene::new(&min_rr(1.0));
    let line = Line::start(&place.data(), place.quiet_command());
    let mut stays = line.first.subscribe();
    until_price(&mut stays);
    let tape = place.data().join("sim-1").join("tape");
    let newest = fs::read_dir(&tape)
        .expect("the tape")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|name| name == "tape"))
        .max()
        .expect("a segment");
    // Where the next segment would lie, something else does.
    let stem = newest.file_stem().expect("a name").to_string_lossy();
    let number: u64 = stem.parse().expect("a number");
    let width = stem.len();
    let next = tape.join(format!("{:0width$}.tape", number + 1));
    fs::create_dir(&next).expect("a folder");

    place.write(&format!("{}[log]\nlevel = \"debug\"\n", min_rr(0.9)));
    signal(line.pid(), "HUP");
    assert!(line.first.logs("engine and sources go on as they were"));
    // What does not depend on it is taken, and the rest is told.
    assert!(line.first.logs("log.level was"));
    assert!(
        line.first
            .logs("rules.min_rr stays 1.0, though the settings say 0.9: write the new settings")
    );
    until_price(&mut stays);
    let differences = place.differences();
    assert_eq!(differences[0]["key"], "rules.min_rr", "{differences}");

    fs::remove_dir(&next).expect("remove");
    signal(line.pid(), "HUP");
    assert!(
        line.first
            .logs("rules.min_rr was 1.0 and is 0.9 from now on")
    );
    until_price(&mut stays);
    let data = place.data();
    line.end();
    check_whole(&data);
}

#[test]
fn settings_that_come_while_a_reload_is_under_way_wait_until_it_has_failed() {
    let place = Scene::new(&min_rr(1.0));
    let mut command = place.quiet_command();
    // The new process never comes to ask for engine and store.
    command
        .env("ORION_TEST_HANG", "check:1")
        .args(["--set", "server.reload_timeout_s=10"]);
    let line = Line::start(&place.data(), command);
    let mut stays = line.first.subscribe();
    until_price(&mut stays);
    let data = place.data();
    let reloading = std::thread::spawn(move || reload(&data));
    assert!(line.first.logs("a new process is started to take over"));
    place.write(&min_rr(0.9));
    signal(line.pid(), "HUP");
    // The lines are read in their order.
    assert!(
        line.first
            .logs("the reload failed, and this process goes on serving")
    );
    assert!(
        line.first
            .logs("signals are decided by other settings from here on")
    );
    assert!(
        line.first
            .logs("rules.min_rr was 1.0 and is 0.9 from now on")
    );
    let told = reloading.join().expect("it ends").expect_err("a failure");
    assert!(told.contains("the old process goes on serving"), "{told}");
    until_price(&mut stays);
    line.end();
    check_whole(&place.data());
}

#[test]
fn a_recorded_market_takes_other_rules_up_while_it_plays() {
    let place = Scene::new("");
    let files = recording::make(place.folder.path(), Span::from_hours(1));
    let mut command = recording::command(&place.data(), &files, "60");
    command.args(["--config", &place.file()]);
    let line = Line::start(&place.data(), command);
    let mut stays = line.first.subscribe();
    until_price(&mut stays);
    place.write(&min_rr(0.9));
    signal(line.pid(), "HUP");
    assert!(
        line.first
            .logs("signals are decided by other settings from here on")
    );
    assert!(
        line.first
            .logs("rules.min_rr was 1.5 and is 0.9 from now on")
    );
    until_price(&mut stays);
    line.end();
    check_whole(&place.data());
}

#[test]
fn the_difference_is_shown_with_what_each_setting_takes() {
    let place = Scene::new("");
    let mut line = Line::start(&place.data(), place.command());
    let output = place.diff(&[]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "the server runs with what its settings say\n"
    );
    // What is only decided by a new process is left as it is; the rest is taken when the file is looked at.
    place.write(
        "[gateway]\nrecovery_events = 7\n[feed.sim]\nseed = 1\nrate = 9.0\n[operator]\nwebhook = \"https://a.example/hush\"\n",
    );
    assert!(line.first.logs("gateway.recovery_events stays 10000"));
    let differences = place.differences();
    let row = |key: &str| {
        let rows = differences.as_array().expect("a list");
        let found = rows.iter().find(|row| row["key"] == key);
        found
            .unwrap_or_else(|| panic!("no {key} in {differences}"))
            .clone()
    };
    assert_eq!(row("gateway.recovery_events")["running"], "10000");
    assert_eq!(row("gateway.recovery_events")["settings"], "7");
    assert_eq!(row("gateway.recovery_events")["takes"], "reload");
    assert_eq!(row("feed.sim.rate")["running"], "not set");
    assert_eq!(row("operator.webhook")["settings"], "\"(not shown)\"");
    let output = place.diff(&[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("hush"), "{text}");
    assert!(
        text.contains(
            "takes `orion reload`: a process begins with it, and `orion reload` begins one"
        ),
        "{text}"
    );

    // Settings that cannot run are told, and the file is not taken.
    place.write("[gateway]\nrecovery_event = 7\n");
    let output = place.diff(&[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("recovery_event"), "{text}");

    // A new process has it.
    place.write("[gateway]\nrecovery_events = 7\n");
    line.reload().expect("a reload");
    let began = Instant::now();
    while place.differences() != json!([]) {
        assert!(began.elapsed() < PATIENCE, "{}", place.differences());
        std::thread::yield_now();
    }
    line.end();
}

/// How a market goes on under other rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// While it runs.
    InPlace,
    /// As a process ends and another one begins.
    Reopened,
}

/// An hour of the simulated market, with other rules from its half on: what the journal holds then.
fn run_an_hour(dir: &Path, change: Change) -> Vec<Record> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut config = Config::default();
    let anchor = SourceTime::parse("2026-03-04T12:00:00Z").expect("a time");
    let ticks = feed::sim(&config, anchor).ticks_from(anchor);
    let end = anchor + Span::from_hours(1);
    let ticks: Vec<_> = ticks.take_while(|tick| tick.time < end).collect();
    let first = Arc::new(config.engine_settings());
    config.rules.general.min_rr = 1.0;
    let second = Arc::new(config.engine_settings());
    let open = |settings: &Arc<engine::Settings>| {
        let journal = Local::open(dir, || Epoch(7)).expect("open the journal");
        let opened = Machine::open(dir, Arc::clone(settings), journal);
        runtime.block_on(opened).expect("open the machine")
    };
    let mut machine = open(&first);
    let half = ticks.len() / 2;
    let play = |machine: &mut Machine<Local>, ticks: &[Tick]| {
        let events = ticks
            .iter()
            .map(|tick| (tick.time.as_stamp(), Event::Tick(tick.clone())));
        let last = machine.engine().now();
        let mut paced = Paced::new(events.map(Ok::<_, Infallible>), last);
        while !paced.is_over() {
            let wake = machine.engine().wake_at();
            if let Some(Ok((at, event))) = paced.next(wake) {
                machine.tell(at, &event);
            }
        }
        runtime.block_on(machine.commit()).expect("commit");
        let written = runtime.block_on(machine.write_tape());
        written.expect("write the tape");
    };
    machine.tell(anchor.as_stamp(), &Event::Start);
    play(&mut machine, &ticks[..half]);
    match change {
        Change::None => {}
        Change::InPlace => {
            let adopted = runtime.block_on(machine.adopt(second));
            adopted.expect("go on").expect("other rules");
        }
        Change::Reopened => {
            drop(machine);
            machine = open(&second);
        }
    }
    play(&mut machine, &ticks[half..]);
    drop(machine);
    // Whoever starts here later finds that the tape gives the journal.
    drop(open(&first));
    journal(dir)
}

#[test]
fn other_rules_decide_as_if_a_process_had_begun_with_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = |change: Change| {
        let dir = folder.path().join(format!("{change:?}"));
        fs::create_dir(&dir).expect("a folder");
        run_an_hour(&dir, change)
    };
    let [none, in_place, reopened] = [Change::None, Change::InPlace, Change::Reopened].map(run);
    assert!(in_place.len() > 4, "{} records", in_place.len());
    assert_eq!(in_place, reopened);
    assert_ne!(in_place, none, "the rules decide nothing");
    let same = in_place
        .iter()
        .zip(&none)
        .take_while(|(one, other)| one == other);
    assert!(same.count() > 0, "they decided from the beginning");
}
