//! When things are planned to happen: one plan per instrument and cycle, the instruments staggered, and a busy moment
//! around the anchor. Any cycle's times follow from its number alone.

use super::random::Random;

/// Minutes from one plan to the next of the same instrument, give or take [`WOBBLE`].
pub(super) const PERIOD: i64 = 26;
/// Minutes by which a plan may come early or late.
const WOBBLE: i64 = 1;
/// The most minutes between the plans of two instruments that follow each other.
const MOST_APART: f64 = 3.75;
/// Seconds of the minute in which a retrace ends: a setup's confirmation is a whole one-minute bar that opens after its
/// entry, so the later in the minute, the sooner a verdict.
const SECONDS: (i64, i64) = (42, 56);
/// Minutes from the swing that is to be swept to the end of the displacement; see `plan.rs`.
const SWING_TO_PEAK: i64 = 11;
/// Where the first slot lies after the anchor, in milliseconds.
const FIRST_SLOT_MS: i64 = 30_000;
const MINUTE_MS: i64 = 60_000;
/// The purpose of this file's random numbers.
const TIMES: u64 = 1;

/// The times of one cycle, in milliseconds since 1970 where not said otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Times {
    pub start: i64,
    /// Whole minutes of the decline that leads in (of a long plan).
    pub lead_in: i64,
    /// Whole minutes between the displacement's end and the minute of the trigger.
    pub rest: i64,
    /// The end of all planning: the price is where a setup triggers, and free from here on.
    pub trigger: i64,
}

impl Times {
    pub(super) fn start_minute(&self) -> i64 {
        self.start.div_euclid(MINUTE_MS)
    }
    /// The moment `minutes` after the start.
    pub(super) fn after(&self, minutes: f64) -> i64 {
        self.start + (minutes * MINUTE_MS as f64) as i64
    }
    /// Minutes after the start at which the displacement has ended: the setup arms when this minute's bar closes.
    pub(super) fn peak(&self) -> f64 {
        (self.lead_in + SWING_TO_PEAK) as f64
    }
}

/// One instrument's times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    seed: u64,
    path: u64,
    /// The minute in which cycle 0 would have its trigger if the anchor were no special moment.
    regular: i64,
    /// The trigger of cycle 0 of an instrument that the anchor is a special moment for; it sets the earlier ones too.
    opening: Option<i64>,
}

impl Schedule {
    /// The schedule of the instrument at place `place` of `count` that are given to signals. The first three have their
    /// trigger shortly after the anchor, the next two before it; after that all are spread evenly over the period.
    pub(super) fn new(seed: u64, path: u64, anchor_ms: i64, place: usize, count: usize) -> Self {
        let opening = match place {
            0..=2 => Some(soon_after(seed, anchor_ms, place as u64)),
            3 => Some(before(seed, anchor_ms, 40..=95)),
            4 => Some(before(seed, anchor_ms, 225..=280)),
            _ => None,
        };
        let apart = (PERIOD as f64 / count.max(1) as f64).min(MOST_APART);
        let slot = slot_of(place, count.max(1)) as f64;
        Self {
            seed,
            path,
            regular: (anchor_ms + FIRST_SLOT_MS).div_euclid(MINUTE_MS)
                + (slot * apart).round() as i64,
            opening,
        }
    }

    pub(super) fn times(&self, cycle: i64) -> Times {
        let mut random = Random::of([self.seed ^ self.path, cycle as u64, TIMES]);
        let (mut lead_in, mut rest) = (random.whole(4, 5), random.whole(0, 1));
        let wobble = random.whole(-WOBBLE, WOBBLE);
        let mut second = random.whole(SECONDS.0, SECONDS.1);
        let mut minute = self.regular + cycle * PERIOD + wobble;
        if let (Some(opening), ..=0) = (self.opening, cycle) {
            minute = opening.div_euclid(MINUTE_MS) + cycle * PERIOD;
            if cycle == 0 {
                second = opening.rem_euclid(MINUTE_MS) / 1000;
                // A longer lead-in (see `plan.rs`), and time enough to fall that far without a crash.
                (lead_in, rest) = (6, i64::from(second < 30));
            } else {
                minute += wobble;
            }
        }
        let start = (minute - rest - SWING_TO_PEAK - lead_in) * MINUTE_MS;
        Times {
            start,
            lead_in,
            rest,
            trigger: minute * MINUTE_MS + second * 1000,
        }
    }

    /// The cycle that a moment lies in.
    pub(super) fn cycle_at(&self, ms: i64) -> i64 {
        let mut cycle = (ms.div_euclid(MINUTE_MS) - self.regular).div_euclid(PERIOD) - 1;
        while self.times(cycle + 1).start <= ms {
            cycle += 1;
        }
        cycle
    }
}

/// Which part of the period is an instrument's own. Those that the anchor calls away from theirs leave a hole behind in
/// the first period: not two in a row, and none at its beginning.
fn slot_of(place: usize, count: usize) -> i64 {
    let mut free: Vec<usize> = (0..count).collect();
    let mut taken = 0;
    for turn in 0..=place {
        let wanted = match turn {
            1 => count * 2 / 7,
            2 => count * 4 / 7,
            3 | 4 => count - 1,
            _ => 0,
        };
        // None left: more instruments than were counted share the last one.
        let Some(last) = free.len().checked_sub(1) else {
            break;
        };
        let at = free.iter().position(|&slot| slot >= wanted);
        taken = free.remove(at.unwrap_or(last));
    }
    // Those with a trigger before the anchor go on at the end of the first period.
    let early = matches!(place, 3 | 4);
    taken as i64 - if early { count as i64 } else { 0 }
}

/// A moment 20 to 40 s after the anchor, as late in its minute as that allows, but not in its last three seconds nor in
/// its first eight (a bar is known to be closed only 1.5 s after its end).
fn soon_after(seed: u64, anchor_ms: i64, which: u64) -> i64 {
    let mut random = Random::of([seed, which, TIMES]);
    let best = random.whole(50, 56);
    let second_of = |ms: i64| ms.rem_euclid(MINUTE_MS) / 1000;
    let second = anchor_ms.div_euclid(1000) * 1000;
    (20..=40)
        .map(|later| second + later * 1000)
        .filter(|&ms| (8..=56).contains(&second_of(ms)))
        .min_by_key(|&ms| (best - second_of(ms)).rem_euclid(60))
        .unwrap_or(second + 30_000)
}

/// A moment that many seconds before the anchor, late in its minute.
fn before(seed: u64, anchor_ms: i64, seconds: std::ops::RangeInclusive<i64>) -> i64 {
    let second = anchor_ms.div_euclid(1000) * 1000;
    let nearest = second - seconds.start() * 1000;
    let best = Random::of([seed, *seconds.start() as u64, TIMES]).whole(46, 54);
    seconds
        .map(|earlier| second - earlier * 1000)
        .min_by_key(|&ms| (best - ms.rem_euclid(MINUTE_MS) / 1000).abs())
        .unwrap_or(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: i64 = 1_800_000_000_000;

    #[test]
    fn cycles_follow_each_other_and_leave_room_to_be_free() {
        for place in 0..7 {
            let schedule = Schedule::new(5, 99 + place as u64, ANCHOR + 31_000, place, 7);
            for cycle in -200..200 {
                let (times, next) = (schedule.times(cycle), schedule.times(cycle + 1));
                let free = (next.start - times.trigger) / 1000;
                // The first period's holes and pushes are around the anchor.
                let expected = if cycle == 0 { 120..1800 } else { 360..740 };
                assert!(
                    expected.contains(&free),
                    "place {place}, cycle {cycle}: free for {free} s"
                );
                assert_eq!(schedule.cycle_at(times.start), cycle);
                assert_eq!(schedule.cycle_at(times.trigger), cycle);
                assert_eq!(schedule.cycle_at(next.start - 1), cycle);
            }
        }
    }

    #[test]
    fn the_anchor_is_a_busy_moment_whatever_its_second() {
        for second in 0..60 {
            for seed in 0..20 {
                let anchor = ANCHOR + second * 1000 + 999;
                let after = |place| {
                    let schedule = Schedule::new(seed, 1, anchor, place, 7);
                    schedule.times(0).trigger - anchor
                };
                for place in 0..3 {
                    assert!((19_000..=40_000).contains(&after(place)));
                }
                assert!((-100_000..=-30_000).contains(&after(3)));
                assert!((-290_000..=-220_000).contains(&after(4)));
            }
        }
    }

    #[test]
    fn a_whole_minute_opens_soon_after_the_first_triggers() {
        // 20 s of choice reach a moment 4 to 10 s before a full minute in one of three cases; else it is the nearest.
        let wait = |second: i64| {
            let trigger = soon_after(1, ANCHOR + second * 1000, 0);
            60 - trigger.rem_euclid(MINUTE_MS) / 1000
        };
        assert!((0..60).all(|second| (4..=52).contains(&wait(second))));
        assert!((0..60).filter(|&second| wait(second) <= 10).count() >= 20);
    }

    #[test]
    fn slots_are_shared_out_once() {
        let check = |count: usize, expected: &[i64]| {
            let slots: Vec<i64> = (0..count).map(|place| slot_of(place, count)).collect();
            assert_eq!(slots, expected, "{count} instruments");
        };
        check(7, &[0, 2, 4, -1, -2, 1, 3]);
        check(4, &[0, 1, 2, -1]);
        check(3, &[0, 1, 2]);
        check(2, &[0, 1]);
        check(1, &[0]);
    }

    #[test]
    fn few_instruments_still_meet_around_the_anchor() {
        for count in 1..=4 {
            for place in 0..count {
                let schedule = Schedule::new(3, 7, ANCHOR, place, count);
                let distance = schedule.times(0).trigger - ANCHOR;
                assert!((-100_000..=45_000).contains(&distance));
            }
        }
    }
}
