//! One instrument's ticks, drawn one after the other along its plans.

use super::plan::{Leg, Legs, Plan};
use super::random::Random;
use super::schedule::Schedule;
use super::session::{Session, Sessions};
use super::venue::Venue;
use market::{Price, SourceTime, Tick};

/// The longest pause between two ticks, and the latest first tick of a cycle: together below the 5 s that are promised.
const LONGEST_PAUSE_MS: f64 = 3900.0;
const LATEST_FIRST_MS: i64 = 900;
/// The shortest pause, where the rate leaves room for it.
const SHORTEST_PAUSE_MS: f64 = 15.0;
/// The purpose of this file's random numbers.
const TICKS: u64 = 3;

/// What an instrument does, whoever asks and whenever: enough to draw its ticks from any moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    pub seed: u64,
    pub venue: Venue,
    pub schedule: Schedule,
    /// The cycle that the market begins in, and the price of this path there.
    pub first_cycle: i64,
    pub first_price: f64,
    /// Whether ticks follow the time of day; not when a rate was asked for.
    pub natural: bool,
}

impl Course {
    pub(super) fn plan(&self, cycle: i64, start: f64, sessions: &mut Sessions) -> Plan {
        let times = self.schedule.times(cycle);
        let end = self.schedule.times(cycle + 1).start;
        let session = sessions.at(times.start_minute());
        Plan::new(self.seed, &self.venue, cycle, (times, end), session, start)
    }

    /// The plan of a cycle: every cycle since the first is worth a few random numbers.
    pub(super) fn plan_of(&self, cycle: i64) -> Plan {
        let mut sessions = Sessions::new();
        let (mut price, mut times) = (self.first_price, self.schedule.times(self.first_cycle));
        for earlier in self.first_cycle..cycle {
            let next = self.schedule.times(earlier + 1);
            let session = sessions.at(times.start_minute());
            let span = (times, next.start);
            let plan = Plan::new(self.seed, &self.venue, earlier, span, session, price);
            (price, times) = (plan.end_price(), next);
        }
        self.plan(cycle, price, &mut sessions)
    }
}

/// Plans that have been worked out, by path and cycle: instruments that share a path need each only once.
#[derive(Debug, Default)]
pub(super) struct Known(Vec<(u64, i64, Plan)>);

impl Known {
    fn plan_of(&mut self, course: &Course, cycle: i64) -> Plan {
        let path = course.venue.path;
        let known = self
            .0
            .iter()
            .find(|(of, at, _)| (*of, *at) == (path, cycle));
        if let Some((_, _, plan)) = known {
            return *plan;
        }
        let plan = course.plan_of(cycle);
        self.0.push((path, cycle, plan));
        plan
    }
}

/// A walk along one course.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    course: Course,
    sessions: Sessions,
    random: Random,
    cycle: i64,
    plan: Plan,
    legs: Legs,
    leg: usize,
    /// The middle of the market after `moment`, in price units, and that moment in milliseconds since 1970.
    price: f64,
    moment: i64,
    /// When the next tick comes, but for the venue's delay.
    due: i64,
    minute: i64,
    session: Session,
    /// The far edge (low of a long plan) of the displacing minute's ticks so far.
    edge: Option<f64>,
}

impl Walk {
    /// Begins at the start of `cycle`, whose plan is `plan`, at the price that it begins with.
    ///
    /// Where the gap of a plan lies is known only when its ticks are drawn, and all that follows moves with it until the
    /// next cycle's first fixed price. So a walk's first cycle is right from that price on, and every later one wholly.
    fn new(course: Course, cycle: i64, plan: Plan) -> Self {
        let mut sessions = Sessions::new();
        let minute = plan.times.start_minute();
        let mut walk = Self {
            course,
            random: Random::of([0; 3]),
            cycle,
            legs: plan.legs(),
            leg: 0,
            price: plan.start_price(),
            moment: plan.times.start,
            due: plan.times.start,
            minute,
            session: sessions.at(minute),
            sessions,
            edge: None,
            plan,
        };
        walk.begin(cycle, plan);
        walk
    }

    /// The ticks of a course from `from_ms` on.
    pub(super) fn from(course: Course, from_ms: i64, known: &mut Known) -> (Self, Tick) {
        let from = from_ms - course.venue.delay_ms;
        let before = course.schedule.cycle_at(from).max(course.first_cycle + 1) - 1;
        let mut walk = Self::new(course, before, known.plan_of(&course, before));
        let first = SourceTime::from_millis(from_ms);
        loop {
            let tick = walk.next();
            if tick.time >= first {
                return (walk, tick);
            }
        }
    }

    /// The next tick.
    pub(super) fn next(&mut self) -> Tick {
        if self.due >= self.plan.end {
            self.move_to(self.plan.end);
            self.begin_next();
        }
        let now = self.due;
        self.move_to(now);
        let tick = self.quote(now);
        self.due = now + self.pause();
        tick
    }

    fn begin_next(&mut self) {
        // The plan goes on from where this one was to end; the price itself from where it is.
        let start = self.plan.end_price();
        let plan = self.course.plan(self.cycle + 1, start, &mut self.sessions);
        self.begin(self.cycle + 1, plan);
    }

    fn begin(&mut self, cycle: i64, plan: Plan) {
        let Course { seed, venue, .. } = self.course;
        self.random = Random::of([seed ^ venue.path, cycle as u64, TICKS]);
        self.cycle = cycle;
        self.plan = plan;
        self.legs = plan.legs();
        self.leg = 0;
        self.edge = None;
        self.moment = plan.times.start;
        self.due = plan.times.start + self.random.whole(0, LATEST_FIRST_MS);
    }

    fn current(&self) -> Leg {
        self.legs.all[self.leg]
    }

    /// Moves the price to what it is at `now`, past every fixed price on the way.
    fn move_to(&mut self, now: i64) {
        while self.leg < self.legs.count && self.current().until <= now {
            let done = self.current();
            (self.price, self.moment) = (done.level, done.until);
            self.leg += 1;
            if Some(self.leg) == self.legs.retrace {
                self.turn_back();
            }
        }
        if self.leg >= self.legs.count || now <= self.moment {
            return;
        }
        // A Brownian bridge from here to the leg's end, of which only this one point is wanted now.
        let leg = self.current();
        let left = (leg.until - self.moment) as f64;
        let step = (now - self.moment) as f64;
        let deviation = (leg.variance * step * (left - step) / left).sqrt();
        self.price += (leg.level - self.price) * (step / left) + deviation * self.random.step();
        self.moment = now;
    }

    /// The displacement is over and the gap known: all that follows moves to where it really is.
    fn turn_back(&mut self) {
        let Some(edge) = self.edge else { return };
        let trigger = self.legs.all[..self.legs.count]
            .iter()
            .find(|leg| leg.until == self.plan.times.trigger);
        let planned = trigger.map_or(edge, |leg| leg.level);
        let moved = self.plan.entry(edge) - planned;
        for leg in &mut self.legs.all[self.leg..self.legs.count] {
            leg.level += moved;
        }
    }

    /// The quote around the price: whole ticks, never crossed, never below one tick.
    fn quote(&mut self, now: i64) -> Tick {
        let venue = self.course.venue;
        let minute = now.div_euclid(60_000);
        if minute != self.minute {
            (self.minute, self.session) = (minute, self.sessions.at(minute));
        }
        let usual = venue.spread * self.session.spread;
        let spread = (usual * self.random.between(0.85, 1.2)).round().max(1.0);
        let middle = (self.price + venue.basis) / venue.tick;
        let bid = (middle - spread / 2.0).round().max(1.0);
        self.watch_edge(minute, (bid + spread / 2.0) * venue.tick - venue.basis);
        let price = |ticks: f64| Price::from_units(venue.tick_units).times(ticks as i64);
        Tick {
            instrument: venue.id,
            bid: price(bid),
            ask: price(bid + spread),
            volume: None,
            time: SourceTime::from_millis(now + venue.delay_ms),
            received: None,
        }
    }

    /// Keeps the low (of a long plan) of the displacing minute as quoted: the gap's edge, and the setup's entry.
    fn watch_edge(&mut self, minute: i64, middle: f64) {
        if self.legs.retrace.is_none() || minute + 1 != self.plan.peak_minute() {
            return;
        }
        let nearer = |edge: f64| {
            if self.plan.sign > 0.0 {
                edge.min(middle)
            } else {
                edge.max(middle)
            }
        };
        self.edge = Some(self.edge.map_or(middle, nearer));
    }

    /// Milliseconds to the next tick: many short ones, some long, as quotes come.
    fn pause(&mut self) -> i64 {
        let pace = self.legs.all[self.leg.min(self.legs.count - 1)].pace;
        let rate = if self.course.natural {
            self.session.rate * pace
        } else {
            1.0
        };
        let mean = self.course.venue.pause_ms / rate;
        let chance = self.random.uniform();
        // The square of a uniform number has a mean of one third.
        let pause = 3.0 * chance * chance * mean;
        let shortest = (mean / 10.0).clamp(1.0, SHORTEST_PAUSE_MS);
        pause.clamp(shortest, LONGEST_PAUSE_MS).round() as i64
    }
}
