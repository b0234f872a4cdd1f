//! `orion status` and `orion signals`: what they say, in each form, and the exit codes.

use crate::support::{PATIENCE, Server, key, serve};
use crate::{began, orion, start, text};
use serde_json::Value;
use std::path::Path;
use tokio::time::Instant;

fn told(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let data = data.display().to_string();
    let output = orion(&[arguments, &["--data", &data]].concat());
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_server_that_is_well_is_found_by_its_folder_and_by_its_address() {
    let data = tempfile::tempdir().expect("a folder");
    let server = start(data.path());
    // A server is well once a price has come.
    let mut client = server.subscribe();
    let heard = std::iter::from_fn(|| client.next());
    assert!(
        heard
            .into_iter()
            .any(|message| message["type"] == "price_update")
    );
    // Its first price may be of before: on a busy machine the next one takes a while.
    let began = Instant::now();
    let (code, screen, error) = loop {
        let (code, screen, error) = told(data.path(), &["status"]);
        if code == Some(0) || began.elapsed() > PATIENCE {
            break (code, screen, error);
        }
    };
    assert_eq!((code, error.as_str()), (Some(0), ""), "{screen}");
    assert!(screen.starts_with("healthy  sim-5  SIMULATED"), "{screen}");
    assert!(screen.lines().count() <= 24, "one screen: {screen}");
    assert!(
        screen.contains(&server.address) && screen.contains("EURUSD"),
        "{screen}"
    );

    let url = format!("http://{}", server.address);
    let output = orion(&["status", "--url", &url, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let status = json(&text(&output.stdout));
    assert_eq!(
        (&status["healthy"], &status["problems"]),
        (&Value::Bool(true), &Value::Array(vec![]))
    );
    assert_eq!(status["health"]["market"], "sim-5");

    let (_, rows, _) = told(data.path(), &["status", "--csv"]);
    assert!(
        rows.starts_with("what,name,state,since,detail\nserver,sim-5,healthy,"),
        "{rows}"
    );
    assert!(rows.contains("\nsymbol,EURUSD,live,"), "{rows}");
}

#[test]
fn a_server_that_is_not_well_and_one_that_is_not_there_have_codes_of_their_own() {
    let data = tempfile::tempdir().expect("a folder");
    let (code, _, error) = told(data.path(), &["status"]);
    assert_eq!(code, Some(2), "{error}");
    assert!(
        error.contains("no server runs on") && error.contains("--url"),
        "{error}"
    );
    let output = orion(&["status", "--url", "http://127.0.0.1:1", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(json(&text(&output.stdout))["reachable"], false);

    // A model that cannot be loaded is off, whatever the hour is.
    let manifest = manifest(data.path());
    let manifests = format!("models.manifests=[{manifest:?}]");
    let _server = began(serve(data.path(), &["--seed", "5", "--set", &manifests]));
    let (code, screen, _) = told(data.path(), &["status"]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.starts_with("NOT HEALTHY"), "{screen}");
    assert!(screen.contains("\n! the model "), "{screen}");
}

/// A manifest whose model nobody can run: no library is named.
fn manifest(folder: &Path) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/fixtures");
    for name in ["logistic.toml", "logistic.onnx"] {
        std::fs::copy(fixtures.join(name), folder.join(name)).expect("copy the model");
    }
    folder.join("logistic.toml").display().to_string()
}

/// All signals as they are told of this folder.
fn listed(data: &Path) -> Vec<Value> {
    let (code, rows, error) = told(data, &["signals", "list", "--limit", "5000", "--json"]);
    assert_eq!(code, Some(0), "{error}");
    rows.lines().map(json).collect()
}

#[test]
fn signals_are_the_same_of_a_server_and_of_its_journal() {
    let data = tempfile::tempdir().expect("a folder");
    let server: Server = start(data.path());
    let running = listed(data.path());
    assert!(
        running.len() > 20,
        "the day before had signals: {}",
        running.len()
    );
    let decided = running
        .iter()
        .find(|one| one["status"] == "confirmed" && one["outcome"]["ext"]["last"] == true);
    let id = decided.expect("one that has ended")["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let (_, life, _) = told(data.path(), &["signals", "show", &id, "--json"]);
    let (_, screen, _) = told(data.path(), &["signals", "show", &id[..8]]);
    assert!(
        screen.contains("SIMULATED") && screen.contains("what happened:"),
        "{screen}"
    );
    assert!(
        screen.contains("confirmed") && screen.contains(&id),
        "{screen}"
    );
    let (_, steps, _) = told(data.path(), &["signals", "show", &id, "--csv"]);
    assert!(
        steps.starts_with("seq,at,kind,cause,price,r\n") && steps.contains(",outcome,"),
        "{steps}"
    );

    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let kept = listed(data.path());
    // What was born meanwhile is newer.
    let newer = kept.len() - running.len();
    assert_eq!(
        kept[newer..]
            .iter()
            .map(|one| &one["id"])
            .collect::<Vec<_>>(),
        running.iter().map(|one| &one["id"]).collect::<Vec<_>>()
    );
    let (_, again, _) = told(data.path(), &["signals", "show", &id, "--json"]);
    let (life, again) = (json(&life), json(&again));
    for part in ["signal", "events", "conditions", "outcome"] {
        assert_eq!(life[part], again[part], "{part}");
    }

    let (_, rows, _) = told(
        data.path(),
        &[
            "signals",
            "list",
            "--status",
            "confirmed",
            "--limit",
            "3",
            "--csv",
        ],
    );
    assert!(rows.starts_with("id,born,decided,"), "{rows}");
    assert!(
        rows.lines().count() == 4 && rows.lines().skip(1).all(|row| row.contains(",confirmed,")),
        "{rows}"
    );
    let (_, table, _) = told(data.path(), &["signals", "list", "--limit", "2"]);
    assert!(
        table.contains("SIMULATED") && table.contains("BORN"),
        "{table}"
    );
}

#[test]
fn a_signal_that_is_not_there_is_told_with_the_remedy() {
    let data = tempfile::tempdir().expect("a folder");
    let (code, _, error) = told(data.path(), &["signals", "list"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no journal is in it"), "{error}");
    let _server = start(data.path());
    for (arguments, words) in [
        (["signals", "show", "zzz"], "is no id of a signal"),
        (
            ["signals", "show", "ffffffff-0000-5000-8000-000000000000"],
            "there is no signal",
        ),
        (
            ["signals", "list", "--symbol=EUR/USD"],
            "`symbol` is `EUR/USD`",
        ),
        (
            ["signals", "list", "--from=yesterday"],
            "`from` is `yesterday`",
        ),
    ] {
        let (code, _, error) = told(data.path(), &arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {error}");
        assert!(
            error.contains(words) && error.trim_end().lines().count() == 1,
            "{error}"
        );
    }
    let (code, _, _) = told(data.path(), &["signals", "list", "--status", "maybe"]);
    assert_eq!(code, Some(2), "the command line");
}

#[test]
fn a_server_that_wants_to_know_who_reads_is_shown_a_key() {
    let data = tempfile::tempdir().expect("a folder");
    let token = key(data.path(), "wall", "dashboard");
    let file = data.path().join("wall.key");
    std::fs::write(&file, &token).expect("write the key");
    let arguments = ["--seed", "5", "--set", "auth.mode=required"];
    let server = began(serve(data.path(), &arguments));
    let (code, _, error) = told(data.path(), &["signals", "list"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("401") && error.contains("--key"), "{error}");
    let file = file.display().to_string();
    let (code, rows, error) = told(data.path(), &["signals", "list", "--key", &file]);
    assert_eq!(code, Some(0), "{error}");
    assert!(rows.contains("SIMULATED"), "{rows}");
    let url = format!("ws://{}/ws/signals", server.address);
    let output = orion(&["tail", &url, "--plain"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("auth_required") && error.contains("--key"),
        "{error}"
    );
}

/// Each change is seen in what the server logs next, and nobody has to restart anything.
#[test]
fn what_is_logged_changes_while_the_server_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path());
    let data = folder.path().to_string_lossy();
    let level = |change: &[&str]| orion(&[&["log", "level"], change, &["--data", &data]].concat());
    let holds = |change: &[&str], levels: &str| {
        let output = level(change);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).trim(), levels);
    };
    holds(&[], "info");
    holds(&["gateway=debug"], "info,gateway=debug");
    holds(&["gateway=trace,hub=warn"], "info,gateway=trace,hub=warn");
    holds(&["error"], "error");
    holds(&[], "error");
    holds(&["reset"], "info");
    assert!(server.logs("what is logged has changed levels=info,gateway=debug"));
    assert!(server.logs("what is logged has changed levels=info,gateway=trace,hub=warn"));
    let refused = level(&["gateway=loud"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert!(told.contains("a level is error, warn, info"), "{told}");
    holds(&[], "info");
}
