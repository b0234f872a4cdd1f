//! What is wrong with a setting: the key, where its value came from, the value, the reason and the remedy, in one line.

use std::fmt;
use std::path::PathBuf;
use toml::Value;

/// Where a setting was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// A line, counted from 1, of a settings file; line 0 is the file as a whole.
    File { path: PathBuf, line: usize },
    /// An environment variable.
    Environment(String),
    /// A command line option: `--set`, or one with a name of its own.
    Option(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Option(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong with the settings, or worth a note.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub origin: Origin,
    /// The key's dotted path; empty where no key can be named.
    pub key: String,
    /// The value as it was given, shortened to fit a line.
    pub value: Option<String>,
    pub reason: String,
    pub remedy: String,
}

impl Finding {
    pub(super) fn new(origin: Origin, key: &str, reason: impl Into<String>) -> Self {
        Self {
            origin,
            key: key.to_owned(),
            value: None,
            reason: reason.into(),
            remedy: String::new(),
        }
    }

    /// Findings are shown as their places stand: the file from top to bottom, then the layers over it.
    pub(super) fn rank(&self) -> (usize, usize) {
        match &self.origin {
            Origin::File { line, .. } => (0, *line),
            Origin::Environment(_) => (1, 0),
            Origin::Option(_) => (2, 0),
            Origin::Default => (3, 0),
        }
    }

    pub(super) fn value(mut self, value: &Value) -> Self {
        self.value = Some(show(value));
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// `orion.toml:12: prices.repeat_ms = 0: 0 is not between 1 and 60000; the default is 5000`, always one line: nothing
/// that a file, a variable or a path holds may break it in two or move a terminal's cursor.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = format!("{}: ", self.origin);
        match (self.key.as_str(), &self.value) {
            ("", _) => {}
            (key, Some(value)) => line += &format!("{key} = {value}: "),
            (key, None) => line += &format!("{key}: "),
        }
        line += &self.reason;
        if !self.remedy.is_empty() {
            line += &format!("; {}", self.remedy);
        }
        f.write_str(&line.replace(char::is_control, " "))
    }
}

/// The longest value shown in a finding, in characters.
const VALUE_CHARS: usize = 80;

/// A value on one line, in TOML's spelling, shortened.
pub(super) fn show(value: &Value) -> String {
    let whole = inline(value);
    if whole.chars().count() <= VALUE_CHARS {
        return whole;
    }
    let start: String = whole.chars().take(VALUE_CHARS).collect();
    format!("{start}...")
}

/// A value on one line, in TOML's spelling.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(inline).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Table(table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{key} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
            value.to_string()
        }
    }
}
