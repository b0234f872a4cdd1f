//! `model.toml`: what somebody says about a model. Read strictly: what is missing, misspelt or impossible is refused, with the
//! field, its value and what to do about it. `docs/models.md` explains each field.

mod fields;
#[cfg(test)]
mod tests;

use crate::fault::Refused;
use fields::Fields;
use market::{SourceTime, Span, Symbol, Timeframe};
use std::path::{Path, PathBuf};
use toml::Value;

/// A manifest brings at least so many rows with what the model answers to them.
pub const SELF_TESTS_MIN: usize = 8;
/// How far an answer to a self-test may be off; of numbers beyond 1 it is the part.
pub const TOLERANCE: f64 = 1e-5;
/// More features, symbols or rows than anybody needs.
const LIST_MAX: usize = 4096;
const NAME_MAX: usize = 32;

/// What a manifest says. The files it names have not been looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Where it was read.
    pub path: PathBuf,
    /// The signals it proposes come from `model:NAME`.
    pub name: String,
    pub version: String,
    /// The ONNX file.
    pub file: PathBuf,
    /// Of that file, in lower-case hexadecimal digits.
    pub sha256: String,
    pub role: Role,
    /// The graph's input, and the names of the features that make a row of it.
    pub input: String,
    pub features: Vec<String>,
    /// The graph's output, and the columns of it that are read.
    pub output: String,
    pub columns: Columns,
    pub kind: Kind,
    /// Empty: every symbol that signals.
    pub symbols: Vec<Symbol>,
    /// The bars it was trained on.
    pub timeframe: Timeframe,
    /// The newest data it has seen.
    pub trained_until: SourceTime,
    /// How far its training looked ahead of a row: for so long after `trained_until` nothing it says is a proof.
    pub horizon: Span,
    pub self_tests: Vec<SelfTest>,
}

/// What a model is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// At each closed bar: whether to buy or to sell. Below the threshold it says nothing.
    Propose { threshold: f64 },
    /// How likely the signal of a setup is to reach its first target. No setups: of all.
    Rescore { setups: Vec<String> },
}

/// How the numbers of the output are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A probability.
    Probability,
    /// Any number; the higher, the likelier. The logistic function makes a likelihood of it.
    Score,
    /// The natural logarithm of odds; of several columns, what the softmax makes probabilities of.
    Logits,
}

/// Which columns of the output are read, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    One(usize),
    /// One for each direction: the greater says which.
    Sides {
        long: usize,
        short: usize,
    },
}

impl Columns {
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        let (first, second) = match self {
            Self::One(place) => (place, None),
            Self::Sides { long, short } => (long, Some(short)),
        };
        std::iter::once(first).chain(second)
    }
}

/// A row of features, and what the graph gives for it: the number in each column that is read, as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct SelfTest {
    pub x: Vec<f32>,
    pub y: Vec<f64>,
}

impl Manifest {
    /// Reads a manifest. `feature` says whether there is a feature of that name, and if not, what is wrong with it.
    ///
    /// # Errors
    /// When the file cannot be read, or anything in it is missing, unknown or impossible: the first such thing.
    pub fn read(
        path: &Path,
        feature: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<Self, Refused> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let remedy = "give the path of a model.toml that this process may read";
            Refused::new(path, format!("it cannot be read ({error})"), remedy)
        })?;
        let manifest = Self::parse(path, &text)?;
        for (place, name) in manifest.features.iter().enumerate() {
            feature(name).map_err(|wrong| {
                let remedy = "docs/features.md lists the features there are";
                Refused::new(path, wrong, remedy).field(format!("features[{place}]"), quoted(name))
            })?;
        }
        Ok(manifest)
    }

    /// What the text of a manifest at `path` says.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Refused> {
        let table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(1, |span| {
                1 + text[..span.start.min(text.len())].matches('\n').count()
            });
            let reason = format!("line {line} is not TOML: {}", error.message());
            Refused::new(path, reason, "mend the line")
        })?;
        let mut fields = Fields::new(path, table);
        let manifest = Self::take(path, &mut fields)?;
        fields.end()?;
        Ok(manifest)
    }

    fn take(path: &Path, fields: &mut Fields) -> Result<Self, Refused> {
        let name = take_name(fields)?;
        let version = fields.text("version")?;
        let file = fields.text("file")?;
        let file = path.parent().unwrap_or(Path::new("")).join(file);
        let sha256 = take_sha256(fields)?;
        let input = fields.text("input")?;
        let features = take_features(fields)?;
        fields.one_of("dtype", &[("f32", ())])?;
        take_shape(fields, features.len())?;
        let output = fields.text("output")?;
        let kind = fields.one_of(
            "kind",
            &[
                ("probability", Kind::Probability),
                ("score", Kind::Score),
                ("logits", Kind::Logits),
            ],
        )?;
        let (role, columns) = take_role(fields, kind)?;
        Ok(Self {
            path: path.to_owned(),
            name,
            version,
            file,
            sha256,
            role,
            input,
            output,
            columns,
            kind,
            symbols: take_symbols(fields)?,
            timeframe: take_timeframe(fields)?,
            trained_until: take_time(fields, "trained_until")?,
            horizon: take_span(fields, "horizon")?,
            self_tests: take_self_tests(fields, features.len(), columns)?,
            features,
        })
    }
}

/// Part of the id of all that it proposes: short and plain.
fn take_name(fields: &mut Fields) -> Result<String, Refused> {
    let name = fields.text("name")?;
    let plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    if name.len() > NAME_MAX || !name.chars().all(plain) {
        let reason =
            format!("a name has at most {NAME_MAX} of the signs a-z, 0-9, `-`, `_` and `.`");
        return Err(fields.refuse("name", quoted(&name), reason, "choose another name"));
    }
    Ok(name)
}

fn take_sha256(fields: &mut Fields) -> Result<String, Refused> {
    let sum = fields.text("sha256")?;
    if sum.len() != 64 || !sum.chars().all(|c| c.is_ascii_hexdigit()) {
        let (reason, remedy) = (
            "it is not 64 hexadecimal digits",
            "write what sha256sum says of the ONNX file",
        );
        return Err(fields.refuse("sha256", quoted(&sum), reason, remedy));
    }
    Ok(sum.to_ascii_lowercase())
}

fn take_features(fields: &mut Fields) -> Result<Vec<String>, Refused> {
    let features = fields.texts("features")?;
    let twice = |place: usize| features[..place].contains(&features[place]);
    let remedy = "name each feature once, in the order of the input's columns";
    if let Some(place) = (0..features.len()).find(|place| twice(*place)) {
        let reason = "it is named twice";
        return Err(fields.refuse(
            &format!("features[{place}]"),
            quoted(&features[place]),
            reason,
            remedy,
        ));
    }
    if features.is_empty() {
        return Err(fields.refuse(
            "features",
            "[]",
            "a model is asked with at least one",
            remedy,
        ));
    }
    Ok(features)
}

/// One row of all features: nothing else is asked.
fn take_shape(fields: &mut Fields, features: usize) -> Result<(), Refused> {
    let shape = fields.take("shape")?;
    let numbers: Option<Vec<i64>> = shape
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_integer).collect());
    if numbers != Some(vec![1, features as i64]) {
        let reason = format!("{features} features make the shape [1, {features}]");
        let remedy = "name as many features as the input has columns, and write that shape";
        return Err(fields.refuse("shape", &shape, reason, remedy));
    }
    Ok(())
}

fn take_role(fields: &mut Fields, kind: Kind) -> Result<(Role, Columns), Refused> {
    #[derive(Clone)]
    enum Word {
        Propose,
        Rescore,
    }
    match fields.one_of(
        "role",
        &[("propose", Word::Propose), ("rescore", Word::Rescore)],
    )? {
        Word::Propose => {
            let columns = take_sides(fields)?;
            let threshold = take_threshold(fields, kind)?;
            Ok((Role::Propose { threshold }, columns))
        }
        Word::Rescore => {
            let columns = take_column(fields)?;
            for field in ["direction", "threshold"] {
                fields.absent(
                    field,
                    "a signal that is re-scored has its direction, and no threshold is asked",
                )?;
            }
            let setups = match fields.optional("setups") {
                Some(list) => fields.list_of_texts("setups", &list)?,
                None => Vec::new(),
            };
            Ok((Role::Rescore { setups }, columns))
        }
    }
}

fn take_sides(fields: &mut Fields) -> Result<Columns, Refused> {
    #[derive(Clone)]
    enum Word {
        Signed,
        ByOutput,
    }
    fields.absent("setups", "a model that proposes belongs to no setup")?;
    match fields.one_of(
        "direction",
        &[("signed", Word::Signed), ("by_output", Word::ByOutput)],
    )? {
        Word::Signed => take_column(fields),
        Word::ByOutput => {
            let given = fields.take("output_index")?;
            let list = given.as_array().map_or(&[][..], Vec::as_slice);
            match list.iter().filter_map(place).collect::<Vec<_>>()[..] {
                [long, short] if long != short && list.len() == 2 => {
                    Ok(Columns::Sides { long, short })
                }
                _ => {
                    let reason = "it is not two different columns";
                    let remedy =
                        "with direction = \"by_output\" write [column of long, column of short]";
                    Err(fields.refuse("output_index", &given, reason, remedy))
                }
            }
        }
    }
}

fn take_column(fields: &mut Fields) -> Result<Columns, Refused> {
    let given = fields.take("output_index")?;
    place(&given).map(Columns::One).ok_or_else(|| {
        let reason = "it is not the number of a column, counted from 0";
        fields.refuse("output_index", &given, reason, "write for example 1")
    })
}

fn place(value: &Value) -> Option<usize> {
    let place = value
        .as_integer()
        .and_then(|place| usize::try_from(place).ok());
    place.filter(|place| *place < LIST_MAX)
}

/// A proposal is made from this likelihood on; of scores and logits it is given as they are.
fn take_threshold(fields: &mut Fields, kind: Kind) -> Result<f64, Refused> {
    let given = fields.take("threshold")?;
    let value = number(&given).filter(|value| value.is_finite());
    let likely = match kind {
        Kind::Probability => value.filter(|value| (0.0..1.0).contains(value)),
        Kind::Score | Kind::Logits => value.map(crate::meaning::logistic),
    };
    likely.ok_or_else(|| {
        let reason = "it is not a number that an answer can reach";
        let remedy =
            "of a probability write one from 0 to below 1; of a score or of logits, any number";
        fields.refuse("threshold", &given, reason, remedy)
    })
}

fn take_symbols(fields: &mut Fields) -> Result<Vec<Symbol>, Refused> {
    let names = fields.texts("symbols")?;
    let symbol = |name: &String| {
        Symbol::new(name).map_err(|error| {
            fields.refuse(
                "symbols",
                quoted(name),
                error.to_string(),
                "write symbols as the settings name them",
            )
        })
    };
    names.iter().map(symbol).collect()
}

fn take_timeframe(fields: &mut Fields) -> Result<Timeframe, Refused> {
    let text = fields.text("timeframe")?;
    text.parse().map_err(|error: String| {
        let known = Timeframe::ALL.map(Timeframe::as_str).join(", ");
        fields.refuse(
            "timeframe",
            quoted(&text),
            error,
            format!("write one of {known}"),
        )
    })
}

fn take_time(fields: &mut Fields, field: &str) -> Result<SourceTime, Refused> {
    let given = fields.take(field)?;
    let text = given
        .as_str()
        .map_or_else(|| given.to_string(), str::to_owned);
    SourceTime::parse(&text).map_err(|error| {
        let remedy = "write the moment of the newest row of the training, with its offset";
        fields.refuse(field, &given, error.to_string(), remedy)
    })
}

fn take_span(fields: &mut Fields, field: &str) -> Result<Span, Refused> {
    let text = fields.text(field)?;
    let split = text.len() - text.chars().next_back().map_or(0, char::len_utf8);
    let (count, unit) = text.split_at(split);
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        _ => 0,
    };
    match count.parse::<u32>() {
        Ok(count) if minutes > 0 => Ok(Span::from_minutes(i64::from(count) * minutes)),
        Ok(_) | Err(_) => {
            let reason = "it is not a whole number of minutes, hours or days";
            Err(fields.refuse(
                field,
                quoted(&text),
                reason,
                "write for example 90m, 8h or 2d",
            ))
        }
    }
}

fn take_self_tests(
    fields: &mut Fields,
    features: usize,
    columns: Columns,
) -> Result<Vec<SelfTest>, Refused> {
    let given = fields.take("selftest")?;
    let rows = given.as_array().map_or(&[][..], Vec::as_slice);
    if !(SELF_TESTS_MIN..=LIST_MAX).contains(&rows.len()) {
        let reason = format!(
            "there are {} rows, and it takes at least {SELF_TESTS_MIN}",
            rows.len()
        );
        let remedy = "write a [[selftest]] with x and y for rows of your own data";
        return Err(fields.refuse("selftest", "", reason, remedy));
    }
    let read = |(place, row): (usize, &Value)| {
        let field = format!("selftest[{place}]");
        let row = row.as_table().cloned().unwrap_or_default();
        let mut row = fields.inner(&field, row);
        let x = row.numbers("x", features)?;
        let y = row.numbers("y", columns.places().count())?;
        row.end()?;
        let x: Vec<f32> = x.into_iter().map(|value| value as f32).collect();
        if crate::fault::not_finite(&x).is_some() {
            let reason = "a number of it does not fit 32 bits";
            return Err(fields.refuse(&format!("{field}.x"), "", reason, "leave that row out"));
        }
        Ok(SelfTest { x, y })
    };
    rows.iter().enumerate().map(read).collect()
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Float(value) => Some(*value),
        Value::String(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_) => None,
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
