//! `orion inspect --events`: what became known at the close of each bar.

use super::each_bar;
use super::rows::{Form, Rows};
use super::series::Series;
use anyhow::Result;
use engine::structure::{
    BarIndex, Block, Break, Chart, Finding, Gap, Observation, Pool, PoolKind, Survey,
};
use engine::{Rules, session};
use market::{Direction, Price};
use std::io::Write;

/// The columns of every row about something that happened.
pub(super) const COLUMNS: [&str; 13] = [
    "bar", "kind", "dir", "level", "top", "bottom", "ext", "ref", "ref2", "mss", "src", "swept",
    "held",
];

/// A row, empty where there is nothing to say.
#[derive(Clone, Debug, Default)]
pub(super) struct Event {
    pub(super) kind: String,
    pub(super) direction: String,
    pub(super) level: String,
    pub(super) top: String,
    pub(super) bottom: String,
    pub(super) extreme: String,
    pub(super) reference: String,
    pub(super) earlier: String,
    pub(super) mss: String,
    pub(super) source: String,
    pub(super) swept: String,
    pub(super) held: String,
}

/// Prints the kinds that the reference outputs have: those of the internal scale, and of swing and equal pools.
///
/// # Errors
/// When the series cannot be read, or nothing can be written.
pub(super) fn run(series: Series, rules: &Rules, form: Form, out: &mut impl Write) -> Result<()> {
    let mut rows = Rows::new(out, form, &COLUMNS)?;
    let mut chart = Chart::new(rules, session::roll_hour(series.calendar()));
    let mut findings = Vec::new();
    let told = each_bar(series, |_, row| {
        let t = chart.close(&row.bar, rules, &mut findings);
        for finding in findings.drain(..).filter(is_internal) {
            rows.row(of_finding(&finding).fields(t))?;
        }
        Ok(())
    });
    rows.end()?;
    told
}

/// Prints everything: also the middles of gaps, the pools of days, weeks and sessions, and the major scale.
///
/// # Errors
/// When the series cannot be read, or nothing can be written.
pub(super) fn all(series: Series, rules: &Rules, form: Form, out: &mut impl Write) -> Result<()> {
    let mut rows = Rows::new(out, form, &COLUMNS)?;
    let mut survey = Survey::new(rules, session::roll_hour(series.calendar()));
    let mut seen = Vec::new();
    let told = each_bar(series, |_, row| {
        let t = survey.close(&row.bar, rules, &mut seen);
        for observation in seen.drain(..) {
            rows.row(of_observation(&observation).fields(t))?;
        }
        Ok(())
    });
    rows.end()?;
    told
}

impl Event {
    /// The fields of the row of a bar.
    pub(super) fn fields(self, bar: BarIndex) -> Vec<String> {
        vec![
            bar.to_string(),
            self.kind,
            self.direction,
            self.level,
            self.top,
            self.bottom,
            self.extreme,
            self.reference,
            self.earlier,
            self.mss,
            self.source,
            self.swept,
            self.held,
        ]
    }

    pub(super) fn new(kind: &str, direction: Direction) -> Self {
        Self {
            kind: kind.to_owned(),
            direction: direction.sign().to_string(),
            ..Self::default()
        }
    }
}

/// Whether the reference outputs have it: the internal scale, and its swing and equal pools.
fn is_internal(finding: &Finding) -> bool {
    match finding {
        Finding::Sweep { pool, .. } | Finding::Run { pool, .. } => match pool.kind {
            PoolKind::Swing | PoolKind::Equal => true,
            PoolKind::Major
            | PoolKind::PreviousDay
            | PoolKind::PreviousWeek
            | PoolKind::Session(_) => false,
        },
        Finding::MajorSwing { .. } => false,
        Finding::Swing { .. }
        | Finding::Equal { .. }
        | Finding::Break(_)
        | Finding::Block(_)
        | Finding::BlockTouched(_)
        | Finding::BlockBroken(_)
        | Finding::Gap(_)
        | Finding::GapTouched(_)
        | Finding::GapFilled(_)
        | Finding::GapInverted(_) => true,
    }
}

fn of_observation(observation: &Observation) -> Event {
    match observation {
        Observation::Found(finding) => of_finding(finding),
        Observation::GapHalved(gap) => of_gap("fvg_half", gap, gap.born),
        Observation::Major(finding) => {
            let event = of_finding(finding);
            Event {
                kind: format!("major_{}", event.kind),
                ..event
            }
        }
    }
}

fn of_finding(finding: &Finding) -> Event {
    match finding {
        Finding::Swing { side, level, bar } => of_swing("swing", *side, *level, *bar),
        Finding::MajorSwing { side, level, bar } => of_swing("major_swing", *side, *level, *bar),
        Finding::Equal {
            side,
            level,
            bar,
            earlier,
        } => Event {
            earlier: earlier.to_string(),
            ..of_swing("equal", *side, *level, *bar)
        },
        Finding::Break(found) => of_break(found),
        Finding::Block(block) => of_block("ob", block, block.bar),
        Finding::BlockTouched(block) => of_block("ob_touch", block, block.born),
        Finding::BlockBroken(block) => of_block("ob_break", block, block.born),
        // The middle one of its three bars.
        Finding::Gap(gap) => of_gap("fvg", gap, gap.born - 1),
        Finding::GapTouched(gap) => of_gap("fvg_touch", gap, gap.born),
        Finding::GapFilled(gap) => of_gap("fvg_fill", gap, gap.born),
        Finding::GapInverted(gap) => of_gap("fvg_invert", gap, gap.born),
        Finding::Sweep {
            direction,
            pool,
            extreme,
        } => of_pool("sweep", *direction, pool, *extreme),
        Finding::Run {
            direction,
            pool,
            extreme,
        } => of_pool("run", *direction, pool, *extreme),
    }
}

fn of_swing(kind: &str, side: Direction, level: Price, bar: BarIndex) -> Event {
    Event {
        level: level.to_string(),
        reference: bar.to_string(),
        ..Event::new(kind, side)
    }
}

fn of_break(found: &Break) -> Event {
    let kind = if found.choch { "choch" } else { "bos" };
    Event {
        level: found.level.to_string(),
        reference: found.swing.to_string(),
        mss: u8::from(found.is_shift()).to_string(),
        ..Event::new(kind, found.direction)
    }
}

fn of_block(kind: &str, block: &Block, reference: BarIndex) -> Event {
    Event {
        top: block.top.to_string(),
        bottom: block.bottom.to_string(),
        reference: reference.to_string(),
        ..Event::new(kind, block.direction)
    }
}

fn of_gap(kind: &str, gap: &Gap, reference: BarIndex) -> Event {
    Event {
        top: gap.top.to_string(),
        bottom: gap.bottom.to_string(),
        reference: reference.to_string(),
        ..Event::new(kind, gap.direction)
    }
}

fn of_pool(kind: &str, direction: Direction, pool: &Pool, extreme: Price) -> Event {
    Event {
        level: pool.level.to_string(),
        extreme: extreme.to_string(),
        reference: pool.bar.to_string(),
        source: match pool.kind {
            PoolKind::Swing => "swing".to_owned(),
            PoolKind::Equal => "equal".to_owned(),
            PoolKind::Major => "major".to_owned(),
            PoolKind::PreviousDay => "day".to_owned(),
            PoolKind::PreviousWeek => "week".to_owned(),
            PoolKind::Session(killzone) => killzone.to_string(),
        },
        ..Event::new(kind, direction)
    }
}
