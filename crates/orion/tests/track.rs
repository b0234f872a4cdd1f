//! The track record: what a server says of its signals is what its journal says, and nothing else.

mod support;

use journal::{Journal as _, Local};
use market::{Basis, Calibration, Epoch, Probability, Time};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use support::{Server, get, key, key_with, serve};

const PATH: &str = "/api/v1/track-record";

fn start(data: &Path, arguments: &[&str]) -> Server {
    Server::start(serve(data, arguments)).unwrap_or_else(|(code, log)| panic!("{code:?}\n{log}"))
}

fn told(server: &Server) -> Value {
    serde_json::from_str(&server.get(PATH)).expect("JSON")
}

fn orion(arguments: &[&str], data: &Path) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_orion"))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .output()
        .expect("run orion");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("a count: {value}"))
}

#[test]
fn a_simulated_day_is_told_as_its_journal_has_it_also_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &["--seed", "5"]);
    let first = told(&server);
    server.kill();
    let (code, printed, complaint) = orion(&["track-record", "--json"], folder.path());
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let printed: Value = serde_json::from_str(&printed).expect("one object");

    // The journal may have grown by a signal since the server was asked: the day before it had ended.
    let (all, signals) = (&printed["all"], &printed["signals"]);
    assert_eq!(printed["market"], "sim-5");
    assert!(count(&all["n"]) >= count(&first["all"]["n"]));
    assert!(count(&all["n"]) > 100, "{all}");
    assert_eq!(printed["posted"], Value::Null);
    let ended = count(&all["n"]) + count(&signals["unfollowed"]);
    assert_eq!(
        count(&signals["confirmed"]),
        ended + count(&signals["running"])
    );
    let decided = count(&signals["confirmed"]) + count(&signals["invalidated"]);
    assert!((decided..decided + 10).contains(&count(&signals["born"])));

    // Each way of telling results apart has all of them.
    for by in ["setup", "symbol", "killzone", "source"] {
        let groups = printed["by"][by].as_object().expect("groups");
        let sum: u64 = groups.values().map(|group| count(&group["n"])).sum();
        assert_eq!(sum, count(&all["n"]), "{by}");
        let thin = |group: &&Value| count(&group["n"]) < 50;
        assert!(
            groups
                .values()
                .filter(thin)
                .all(|group| group["note"] == "not enough data")
        );
    }
    let bins = all["reliability"].as_array().expect("rows");
    let hits: u64 = bins.iter().map(|bin| count(&bin["hits"])).sum();
    assert_eq!((bins.len(), hits), (10, count(&all["hits"])));

    // What was not confirmed has one shadow each but for those that are still followed, and none of it is in the figures.
    let groups = printed["would_have"]["ticks"].as_object().expect("causes");
    let shadows: u64 = groups.values().map(|group| count(&group["n"])).sum();
    assert!(
        (1..=count(&signals["invalidated"])).contains(&shadows),
        "{groups:?}"
    );
    if let Some(stop) = groups.get("stop") {
        assert_eq!(count(&stop["hits"]), 0, "{stop}");
    }
    if let Some(missed) = groups.get("missed") {
        assert_eq!(missed["hits"], missed["n"], "{missed}");
    }
    assert_eq!(
        (&all["net"]["n"], &all["net"]["mean"]),
        (&all["n"], &all["r"]["mean"])
    );
    let both =
        [&all["mfe"]["mean"], &all["mae"]["mean"]].map(|mean| mean.as_f64().expect("a mean"));
    assert!(both[0] > 0.1 && both[1] < -0.1, "{both:?}");
    assert_eq!(printed["by_bars"], serde_json::json!({}));

    // In a market without memory the edge is nothing, within what chance leaves: each run has a day of its own.
    let (edge, n) = (
        all["edge"].as_f64().expect("an edge"),
        all["odds_n"].as_f64().expect("a count"),
    );
    assert!(edge.abs() < 5.0 * (0.25 / n).sqrt(), "{edge} of {n}");

    // Another process on the same folder goes on with the same record.
    let again = start(folder.path(), &["--seed", "5"]);
    let later = told(&again);
    assert!(count(&later["all"]["n"]) >= count(&all["n"]));
    assert_eq!(later["position"]["epoch"], printed["position"]["epoch"]);
}

#[test]
fn in_a_terminal_it_is_a_table_and_of_nothing_it_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &["--seed", "5"]);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let (code, text, _) = orion(&["track-record", "sim-5"], folder.path());
    assert_eq!(code, Some(0));
    for part in [
        "sim-5: ",
        " signals, ",
        "chance",
        "edge",
        "by setup",
        "  EURUSD",
        "not enough data",
        "confidence told",
        "net R",
        "signals that were not confirmed, by cause",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (code, _, complaint) = orion(&["track-record", "live"], folder.path());
    assert_eq!(code, Some(1));
    assert!(complaint.contains("there is no market live"), "{complaint}");
}

#[test]
fn as_a_page_it_says_what_the_table_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let told = told(&server);
    server.terminate();
    assert_eq!(server.wait(), Some(0));
    let page = folder.path().join("record.html");
    let file = page.display().to_string();
    let (code, _, said) = orion(&["track-record", "--html", &file], folder.path());
    assert_eq!(code, Some(0), "{said}");
    let page = std::fs::read_to_string(&page).expect("the page");
    assert!(page.contains("<title>SIMULATED, sim-"));
    assert!(page.contains(": ORION track record</title>"));
    for part in ["equity", "confidence", "groups", "calendar", "folds"] {
        assert!(page.contains(&format!("<section id=\"{part}\">")), "{part}");
    }
    let (_, data) = page.split_once("id=\"data\">").expect("data");
    let (data, _) = data.split_once("</script>").expect("its end");
    let data: Value = serde_json::from_str(data).expect("JSON");
    // Since it was told, signals may have ended.
    let ended = data["trades"].as_array().expect("trades").len() as u64;
    let known = count(&told["all"]["n"]);
    assert!(
        known > 0 && (known..known + 5).contains(&ended),
        "{known}, {ended}"
    );

    let empty = tempfile::tempdir().expect("a folder");
    let (code, _, said) = orion(&["track-record", "--html", &file], empty.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("--html is of one market"), "{said}");
}

#[tokio::test]
async fn versions_of_calibrations_are_listed_and_the_newest_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let market = folder.path().join("sim-5");
    std::fs::create_dir_all(&market).expect("a market");
    let (code, text, _) = orion(&["track-record", "--versions"], folder.path());
    assert_eq!(code, Some(0), "{text}");
    let mut journal = Local::open(&market, || Epoch(7)).expect("a journal");
    let kept = vec![
        calibration("smt", 1),
        calibration("posted:ann", 1),
        calibration("smt", 2),
    ];
    journal.keep(kept).await.expect("kept");
    drop(journal);

    let (code, text, _) = orion(&["track-record", "--versions"], folder.path());
    assert_eq!(code, Some(0));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("platt")).collect();
    assert_eq!(rows.len(), 3, "{text}");
    assert!(rows[1].starts_with("posted:ann "), "{text}");
    for part in ["Brier before", "0.2481", "0.2213", "1850", "1001"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let (_, text, _) = orion(&["track-record", "--versions", "--json"], folder.path());
    let last: Value = serde_json::from_str(text.lines().last().expect("lines")).expect("JSON");
    assert_eq!((&last["of"], count(&last["version"])), (&"smt".into(), 2));
    assert_eq!(last["parameters"]["a"], -0.5);

    let (_, text, _) = orion(&["track-record", "--json"], folder.path());
    let told: Value = serde_json::from_str(&text).expect("one object");
    assert_eq!(count(&told["calibration"]["smt"]["version"]), 2);
    assert_eq!(told["calibration"]["smt"]["basis"], "platt");
    assert!(!text.contains("ann"), "senders are for the operator alone");
    assert_eq!(told["calibration"]["smt"]["parameters"], Value::Null);
}

fn calibration(of: &str, version: u32) -> Calibration {
    Calibration {
        of: of.to_owned(),
        version,
        at: Time::from_secs(i64::from(version) * 100),
        basis: Basis::Platt,
        from: Time::from_secs(1),
        until: Time::from_secs(60),
        n: 1850,
        hits: 1001,
        brier_before: Probability::new(0.2481),
        brier_after: Probability::new(0.2213),
        parameters: vec![("a".to_owned(), -0.5), ("b".to_owned(), 0.25)],
    }
}

#[test]
fn where_readers_have_to_say_who_they_are_so_do_these() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = key(folder.path(), "wall", "dashboard");
    let blind = ["--for", "dashboard", "--scope", "read:prices"];
    let blind = key_with(folder.path(), "prices", &blind);
    let server = start(folder.path(), &["--set", "auth.mode=required"]);
    let ask = |headers: &str| get(&server.address, PATH, headers).expect("an answer");
    let (status, body) = ask("");
    assert_eq!(status, 401);
    assert!(body.contains("wants to know who reads"), "{body}");
    let (status, body) = ask("Authorization: Bearer orion_nobody\r\n");
    assert_eq!(status, 401);
    assert!(!body.contains("orion_nobody"), "{body}");
    let (status, body) = ask(&format!("Authorization: Bearer {token}\r\n"));
    assert_eq!(status, 200, "{body}");
    let (status, _) = options(&server.address);
    assert_eq!(status, 200);
    let (status, body) = ask(&format!("Authorization: Bearer {blind}\r\n"));
    assert_eq!(status, 403, "{body}");
    assert!(body.contains("may not read signals"), "{body}");
}

/// A browser asks first whether it may send a key.
fn options(address: &str) -> (u16, String) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("connect");
    let ask = format!("OPTIONS {PATH} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).expect("ask");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(
        answer.contains("access-control-allow-headers: Authorization"),
        "{answer}"
    );
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("a status"), answer)
}
