//! The rules of single symbols and timeframes. They are read when all layers are in: only then is it known which symbols
//! there are.

use super::super::rules::Whose;
use super::{Merger, at_line, misfit, put, symbols};
use crate::config::finding::{Finding, Origin};
use crate::config::layers::{Lined, LinedValue};
use crate::config::schema::{Place, nearest, remedy_for_name};
use market::{Symbol, Timeframe};
use toml::Value;

/// Something that was given for `rules.symbol` or `rules.timeframe`, or below them.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) key: String,
    pub(super) value: Lined,
    pub(super) origin: Origin,
}

/// What a path leads to.
enum Path {
    /// A section: of rules, or of one for each symbol or timeframe.
    Section,
    Rule(Whose, String),
}

/// Why a path leads nowhere, and what to do about it.
struct Astray {
    reason: String,
    remedy: String,
}

pub(super) fn is_own(key: &str) -> bool {
    let below = |section: &str| {
        let rest = key.strip_prefix(section);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    below("rules.symbol") || below("rules.timeframe")
}

impl Merger {
    pub(super) fn take_own(&mut self, own: Own) {
        let Own { key, value, origin } = own;
        let origin = at_line(&origin, value.line);
        let path = match path(&key, &symbols(&self.entries)) {
            Ok(path) => path,
            Err(Astray { reason, remedy }) => {
                let finding = Finding::new(origin, &key, reason);
                return self.findings.push(finding.remedy(remedy));
            }
        };
        match (path, value.value) {
            (Path::Section, LinedValue::Table(pairs)) => {
                for (name, value) in pairs {
                    self.take_own(Own {
                        key: format!("{key}.{name}"),
                        value,
                        origin: origin.clone(),
                    });
                }
            }
            (Path::Section, LinedValue::Array(_) | LinedValue::Plain(_)) => {
                let finding = Finding::new(origin, &key, "it is a section, not a setting");
                let remedy =
                    "set rules inside it, as in [rules.symbol.XAUUSD] or [rules.timeframe.1h]";
                self.findings.push(finding.remedy(remedy));
            }
            (Path::Rule(whose, rule), value) => {
                self.set_own(whose, &rule, &Lined { line: 0, value }.to_toml(), origin);
            }
        }
    }

    fn set_own(&mut self, whose: Whose, rule: &str, value: &Value, origin: Origin) {
        let (key, general) = (whose.key(rule), format!("rules.{rule}"));
        let finding = match (self.schema.place(&general), whose.refuses(rule)) {
            (Place::Setting(_), None) => match self.fits(&general, value) {
                Ok(()) => {
                    let mut steps = vec!["rules"];
                    steps.extend(whose.steps());
                    steps.push(rule);
                    put(&mut self.tree, &steps, value.clone());
                    self.origins.insert(key, origin);
                    return;
                }
                Err(message) => Finding::new(origin, &key, misfit(&message, value))
                    .remedy(format!("the default is {general}")),
            },
            (Place::Setting(_), Some((reason, remedy))) => {
                Finding::new(origin, &key, reason).remedy(remedy)
            }
            (Place::Section | Place::Instruments | Place::Unknown, _) => {
                Finding::new(origin, &key, "there is no such rule")
                    .remedy(self.remedy_for_rule(whose, rule))
            }
        };
        self.findings.push(if value.is_table() {
            finding
        } else {
            finding.value(value)
        });
    }

    /// Offers the nearest rule.
    fn remedy_for_rule(&self, whose: Whose, rule: &str) -> String {
        let mut names = self.schema.rules();
        if let Whose::Symbol(_) = whose {
            names.push("timeframe");
        }
        match nearest(rule, &names) {
            Some(name) => format!("did you mean `{}`?", whose.key(name)),
            None => "config/orion.toml lists every key".to_owned(),
        }
    }
}

/// Symbols may have points, and variables of the environment have no capital letters.
fn path(key: &str, known: &[String]) -> Result<Path, Astray> {
    if let Some(rest) = key.strip_prefix("rules.timeframe") {
        return on_timeframe(rest, Whose::Timeframe);
    }
    let rest = key.strip_prefix("rules.symbol").unwrap_or_default();
    let Some(name) = rest.strip_prefix('.') else {
        return Ok(Path::Section);
    };
    let symbols = known.iter().filter_map(|known| Symbol::new(known).ok());
    let named = symbols.filter(|symbol| begins(name, symbol.as_str()));
    let Some(symbol) = named.max_by_key(|symbol| symbol.as_str().len()) else {
        return beside(name, known);
    };
    let rest = &name[symbol.as_str().len()..];
    match (rest.strip_prefix('.'), rest.strip_prefix(".timeframe")) {
        (_, Some(rest)) if rest.is_empty() || rest.starts_with('.') => {
            on_timeframe(rest, |timeframe| Whose::Chart(symbol, timeframe))
        }
        (Some(rule), _) => Ok(Path::Rule(Whose::Symbol(symbol), rule.to_owned())),
        (None, _) => Ok(Path::Section),
    }
}

fn on_timeframe(rest: &str, whose: impl Fn(Timeframe) -> Whose) -> Result<Path, Astray> {
    let Some(rest) = rest.strip_prefix('.') else {
        return Ok(Path::Section);
    };
    let (name, rule) = match rest.split_once('.') {
        Some((name, rule)) => (name, Some(rule)),
        None => (rest, None),
    };
    let timeframe: Timeframe = name.parse().map_err(|_| Astray {
        reason: format!("there is no timeframe {name}"),
        remedy: format!(
            "there are {}",
            Timeframe::ALL.map(Timeframe::as_str).join(", ")
        ),
    })?;
    Ok(match rule {
        Some(rule) => Path::Rule(whose(timeframe), rule.to_owned()),
        None => Path::Section,
    })
}

/// Whether a path is this name, or goes on behind it.
fn begins(path: &str, name: &str) -> bool {
    let start = path.get(..name.len());
    let rest = path.get(name.len()..).unwrap_or_default();
    start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        && (rest.is_empty() || rest.starts_with('.'))
}

/// No symbol, unless it is the beginning of one that has points: a file makes a section of each part.
fn beside(name: &str, known: &[String]) -> Result<Path, Astray> {
    if known.iter().any(|known| begins(known, name)) {
        return Ok(Path::Section);
    }
    let (symbol, _) = name.split_once('.').unwrap_or((name, ""));
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    Err(Astray {
        reason: format!("there is no instrument {symbol}"),
        remedy: remedy_for_name(symbol, &known),
    })
}
