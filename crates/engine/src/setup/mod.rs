//! Setups: from bars and structure to an idea. One setup per file.
//!
//! A setup is *armed* when its pattern is complete, which nobody outside sees, and becomes a signal when price reaches
//! its trigger. Armed setups end by trigger, expiry, contradiction, or when their stop trades. Some setups are triggered by
//! the close of a bar instead.

mod bos;
mod legs;
mod mss_fvg;
mod premium;
mod retest;
mod smt;
mod sweep;

use crate::rules::Rules;
use crate::structure::{BarIndex, Break, Chart, Finding};
use legs::Legs;
use market::{Bar, Condition, Direction, Price, SourceTime};
use premium::Premium;
use serde::{Deserialize, Serialize};
use smt::Smt;

pub(crate) use smt::Divided;

/// The name of a setup. Where several are triggered at once, the first of these goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetupKind {
    MssFvg,
    BlockRetest,
    LiquiditySweep,
    Smt,
    BosRetest,
    PremiumDiscount,
}

impl SetupKind {
    pub const ALL: [Self; 6] = [
        Self::MssFvg,
        Self::BlockRetest,
        Self::LiquiditySweep,
        Self::Smt,
        Self::BosRetest,
        Self::PremiumDiscount,
    ];

    /// The short name, part of a signal's identity.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MssFvg => "mss_fvg",
            Self::BlockRetest => "block_retest",
            Self::LiquiditySweep => "liquidity_sweep",
            Self::Smt => "smt",
            Self::BosRetest => "bos_retest",
            Self::PremiumDiscount => "premium_discount",
        }
    }
    /// The text clients see as the reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::MssFvg => "MSS+FVG setup",
            Self::BlockRetest => "Order Block retest",
            Self::LiquiditySweep => "Liquidity sweep",
            Self::Smt => "SMT divergence",
            Self::BosRetest => "BOS confirmation",
            Self::PremiumDiscount => "Premium/Discount entry",
        }
    }
}

/// Where on the chart an idea comes from. The same zone never signals twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Zone {
    /// By the bar at which the gap became known.
    Gap(BarIndex),
    /// By the order block's bar.
    Block(BarIndex),
    /// By the bar of the swing that was broken.
    Level(BarIndex),
    /// What happens once at a bar.
    Bar(BarIndex),
}

/// A complete pattern, and what a trade of it would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    pub setup: SetupKind,
    pub direction: Direction,
    pub entry: Price,
    /// The stop goes behind this.
    pub stop_level: Price,
    /// A confirming bar that closes beyond this contradicts it.
    pub zone_far: Option<Price>,
    pub zone: Zone,
    /// When the bar opened that armed it.
    pub armed_open: SourceTime,
    /// What made it fire.
    pub conditions: Vec<Condition>,
}

/// A pattern that waits for price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Armed {
    pub pattern: Pattern,
    /// Price at or beyond this (below for a long) triggers it.
    pub trigger: Price,
    /// The bar that armed it.
    pub armed_at: BarIndex,
}

impl Armed {
    /// Whether this bar price triggers it.
    #[must_use]
    pub fn is_reached(&self, price: Price) -> bool {
        match self.pattern.direction {
            Direction::Long => price <= self.trigger,
            Direction::Short => price >= self.trigger,
        }
    }
}

/// What a setup sees of a closed bar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub t: BarIndex,
    pub bar: &'a Bar,
    pub findings: &'a [Finding],
    pub chart: &'a Chart,
    /// The trend of the higher timeframe at its last closed bar.
    pub htf_trend: Option<Direction>,
    pub rules: &'a Rules,
}

impl View<'_> {
    fn breaks(&self) -> impl Iterator<Item = &Break> {
        self.findings.iter().filter_map(Finding::as_break)
    }
}

/// All setups of one chart.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Setups {
    legs: Legs,
    smt: Smt,
    premium: Premium,
    /// What waits for its trigger, in the order of arming.
    armed: Vec<Armed>,
}

impl Setups {
    /// Takes what became known at a bar's close: ends what it contradicts, arms what it completes, and returns what the close
    /// itself triggers, the most important first.
    pub(crate) fn close(&mut self, view: View) -> Vec<Pattern> {
        self.end(&view);
        self.legs.close(&view, &mut self.armed);
        bos::arm(&view, &mut self.armed);
        bos::follow(&view, &mut self.armed);
        let wanted = |setup| view.rules.setups.contains(&setup);
        self.armed.retain(|armed| wanted(armed.pattern.setup));
        let mut fired = sweep::fire(&view);
        fired.extend(self.smt.close(&view));
        fired.extend(self.premium.close(&view));
        fired.retain(|pattern| wanted(pattern.setup));
        fired
    }

    /// Takes a divergence in which this symbol held; returns what the last close triggers, if the divergence belongs to it.
    pub(crate) fn divide(&mut self, divided: Divided, rules: &Rules) -> Option<Pattern> {
        if !rules.setups.contains(&SetupKind::Smt) {
            return None;
        }
        let max_bars = BarIndex::from(rules.smt_arm_bars);
        self.smt.arm(divided, max_bars)
    }

    /// What waits for its trigger, in the order of arming.
    pub(crate) fn armed(&self) -> &[Armed] {
        &self.armed
    }

    /// Takes out the setups for which `ends` is true, the most important first, then in the order of arming.
    pub(crate) fn take_if(&mut self, mut ends: impl FnMut(&Armed) -> bool) -> Vec<Armed> {
        let mut taken: Vec<Armed> = self.armed.extract_if(.., |armed| ends(armed)).collect();
        taken.sort_by_key(|armed| armed.pattern.setup);
        taken
    }

    fn end(&mut self, view: &View) {
        let max_bars = BarIndex::from(view.rules.arm_max_bars);
        self.armed
            .retain(|armed| view.t < armed.armed_at + max_bars);
        for finding in view.findings {
            self.armed
                .retain(|armed| !is_contradicted(&armed.pattern, finding));
        }
    }
}

/// Whether what became known speaks against a pattern that waits: a change of character the other way, or the end of its gap.
fn is_contradicted(pattern: &Pattern, finding: &Finding) -> bool {
    // The finding has the new direction: the gap that ended had the other one.
    let ends_its_gap = matches!(finding, Finding::GapInverted(gap)
        if pattern.zone == Zone::Gap(gap.born) && gap.direction != pattern.direction);
    let found = finding.as_break();
    ends_its_gap || found.is_some_and(|found| found.turns_against(pattern.direction))
}

/// Adds what a bar arms. Two of one setup, direction and bar would be one signal by name: the first stands.
fn arm(armed: &mut Vec<Armed>, new: Armed) {
    let name = |armed: &Armed| (armed.pattern.setup, armed.pattern.direction, armed.armed_at);
    if armed.iter().all(|known| name(known) != name(&new)) {
        armed.push(new);
    }
}

/// The level of a bar that lies deepest against a trade.
fn depth(direction: Direction, low: Price, high: Price) -> Price {
    match direction {
        Direction::Long => low,
        Direction::Short => high,
    }
}

#[cfg(test)]
mod tests;
