//! What a client has said, as far as it still decides what it hears: on another connection that is said again.
//!
//! A subscribe gives symbols of channels, an unsubscribe takes them, and of each symbol of each channel the later word counts.
//! So a message is forgotten where later ones have the last word on all of it, and nothing is forgotten before.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use wire::{Ask, Channel, Channels, Speaker};

/// As many messages are said again: fewer than `gateway.messages_burst` lets through at once.
const KEPT: usize = 16;
/// What holds for a connection from when it is said, whatever is unsubscribed later.
const LASTING: [&str; 3] = ["v", "price_interval_ms", "tf"];

type Message = Map<String, Value>;

#[derive(Debug, Default)]
pub(super) struct Said {
    /// In the order in which it counts.
    kept: Vec<Kept>,
    lasting: Message,
}

#[derive(Debug)]
struct Kept {
    kind: Kind,
    channels: Channels,
    /// `None` for all.
    symbols: Option<BTreeSet<market::Symbol>>,
    message: Message,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gives,
    Takes,
}

impl Said {
    /// Remembers a message. One that the gateway refuses as it stands changes nothing, as it does there.
    pub(super) fn hear(&mut self, message: &Message) {
        let Some(said) = Kept::read(message, self.lasting.contains_key("v")) else {
            return;
        };
        self.last(&said);
        self.kept.retain(|before| !said.covers(before));
        self.kept.push(said);
        self.forget_idle();
        while self.kept.len() > KEPT {
            if !self.unite() {
                // Nobody speaks so; what is newer matters more.
                self.kept.remove(0);
            }
        }
    }

    /// What is to be said on another connection.
    pub(super) fn again(&self) -> impl Iterator<Item = String> {
        self.kept.iter().map(|kept| {
            let mut message = kept.message.clone();
            for (name, value) in &self.lasting {
                let concerns = name != "tf" || kept.channels.has(Channel::Bars);
                if kept.kind == Kind::Gives && concerns {
                    message.insert(name.clone(), value.clone());
                }
            }
            Value::Object(message).to_string()
        })
    }

    fn last(&mut self, said: &Kept) {
        for name in LASTING {
            let concerns = name != "tf" || said.channels.has(Channel::Bars);
            let value = said.message.get(name).filter(|value| !value.is_null());
            if let Some(value) = value.filter(|_| said.kind == Kind::Gives && concerns) {
                self.lasting.insert(name.to_owned(), value.clone());
            }
        }
    }

    /// Nothing is taken where nothing was given before, and nothing is given of no symbol.
    fn forget_idle(&mut self) {
        let mut kept: Vec<Kept> = Vec::with_capacity(self.kept.len());
        for said in self.kept.drain(..) {
            let matters = match said.kind {
                Kind::Gives => !said.is_empty(),
                Kind::Takes => kept
                    .iter()
                    .any(|before| before.kind == Kind::Gives && said.meets(before)),
            };
            if matters {
                kept.push(said);
            }
        }
        self.kept = kept;
    }

    /// Says two messages in one, where some can: of one kind and the same channels, each with its symbols, and nothing between
    /// them that the earlier one must come before.
    fn unite(&mut self) -> bool {
        for later in 1..self.kept.len() {
            for earlier in (0..later).rev() {
                if let Some(both) = self.united(earlier, later) {
                    self.kept[later] = both;
                    self.kept.remove(earlier);
                    return true;
                }
            }
        }
        false
    }

    fn united(&self, earlier: usize, later: usize) -> Option<Kept> {
        let (one, other) = (&self.kept[earlier], &self.kept[later]);
        let is_free = |between: &Kept| between.kind == one.kind || !between.meets(one);
        if !self.kept[earlier + 1..later].iter().all(is_free) {
            return None;
        }
        one.with(other)
    }
}

impl Kept {
    /// `None` where the gateway would refuse it.
    fn read(message: &Message, is_extended: bool) -> Option<Self> {
        let text = Value::Object(message.clone()).to_string();
        let speaker = Speaker {
            is_extended,
            ..Speaker::default()
        };
        let (kind, channels, symbols, is_extended) =
            match Ask::parse_from(text.as_bytes(), speaker).ok()? {
                Ask::Subscribe(ask) => (Kind::Gives, ask.channels, ask.symbols, ask.is_extended),
                Ask::Unsubscribe(ask) => (Kind::Takes, ask.channels, ask.symbols, true),
                Ask::Ping(_) | Ask::Auth(_) | Ask::Signal(_) => return None,
            };
        let mut message = message.clone();
        // Its place in the stream was for once, and of what a plain client says the gateway reads nothing but the channels.
        message.retain(|name, _| name != "since" && (is_extended || name == "type"));
        let names = channels.iter().map(|channel| channel.as_str().into());
        message.insert("channels".to_owned(), Value::Array(names.collect()));
        Some(Self {
            kind,
            channels,
            symbols: symbols.map(BTreeSet::from_iter),
            message,
        })
    }

    /// Whether it has a word on all that the other has.
    fn covers(&self, other: &Self) -> bool {
        let channels = other.channels.without(self.channels).is_empty();
        channels
            && match (&self.symbols, &other.symbols) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(these), Some(those)) => these.is_superset(those),
            }
    }

    /// Whether it has a word on anything that the other has.
    fn meets(&self, other: &Self) -> bool {
        let channels = !self.channels.within(other.channels).is_empty();
        channels
            && match (&self.symbols, &other.symbols) {
                (Some(these), Some(those)) => !these.is_disjoint(those),
                (None, _) | (_, None) => true,
            }
    }

    fn is_empty(&self) -> bool {
        self.channels.is_empty() || self.symbols.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Both in one message, in the words of the other but for the symbols; `None` where there is no such message.
    fn with(&self, other: &Self) -> Option<Self> {
        let (Some(these), Some(those)) = (&self.symbols, &other.symbols) else {
            return None;
        };
        if (self.kind, self.channels) != (other.kind, other.channels) {
            return None;
        }
        let names = these.union(those).map(|symbol| symbol.as_str().into());
        let mut message = other.message.clone();
        message.insert("symbols".to_owned(), Value::Array(names.collect()));
        Self::read(&message, true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event;
    use super::*;
    use serde_json::json;

    fn subscribe(argument: Value) -> Message {
        event::message("subscribe", argument)
    }

    fn unsubscribe(argument: Value) -> Message {
        event::message("unsubscribe", argument)
    }

    fn after(said: &[Message]) -> Said {
        let mut all = Said::default();
        for message in said {
            all.hear(message);
        }
        all
    }

    fn again(said: &[Message]) -> Vec<Value> {
        let texts: Vec<String> = after(said).again().collect();
        let read = |text: &String| serde_json::from_str(text).unwrap();
        texts.iter().map(read).collect()
    }

    fn check(said: &[Message], expected: &[Message]) {
        let expected: Vec<Value> = expected.iter().cloned().map(Value::Object).collect();
        assert_eq!(again(said), expected, "{said:?}");
    }

    fn of(channels: &[&str], symbols: &[&str]) -> Value {
        json!({"v": 1, "channels": channels, "symbols": symbols})
    }

    fn taken(channels: &[&str], symbols: &[&str]) -> Value {
        json!({"channels": channels, "symbols": symbols})
    }

    fn each(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("SYM{number:02}")).collect()
    }

    #[test]
    fn what_is_repeated_is_said_once_and_without_its_place() {
        let both = subscribe(json!(null));
        check(&[both.clone(), both.clone()], std::slice::from_ref(&both));
        let resumed =
            json!({"v": 1, "channels": ["signals"], "since": {"epoch": "k3f9", "seq": 7}});
        let plain = subscribe(json!({"v": 1, "channels": ["signals"]}));
        check(&[subscribe(resumed)], std::slice::from_ref(&plain));
    }

    #[test]
    fn the_later_word_counts() {
        let [all, some] = [&["signals", "prices"][..], &["prices"][..]];
        let (given, narrow) = (
            subscribe(of(all, &["A", "B"])),
            unsubscribe(taken(some, &["B"])),
        );
        check(
            &[given.clone(), narrow.clone()],
            &[given.clone(), narrow.clone()],
        );
        // Given again: nothing is taken any more.
        check(
            &[given.clone(), narrow.clone(), given.clone()],
            std::slice::from_ref(&given),
        );
        // Everything is taken: it is as if nothing had been said.
        check(&[given.clone(), narrow, unsubscribe(json!(null))], &[]);
        check(&[unsubscribe(json!(null))], &[]);
        // A wider one says all that a narrower one did; not the other way round.
        let wide = subscribe(json!({"v": 1, "channels": ["signals", "prices", "status"]}));
        check(&[given.clone(), wide.clone()], std::slice::from_ref(&wide));
        check(&[wide.clone(), given.clone()], &[wide, given]);
    }

    #[test]
    fn opening_and_closing_symbols_all_day_forgets_nothing() {
        let mut said = vec![subscribe(json!({"v": 1, "channels": ["signals"]}))];
        for name in each(40) {
            said.push(subscribe(
                json!({"id": name, "channels": ["prices"], "symbols": [name]}),
            ));
            said.push(unsubscribe(
                json!({"id": name, "channels": ["prices"], "symbols": [name]}),
            ));
        }
        check(&said, &said[..1]);
    }

    #[test]
    fn more_than_are_kept_are_said_in_fewer_words() {
        let first = subscribe(json!({"v": 1, "channels": ["signals"]}));
        let mut said = vec![first.clone()];
        said.extend(
            each(40)
                .iter()
                .map(|name| subscribe(of(&["prices"], &[name]))),
        );
        said.extend(
            each(40)[..20]
                .iter()
                .map(|name| unsubscribe(taken(&["signals"], &[name]))),
        );
        let again = again(&said);
        assert!(again.len() <= KEPT, "{again:?}");
        assert_eq!(again[0], Value::Object(first));
        let symbols = |kind: &str| {
            let of_kind = again.iter().filter(|message| message["type"] == kind);
            let named = of_kind.filter_map(|message| message["symbols"].as_array());
            let mut names: Vec<String> = named
                .flatten()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        assert_eq!(symbols("subscribe"), each(40));
        assert_eq!(symbols("unsubscribe"), each(40)[..20]);
    }

    #[test]
    fn what_is_taken_stays_taken_when_messages_are_united() {
        let mut said = vec![subscribe(of(&["prices"], &["SYM00", "SYM01"]))];
        said.push(unsubscribe(taken(&["prices"], &["SYM00"])));
        said.extend(
            each(30)[2..]
                .iter()
                .map(|name| subscribe(of(&["prices"], &[name]))),
        );
        let again = again(&said);
        let place = |kind: &str, name: &str| {
            again.iter().rposition(|message| {
                let names = message["symbols"].as_array().unwrap();
                message["type"] == kind && names.contains(&name.into())
            })
        };
        assert!(again.len() <= KEPT, "{again:?}");
        assert!(
            place("subscribe", "SYM00") < place("unsubscribe", "SYM00"),
            "{again:?}"
        );
        assert!(place("subscribe", "SYM01").is_some() && place("subscribe", "SYM29").is_some());
    }

    #[test]
    fn what_lasts_outlives_the_message_that_said_it() {
        let bars = |tf: &str, name: &str| {
            subscribe(
                json!({"v": 1, "channels": ["bars"], "tf": tf, "symbols": [name],
                "price_interval_ms": 5000}),
            )
        };
        let later = subscribe(json!({"channels": ["prices"], "symbols": ["A"]}));
        let said = [
            bars("1m", "A"),
            bars("5m", "B"),
            unsubscribe(taken(&["bars"], &["B"])),
            later,
        ];
        let prices = subscribe(
            json!({"v": 1, "channels": ["prices"], "symbols": ["A"], "price_interval_ms": 5000}),
        );
        check(&said, &[bars("5m", "A"), prices]);
    }

    #[test]
    fn of_a_plain_client_only_the_channels_count_and_of_a_refused_message_nothing() {
        let plain = subscribe(json!({"channels": ["signals", "bars", "x"], "symbols": ["A"]}));
        check(
            std::slice::from_ref(&plain),
            &[subscribe(json!(["signals"]))],
        );
        check(&[subscribe(json!({"v": 2, "channels": ["signals"]}))], &[]);
        check(&[subscribe(json!({"v": 1, "channels": ["bars"]}))], &[]);
        check(&[subscribe(json!([]))], &[]);
    }
}
