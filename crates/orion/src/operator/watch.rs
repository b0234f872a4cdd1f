//! What goes wrong, and what is well again: from what health says, a look after the other. No clock, no sockets.

use super::{Note, State};
use crate::config::OperatorSettings;
use market::{Span, Time};
use serde_json::Value;
use std::collections::BTreeMap;

/// What lasts is told again after so long.
const AGAIN: Span = Span::from_minutes(24 * 60);
/// How much more has to be free, in percent, before the disk counts as well again: it would flutter.
const RELIEF_PERCENT: f64 = 1.0;
/// A slow disk is told of when it has been so for so long.
const SLOW_AFTER: Span = Span::from_secs(60);

#[derive(Debug)]
pub(super) struct Watch {
    settings: OperatorSettings,
    /// What is wrong at the moment, by its key.
    wrong: BTreeMap<String, Wrong>,
    /// The store was well once: before, it is still being recovered.
    was_well: bool,
}

#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Time,
    /// When it was told; none while it has not lasted long enough.
    told: Option<Time>,
}

/// One thing as it is now.
struct Seen {
    key: String,
    event: &'static str,
    is_wrong: bool,
    /// How long it has to last before it is told.
    after: Span,
    wrong: String,
    well: String,
}

impl Watch {
    pub(super) fn new(settings: OperatorSettings) -> Self {
        Self {
            settings,
            wrong: BTreeMap::new(),
            was_well: false,
        }
    }

    /// What is to be told now.
    pub(super) fn look(&mut self, now: Time, health: &Value, free: Option<f64>) -> Vec<Note> {
        let mut seen = self.sources(health);
        seen.extend(free.map(|percent| self.disk(percent)));
        seen.extend(self.certificate(now, health));
        seen.push(self.store(health));
        seen.push(self.slow_store(health));
        seen.into_iter()
            .filter_map(|seen| self.judge(now, seen))
            .collect()
    }

    fn judge(&mut self, now: Time, seen: Seen) -> Option<Note> {
        let note = |state, text| {
            Some(Note {
                key: seen.key.clone(),
                event: seen.event,
                state,
                text,
                at: now,
            })
        };
        if !seen.is_wrong {
            let before = self.wrong.remove(&seen.key)?;
            before.told?;
            return note(State::Over, seen.well);
        }
        let wrong = self.wrong.entry(seen.key.clone()).or_insert(Wrong {
            since: now,
            told: None,
        });
        match wrong.told {
            None if now - wrong.since >= seen.after => {
                wrong.told = Some(now);
                note(State::Begun, seen.wrong)
            }
            Some(told) if now - told >= AGAIN => {
                wrong.told = Some(now);
                note(State::Lasts, seen.wrong)
            }
            None | Some(_) => None,
        }
    }

    fn sources(&self, health: &Value) -> Vec<Seen> {
        let seconds = i64::try_from(self.settings.source_down_s).unwrap_or(i64::MAX);
        let sources = health.pointer("/feed/sources").and_then(Value::as_array);
        let sources = sources.into_iter().flatten();
        sources
            .map(|source| {
                let name = text(source, "/name");
                let (state, reason) = (text(source, "/state"), text(source, "/reason"));
                let why = if reason.is_empty() {
                    String::new()
                } else {
                    format!(": {reason}")
                };
                Seen {
                    key: format!("source {name}"),
                    event: "source_down",
                    is_wrong: state != "live",
                    after: Span::from_secs(seconds),
                    wrong: format!("source {name} is down ({state}{why})"),
                    well: format!("source {name} is back"),
                }
            })
            .collect()
    }

    fn disk(&self, free: f64) -> Seen {
        let least = self.settings.disk_free_percent;
        let relief = if self.wrong.contains_key("disk") {
            RELIEF_PERCENT
        } else {
            0.0
        };
        Seen {
            key: "disk".to_owned(),
            event: "disk_nearly_full",
            is_wrong: free < (least + relief).min(100.0),
            after: Span::ZERO,
            wrong: format!("the disk of the data folder is nearly full: {free:.1} % is free"),
            well: format!("the disk of the data folder has room again: {free:.1} % is free"),
        }
    }

    /// Nothing where no TLS is spoken, or no certificate is there yet.
    fn certificate(&self, now: Time, health: &Value) -> Option<Seen> {
        let expires = Time::parse(health.pointer("/tls/expires")?.as_str()?).ok()?;
        let days = i64::try_from(self.settings.certificate_days).unwrap_or(0);
        let reason = text(health, "/tls/reason");
        let why = if reason.is_empty() {
            String::new()
        } else {
            format!(": {reason}")
        };
        Some(Seen {
            key: "certificate".to_owned(),
            event: "certificate_not_renewed",
            is_wrong: expires - now < Span::from_minutes(days * 24 * 60),
            after: Span::ZERO,
            wrong: format!("the certificate has not been renewed and ends at {expires}{why}"),
            well: format!("the certificate has been renewed until {expires}"),
        })
    }

    fn store(&mut self, health: &Value) -> Seen {
        let state = text(health, "/store/state");
        self.was_well |= state == "ok";
        let is_kept = matches!(state, "ok" | "slow");
        let reason = text(health, "/store/reason");
        let why = if reason.is_empty() {
            state.to_owned()
        } else {
            format!("{state}: {reason}")
        };
        Seen {
            key: "store".to_owned(),
            event: "store_stopped",
            is_wrong: self.was_well && !is_kept,
            after: Span::ZERO,
            wrong: format!(
                "what is decided cannot be kept ({why}): no signal is published, prices go on"
            ),
            well: "what is decided is kept again".to_owned(),
        }
    }

    fn slow_store(&self, health: &Value) -> Seen {
        Seen {
            key: "slow store".to_owned(),
            event: "store_slow",
            is_wrong: text(health, "/store/state") == "slow",
            after: SLOW_AFTER,
            wrong: format!(
                "the disk of the data folder is slow ({}): signals are published late",
                text(health, "/store/reason")
            ),
            well: "the disk of the data folder is slow no more".to_owned(),
        }
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn health(source: &str, store: &str) -> Value {
        json!({
            "feed": {"sources": [{"name": "oanda", "state": source, "reason": "refused"}]},
            "store": {"state": store},
        })
    }

    fn told(notes: &[Note]) -> Vec<(&str, State)> {
        notes.iter().map(|note| (note.event, note.state)).collect()
    }

    #[test]
    fn a_source_is_told_once_it_is_down_for_long_and_when_it_is_back() {
        let mut watch = Watch::new(OperatorSettings::default());
        let mut look =
            |second, state| watch.look(Time::from_secs(second), &health(state, "ok"), None);
        assert_eq!(look(0, "connecting"), []);
        assert_eq!(look(119, "back_off"), []);
        let down = look(120, "back_off");
        assert_eq!(told(&down), [("source_down", State::Begun)]);
        assert_eq!(down[0].text, "source oanda is down (back_off: refused)");
        assert_eq!(look(121, "back_off"), [], "once");
        assert_eq!(
            told(&look(120 + 86_400, "failed")),
            [("source_down", State::Lasts)]
        );
        assert_eq!(told(&look(90_000, "live")), [("source_down", State::Over)]);
        assert_eq!(look(90_001, "back_off"), []);
        assert_eq!(look(90_100, "live"), [], "too short to be told of");
        assert_eq!(look(90_101, "back_off"), []);
        assert_eq!(look(90_102, "back_off"), [], "it counts anew");
    }

    #[test]
    fn a_disk_at_the_limit_does_not_flutter() {
        let mut watch = Watch::new(OperatorSettings::default());
        let mut look =
            |second, free| watch.look(Time::from_secs(second), &health("live", "ok"), Some(free));
        assert_eq!(look(0, 10.0), []);
        assert_eq!(told(&look(1, 9.9)), [("disk_nearly_full", State::Begun)]);
        assert_eq!(look(2, 10.5), []);
        assert_eq!(look(3, 9.5), []);
        assert_eq!(told(&look(4, 11.0)), [("disk_nearly_full", State::Over)]);
    }

    #[test]
    fn a_certificate_is_told_of_before_it_ends_and_when_it_is_renewed() {
        let mut watch = Watch::new(OperatorSettings::default());
        let now = Time::parse("2026-11-01T00:00:00Z").unwrap();
        let mut look = |expires: Option<&str>| {
            let mut health = health("live", "ok");
            health["tls"] = json!({"expires": expires, "reason": "the CA does not answer"});
            watch.look(now, &health, None)
        };
        assert_eq!(look(None), []);
        assert_eq!(look(Some("2026-11-15T00:00:00Z")), []);
        let ends = look(Some("2026-11-14T23:59:59Z"));
        assert_eq!(told(&ends), [("certificate_not_renewed", State::Begun)]);
        assert!(ends[0].text.ends_with("the CA does not answer"), "{ends:?}");
        assert_eq!(
            told(&look(Some("2027-01-30T00:00:00Z"))),
            [("certificate_not_renewed", State::Over)]
        );
    }

    #[test]
    fn a_store_that_stops_is_told_of_and_one_that_is_being_recovered_is_not() {
        let mut watch = Watch::new(OperatorSettings::default());
        let mut look = |store| watch.look(Time::from_secs(0), &health("live", store), None);
        assert_eq!(look("recovering"), []);
        assert_eq!(look("ok"), []);
        assert_eq!(told(&look("stopped")), [("store_stopped", State::Begun)]);
        assert_eq!(told(&look("ok")), [("store_stopped", State::Over)]);
        assert_eq!(told(&look("failing")), [("store_stopped", State::Begun)]);
        assert_eq!(told(&look("stopped")), [], "the same trouble");
        assert_eq!(told(&look("slow")), [("store_stopped", State::Over)]);
    }

    #[test]
    fn a_disk_that_stays_slow_is_told_of() {
        let mut watch = Watch::new(OperatorSettings::default());
        let mut look =
            |second, store| watch.look(Time::from_secs(second), &health("live", store), None);
        assert_eq!(look(0, "ok"), []);
        assert_eq!(look(1, "slow"), []);
        assert_eq!(look(60, "slow"), []);
        assert_eq!(told(&look(61, "slow")), [("store_slow", State::Begun)]);
        assert_eq!(told(&look(62, "ok")), [("store_slow", State::Over)]);
    }
}
