//! The same market seen in a mirror: every price is reflected at one level, bids become asks.

use engine::Output;
use market::{Alert, Direction, Ended, Event, Ohlc, PreviousClose, Price};
use market::{QuoteBar, Signal, Target, Tick, Time, Uuid};

/// Twice the level of the mirror: 1.0853.
const TWICE: Price = Price::from_units(2_170_600_000);

fn price(price: Price) -> Price {
    TWICE - price
}

fn bar(bar: &QuoteBar) -> QuoteBar {
    let side = |side: &Ohlc| Ohlc {
        open: price(side.open),
        high: price(side.low),
        low: price(side.high),
        close: price(side.close),
    };
    QuoteBar {
        bid: side(&bar.ask),
        ask: side(&bar.bid),
        ..bar.clone()
    }
}

pub(crate) fn event(event: &Event) -> Event {
    match event {
        Event::Tick(tick) => {
            let (bid, ask) = (price(tick.ask), price(tick.bid));
            Event::Tick(Tick {
                bid,
                ask,
                ..tick.clone()
            })
        }
        Event::Bar(bar) => Event::Bar(self::bar(bar)),
        Event::Past(bar) => Event::Past(self::bar(bar)),
        Event::PreviousClose(close) => Event::PreviousClose(PreviousClose {
            price: price(close.price),
            ..*close
        }),
        Event::Alert(alert) => {
            let target = |target: &Target| Target {
                price: price(target.price),
                ..*target
            };
            Event::Alert(Box::new(Alert {
                direction: alert.direction.opposite(),
                entry: alert.entry.map(price),
                stop: alert.stop.map(price),
                targets: alert.targets.iter().map(target).collect(),
                ..(**alert).clone()
            }))
        }
        other @ (Event::Gap(_)
        | Event::Life(_)
        | Event::Switch(..)
        | Event::Start
        | Event::Stop
        | Event::Wake) => other.clone(),
    }
}

/// Signals and outcomes without their ids, which tell directions apart, as lines in an order that is the same on both
/// sides.
pub(crate) fn lines(said: &[(Time, Output)], reflected: Reflected) -> Vec<String> {
    let level = |level: Price| match reflected {
        Reflected::No => level,
        Reflected::Yes => price(level),
    };
    let signal = |signal: &Signal| Signal {
        id: Uuid::nil(),
        direction: match reflected {
            Reflected::No => signal.direction,
            Reflected::Yes => signal.direction.opposite(),
        },
        entry: level(signal.entry),
        stop: level(signal.stop),
        targets: signal
            .targets
            .iter()
            .map(|target| Target {
                price: level(target.price),
                ..*target
            })
            .collect(),
        ..signal.clone()
    };
    let way = |end: Option<Ended>| {
        end.map_or_else(String::new, |end| {
            let Ended {
                best,
                worst,
                spread,
                held,
                ..
            } = end;
            format!(" {best} {worst} {spread} {held:?} {}", level(end.fill))
        })
    };
    let line = |(at, output): &(Time, Output)| match output {
        Output::Signal(one) => Some(format!("{at} {:?}", signal(one))),
        Output::Outcome(one) => Some(
            format!(
                "{at} {:?} {} {} {}",
                one.kind,
                level(one.price),
                one.r,
                one.last
            ) + &way(one.end),
        ),
        Output::Shadow(one) => Some(format!(
            "{at} {:?} {:?} {:?}{}",
            one.cause,
            one.kind,
            one.odds,
            way(one.end)
        )),
        Output::Price(_) | Output::Calibration(_) | Output::Answer(_) => None,
    };
    let mut lines: Vec<String> = said.iter().filter_map(line).collect();
    lines.sort();
    lines
}

/// Which side of the mirror it is.
#[derive(Clone, Copy)]
pub(crate) enum Reflected {
    No,
    Yes,
}

const _: () = assert!(Direction::Long.sign() == -Direction::Short.sign());
