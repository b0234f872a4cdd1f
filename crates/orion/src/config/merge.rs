//! One tree out of all layers. Every value is tried by itself against the type of its setting, so that all that do not
//! fit are found at once, each with the place it came from.

mod own;

use super::finding::{Finding, Origin};
use super::instrument::{InstrumentSettings, built_in};
use super::layers::{Form, Given, Layers, Lined, LinedValue, read_file, read_value, texts};
use super::schema::{Place, Schema, remedy_for_name};
use super::words::misfit;
use super::{Config, SettingsFile};
use own::{Own, is_own};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// The outcome of laying all layers over each other.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) config: Config,
    pub(super) origins: Origins,
    pub(super) findings: Vec<Finding>,
}

/// Where each setting that is not a default was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    keys: BTreeMap<String, Origin>,
    /// In the order of `Config::instruments`.
    instruments: Vec<EntryOrigins>,
}

#[derive(Clone, Debug)]
struct EntryOrigins {
    entry: Origin,
    fields: BTreeMap<String, Origin>,
}

impl Origins {
    pub(super) fn of(&self, key: &str) -> Origin {
        self.keys.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Of a field of the instrument at a place; its entry's where the field was not given.
    pub(super) fn of_instrument(&self, place: usize, field: &str) -> Origin {
        let Some(origins) = self.instruments.get(place) else {
            return self.of("instrument");
        };
        origins.fields.get(field).unwrap_or(&origins.entry).clone()
    }

    /// Whether nothing was given for a key.
    pub(super) fn is_default(&self, key: &str) -> bool {
        !self.keys.contains_key(key)
    }

    /// Every field of an instrument that was given: its place, its name and its origin.
    pub(super) fn given_fields(&self) -> impl Iterator<Item = (usize, &str, &Origin)> {
        let places = self.instruments.iter().enumerate();
        places.flat_map(|(place, entry)| {
            entry
                .fields
                .iter()
                .map(move |(field, origin)| (place, field.as_str(), origin))
        })
    }

    /// Every setting outside the list of instruments that was given, with its origin.
    pub(super) fn given(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.keys.iter().map(|(key, origin)| (key.as_str(), origin))
    }
}

/// # Errors
/// Only when the file is not TOML; what else is wrong is among [`Merged::findings`].
pub(super) fn merge(layers: &Layers) -> Result<Merged, Vec<Finding>> {
    let mut merger = Merger::new();
    if let Some(file) = &layers.file {
        merger.take_file(file)?;
    }
    for given in texts(layers, &mut merger.findings) {
        merger.take_text(&given);
    }
    Ok(merger.finish())
}

struct Merger {
    schema: Schema,
    /// The defaults, and over them what was given so far.
    tree: Table,
    entries: Vec<Entry>,
    /// What was given of rules that only some symbols or timeframes have, in its order.
    own: Vec<Own>,
    origins: BTreeMap<String, Origin>,
    findings: Vec<Finding>,
}

/// One instrument as a table.
struct Entry {
    fields: Table,
    origins: EntryOrigins,
}

impl Merger {
    fn new() -> Self {
        let entry = |instrument: &InstrumentSettings| Entry {
            fields: table_of(instrument),
            origins: EntryOrigins {
                entry: Origin::Default,
                fields: BTreeMap::new(),
            },
        };
        Self {
            schema: Schema::new(),
            tree: table_of(&Config::default()),
            entries: built_in().iter().map(entry).collect(),
            own: Vec::new(),
            origins: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    fn take_file(&mut self, file: &SettingsFile) -> Result<(), Vec<Finding>> {
        let LinedValue::Table(pairs) = read_file(file)?.value else {
            return Ok(());
        };
        let origin = Origin::File {
            path: file.path.clone(),
            line: 0,
        };
        self.take_pairs("", pairs, &origin);
        Ok(())
    }

    fn take_pairs(&mut self, section: &str, pairs: Vec<(String, Lined)>, origin: &Origin) {
        for (key, value) in pairs {
            let path = if section.is_empty() {
                key.clone()
            } else {
                format!("{section}.{key}")
            };
            let origin = at_line(origin, value.line);
            if key.contains('.') {
                let finding = Finding::new(
                    origin,
                    &format!("{key:?}"),
                    "in quotes it is one name, and none of ours",
                );
                self.findings
                    .push(finding.remedy("write it without quotes"));
            } else {
                self.take_value(&path, value, &origin);
            }
        }
    }

    fn take_value(&mut self, key: &str, value: Lined, origin: &Origin) {
        let origin = at_line(origin, value.line);
        if is_own(key) {
            let key = key.to_owned();
            return self.own.push(Own { key, value, origin });
        }
        match (self.schema.place(key), value.value) {
            (Place::Section, LinedValue::Table(pairs)) => self.take_pairs(key, pairs, &origin),
            (Place::Section, LinedValue::Array(_) | LinedValue::Plain(_)) => {
                let reason = "it is a section, not a setting";
                let remedy = format!("set a key inside it, as in [{key}]");
                self.findings
                    .push(Finding::new(origin, key, reason).remedy(remedy));
            }
            (Place::Instruments, LinedValue::Array(entries)) => {
                self.take_instruments(entries, &origin)
            }
            (Place::Instruments, LinedValue::Table(_) | LinedValue::Plain(_)) => {
                let reason = "it is a list of instruments, not one value";
                self.findings.push(
                    Finding::new(origin, key, reason).remedy("write one [[instrument]] for each"),
                );
            }
            (Place::Setting(_), value) => {
                self.set(key, &Lined { line: 0, value }.to_toml(), origin)
            }
            (Place::Unknown, value) => self.take_elsewhere(key, Lined { line: 0, value }, origin),
        }
    }

    /// A text is what TOML makes of it or itself, whichever fits: `--set log.level=debug` needs no quotes.
    fn take_text(&mut self, given: &Given) {
        let bare = Lined {
            line: 0,
            value: LinedValue::Plain(Value::String(given.text.clone())),
        };
        let toml = read_value(&given.text).unwrap_or_else(|| bare.clone());
        let fits = |value: &&Lined| self.fits(&given.key, &value.to_toml()).is_ok();
        let order = match given.form {
            Form::Toml => [&toml, &bare],
            Form::Bare => [&bare, &toml],
        };
        let value = order.into_iter().find(fits).unwrap_or(&toml).clone();
        self.take_value(&given.key, value, &given.origin);
    }

    /// A field of one instrument, `instrument.EURUSD.digits`, or a key that does not exist.
    fn take_elsewhere(&mut self, key: &str, value: Lined, origin: Origin) {
        let named = key
            .strip_prefix("instrument.")
            .and_then(|rest| rest.rsplit_once('.'));
        let Some((symbol, field)) = named else {
            return self.unknown(key, &value, origin);
        };
        let known = symbols(&self.entries);
        let Some(place) = known
            .iter()
            .position(|known| known.eq_ignore_ascii_case(symbol))
        else {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            let finding = Finding::new(origin, key, format!("there is no instrument {symbol}"));
            return self
                .findings
                .push(finding.remedy(remedy_for_name(symbol, &known)));
        };
        let name = format!("instrument.{}", known[place]);
        if let Some(value) = self.instrument_field(&name, field, &value, &origin) {
            let entry = &mut self.entries[place];
            entry.fields.insert(field.to_owned(), value);
            entry.origins.fields.insert(field.to_owned(), origin);
        }
    }

    /// A list of instruments takes the place of the list before it.
    fn take_instruments(&mut self, list: Vec<Lined>, origin: &Origin) {
        if list.is_empty() {
            let finding = Finding::new(origin.clone(), "instrument", "the list is empty");
            self.findings
                .push(finding.remedy("write at least one [[instrument]]"));
        }
        let mut entries = Vec::new();
        for (place, instrument) in list.into_iter().enumerate() {
            let origin = at_line(origin, instrument.line);
            let name = instrument_name(place, &instrument.to_toml());
            if let LinedValue::Table(pairs) = instrument.value {
                entries.extend(self.entry(&name, pairs, origin));
            } else {
                let finding =
                    Finding::new(origin, &name, "it is not a table of an instrument's fields");
                self.findings
                    .push(finding.remedy("write [[instrument]], and its fields below it"));
            }
        }
        self.origins.insert("instrument".to_owned(), origin.clone());
        self.entries = entries;
    }

    fn entry(&mut self, name: &str, pairs: Vec<(String, Lined)>, origin: Origin) -> Option<Entry> {
        let before = self.findings.len();
        let mut fields = Table::new();
        let mut origins = BTreeMap::new();
        for (field, value) in pairs {
            let origin = at_line(&origin, value.line);
            if let Some(value) = self.instrument_field(name, &field, &value, &origin) {
                fields.insert(field.clone(), value);
            }
            origins.insert(field, origin);
        }
        let built_in = built_in_like(&fields);
        if self.findings.len() == before {
            self.report_missing(name, &built_in, &origins, &origin);
        }
        let mut whole = built_in;
        whole.extend(fields);
        (self.findings.len() == before).then_some(Entry {
            fields: whole,
            origins: EntryOrigins {
                entry: origin,
                fields: origins,
            },
        })
    }

    fn report_missing(
        &mut self,
        name: &str,
        built_in: &Table,
        given: &BTreeMap<String, Origin>,
        origin: &Origin,
    ) {
        let absent = |field: &&str| {
            !built_in.contains_key(*field)
                && !given.contains_key(*field)
                && !InstrumentSettings::may_lack(field)
        };
        let missing: Vec<_> = self
            .schema
            .instrument_fields()
            .into_iter()
            .filter(absent)
            .collect();
        if !missing.is_empty() {
            let reason = format!("it lacks {}", missing.join(", "));
            let remedy = "only an instrument that ORION has built in may leave fields out";
            self.findings
                .push(Finding::new(origin.clone(), name, reason).remedy(remedy));
        }
    }

    /// The field's value, or a finding.
    fn instrument_field(
        &mut self,
        name: &str,
        field: &str,
        value: &Lined,
        origin: &Origin,
    ) -> Option<Value> {
        let key = format!("{name}.{field}");
        let fields = self.schema.instrument_fields();
        let value = value.to_toml();
        if !fields.contains(&field) {
            let finding =
                Finding::new(origin.clone(), &key, "there is no such field").value(&value);
            let remedy = remedy_for_name(field, &fields);
            self.findings.push(finding.remedy(remedy));
            return None;
        }
        match fits_instrument(field, &value) {
            Ok(()) => Some(value),
            Err(message) => {
                let finding = Finding::new(origin.clone(), &key, misfit(&message, &value));
                self.findings.push(
                    finding
                        .value(&value)
                        .remedy("config/orion.toml shows the built-in ones"),
                );
                None
            }
        }
    }

    fn set(&mut self, key: &str, value: &Value, origin: Origin) {
        match self.fits(key, value) {
            Ok(()) => {
                put(&mut self.tree, &steps(key), value.clone());
                self.origins.insert(key.to_owned(), origin);
            }
            Err(message) => {
                let finding = Finding::new(origin, key, misfit(&message, value)).value(value);
                self.findings.push(finding.remedy(self.remedy(key)));
            }
        }
    }

    /// Whether a value alone, all else being default, makes settings.
    fn fits(&self, key: &str, value: &Value) -> Result<(), String> {
        match self.schema.place(key) {
            Place::Setting(_) => {
                let mut alone = Table::new();
                put(&mut alone, &steps(key), value.clone());
                let read: Result<Config, _> = alone.try_into();
                read.map(|_| ()).map_err(|error| error.message().to_owned())
            }
            Place::Unknown => match key
                .strip_prefix("instrument.")
                .and_then(|rest| rest.rsplit_once('.'))
            {
                Some((_, field)) => fits_instrument(field, value),
                None => Ok(()),
            },
            Place::Section | Place::Instruments => Ok(()),
        }
    }

    fn remedy(&self, key: &str) -> String {
        match self.schema.place(key) {
            Place::Setting(default) => default_of(default),
            Place::Section | Place::Instruments | Place::Unknown => String::new(),
        }
    }

    fn unknown(&mut self, key: &str, value: &Lined, origin: Origin) {
        let finding = Finding::new(origin, key, "there is no such setting");
        let value = value.to_toml();
        let finding = if value.is_table() {
            finding
        } else {
            finding.value(&value)
        };
        let remedy = match key.strip_prefix("feed.sim.") {
            Some(own) if is_own(own) => format!("set {own}: it lies over [feed.sim.rules] too"),
            Some(_) | None => self.schema.remedy_for_unknown(key),
        };
        self.findings.push(finding.remedy(remedy));
    }

    fn finish(mut self) -> Merged {
        for own in std::mem::take(&mut self.own) {
            self.take_own(own);
        }
        let entries = self
            .entries
            .iter()
            .map(|entry| Value::Table(entry.fields.clone()));
        self.tree
            .insert("instrument".to_owned(), Value::Array(entries.collect()));
        let config = self
            .tree
            .try_into()
            .unwrap_or_else(|error: toml::de::Error| {
                // Each value fits alone, so only two that exclude each other can bring us here.
                self.findings
                    .push(Finding::new(Origin::Default, "", error.message()));
                Config::default()
            });
        let origins = Origins {
            keys: self.origins,
            instruments: self
                .entries
                .into_iter()
                .map(|entry| entry.origins)
                .collect(),
        };
        Merged {
            config,
            origins,
            findings: self.findings,
        }
    }
}

/// What a key's default is, or that it has none.
pub(super) fn default_of(default: &Json) -> String {
    match Value::try_from(default) {
        Ok(value) if !default.is_null() => {
            format!("the default is {}", super::finding::show(&value))
        }
        _ => "it may be left out".to_owned(),
    }
}

pub(super) fn table_of<T: serde::Serialize>(settings: &T) -> Table {
    Table::try_from(settings).expect("every setting has a form in TOML")
}

/// The dotted paths, behind `path`, at which two tables of settings differ.
pub(super) fn differing(path: &str, one: &Table, other: &Table, keys: &mut Vec<String>) {
    let names: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    for name in names {
        let key = format!("{path}{name}");
        match (one.get(name), other.get(name)) {
            (Some(Value::Table(one)), Some(Value::Table(other))) => {
                differing(&format!("{key}."), one, other, keys);
            }
            (Some(Value::Table(only)), None) | (None, Some(Value::Table(only))) => {
                differing(&format!("{key}."), only, &Table::new(), keys);
            }
            (one, other) if one != other => keys.push(key),
            _ => {}
        }
    }
}

fn steps(key: &str) -> Vec<&str> {
    key.split('.').collect()
}

/// Puts a value at the end of a path, making sections on the way.
pub(super) fn put(tree: &mut Table, steps: &[&str], value: Value) {
    let Some((last, sections)) = steps.split_last() else {
        return;
    };
    let mut table = tree;
    for section in sections {
        let next = table
            .entry(*section)
            .or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(next) = next else { return };
        table = next;
    }
    table.insert((*last).to_owned(), value);
}

fn at_line(origin: &Origin, line: usize) -> Origin {
    let mut origin = origin.clone();
    if let (Origin::File { line: at, .. }, 1..) = (&mut origin, line) {
        *at = line;
    }
    origin
}

fn symbols(entries: &[Entry]) -> Vec<String> {
    let symbol = |entry: &Entry| {
        entry
            .fields
            .get("symbol")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    entries.iter().map(symbol).collect()
}

/// How findings call an instrument of a list: by its symbol, or by its place, counted from 1.
fn instrument_name(place: usize, instrument: &Value) -> String {
    match instrument.get("symbol").and_then(Value::as_str) {
        Some(symbol) => format!("instrument.{symbol}"),
        None => format!("instrument number {}", place + 1),
    }
}

/// The built-in instrument of the same symbol, or nothing.
fn built_in_like(fields: &Table) -> Table {
    let symbol = fields.get("symbol").and_then(Value::as_str);
    let found = built_in()
        .into_iter()
        .find(|known| Some(known.symbol.as_str()) == symbol);
    found.map(|known| table_of(&known)).unwrap_or_default()
}

fn fits_instrument(field: &str, value: &Value) -> Result<(), String> {
    let mut fields = built_in().first().map(table_of).unwrap_or_default();
    fields.insert(field.to_owned(), value.clone());
    let read: Result<InstrumentSettings, _> = fields.try_into();
    read.map(|_| ()).map_err(|error| error.message().to_owned())
}
