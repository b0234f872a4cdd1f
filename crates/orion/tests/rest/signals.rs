//! Signals, one signal's life and how signals ended: as the socket and the track record tell them.

use super::support::Server;
use super::{items, start, text, told};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn all_pages_together_are_every_signal_once_and_filters_find_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let all = pages(&server, "/signals?limit=37&to=2100-01-01T00:00:00Z");
    let ids: BTreeSet<&str> = all.iter().map(|one| text(&one["id"])).collect();
    assert_eq!(ids.len(), all.len());
    assert!(all.is_sorted_by(|one, next| text(&one["born"]) >= text(&next["born"])));
    let record = told(&server, "/track-record");
    let born = record["signals"]["born"].as_u64().expect("a count") as usize;
    // One more may have been born meanwhile.
    assert!((born - all.len()) < 5, "{born} and {}", all.len());

    // What is found is what a client that looks through all of them finds.
    let oldest = text(&all[all.len() - 1]["born"]).to_owned();
    let middle = text(&all[all.len() / 2]["born"]).to_owned();
    let setup = text(&all[3]["ext"]["setup"]).to_owned();
    let newest = &all[0]["born"];
    let is_old = |one: &&Value| text(&one["born"]) <= text(newest);
    for (query, holds) in [
        (
            "status=confirmed".to_owned(),
            Box::new(|one: &Value| one["status"] == "confirmed") as Box<dyn Fn(&Value) -> bool>,
        ),
        (
            "symbol=EURUSD".to_owned(),
            Box::new(|one: &Value| one["symbol"] == "EURUSD"),
        ),
        (
            "direction=short".to_owned(),
            Box::new(|one: &Value| one["direction"] == "short"),
        ),
        (
            format!("setup={setup}"),
            Box::new(|one: &Value| one["ext"]["setup"] == *setup),
        ),
        (
            "source=sim".to_owned(),
            Box::new(|one: &Value| one["ext"]["source"] == "sim"),
        ),
        ("source=oanda".to_owned(), Box::new(|_: &Value| false)),
        (
            format!("from={middle}"),
            Box::new(|one: &Value| text(&one["born"]) >= middle.as_str()),
        ),
        (
            format!("to={middle}"),
            Box::new(|one: &Value| text(&one["born"]) < middle.as_str()),
        ),
        (
            format!("from={oldest}&to={oldest}"),
            Box::new(|_: &Value| false),
        ),
    ] {
        let found = pages(&server, &format!("/signals?limit=100&{query}"));
        let found: Vec<&str> = found
            .iter()
            .filter(is_old)
            .map(|one| text(&one["id"]))
            .collect();
        let expected: Vec<&str> = all
            .iter()
            .filter(|one| holds(one))
            .map(|one| text(&one["id"]))
            .collect();
        // Those that are pending may have been decided between the two questions.
        let differ = found.len().abs_diff(expected.len());
        assert!(
            if query.starts_with("status") {
                differ < 5
            } else {
                found == expected
            },
            "{query}"
        );
    }
}

fn pages(server: &Server, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = told(server, &format!("{path}{cursor}"));
        all.extend(items(&page).iter().cloned());
        let next = &page["next"];
        if next.is_null() {
            return all;
        }
        cursor = format!("&cursor={}", text(next));
    }
}

#[test]
fn a_signals_life_is_told_from_its_birth_to_its_end_with_what_decided_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &[]);
    let page = told(&server, "/signals?status=confirmed&limit=500");
    let ended = items(&page)
        .iter()
        .find(|one| one["outcome"]["ext"]["last"] == true);
    let ended = ended.expect("one that has ended");
    let path = format!("/signals/{}", text(&ended["id"]));
    let life = told(&server, &path);
    assert_eq!(life["simulated"], true);
    assert_eq!(life["signal"], *ended);
    assert_eq!(life["outcome"], ended["outcome"]);
    assert_eq!(life["conditions"], ended["ext"]["conditions"]);
    let events = life["events"].as_array().expect("events");
    let kinds: Vec<&str> = events.iter().map(|event| text(&event["kind"])).collect();
    assert_eq!(kinds[..2], ["pending", "confirmed"]);
    assert!(
        kinds.len() > 2 && kinds[2..].iter().all(|kind| *kind == "outcome"),
        "{kinds:?}"
    );
    assert!(events.is_sorted_by_key(|event| event["seq"].as_u64()));
    assert_eq!(events[1]["at"], ended["decided"]);
    assert_eq!(events[kinds.len() - 1]["cause"], ended["outcome"]["event"]);

    let ticks = life["ticks"]["items"].as_array().expect("ticks");
    assert!(!ticks.is_empty(), "{life}");
    assert_eq!(life["ticks"]["why"], Value::Null);
    let last = &ticks[ticks.len() - 1];
    assert!(text(&last[0]) <= text(&ended["decided"]), "{last}");
    assert!(
        ticks
            .iter()
            .all(|tick| tick[1].as_f64() <= tick[2].as_f64())
    );
    // Asked again it is the same, and the tape need not be there for it.
    std::fs::remove_dir_all(folder.path().join("sim-5/tape")).expect("remove the tape");
    assert_eq!(told(&server, &path)["ticks"], life["ticks"]);

    let running = told(&server, "/signals?status=invalidated&limit=1");
    let other = told(
        &server,
        &format!("/signals/{}", text(&items(&running)[0]["id"])),
    );
    assert_eq!(other["ticks"]["items"], Value::Null);
    assert!(
        text(&other["ticks"]["why"]).contains("not kept any more"),
        "{other}"
    );
    assert_eq!(other["events"][1]["kind"], "invalidated");
    assert_eq!(other["events"][1]["cause"], other["signal"]["ext"]["cause"]);
}

#[test]
fn outcomes_are_what_the_track_record_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start(folder.path(), &["--set", "account.slippage_pips=0.5"]);
    let before = told(&server, "/track-record");
    let all = pages(&server, "/outcomes?limit=41");
    let after = told(&server, "/track-record");
    assert!(all.is_sorted_by(|one, next| text(&one["ended"]) <= text(&next["ended"])));
    let count = |value: &Value| value.as_u64().expect("a count") as usize;
    let within = |found: usize, of: &dyn Fn(&Value) -> usize| {
        assert!((of(&before)..=of(&after)).contains(&found), "{found}");
    };
    within(all.len(), &|record| count(&record["all"]["n"]));
    let hits = all.iter().filter(|one| one["hit"] == true).count();
    within(hits, &|record| count(&record["all"]["hits"]));
    assert!(all.iter().any(|one| one["net"] != one["r"]), "it costs");
    if count(&before["all"]["n"]) == count(&after["all"]["n"]) {
        let sum = |name: &str| all.iter().filter_map(|one| one[name].as_f64()).sum::<f64>();
        for (name, told) in [
            ("r", &after["all"]["r"]["sum"]),
            ("net", &after["all"]["net"]["sum"]),
        ] {
            let told = told.as_f64().expect("a sum");
            assert!(
                (sum(name) - told).abs() < 0.01,
                "{name}: {} and {told}",
                sum(name)
            );
        }
    }
    let one = &all[0];
    assert_eq!((&one["own"], &one["by_bars"]), (&json!(true), &Value::Null));
    let signal = told(&server, &format!("/signals/{}", text(&one["id"])));
    assert_eq!(signal["signal"]["symbol"], one["symbol"]);
    assert_eq!(signal["outcome"]["at"], one["ended"]);
    assert_eq!(signal["outcome"]["ext"]["realised_r"], one["r"]);
    assert_eq!(signal["outcome"]["ext"]["hit"], one["hit"]);
    // From a time on, and before one: the one that ended just then is in the first and not in the second.
    let middle = text(&all[all.len() / 2]["ended"]);
    let (until, since): (Vec<&Value>, Vec<&Value>) =
        all.iter().partition(|one| text(&one["ended"]) < middle);
    assert!(!until.is_empty());
    for (query, expected) in [("to", until), ("from", since)] {
        let mut found = pages(&server, &format!("/outcomes?limit=41&{query}={middle}"));
        if query == "from" {
            // What has ended meanwhile.
            found.truncate(expected.len());
        }
        assert!(found.iter().eq(expected), "{query}");
    }
    let asia = pages(&server, "/outcomes?killzone=asia");
    let expected = all.iter().filter(|one| one["killzone"] == "asia").count();
    assert!(asia.len() >= expected && asia.iter().all(|one| one["killzone"] == "asia"));
}
