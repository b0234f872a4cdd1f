//! `[rules]`: the general ones, and below them `[rules.symbol.XAUUSD]`, `[rules.timeframe.1h]` and
//! `[rules.symbol.XAUUSD.timeframe.5m]`, of which the more specific lies over the others: a symbol's over a timeframe's.

use super::merge::table_of;
use super::value::RulesOverlay;
use engine::rules::book::{GENERAL, STRUCTURE};
use engine::{RuleBook, SymbolRules};
use market::{Symbol, Timeframe};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::{Table, Value};

/// The rules of trading as they are written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Table", into = "Table")]
pub struct RulesSettings {
    pub general: engine::Rules,
    /// Those that only some symbols or timeframes have.
    pub own: BTreeMap<Whose, RulesOverlay>,
}

/// Who has rules of his own. The later one lies over the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The charts of a timeframe.
    Timeframe(Timeframe),
    Symbol(Symbol),
    /// A symbol's chart of one timeframe.
    Chart(Symbol, Timeframe),
}

impl Whose {
    /// The way from `rules` to what is set of it.
    pub(super) fn steps(&self) -> Vec<&str> {
        match self {
            Self::Timeframe(timeframe) => vec!["timeframe", timeframe.as_str()],
            Self::Symbol(symbol) => vec!["symbol", symbol.as_str()],
            Self::Chart(symbol, timeframe) => {
                vec!["symbol", symbol.as_str(), "timeframe", timeframe.as_str()]
            }
        }
    }

    /// The dotted path of one of its rules.
    pub(super) fn key(&self, rule: &str) -> String {
        format!("rules.{}.{rule}", self.steps().join("."))
    }

    /// Everybody whose rules hold here, the most specific last.
    pub(super) fn layers(self) -> Vec<Self> {
        match self {
            Self::Timeframe(_) | Self::Symbol(_) => vec![self],
            Self::Chart(symbol, timeframe) => {
                vec![Self::Timeframe(timeframe), Self::Symbol(symbol), self]
            }
        }
    }

    /// Why a rule cannot be set here, and where it can.
    pub(super) fn refuses(self, rule: &str) -> Option<(String, String)> {
        let general = GENERAL.iter().find(|(name, _)| *name == rule);
        let is_of_charts = STRUCTURE.contains(&rule);
        let (of_symbol, reason) = match self {
            Self::Symbol(_) => {
                let (_, why) = general?;
                (None, format!("no symbol can have its own: {why}"))
            }
            Self::Timeframe(_) | Self::Chart(..) if is_of_charts => return None,
            Self::Timeframe(_) => (Some("SYMBOL"), NOT_OF_CHARTS.to_owned()),
            Self::Chart(ref symbol, _) => (Some(symbol.as_str()), NOT_OF_CHARTS.to_owned()),
        };
        let remedy = match of_symbol.filter(|_| general.is_none()) {
            Some(symbol) => format!("set rules.{rule} or rules.symbol.{symbol}.{rule}"),
            None => format!("set rules.{rule}"),
        };
        Some((reason, remedy))
    }
}

const NOT_OF_CHARTS: &str =
    "no timeframe can have its own: it is of setups and signals, which know one timeframe only";

/// As people are shown it: `XAUUSD 5m`.
impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeframe(timeframe) => write!(f, "{timeframe}"),
            Self::Symbol(symbol) => write!(f, "{symbol}"),
            Self::Chart(symbol, timeframe) => write!(f, "{symbol} {timeframe}"),
        }
    }
}

impl RulesSettings {
    /// Everybody for whom other rules hold than the general ones, the less specific first.
    pub(super) fn places(&self) -> BTreeSet<Whose> {
        let timeframes = self.own.keys().filter_map(|whose| match whose {
            Whose::Timeframe(timeframe) => Some(*timeframe),
            Whose::Symbol(_) | Whose::Chart(..) => None,
        });
        let symbols = self.own.keys().filter_map(|whose| match whose {
            Whose::Symbol(symbol) | Whose::Chart(symbol, _) => Some(*symbol),
            Whose::Timeframe(_) => None,
        });
        let timeframes: Vec<_> = timeframes.collect();
        let charts = symbols.flat_map(|symbol| {
            let chart = move |timeframe: &Timeframe| Whose::Chart(symbol, *timeframe);
            timeframes.iter().map(chart)
        });
        self.own.keys().copied().chain(charts).collect()
    }

    /// The whole rules of somebody, over these general ones.
    pub(super) fn whole(&self, whose: Whose, general: &engine::Rules) -> engine::Rules {
        let layers = whose.layers();
        let own = layers.iter().filter_map(|layer| self.own.get(layer));
        own.fold(general.clone(), |rules, own| own.over(&rules))
    }

    /// The whole rules of everybody who has his own, over these general ones.
    #[must_use]
    pub fn book(&self, general: &engine::Rules) -> RuleBook {
        let mut book = RuleBook::default();
        for whose in self.places() {
            let rules = self.whole(whose, general);
            match whose {
                Whose::Timeframe(timeframe) => {
                    book.timeframe.insert(timeframe, rules);
                }
                Whose::Symbol(symbol) => {
                    book.symbol.insert(symbol, plain(rules));
                }
                Whose::Chart(symbol, timeframe) => {
                    let of_symbol = book.symbol.entry(symbol);
                    let of_symbol = of_symbol.or_insert_with(|| plain(general.clone()));
                    of_symbol.timeframe.insert(timeframe, rules);
                }
            }
        }
        book
    }
}

fn plain(rules: engine::Rules) -> SymbolRules {
    SymbolRules {
        rules,
        timeframe: BTreeMap::new(),
    }
}

impl From<RulesSettings> for Table {
    fn from(rules: RulesSettings) -> Self {
        let mut table = table_of(&rules.general);
        for (whose, own) in &rules.own {
            let steps = whose.steps();
            super::merge::put(&mut table, &steps, Value::Table(table_of(own)));
        }
        table
    }
}

impl TryFrom<Table> for RulesSettings {
    type Error = String;

    fn try_from(mut table: Table) -> Result<Self, String> {
        let mut own = BTreeMap::new();
        for (name, rules) in take_tables(&mut table, "timeframe")? {
            own.insert(Whose::Timeframe(name.parse()?), rules);
        }
        for (name, mut rules) in take_tables(&mut table, "symbol")? {
            let symbol = Symbol::new(&name).map_err(|error| error.to_string())?;
            for (name, rules) in take_tables(&mut rules, "timeframe")? {
                own.insert(Whose::Chart(symbol, name.parse()?), rules);
            }
            own.insert(Whose::Symbol(symbol), rules);
        }
        let own = own.into_iter().filter(|(_, rules)| !rules.is_empty());
        let own = own.map(|(whose, rules)| Ok((whose, read(rules)?)));
        Ok(Self {
            own: own.collect::<Result<_, String>>()?,
            general: read(table)?,
        })
    }
}

fn read<T: for<'de> Deserialize<'de>>(table: Table) -> Result<T, String> {
    let read: Result<T, _> = table.try_into();
    read.map_err(|error| error.message().to_owned())
}

/// Takes a table of tables out of another.
fn take_tables(table: &mut Table, name: &str) -> Result<Vec<(String, Table)>, String> {
    let taken = table
        .remove(name)
        .map_or_else(|| Ok(Table::new()), read_table);
    let pairs = taken?.into_iter();
    pairs
        .map(|(name, value)| Ok((name, read_table(value)?)))
        .collect()
}

fn read_table(value: Value) -> Result<Table, String> {
    let kind = value.type_str();
    let Value::Table(table) = value else {
        return Err(format!("it is a section, not {kind}"));
    };
    Ok(table)
}
