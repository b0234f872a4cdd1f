//! Which rules hold where. Of a chart: those of its symbol's timeframe, else those of its symbol, else those of its timeframe,
//! else the general ones. What a desk trades by are the rules of the chart its setups are found on.

use super::{Rules, Settings, name_of};
use market::{Symbol, Timeframe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rules that hold for all symbols alike, and why none can have its own.
pub const GENERAL: [(&str, &str); 17] = [
    ("bar_grace_ms", OF_SOURCES),
    ("bar_idle_ms", OF_SOURCES),
    (
        "setup_tf",
        "pairs are compared bar by bar, so all symbols have the same",
    ),
    ("smt_win", OF_PAIRS),
    ("smt_min_atr", OF_PAIRS),
    ("smt_corr_win", OF_PAIRS),
    ("smt_corr_min", OF_PAIRS),
    ("smt_pairs", OF_PAIRS),
    ("smt_wait_ms", OF_PAIRS),
    ("max_signals_per_day", "it counts over all symbols"),
    ("posted_max_open", OF_SENDERS),
    ("posted_max_per_day", OF_SENDERS),
    ("prior_strength", OF_RECORDS),
    ("cal_min_platt", OF_RECORDS),
    ("cal_min_isotonic", OF_RECORDS),
    ("cal_refit", OF_RECORDS),
    ("cal_refit_h", OF_RECORDS),
];
const OF_RECORDS: &str = "it is of a setup's record, which is kept over all symbols";
const OF_SOURCES: &str = "it is of a source, which tells many symbols";
const OF_PAIRS: &str = "it is of pairs of symbols";
const OF_SENDERS: &str = "it is of a sender, who may post on every symbol";

/// The rules a chart is made and read by: the only ones that a timeframe can have for itself. All others are of setups and
/// signals, which know one timeframe only.
pub const STRUCTURE: [&str; 19] = [
    "atr_period",
    "swing_left",
    "swing_right",
    "major_left",
    "major_right",
    "disp_body_atr",
    "disp_body_ratio",
    "break_mode",
    "fvg_body",
    "fvg_min_atr",
    "fvg_max_age",
    "ob_pick",
    "ob_zone",
    "ob_break_mode",
    "ob_cap",
    "pool_cap",
    "eq_tol_atr",
    "sweep_max_depth_atr",
    "sweep_max_bars",
];

/// The rules that only some symbols or timeframes have. Each is whole: nothing has to be laid over anything where one is
/// asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleBook {
    /// Of the charts of every symbol that is not named below.
    pub timeframe: BTreeMap<Timeframe, Rules>,
    pub symbol: BTreeMap<Symbol, SymbolRules>,
}

impl RuleBook {
    /// Whether the general rules hold everywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timeframe.is_empty() && self.symbol.is_empty()
    }
}

/// The rules of one symbol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SymbolRules {
    pub rules: Rules,
    /// Of those of its charts that have others.
    #[serde(default)]
    pub timeframe: BTreeMap<Timeframe, Rules>,
}

impl Settings {
    /// The rules of one chart.
    #[must_use]
    pub fn structure_of(&self, symbol: Symbol, timeframe: Timeframe) -> &Rules {
        let book = &self.own_rules;
        let (charts, rest) = match book.symbol.get(&symbol) {
            Some(own) => (&own.timeframe, &own.rules),
            None => (&book.timeframe, &self.rules),
        };
        charts.get(&timeframe).unwrap_or(rest)
    }

    /// The rules of a symbol's setups, risks and open signals: those of the chart its setups are found on.
    #[must_use]
    pub fn rules_of(&self, symbol: Symbol) -> &Rules {
        self.structure_of(symbol, self.rules.setup_tf)
    }

    /// Names all rules that make a symbol's signals: those of its charts and, for its pairs, the general ones. Where these
    /// hold for everything, it is their own name.
    #[must_use]
    pub fn hash_of(&self, symbol: Symbol) -> String {
        let charts = Timeframe::ALL.map(|timeframe| self.structure_of(symbol, timeframe));
        if charts.iter().all(|rules| **rules == self.rules) {
            self.rules.hash()
        } else {
            name_of(&(&self.rules, charts))
        }
    }
}

impl Rules {
    /// Whether a chart that was begun with these can go on with others: another period needs other bars.
    pub(crate) fn keeps_charts_of(&self, other: &Self) -> bool {
        let periods = |rules: &Self| {
            let Self {
                atr_period,
                swing_left,
                swing_right,
                major_left,
                major_right,
                ..
            } = *rules;
            [atr_period, swing_left, swing_right, major_left, major_right]
        };
        periods(self) == periods(other)
    }

    /// These with everything that charts do not ask for as it is by default.
    pub(crate) fn of_charts(&self) -> Self {
        Self {
            atr_period: self.atr_period,
            swing_left: self.swing_left,
            swing_right: self.swing_right,
            major_left: self.major_left,
            major_right: self.major_right,
            disp_body_atr: self.disp_body_atr,
            disp_body_ratio: self.disp_body_ratio,
            break_mode: self.break_mode,
            fvg_body: self.fvg_body,
            fvg_min_atr: self.fvg_min_atr,
            fvg_max_age: self.fvg_max_age,
            ob_pick: self.ob_pick,
            ob_zone: self.ob_zone,
            ob_break_mode: self.ob_break_mode,
            ob_cap: self.ob_cap,
            pool_cap: self.pool_cap,
            eq_tol_atr: self.eq_tol_atr,
            sweep_max_depth_atr: self.sweep_max_depth_atr,
            sweep_max_bars: self.sweep_max_bars,
            ..Self::default()
        }
    }
}
