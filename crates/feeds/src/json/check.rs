//! Reads a description and checks all of it before anything is opened. Every problem is told at once: the key, its value,
//! what is wrong with it, and what to write instead.

mod message;

use super::Description;
use super::form::{Form, Kind, Name};
use super::plan::Plan;
use super::template::{KEY, SYMBOL, SYMBOLS, unknown_place};
use market::Symbol;
use message::{message_key, shown};
use std::fmt;
use tokio_tungstenite::tungstenite::http::{HeaderName, Uri};

/// One thing that is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: `message[2].unit`, messages counted from 1; empty where the whole text cannot be read.
    pub key: String,
    pub value: String,
    pub reason: String,
    pub remedy: String,
}

/// Everything that is wrong with a description; at least one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key,
            value,
            reason,
            remedy,
        } = self;
        if !key.is_empty() {
            write!(f, "{key}")?;
        }
        if !value.is_empty() {
            write!(f, " = {value}")?;
        }
        write!(f, ": {reason}; {remedy}")
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Description {
    /// Reads a description file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        let form: Form = toml::from_str(text).map_err(|error| {
            let problem = Problem {
                key: "the description".to_owned(),
                value: String::new(),
                reason: error.to_string().trim_end().to_owned(),
                remedy: "compare it with docs/sources/json.md".to_owned(),
            };
            Problems(vec![problem])
        })?;
        let mut list = List::default();
        list.whole(&form);
        let plan = list.plan(&form);
        match plan {
            Some(plan) if list.0.is_empty() => Ok(Self { form, plan }),
            _ => Err(Problems(list.0)),
        }
    }
}

#[derive(Default)]
struct List(Vec<Problem>);

impl List {
    fn add(
        &mut self,
        key: impl Into<String>,
        value: impl fmt::Display,
        reason: &str,
        remedy: &str,
    ) {
        self.0.push(Problem {
            key: key.into(),
            value: value.to_string(),
            reason: reason.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    fn plan(&mut self, form: &Form) -> Option<Plan> {
        match Plan::new(&form.message, &form.plain_life) {
            Ok(plan) => Some(plan),
            Err((place, key, why)) => {
                let value = shown(&form.message[place], key);
                self.add(
                    message_key(place, key),
                    value,
                    &why,
                    "see docs/sources/json.md, paths and times",
                );
                None
            }
        }
    }

    fn whole(&mut self, form: &Form) {
        for (key, text) in [("title", &form.title), ("licence", &form.licence)] {
            if text.trim().is_empty() {
                self.add(key, "\"\"", "it is empty", "say it in a few words");
            }
        }
        self.address(form);
        self.key(form);
        self.headers(form);
        self.times(form);
        self.symbols(form);
        self.parts(form);
        self.texts(form);
        self.messages(form);
    }

    fn address(&mut self, form: &Form) {
        let address = form.address.as_str();
        let mut wrong = |reason: &str, remedy: &str| self.add("address", address, reason, remedy);
        let (secure, plain) = match form.kind {
            Kind::Websocket => ("wss", "ws"),
            Kind::Http => ("https", "http"),
        };
        let filled = address.replace(['{', '}'], "");
        let uri: Option<Uri> = filled.parse().ok();
        let Some((scheme, host)) = uri
            .as_ref()
            .and_then(|uri| Some((uri.scheme_str()?, uri.host()?)))
        else {
            return wrong(
                "it is no address",
                &format!("write {secure}://, a host and a path"),
            );
        };
        if scheme == plain && uses_key(form) && !is_loopback(host) {
            wrong(
                "the key would go through the net unencrypted",
                &format!("write {secure}://"),
            );
        } else if scheme != secure && scheme != plain {
            wrong(
                &format!("a source of this kind begins with {secure}://"),
                "correct the beginning, or kind",
            );
        }
        if form.kind == Kind::Websocket && address.contains(SYMBOL) {
            wrong(
                "{symbol} would need a connection for each",
                "write {symbols} for all, or put it into subscribe.send",
            );
        }
        if address.contains(SYMBOL) && address.contains(SYMBOLS) {
            wrong(
                "it asks for one and for all at once",
                "write either {symbol} or {symbols}",
            );
        }
    }

    fn key(&mut self, form: &Form) {
        if !form.key_variables.is_empty() && !uses_key(form) {
            let value = form.key_variables.join(", ");
            self.add(
                "key_variables",
                value,
                "nothing sends the key",
                "put {key} where the vendor wants it, or leave this out",
            );
        }
    }

    fn headers(&mut self, form: &Form) {
        for (name, value) in &form.headers {
            let key = format!("headers.{name}");
            if HeaderName::try_from(name.as_str()).is_err() {
                self.add(
                    &key,
                    value,
                    "the name is not one of an HTTP header",
                    "write one such as X-Api-Key",
                );
            }
            if value.bytes().any(|b| !(b' '..=b'~').contains(&b))
                || value.contains(SYMBOL)
                || value.contains(SYMBOLS)
            {
                self.add(
                    &key,
                    value,
                    "a header holds plain characters, and {key} at most",
                    "correct it",
                );
            }
        }
    }

    fn times(&mut self, form: &Form) {
        let poll = form.poll.as_ref();
        for (key, value, least) in [
            ("heartbeat_s", form.heartbeat_s, 0.001),
            ("silence_s", Some(form.silence_s), 0.001),
            ("answer_within_s", Some(form.answer_within_s), 0.001),
            ("retry_refused_s", Some(form.retry_refused_s), 0.0),
            (
                "ping.every_s",
                form.ping.as_ref().map(|ping| ping.every_s),
                0.001,
            ),
            ("poll.every_s", poll.map(|poll| poll.every_s), 0.001),
            ("poll.within_s", poll.map(|poll| poll.within_s), 0.001),
        ] {
            self.span(key, value, least);
        }
        for (key, count) in [
            (
                "poll.calls_per_minute",
                poll.and_then(|poll| poll.calls_per_minute),
            ),
            (
                "poll.calls_per_day",
                poll.and_then(|poll| poll.calls_per_day),
            ),
        ] {
            if count == Some(0) {
                self.add(
                    key,
                    0,
                    "nothing could be asked",
                    "write the vendor's limit, or leave it out",
                );
            }
        }
        if let Some(heartbeat) = form.heartbeat_s
            && heartbeat >= form.silence_s
            && form.kind == Kind::Websocket
        {
            self.add(
                "silence_s",
                form.silence_s,
                "a connection would be given up between two ordinary signs of life",
                "make it longer than heartbeat_s",
            );
        }
    }

    /// A length of time is a number, at most a day.
    fn span(&mut self, key: impl Into<String>, value: Option<f64>, least: f64) {
        if let Some(value) = value
            && !(least..=86_400.0).contains(&value)
        {
            self.add(
                key,
                value,
                "it is no length of time up to a day",
                "write seconds, such as 10",
            );
        }
    }

    fn symbols(&mut self, form: &Form) {
        if form.symbols.is_empty() {
            self.add(
                "symbols",
                "{}",
                "no symbol is named",
                "write EURUSD = { theirs = \"...\", kind = \"cash\" }",
            );
        }
        let mut seen: Vec<&Name> = Vec::new();
        for (ours, name) in &form.symbols {
            let key = format!("symbols.{ours}");
            if let Err(error) = Symbol::new(ours) {
                self.add(
                    &key,
                    &name.theirs,
                    &error.to_string(),
                    "write it as in [[instrument]]",
                );
            }
            if name.theirs.is_empty() || name.theirs.chars().any(char::is_control) {
                self.add(
                    &key,
                    format!("{:?}", name.theirs),
                    "it is no name",
                    "write what the vendor calls it",
                );
            }
            if seen.iter().any(|other| other.theirs == name.theirs) {
                self.add(
                    &key,
                    &name.theirs,
                    "another symbol has this name",
                    "keep one of the two",
                );
            }
            seen.push(name);
        }
    }

    /// What belongs to one kind of source only.
    fn parts(&mut self, form: &Form) {
        let (websocket, http) = ("only a websocket has it", "only http has it");
        let remedy = "take it out, or correct kind";
        match form.kind {
            Kind::Websocket if form.poll.is_some() => self.add("poll", "{..}", http, remedy),
            Kind::Websocket => {}
            Kind::Http => {
                for (key, is_there) in [
                    ("login", form.login.is_some()),
                    ("subscribe", form.subscribe.is_some()),
                    ("ping", form.ping.is_some()),
                    ("one_connection", form.one_connection),
                ] {
                    if is_there {
                        self.add(key, "{..}", websocket, remedy);
                    }
                }
                if form.poll.is_none() {
                    self.add(
                        "poll",
                        "{}",
                        "it is not said how often to ask",
                        "add [poll] with every_s",
                    );
                }
            }
        }
    }

    fn texts(&mut self, form: &Form) {
        let login = form.login.as_ref().map(|login| &login.send);
        let subscribe = form.subscribe.as_ref().map(|subscribe| &subscribe.send);
        let ping = form.ping.as_ref().and_then(|ping| ping.send.as_ref());
        let mut texts = vec![("address".to_owned(), &form.address)];
        texts.extend(login.map(|text| ("login.send".to_owned(), text)));
        texts.extend(subscribe.map(|text| ("subscribe.send".to_owned(), text)));
        texts.extend(ping.map(|text| ("ping.send".to_owned(), text)));
        texts.extend(
            form.headers
                .iter()
                .map(|(name, text)| (format!("headers.{name}"), text)),
        );
        texts.push(("each_symbol".to_owned(), &form.each_symbol));
        for (key, text) in texts {
            if let Some(place) = unknown_place(text) {
                self.add(
                    key,
                    place,
                    "it is no place that can be filled",
                    "write {key}, {symbol} or {symbols}",
                );
            }
        }
        for (key, text) in [("login.send", login), ("ping.send", ping)] {
            if let Some(text) = text.filter(|text| text.contains(SYMBOL) || text.contains(SYMBOLS))
            {
                self.add(
                    key,
                    text,
                    "no symbols are filled in here",
                    "put them into subscribe.send",
                );
            }
        }
        if let Some(text) = subscribe.filter(|text| text.contains(SYMBOL) && text.contains(SYMBOLS))
        {
            self.add(
                "subscribe.send",
                text,
                "it asks for one and for all at once",
                "write either {symbol} or {symbols}",
            );
        }
        if !form.each_symbol.contains(SYMBOL) {
            self.add(
                "each_symbol",
                &form.each_symbol,
                "the name is not in it",
                "write {symbol} in it",
            );
        }
    }
}

/// Whether anything that is sent holds the key.
pub(super) fn uses_key(form: &Form) -> bool {
    let sent = [
        form.login.as_ref().map(|login| &login.send),
        form.subscribe.as_ref().map(|subscribe| &subscribe.send),
        form.ping.as_ref().and_then(|ping| ping.send.as_ref()),
        Some(&form.address),
    ];
    let mut texts = sent.into_iter().flatten().chain(form.headers.values());
    texts.any(|text| text.contains(KEY))
}

/// Whether a host, with or without a port and a path, is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_v4 = name
        .parse()
        .is_ok_and(|address: std::net::Ipv4Addr| address.is_loopback());
    is_v4 || name == "localhost" || host.starts_with("[::1]")
}

#[cfg(test)]
mod tests;
