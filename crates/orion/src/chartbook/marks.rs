//! From what a chart found to what is drawn: findings name bars by their places, marks lie at times.

use engine::structure::{BarIndex, Block, Break, Finding, Gap, Pool, PoolKind};
use engine::{Found, Known};
use journal::charts::{Batch, ChartName, Failed, Mark, MarkEvent, MarkKey, MarkKind, What};
use market::{Direction, Price, SourceTime, Symbol, Time};

/// Writes what was found, when it became known: a new mark, or something that happened to one.
pub(super) fn write(
    batch: &mut Batch<'_>,
    symbol: Symbol,
    found: &Found,
    known: Time,
) -> Result<(), Failed> {
    let name = ChartName {
        symbol,
        timeframe: found.timeframe,
    };
    let mut pen = Pen {
        batch,
        name,
        found,
        known,
    };
    match &found.what {
        Known::Level(pool) => pen.level(pool),
        Known::Finding(finding) => pen.finding(finding),
        Known::GapExpired(gap) => pen.gap_met(gap, gap.direction, What::Expired),
        Known::BlockExpired(block) => pen.block(block, block.direction, What::Expired),
        Known::PoolExpired(pool) => pen.pool_expired(pool),
    }
}

struct Pen<'a, 'b> {
    batch: &'a mut Batch<'b>,
    name: ChartName,
    found: &'a Found,
    known: Time,
}

/// Where a mark lies, but for its prices.
struct Lies {
    /// The bar it is named by.
    bar: SourceTime,
    from: SourceTime,
    to: Option<SourceTime>,
}

impl Lies {
    fn since(bar: SourceTime) -> Self {
        Self {
            bar,
            from: bar,
            to: None,
        }
    }
}

impl Pen<'_, '_> {
    fn finding(&mut self, finding: &Finding) -> Result<(), Failed> {
        match finding {
            Finding::Swing { side, level, bar } => self.swing(MarkKind::Swing, *side, *level, *bar),
            Finding::MajorSwing { side, level, bar } => {
                self.swing(MarkKind::MajorSwing, *side, *level, *bar)
            }
            Finding::Equal {
                side,
                level,
                bar,
                earlier,
            } => {
                let bar = self.time(*bar)?;
                let from = self.time(*earlier)?;
                let lies = Lies {
                    bar,
                    from,
                    to: Some(bar),
                };
                self.mark(
                    MarkKind::Equal,
                    *side,
                    (*level, *level),
                    &lies,
                    "{}".to_owned(),
                )
            }
            Finding::Break(found) => self.broken_structure(found),
            Finding::Block(block) => {
                let lies = Lies::since(self.time(block.bar)?);
                let (direction, zone) = (block.direction, (block.top, block.bottom));
                self.mark(MarkKind::Block, direction, zone, &lies, "{}".to_owned())
            }
            Finding::BlockTouched(block) => self.block(block, block.direction, What::Touched),
            Finding::BlockBroken(block) => {
                self.block(block, block.direction.opposite(), What::Broken)
            }
            Finding::Gap(gap) => self.gap(gap),
            Finding::GapTouched(gap) => self.gap_met(gap, gap.direction, What::Touched),
            Finding::GapFilled(gap) => self.gap_met(gap, gap.direction, What::Filled),
            Finding::GapInverted(gap) => {
                self.gap_met(gap, gap.direction.opposite(), What::Inverted)
            }
            Finding::Sweep {
                direction,
                pool,
                extreme,
            } => self.taken(*direction, pool, *extreme, (MarkKind::Sweep, What::Swept)),
            Finding::Run {
                direction,
                pool,
                extreme,
            } => self.taken(*direction, pool, *extreme, (MarkKind::Run, What::Run)),
        }
    }

    fn swing(
        &mut self,
        kind: MarkKind,
        side: Direction,
        level: Price,
        bar: BarIndex,
    ) -> Result<(), Failed> {
        let lies = Lies::since(self.time(bar)?);
        self.mark(kind, side, (level, level), &lies, "{}".to_owned())
    }

    /// A high or low of a day, week or session, from the bar on that began the next.
    fn level(&mut self, pool: &Pool) -> Result<(), Failed> {
        let lies = Lies::since(self.found.bar.open_time);
        let about = format!(r#"{{"of":"{}"}}"#, pool.kind.as_str());
        let key = self.key(
            kind_of(pool.kind),
            pool.side,
            (pool.level, pool.level),
            lies.bar,
        );
        let mark = self.new_mark(key, &lies, about);
        self.batch.replace(self.name, &mark)?;
        self.batch.mark(self.name, &mark)
    }

    /// A break is drawn from the swing to the bar that closed beyond, and the swing is broken by it.
    fn broken_structure(&mut self, found: &Break) -> Result<(), Failed> {
        let here = self.found.bar.open_time;
        let swing = self.time(found.swing)?;
        let level = (found.level, found.level);
        let lies = Lies {
            bar: here,
            from: swing,
            to: Some(here),
        };
        let (choch, mss) = (found.choch, found.is_shift());
        let about = format!(
            r#"{{"choch":{choch},"displaced":{},"mss":{mss}}}"#,
            found.displaced
        );
        self.mark(MarkKind::Break, found.direction, level, &lies, about)?;
        let key = self.key(MarkKind::Swing, found.direction, level, swing);
        self.happens(&key, What::Broken)
    }

    fn block(&mut self, block: &Block, born_as: Direction, what: What) -> Result<(), Failed> {
        let bar = self.time(block.bar)?;
        let key = self.key(MarkKind::Block, born_as, (block.top, block.bottom), bar);
        self.happens(&key, what)
    }

    /// A gap lies beside its middle bar, the one before that which made it known.
    fn gap(&mut self, gap: &Gap) -> Result<(), Failed> {
        let lies = Lies {
            bar: self.found.bar.open_time,
            from: self.time(gap.born.saturating_sub(1))?,
            to: None,
        };
        let about = gap
            .height_atr
            .filter(|height| height.is_finite())
            .map_or_else(
                || "{}".to_owned(),
                |height| format!(r#"{{"atr":{height:.2}}}"#),
            );
        let zone = (gap.top, gap.bottom);
        self.mark(MarkKind::Gap, gap.direction, zone, &lies, about)
    }

    fn gap_met(&mut self, gap: &Gap, born_as: Direction, what: What) -> Result<(), Failed> {
        let bar = self.time(gap.born)?;
        let key = self.key(MarkKind::Gap, born_as, (gap.top, gap.bottom), bar);
        self.happens(&key, what)
    }

    fn pool_expired(&mut self, pool: &Pool) -> Result<(), Failed> {
        let bar = self.time(pool.bar)?;
        let level = (pool.level, pool.level);
        let key = self.key(kind_of(pool.kind), pool.side, level, bar);
        self.happens(&key, What::Expired)
    }

    /// A pool's end is a mark of its own, and happens to the level.
    fn taken(
        &mut self,
        direction: Direction,
        pool: &Pool,
        extreme: Price,
        (kind, what): (MarkKind, What),
    ) -> Result<(), Failed> {
        let here = self.found.bar.open_time;
        let from = self.time(pool.bar)?;
        let lies = Lies {
            bar: here,
            from,
            to: Some(here),
        };
        let about = format!(
            r#"{{"of":"{}","side":"{}"}}"#,
            pool.kind.as_str(),
            pool.side
        );
        let zone = (pool.level.max(extreme), pool.level.min(extreme));
        self.mark(kind, direction, zone, &lies, about)?;
        let key = self.key(
            kind_of(pool.kind),
            pool.side,
            (pool.level, pool.level),
            from,
        );
        self.happens(&key, what)
    }

    /// When the bar of this place opened. One that is older than the book is taken for the one that just closed.
    fn time(&mut self, place: BarIndex) -> Result<SourceTime, Failed> {
        let here = self.found.bar.open_time;
        if place == self.found.place {
            return Ok(here);
        }
        let found = self.batch.open_time(self.name, place, self.known)?;
        Ok(found.unwrap_or(here))
    }

    fn key(
        &self,
        kind: MarkKind,
        direction: Direction,
        (top, bottom): (Price, Price),
        bar: SourceTime,
    ) -> MarkKey {
        MarkKey {
            kind,
            direction,
            bar,
            top,
            bottom,
        }
    }

    fn new_mark(&self, key: MarkKey, lies: &Lies, about: String) -> Mark {
        Mark {
            key,
            from: lies.from,
            to: lies.to,
            born: self.found.bar.open_time,
            known: self.known,
            about,
        }
    }

    fn mark(
        &mut self,
        kind: MarkKind,
        direction: Direction,
        zone: (Price, Price),
        lies: &Lies,
        about: String,
    ) -> Result<(), Failed> {
        let mark = self.new_mark(self.key(kind, direction, zone, lies.bar), lies, about);
        self.batch.mark(self.name, &mark)
    }

    fn happens(&mut self, key: &MarkKey, what: What) -> Result<(), Failed> {
        let event = MarkEvent {
            what,
            bar: self.found.bar.open_time,
            known: self.known,
        };
        self.batch.happened(self.name, key, event)
    }
}

/// What a pool was drawn as when it became known.
fn kind_of(kind: PoolKind) -> MarkKind {
    match kind {
        PoolKind::Swing => MarkKind::Swing,
        PoolKind::Equal => MarkKind::Equal,
        PoolKind::Major => MarkKind::MajorSwing,
        PoolKind::PreviousDay => MarkKind::PoolDay,
        PoolKind::PreviousWeek => MarkKind::PoolWeek,
        PoolKind::Session(_) => MarkKind::PoolSession,
    }
}
