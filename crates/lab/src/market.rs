//! The seeded simulated market: what the `sim` feed plays, and what the tests trade.
//!
//! A market is a pure function of its seed, its anchor and time: the same ticks whatever moment they are asked from, so a
//! restart goes on with the same market, and a year after the anchor costs no more than a few milliseconds. It never
//! closes and never ends. Each instrument lives in *cycles* of some 23 minutes (`market/schedule.rs`): a planned path in
//! which the ordinary setups find something to trade, then a stretch of pure chance (`market/plan.rs`). The generator
//! plans prices, never signals: what becomes of a setup is the engine's verdict and the market's luck, at the odds of a
//! driftless walk.
//!
//! Nothing but `+ - * /` and square root is used, so every machine draws the same market.

mod plan;
pub(crate) mod random;
mod schedule;
mod session;
mod venue;
mod walk;

use ::market::{Catalog, Direction, InstrumentId, SourceTime, Span, Tick};
use plan::{Kind, Plan};
use random::{Random, number_of};
use schedule::Schedule;
use venue::Venue;
use walk::{Course, Known, Walk};

/// The market begins this long before its anchor.
const WARM_UP: Span = Span::from_hours(24);
/// Anchors and starts outside of the years 1970 to 2200 are taken as the nearest end: nanoseconds are full in 2262.
const LATEST: SourceTime = SourceTime::from_secs(7_258_118_400);
/// Prices begin at most this part away from their base.
const FIRST_AWAY: f64 = 0.01;

/// A simulated market; see the head of this file.
#[derive(Clone, Debug)]
pub struct SimMarket {
    anchor: SourceTime,
    courses: Vec<Course>,
}

impl SimMarket {
    /// A market of every instrument of the catalog.
    ///
    /// - `seed`, `anchor`: what makes it this market and no other. Around the anchor (the first start of a server) it is a
    ///   busy moment: two setups trigger within a minute after it, one within two minutes before.
    /// - `rate`: ticks per second over all instruments, at all hours; without one (or with one that is no positive
    ///   number) each instrument has its natural rhythm, 0.5 to 3 a second. No instrument ticks less than each five
    ///   seconds, nor more than 1,000 times a second.
    #[must_use]
    pub fn new(seed: u64, anchor: SourceTime, catalog: &Catalog, rate: Option<f64>) -> Self {
        let anchor = within_reach(anchor);
        let rate = rate.filter(|rate| rate.is_finite() && *rate > 0.0);
        let places = Places::new(seed, catalog);
        let courses = (0..catalog.instruments.len())
            .filter_map(|place| u16::try_from(place).ok())
            .map(|place| {
                let venue = Venue::new(catalog, InstrumentId(place), rate);
                let schedule = places.schedule(seed, venue.path, anchor.millis());
                let begin = (anchor - WARM_UP).millis();
                let mut random = Random::of([seed ^ venue.path, 0, 0]);
                Course {
                    seed,
                    venue,
                    schedule,
                    // One before the first that is shown (see `Walk::new`), which of those who share a path and tick
                    // a little later may be the one before the leader's.
                    first_cycle: schedule.cycle_at(begin) - 2,
                    first_price: venue.base * (1.0 + random.between(-FIRST_AWAY, FIRST_AWAY)),
                    natural: rate.is_none(),
                }
            })
            .collect();
        Self { anchor, courses }
    }

    /// The first moment of this market, a day before its anchor.
    #[must_use]
    pub fn begin(&self) -> SourceTime {
        self.anchor - WARM_UP
    }

    /// The plans of an instrument whose cycles overlap the time from `from` to `to`.
    #[must_use]
    pub fn plans(
        &self,
        instrument: InstrumentId,
        from: SourceTime,
        to: SourceTime,
    ) -> Vec<Planned> {
        let Some(course) = self.courses.get(instrument.index()) else {
            return Vec::new();
        };
        let (from, to) = (within_reach(from).max(self.begin()), within_reach(to));
        let first = course.schedule.cycle_at(from.millis());
        let last = course.schedule.cycle_at(to.millis());
        let plan = |cycle| Planned::of(&course.plan_of(cycle));
        (first..=last).map(plan).collect()
    }

    /// Every tick from `from` on (or from the market's beginning, if that is later): in order of time, those of one
    /// moment in the catalog's order, and without end. Times are whole milliseconds; those of one instrument rise
    /// strictly and are less than five seconds apart.
    #[must_use]
    pub fn ticks_from(&self, from: SourceTime) -> Ticks {
        // A moment within a millisecond is past that millisecond's ticks.
        let from = within_reach(from).max(self.begin());
        let from_ms = (from + Span::from_nanos(999_999)).millis();
        let mut known = Known::default();
        let start = |course: &Course| Walk::from(*course, from_ms, &mut known);
        Ticks {
            walks: self.courses.iter().map(start).collect(),
        }
    }
}

/// What was planned for one cycle of one instrument: for tests and reports that compare plans with what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    pub direction: Direction,
    pub begin: SourceTime,
    /// When the displacement ends, at a full minute.
    pub peak: SourceTime,
    /// All planning ends here, where a complete plan's setup triggers; from here to the end the price is free.
    pub trigger: SourceTime,
    pub end: SourceTime,
    /// Whether the plan has all that the setup asks for; a few fail on purpose.
    pub complete: bool,
}

impl Planned {
    fn of(plan: &Plan) -> Self {
        let direction = if plan.sign > 0.0 {
            Direction::Long
        } else {
            Direction::Short
        };
        Self {
            direction,
            begin: SourceTime::from_millis(plan.times.start),
            peak: SourceTime::from_millis(plan.times.after(plan.times.peak())),
            trigger: SourceTime::from_millis(plan.times.trigger),
            end: SourceTime::from_millis(plan.end),
            complete: plan.kind == Kind::Setup,
        }
    }
}

fn within_reach(time: SourceTime) -> SourceTime {
    time.clamp(SourceTime::from_secs(0) + WARM_UP, LATEST)
}

/// The ticks of a [`SimMarket`], without end.
#[derive(Clone, Debug)]
pub struct Ticks {
    /// Each instrument's walk and its next tick, in the catalog's order.
    walks: Vec<(Walk, Tick)>,
}

impl Ticks {
    /// When the next tick comes; `None` only if the market has no instrument.
    #[must_use]
    pub fn next_time(&self) -> Option<SourceTime> {
        self.walks.iter().map(|(_, tick)| tick.time).min()
    }
}

impl Iterator for Ticks {
    type Item = Tick;

    fn next(&mut self) -> Option<Tick> {
        let (walk, tick) = self.walks.iter_mut().min_by_key(|(_, tick)| tick.time)?;
        let following = walk.next();
        Some(std::mem::replace(tick, following))
    }
}

/// Who takes which place in the schedule: the paths of the instruments that give signals, in an order that the seed turns.
struct Places {
    paths: Vec<u64>,
}

impl Places {
    fn new(seed: u64, catalog: &Catalog) -> Self {
        let mut paths: Vec<u64> = Vec::new();
        for instrument in catalog.instruments.iter().filter(|i| i.signals) {
            let path = number_of(Venue::path_of(instrument.symbol.as_str()));
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let turn = Random::of([seed, 0, 0]).bits() % paths.len().max(1) as u64;
        paths.rotate_left(turn as usize);
        Self { paths }
    }

    /// A path that gives no signals takes some place that is none of the first.
    fn schedule(&self, seed: u64, path: u64, anchor_ms: i64) -> Schedule {
        let count = self.paths.len();
        let place = self.paths.iter().position(|&of| of == path);
        let place = place.unwrap_or(3 + (path % 4) as usize);
        Schedule::new(seed, path, anchor_ms, place, count)
    }
}
