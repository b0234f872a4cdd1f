//! Bars as a table with what is expected of each, and findings in words.

use engine::Rules;
use engine::structure::{Block, Break, Chart, Finding, Gap, Pool};
use market::{Bar, Direction, Ohlc, Price, SourceTime, Span};

/// What of the findings a case is about.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Subject {
    Gaps,
    /// Breaks of structure and order blocks.
    Blocks,
    /// Swings, equal ones, sweeps and runs.
    Pools,
}

/// One bar to either side makes a swing, and the average true range is that of the bar alone. Nothing displaces.
pub(crate) fn rules() -> Rules {
    Rules {
        swing_left: 1,
        swing_right: 1,
        smt_win: 0,
        atr_period: 1,
        disp_body_atr: 1000.0,
        ..Rules::default()
    }
}

/// What lies before a bar.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Another,
    /// Bars that were lost: the market was open, and nobody knows what it did.
    Lost,
    /// Some days on which the market was closed.
    Shut,
}

/// Bars as lines of `open high low close : what becomes known at its close; in this order   # why`, counted from 0, with
/// `lost` or `shut` in front where the bar is not the next one.
pub(crate) fn check(subject: Subject, rules: &Rules, table: &str) {
    let lines = table.lines().filter(|line| !line.trim().is_empty());
    let (bars, expected): (Vec<(Before, Ohlc)>, Vec<Vec<String>>) = lines.map(line).unzip();
    assert_eq!(seen(subject, rules, &bars, Direction::Long), expected);
    let mirrored: Vec<(Before, Ohlc)> = bars
        .iter()
        .map(|(before, bar)| (*before, mirrored(bar)))
        .collect();
    // Highs come before lows on both sides of a mirror.
    let sorted =
        |bars: Vec<Vec<String>>| -> Vec<Vec<String>> { bars.into_iter().map(sorted).collect() };
    let turned = seen(subject, rules, &mirrored, Direction::Short);
    assert_eq!(sorted(turned), sorted(expected), "in a mirror");
}

fn line(line: &str) -> ((Before, Ohlc), Vec<String>) {
    let (said, _why) = line.split_once('#').unwrap_or((line, ""));
    let (prices, events) = said.split_once(':').unwrap_or((said, ""));
    let (before, prices) = match prices.trim().split_once(' ') {
        Some(("lost", prices)) => (Before::Lost, prices),
        Some(("shut", prices)) => (Before::Shut, prices),
        Some(_) | None => (Before::Another, prices),
    };
    let prices: Vec<Price> = prices
        .split_whitespace()
        .map(|word| Price::parse(word).unwrap())
        .collect();
    let [open, high, low, close] = prices[..] else {
        panic!("no bar: {line}");
    };
    let bar = Ohlc {
        open,
        high,
        low,
        close,
    };
    assert!(low <= open.min(close) && open.max(close) <= high, "{line}");
    let events = events.split(';').map(|event| event.trim().to_owned());
    let events = events.filter(|event| !event.is_empty()).collect();
    ((before, bar), events)
}

fn mirrored(bar: &Ohlc) -> Ohlc {
    Ohlc {
        open: -bar.open,
        high: -bar.low,
        low: -bar.high,
        close: -bar.close,
    }
}

fn sorted(mut events: Vec<String>) -> Vec<String> {
    events.sort();
    events
}

/// What a chart says of each bar, as a reader sees it for whom `up` is upwards. The bars are days: no pools of days, weeks
/// and sessions are among them.
fn seen(
    subject: Subject,
    rules: &Rules,
    bars: &[(Before, Ohlc)],
    up: Direction,
) -> Vec<Vec<String>> {
    assert_eq!(rules.check(), Ok(()));
    let (mut chart, mut day) = (Chart::new(rules, 17), 0);
    let close = |(before, price): &(Before, Ohlc)| {
        day += if *before == Before::Another { 1 } else { 3 };
        let open_time = SourceTime::from_secs(day * 86_400);
        let bar = Bar {
            open_time,
            end_time: open_time + Span::from_hours(24),
            price: *price,
            ticks: 1,
            holed: *before == Before::Lost,
        };
        let mut findings = Vec::new();
        chart.close(&bar, rules, &mut findings);
        let reader = Reader { up };
        let said = findings
            .iter()
            .filter_map(|found| reader.say(subject, found));
        said.collect()
    };
    bars.iter().map(close).collect()
}

/// Puts findings into words.
struct Reader {
    up: Direction,
}

impl Reader {
    /// A finding in words, if it is of this subject.
    fn say(&self, subject: Subject, finding: &Finding) -> Option<String> {
        let gap = |gap: &Gap, what: &str| {
            let way = self.way(gap.direction);
            (Subject::Gaps, format!("gap {way} of {} {what}", gap.born))
        };
        let block = |block: &Block, what: &str| {
            let way = self.way(block.direction);
            (
                Subject::Blocks,
                format!("block {way} of {} {what}", block.born),
            )
        };
        let (of, said) = match finding {
            Finding::MajorSwing { .. } => return None,
            Finding::Gap(found) => gap(found, &self.edges(found.bottom, found.top)),
            Finding::GapTouched(found) => gap(found, "touched"),
            Finding::GapFilled(found) => gap(found, "filled"),
            Finding::GapInverted(found) => gap(found, "by inversion"),
            Finding::Break(found) => (Subject::Blocks, self.break_of(found)),
            Finding::Block(found) => (Subject::Blocks, self.block(found)),
            Finding::BlockTouched(found) => block(found, "touched"),
            Finding::BlockBroken(found) => block(found, "by breaking"),
            Finding::Swing { side, level, bar } => {
                let (side, level) = (self.side(*side), self.price(*level));
                (Subject::Pools, format!("{side} {level} at {bar}"))
            }
            Finding::Equal {
                side,
                level,
                bar,
                earlier,
            } => {
                let (side, level) = (self.side(*side), self.price(*level));
                let said = format!("equal {side} {level} at {bar} and {earlier}");
                (Subject::Pools, said)
            }
            Finding::Sweep { pool, extreme, .. } => {
                (Subject::Pools, self.end("sweep", pool, *extreme))
            }
            Finding::Run { pool, extreme, .. } => (Subject::Pools, self.end("run", pool, *extreme)),
        };
        (of == subject).then_some(said)
    }

    fn block(&self, block: &Block) -> String {
        let way = self.way(block.direction);
        let edges = self.edges(block.bottom, block.top);
        format!("block {way} {edges} at {}", block.bar)
    }

    fn end(&self, kind: &str, pool: &Pool, extreme: Price) -> String {
        let (source, side) = (pool.kind.as_str(), self.side(pool.side));
        let (level, extreme) = (self.price(pool.level), self.price(extreme));
        let bar = pool.bar;
        format!("{kind} of {source} {side} {level} at {bar} to {extreme}")
    }

    fn break_of(&self, found: &Break) -> String {
        let kind = if found.choch { "choch" } else { "bos" };
        let displaced = if found.displaced { " displaced" } else { "" };
        let (way, level) = (self.way(found.direction), self.price(found.level));
        let extreme = self.price(found.leg.extreme);
        format!("{kind} {way} {level}, leg from {extreme}{displaced}")
    }

    fn way(&self, direction: Direction) -> &'static str {
        if direction == self.up { "up" } else { "down" }
    }

    fn side(&self, side: Direction) -> &'static str {
        if side == self.up { "high" } else { "low" }
    }

    fn price(&self, price: Price) -> String {
        match self.up {
            Direction::Long => price.to_string(),
            Direction::Short => (-price).to_string(),
        }
    }

    fn edges(&self, bottom: Price, top: Price) -> String {
        match self.up {
            Direction::Long => format!("{bottom}-{top}"),
            Direction::Short => format!("{}-{}", -top, -bottom),
        }
    }
}
