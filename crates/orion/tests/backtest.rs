//! `orion backtest`: what was live is what is replayed is what is tested; a sweep goes on after a kill; mistakes say what to do.

mod support;

use journal::Record;
use market::Span;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::recording::{self, Kept, command};
use support::{PATIENCE, Server, serve};

fn orion(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(arguments)
        .output()
        .expect("run orion")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// Runs it and reads the report.
fn backtest(arguments: &[&str]) -> Value {
    let output = orion(&[&["backtest", "--json"], arguments].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

fn fails(arguments: &[&str]) -> String {
    let output = orion(&[&["backtest"], arguments].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    text(&output.stderr)
}

/// The rules under which a made market has many signals, as options.
fn rules() -> Vec<&'static str> {
    recording::RULES
        .iter()
        .flat_map(|rule| ["--set", *rule])
        .collect()
}

fn names(files: &[PathBuf]) -> Vec<String> {
    let files = files.iter();
    files.map(|file| file.display().to_string()).collect()
}

/// The signals and outcomes of a journal, as replays print them but for their stamps.
fn journaled(records: &[Record]) -> Vec<Value> {
    let told = |record: &Record| match record {
        Record::Signal(signal) => {
            let told = wire::tell::signal(signal).expect("a signal");
            Some(serde_json::from_str(&told).expect("JSON"))
        }
        Record::Outcome(outcome) => Some(serde_json::json!({
            "id": outcome.id.to_string(),
            "event": outcome.kind.to_string(),
            "at_ns": outcome.at.nanos(),
        })),
    };
    records.iter().filter_map(told).collect()
}

/// The same of lines that a replay or a backtest wrote.
fn printed(lines: &str) -> Vec<Value> {
    let told = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("one JSON object a line");
        if line["type"] == "outcome" {
            let payload = &line["payload"];
            return serde_json::json!({
                "id": payload["id"], "event": payload["event"], "at_ns": line["at_ns"],
            });
        }
        for stamp in ["at", "at_ns", "cause"] {
            line.as_object_mut().expect("an object").remove(stamp);
        }
        line
    };
    lines.lines().map(told).collect()
}

#[test]
fn what_was_live_is_what_is_replayed_is_what_is_tested() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(serve(&data, &["--seed", "5"]))
        .unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"));
    // A while of it is really live.
    let mut client = server.subscribe();
    let mut prices = 0;
    while prices < 30 {
        let message = client.next().expect("a message");
        prices += usize::from(message["type"] == "price_update");
    }
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let market = data.join("sim-5").display().to_string();
    let events = folder.path().join("events.jsonl").display().to_string();

    let replayed = orion(&["replay", "--json", &market]);
    assert!(replayed.status.success(), "{}", text(&replayed.stderr));
    let report = backtest(&[&market, "--events", &events]);
    let tested = fs::read(&events).expect("the events");
    assert!(
        tested == replayed.stdout,
        "a backtest says something else than a replay"
    );
    let live = journaled(&Kept::read(&data).journal);
    assert!(live.len() > 200, "{} records", live.len());
    assert_eq!(printed(&text(&tested)), live);

    // A data folder stands for its only market, and nothing named for the data folder.
    assert_eq!(report["run"]["simulated"], true);
    for arguments in [vec![data.to_str().expect("text")], vec!["--set"]] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_orion"));
        run.args(["backtest", "--json"]);
        if arguments == ["--set"] {
            run.env("ORION__DATA__DIR", &data);
        } else {
            run.args(arguments);
        }
        let output = run.output().expect("run orion");
        let again: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
        assert_eq!(again["trades"], report["trades"]);
    }
    check_counts(&report, &live);
}

/// The report counts what the journal holds.
fn check_counts(report: &Value, live: &[Value]) {
    let of = |status: &str| {
        let of = live
            .iter()
            .filter(|line| line["payload"]["status"] == status);
        of.count() as u64
    };
    let signals = &report["signals"];
    assert_eq!(signals["born"], of("pending"));
    assert_eq!(signals["confirmed"], of("confirmed"));
    assert_eq!(signals["invalidated"], of("invalidated"));
    let trades = report["trades"].as_array().expect("trades");
    let running = signals["running"].as_u64().expect("a count");
    assert_eq!(trades.len() as u64 + running, of("confirmed"));
    assert!(trades.len() > 50, "{} trades", trades.len());
    let ids: BTreeSet<&str> = trades
        .iter()
        .map(|trade| trade["signal"]["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), trades.len());
}

#[test]
fn a_recording_is_tested_as_it_was_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = recording::make(folder.path(), Span::from_hours(2));
    let data = folder.path().join("data");
    let server = Server::start(command(&data, &files, "max")).expect("start");
    assert!(server.logs("played to its end"), "it ended before its tape");
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let served = journaled(&Kept::read(&data).journal);

    let events = folder.path().join("events.jsonl").display().to_string();
    let names = names(&files);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rules = rules();
    backtest(&[&names[..], &rules, &["--events", &events, "--no-control"]].concat());
    let tested = fs::read_to_string(&events).expect("the events");
    let replayed = text(&orion(&[&["replay", "--json"], &names[..], &rules].concat()).stdout);
    // A server and a replay wait behind the end of the recording until what is pending is decided.
    assert!(
        replayed.starts_with(&tested),
        "a backtest says something else than a replay"
    );
    let tested = printed(&tested);
    assert!(tested.len() > 10, "{} lines", tested.len());
    assert_eq!(tested, served[..tested.len()]);
}

#[test]
fn a_report_says_what_was_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_hours(3)));
    let rules_file = folder.path().join("rules.toml");
    fs::write(&rules_file, "min_rr = 1.25\nconfirm_atr = 0.1\n").expect("write");
    let rules_file = rules_file.display().to_string();
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.extend(rules());
    arguments.extend(["--rules", &rules_file, "--set", "rules.confirm_atr=0.2"]);
    arguments.extend([
        "--from",
        "2026-03-04T13:00:00Z",
        "--to",
        "2026-03-04T14:30:00Z",
    ]);
    arguments.extend(["--symbols", "EURUSD,XAUUSD", "--trials", "7", "--seed", "3"]);
    let report = backtest(&arguments);
    let run = &report["run"];
    assert_eq!((&run["trials"], &run["seed"]), (&7.into(), &3.into()));
    assert_eq!(run["grade"], "ticks");
    let rule = |name: &str| {
        let rules = run["rules"].as_array().expect("rules");
        let rule = rules.iter().find(|rule| rule["name"] == name);
        rule.map(|rule| rule["value"].as_str().expect("a value").to_owned())
    };
    // What is set by name lies over the file.
    assert_eq!(rule("rules.min_rr").as_deref(), Some("1.25"));
    assert_eq!(rule("rules.confirm_atr").as_deref(), Some("0.2"));
    assert_eq!(rule("rules.swing_left"), None);
    let symbols: Vec<&str> = run["symbols"]
        .as_array()
        .expect("symbols")
        .iter()
        .map(|symbol| symbol["symbol"].as_str().expect("a name"))
        .collect();
    assert_eq!(symbols, ["EURUSD", "XAUUSD"]);
    let trades = report["trades"].as_array().expect("trades");
    assert!(!trades.is_empty());
    for trade in trades {
        let entered = trade["signal"]["entry_time"].as_str().expect("a time");
        assert!(("2026-03-04T13:00"..).contains(&entered), "{entered}");
        let ended = trade["ended_at"].as_str().expect("a time");
        assert!(ended < "2026-03-04T14:30", "{ended}");
    }
    assert_eq!(report, backtest(&arguments), "the same every time");
}

#[test]
fn every_field_of_the_report_is_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_hours(3)));
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.extend(rules());
    let mut keys = BTreeSet::new();
    gather(&backtest(&arguments), &mut keys);
    arguments.extend(["--sweep", "rules.min_rr=1.0,2.0"]);
    gather(&backtest(&arguments), &mut keys);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/backtest.md");
    let page = fs::read_to_string(page).expect("docs/backtest.md");
    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| !page.contains(&format!("`{key}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/backtest.md does not know {missing:?}"
    );
}

fn gather(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                keys.insert(key.clone());
                gather(value, keys);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, keys)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The options of a sweep of so many sets.
fn sweep<'a>(files: &'a [String], resume: &'a str) -> Vec<&'a str> {
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.extend(rules());
    arguments.extend(["--sweep", "rules.min_rr=1.0,1.25,1.5,1.75,2.0"]);
    arguments.extend(["--sweep", "rules.stop_buffer_atr=0.0,0.05,0.1,0.2"]);
    arguments.extend(["--sweep", "rules.ote_lo=0.5,0.9", "--resume", resume]);
    arguments
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_hours(4)));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (whole, killed) = (path("whole.jsonl"), path("killed.jsonl"));
    let expected = backtest(&sweep(&files, &whole));
    // Half of the sets have a trade entry that ends before it begins.
    assert_eq!(
        (&expected["trials"], &expected["impossible"]),
        (&20.into(), &20.into())
    );

    let mut child = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(["backtest", "--json"])
        .args(sweep(&files, &killed))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start orion");
    wait_for_lines(Path::new(&killed), 4);
    child.kill().expect("kill it");
    child.wait().expect("wait for it");
    let kept = fs::read_to_string(&killed).expect("what was kept");
    let done = kept.lines().count() - 1;
    assert!((3..20).contains(&done), "{done} sets before the kill");
    // As if it had been killed within a line.
    fs::write(&killed, format!("{kept}{{\"number\":")).expect("write");

    let output = orion(&[&["backtest", "--json"], &sweep(&files, &killed)[..]].concat());
    let said = text(&output.stderr);
    assert!(
        said.contains(&format!("{done} of 20 sets were done before")),
        "{said}"
    );
    let again: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for field in ["results", "walk_forward", "variance", "trials"] {
        assert_eq!(again[field], expected[field], "{field}");
    }
    let kept = fs::read_to_string(&killed).expect("what was kept");
    assert_eq!(kept.lines().count(), 21, "each set once");
}

/// Waits until a file has so many whole lines.
fn wait_for_lines(path: &Path, lines: usize) {
    let began = tokio::time::Instant::now();
    while began.elapsed() < PATIENCE {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.matches('\n').count() >= lines {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{} never had {lines} lines", path.display());
}

#[test]
fn one_set_of_a_sweep_is_what_a_run_with_its_parameters_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_hours(3)));
    let mut arguments: Vec<&str> = files.iter().map(String::as_str).collect();
    arguments.extend(rules());
    let single = backtest(
        &[
            &arguments[..],
            &["--no-control", "--set", "rules.min_rr=1.75"],
        ]
        .concat(),
    );
    arguments.extend(["--sweep", "rules.min_rr=1.0,1.75"]);
    let swept = backtest(&arguments);
    let results = swept["results"].as_array().expect("results");
    let set = results.iter().find(|one| one["number"] == 1).expect("it");
    let all = &single["all"];
    assert_eq!(set["parameters"][0][1], "1.75");
    assert_eq!(set["born"], single["signals"]["born"]);
    for field in ["n", "hits", "rate", "chance", "edge"] {
        assert_eq!(set[field], all[field], "{field}");
    }
    assert_eq!(
        (&set["mean_r"], &set["sum_r"]),
        (&all["r"]["mean"], &all["r"]["sum"])
    );
    assert_eq!(set["drawdown"], single["drawdown"]["r"]);
}

#[test]
fn results_of_another_sweep_are_not_mixed_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_minutes(30)));
    let kept = folder.path().join("kept.jsonl").display().to_string();
    let resumed = |more: &[&'static str]| {
        let mut arguments: Vec<String> = files.clone();
        let more = more.iter().copied();
        let more = ["--resume", &kept]
            .into_iter()
            .chain(more)
            .map(str::to_owned);
        arguments.extend(more);
        arguments
    };
    let run = |more: &[&'static str]| {
        let arguments = resumed(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        orion(&[&["backtest"], &arguments[..]].concat())
    };
    let axis = ["--sweep", "rules.min_rr=1.0,1.5"];
    assert!(run(&axis).status.success());
    assert!(run(&axis).status.success(), "the same again");
    for (more, what) in [
        (vec!["--sweep", "rules.min_rr=1.0,2.0"], "values of --sweep"),
        (
            [&axis[..], &["--set", "rules.swing_left=3"]].concat(),
            "settings",
        ),
        ([&axis[..], &["--symbols", "XAUUSD"]].concat(), "data"),
        ([&axis[..], &["--seed", "9"]].concat(), "--seed 1"),
        (
            [&axis[..], &["--to", "2026-03-05"]].concat(),
            "--from or --to",
        ),
    ] {
        let output = run(&more);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(what) && said.contains("--resume"),
            "{what}: {said}"
        );
    }
}

#[test]
fn mistakes_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = names(&recording::make(folder.path(), Span::from_minutes(10)));
    let file = files[0].as_str();
    let check = |arguments: &[&str], parts: &[&str]| {
        let said = fails(arguments);
        for part in parts {
            assert!(
                said.contains(part),
                "{arguments:?}: {part:?} is not in {said}"
            );
        }
    };
    check(&["nowhere.csv"], &["nowhere.csv"]);
    check(
        &[file, "--from", "yesterday"],
        &["--from yesterday", "2025-03-04"],
    );
    check(
        &[file, "--from", "2026-03-05", "--to", "2026-03-04"],
        &["--from 2026-03-05", "not before", "nothing lies between"],
    );
    check(
        &[file, "--symbols", "EURJPY"],
        &["--symbols EURJPY", "XAUUSD"],
    );
    check(&[file, "--set", "rules.min_rr=-1"], &["rules.min_rr", "-1"]);
    check(&[file, "--rules", "nowhere.toml"], &["nowhere.toml"]);
    check(&[file, "--sweep", "rules.min_rr"], &["KEY=VALUE,VALUE"]);
    check(
        &[file, "--sweep", "feed.tape.zone=utc,est"],
        &["feed.tape.zone", "only settings of rules"],
    );
    check(
        &[file, "--sweep", "rules.no_such=1,2"],
        &["no set of the sweep can run", "rules.no_such"],
    );
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let mut nothing = Command::new(env!("CARGO_BIN_EXE_orion"));
    let nothing = nothing.arg("backtest").env("ORION__DATA__DIR", &empty);
    let said = text(&nothing.output().expect("run orion").stderr);
    assert!(
        said.contains("nothing to run") && said.contains("empty"),
        "{said}"
    );
}

#[test]
fn bars_too_long_to_confirm_are_marked_and_not_mixed() {
    let folder = tempfile::tempdir().expect("a folder");
    let hours = folder.path().join("EURUSD_1h_x.csv");
    let mut lines = "time,open,high,low,close\n".to_owned();
    for hour in 0..600 {
        // A saw that rises: something for every setup.
        let base = 1.08 + 0.0001 * f64::from(hour % 37) - 0.00005 * f64::from(hour % 11);
        let day = 5 + hour / 24 % 5 + 7 * (hour / 120);
        let (month, day) = if day > 31 { (2, day - 31) } else { (1, day) };
        lines += &format!(
            "2026-{month:02}-{day:02}T{:02}:00:00Z,{base:.5},{:.5},{:.5},{:.5}\n",
            hour % 24,
            base + 0.0004,
            base - 0.0003,
            base + 0.0001
        );
    }
    fs::write(&hours, lines).expect("write");
    let hours = hours.display().to_string();
    let report = backtest(&[&hours]);
    assert_eq!(report["run"]["grade"], "coarse");
    let notes = report["notes"].to_string();
    assert!(
        notes.contains("rules.setup_tf was raised from 5m to 1h"),
        "{notes}"
    );
    assert!(notes.contains("COARSE"), "{notes}");
    let ticks = names(&recording::make(folder.path(), Span::from_minutes(10)));
    let gold = ticks
        .iter()
        .find(|name| name.contains("XAUUSD"))
        .expect("gold");
    let said = fails(&[&hours, gold]);
    assert!(
        said.contains("must not be mixed") && said.contains("--symbols XAUUSD"),
        "{said}"
    );
}
