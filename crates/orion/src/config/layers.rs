//! The layers that settings come in, each read into one list of [`Given`]: key, value and where it was found.

use super::finding::{Finding, Origin};
use super::words::unreadable;
use std::path::{Path, PathBuf};
use toml::Value;
use toml::de::{DeTable, DeValue};

/// Everything that settings are made of, lowest layer first. Nothing else is looked at.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The file named on the command line.
    pub file: Option<SettingsFile>,
    /// Environment variables; those that do not begin with `ORION__` are passed over.
    pub environment: Vec<(String, String)>,
    /// Arguments of `--set`, in their order: `KEY=VALUE`.
    pub sets: Vec<String>,
    /// Options with a name of their own.
    pub flags: Vec<Flag>,
}

/// An option that is short for a setting.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is typed: `--listen`.
    pub name: &'static str,
    /// The setting's path: `server.listen`.
    pub key: &'static str,
    pub text: String,
}

/// A settings file in memory.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    /// As it was named; findings show it.
    pub path: PathBuf,
    pub text: String,
}

impl SettingsFile {
    /// # Errors
    /// When the file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Vec<Finding>> {
        let wrong = |line, reason: String, remedy: &str| {
            let path = path.to_owned();
            vec![Finding::new(Origin::File { path, line }, "", reason).remedy(remedy)]
        };
        let bytes = std::fs::read(path).map_err(|error| {
            let remedy =
                "give --config a settings file that exists and may be read, or leave it out";
            wrong(0, unreadable(&error), remedy)
        })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
            wrong(line, "it is not UTF-8".to_owned(), "save the file as UTF-8")
        })?;
        Ok(Self {
            path: path.to_owned(),
            text,
        })
    }
}

/// A text that was given for a key, on the command line or in a variable.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Dotted path, as given.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) form: Form,
    pub(super) origin: Origin,
}

/// How a text is read where both readings make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As TOML where it is that, else as it stands.
    Toml,
    /// As it stands where the setting is a text, else as TOML.
    Bare,
}

/// A TOML value that knows its line.
#[derive(Clone, Debug)]
pub(super) struct Lined {
    pub(super) line: usize,
    pub(super) value: LinedValue,
}

#[derive(Clone, Debug)]
pub(super) enum LinedValue {
    Table(Vec<(String, Lined)>),
    Array(Vec<Lined>),
    /// Anything else; as in TOML, but a whole number beyond 64 bits is kept as its digits.
    Plain(Value),
}

impl Lined {
    pub(super) fn to_toml(&self) -> Value {
        match &self.value {
            LinedValue::Table(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| (key.clone(), value.to_toml()));
                Value::Table(pairs.collect())
            }
            LinedValue::Array(values) => Value::Array(values.iter().map(Self::to_toml).collect()),
            LinedValue::Plain(value) => value.clone(),
        }
    }
}

/// The file's tree.
///
/// # Errors
/// Every place where it is not TOML.
pub(super) fn read_file(file: &SettingsFile) -> Result<Lined, Vec<Finding>> {
    let lines = Lines::of(&file.text);
    let (table, errors) = DeTable::parse_recoverable(&file.text);
    if errors.is_empty() {
        return Ok(Lined {
            line: 0,
            value: lined_table(table.get_ref(), &lines),
        });
    }
    let finding = |error: &toml::de::Error| {
        let line = error.span().map_or(0, |span| lines.line(span.start));
        let origin = Origin::File {
            path: file.path.clone(),
            line,
        };
        Finding::new(origin, "", format!("it is not TOML: {}", error.message()))
            .remedy("config/orion.toml shows the form")
    };
    Err(errors.iter().map(finding).collect())
}

/// A text of a command line or a variable as TOML, if it is that.
pub(super) fn read_value(text: &str) -> Option<Lined> {
    let value = DeValue::parse(text).ok()?;
    Some(lined(0, value.get_ref(), &Lines::of("")))
}

fn lined(line: usize, value: &DeValue<'_>, lines: &Lines) -> Lined {
    let value = match value {
        DeValue::Table(table) => lined_table(table, lines),
        DeValue::Array(values) => LinedValue::Array(
            values
                .iter()
                .map(|value| lined(lines.line(value.span().start), value.get_ref(), lines))
                .collect(),
        ),
        DeValue::String(text) => LinedValue::Plain(Value::String(text.to_string())),
        DeValue::Boolean(yes) => LinedValue::Plain(Value::Boolean(*yes)),
        DeValue::Datetime(time) => LinedValue::Plain(Value::Datetime(*time)),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            LinedValue::Plain(
                parsed.map_or_else(|_| Value::String(number.to_string()), Value::Integer),
            )
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse();
            LinedValue::Plain(
                parsed.map_or_else(|_| Value::String(number.to_string()), Value::Float),
            )
        }
    };
    Lined { line, value }
}

fn lined_table(table: &DeTable<'_>, lines: &Lines) -> LinedValue {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    let pairs = pairs.into_iter().map(|(key, value)| {
        let line = lines.line(key.span().start);
        (
            key.get_ref().to_string(),
            lined(line, value.get_ref(), lines),
        )
    });
    LinedValue::Table(pairs.collect())
}

/// Where the lines of a text begin.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            starts: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
        }
    }

    /// The line, counted from 1, that holds a byte.
    fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at)
    }
}

/// What environment, `--set` and named options give, in this order; later ones win.
pub(super) fn texts(layers: &Layers, findings: &mut Vec<Finding>) -> Vec<Given> {
    let mut given = environment(&layers.environment);
    for set in &layers.sets {
        let origin = Origin::Option("--set");
        match set.split_once('=') {
            Some((key, text)) if !key.trim().is_empty() => given.push(Given {
                key: key.trim().to_owned(),
                text: text.trim().to_owned(),
                form: Form::Toml,
                origin,
            }),
            _ => findings.push(
                Finding::new(origin, "", format!("{set:?} is not KEY=VALUE"))
                    .remedy("write it as in --set prices.repeat_ms=4000"),
            ),
        }
    }
    given.extend(layers.flags.iter().map(|flag| Given {
        key: flag.key.to_owned(),
        text: flag.text.clone(),
        form: Form::Bare,
        origin: Origin::Option(flag.name),
    }));
    given
}

/// `ORION__PRICES__REPEAT_MS` is `prices.repeat_ms`. In the order of their names: the order that a system lists them in
/// must not matter.
fn environment(variables: &[(String, String)]) -> Vec<Given> {
    let mut ours: Vec<_> = variables
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("ORION__")?, name, text)))
        .collect();
    ours.sort();
    ours.into_iter()
        .map(|(path, name, text)| Given {
            key: path.to_ascii_lowercase().replace("__", "."),
            text: text.clone(),
            form: Form::Toml,
            origin: Origin::Environment(name.clone()),
        })
        .collect()
}
