//! What a cycle has planned for its price: a path that a setup may be found in, and after it a stretch of pure chance.
//!
//! A plan fixes the price at a few moments; between them it wanders (a Brownian bridge). A long plan, in minutes of the
//! cycle (`d` is the lead-in's length) and, upwards, in units of a usual one-minute bar above the pool:
//!
//! ```text
//!  5 *                                                  d+11
//!     \                   d+4.5                          *     displaced through the swing high: the shift
//!  2   \                   *  the swing high            / \
//!       \                 /   \                         /   \       from the trigger on: free
//!  1     \              /       \               d+10 *     * . . . . . . . . . . . . . . . .
//!         \           /           \     d+9         /    the gap's edge
//!  0       \ d+0.5  /              \    *-----------   closed back above the pool
//!           *  the pool              \  /
//!                                     *  d+8.4  the sweep
//! ```
//!
//! A short plan is the mirror image; a fair coin decides, loaded a little when the price is far from its base, and by
//! nothing else. Some plans fail as real ones do: the sweep is not followed by a displacement, or the displacement not by
//! a retrace; others because of where the market happened to stand. So about four in five become signals.
//!
//! What follows the trigger is a driftless Brownian motion: how it ends is drawn when the cycle begins, without regard to
//! the plan, and reached by a bridge, which is the same as never knowing it. So a cycle's net move costs a few random
//! numbers, and the price of a year hence is known without walking there.
//!
//! What is not chance: a signal that is open when the next plan begins meets that plan's coin instead of a walk. One in six
//! of the confirmed ones do, and reach their target a little less often than by a walk (3 in 100); one in twelve is
//! confirmed by a plan's own move, and reaches it more often (12 in 100). Over all signals the two cancel to less than what
//! a thousand markets can show, which `tests/market/odds.rs` watches.

use super::random::Random;
use super::schedule::Times;
use super::session::Session;
use super::venue::Venue;

/// The purpose of this file's random numbers.
const SHAPE: u64 = 2;
/// Out of 100 plans: those whose sweep is not followed by a displacement, and those that never come back to the gap.
const UNDISPLACED: f64 = 8.0;
const UNRETRACED: f64 = 5.0;
/// How far from its base, in usual one-minute bars, the coin would be loaded fully (a cycle's moves are about four bars,
/// so the price stays within some 70 bars of its base two thirds of the time: 2 to 5 percent).
const REACH: f64 = 2000.0;
/// The most the coin is ever loaded.
const MOST_LOADED: f64 = 0.45;
/// The free stretch's standard deviation over a minute, in usual one-minute bars: lively, so that a verdict comes soon
/// and most trades are over before the next plan.
const FREE: f64 = 0.85;
/// Where the trigger is, above the pool, in usual one-minute bars: the low of the displacing minute.
const GAP_TOP: f64 = 0.9;
/// The plan ends this little before the trigger is reached, so that chance alone pulls it.
const SHORT_OF_TRIGGER: f64 = 0.02;
/// Added to the depth of the lead-in of the cycles around the anchor, so that it surely leaves a trend to shift.
const OPENING_DEPTH: f64 = 1.6;
/// Moments that a plan fixes, at most.
pub(super) const MOST_LEGS: usize = 16;

/// How a plan goes on after its sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Setup,
    Undisplaced,
    Unretraced,
}

/// A stretch of a cycle, up to a moment at which the price is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Leg {
    /// When it ends, in milliseconds since 1970.
    pub until: i64,
    /// The price at its end.
    pub level: f64,
    /// Variance of the wandering, per millisecond.
    pub variance: f64,
    /// Ticks, in multiples of the session's rate.
    pub pace: f64,
}

/// One cycle, before it is drawn out into legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub times: Times,
    /// The next cycle's start.
    pub end: i64,
    pub kind: Kind,
    /// +1 for a long plan, -1 for a short one.
    pub sign: f64,
    /// The span of a usual one-minute bar in this session, in price units.
    pub unit: f64,
    /// The price at its start.
    start: f64,
    /// In units: how deep the lead-in goes, how high the swing is, how far the sweep goes beyond the pool.
    depth: f64,
    height: f64,
    sweep: f64,
    /// In units: what the free stretch adds, up or down.
    free: f64,
}

/// A plan drawn out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Legs {
    pub all: [Leg; MOST_LEGS],
    pub count: usize,
    /// The leg in which the price comes back to the gap: from it on all levels move with where the gap turned out to be.
    pub retrace: Option<usize>,
}

impl Plan {
    /// The plan of a cycle whose times are `times`, that ends at `end` and begins at the price `start`.
    pub(super) fn new(
        seed: u64,
        venue: &Venue,
        cycle: i64,
        (times, end): (Times, i64),
        session: Session,
        start: f64,
    ) -> Self {
        let mut random = Random::of([seed ^ venue.path, cycle as u64, SHAPE]);
        let unit = venue.unit * session.range;
        let away = (start - venue.base) / (venue.unit * REACH);
        // A long plan ends lower than it began: it is the one that brings a high price back.
        let loaded = away.clamp(-MOST_LOADED, MOST_LOADED);
        let sign = if random.uniform() < 0.5 + loaded {
            1.0
        } else {
            -1.0
        };
        let kind = match random.between(0.0, 100.0) {
            // The cycles around the anchor are the first thing a newcomer sees.
            _ if cycle == 0 => Kind::Setup,
            chance if chance < UNDISPLACED => Kind::Undisplaced,
            chance if chance < UNDISPLACED + UNRETRACED => Kind::Unretraced,
            _ => Kind::Setup,
        };
        let free_minutes = (end - times.trigger) as f64 / 60_000.0;
        Self {
            times,
            end,
            kind,
            sign,
            unit,
            start,
            depth: random.between(4.8, 5.8) + if cycle == 0 { OPENING_DEPTH } else { 0.0 },
            height: random.between(2.0, 2.4),
            sweep: random.between(0.25, 0.45),
            free: random.normal() * FREE * free_minutes.sqrt(),
        }
    }

    pub(super) fn start_price(&self) -> f64 {
        self.start
    }

    /// The minute (since 1970) in which the retrace begins; the one before it displaces.
    pub(super) fn peak_minute(&self) -> i64 {
        self.times.after(self.times.peak()).div_euclid(60_000)
    }

    /// The price at the end of the cycle, if the gap is where it was planned.
    pub(super) fn end_price(&self) -> f64 {
        self.start + self.unit * (self.sign * self.trigger_level() + self.free)
    }

    /// Where a setup of this plan enters: [`SHORT_OF_TRIGGER`] beyond the gap's edge.
    pub(super) fn entry(&self, edge: f64) -> f64 {
        edge + self.sign * self.unit * SHORT_OF_TRIGGER
    }

    /// The level at which the plan ends, in units from the start, as if long.
    fn trigger_level(&self) -> f64 {
        match self.kind {
            Kind::Setup => GAP_TOP + SHORT_OF_TRIGGER - self.depth,
            Kind::Undisplaced => 0.45 - self.depth,
            Kind::Unretraced => self.height + 1.0 - self.depth,
        }
    }

    /// Draws the plan out.
    pub(super) fn legs(&self) -> Legs {
        let mut pen = Pen {
            plan: self,
            legs: Legs {
                all: [Leg::default(); MOST_LEGS],
                count: 0,
                retrace: None,
            },
        };
        self.draw_swings(&mut pen);
        match self.kind {
            Kind::Setup => self.draw_setup(&mut pen),
            Kind::Undisplaced => pen.to(self.times.peak(), 0.3, 0.4, 1.0),
            Kind::Unretraced => self.draw_displacement(&mut pen),
        }
        let trigger = self.trigger_level() + self.depth;
        pen.until(self.times.trigger, trigger, 0.15, 1.2);
        // Chance alone: what was drawn at the cycle's start, whatever was planned.
        pen.until(self.end, trigger + self.sign * self.free, FREE, 1.4);
        pen.legs
    }

    /// The lead-in down to the pool, up to the swing high, and the sweep that closes above the pool.
    fn draw_swings(&self, pen: &mut Pen<'_>) {
        let (d, high) = (self.times.lead_in as f64, self.height);
        pen.to(d - 1.0, 1.4, 0.4, 1.0);
        pen.to(d, 0.7, 0.3, 1.0);
        pen.to(d + 0.5, 0.0, 0.2, 1.0);
        pen.to(d + 1.0, 0.5, 0.2, 1.0);
        pen.to(d + 4.0, high - 0.6, 0.35, 0.9);
        pen.to(d + 4.5, high, 0.12, 1.0);
        pen.to(d + 5.0, high - 0.6, 0.12, 1.0);
        pen.to(d + 8.0, 0.2, 0.3, 0.9);
        pen.to(d + 8.4, -self.sweep, 0.15, 1.3);
        pen.to(d + 9.0, 0.12, 0.15, 1.3);
    }

    /// Two minutes up, the second through the swing high; between them and the sweep they leave the gap.
    fn draw_displacement(&self, pen: &mut Pen<'_>) {
        let peak = self.times.peak();
        pen.to(peak - 1.0, GAP_TOP, 0.12, 1.4);
        pen.to(peak, self.height + 0.45, 0.2, 1.6);
    }

    fn draw_setup(&self, pen: &mut Pen<'_>) {
        self.draw_displacement(pen);
        pen.legs.retrace = Some(pen.legs.count);
        if self.times.rest > 0 {
            let peak = self.times.peak();
            pen.to(peak + self.times.rest as f64, self.height - 0.3, 0.3, 1.1);
        }
    }
}

/// Writes legs down in the terms of the picture above: minutes of the cycle, units above the pool, as if long.
struct Pen<'a> {
    plan: &'a Plan,
    legs: Legs,
}

impl Pen<'_> {
    /// `sigma`: standard deviation of the wandering over a minute, in units.
    fn to(&mut self, minutes: f64, level: f64, sigma: f64, pace: f64) {
        self.until(self.plan.times.after(minutes), level, sigma, pace);
    }

    fn until(&mut self, until: i64, level: f64, sigma: f64, pace: f64) {
        let plan = self.plan;
        let sigma = sigma * plan.unit;
        self.legs.all[self.legs.count] = Leg {
            until,
            level: plan.start + plan.sign * plan.unit * (level - plan.depth),
            variance: sigma * sigma / 60_000.0,
            pace,
        };
        self.legs.count += 1;
    }
}
