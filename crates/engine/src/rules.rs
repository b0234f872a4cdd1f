//! Every threshold of the engine, by its name. One value, swapped whole, kept on the tape with what it decided.

pub mod book;
mod pair;

pub use pair::SmtPair;

use self::book::RuleBook;
use crate::features::FeatureRules;
use crate::models::ModelRules;
use crate::portfolio::{Limits, News};
use crate::setup::SetupKind;
use crate::sizing::Account;
use market::{Catalog, Timeframe, Uuid};
use serde::{Deserialize, Serialize};

/// All that the engine is set to: with the same settings and the same events it gives the same outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `live`, `sim-<seed>` or the tape's name: part of each signal's identity.
    pub market: String,
    pub catalog: Catalog,
    /// The general ones: ask [`Settings::rules_of`] and [`Settings::structure_of`] which hold for a symbol.
    pub rules: Rules,
    /// Those that only some symbols or timeframes have.
    #[serde(default, skip_serializing_if = "RuleBook::is_empty")]
    pub own_rules: RuleBook,
    pub prices: PriceRules,
    /// Whom sizes are told for.
    #[serde(default)]
    pub account: Account,
    /// What all signals together are limited to.
    #[serde(default)]
    pub portfolio: Limits,
    #[serde(default)]
    pub news: News,
    /// What rows of features are made of. Nothing that is decided depends on it.
    #[serde(default, skip_serializing_if = "FeatureRules::is_empty")]
    pub features: FeatureRules,
    /// The models that are asked, and what for.
    #[serde(default, skip_serializing_if = "ModelRules::is_empty")]
    pub models: ModelRules,
}

/// When a symbol's price is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceRules {
    /// The least time between two sends of one symbol; 0 sends every tick.
    pub min_interval_ms: u32,
    /// The latest price is sent again after this time without a newer one, as long as its source is live.
    pub repeat_ms: u32,
    /// A source that shows life between ticks is stale after this much silence.
    pub source_stale_s: u32,
    /// A symbol of a source that does not is stale after this much silence.
    pub symbol_stale_s: u32,
}

impl Default for PriceRules {
    fn default() -> Self {
        Self {
            min_interval_ms: 1000,
            repeat_ms: 5000,
            source_stale_s: 30,
            symbol_stale_s: 600,
        }
    }
}

/// Which price of a bar breaks a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BreakMode {
    Close,
    Wick,
}

/// Which bar before a leg is its order block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockPick {
    /// The one that lies deepest.
    Extreme,
    /// The last one that closed against the leg; where none did, the one that lies deepest.
    LastOpposite,
}

/// Which part of its bar an order block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockZone {
    /// From its low to its high.
    Range,
    /// From its open to its close.
    Body,
}

/// How the stop of a runner follows the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrailMode {
    /// Behind the last swing.
    Swing,
    /// Some average true ranges behind the furthest price.
    Atr,
    /// It does not.
    Fixed,
}

/// Where a fair value gap is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapEntry {
    /// The edge that price reaches first.
    Edge,
    /// The middle ("consequent encroachment").
    Ce,
}

/// One step of the profit plan: at `r` times the risk close `percent` of the position.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// Absent for the runner, which goes to the nearest far pool between `runner_min_r` and `runner_max_r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<f64>,
    pub percent: u8,
}

/// The thresholds of bars, structure, setups, risk and lifecycle. Lengths named `_atr` are multiples of the average true
/// range, `_r` of the signal's risk, `_bars` of closed bars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// A bar closes when the newest time of its source is this far past its end; later ticks for it are dropped.
    pub bar_grace_ms: u32,
    /// A bar of a source that has gone silent closes this long after its end.
    pub bar_idle_ms: u32,
    /// The timeframe setups are found on.
    pub setup_tf: Timeframe,
    /// The timeframe whose trend is the background of some setups.
    pub htf: Timeframe,
    /// The timeframe whose bars confirm or contradict a pending signal.
    pub confirm_tf: Timeframe,

    /// Period of the average true range (Wilder).
    pub atr_period: u32,
    /// Bars to the left that a swing must exceed.
    pub swing_left: u32,
    /// Bars to the right that must not exceed a swing; it is known only after them.
    pub swing_right: u32,
    /// The same for swings of the major scale.
    pub major_left: u32,
    pub major_right: u32,
    /// A displacing bar's body is at least this.
    pub disp_body_atr: f64,
    /// A displacing bar's body is at least this part of its range.
    pub disp_body_ratio: f64,
    /// Whether a bar's close or its extreme breaks structure.
    pub break_mode: BreakMode,
    /// A fair value gap's middle bar must close in its direction.
    pub fvg_body: bool,
    /// Smallest gap that is tracked; 0 tracks all.
    pub fvg_min_atr: f64,
    /// Smallest gap that a setup uses.
    pub setup_fvg_min_atr: f64,
    /// A gap is forgotten after this many bars.
    pub fvg_max_age: u32,
    /// Most order blocks kept, both directions together.
    pub ob_cap: u32,
    /// Which bar of a leg is its order block.
    pub ob_pick: BlockPick,
    /// Whether an order block is that bar's whole range or its body.
    pub ob_zone: BlockZone,
    /// Whether a bar's close or its extreme breaks an order block.
    pub ob_break_mode: BreakMode,
    /// Most swing and equal pools kept per side.
    pub pool_cap: u32,
    /// Two swings this close are equal.
    pub eq_tol_atr: f64,
    /// Deeper than this beyond a pool is a run, not a sweep.
    pub sweep_max_depth_atr: f64,
    /// A sweep closes back within this many bars.
    pub sweep_max_bars: u32,
    /// The symbol that holds is measured by its extreme so many bars around each swing of the other; at most `swing_right`.
    pub smt_win: u32,
    /// Two symbols diverge when each differs between the two swings by at least this.
    pub smt_min_atr: f64,
    /// The returns of so many bars say whether two symbols move together.
    pub smt_corr_win: u32,
    /// They move together from this correlation on (inverse pairs: against each other from its negative down).
    pub smt_corr_min: f64,
    /// The pairs whose divergences are looked for; those of which the catalog lacks a symbol are silent.
    pub smt_pairs: Vec<SmtPair>,
    /// How long a closed bar waits for that of the other symbol of its pair.
    pub smt_wait_ms: u32,

    /// The middle of the dealing range that is neither cheap nor dear reaches this far to both sides, as a part of the range.
    pub pd_dead: f64,
    /// The optimal trade entry lies between these parts of a leg, counted back from its end.
    pub ote_lo: f64,
    pub ote_hi: f64,

    /// The setups that may signal.
    pub setups: Vec<SetupKind>,
    /// The sweep lies at most this far before the shift of structure.
    pub mss_sweep_bars: u32,
    /// A divergence waits this many bars for its trigger.
    pub smt_arm_bars: u32,
    /// An armed setup waits this many bars for its trigger.
    pub arm_max_bars: u32,
    pub fvg_entry: GapEntry,
    /// Price this near to a broken level is back at it.
    pub bos_retest_atr: f64,

    /// Distance of the stop behind its level, the spread not counted.
    pub stop_buffer_atr: f64,
    pub min_risk_atr: f64,
    pub min_risk_spreads: f64,
    pub max_risk_atr: f64,
    /// One to four steps, percentages sum to 100.
    pub tp_plan: Vec<PlanStep>,
    /// A target moves to an opposing pool that lies between these multiples of its distance.
    pub tp_snap_lo: f64,
    pub tp_snap_hi: f64,
    pub runner_min_r: f64,
    pub runner_max_r: f64,
    /// The least reward to risk, weighted by the plan's percentages.
    pub min_rr: f64,

    /// Signals only inside the core killzones.
    pub killzone_gate: bool,
    /// Rest of a symbol after a signal; 0: none.
    pub symbol_cooldown_s: u32,
    /// Most signals per trading day over all symbols; 0: no limit.
    pub max_signals_per_day: u32,

    /// The stop of a posted signal that brings none lies this far from its entry.
    pub posted_stop_atr: f64,
    /// The most that a posted signal may risk, in percent of its entry.
    pub posted_max_risk_percent: f64,
    /// How far from the price a posted entry may lie, in percent of the price.
    pub posted_max_distance_percent: f64,
    /// Most signals of one sender that are pending or run at the same time; 0: no limit.
    pub posted_max_open: u32,
    /// Most signals of one sender per trading day; 0: no limit.
    pub posted_max_per_day: u32,

    /// A pending signal is decided at the latest after this time.
    pub confirm_timeout_s: u32,
    /// The confirming bar closes at least this far beyond the entry.
    pub confirm_atr: f64,
    /// Whether the stop moves to the entry and its cost when the first target trades.
    pub be_at_tp1: bool,
    /// That cost, in spreads.
    pub be_offset_spreads: f64,
    pub trail_mode: TrailMode,
    pub trail_atr: f64,
    /// A signal is followed this long after its verdict; 0: until it ends by itself.
    pub outcome_horizon_h: u32,
    /// How many outcomes the barrier odds weigh in the confidence of a young setup.
    pub prior_strength: f64,
    /// The confidence of a setup, or of a sender, is calibrated from this many of its outcomes on.
    pub cal_min_platt: u32,
    /// And by isotonic steps, if they are nearer to what came, from this many on.
    pub cal_min_isotonic: u32,
    /// It is fitted again after so many new outcomes, or after so many hours with any.
    pub cal_refit: u32,
    pub cal_refit_h: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            bar_grace_ms: 1500,
            bar_idle_ms: 3000,
            setup_tf: Timeframe::M5,
            htf: Timeframe::H1,
            confirm_tf: Timeframe::M1,
            atr_period: 14,
            swing_left: 5,
            swing_right: 5,
            major_left: 20,
            major_right: 20,
            disp_body_atr: 1.2,
            disp_body_ratio: 0.6,
            break_mode: BreakMode::Close,
            fvg_body: true,
            fvg_min_atr: 0.0,
            setup_fvg_min_atr: 0.15,
            fvg_max_age: 500,
            ob_cap: 20,
            ob_pick: BlockPick::Extreme,
            ob_zone: BlockZone::Range,
            ob_break_mode: BreakMode::Close,
            pool_cap: 20,
            eq_tol_atr: 0.1,
            sweep_max_depth_atr: 2.0,
            sweep_max_bars: 3,
            smt_win: 2,
            smt_min_atr: 0.1,
            smt_corr_win: 200,
            smt_corr_min: 0.5,
            smt_pairs: SmtPair::defaults(),
            smt_wait_ms: 3000,
            pd_dead: 0.0,
            ote_lo: 0.62,
            ote_hi: 0.79,
            setups: SetupKind::ALL.to_vec(),
            mss_sweep_bars: 30,
            smt_arm_bars: 12,
            arm_max_bars: 24,
            fvg_entry: GapEntry::Edge,
            bos_retest_atr: 0.1,
            stop_buffer_atr: 0.10,
            min_risk_atr: 0.3,
            min_risk_spreads: 5.0,
            max_risk_atr: 4.0,
            tp_plan: vec![
                PlanStep {
                    r: Some(1.0),
                    percent: 30,
                },
                PlanStep {
                    r: Some(2.0),
                    percent: 40,
                },
                PlanStep {
                    r: None,
                    percent: 30,
                },
            ],
            tp_snap_lo: 0.8,
            tp_snap_hi: 1.1,
            runner_min_r: 3.0,
            runner_max_r: 6.0,
            min_rr: 1.5,
            killzone_gate: true,
            symbol_cooldown_s: 900,
            max_signals_per_day: 20,
            posted_stop_atr: 1.5,
            posted_max_risk_percent: 10.0,
            posted_max_distance_percent: 2.0,
            posted_max_open: 50,
            posted_max_per_day: 500,
            confirm_timeout_s: 285,
            confirm_atr: 0.05,
            be_at_tp1: true,
            be_offset_spreads: 1.0,
            trail_mode: TrailMode::Swing,
            trail_atr: 2.0,
            outcome_horizon_h: 8,
            prior_strength: 40.0,
            cal_min_platt: 200,
            cal_min_isotonic: 1000,
            cal_refit: 50,
            cal_refit_h: 24,
        }
    }
}

/// ORION's own namespace for the names of rules (version 5 UUIDs).
const NAMESPACE: Uuid = Uuid::from_u128(0x4f52_494f_4e00_5275_a65c_616c_7300_0001);

/// A rule with an impossible value.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleError {
    /// The rule's name.
    pub key: &'static str,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl Rules {
    /// Names these rules: equal for equal rules of one version of the engine, on any machine.
    #[must_use]
    pub fn hash(&self) -> String {
        name_of(self)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// All rules that are impossible, each with its name.
    pub fn check(&self) -> Result<(), Vec<RuleError>> {
        let mut errors = Vec::new();
        self.check_lengths(&mut errors);
        self.check_counts(&mut errors);
        self.check_plan(&mut errors);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }

    fn check_lengths(&self, errors: &mut Vec<RuleError>) {
        let lengths = [
            ("disp_body_atr", self.disp_body_atr),
            ("fvg_min_atr", self.fvg_min_atr),
            ("setup_fvg_min_atr", self.setup_fvg_min_atr),
            ("eq_tol_atr", self.eq_tol_atr),
            ("sweep_max_depth_atr", self.sweep_max_depth_atr),
            ("smt_min_atr", self.smt_min_atr),
            ("bos_retest_atr", self.bos_retest_atr),
            ("stop_buffer_atr", self.stop_buffer_atr),
            ("min_risk_atr", self.min_risk_atr),
            ("min_risk_spreads", self.min_risk_spreads),
            ("max_risk_atr", self.max_risk_atr),
            ("tp_snap_lo", self.tp_snap_lo),
            ("tp_snap_hi", self.tp_snap_hi),
            ("runner_min_r", self.runner_min_r),
            ("runner_max_r", self.runner_max_r),
            ("min_rr", self.min_rr),
            ("posted_stop_atr", self.posted_stop_atr),
            ("confirm_atr", self.confirm_atr),
            ("be_offset_spreads", self.be_offset_spreads),
            ("trail_atr", self.trail_atr),
            ("prior_strength", self.prior_strength),
        ];
        for (key, value) in lengths {
            if !(0.0..=1e6).contains(&value) {
                errors.push(RuleError {
                    key,
                    reason: format!("{value} is not between 0 and 1000000"),
                });
            }
        }
        let percents = [
            ("posted_max_risk_percent", self.posted_max_risk_percent),
            (
                "posted_max_distance_percent",
                self.posted_max_distance_percent,
            ),
        ];
        for (key, value) in percents {
            if !(0.0..=100.0).contains(&value) {
                let reason = format!("{value} is not between 0 and 100");
                errors.push(RuleError { key, reason });
            }
        }
        let parts = [
            ("disp_body_ratio", self.disp_body_ratio, 1.0),
            ("pd_dead", self.pd_dead, 0.5),
            ("ote_lo", self.ote_lo, 1.0),
            ("ote_hi", self.ote_hi, 1.0),
            ("smt_corr_min", self.smt_corr_min, 1.0),
        ];
        for (key, value, most) in parts {
            if !(0.0..=most).contains(&value) {
                let reason = format!("{value} is not between 0 and {most}");
                errors.push(RuleError { key, reason });
            }
        }
        let pairs = [
            (
                "max_risk_atr",
                self.max_risk_atr,
                "min_risk_atr",
                self.min_risk_atr,
            ),
            ("ote_hi", self.ote_hi, "ote_lo", self.ote_lo),
            ("tp_snap_hi", self.tp_snap_hi, "tp_snap_lo", self.tp_snap_lo),
            (
                "runner_max_r",
                self.runner_max_r,
                "runner_min_r",
                self.runner_min_r,
            ),
        ];
        for (key, high, low_key, low) in pairs {
            if high < low {
                errors.push(RuleError {
                    key,
                    reason: format!("{high} is below {low_key} = {low}"),
                });
            }
        }
    }

    fn check_counts(&self, errors: &mut Vec<RuleError>) {
        let counts = [
            ("atr_period", self.atr_period, 1, 1000),
            ("swing_left", self.swing_left, 1, 500),
            ("swing_right", self.swing_right, 1, 500),
            ("major_left", self.major_left, 1, 500),
            ("major_right", self.major_right, 1, 500),
            ("fvg_max_age", self.fvg_max_age, 1, 100_000),
            ("ob_cap", self.ob_cap, 1, 1000),
            ("pool_cap", self.pool_cap, 1, 1000),
            ("sweep_max_bars", self.sweep_max_bars, 1, 1000),
            // Bars right of a swing that are not known when it is, are never looked at.
            ("smt_win", self.smt_win, 0, self.swing_right),
            ("smt_corr_win", self.smt_corr_win, 2, 100_000),
            ("smt_wait_ms", self.smt_wait_ms, 0, 60_000),
            ("mss_sweep_bars", self.mss_sweep_bars, 0, 100_000),
            ("smt_arm_bars", self.smt_arm_bars, 1, 100_000),
            ("arm_max_bars", self.arm_max_bars, 1, 100_000),
            ("bar_grace_ms", self.bar_grace_ms, 0, 30_000),
            ("bar_idle_ms", self.bar_idle_ms, 0, 60_000),
            // The dashboard counts 300 s from receipt: the verdict must be there before.
            ("confirm_timeout_s", self.confirm_timeout_s, 1, 295),
            ("outcome_horizon_h", self.outcome_horizon_h, 0, 24 * 30),
            // No more outcomes are kept than 2,000.
            ("cal_min_platt", self.cal_min_platt, 20, 2000),
            ("cal_min_isotonic", self.cal_min_isotonic, 20, 2000),
            ("cal_refit", self.cal_refit, 1, 2000),
            ("cal_refit_h", self.cal_refit_h, 1, 24 * 30),
        ];
        for (key, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                errors.push(RuleError {
                    key,
                    reason: format!("{value} is not between {least} and {most}"),
                });
            }
        }
        if self.htf < self.setup_tf {
            errors.push(RuleError {
                key: "htf",
                reason: format!("{} is shorter than setup_tf = {}", self.htf, self.setup_tf),
            });
        }
        if self.confirm_tf > self.setup_tf {
            let reason = format!(
                "{} is longer than setup_tf = {}",
                self.confirm_tf, self.setup_tf
            );
            errors.push(RuleError {
                key: "confirm_tf",
                reason,
            });
        }
    }

    fn check_plan(&self, errors: &mut Vec<RuleError>) {
        let mut wrong = |reason: String| {
            errors.push(RuleError {
                key: "tp_plan",
                reason,
            })
        };
        if !(1..=4).contains(&self.tp_plan.len()) {
            return wrong(format!("it has {} steps, not 1 to 4", self.tp_plan.len()));
        }
        let sum: u32 = self
            .tp_plan
            .iter()
            .map(|step| u32::from(step.percent))
            .sum();
        if sum != 100 || self.tp_plan.iter().any(|step| step.percent == 0) {
            wrong(format!(
                "the percentages sum to {sum}; they must be above 0 and sum to 100"
            ));
        }
        let (last, rest) = (
            self.tp_plan.len() - 1,
            &self.tp_plan[..self.tp_plan.len() - 1],
        );
        if rest.iter().any(|step| step.r.is_none()) {
            wrong("only the last step may be the runner".into());
        }
        let distances: Vec<f64> = self
            .tp_plan
            .iter()
            .map(|step| step.r.unwrap_or(self.runner_min_r))
            .collect();
        let rising = distances.windows(2).all(|pair| pair[0] < pair[1]);
        if !rising || !distances.iter().all(|r| *r > 0.0 && *r <= 100.0) {
            let last = if self.tp_plan[last].r.is_none() {
                ", the runner counting as runner_min_r"
            } else {
                ""
            };
            wrong(format!(
                "the distances {distances:?} must rise from above 0 to at most 100{last}"
            ));
        }
    }
}

/// # Panics
/// Never: rules are plain data.
pub(crate) fn name_of(rules: &impl Serialize) -> String {
    let bytes = postcard::to_stdvec(rules).expect("plain data can be written");
    let hash = Uuid::new_v5(&NAMESPACE, &bytes).as_u128() >> 64;
    format!("{hash:016x}")
}

impl PriceRules {
    /// Checks every setting.
    ///
    /// # Errors
    /// All settings that are impossible, each with its name.
    pub fn check(&self) -> Result<(), Vec<RuleError>> {
        let limits = [
            ("min_interval_ms", self.min_interval_ms, 0, 60_000),
            ("repeat_ms", self.repeat_ms, 1, 60_000),
            ("source_stale_s", self.source_stale_s, 1, 3600),
            ("symbol_stale_s", self.symbol_stale_s, 1, 86_400),
        ];
        let mut errors = Vec::new();
        for (key, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                errors.push(RuleError {
                    key,
                    reason: format!("{value} is not between {least} and {most}"),
                });
            }
        }
        if self.repeat_ms < self.min_interval_ms {
            let reason = format!(
                "{} is below min_interval_ms = {}",
                self.repeat_ms, self.min_interval_ms
            );
            errors.push(RuleError {
                key: "repeat_ms",
                reason,
            });
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_possible() {
        assert_eq!(Rules::default().check(), Ok(()));
        assert_eq!(PriceRules::default().check(), Ok(()));
    }

    #[test]
    fn impossible_rules_are_named() {
        let check = |change: fn(&mut Rules), key: &str| {
            let mut rules = Rules::default();
            change(&mut rules);
            let errors = rules.check().unwrap_err();
            assert!(errors.iter().any(|error| error.key == key), "{errors:?}");
        };
        check(|rules| rules.disp_body_ratio = f64::NAN, "disp_body_ratio");
        check(|rules| rules.min_rr = -1.0, "min_rr");
        check(|rules| rules.posted_stop_atr = -1.0, "posted_stop_atr");
        check(
            |rules| rules.posted_max_risk_percent = 101.0,
            "posted_max_risk_percent",
        );
        check(
            |rules| rules.posted_max_distance_percent = f64::NAN,
            "posted_max_distance_percent",
        );
        check(|rules| rules.swing_left = 0, "swing_left");
        check(|rules| rules.smt_win = 6, "smt_win");
        check(|rules| rules.smt_corr_win = 1, "smt_corr_win");
        check(|rules| rules.smt_corr_min = 1.1, "smt_corr_min");
        check(|rules| rules.smt_min_atr = f64::NAN, "smt_min_atr");
        check(|rules| rules.smt_wait_ms = 60_001, "smt_wait_ms");
        check(|rules| rules.major_right = 0, "major_right");
        check(|rules| rules.pd_dead = 0.6, "pd_dead");
        check(|rules| rules.ote_lo = 0.9, "ote_hi");
        check(|rules| rules.htf = Timeframe::M1, "htf");
        check(|rules| rules.confirm_timeout_s = 300, "confirm_timeout_s");
        check(|rules| rules.confirm_tf = Timeframe::H1, "confirm_tf");
        check(|rules| rules.cal_min_platt = 19, "cal_min_platt");
        check(|rules| rules.cal_min_isotonic = 2001, "cal_min_isotonic");
        check(|rules| rules.cal_refit = 0, "cal_refit");
        check(|rules| rules.cal_refit_h = 0, "cal_refit_h");
        check(|rules| rules.tp_plan[0].percent = 31, "tp_plan");
        check(|rules| rules.tp_plan[0].r = None, "tp_plan");
        check(|rules| rules.tp_plan[1].r = Some(3.0), "tp_plan");
        check(|rules| rules.tp_plan.clear(), "tp_plan");
    }
}
