//! Whether a server is well, by what its `/health` says.

use super::{list, text};
use serde_json::{Value, json};
use std::fmt;

/// What is decided may wait so many seconds for a slow disk.
const WAITS_MAX: f64 = 5.0;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    what: String,
    why: String,
    remedy: String,
}

impl Problem {
    fn new(what: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
            remedy: remedy.into(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({"what": self.what, "why": self.why, "remedy": self.remedy})
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.what, self.why, self.remedy)
    }
}

/// All that is wrong. A market that is closed is not; a source that tries again is only while it leaves a price stale.
pub(super) fn problems(health: &Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let store = text(health, "/store/state");
    let waits = health.pointer("/store/waiting/seconds");
    let waits = waits.and_then(Value::as_f64).unwrap_or_default();
    // A slow disk that does what it is asked for is told by alerts.
    if store != "ok" && !(store == "slow" && waits < WAITS_MAX) {
        let (reason, remedy) = (text(health, "/store/reason"), text(health, "/store/remedy"));
        let (why, remedy) = match reason {
            "" => (
                format!("is {store}"),
                "wait until it has read what is kept; the log says how far it is",
            ),
            reason => (format!("is {store} ({reason})"), remedy),
        };
        found.push(Problem::new("the journal", why, remedy));
    }
    found.extend(stale(health));
    found.extend(sources(health));
    found.extend(models(health));
    found
}

/// Prices that should come and do not.
fn stale(health: &Value) -> Vec<Problem> {
    let remedy = "look at the sources here, and at the log";
    let symbols = list(health, "/feed/symbols");
    let stale = symbols.iter().filter(|one| text(one, "/feed") == "stale");
    let stale: Vec<&str> = stale.map(|one| text(one, "/symbol")).collect();
    if !stale.is_empty() {
        let why = format!("are stale while the market is open: {}", stale.join(" "));
        return vec![Problem::new("prices", why, remedy)];
    }
    // A feed without a price is as it should be where every market is closed.
    let is_closed = |one: &Value| text(one, "/feed") == "closed";
    let all_closed = !symbols.is_empty() && symbols.iter().all(is_closed);
    let state = text(health, "/feed/state");
    if ["live", "ended"].contains(&state) || all_closed {
        return Vec::new();
    }
    let why = match state {
        "starting" => "has told no price yet".to_owned(),
        other => format!("is {other}"),
    };
    vec![Problem::new(
        format!("the feed {}", text(health, "/feed/name")),
        why,
        remedy,
    )]
}

fn sources(health: &Value) -> Vec<Problem> {
    let failed = list(health, "/feed/sources")
        .iter()
        .filter(|one| text(one, "/state") == "failed");
    let problem = |one: &Value| {
        let name = format!("the source {}", text(one, "/name"));
        let why = format!("has failed ({})", text(one, "/reason"));
        Problem::new(name, why, text(one, "/remedy"))
    };
    failed.map(problem).collect()
}

fn models(health: &Value) -> Vec<Problem> {
    let off = list(health, "/models")
        .iter()
        .filter(|one| text(one, "/state") == "off");
    let problem = |one: &Value| {
        let name = format!("the model {}", text(one, "/name"));
        let why = format!("is off ({})", text(one, "/reason"));
        Problem::new(name, why, "see `orion model check`")
    };
    off.map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Value {
        json!({
            "store": {"state": "ok"},
            "feed": {
                "name": "oanda", "state": "live",
                "sources": [{"name": "oanda", "state": "live"}],
                "symbols": [{"symbol": "EURUSD", "feed": "live"}, {"symbol": "NAS100", "feed": "closed"}],
            },
            "models": [{"name": "gaps", "state": "on"}],
        })
    }

    fn check(path: &str, value: Value, words: &str) {
        let mut health = well();
        *health.pointer_mut(path).unwrap() = value;
        let told: Vec<String> = problems(&health).iter().map(ToString::to_string).collect();
        match words {
            "" => assert!(told.is_empty(), "{path}: {told:?}"),
            words => assert!(
                told.len() == 1 && told[0].contains(words),
                "{path}: {told:?}"
            ),
        }
    }

    #[test]
    fn each_thing_that_is_wrong_has_a_line_and_what_is_right_has_none() {
        check("/models", json!([]), "");
        check(
            "/store/state",
            json!("recovering"),
            "the journal is recovering",
        );
        let slow = |seconds: f64| {
            json!({
                "state": "slow", "reason": "no answer", "remedy": "look",
                "waiting": {"seconds": seconds},
            })
        };
        check("/store", slow(0.4), "");
        check("/store", slow(7.0), "the journal is slow (no answer): look");
        let full = json!({"state": "failing", "reason": "no space", "remedy": "make room"});
        check(
            "/store",
            full,
            "the journal is failing (no space): make room",
        );
        check(
            "/feed/symbols/0/feed",
            json!("stale"),
            "market is open: EURUSD",
        );
        check("/feed/symbols/0/feed", json!("closed"), "");
        check("/feed/state", json!("starting"), "has told no price yet");
        check("/feed/state", json!("stale"), "the feed oanda is stale");
        check("/feed/state", json!("ended"), "");
        check("/feed/sources/0/state", json!("back_off"), "");
        check(
            "/feed/sources/0",
            json!({"name": "oanda", "state": "failed", "reason": "401", "remedy": "check the key"}),
            "the source oanda has failed (401): check the key",
        );
        check("/models/0/state", json!("off"), "the model gaps is off");
    }

    #[test]
    fn a_silent_feed_of_closed_markets_is_well() {
        let mut health = well();
        health["feed"]["state"] = json!("stale");
        health["feed"]["symbols"] = json!([{"symbol": "EURUSD", "feed": "closed"}]);
        assert_eq!(problems(&health), []);
    }
}
