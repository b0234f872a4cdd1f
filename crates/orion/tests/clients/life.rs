//! A signal's whole life, live, before every kind of client at once.

use crate::dashboard::{Visit, loaded};
use crate::page::{Browser, run_sample, until_seen};
use crate::python::Subscriber;
use crate::simulated;
use crate::support::slow;
use market::{Span, Time};
use serde_json::Value;
use std::time::Duration;

/// A signal is born within so much of a first start ...
const BORN_WITHIN: Span = Span::from_secs(60);
/// ... and decided within this much of its birth.
const DECIDED_WITHIN: Span = Span::from_minutes(5);
/// How much later than meant a message may be read on a busy machine.
const LATE: Span = Span::from_secs(2);

fn status(message: &Value, id: &str) -> Option<String> {
    let payload = &message["payload"];
    let is_it = message["type"] == "signal" && payload["id"] == id;
    is_it.then(|| payload["status"].as_str().unwrap_or_default().to_owned())
}

/// When the server started, as its health page tells.
fn started(health: &str) -> Time {
    let health: Value = serde_json::from_str(health).expect("JSON");
    Time::parse(health["started"].as_str().expect("a time")).expect("a time")
}

/// Watches the next signal that is born from its birth to its verdict: its id, and what it became.
async fn watch(visit: &mut Visit, started: Time) -> (String, String) {
    visit.patience = Duration::from_secs(310);
    loaded(visit).await;
    let snapshot = visit.heard.len();
    let born =
        |message: &Value| message["type"] == "signal" && message["payload"]["status"] == "pending";
    visit.until_heard("a signal's birth", snapshot, born).await;
    let birth = visit.heard[snapshot..]
        .iter()
        .find(|heard| born(&heard.message))
        .expect("it was heard");
    let (birth, id) = (
        birth.at,
        birth.message["payload"]["id"]
            .as_str()
            .expect("an id")
            .to_owned(),
    );
    assert!(
        birth - started <= BORN_WITHIN + LATE,
        "born after {:?}",
        birth - started
    );

    let decided = |message: &Value| status(message, &id).is_some_and(|status| status != "pending");
    visit.until_heard("its verdict", snapshot, decided).await;
    let verdict = visit
        .heard
        .iter()
        .find(|heard| decided(&heard.message))
        .expect("it was heard");
    assert!(
        verdict.at - birth < DECIDED_WITHIN,
        "decided after {:?}",
        verdict.at - birth
    );
    let became = status(&verdict.message, &id).expect("it is of this signal");
    eprintln!(
        "born {:?} after the start, {became} {:?} later",
        birth - started,
        verdict.at - birth
    );
    (id, became)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_is_born_and_decided_before_every_kind_of_client() {
    if !slow("a signal's whole life") {
        return;
    }
    let mut browser = Browser::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let server = simulated(folder.path());
    let started = started(&server.get("/health"));
    let python = Subscriber::start(&server.address);
    if let Some(browser) = &mut browser {
        run_sample(browser, &server.address).await;
    }
    let mut visit = Visit::load(&server.address);
    let (id, became) = watch(&mut visit, started).await;
    visit.check_health();

    let life = ["pending".to_owned(), became.clone()];
    if let Some(python) = python {
        let lives =
            std::iter::repeat_with(|| python.next()).filter_map(|saw| status(&saw["message"], &id));
        assert_eq!(lives.take(2).collect::<Vec<_>>(), life);
    }
    if let Some(browser) = &mut browser {
        let decided = format!(
            "seen.signals.some((signal) => signal.id === '{id}' && signal.status === '{became}')"
        );
        until_seen(browser, &decided, Duration::from_secs(60)).await;
        let lives = format!(
            "seen.signals.filter((signal) => signal.id === '{id}').map((signal) => signal.status)"
        );
        assert_eq!(browser.evaluate(&lives).await, serde_json::json!(life));
    }
}
