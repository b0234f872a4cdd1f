//! Random moves of a market and its connection, near the levels and deadlines where rules change their mind.

use crate::desk::settings;
use crate::driver::{Driver, Told};
use crate::mirror;
use crate::scene::{BACK, CONFIRM, LONG, TRIGGER};
use crate::strange::{Strange, happen};
use crate::tape::driver;
use engine::{Output, Settings};
use market::{Direction, Event, InstrumentId, Price, Signal, SourceId, Span, Status, Tick, Time};
use proptest::prelude::*;

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// Price moves some points, after some milliseconds.
    Walk {
        after: u32,
        points: i64,
    },
    /// Bid or ask comes to a level of the newest signal, or one point beside it.
    Touch {
        after: u32,
        level: usize,
        beside: i64,
    },
    /// A tick within a nanosecond of the newest signal's deadline.
    AtDeadline {
        beside: i64,
        points: i64,
    },
    /// A tick whose source time lies back.
    Late {
        after: u32,
        behind: u32,
        points: i64,
    },
    /// Another symbol of the source speaks.
    Other {
        after: u32,
    },
    /// The two prices draw apart or together: half of their distance, in points.
    Spread {
        half: i64,
    },
    Silence {
        seconds: u32,
    },
    Gap {
        after: u32,
    },
    /// The process is killed, and another starts.
    Kill {
        seconds: u32,
        gap: bool,
    },
    /// Another process takes over from a snapshot.
    Restart,
    Strange(Strange),
}

pub(crate) fn any_move() -> impl Strategy<Value = Move> {
    use Move::{AtDeadline, Gap, Kill, Late, Other, Restart, Silence, Spread, Touch, Walk};
    let after = || prop_oneof![3 => 1_u32..3_000, 2 => 3_000_u32..20_000];
    let points = || prop_oneof![4 => -15_i64..=15, 1 => -60_i64..=60];
    prop_oneof![
        24 => (after(), points()).prop_map(|(after, points)| Walk { after, points }),
        8 => (after(), 0_usize..5, -1_i64..=1).prop_map(|(after, level, beside)| Touch { after, level, beside }),
        1 => (-1_i64..=1, points()).prop_map(|(beside, points)| AtDeadline { beside, points }),
        2 => (after(), 1_u32..90_000, points()).prop_map(|(after, behind, points)| Late { after, behind, points }),
        3 => after().prop_map(|after| Other { after }),
        1 => prop_oneof![3 => Just(1_i64), 2 => 0_i64..12].prop_map(|half| Spread { half }),
        1 => (20_u32..320).prop_map(|seconds| Silence { seconds }),
        1 => after().prop_map(|after| Gap { after }),
        1 => (1_u32..400, any::<bool>()).prop_map(|(seconds, gap)| Kill { seconds, gap }),
        1 => Just(Restart),
    ]
}

/// Where a path begins, in either direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub direction: Direction,
    pub stage: Stage,
    pub heartbeats: bool,
}

/// How far the setup has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Armed,
    Pending,
    /// The minute that will confirm it runs.
    Confirming,
    Running,
}

impl Start {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for direction in [Direction::Long, Direction::Short] {
            for stage in [
                Stage::Armed,
                Stage::Pending,
                Stage::Confirming,
                Stage::Running,
            ] {
                all.extend([true, false].map(|heartbeats| Self {
                    direction,
                    stage,
                    heartbeats,
                }));
            }
        }
        all
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = settings();
        settings.catalog.sources[0].heartbeats = self.heartbeats;
        settings
    }

    pub(crate) fn driver(&self) -> Driver {
        let (confirming, rest) = CONFIRM.split_at(CONFIRM.find("11:06").unwrap());
        let story = match self.stage {
            Stage::Armed => [LONG, BACK, "", "", ""],
            Stage::Pending => [LONG, BACK, TRIGGER, "", ""],
            Stage::Confirming => [LONG, BACK, TRIGGER, confirming, ""],
            Stage::Running => [LONG, BACK, TRIGGER, confirming, rest],
        };
        let long = driver(self.settings(), &story.concat());
        match self.direction {
            Direction::Long => long,
            Direction::Short => {
                let mut short = Driver::new(self.settings());
                for Told { at, event, .. } in long.told {
                    short.handle(at, mirror::event(&event));
                }
                short
            }
        }
    }
}

/// The newest quote, in points. Both of its prices are as far from the middle, so that every middle is a whole one.
struct Quote {
    mid: i64,
    half: i64,
}

/// Walks a path, then lets time pass until nothing is open any more.
pub(crate) fn walk(mut driver: Driver, moves: &[Move]) -> Driver {
    let newest = driver.told.iter().rev().find_map(|told| match &told.event {
        Event::Tick(tick) => Some(tick.mid().units() / 10_000),
        Event::Bar(_)
        | Event::Past(_)
        | Event::PreviousClose(_)
        | Event::Gap(_)
        | Event::Life(_)
        | Event::Switch(..)
        | Event::Alert(_)
        | Event::Start
        | Event::Stop
        | Event::Wake => None,
    });
    let mut quote = Quote {
        mid: newest.unwrap_or_default(),
        half: 1,
    };
    for one in moves {
        step(&mut driver, &mut quote, one);
    }
    while driver.engine.open_signals() != (0, 0) {
        let wake = driver.engine.wake_at().expect("something is open");
        driver.wake_until(wake + Span::from_nanos(1));
    }
    driver
}

fn step(driver: &mut Driver, quote: &mut Quote, one: &Move) {
    let now = driver.engine.now();
    let after = |millis: u32| now + Span::from_millis(i64::from(millis));
    match *one {
        Move::Walk {
            after: millis,
            points,
        } => {
            quote.mid += points;
            tick(driver, after(millis), Span::ZERO, quote);
        }
        Move::Touch {
            after: millis,
            level,
            beside,
        } => {
            if let Some(signal) = newest(driver) {
                quote.mid = touch(&signal, level, quote.half) + beside;
            }
            tick(driver, after(millis), Span::ZERO, quote);
        }
        Move::AtDeadline { beside, points } => {
            let deadline = newest(driver).map(|signal| signal.decide_by + Span::from_nanos(beside));
            quote.mid += points;
            if let Some(at) = deadline.filter(|at| *at > now) {
                tick(driver, at, Span::ZERO, quote);
            }
        }
        Move::Late {
            after: millis,
            behind,
            points,
        } => {
            let (mid, half) = (quote.mid + points, quote.half);
            let behind = Span::from_millis(i64::from(behind));
            tick(driver, after(millis), behind, &Quote { mid, half });
        }
        Move::Other { after: millis } => {
            let time = after(millis).as_source();
            let price = |cents: i64| Price::from_units(130_000 * 10_000_000 + cents * 10_000_000);
            let (instrument, bid, ask) = (InstrumentId(1), price(0), price(30));
            let tick = Tick {
                instrument,
                bid,
                ask,
                volume: None,
                time,
                received: None,
            };
            driver.tell(after(millis), Event::Tick(tick));
        }
        Move::Spread { half } => quote.half = half,
        Move::Silence { seconds } => driver.tell(after(seconds * 1000), Event::Wake),
        Move::Gap { after: millis } => driver.tell(after(millis), Event::Gap(SourceId(0))),
        Move::Kill { seconds, gap } => {
            driver.kill();
            driver.start(after(seconds * 1000));
            if gap {
                driver.tell(after(seconds * 1000), Event::Gap(SourceId(0)));
            }
        }
        Move::Restart => driver.restart(),
        Move::Strange(ref strange) => happen(driver, quote.mid, strange),
    }
}

fn tick(driver: &mut Driver, at: Time, behind: Span, quote: &Quote) {
    let price = |points: i64| Price::from_units(points * 10_000);
    let (bid, ask) = (price(quote.mid - quote.half), price(quote.mid + quote.half));
    let time = at.as_source() - behind;
    let tick = Tick {
        instrument: InstrumentId(0),
        bid,
        ask,
        volume: None,
        time,
        received: None,
    };
    driver.tell(at, Event::Tick(tick));
}

/// The mid at which a side of the quote is just at a level: ask at the entry, or the exit's side at stop and targets.
fn touch(signal: &Signal, level: usize, half: i64) -> i64 {
    let points = |price: Price| price.units() / 10_000;
    let away = signal.direction.sign() * half;
    match level {
        0 => points(signal.entry) - away,
        1 => points(signal.stop) + away,
        level => points(signal.targets[(level - 2).min(signal.targets.len() - 1)].price) + away,
    }
}

/// The signal that was told last.
fn newest(driver: &Driver) -> Option<Signal> {
    driver
        .said
        .iter()
        .rev()
        .find_map(|(_, output)| match output {
            Output::Signal(signal) if signal.status != Status::Invalidated => {
                Some((**signal).clone())
            }
            Output::Signal(_)
            | Output::Outcome(_)
            | Output::Price(_)
            | Output::Shadow(_)
            | Output::Calibration(_)
            | Output::Answer(_) => None,
        })
}
