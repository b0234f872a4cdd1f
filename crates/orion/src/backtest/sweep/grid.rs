//! Which sets of parameters are tried: each value of each setting with each of the others.

use crate::backtest::given::flatten;
use crate::cli;
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use std::path::Path;
use toml::{Table, Value};

/// More sets than this are a mistake.
const MOST: usize = 1_000_000;
/// The sections whose settings can be swept: they change what is decided, not what is read.
const SECTIONS: [&str; 3] = ["rules.", "portfolio.", "account."];

/// A setting and the values it is tried with, as `--set` takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub key: String,
    pub values: Vec<String>,
}

/// The axes that the options name, those of the file first.
///
/// # Errors
/// When the file cannot be read, or an axis has no name, no value or cannot be swept.
pub(super) fn axes(options: &cli::Backtest) -> Result<Vec<Axis>> {
    let mut axes = match &options.sweep_file {
        Some(path) => file(path)?,
        None => Vec::new(),
    };
    for text in &options.sweep {
        axes.push(axis(text)?);
    }
    for (place, axis) in axes.iter().enumerate() {
        let swept = SECTIONS.iter().any(|section| axis.key.starts_with(section));
        ensure!(
            swept,
            "--sweep {}: only settings of rules, portfolio and account can be swept; others change what is read",
            axis.key
        );
        ensure!(
            !axes[..place].iter().any(|other| other.key == axis.key),
            "--sweep {}: it is named twice; give all its values at once",
            axis.key
        );
    }
    let sets = axes.iter().try_fold(1_usize, |sets, axis| {
        sets.checked_mul(axis.values.len())
            .filter(|sets| *sets <= MOST)
    });
    ensure!(
        sets.is_some(),
        "the sweep has more than {MOST} sets: try fewer values"
    );
    Ok(axes)
}

/// `KEY=A,B,C`.
fn axis(text: &str) -> Result<Axis> {
    let Some((key, values)) = text.split_once('=') else {
        bail!("--sweep {text}: write KEY=VALUE,VALUE, as rules.min_rr=1.0,1.5,2.0")
    };
    let values = split(values);
    ensure!(
        values.iter().all(|value| !value.is_empty()),
        "--sweep {text}: a value is empty"
    );
    Ok(Axis {
        key: key.trim().to_owned(),
        values,
    })
}

/// The values between commas that are in no brackets and no quotes.
fn split(text: &str) -> Vec<String> {
    let (mut values, mut depth, mut quote) = (vec![String::new()], 0_i32, None);
    for one in text.chars() {
        match (one, quote) {
            ('"' | '\'', None) => quote = Some(one),
            (_, Some(open)) if one == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth -= 1,
            (',', None) if depth == 0 => {
                values.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(value) = values.last_mut() {
            value.push(one);
        }
    }
    values.iter().map(|value| value.trim().to_owned()).collect()
}

/// A list of values for each setting, as `[rules] min_rr = [1.0, 1.5]`.
fn file(path: &Path) -> Result<Vec<Axis>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("read the sweep in {}", path.display()))?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| anyhow!("{}", error.message()))
        .with_context(|| format!("{} is not TOML", path.display()))?;
    let mut axes = Vec::new();
    let mut single = None;
    flatten("", &table, &mut |key, value| match value {
        Value::Array(values) => axes.push(Axis {
            key: key.to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
        }),
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => single = Some(key.to_owned()),
    });
    if let Some(key) = single {
        bail!(
            "{}: {key} has one value; write a list, as {key} = [1.0, 1.5], or give it with --set",
            path.display()
        );
    }
    ensure!(
        axes.iter().all(|axis| !axis.values.is_empty()),
        "{}: a list is empty",
        path.display()
    );
    Ok(axes)
}

/// Every set of the grid, the last axis turning fastest.
pub(super) fn sets(axes: &[Axis]) -> Vec<Vec<(String, String)>> {
    let mut sets = vec![Vec::new()];
    for axis in axes {
        let longer = |set: &Vec<(String, String)>| {
            let set = set.clone();
            axis.values.iter().map(move |value| {
                let mut set = set.clone();
                set.push((axis.key.clone(), value.clone()));
                set
            })
        };
        sets = sets.iter().flat_map(longer).collect();
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_of_brackets_and_quotes() {
        let check = |text: &str, expected: &[&str]| assert_eq!(split(text), expected, "{text}");
        check("1.0,1.5, 2.0", &["1.0", "1.5", "2.0"]);
        check("[\"mss_fvg\",\"smt\"],[]", &["[\"mss_fvg\",\"smt\"]", "[]"]);
        check(
            "[{ r = 1.0, percent = 100 }],x",
            &["[{ r = 1.0, percent = 100 }]", "x"],
        );
        check("'a,b',c", &["'a,b'", "c"]);
    }

    #[test]
    fn each_goes_with_each() {
        let axes = [axis("rules.a=1,2").unwrap(), axis("rules.b=x,y,z").unwrap()];
        let sets = sets(&axes);
        let shown: Vec<String> = sets
            .iter()
            .map(|set| set.iter().map(|(_, value)| value.as_str()).collect())
            .collect();
        assert_eq!(shown, ["1x", "1y", "1z", "2x", "2y", "2z"]);
    }

    #[test]
    fn what_is_no_axis_says_how_to_write_one() {
        let error = |text: &str| axis(text).unwrap_err().to_string();
        assert!(error("rules.min_rr").contains("write KEY=VALUE,VALUE"));
        assert!(error("rules.min_rr=1,,2").contains("a value is empty"));
    }
}
