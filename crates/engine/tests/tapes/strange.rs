//! What only sources and senders of the outside bring, as random moves: signs of life, changes of source, bars of the past,
//! alerts and verdicts.

use crate::driver::{Driver, Told};
use crate::moves::{Move, any_move};
use market::{Alert, Direction, Event, InstrumentId, Ohlc, PreviousClose, Price, QuoteBar};
use market::{SourceId, SourceTime, Span, Status, Target, Time, Timeframe, Uuid};
use proptest::prelude::*;

/// What only sources and senders of the outside bring.
#[derive(Clone, Debug)]
pub(crate) enum Strange {
    Life {
        after: u32,
        source: u8,
    },
    Switch {
        after: u32,
        source: u8,
    },
    /// A list of past minutes that ends some minutes ago.
    Past {
        after: u32,
        ago: u32,
        points: Vec<i64>,
    },
    PreviousClose {
        after: u32,
        hours: i64,
        points: i64,
    },
    Post(Post),
    /// The sender of the newest posted signal judges it.
    Verdict {
        after: u32,
        status: Status,
        dry_run: bool,
    },
}

/// An alert. Levels are points from the price.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    after: u32,
    id: u128,
    sender: bool,
    content: u128,
    status: Status,
    long: bool,
    entry: Option<i64>,
    stop: Option<i64>,
    targets: Vec<i64>,
    behind: Option<i64>,
    dry_run: bool,
}

fn any_post() -> impl Strategy<Value = Post> {
    let levels = (
        prop::option::of(-40_i64..40),
        prop::option::weighted(0.8, 45_i64..150),
        prop::collection::vec(-5_i64..250, 0..4),
    );
    let ids = (0_u128..8, any::<bool>(), 0_u128..3, any::<bool>());
    let status = prop::sample::select(vec![
        Status::Pending,
        Status::Pending,
        Status::Confirmed,
        Status::Invalidated,
    ]);
    let rest = (1_u32..20_000, status, prop::option::of(-400_i64..400));
    (ids, levels, rest, prop::bool::weighted(0.1)).prop_map(
        |(
            (id, sender, content, long),
            (entry, stop, mut targets),
            (after, status, behind),
            dry_run,
        )| {
            targets.sort_unstable();
            targets.dedup();
            Post {
                after,
                id,
                sender,
                content,
                status,
                long,
                entry,
                stop,
                targets,
                behind,
                dry_run,
            }
        },
    )
}

/// Everything that may happen.
pub(crate) fn any_event() -> impl Strategy<Value = Move> {
    let after = || 1_u32..20_000;
    let past = (after(), 0_u32..8, prop::collection::vec(-40_i64..40, 1..12));
    let strange = prop_oneof![
        2 => (after(), 0_u8..2).prop_map(|(after, source)| Strange::Life { after, source }),
        1 => (after(), 0_u8..2).prop_map(|(after, source)| Strange::Switch { after, source }),
        1 => past.prop_map(|(after, ago, points)| Strange::Past { after, ago, points }),
        1 => (after(), -30_i64..30, -40_i64..40)
            .prop_map(|(after, hours, points)| Strange::PreviousClose { after, hours, points }),
        4 => any_post().prop_map(Strange::Post),
        1 => (after(), any::<bool>(), prop::bool::weighted(0.1)).prop_map(|(after, confirmed, dry_run)| {
            let status = if confirmed { Status::Confirmed } else { Status::Invalidated };
            Strange::Verdict { after, status, dry_run }
        }),
    ];
    prop_oneof![4 => any_move(), 1 => strange.prop_map(Move::Strange)]
}

pub(crate) fn happen(driver: &mut Driver, mid: i64, strange: &Strange) {
    let now = driver.engine.now();
    let after = |millis: u32| now + Span::from_millis(i64::from(millis));
    let eurusd = InstrumentId(0);
    match strange {
        Strange::Life {
            after: millis,
            source,
        } => {
            driver.tell(after(*millis), Event::Life(SourceId(*source)));
        }
        Strange::Switch {
            after: millis,
            source,
        } => {
            driver.tell(after(*millis), Event::Switch(eurusd, SourceId(*source)));
        }
        Strange::Past {
            after: millis,
            ago,
            points,
        } => {
            let at = after(*millis);
            let end = at.as_source().floor(Span::from_minutes(1));
            for (place, by) in points.iter().enumerate() {
                let behind = points.len() - place + *ago as usize;
                let open_time = end - Span::from_minutes(behind as i64);
                driver.tell(at, Event::Past(past_bar(open_time, mid, *by)));
            }
        }
        Strange::PreviousClose {
            after: millis,
            hours,
            points,
        } => {
            let at = after(*millis);
            let close = PreviousClose {
                instrument: eurusd,
                price: Price::from_units((mid + points) * 10_000),
                time: at.as_source() - Span::from_hours(*hours),
            };
            driver.tell(at, Event::PreviousClose(close));
        }
        Strange::Verdict {
            after: millis,
            status,
            dry_run,
        } => {
            let posted = |told: &Told| match &told.event {
                Event::Alert(alert) => Some((**alert).clone()).filter(|alert| !alert.dry_run),
                Event::Tick(_)
                | Event::Bar(_)
                | Event::Past(_)
                | Event::PreviousClose(_)
                | Event::Gap(_)
                | Event::Life(_)
                | Event::Switch(..)
                | Event::Start
                | Event::Stop
                | Event::Wake
                | Event::Opinion(_) => None,
            };
            if let Some(alert) = driver.told.iter().rev().find_map(posted) {
                let verdict = Alert {
                    status: *status,
                    dry_run: *dry_run,
                    digest: Uuid::from_u128(7),
                    ..alert
                };
                driver.tell(after(*millis), Event::Alert(Box::new(verdict)));
            }
        }
        Strange::Post(post) => driver.tell(
            after(post.after),
            Event::Alert(Box::new(alert(now, mid, post))),
        ),
    }
}

fn past_bar(open_time: SourceTime, mid: i64, by: i64) -> QuoteBar {
    let side = |points: i64| Ohlc {
        open: Price::from_units((mid + points) * 10_000),
        high: Price::from_units((mid + points + by.max(0)) * 10_000),
        low: Price::from_units((mid + points + by.min(0)) * 10_000),
        close: Price::from_units((mid + points + by) * 10_000),
    };
    QuoteBar {
        instrument: InstrumentId(0),
        timeframe: Timeframe::M1,
        open_time,
        bid: side(-1),
        ask: side(1),
        volume: None,
    }
}

fn alert(now: Time, mid: i64, post: &Post) -> Alert {
    let sign = if post.long { 1 } else { -1 };
    let price = |points: i64| Price::from_units((mid + points * sign) * 10_000);
    let entry = post.entry.unwrap_or_default();
    let part = 100 / post.targets.len().max(1) as u8;
    let rest = 100 - part * post.targets.len().max(1) as u8;
    let target = |(place, points): (usize, &i64)| Target {
        price: price(entry + points),
        percent: if place == 0 { part + rest } else { part },
        runner: false,
    };
    Alert {
        sender: if post.sender { "bob" } else { "eve" }.to_owned(),
        id: Uuid::from_u128(post.id),
        digest: Uuid::from_u128(post.content),
        status: post.status,
        instrument: InstrumentId(0),
        direction: if post.long {
            Direction::Long
        } else {
            Direction::Short
        },
        entry_time: post
            .behind
            .map(|seconds| now.as_source() - Span::from_secs(seconds)),
        entry: post.entry.map(price),
        stop: post.stop.map(|points| price(entry - points)),
        targets: post.targets.iter().enumerate().map(target).collect(),
        reason: "because".to_owned(),
        confidence: None,
        killzone: None,
        timeframe: None,
        setup: "bot".to_owned(),
        dry_run: post.dry_run,
    }
}
