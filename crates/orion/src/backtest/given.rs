//! The settings of a backtest: those of every command, with the recording as the feed and a file of rules over them.

use crate::cli;
use crate::config::{self, Config, Flag};
use anyhow::{Context as _, Result, anyhow};
use engine::{Rules, Settings};
use lab::backtest::report::Parameter;
use std::path::Path;
use toml::{Table, Value};

/// Whether nothing was said that changes what a server's own tape decides.
pub(super) fn is_plain(options: &cli::Backtest) -> bool {
    let basis = &options.basis;
    options.rules.is_none()
        && options.symbols.is_empty()
        && options.sweep.is_empty()
        && options.sweep_file.is_none()
        && basis.config.is_none()
        && basis.set.is_empty()
}

/// The settings for these inputs, and `sets` over all others.
///
/// # Errors
/// When a file cannot be read or a setting is impossible.
pub(super) fn config(
    options: &cli::Backtest,
    inputs: &[String],
    sets: &[String],
    environment: Vec<(String, String)>,
) -> Result<Config> {
    let mut basis = options.basis.clone();
    if let Some(path) = &options.rules {
        // What is set by name lies over the file.
        basis.set.splice(0..0, rules_file(path)?);
    }
    basis.set.extend_from_slice(sets);
    let flag = |name, key, text| Flag { name, key, text };
    let flags = vec![
        flag("FILE", "feed.kind", format!("tape:{}", inputs.join(","))),
        flag("backtest", "feed.tape.speed", "max".to_owned()),
    ];
    let layers = basis.layers(environment, flags);
    let loaded = layers.and_then(|layers| config::load(&layers));
    let loaded = loaded.map_err(|findings| anyhow!("{}", cli::lines(&findings)))?;
    Ok(loaded.config)
}

/// A file of rules as `--set` takes them: `[rules]` of a settings file, or its keys alone.
fn rules_file(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("read the rules in {}", path.display()))?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| anyhow!("{}", error.message()))
        .with_context(|| {
            format!(
                "{} is not TOML; it holds rules as [rules] of config/orion.toml has them",
                path.display()
            )
        })?;
    let mut sets = Vec::new();
    let (prefix, is_whole) = ("rules", table.contains_key("rules"));
    flatten(
        if is_whole { "" } else { prefix },
        &table,
        &mut |key, value| {
            sets.push(format!("{key}={value}"));
        },
    );
    Ok(sets)
}

/// Gives each value that is no table, with its dotted path.
pub(super) fn flatten(prefix: &str, table: &Table, each: &mut impl FnMut(&str, &Value)) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Table(table) => flatten(&path, table, each),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => each(&path, value),
        }
    }
}

/// The rules that are not the defaults, those of symbols and timeframes behind the general ones.
pub(super) fn changed(settings: &Settings) -> Vec<Parameter> {
    let defaults = values_of(&Rules::default());
    let general = values_of(&settings.rules);
    let mut changed = Vec::new();
    differ("", &general, &defaults, &mut changed);
    for (timeframe, rules) in &settings.own_rules.timeframe {
        let prefix = format!("timeframe.{timeframe}.");
        differ(&prefix, &values_of(rules), &general, &mut changed);
    }
    for (symbol, own) in &settings.own_rules.symbol {
        let prefix = format!("symbol.{symbol}.");
        differ(&prefix, &values_of(&own.rules), &general, &mut changed);
        for (timeframe, rules) in &own.timeframe {
            let prefix = format!("symbol.{symbol}.timeframe.{timeframe}.");
            differ(&prefix, &values_of(rules), &general, &mut changed);
        }
    }
    changed
}

fn values_of(rules: &Rules) -> Table {
    // Rules are plain data: they have a form in TOML.
    Table::try_from(rules).unwrap_or_default()
}

fn differ(prefix: &str, rules: &Table, others: &Table, changed: &mut Vec<Parameter>) {
    for (name, value) in rules {
        let other = others.get(name);
        if other != Some(value) {
            changed.push(Parameter {
                name: format!("rules.{prefix}{name}"),
                value: value.to_string(),
                default: other.map(ToString::to_string).unwrap_or_default(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rules.toml");
        std::fs::write(&path, text).unwrap();
        rules_file(&path).unwrap()
    }

    #[test]
    fn a_file_of_rules_is_a_section_or_its_keys() {
        let expected = ["rules.min_rr=2.0", "rules.symbol.XAUUSD.swing_left=3"];
        assert_eq!(
            sets("[rules]\nmin_rr = 2.0\n[rules.symbol.XAUUSD]\nswing_left = 3"),
            expected
        );
        assert_eq!(
            sets("min_rr = 2.0\n[symbol.XAUUSD]\nswing_left = 3"),
            expected
        );
        assert_eq!(
            sets("setups = ['mss_fvg', 'bos']"),
            ["rules.setups=[\"mss_fvg\", \"bos\"]"]
        );
    }

    #[test]
    fn changed_rules_are_told_with_their_defaults() {
        let mut settings = Config::default().engine_settings();
        settings.rules = engine::Rules::default();
        assert_eq!(changed(&settings), []);
        settings.rules.min_rr = 2.0;
        let found = changed(&settings);
        let [parameter] = found.as_slice() else {
            panic!("{found:?}")
        };
        let Parameter {
            name,
            value,
            default,
        } = parameter;
        assert_eq!(
            (name.as_str(), value.as_str(), default.as_str()),
            ("rules.min_rr", "2.0", "1.5")
        );
    }
}
